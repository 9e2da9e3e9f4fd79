//! Credentials and addresses in the settings of a map-server: they stay with the operator.
//!
//! A line that sets such a key is replaced by a comment that says so, also where it was commented out: old passwords tend
//! to be still in use. Hosts get their own values for all of these keys from their node.

/// Keys with whole names. The first of each pair of lines are of map_athena.conf, the others of inter_athena.conf.
const KEYS: [&str; 9] =
    ["userid", "passwd", "char_ip", "map_ip", "bind_ip", "login_ip", "mysql_host", "mysql_user", "mysql_db"];
/// Beginnings and ends of keys of inter_athena.conf (`map_server_pw`, `log_db_ip`), in rAthena's inter.cpp and map.cpp.
const STARTS: [&str; 7] =
    ["login_server_", "char_server_", "map_server_", "web_server_", "ipban_db_", "log_db_", "mysql_"];
const ENDS: [&str; 5] = ["ip", "port", "id", "pw", "db"];
/// What a key has in its name whose value is a secret, whoever added it.
const TELLING: [&str; 6] = ["passw", "secret", "token", "apikey", "api_key", "credential"];

/// The shortest value that is looked for in other files: shorter ones are found in words.
const MIN_VALUE: usize = 6;
/// What rAthena ships; found everywhere.
const SHIPPED: [&str; 3] = ["ragnarok", "s1", "p1"];

/// Settings without credentials.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Redacted {
    /// The file as it goes into the bundle.
    pub(super) bytes: Vec<u8>,
    /// The keys that were taken out, in order.
    pub(super) keys: Vec<String>,
    /// Passwords among their values that nobody else should know.
    pub(super) passwords: Vec<Vec<u8>>,
}

/// Takes credentials and addresses out of a settings file (`key: value` a line). Its other bytes stay as they are: not
/// all servers write theirs in UTF-8.
pub(super) fn redact(file: &[u8]) -> Redacted {
    let mut redacted = Redacted::default();
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let Some((key, value)) = setting(line).filter(|(key, _)| is_private(key)) else {
            redacted.bytes.extend_from_slice(line);
            continue;
        };
        redacted.bytes.extend_from_slice(format!("// {key}: left out of the bundle\n").as_bytes());
        if is_password(&key) {
            // Whether a comment ends the value or belongs to it depends on who reads it.
            let bare = value.windows(2).position(|pair| pair == b"//").map(|at| value[..at].trim_ascii());
            redacted
                .passwords
                .extend(bare.into_iter().chain([value]).filter(|value| is_telling(value)).map(<[u8]>::to_vec));
        }
        redacted.keys.push(key);
    }
    redacted
}

/// Key, lower case, and value of a line, commented out or not.
fn setting(line: &[u8]) -> Option<(String, &[u8])> {
    let mut line = line.trim_ascii();
    while let Some(rest) = line.strip_prefix(b"//") {
        line = rest.trim_ascii();
    }
    let colon = line.iter().position(|byte| *byte == b':')?;
    let key = std::str::from_utf8(&line[..colon]).ok()?.trim_end();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (!key.is_empty() && key.bytes().all(legal)).then(|| (key.to_ascii_lowercase(), line[colon + 1..].trim_ascii()))
}

fn is_private(key: &str) -> bool {
    let paired = STARTS.iter().filter_map(|start| key.strip_prefix(start)).any(|end| ENDS.contains(&end));
    KEYS.contains(&key) || paired || is_password(key)
}

fn is_password(key: &str) -> bool {
    key.ends_with("_pw") || TELLING.iter().any(|part| key.contains(part))
}

fn is_telling(value: &[u8]) -> bool {
    value.len() >= MIN_VALUE && !SHIPPED.iter().any(|shipped| shipped.as_bytes() == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_addresses_are_taken_out_and_nothing_else() {
        let file = b"// MySQL\r\nmap_server_ip: 10.0.0.5\r\nmap_server_pw: s3cret!! // new\r\n//char_server_pw: old one\n\
            party_share_level: 15 // \xff\nlog_db_id:x\nimport: conf/import/inter_conf.txt\nhotkey_db: hotkey\nuserid: s1";
        let redacted = redact(file);
        let text = String::from_utf8_lossy(&redacted.bytes);
        assert_eq!(redacted.keys, ["map_server_ip", "map_server_pw", "char_server_pw", "log_db_id", "userid"]);
        assert_eq!(redacted.passwords, [b"s3cret!!".to_vec(), b"s3cret!! // new".to_vec(), b"old one".to_vec()]);
        for gone in ["10.0.0.5", "s3cret", "old one", ": s1"] {
            assert!(!text.contains(gone), "{gone} is still in: {text}");
        }
        for kept in ["party_share_level: 15 // \u{fffd}\n", "import: conf/import/inter_conf.txt", "hotkey_db: hotkey"] {
            assert!(text.contains(kept), "{kept} is missing in: {text}");
        }
        assert_eq!(text.lines().count(), 9, "lines keep their numbers");
    }

    #[test]
    fn keys_that_only_sound_private_stay() {
        for line in ["hotkey_db: x", "map: prontera", "password_hint", "http://a/passwd", "log_inter: 1", "npc: a.txt"]
        {
            assert_eq!(redact(line.as_bytes()).keys, Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn what_rathena_ships_is_no_secret_to_look_for() {
        assert_eq!(redact(b"map_server_pw: ragnarok\npasswd: p1\n").passwords, Vec::<Vec<u8>>::new());
    }
}
