//! The last statements of each host that were refused, without their values.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bifrost_protocol::mysql::sql::{Piece, scan};

/// Refused statements that are remembered of one host.
const MAX_EACH: usize = 32;
/// The most letters of a statement that are remembered.
const MAX_SHAPE: usize = 300;

/// A statement that was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefusedStatement {
    /// When.
    pub at: SystemTime,
    /// A short name of the reason.
    pub class: &'static str,
    /// The reason.
    pub reason: String,
    /// The statement with `?` for every value, cut off; empty when it cannot even be cut into pieces.
    pub shape: String,
}

/// What a host has tried.
#[derive(Debug, Default)]
pub(super) struct RefusedStatements(Mutex<VecDeque<RefusedStatement>>);

impl RefusedStatements {
    /// Remembers one.
    pub(super) fn add(&self, class: &'static str, reason: String, statement: &[u8]) {
        let refused = RefusedStatement { at: SystemTime::now(), class, reason, shape: shape(statement) };
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() >= MAX_EACH {
            list.pop_front();
        }
        list.push_back(refused);
    }

    /// What was tried last, oldest first.
    pub(super) fn list(&self) -> Vec<RefusedStatement> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// A statement without values.
fn shape(statement: &[u8]) -> String {
    let mut shape = String::new();
    let cut = scan(statement, |piece| {
        if shape.len() >= MAX_SHAPE {
            return;
        }
        match piece {
            Piece::Text(_) | Piece::Number(_) => shape.push_str("? "),
            Piece::Word(word) | Piece::Quoted(word) => {
                let word = String::from_utf8_lossy(word);
                shape.extend(word.chars().filter(|letter| !letter.is_control()).take(MAX_SHAPE));
                shape.push(' ');
            }
            Piece::Sign(sign) => shape.extend([char::from(sign), ' ']),
        }
    });
    if cut.is_err() && shape.is_empty() {
        return String::new();
    }
    shape.chars().take(MAX_SHAPE).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_refused_statements_are_kept_without_their_values() {
        let refused = RefusedStatements::default();
        for number in 0..100 {
            let statement = format!("SELECT user_pass FROM login WHERE userid = 'hunter2' AND x = {number}");
            refused.add("table", "table login is not in the policy".into(), statement.as_bytes());
        }
        let list = refused.list();
        assert_eq!(list.len(), MAX_EACH);
        assert_eq!(list[0].shape, "SELECT user_pass FROM login WHERE userid = ? AND x = ?");
        assert_eq!(shape(b"SELECT 'open"), "SELECT");
        assert!(shape("x ".repeat(200).as_bytes()).len() <= MAX_SHAPE);
    }
}
