//! The realm file of every scenario.

use crate::realm::{Description, OperatorKey, Picture, Realm};

/// A bird over a hill, drawn for this.
const EMBLEM: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="12" fill="#143a5a"/><path d="M6 36c8-10 14-10 18-4 4-8 10-8 18 4v6H6z" fill="#2f7f8f"/><path d="M10 20c5-5 9-5 14 0 5-5 9-5 14 0-6-1-10 0-14 5-4-5-8-6-14-5z" fill="#f6d68a"/></svg>"##;

/// The realm that is played.
///
/// # Panics
/// The description above cannot be signed, which a test would have seen.
pub(super) fn realm(now_unix: u64) -> Realm {
    Realm::open(&text(now_unix), None, now_unix).expect("it was just signed")
}

/// Its file.
pub(super) fn text(now_unix: u64) -> String {
    let key = OperatorKey::make().and_then(|pkcs8| OperatorKey::read(&pkcs8)).expect("the system has randomness");
    let description = Description {
        version: 1,
        name: "Midgard Lanterns".into(),
        coordinator: "https://127.0.0.1:7443".into(),
        ca: "-----BEGIN CERTIFICATE-----\nscripted\n-----END CERTIFICATE-----\n".into(),
        accent: "#f0a868".into(),
        emblem: Picture::from_bytes(EMBLEM.as_bytes()).ok(),
        program: Some("ragexe.exe".into()),

        client: None,
        updates: None,
        issued_at: now_unix - 86_400,
        expires_at: now_unix + 400 * 86_400,
    };
    key.sign(&description).expect("it is a good description")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_scripted_realm_is_a_good_one() {
        let realm = super::realm(super::super::START_UNIX);
        assert!(realm.description.emblem.is_some());
    }
}
