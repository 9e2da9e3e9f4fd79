//! What a policy file has to be beyond its form.

use std::ops::Range;
use std::str::FromStr;

use bifrost_protocol::mysql::sql::Name;
use toml::Spanned;

use super::file::{PolicyFile, TableFile};
use super::{Action, Kept, Policy, TableRule, Verb};

/// Functions that no policy may allow: they wait, lock, read files, or tell of the server.
pub(super) const NEVER: &[&str] = &[
    "BENCHMARK",
    "CONNECTION_ID",
    "CURRENT_USER",
    "EXTRACTVALUE",
    "GET_LOCK",
    "IS_FREE_LOCK",
    "IS_USED_LOCK",
    "LAST_INSERT_ID",
    "LOAD_FILE",
    "MASTER_POS_WAIT",
    "NAME_CONST",
    "RELEASE_ALL_LOCKS",
    "RELEASE_LOCK",
    "REPEAT",
    "RPAD",
    "LPAD",
    "SESSION_USER",
    "SLEEP",
    "SPACE",
    "SYSTEM_USER",
    "SYS_EXEC",
    "UPDATEXML",
    "USER",
    "UUID",
    "UUID_SHORT",
];

/// Tables that every starting map-server empties (rAthena vending.cpp, buyingstore.cpp): hosts never write to the
/// operator's own.
const PROTECTED: &[&str] = &["vendings", "vending_items", "buyingstores", "buyingstore_items"];

/// Collects what is wrong on the way.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// Where, and what.
    pub(super) problems: Vec<(Range<usize>, String)>,
}

impl Checker {
    /// The policy of a file; only good when no problem was found.
    pub(super) fn policy(&mut self, file: &PolicyFile) -> Policy {
        let mut policy = Policy::default();
        for function in &file.functions {
            let name = function.get_ref().to_ascii_uppercase();
            if NEVER.contains(&name.as_str()) {
                self.say(function, format!("function {name} is never allowed"));
            } else if self.name(function, "function").is_some() {
                policy.functions.push(name);
            }
        }
        for (name, table) in &file.tables {
            if self.name(name, "table").is_some() {
                let rule = self.table(name, table, file);
                policy.tables.insert(name.get_ref().clone(), rule);
            }
        }
        policy
    }

    fn say(&mut self, at: &Spanned<String>, message: String) {
        self.problems.push((at.span(), message));
    }

    fn name(&mut self, name: &Spanned<String>, of: &str) -> Option<Name> {
        let legal = Name::new(name.get_ref().clone());
        if legal.is_err() {
            self.say(name, format!("`{}` is no name of a {of}", name.get_ref()));
        }
        legal.ok()
    }

    fn table(&mut self, name: &Spanned<String>, table: &TableFile, file: &PolicyFile) -> TableRule {
        let columns: Vec<Name> = table.columns.iter().filter_map(|column| self.name(column, "column")).collect();
        for (index, column) in table.columns.iter().enumerate() {
            if table.columns.iter().take(index).any(|before| before.get_ref().eq_ignore_ascii_case(column.get_ref())) {
                self.say(column, format!("column {} is listed twice", column.get_ref()));
            }
        }
        for column in &table.key {
            if !table.columns.contains(column) {
                self.say(column, format!("column {} is not in `columns`", column.get_ref()));
            }
        }
        let key = table.key.iter().filter_map(|column| self.name(column, "column")).collect();
        let kept = self.kept(table, file);
        let mut actions = Verb::ALL.map(|verb| (verb, Action::Refuse));
        for (verb, action) in &mut actions {
            *action = self.action(name, table, *verb, kept.as_ref());
        }
        let [select, insert, update, delete] = actions.map(|(_, action)| action);
        TableRule { columns, key, kept, select, insert, update, delete }
    }

    fn kept(&mut self, table: &TableFile, file: &PolicyFile) -> Option<Kept> {
        let (kept_in, stamp) = match (&table.kept_in, &table.stamp) {
            (Some(kept_in), Some(stamp)) => (kept_in, stamp),
            (None, None) => return None,
            (Some(only), None) | (None, Some(only)) => {
                self.say(only, "`kept_in` and `stamp` belong together".to_owned());
                return None;
            }
        };
        if file.tables.contains_key(kept_in.get_ref().as_str()) {
            self.say(kept_in, format!("table {} is in the policy itself, so hosts could reach it", kept_in.get_ref()));
        }
        if table.columns.iter().any(|column| column.get_ref().eq_ignore_ascii_case(stamp.get_ref())) {
            self.say(stamp, format!("column {} is among the columns hosts may mention", stamp.get_ref()));
        }
        Some(Kept { table: self.name(kept_in, "table")?, stamp: self.name(stamp, "column")? })
    }

    fn action(&mut self, name: &Spanned<String>, table: &TableFile, verb: Verb, kept: Option<&Kept>) -> Action {
        let own = match verb {
            Verb::Select => &table.select,
            Verb::Insert => &table.insert,
            Verb::Update => &table.update,
            Verb::Delete => &table.delete,
        };
        let Some(written) = own.as_ref().or(table.all.as_ref()) else { return Action::Refuse };
        let action = match Action::from_str(written.get_ref()) {
            Ok(action) => action,
            Err(problem) => {
                self.say(written, problem);
                return Action::Refuse;
            }
        };
        let (table_name, verb_name) = (name.get_ref(), verb.name());
        if let Some(problem) = problem_of(action, verb, table, kept, PROTECTED.contains(&table_name.as_str())) {
            self.say(written, format!("{verb_name} of table {table_name}: {problem}"));
        }
        action
    }
}

fn problem_of(
    action: Action,
    verb: Verb,
    table: &TableFile,
    kept: Option<&Kept>,
    protected: bool,
) -> Option<&'static str> {
    let reads = verb == Verb::Select;
    match action {
        Action::Refuse | Action::Local => None,
        Action::Forward | Action::Stale | Action::Cache(_) if protected && !reads => {
            Some("every starting map-server empties this table; hosts may not write to the operator's own")
        }
        _ if table.columns.is_empty() => Some("needs `columns`"),
        Action::Cache(_) if !reads => Some("only SELECT can be kept"),
        Action::Stale if !reads => Some("only SELECT can be answered by a replica"),
        Action::Append if verb != Verb::Insert => Some("only INSERT can add"),
        Action::Scope | Action::Append if kept.is_none() => Some("needs `kept_in` and `stamp`"),
        Action::Scope if table.key.is_empty() => Some("needs `key`"),
        Action::Forward | Action::Stale | Action::Cache(_) | Action::Scope | Action::Append => None,
    }
}
