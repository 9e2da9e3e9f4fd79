//! A player: what the char-server gave, what changes of it, and the packets that save it (`chrif_save`).

use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{
    BonusSave, ChangeServer, Counted, Save, StatusSave, StorageKind, StorageRequest, StorageSave,
};
use bifrost_protocol::layout::{CharacterImage, Point, StorageImage};
use bifrost_protocol::{FixedText, Ipv4Be, List, Packet, PortBe, Secret};
use bytes::Bytes;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Bytes in front of the character in 0x2b01.
const IMAGE_AT: usize = 13;

/// How far a player is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// 0x2b26 is asked.
    Asking,
    /// The character is there, its storages are not yet.
    Loading,
    /// All is there.
    Here,
    /// It is saved for the last time and waits for 0x2b21.
    Leaving,
    /// It waits for 0x2b06.
    Changing,
}

/// A player.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) client: u64,
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) login_id1: u32,
    pub(super) login_id2: u32,
    pub(super) sex: u8,
    pub(super) group: u32,
    pub(super) stage: Stage,
    /// Whether its client waits to hear the time.
    pub(super) asked_time: bool,
    pub(super) image: CharacterImage,
    storages: [Option<StorageImage>; 2],
    loaded: u8,
}

/// How a save is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// In between.
    Regular,
    /// It quits the game.
    Quit,
    /// It goes to another map-server.
    Change,
}

impl Player {
    /// One who has just come.
    pub(super) fn new(client: u64, account: AccountId, character: CharacterId, login_id1: u32, sex: u8) -> Self {
        Self {
            client,
            account,
            character,
            login_id1,
            login_id2: 0,
            sex,
            group: 0,
            stage: Stage::Asking,
            asked_time: false,
            image: CharacterImage::zeroed(),
            storages: [None, None],
            loaded: 0,
        }
    }

    /// Where it is.
    pub(super) fn at(&self) -> (String, u16, u16) {
        let point = self.image.view().last_point;
        (point.map.to_text(), point.x, point.y)
    }

    /// Puts it somewhere.
    pub(super) fn put(&mut self, map: &str, x: u16, y: u16) {
        self.image.set_last_point(Point { map: FixedText::new(map), x, y });
    }

    /// A storage has come. Whether it was the last of the three.
    pub(super) fn take_storage(&mut self, kind: StorageKind, image: StorageImage) -> bool {
        match kind {
            StorageKind::INVENTORY => self.storages[0] = Some(image),
            StorageKind::CART => self.storages[1] = Some(image),
            _ => {}
        }
        self.loaded += 1;
        self.loaded == 3
    }

    /// 0x308a for storage, cart and inventory, in the order of a stock server.
    pub(super) fn storage_requests(&self) -> impl Iterator<Item = Bytes> {
        let (account, character) = (self.account, self.character);
        [StorageKind::STORAGE, StorageKind::CART, StorageKind::INVENTORY]
            .map(move |kind| StorageRequest { kind, account, character, storage: 0, mode: 3 }.encode())
            .into_iter()
    }

    /// The packets of a save, in the order of a stock server.
    pub(super) fn save(&self, kind: Kind) -> Vec<Bytes> {
        let (account, character) = (self.account, self.character);
        let mut packets = Vec::new();
        if kind != Kind::Regular {
            packets.push(StatusSave { account, character, changes: Counted(Vec::new()) }.encode());
        }
        packets.push(BonusSave { character, count: 0, scripts: List(Vec::new()) }.encode());
        for (storage, of) in self.storages.iter().zip([StorageKind::INVENTORY, StorageKind::CART]) {
            if let Some(image) = storage {
                packets.push(StorageSave { kind: of, account, character, image: image.clone() }.encode());
            }
        }
        let last = u8::from(kind == Kind::Quit);
        packets.push(Save { account, character, last, image: self.image.clone() }.encode());
        packets
    }

    /// 0x2b05.
    pub(super) fn change(&self, server: SocketAddrV4) -> Bytes {
        let (map, x, y) = self.at();
        let packet = ChangeServer {
            account: self.account,
            login_id1: Secret::new(self.login_id1),
            login_id2: Secret::new(self.login_id2),
            character: self.character,
            map: FixedText::new(map),
            x,
            y,
            ip: Ipv4Be(*server.ip()),
            port: PortBe(server.port()),
            sex: self.sex,
            client_ip: Ipv4Be(Ipv4Addr::LOCALHOST),
            group: self.group,
        };
        packet.encode()
    }
}

/// The same save of somebody else's character.
pub(super) fn foreign(packets: &[Bytes]) -> Vec<Bytes> {
    let other = |packet: &Bytes| {
        let mut packet = packet.to_vec();
        // The ids of 0x2b01 and of the struct in it.
        if packet.starts_with(&[0x01, 0x2b]) {
            for at in [4, 8, IMAGE_AT, IMAGE_AT + 4] {
                packet[at] ^= 1;
            }
        }
        Bytes::from(packet)
    };
    packets.iter().filter(|packet| packet.starts_with(&[0x01, 0x2b])).map(other).collect()
}

/// The same save with a character that is 8 bytes shorter.
pub(super) fn shorter(packets: Vec<Bytes>) -> Vec<Bytes> {
    let cut = |packet: Bytes| {
        if !packet.starts_with(&[0x01, 0x2b]) {
            return packet;
        }
        let mut packet = packet[..packet.len() - 8].to_vec();
        let len = u16::try_from(packet.len()).unwrap_or(u16::MAX).to_le_bytes();
        packet[2..4].copy_from_slice(&len);
        packet.into()
    };
    packets.into_iter().map(cut).collect()
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::frame::packet_id;

    use super::*;

    fn ids(packets: &[Bytes]) -> Vec<u16> {
        packets.iter().map(|packet| packet_id(packet).expect("an id")).collect()
    }

    #[test]
    fn saves_are_in_the_order_of_a_stock_server() {
        let mut player = Player::new(1, AccountId(2_000_001), CharacterId(150_001), 7, 1);
        assert_eq!(ids(&player.save(Kind::Regular)), [0x2b2e, 0x2b01]);
        for kind in [StorageKind::STORAGE, StorageKind::CART] {
            assert!(!player.take_storage(kind, StorageImage::zeroed()));
        }
        assert!(player.take_storage(StorageKind::INVENTORY, StorageImage::zeroed()));
        let quit = player.save(Kind::Quit);
        assert_eq!(ids(&quit), [0x2b1c, 0x2b2e, 0x308b, 0x308b, 0x2b01]);
        assert_eq!(
            (quit[4][12], quit.iter().map(Bytes::len).collect::<Vec<_>>()),
            (1, vec![14, 9, 46_237, 46_237, 8_869])
        );
        assert_eq!(player.save(Kind::Change)[4][12], 0);
    }

    #[test]
    fn lies_are_what_they_say() {
        let player = Player::new(1, AccountId(2_000_000), CharacterId(150_000), 7, 1);
        let honest = player.save(Kind::Regular);
        let foreign = foreign(&honest);
        assert_eq!(Save::decode(&foreign[0]).map(|save| (save.account.0, save.character.0)), Ok((2_000_001, 150_001)));
        assert_eq!(shorter(honest)[1].len(), 8_861);
    }
}
