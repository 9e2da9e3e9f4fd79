//! What a policy would do with a statement, and why, for people.

use std::fmt;

use bifrost_protocol::mysql::sql::Part;
use bytes::Bytes;

use super::{Action, Judge, Local, Passed, Plan};

/// What becomes of a statement and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// `local`, `forward`, `stale`, `cache`, `scope`, `append` or `refuse`.
    pub action: &'static str,
    /// Why.
    pub reason: String,
    /// What the database is sent, with `?` for values, `:scope` for the group and `:host` for the host.
    pub sent: Option<String>,
}

/// Explains a statement.
#[must_use]
pub fn explain(judge: &Judge, statement: &[u8]) -> Explanation {
    let judgement = judge.judge(&Bytes::copy_from_slice(statement));
    match &*judgement.plan {
        Plan::Refused(denial) => Explanation { action: "refuse", reason: denial.to_string(), sent: None },
        Plan::Local(local) => Explanation { action: "local", reason: local_reason(local), sent: None },
        Plan::Passed(passed) => {
            let (action, reason) = passed_reason(passed);
            Explanation { action, reason, sent: Some(sent(passed)) }
        }
    }
}

fn local_reason(local: &Local) -> String {
    match local {
        Local::Empty(columns) => format!("answered with no rows of {} columns", columns.len()),
        Local::Done => "answered as done; nothing is written".to_owned(),
        Local::Session(_) => "about the connection; answered here".to_owned(),
        Local::Values(_) => "values of no table; answered here".to_owned(),
    }
}

fn passed_reason(passed: &Passed) -> (&'static str, String) {
    let (verb, table) = (passed.verb.name(), &passed.table);
    match passed.action {
        Action::Cache(time) => (
            "cache",
            format!("{verb} of table {table} is passed on; its rows are given again for {} s", time.as_secs()),
        ),
        Action::Stale => ("stale", format!("{verb} of table {table} is passed on, to the replica if there is one")),
        Action::Scope => ("scope", format!("{verb} of table {table} sees only the group's own rows")),
        Action::Append => ("append", format!("rows of table {table} are added with the host's id")),
        Action::Forward | Action::Local | Action::Refuse => {
            ("forward", format!("{verb} of table {table} is passed on"))
        }
    }
}

fn sent(passed: &Passed) -> String {
    let mut text = String::new();
    for part in passed.template.parts() {
        match part {
            Part::Sql(sql) => text.push_str(&String::from_utf8_lossy(sql)),
            Part::Literal(_) | Part::Parameter(_) => text.push('?'),
            Part::Given(bifrost_protocol::mysql::sql::Given::Scope) => text.push_str(":scope"),
            Part::Given(bifrost_protocol::mysql::sql::Given::Host) => text.push_str(":host"),
        }
    }
    text
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.action, self.reason)?;
        match &self.sent {
            Some(sent) => write!(out, "\nsent as: {sent}"),
            None => Ok(()),
        }
    }
}
