//! Mail: the char-server reads, deletes and makes whatever mail it is told to (`int_mail.cpp`).

use bifrost_protocol::Packet;
use bifrost_protocol::ids::CharacterId;
use bifrost_protocol::inter::{
    MailDelete, MailMessage, MailRead, MailReceiver, MailRequest, MailReturn, MailSend, MailTake,
};

use super::asked::Asked;
use super::ruling::{Verdict, demand, insist};
use super::{Ruling, items, knowledge, text};

/// `MAX_ZENY`.
const MAX_ZENY: u32 = i32::MAX.cast_unsigned();

/// Demands that the mail lies in the character's inbox, as the char-server last sent it.
fn owned(asked: &Asked<'_>, mail: i32, character: CharacterId) -> Verdict<()> {
    let owner = asked.guard.knowledge.belongings.mail_owner(mail);
    demand(owner == Some(character), "mail", || format!("mail {mail} is not in the inbox of character {character}"))
}

/// 0x3048.
pub(super) fn request(asked: &mut Asked<'_>) -> Verdict {
    let said: MailRequest = asked.read()?;
    insist(said.kind <= 2, "mail_kind", || format!("inbox {}", said.kind))?;
    asked.character(said.character)?;
    asked.forward()
}

/// 0x3049: mail of somebody here.
pub(super) fn read(asked: &mut Asked<'_>) -> Verdict {
    let said: MailRead = asked.read()?;
    let owner = asked.guard.knowledge.belongings.mail_owner(said.mail);
    let here = owner.is_some_and(|owner| asked.character(owner).is_ok());
    demand(here, "mail", || format!("mail {} is in no inbox here", said.mail))?;
    asked.forward()
}

/// 0x304a.
pub(super) fn take(asked: &mut Asked<'_>) -> Verdict {
    let said: MailTake = asked.read()?;
    asked.character(said.character)?;
    owned(asked, said.mail, said.character)?;
    insist(said.what & !3 == 0, "mail_attachment", || format!("takes {}", said.what))?;
    asked.forward()
}

/// 0x304b.
pub(super) fn delete(asked: &mut Asked<'_>) -> Verdict {
    let said: MailDelete = asked.read()?;
    asked.character(said.character)?;
    owned(asked, said.mail, said.character)?;
    asked.forward()
}

/// 0x304c.
pub(super) fn give_back(asked: &mut Asked<'_>) -> Verdict {
    let said: MailReturn = asked.read()?;
    asked.character(said.character)?;
    owned(asked, said.mail, said.character)?;
    asked.forward()
}

/// 0x304d: from a player here, in its own name, with nothing behind the texts. Whether it had the zeny and items is a
/// question of what a host may gain, as with everything a save says.
pub(super) fn send(asked: &mut Asked<'_>) -> Verdict {
    let said: MailSend = asked.read()?;
    let subject = asked.pair(said.account, said.message.from)?;
    let message = said.message;
    text::named(&message.to_name)?;
    text::terminated(&message.title)?;
    text::terminated(&message.body)?;
    demand(message.zeny <= MAX_ZENY, "zeny", || format!("{} zeny", message.zeny))?;
    for item in message.items.0.iter().filter(|item| item.kind != 0) {
        items::plain(item)?;
        demand(item.equip == 0 && item.equip_switch == 0, "item_equip", || format!("item {} is worn", item.kind))?;
    }
    let message = MailMessage {
        id: 0,
        from: subject.character,
        from_name: subject.name,
        to_name: text::clean(&message.to_name),
        title: text::clean(&message.title),
        body: text::clean(&message.body),
        kind: 0,
        status: 0,
        ..message
    };
    for egg in knowledge::eggs(&message.items.0).collect::<Vec<_>>() {
        if asked.guard.knowledge.belongings.owner(egg) == Some(subject.character) {
            asked.knowledge().belongings.remove(egg);
        }
    }
    Ok(Ruling::forward(MailSend { account: said.account, message }.encode()))
}

/// 0x304e.
pub(super) fn receiver(asked: &mut Asked<'_>) -> Verdict {
    let said: MailReceiver = asked.read()?;
    asked.character(said.character)?;
    text::named(&said.name)?;
    asked.forward()
}
