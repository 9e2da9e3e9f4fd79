//! What serde says about a key, in words an operator can act on.

/// Keys whose values are never repeated.
const SECRET_KEYS: [&str; 5] = ["realm.password", "realm.database", "store.url", "database.url", "database.replica"];
/// What serde calls numbers.
const NUMBERS: [&str; 5] = ["expected u16", "expected u32", "expected u64", "expected usize", "expected u8"];

/// Turns an error of toml or serde about `key` into one line.
pub(super) fn describe(message: &str, key: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return unknown_key(rest);
    }
    if message == "invalid socket address syntax" {
        return "expected an IP address and a port, like `127.0.0.1:5121`".to_owned();
    }
    let message = match message.rsplit_once(", expected ") {
        Some((_, expected)) if SECRET_KEYS.contains(&key) => format!("invalid value, expected {expected}"),
        _ => message.to_owned(),
    };
    if let Some(said) = message.strip_suffix("expected a nonzero u32") {
        return format!("{said}expected a whole number, 1 or more");
    }
    match NUMBERS.iter().find(|number| message.ends_with(**number)) {
        Some(number) => message.replace(number, "expected a whole number, not negative"),
        None => message.replace('\n', " "),
    }
}

/// `rest` is "`x`, expected one of `a`, `b`", "`x`, expected `a` or `b`", or "`x`, there are no fields".
fn unknown_key(rest: &str) -> String {
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let unknown = quoted.next().unwrap_or_default();
    let known: Vec<_> = quoted.collect();
    match nearest(unknown, &known) {
        Some(nearest) => format!("unknown key `{unknown}`, did you mean `{nearest}`?"),
        None => format!("unknown key `{unknown}`, expected one of {}", known.join(", ")),
    }
}

/// The known key that was probably meant: at most a third of it mistyped.
pub(crate) fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let distances = known.iter().map(|known| (distance(unknown, known), *known));
    distances.min().filter(|(distance, known)| *distance <= known.len().div_ceil(3)).map(|(_, known)| known)
}

/// Levenshtein distance in bytes.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, to) in right.bytes().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
