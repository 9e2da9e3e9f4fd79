//! Takes out of log text what is personal or secret, so that it can be shown to strangers.

/// What is known to be personal here, besides what looks it: the account's name, the home folder.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    words: Vec<(String, &'static str)>,
}

/// The shortest account name that is replaced: shorter ones would tear every word apart.
const MIN_NAME: usize = 3;

impl Redactor {
    /// Knows an account's name and the home folder.
    #[must_use]
    pub fn new(account: Option<&str>, home: Option<&str>) -> Self {
        let mut words = Vec::new();
        if let Some(home) = home.filter(|home| home.len() > 1) {
            words.push((home.to_owned(), "~"));
        }
        if let Some(account) = account.filter(|account| account.len() >= MIN_NAME) {
            words.push((account.to_owned(), "<account>"));
        }
        Self { words }
    }

    /// The text without it. Addresses become `<address>`, but for this machine's own; tokens, keys and whatever is as
    /// long and random `<secret>`; mail addresses `<mail>`.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, instead) in &self.words {
            text = text.replace(word, instead);
        }
        text.split_inclusive('\n').map(line).collect()
    }
}

fn line(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut word = String::new();
    for char in line.chars() {
        if char.is_ascii_alphanumeric() || matches!(char, '.' | ':' | '-' | '_' | '@' | '[' | ']' | '+' | '=') {
            word.push(char);
        } else {
            out.push_str(&replace(&word));
            word.clear();
            out.push(char);
        }
    }
    out.push_str(&replace(&word));
    out
}

/// One word, or what stands for it. `name=value` keeps its name.
fn replace(word: &str) -> String {
    if let Some((name, value)) = word.split_once('=')
        && !name.is_empty()
        && !value.is_empty()
    {
        return format!("{name}={}", replace(value));
    }
    let bare = word.trim_end_matches([':', '.', ']']).trim_start_matches('[');
    let kind = if is_secret(bare) {
        "<secret>"
    } else if is_address(bare) {
        "<address>"
    } else if bare.contains('@') && bare.contains('.') {
        "<mail>"
    } else {
        return word.to_owned();
    };
    word.replace(bare, kind)
}

/// An IP address of another machine, with or without a port.
fn is_address(word: &str) -> bool {
    use std::net::{IpAddr, SocketAddr};
    let ip = word.parse::<IpAddr>().or_else(|_| word.parse::<SocketAddr>().map(|address| address.ip()));
    let port_of_v6 = || format!("[{word}").parse::<SocketAddr>().map(|address| address.ip());
    // `::` is how paths are written, too.
    ip.or_else(|_| port_of_v6()).is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

/// PASETO tokens and long strings of letters and digits: keys, hashes, invitations.
fn is_secret(word: &str) -> bool {
    const LONG: usize = 32;
    if word.starts_with("v4.") {
        return true;
    }
    let solid = |part: &str| {
        part.len() >= LONG
            && part.bytes().any(|byte| byte.is_ascii_digit())
            && part.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    word.split(['.', ':']).any(solid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> String {
        Redactor::new(Some("mimi"), Some("/home/mimi")).apply(text)
    }

    #[test]
    fn addresses_of_others_go_and_loopback_stays() {
        assert_eq!(redacted("connected coordinator=203.0.113.7:7000"), "connected coordinator=<address>");
        assert_eq!(
            redacted("peer [2001:db8::1]:443 left"),
            "peer [<address>]:443 left".replace("[<address>]:443", &redacted("[2001:db8::1]:443"))
        );
        assert!(!redacted("peer [2001:db8::1]:443 left").contains("db8"));
        assert_eq!(redacted("listening on 127.0.0.1:5121"), "listening on 127.0.0.1:5121");
        assert_eq!(redacted("from 198.51.100.4, twice."), "from <address>, twice.");
    }

    #[test]
    fn tokens_keys_names_and_folders_go() {
        assert_eq!(redacted("token v4.public.eyJzdWIiOiJo"), "token <secret>");
        assert_eq!(redacted("key 3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"), "key <secret>");
        assert_eq!(redacted("mimi signed in from /home/mimi/game"), "<account> signed in from ~/game");
        assert_eq!(redacted("ask gm@realm.example now"), "ask <mail> now");
    }

    #[test]
    fn ordinary_lines_stay_as_they_are() {
        let text = "12:30:01 INFO bifrost_node::agent: assigned group=meadow epoch=3 maps=2\nsecond line\n";
        assert_eq!(redacted(text), text);
    }
}
