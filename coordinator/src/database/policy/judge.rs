//! Deciding about statements as they come: by shape or digest when one like it has been decided
//! about, else from its tree.

use std::sync::Arc;

use bifrost_protocol::mysql::sql::{Digest, Given, Known, Literal, Shapes, Template, parse};
use bytes::Bytes;

use super::{Denial, Local, Plan, Policy};

/// A policy and what it has decided so far. Shared by all hosts.
#[derive(Debug, Default)]
pub struct Judge {
    policy: Policy,
    plans: Known<Arc<Plan>>,
    /// The plans of the statements that came last.
    shapes: Shapes<Arc<Plan>>,
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
        Self { policy, plans: Known::default(), shapes: Shapes::default() }
    }

    /// What it decides by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Decides about a statement.
    #[must_use]
    pub fn judge(&self, statement: &Bytes) -> Judgement {
        if let Some((plan, literals)) = self.shapes.fit(statement) {
            return Judgement { plan, literals };
        }
        let digest = match Digest::of(statement) {
            Ok(digest) => digest,
            Err(refusal) => return refused(refusal.into()),
        };
        match (self.plans.get(&digest.key), digest.literals) {
            (Some(plan), Some(literals)) => {
                self.shapes.put(statement, Arc::clone(&plan));
                Judgement { plan, literals }
            }
            // What is answered here is the same whatever the values are.
            (Some(plan), None) if matches!(*plan, Plan::Local(_)) => Judgement { plan, literals: Vec::new() },
            (_, literals) => self.judge_anew(statement, digest.key, literals),
        }
    }

    fn judge_anew(&self, statement: &Bytes, key: Vec<u8>, plain: Option<Vec<Literal>>) -> Judgement {
        let parsed = match parse(statement) {
            Ok(parsed) => parsed,
            Err(refusal) => return refused(refusal.into()),
        };
        let (_, literals) = parsed.template();
        let plan = Arc::new(self.policy.decide(parsed));
        let same = match &*plan {
            Plan::Passed(passed) => plain.is_some_and(|plain| is_same(&passed.template, &plain, &literals)),
            Plan::Local(Local::Empty(_) | Local::Done) => true,
            // These have their values in them.
            Plan::Local(Local::Session(_) | Local::Values(_)) | Plan::Refused(_) => false,
        };
        if same {
            self.plans.put(key, Arc::clone(&plan));
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
