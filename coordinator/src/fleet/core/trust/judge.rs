//! What engines save and send, held against what their maps can give.

use std::collections::BTreeMap;

use bifrost_protocol::Packet;
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::{GroupName, HostId};
use bifrost_protocol::inter::{GuildStorageSave, MailSend, MailSent, MailTaken, Storage};
use bifrost_protocol::layout::StorageImage;
use bytes::Bytes;

use crate::bounds::{Finding, Grade, Saved};
use crate::fleet::command::Command;
use crate::fleet::core::Fleet;
use crate::fleet::{HostKind, LinkId};
use crate::guard::AcceptedSave;

/// 0x3818, which is shorter when there is no such guild.
const GUILD_STORAGE: u16 = 0x3818;

impl Fleet {
    /// What the char-server hands out.
    pub(in crate::fleet::core) fn handed_out(&mut self, packet: &Bytes) {
        let Some(bounds) = &mut self.trust.bounds else { return };
        match packet_id(packet) {
            Ok(Storage::ID) => {
                if let Ok(said) = Storage::decode(packet)
                    && said.loaded != 0
                {
                    bounds.loaded(said.account, said.kind, &said.image);
                }
            }
            Ok(GUILD_STORAGE) => {
                let guild =
                    packet.get(8..12).and_then(|bytes| bytes.first_chunk()).map(|bytes| i32::from_le_bytes(*bytes));
                let image = packet.get(13..).and_then(|bytes| StorageImage::from_bytes(bytes).ok());
                if let (Some(guild), Some(image)) = (guild, image) {
                    bounds.guild_loaded(guild, &image);
                }
            }
            Ok(MailTaken::ID) => {
                if let Ok(said) = MailTaken::decode(packet)
                    && let Some(group) = self.characters.get(&said.character).and_then(|of| self.sessions.get(of))
                {
                    let zeny = u32::try_from(said.zeny).unwrap_or_default();
                    bounds.received(&group.group, zeny, &said.items.0, self.now);
                }
            }
            Ok(MailSent::ID) => {
                if let Ok(MailSent { message }) = MailSent::decode(packet)
                    && message.id == 0
                    && let Some(group) = self.characters.get(&message.from).and_then(|of| self.sessions.get(of))
                {
                    bounds.received(&group.group, message.zeny, &message.items.0, self.now);
                }
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Judges what a save gives. `false`: it is not to be taken.
    pub(in crate::fleet::core) fn bounded(&mut self, link: LinkId, group: &GroupName, save: &AcceptedSave) -> bool {
        let now = self.now;
        let Some((host, judged)) = self.judged(link) else { return true };
        let Some(bounds) = &mut self.trust.bounds else { return true };
        let guild = save.parts.iter().find(|part| packet_id(part) == Ok(GuildStorageSave::ID));
        let guild = guild.and_then(|part| GuildStorageSave::decode(part).ok());
        let saved = Saved {
            character: save.character,
            image: &save.image,
            storages: &save.storages,
            guild: guild.as_ref().map(|guild| (guild.guild, &guild.image)),
        };
        if !judged {
            bounds.observe(group, &saved, now);
            return true;
        }
        let findings = bounds.saved(group, &host, &saved, now);
        self.found(findings)
    }

    /// Judges what an engine has forwarded beside saves. `false`: it is not to be.
    pub(in crate::fleet::core) fn forwarded_is_bounded(
        &mut self,
        link: LinkId,
        group: &GroupName,
        packet: &Bytes,
    ) -> bool {
        let now = self.now;
        let Some((host, true)) = self.judged(link) else { return true };
        let Some(bounds) = &mut self.trust.bounds else { return true };
        let findings = match packet_id(packet) {
            Ok(MailSend::ID) => {
                let Ok(MailSend { message, .. }) = MailSend::decode(packet) else { return true };
                bounds.sends(group, &host, message.from, (message.zeny, &message.items.0), now)
            }
            Ok(GuildStorageSave::ID) => {
                let Ok(said) = GuildStorageSave::decode(packet) else { return true };
                bounds.guild_saved(group, &host, (said.guild, &said.image), now)
            }
            Ok(_) | Err(_) => return true,
        };
        self.found(findings)
    }

    /// The host behind a connection, and whether it is judged: the operator's own are not.
    pub(super) fn judged(&self, link: LinkId) -> Option<(HostId, bool)> {
        let host = self.hosts.get(&link)?;
        Some((host.host.clone(), host.kind == HostKind::Player))
    }

    /// Counts findings, and does what follows. `false`: with enforcement, what they are about is not to be taken.
    pub(super) fn found(&mut self, findings: Vec<Finding>) -> bool {
        // However much one save holds, it is one violation.
        let mut violations: BTreeMap<HostId, (&'static str, Option<String>)> = BTreeMap::new();
        for finding in findings {
            let (host, grave) = (finding.host.clone(), finding.grade == Grade::Grave);
            let period = self.trust.periods.get_mut(&finding.group).filter(|period| period.host == host);
            match period {
                _ if grave => {
                    violations.insert(host, (finding.rule, Some(finding.to_string())));
                }
                Some(period) if period.audited => period.finds(finding.rule),
                // Not audited: passed over.
                Some(_) => continue,
                None => {
                    violations.entry(host).or_insert((finding.rule, None));
                }
            }
            self.command(Command::Found(Box::new(finding)));
        }
        let grave = violations.values().any(|(_, problem)| problem.is_some());
        for (host, (rule, problem)) in violations {
            // What there was against it until now is part of it.
            self.trust.periods.retain(|_, period| period.host != host);
            self.violated(&host, rule);
            match problem.filter(|_| self.trust.enforce) {
                Some(problem) => self.evict(&host, &problem),
                None => self.leave_if_quarantined(&host),
            }
        }
        !(grave && self.trust.enforce)
    }
}
