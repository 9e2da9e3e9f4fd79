use super::*;

const NOW: u64 = 1_795_000_000;

fn description() -> Description {
    Description {
        version: 1,
        name: "Midgard".into(),
        coordinator: "https://127.0.0.1:7443".into(),
        ca: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".into(),
        accent: "#3ddc97".into(),
        emblem: None,
        program: Some("ragexe.exe".into()),

        client: None,
        updates: None,
        issued_at: NOW,
        expires_at: NOW + 100 * DAY,
    }
}

fn key() -> OperatorKey {
    OperatorKey::read(&OperatorKey::make().expect("made")).expect("read")
}

#[test]
fn what_an_operator_signs_is_opened() {
    let text = key().sign(&description()).expect("signed");
    let realm = Realm::open(&text, None, NOW).expect("opened");
    assert_eq!(realm.description, description());
    assert_eq!(realm.text(), text);
    assert_eq!(realm.short_key().len(), 14);
    assert_eq!(realm.expires_in_days(NOW), None);
    assert_eq!(realm.expires_in_days(NOW + 90 * DAY), Some(10));
}

#[test]
fn every_change_of_what_was_signed_is_seen() {
    let text = key().sign(&description()).expect("signed");
    let changed = text.replace("127.0.0.1", "127.0.0.2");
    assert_eq!(Realm::open(&changed, None, NOW), Err(RealmError::Tampered));
    let mine = key().sign(&description()).expect("signed");
    let (mine, theirs): (Signed, Signed) =
        (serde_json::from_str(&mine).expect("read"), serde_json::from_str(&text).expect("read"));
    let mixed = serde_json::to_string(&Signed { key: mine.key, ..theirs }).expect("written");
    assert_eq!(Realm::open(&mixed, None, NOW), Err(RealmError::Tampered));
}

#[test]
fn updates_come_over_https_and_with_a_key() {
    let signs = |endpoint: &str, updates_key: &str| {
        let updates = Some(Updates { endpoint: endpoint.into(), key: updates_key.into() });
        key().sign(&Description { updates, ..description() }).is_ok()
    };
    assert!(signs("https://127.0.0.1:8443/{{target}}/latest.json", "dW50cnVzdGVk=="));
    assert!(!signs("http://127.0.0.1/latest.json", "dW50cnVzdGVk"));
    assert!(!signs("https://127.0.0.1/latest.json", "") && !signs("https://127.0.0.1/latest.json", "a b"));
}

#[test]
fn files_expire_and_do_not_go_back() {
    let key = key();
    let text = key.sign(&description()).expect("signed");
    assert_eq!(Realm::open(&text, None, NOW + 103 * DAY), Err(RealmError::Expired { days: 3 }));
    let known = Realm::open(&text, None, NOW).expect("opened");
    let open = |issued_at| {
        let text = key.sign(&Description { issued_at, ..description() }).expect("signed");
        Realm::open(&text, Some(&known), NOW)
    };
    assert!(open(NOW + 1).is_ok());
    assert_eq!(open(NOW - 1), Err(RealmError::Older));
}

#[test]
fn another_operators_file_does_not_replace_the_first() {
    let known = Realm::open(&key().sign(&description()).expect("signed"), None, NOW).expect("opened");
    let other = key().sign(&description()).expect("signed");
    assert!(matches!(Realm::open(&other, Some(&known), NOW), Err(RealmError::OtherKey { .. })));
}

#[test]
fn nobody_signs_or_opens_what_makes_no_sense() {
    let refused = |change: fn(&mut Description)| {
        let mut description = description();
        change(&mut description);
        matches!(key().sign(&description), Err(RealmError::Unreadable(_)))
    };
    assert!(refused(|it| it.version = 2));
    assert!(refused(|it| it.name.clear()));
    assert!(refused(|it| it.name = "a\u{7}".into()));
    assert!(refused(|it| it.coordinator = "http://127.0.0.1".into()));
    assert!(refused(|it| it.coordinator = "https://127.0.0.1/path".into()));
    assert!(refused(|it| it.ca = "none".into()));
    assert!(refused(|it| it.accent = "red".into()));
    assert!(refused(|it| it.client = Some(Manifest::default())));
    assert!(refused(|it| it.program = Some("../bin/sh".into())));
    for text in ["", "{}", "[1]", r#"{"realm":"x","key":"00","signature":"00"}"#] {
        assert!(matches!(Realm::open(text, None, NOW), Err(RealmError::Unreadable(_))), "{text}");
    }
    assert!(matches!(Realm::open(&" ".repeat(MAX_FILE + 1), None, NOW), Err(RealmError::Unreadable(_))));
}
