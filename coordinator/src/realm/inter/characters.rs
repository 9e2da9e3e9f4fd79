//! What is saved of characters: their status, effects, cooldowns and bonus scripts.

use bifrost_protocol::ids::CharacterId;
use bifrost_protocol::inter as wire;
use bifrost_protocol::inter::{BonusScript, Counted, SkillCooldown, StatusChange};
use bifrost_protocol::layout::CharacterImage;
use bifrost_protocol::{List, Reader, WireRead, WireWrite, Writer};

use super::{Answers, Link, Trouble};
use crate::store::Belonging;

/// Most status effects loaded back (`chmapif_parse_askscdata`).
const MAX_STATUSES: usize = 50;

/// Most cooldowns (`MAX_SKILLCOOLDOWN`).
const MAX_COOLDOWNS: usize = 20;

/// Most bonus scripts (`MAX_PC_BONUS_SCRIPT`).
const MAX_BONUSES: usize = 50;

impl Link<'_> {
    /// 0x2b01 (`chmapif_parse_reqsavechar`). 0x2b21 follows a last save once it is durable.
    pub(super) async fn save(&mut self, save: wire::Save) -> Result<Answers, Trouble> {
        let (account, character) = (save.account, save.character);
        if self.belongs(account, character).await? {
            self.keep(&save).await?;
        }
        if save.last == 0 {
            return Ok(Vec::new());
        }
        self.context.board.note(|state| state.went_offline(self.server, account, character));
        Ok(vec![wire::Saved { account, character }.into()])
    }

    /// Name, sex and slot are not a map-server's to change (`char_mmo_char_tosql` does not write them either), nor is whose
    /// character it is.
    async fn keep(&mut self, save: &wire::Save) -> Result<(), Trouble> {
        let (account, character) = (save.account, save.character);
        let view = save.image.view();
        if view.character != character || view.account != account {
            tracing::warn!(server = self.server.0, %character, "save refused: it is of another character");
            return Ok(());
        }
        let store = &self.context.store;
        self.insist(|| async {
            let Some(kept) = store.character(character).await? else { return Ok(()) };
            let mut image = save.image.clone();
            if let Ok(kept) = CharacterImage::from_bytes(&kept.image).map(|kept| kept.view()) {
                image.set_name(kept.name);
                image.set_slot(kept.slot);
                image.set_sex(kept.sex);
                image.set_unban_time(kept.unban_time);
            }
            store.save_character(account, character, image.as_bytes()).await.map(drop)
        })
        .await?;
        Ok(())
    }

    /// 0x2afc (`chmapif_parse_askscdata`).
    pub(super) async fn statuses(&mut self, request: &wire::StatusRequest) -> Result<Answers, Trouble> {
        let (account, character) = (request.account, request.character);
        let changes: Vec<StatusChange> = match self.belongs(account, character).await? {
            true => self.records(Belonging::StatusChanges, character).await?,
            false => Vec::new(),
        };
        Ok(vec![wire::Status { account, character, changes: Counted(changes) }.into()])
    }

    /// 0x2b1c (`chmapif_parse_save_scdata`).
    pub(super) async fn save_statuses(&mut self, mut save: wire::StatusSave) -> Result<Answers, Trouble> {
        save.changes.0.truncate(MAX_STATUSES);
        if self.belongs(save.account, save.character).await? {
            self.keep_records(Belonging::StatusChanges, save.character, &save.changes.0).await?;
        }
        Ok(Vec::new())
    }

    /// 0x2b0a (`chmapif_parse_req_skillcooldown`): given once.
    pub(super) async fn cooldowns(&mut self, request: &wire::CooldownRequest) -> Result<Answers, Trouble> {
        let (account, character) = (request.account, request.character);
        if !self.belongs(account, character).await? {
            return Ok(Vec::new());
        }
        let cooldowns: Vec<SkillCooldown> = self.records(Belonging::Cooldowns, character).await?;
        if cooldowns.is_empty() {
            return Ok(Vec::new());
        }
        self.keep_records::<SkillCooldown>(Belonging::Cooldowns, character, &[]).await?;
        Ok(vec![wire::Cooldowns { account, character, cooldowns: Counted(cooldowns) }.into()])
    }

    /// 0x2b15 (`chmapif_parse_req_saveskillcooldown`).
    pub(super) async fn save_cooldowns(&mut self, mut save: wire::CooldownSave) -> Result<Answers, Trouble> {
        save.cooldowns.0.truncate(MAX_COOLDOWNS);
        if self.belongs(save.account, save.character).await? {
            self.keep_records(Belonging::Cooldowns, save.character, &save.cooldowns.0).await?;
        }
        Ok(Vec::new())
    }

    /// 0x2b2d (`chmapif_bonus_script_get`): given once.
    pub(super) async fn bonuses(&mut self, request: &wire::BonusRequest) -> Result<Answers, Trouble> {
        let character = request.character;
        let scripts: Vec<BonusScript> = self.records(Belonging::BonusScripts, character).await?;
        if scripts.is_empty() {
            return Ok(Vec::new());
        }
        self.keep_records::<BonusScript>(Belonging::BonusScripts, character, &[]).await?;
        let count = u8::try_from(scripts.len()).unwrap_or(u8::MAX);
        Ok(vec![wire::Bonuses { character, count, scripts: List(scripts) }.into()])
    }

    /// 0x2b2e (`chmapif_bonus_script_save`). Its count is what holds: more room than that may follow.
    pub(super) async fn save_bonuses(&mut self, mut save: wire::BonusSave) -> Result<Answers, Trouble> {
        save.scripts.0.truncate(usize::from(save.count).min(MAX_BONUSES));
        if self.owned(save.character).await?.is_some() {
            self.keep_records(Belonging::BonusScripts, save.character, &save.scripts.0).await?;
        }
        Ok(Vec::new())
    }

    async fn records<T: WireRead>(&self, kind: Belonging, character: CharacterId) -> Result<Vec<T>, Trouble> {
        let store = &self.context.store;
        let body = self.insist(|| store.belonging(kind, character)).await?.unwrap_or_default();
        let records = List::read(&mut Reader::new(&body), "records");
        let records = records.inspect_err(|error| tracing::error!(%character, ?kind, %error, "stored data is damaged"));
        Ok(records.map_or_else(|_| Vec::new(), |records| records.0))
    }

    async fn keep_records<T: WireWrite>(
        &self,
        kind: Belonging,
        character: CharacterId,
        records: &[T],
    ) -> Result<(), Trouble> {
        let mut writer = Writer::default();
        records.iter().for_each(|record| record.write(&mut writer));
        self.keep_belonging(kind, character, &writer.finish()).await
    }

    pub(super) async fn keep_belonging(
        &self,
        kind: Belonging,
        character: CharacterId,
        body: &[u8],
    ) -> Result<(), Trouble> {
        let store = &self.context.store;
        self.insist(|| store.save_belonging(kind, character, body)).await.map(drop)
    }
}
