//! Deciding about statements as they come: by digest when one like it has been decided about, else from its tree.

use std::sync::Arc;

use bifrost_protocol::mysql::sql::{Given, Literal, Template, parse};
use bytes::Bytes;

use super::digest::{Digest, Plans};
use super::{Denial, Plan, Policy};

/// A policy and what it has decided so far. Shared by all hosts.
#[derive(Debug, Default)]
pub struct Judge {
    policy: Policy,
    plans: Plans,
}

/// What becomes of one statement.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// What was decided.
    pub plan: Arc<Plan>,
    /// The literals that belong into the gaps of its template.
    pub literals: Vec<Literal>,
}

impl Judge {
    /// Decides by `policy`.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, plans: Plans::default() }
    }

    /// What it decides by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Decides about a statement.
    #[must_use]
    pub fn judge(&self, statement: &Bytes) -> Judgement {
        let digest = match Digest::of(statement) {
            Ok(digest) => digest,
            Err(refusal) => return refused(refusal.into()),
        };
        if let Some(literals) = &digest.literals
            && let Some(plan) = self.plans.get(&digest.key)
        {
            return Judgement { plan, literals: literals.clone() };
        }
        self.judge_anew(statement, digest)
    }

    fn judge_anew(&self, statement: &Bytes, digest: Digest) -> Judgement {
        let parsed = match parse(statement) {
            Ok(parsed) => parsed,
            Err(refusal) => return refused(refusal.into()),
        };
        let (_, literals) = parsed.template();
        let plan = Arc::new(self.policy.decide(parsed));
        if let Plan::Passed(passed) = &*plan
            && digest.literals.is_some_and(|plain| is_same(&passed.template, &plain, &literals))
        {
            self.plans.put(digest.key, Arc::clone(&plan));
        }
        Judgement { plan, literals }
    }

    #[cfg(test)]
    pub(super) fn plans(&self) -> usize {
        self.plans.len()
    }
}

/// Whether the values that were cut out are those that were read, in the same order.
fn is_same(template: &Template, plain: &[Literal], read: &[Literal]) -> bool {
    let given = |_: Given| &Literal::Null;
    template.ordered()
        && template.literals() == plain.len()
        && template.literals() == read.len()
        && template.text(plain, given) == template.text(read, given)
}

fn refused(denial: Denial) -> Judgement {
    Judgement { plan: Arc::new(Plan::Refused(denial)), literals: Vec::new() }
}
