//! Script variables of accounts and characters (`inter.cpp`, `inter_savereg`, `inter_accreg_fromsql`).

use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter as wire;
use bifrost_protocol::inter::{
    Counted, RegistryChange, RegistryKey, RegistryNumberEntry, RegistryPage, RegistryText, RegistryTextEntry,
    RegistryUpdate, RegistryValues,
};

use super::{Answers, Link, Trouble};
use crate::store::{RegistryEntry, RegistryScope, RegistryValue};

/// Most values on one page of 0x3804: an entry has at most 294 bytes, and the page has to stay below 64 KiB.
const PAGE_ENTRIES: usize = 200;

/// `complete` of every page but the last of a scope.
const MORE: u8 = 0;

impl Link<'_> {
    /// 0x3004 (`mapif_parse_Registry`).
    pub(super) async fn save_registry(&mut self, save: wire::RegistrySave) -> Result<Answers, Trouble> {
        if self.belongs(save.account, save.character).await? {
            let changes: Vec<_> =
                save.changes.0.into_iter().map(|change| stored(save.account, save.character, change)).collect();
            let store = &self.context.store;
            self.insist(|| store.save_registry(&changes)).await?;
        }
        Ok(Vec::new())
    }

    /// 0x3005 (`mapif_parse_RegistryRequest`): the character's values, its account's, then those over all realms.
    pub(super) async fn registry(&mut self, request: &wire::RegistryRequest) -> Result<Answers, Trouble> {
        let (account, character) = (request.account, request.character);
        if !self.belongs(account, character).await? {
            return Ok(Vec::new());
        }
        let wanted = [
            (request.of_character, RegistryScope::Character, character.0),
            (request.local, RegistryScope::Account, account.0),
            (request.global, RegistryScope::Global, account.0),
        ];
        let mut answers = Vec::new();
        for (_, scope, owner) in wanted.into_iter().filter(|(flag, ..)| *flag != 0) {
            let store = &self.context.store;
            let entries = self.insist(|| store.registry(scope, owner)).await?.unwrap_or_default();
            let pages = pages(scope, entries).into_iter();
            answers.extend(pages.map(|page| wire::Registry { account, character, page }.into()));
        }
        Ok(answers)
    }
}

/// Whose value it is, by its name. A number that becomes 0 is removed, as everywhere in scripts 0 means unset.
fn stored(account: AccountId, character: CharacterId, change: RegistryChange) -> (RegistryScope, u32, RegistryEntry) {
    let name = change.key.as_bytes().to_vec();
    let (scope, owner) = match name.as_slice() {
        [b'#', b'#', ..] => (RegistryScope::Global, account.0),
        [b'#', ..] => (RegistryScope::Account, account.0),
        _ => (RegistryScope::Character, character.0),
    };
    let value = match change.value {
        RegistryUpdate::Number(0) | RegistryUpdate::NumberGone | RegistryUpdate::TextGone => None,
        RegistryUpdate::Number(number) => Some(RegistryValue::Number(number)),
        RegistryUpdate::Text(text) => Some(RegistryValue::Text(text.as_bytes().to_vec())),
    };
    (scope, owner, RegistryEntry { name, index: change.index, value })
}

/// Texts, then numbers; at least one page of each, and the last one says which scope it ends.
fn pages(scope: RegistryScope, entries: Vec<RegistryEntry>) -> Vec<RegistryPage> {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for RegistryEntry { name, index, value } in entries {
        let Ok(key) = RegistryKey::new(name) else { continue };
        match value {
            Some(RegistryValue::Number(value)) => numbers.push(RegistryNumberEntry { key, index, value }),
            Some(RegistryValue::Text(text)) => {
                texts.extend(RegistryText::new(text).map(|value| RegistryTextEntry { key, index, value }));
            }
            None => {}
        }
    }
    let page = |values| RegistryPage { complete: MORE, values };
    let texts = chunks(texts).map(|texts| page(RegistryValues::Texts(Counted(texts))));
    let numbers = chunks(numbers).map(|numbers| page(RegistryValues::Numbers(Counted(numbers))));
    let mut pages: Vec<RegistryPage> = texts.chain(numbers).collect();
    if let Some(last) = pages.last_mut() {
        last.complete = scope as u8;
    }
    pages
}

/// Pieces of at most [`PAGE_ENTRIES`], at least one.
fn chunks<T>(mut entries: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut first = true;
    std::iter::from_fn(move || {
        let more = std::mem::take(&mut first) || !entries.is_empty();
        more.then(|| entries.drain(..entries.len().min(PAGE_ENTRIES)).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(index: u32) -> RegistryEntry {
        RegistryEntry { name: b"points".to_vec(), index, value: Some(RegistryValue::Number(1)) }
    }

    #[test]
    fn an_empty_registry_has_a_page_of_texts_and_one_of_numbers() {
        let shape = |pages: Vec<RegistryPage>| -> Vec<(u8, bool)> {
            pages.iter().map(|page| (page.complete, matches!(page.values, RegistryValues::Texts(_)))).collect()
        };
        assert_eq!(shape(pages(RegistryScope::Character, Vec::new())), [(0, true), (3, false)]);
        let many = (0..450).map(number).collect();
        assert_eq!(shape(pages(RegistryScope::Account, many)), [(0, true), (0, false), (0, false), (2, false)]);
    }

    #[test]
    fn the_name_says_whose_a_variable_is() {
        let scope = |name: &str, value| {
            let change = RegistryChange { key: RegistryKey::new(name).expect("fits"), index: 0, value };
            let (scope, owner, entry) = stored(AccountId(1), CharacterId(2), change);
            (scope, owner, entry.value.is_some())
        };
        assert_eq!(scope("##CASH", RegistryUpdate::Number(5)), (RegistryScope::Global, 1, true));
        assert_eq!(scope("#KAFRA", RegistryUpdate::Number(0)), (RegistryScope::Account, 1, false));
        assert_eq!(scope("note$", RegistryUpdate::TextGone), (RegistryScope::Character, 2, false));
    }
}
