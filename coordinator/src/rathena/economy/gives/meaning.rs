//! What an argument of a command may be, as far as the body it stands in says.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::super::super::body::Word;

/// Widest range of numbers that `rand(a,b)` may choose an item from.
const MAX_RANGE: u32 = 64;
/// How deep expressions may lie in each other, variables that stand for others included.
const MAX_STEPS: usize = 8;
/// How many expressions are looked at for one argument.
const MAX_LOOKS: usize = 2_000;

/// What an argument may be, as far as it is known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Meaning {
    /// Numbers and texts.
    pub(super) values: BTreeSet<String>,
    /// One of what is in these boxes.
    pub(super) boxes: BTreeSet<String>,
    /// What the caller gave.
    pub(super) caller: bool,
    /// Something else.
    pub(super) unclear: bool,
}

impl Meaning {
    pub(super) fn unclear() -> Self {
        Self { unclear: true, ..Self::default() }
    }

    fn value(text: &str) -> Self {
        Self { values: BTreeSet::from([text.to_owned()]), ..Self::default() }
    }

    fn join(mut self, other: Self) -> Self {
        self.values.extend(other.values);
        self.boxes.extend(other.boxes);
        self.caller |= other.caller;
        self.unclear |= other.unclear;
        self
    }
}

/// The values of each variable that only this script sets; none: something that is not an expression.
type Assigned<'a> = BTreeMap<&'a str, Vec<Option<&'a [Word]>>>;

/// What arguments in a body may be.
pub(super) struct Meanings<'a> {
    assigned: Assigned<'a>,
    /// Expressions that were looked at for the argument at hand.
    looks: Cell<usize>,
}

impl<'a> Meanings<'a> {
    /// For the words of a body.
    pub(super) fn of(words: &'a [Word]) -> Self {
        Self { assigned: assigned(words), looks: Cell::new(0) }
    }

    /// What an argument may be.
    pub(super) fn argument(&self, words: &[Word]) -> Meaning {
        self.looks.set(0);
        self.meaning(words, MAX_STEPS)
    }

    fn meaning(&self, words: &[Word], steps: usize) -> Meaning {
        self.looks.set(self.looks.get() + 1);
        let Some(steps) = steps.checked_sub(1).filter(|_| self.looks.get() <= MAX_LOOKS) else {
            return Meaning::unclear();
        };
        match words {
            [Word::Text(text)] => Meaning::value(text),
            [Word::Name(name)] if is_number(name) => Meaning::value(name),
            [Word::Sign(b'('), inner @ .., Word::Sign(b')')] if is_one(inner) => self.meaning(inner, steps),
            [Word::Name(call), Word::Sign(b'('), .., Word::Sign(b')')] => self.called(call, words.get(1..), steps),
            [Word::Local(name), index @ ..] if index.is_empty() || is_index(index) => self.variable(name, steps),
            _ => match choice(words) {
                Some((left, right)) => self.meaning(left, steps).join(self.meaning(right, steps)),
                None => Meaning::unclear(),
            },
        }
    }

    fn called(&self, call: &str, rest: Option<&[Word]>, steps: usize) -> Meaning {
        let arguments = arguments_of_call(rest.unwrap_or_default());
        match call {
            "grouprandomitem" | "getrandgroupitem" => match arguments.first() {
                Some([Word::Name(group)]) if group.starts_with("ig_") => {
                    Meaning { boxes: BTreeSet::from([box_name(group)]), ..Meaning::default() }
                }
                _ => Meaning::unclear(),
            },
            "getarg" => Meaning { caller: true, ..Meaning::default() },
            // One of those it is given (npc/other/Global_Functions.txt).
            "callfunc" if arguments.first() == Some(&&[Word::Text("F_Rand".to_owned())][..]) => {
                let given = arguments.iter().skip(1).map(|argument| self.meaning(argument, steps));
                given.fold(Meaning::default(), Meaning::join)
            }
            "rand" => match arguments.as_slice() {
                [[Word::Name(from)], [Word::Name(to)]] => range(from, to),
                _ => Meaning::unclear(),
            },
            _ => Meaning::unclear(),
        }
    }

    fn variable(&self, name: &str, steps: usize) -> Meaning {
        let Some(values) = self.assigned.get(name) else { return Meaning::unclear() };
        let one = |value: &Option<&[Word]>| value.map_or_else(Meaning::unclear, |words| self.meaning(words, steps));
        values.iter().map(one).fold(Meaning::default(), Meaning::join)
    }
}

/// All values that a body gives to variables of its own: those of the script and of the NPC (`.@x`, `.x`). Others may be
/// set elsewhere.
fn assigned(words: &[Word]) -> Assigned<'_> {
    let mut found = Assigned::new();
    for (at, word) in words.iter().enumerate() {
        let Word::Local(name) = word else { continue };
        if !name.starts_with('.') {
            continue;
        }
        let rest = words.get(at + 1..).unwrap_or_default();
        let rest = rest.get(index_len(rest)..).unwrap_or_default();
        let mut give = |value| found.entry(name.as_str()).or_default().push(value);
        match (at.checked_sub(1).and_then(|at| words.get(at)), rest) {
            (Some(Word::Name(setter)), [Word::Sign(b','), rest @ ..]) if setter == "set" => {
                give(Some(expression(rest)))
            }
            (Some(Word::Name(setter)), [Word::Sign(b','), values @ ..]) if setter == "setarray" => {
                arguments(values).into_iter().for_each(|value| give(Some(value)));
            }
            (Some(Word::Name(setter)), _) if matches!(setter.as_str(), "input" | "copyarray" | "cleararray") => {
                give(None)
            }
            (_, [Word::Sign(b'='), Word::Sign(b'='), ..]) => {}
            (_, [Word::Sign(b'='), rest @ ..]) => give(Some(expression(rest))),
            (_, [Word::Sign(sign), Word::Sign(b'='), ..]) if b"+-*/|&^%".contains(sign) => give(None),
            (_, [Word::Sign(sign), Word::Sign(next), ..]) if b"+-".contains(sign) && sign == next => give(None),
            _ => {}
        }
    }
    found
}

/// The words up to the end of an expression: a comma or parenthesis of the outside, or the statement's end.
pub(super) fn expression(words: &[Word]) -> &[Word] {
    let mut depth = 0_usize;
    let end = words.iter().position(|word| match word {
        Word::Sign(b'(' | b'[') => {
            depth += 1;
            false
        }
        Word::Sign(b')' | b']') if depth == 0 => true,
        Word::Sign(b')' | b']') => {
            depth -= 1;
            false
        }
        Word::Sign(b',') => depth == 0,
        Word::Sign(b';' | b'{' | b'}') => true,
        Word::Text(_) | Word::Name(_) | Word::Server(_) | Word::Local(_) | Word::Sign(_) => false,
    });
    words.get(..end.unwrap_or(words.len())).unwrap_or_default()
}

/// The arguments of a function that these words follow: those in its parentheses, whatever comes after. Without parentheses it
/// is a command.
pub(super) fn arguments_of_call(words: &[Word]) -> Vec<&[Word]> {
    match words {
        [Word::Sign(b'('), inner @ ..] => split(inner),
        _ => split(words),
    }
}

/// The arguments of a command that these words follow, with parentheses or without.
pub(super) fn arguments(words: &[Word]) -> Vec<&[Word]> {
    match words {
        [Word::Sign(b'('), inner @ ..] if ends_there(words) => split(inner),
        _ => split(words),
    }
}

fn split(words: &[Word]) -> Vec<&[Word]> {
    let (mut rest, mut found) = (words, Vec::new());
    loop {
        let argument = expression(rest);
        if argument.is_empty() && found.is_empty() {
            return found;
        }
        found.push(argument);
        match rest.get(argument.len()..) {
            Some([Word::Sign(b','), more @ ..]) => rest = more,
            _ => return found,
        }
    }
}

/// Whether the parenthesis these words start with holds all arguments: `f(a),b` without that would be two.
fn ends_there(words: &[Word]) -> bool {
    let mut depth = 0_usize;
    let close = words.iter().position(|word| {
        match word {
            Word::Sign(b'(') => depth += 1,
            Word::Sign(b')') => depth = depth.saturating_sub(1),
            Word::Text(_) | Word::Name(_) | Word::Server(_) | Word::Local(_) | Word::Sign(_) => {}
        }
        depth == 0
    });
    let after = close.and_then(|close| words.get(close + 1));
    !matches!(after, Some(Word::Sign(b'+' | b'-' | b'*' | b'/' | b'?' | b'=' | b'<' | b'>')))
}

/// `condition ? left : right`.
fn choice(words: &[Word]) -> Option<(&[Word], &[Word])> {
    let sign = |of: &[Word], sign: u8| {
        let mut depth = 0_usize;
        of.iter().position(|word| {
            match word {
                Word::Sign(b'(' | b'[') => depth += 1,
                Word::Sign(b')' | b']') => depth = depth.saturating_sub(1),
                Word::Text(_) | Word::Name(_) | Word::Server(_) | Word::Local(_) | Word::Sign(_) => {}
            }
            depth == 0 && *word == Word::Sign(sign)
        })
    };
    let rest = words.get(sign(words, b'?')? + 1..)?;
    let colon = sign(rest, b':')?;
    Some((rest.get(..colon)?, rest.get(colon + 1..)?))
}

fn index_len(words: &[Word]) -> usize {
    if words.first() != Some(&Word::Sign(b'[')) {
        return 0;
    }
    let mut depth = 0_usize;
    let close = words.iter().position(|word| {
        match word {
            Word::Sign(b'[') => depth += 1,
            Word::Sign(b']') => depth = depth.saturating_sub(1),
            Word::Text(_) | Word::Name(_) | Word::Server(_) | Word::Local(_) | Word::Sign(_) => {}
        }
        depth == 0
    });
    close.map_or(0, |close| close + 1)
}

fn is_index(words: &[Word]) -> bool {
    index_len(words) == words.len()
}

/// Whether parentheses around these words belong together.
fn is_one(inner: &[Word]) -> bool {
    expression(inner).len() == inner.len()
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

fn range(from: &str, to: &str) -> Meaning {
    let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>()) else { return Meaning::unclear() };
    if to.saturating_sub(from) > MAX_RANGE {
        return Meaning::unclear();
    }
    Meaning { values: (from..=to).map(|number| number.to_string()).collect(), ..Meaning::default() }
}

/// `IG_X` as the databases write it, lower case.
pub(super) fn box_name(constant: &str) -> String {
    constant.trim_start_matches("ig_").to_owned()
}
