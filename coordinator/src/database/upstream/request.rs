//! One thing a host asks of the database, as it was decided about.

use bifrost_protocol::mysql::Value;
use bifrost_protocol::mysql::sql::{Given, Literal, Part};
use bytes::Bytes;

use super::UpstreamError;
use crate::database::policy::{Passed, Verb};

/// What is asked, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What was decided.
    pub passed: &'a Passed,
    /// The statement as the host wrote it. It is not passed on.
    pub statement: &'a Bytes,
    /// The statement's literals.
    pub literals: &'a [Literal],
    /// Parameters of a prepared statement; `None` for a statement that came as text.
    pub parameters: Option<&'a [Value]>,
    /// The group's name.
    pub scope: &'a Literal,
    /// The host's id.
    pub host: &'a Literal,
    /// The client's character set.
    pub charset: &'a str,
}

/// The definitions of a statement's columns, without headers.
pub type Definitions = Vec<Bytes>;

/// How a request goes to the database.
#[derive(Debug)]
pub(super) enum Sent {
    /// As text.
    Text(Bytes),
    /// Prepared, with values.
    Prepared(Bytes, Vec<Value>),
}

impl Request<'_> {
    /// How it is sent: a SELECT that came as text goes as text, so that its rows come as text.
    pub(super) fn sent(&self) -> Result<Sent, UpstreamError> {
        let template = &self.passed.template;
        if self.parameters.is_none() && self.passed.verb == Verb::Select {
            return Ok(Sent::Text(template.text(self.literals, |given| self.given(given))));
        }
        let mut values = Vec::new();
        for part in template.parts() {
            values.push(match part {
                Part::Sql(_) => continue,
                Part::Literal(index) => value_of(self.literals.get(*index).unwrap_or(&Literal::Null)),
                Part::Given(given) => value_of(self.given(*given)),
                Part::Parameter(index) => {
                    let value = self.parameters.and_then(|parameters| parameters.get(*index));
                    value.cloned().ok_or(UpstreamError::Parameters)?
                }
            });
        }
        Ok(Sent::Prepared(template.prepared(), values))
    }

    fn given(&self, given: Given) -> &Literal {
        match given {
            Given::Scope => self.scope,
            Given::Host => self.host,
        }
    }
}

fn value_of(literal: &Literal) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Int(number) => Value::Int(*number),
        Literal::Unsigned(number) => Value::Unsigned(*number),
        Literal::Decimal(digits) => Value::Bytes(Bytes::copy_from_slice(digits.as_bytes())),
        Literal::Text(bytes) => Value::Bytes(bytes.clone()),
    }
}
