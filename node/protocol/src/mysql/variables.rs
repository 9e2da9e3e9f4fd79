//! What a server says about itself: variables that clients ask for when they connect.

/// What clients take for the server's version. They take `5.5.5-` off.
pub const VERSION: &str = "5.5.5-10.11.0-MariaDB-bifrost";

/// The name of the one database there is.
pub const DATABASE: &str = "ragnarok";

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
#[must_use]
pub fn get(name: &str) -> Option<&'static str> {
    VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The variables whose names are like a pattern with `%` and `_`.
pub fn like(pattern: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let pattern = pattern.to_ascii_lowercase();
    VARIABLES.iter().copied().filter(move |(name, _)| is_like(name.as_bytes(), pattern.as_bytes()))
}

/// What a function without arguments gives that asks about the connection.
#[must_use]
pub fn about(function: &str) -> Option<&'static str> {
    match function {
        "DATABASE" | "SCHEMA" => Some(DATABASE),
        "VERSION" => Some(VERSION),
        _ => None,
    }
}

/// SQL's LIKE without an escape: `%` is any text, `_` one letter. Takes no longer than the product of both lengths.
#[must_use]
pub fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    let (mut text, mut pattern, mut retry) = (text, pattern, None);
    loop {
        match (text, pattern) {
            (_, [b'%', after @ ..]) => {
                retry = Some((text, after));
                pattern = after;
            }
            ([letter, rest @ ..], [wanted, after @ ..]) if *wanted == b'_' || letter == wanted => {
                (text, pattern) = (rest, after);
            }
            ([], []) => return true,
            ([], [_, ..]) => return false,
            // The last `%` takes one letter more.
            ([_, ..], _) => match retry {
                Some(([_, rest @ ..], after)) => {
                    (text, pattern) = (rest, after);
                    retry = Some((rest, after));
                }
                Some(([], _)) | None => return false,
            },
        }
    }
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
        assert!(!is_like(&[b'a'; 2_000], "%ab".repeat(500).as_bytes()), "no exponential search");
    }
}
