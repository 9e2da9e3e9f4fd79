//! What scripts put on maps that gives something: monsters, shops, scripts, flags that take gain away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bifrost_protocol::ids::MapName;

use super::super::conf::Setting;
use super::super::npcs;
use super::super::problem::{Note, RathenaError};
use super::super::script::{self, Kind};
use super::gives::{Gives, gives};

/// Monsters that come back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Spawn {
    /// Number or name.
    pub(super) monster: String,
    /// How many.
    pub(super) amount: u32,
    /// Milliseconds until one comes back; none: not said.
    pub(super) delay: Option<u32>,
    /// The NPC that an event of each death is for.
    pub(super) event: Option<String>,
}

/// A shop as it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stock {
    /// `shop`, `cashshop`, `itemshop`, `pointshop` or `marketshop`.
    pub(super) kind: String,
    /// The last column.
    pub(super) text: String,
}

/// A script and where it stands; none: nowhere.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) map: Option<MapName>,
    pub(super) name: String,
    pub(super) gives: Gives,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) spawns: BTreeMap<MapName, Vec<Spawn>>,
    /// Flags that are set, and their number.
    pub(super) flags: BTreeMap<MapName, BTreeMap<String, Option<u32>>>,
    /// Shops by name.
    pub(super) shops: BTreeMap<String, Stock>,
    /// Where shops stand: maps and names.
    pub(super) stands: BTreeSet<(MapName, String)>,
    pub(super) scripts: Vec<Script>,
    /// Functions by name.
    pub(super) functions: BTreeMap<String, Gives>,
    /// Where duplicates stand, by the name of what they are of.
    pub(super) duplicates: BTreeMap<String, BTreeSet<MapName>>,
}

/// Reads the scripts that the map-server loads.
pub(super) fn read(
    root: &Path,
    configured: &[Setting],
    renewal: bool,
    notes: &mut Vec<Note>,
) -> Result<Places, RathenaError> {
    let mut places = Places::default();
    npcs::each(root, configured, renewal, notes, |file, bytes, notes| {
        let (statements, broken) = script::statements(bytes);
        if let Some(broken) = broken {
            notes.push(Note::general(format!("{file}:{}: {}; read only up to here", broken.line, broken.problem)));
        }
        let count = statements.len();
        statements.into_iter().for_each(|statement| places.add(statement.kind, bytes));
        count
    })?;
    Ok(places)
}

impl Places {
    pub(super) fn add(&mut self, kind: Kind, bytes: &[u8]) {
        match kind {
            Kind::Npc { map, name, body } => {
                let gives = gives(bytes.get(body).unwrap_or_default());
                self.scripts.push(Script { map, name, gives });
            }
            Kind::Function { name, body } => {
                self.functions.insert(name, gives(bytes.get(body).unwrap_or_default()));
            }
            Kind::Duplicate { map, of, .. } => {
                self.duplicates.entry(of).or_default().extend(map);
            }
            Kind::Spawn { map, amount, event, monster, delay } => {
                let event = event.and_then(|event| event.split("::").next().map(str::to_owned));
                self.spawns.entry(map).or_default().push(Spawn { monster, amount, delay, event });
            }
            Kind::Flag { map, flag, on: true, value } => {
                self.flags.entry(map).or_default().insert(flag, value);
            }
            Kind::Flag { map, flag, on: false, .. } => {
                self.flags.entry(map).or_default().remove(&flag);
            }
            Kind::Shop { map, name, kind, stock } => {
                self.stands.extend(map.map(|map| (map, name.clone())));
                self.shops.insert(name, Stock { kind, text: stock });
            }
            Kind::Warp { .. } | Kind::Other { .. } => {}
        }
    }

    /// Where a script runs: where it and its duplicates stand.
    pub(super) fn homes<'a>(&'a self, script: &'a Script) -> impl Iterator<Item = &'a MapName> {
        self.duplicates.get(&script.name).into_iter().flatten().chain(&script.map)
    }

    /// The shops that stand on a map, their copies included.
    pub(super) fn shops_on<'a>(&'a self, map: &MapName) -> impl Iterator<Item = &'a Stock> {
        let own = self.stands.iter().filter(move |(at, _)| at == map).map(|(_, name)| name);
        let copied = self.duplicates.iter().filter(move |(_, maps)| maps.contains(map)).map(|(of, _)| of);
        own.chain(copied).filter_map(|name| self.shops.get(name))
    }

    /// What a body gives with all functions it calls, and with scripts that stand nowhere whose events it runs.
    pub(super) fn total(&self, gives: &Gives) -> Gives {
        let mut total = gives.clone();
        take_given(&mut total, gives, gives.calls.get(""));
        let (mut known, mut waiting) = (BTreeSet::new(), vec![gives]);
        while let Some(caller) = waiting.pop() {
            for (name, given) in &caller.calls {
                let Some((name, function)) = self.functions.get_key_value(name) else { continue };
                // Each call gives something else.
                take_given(&mut total, function, Some(given));
                if known.insert(name.as_str()) {
                    total.join(function);
                    total.texts.extend(function.texts.iter().cloned());
                    take_given(&mut total, function, function.calls.get(""));
                    waiting.push(function);
                }
            }
            for npc in caller.texts.iter().filter_map(|text| text.split_once("::")).map(|(npc, _)| npc) {
                let nowhere = self.scripts.iter().find(|script| script.map.is_none() && script.name == npc);
                if let Some(script) = nowhere.filter(|script| known.insert(script.name.as_str())) {
                    total.join(&script.gives);
                    take_given(&mut total, &script.gives, script.gives.calls.get(""));
                    waiting.push(&script.gives);
                }
            }
        }
        total
    }
}

/// What a body that gives what its caller names gives, when it is called so. Without a call it gives nothing.
fn take_given(total: &mut Gives, body: &Gives, given: Option<&Option<BTreeSet<String>>>) {
    if !body.from_caller {
        return;
    }
    match given {
        Some(Some(values)) => total.items.extend(values.iter().cloned()),
        Some(None) => total.unclear = true,
        None => {}
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Places from the text of a script file.
    pub(in super::super) fn places(text: &str) -> Places {
        let mut places = Places::default();
        let (statements, broken) = script::statements(text.as_bytes());
        assert_eq!(broken, None);
        statements.into_iter().for_each(|statement| places.add(statement.kind, text.as_bytes()));
        places
    }

    fn total(text: &str) -> Gives {
        let places = places(text);
        places.total(&places.scripts[0].gives)
    }

    #[test]
    fn functions_give_what_their_callers_name() {
        let text = "a,1,1,1\tscript\tA\t1,{ callfunc \"F_One\",501; callfunc(\"F_Two\"); }\n\
            function\tscript\tF_One\t{ getitem getarg(0),1; getitem 502,1; }\n\
            function\tscript\tF_Two\t{ callfunc \"F_One\",503; callfunc \"F_Two\"; zeny += 5; }\n\
            function\tscript\tF_No\t{ getitem 504,1; }\n";
        let total = total(text);
        assert_eq!(total.items.iter().map(String::as_str).collect::<Vec<_>>(), ["501", "502", "503"]);
        assert!(total.zeny && !total.unclear);
    }

    #[test]
    fn what_a_caller_computes_is_unclear() {
        let text =
            "a,1,1,1\tscript\tA\t1,{ callfunc \"F_One\",.@x; }\nfunction\tscript\tF_One\t{ getitem getarg(0),1; }\n";
        assert!(total(text).unclear);
        let sub = "a,1,1,1\tscript\tA\t1,{ callsub S_A,501; end; S_A: getitem getarg(0),1; }\n";
        let found = total(sub);
        assert!(found.items.contains("501") && !found.unclear);
    }

    #[test]
    fn events_run_scripts_that_stand_nowhere() {
        let text = "a,1,1,1\tscript\tA\t1,{ doevent \"B::OnGo\"; doevent \"C::OnGo\"; }\n-\tscript\tB\t-1,{ getitem 501,1; }\n\
            b,1,1,1\tscript\tC\t1,{ getitem 502,1; }\n";
        assert_eq!(total(text).items, BTreeSet::from(["501".to_owned()]), "C's own map has what C gives");
    }

    #[test]
    fn copies_of_shops_sell_the_same() {
        let places =
            places("a,1,1,1\tshop\tTool\t1,501:-1\nb,1,1,1\tduplicate(Tool)\tTool#2\t1\n-\tshop\tHidden\t-1,502:5\n");
        let on = |map: &str| {
            let map = MapName::new(map).expect("legal");
            places.shops_on(&map).map(|shop| shop.text.as_str()).collect::<Vec<_>>()
        };
        assert_eq!((on("a"), on("b"), on("c")), (vec!["1,501:-1"], vec!["1,501:-1"], vec![]));
        assert!(places.shops.contains_key("Hidden"));
    }
}
