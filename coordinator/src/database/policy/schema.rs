//! The tables hosts' rows are kept in, and what the coordinator's own database user may do: SQL for the operator to run.

use std::fmt::Write;

use super::{Action, Policy, TableRule, Verb};

/// Statements that make every table the policy keeps hosts' rows in, from the table it stands for. They can be run again.
#[must_use]
pub fn schema(policy: &Policy) -> String {
    let mut out = String::new();
    for (name, rule) in &policy.tables {
        if let Some(kept) = &rule.kept {
            let (table, stamp) = (&kept.table, &kept.stamp);
            let mut line = format!(
                "CREATE TABLE IF NOT EXISTS `{table}` LIKE `{name}`;\nALTER TABLE `{table}` ADD COLUMN IF NOT EXISTS \
                 `{stamp}` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
            );
            if !rule.key.is_empty() {
                let key: String = rule.key.iter().map(|column| format!(", `{column}`")).collect();
                line = format!("{line}, DROP PRIMARY KEY, ADD PRIMARY KEY (`{stamp}`{key})");
            }
            // Writing to a String cannot fail.
            let _written = writeln!(out, "{line};");
        }
    }
    out
}

/// What the user the coordinator connects as has to be granted in `database`, and no more.
#[must_use]
pub fn user_grants(policy: &Policy, database: &str, user: &str) -> String {
    let mut out = String::new();
    for (name, rule) in &policy.tables {
        let granted = |wanted: &dyn Fn(Action) -> bool| {
            let verbs = Verb::ALL.into_iter().filter(|verb| wanted(rule.action(*verb)));
            verbs.map(Verb::name).collect::<Vec<_>>().join(", ")
        };
        let own = granted(&|action| matches!(action, Action::Forward | Action::Stale | Action::Cache(_)));
        let kept = granted(&|action| matches!(action, Action::Scope | Action::Append));
        for (verbs, table) in [(own, Some(name.as_str())), (with_replace(kept, rule), kept_name(rule))] {
            if let (false, Some(table)) = (verbs.is_empty(), table) {
                let _written = writeln!(out, "GRANT {verbs} ON `{database}`.`{table}` TO {user};");
            }
        }
    }
    out
}

fn kept_name(rule: &TableRule) -> Option<&str> {
    rule.kept.as_ref().map(|kept| kept.table.as_str())
}

/// REPLACE, which goes with INSERT, needs DELETE too.
fn with_replace(verbs: String, rule: &TableRule) -> String {
    let replaces = rule.insert == Action::Scope && !verbs.contains("DELETE");
    if replaces { format!("{verbs}, DELETE") } else { verbs }
}
