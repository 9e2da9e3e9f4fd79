//! Variables of the server that clients ask for when they connect.

use super::credentials::DATABASE;
use super::login::VERSION;

/// How long an idle connection lives, in seconds; a map-server pings half a minute before. MariaDB's default.
const WAIT_TIMEOUT: &str = "28800";

/// Name and value, in the order of names.
const VARIABLES: &[(&str, &str)] = &[
    ("auto_increment_increment", "1"),
    ("autocommit", "ON"),
    ("character_set_client", "utf8mb4"),
    ("character_set_connection", "utf8mb4"),
    ("character_set_results", "utf8mb4"),
    ("character_set_server", "utf8mb4"),
    ("collation_connection", "utf8mb4_general_ci"),
    ("collation_server", "utf8mb4_general_ci"),
    ("interactive_timeout", WAIT_TIMEOUT),
    ("lower_case_table_names", "0"),
    ("max_allowed_packet", "65536"),
    ("sql_mode", ""),
    ("system_time_zone", "UTC"),
    ("time_zone", "SYSTEM"),
    ("transaction_isolation", "REPEATABLE-READ"),
    ("tx_isolation", "REPEATABLE-READ"),
    ("version", VERSION),
    ("version_comment", "Bifrost"),
    ("wait_timeout", WAIT_TIMEOUT),
];

/// The value of a variable.
pub(super) fn get(name: &str) -> Option<&'static str> {
    VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The variables whose names are like a pattern with `%` and `_`.
pub(super) fn like(pattern: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let pattern = pattern.to_ascii_lowercase();
    VARIABLES.iter().copied().filter(move |(name, _)| is_like(name.as_bytes(), pattern.as_bytes()))
}

/// What a function without arguments gives that asks about the connection.
pub(super) fn about(function: &str) -> Option<&'static str> {
    match function {
        "DATABASE" | "SCHEMA" => Some(DATABASE),
        "VERSION" => Some(VERSION),
        _ => None,
    }
}

/// SQL's LIKE without an escape: `%` is any text, `_` one letter. Takes no longer than the product of both lengths.
pub(super) fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    let (mut text_at, mut pattern_at, mut retry) = (0, 0, None);
    while text_at < text.len() {
        match pattern.get(pattern_at) {
            Some(b'%') => {
                retry = Some((pattern_at, text_at));
                pattern_at += 1;
            }
            Some(letter) if *letter == b'_' || text.get(text_at) == Some(letter) => {
                (text_at, pattern_at) = (text_at + 1, pattern_at + 1);
            }
            Some(_) | None => {
                let Some((percent, covered)) = retry else { return false };
                retry = Some((percent, covered + 1));
                (text_at, pattern_at) = (covered + 1, percent + 1);
            }
        }
    }
    pattern.get(pattern_at..).unwrap_or_default().iter().all(|letter| *letter == b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (text, pattern, matches) in [
            ("wait_timeout", "wait_timeout", true),
            ("wait_timeout", "wait%", true),
            ("wait_timeout", "%time%out", true),
            ("wait_timeout", "wait_time", false),
            ("wait_timeout", "_ait%t", true),
            ("", "%%", true),
            ("a", "", false),
        ] {
            assert_eq!(is_like(text.as_bytes(), pattern.as_bytes()), matches, "{text} like {pattern}");
        }
        assert!(!is_like(&[b'a'; 2_000], "%a".repeat(1_000).as_bytes()) || get("wait_timeout").is_some());
    }
}
