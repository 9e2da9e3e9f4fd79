//! One suite, run on SQLite and, when `BIFROST_TEST_MYSQL` names a server, on MariaDB.

use std::sync::atomic::{AtomicU32, Ordering};

use bifrost_protocol::Secret;
use bifrost_protocol::ids::{AccountId, CharacterId, Epoch, GroupName, HostId};
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::*;
use crate::bounds::standing::{HostStanding, Standing};
use crate::fleet::HostKind;

/// Runs `test` on a new SQLite file and on a new MariaDB database.
async fn on_both<F: Future<Output = ()>>(test: impl Fn(Store, String) -> F) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    test(Store::open(&url).await.expect("opens SQLite"), url).await;

    let Ok(server) = std::env::var("BIFROST_TEST_MYSQL") else { return };
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let name = format!("bifrost_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
    let (base, parameters) = server.split_once('?').map_or((server.as_str(), ""), |(base, rest)| (base, rest));
    // whatever database the server's address names, the test gets its own
    let base: Vec<&str> = base.splitn(4, '/').take(3).collect();
    let url = format!("{}/{name}?{parameters}", base.join("/"));
    let mut admin = sqlx::AnyConnection::connect(&server).await.expect("reaches BIFROST_TEST_MYSQL");
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("creates a database");
    test(Store::open(&url).await.expect("opens MariaDB"), url).await;
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name}"))).await.expect("drops the database");
}

fn host(id: &str) -> HostRow {
    HostRow {
        id: HostId(id.into()),
        kind: HostKind::Player,
        name: "Jürgens PC".into(),
        account: Some(2_000_000),
        key_hash: format!("{id}-key"),
        abi: "linux-x86_64".into(),
        revoked: false,
        epoch: 1,
        created_at: 10,
        last_seen: 10,
    }
}

fn session(character: u32, account: u32) -> SessionRow {
    SessionRow {
        character: CharacterId(character),
        account: AccountId(account),
        group: GroupName("fields".into()),
        login_id1: Secret::new(u32::MAX),
        login_id2: Secret::new(7),
        sex: 1,
        group_id: 0,
        image: vec![0xfe; 8_856],
        update: None,
        epoch: Epoch(3),
        sequence: 0,
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    on_both(|store, url| async move {
        store.insert_host(&host("h-1")).await.expect("inserts");
        store.close().await;
        let store = Store::open(&url).await.expect("opens again");
        assert_eq!(store.hosts().await.expect("lists"), [host("h-1")]);
        store.ping().await.expect("answers");
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_host_is_registered_once_and_can_be_revoked() {
    on_both(|store, _| async move {
        store.insert_host(&HostRow { account: None, kind: HostKind::Fallback, ..host("h-1") }).await.expect("inserts");
        let same_key = HostRow { key_hash: "h-1-key".into(), ..host("h-2") };
        assert!(matches!(store.insert_host(&same_key).await, Err(StoreError::Conflict { .. })));
        let id = HostId("h-1".into());
        assert!(store.set_host_revoked(&id, true).await.expect("revokes"));
        assert!(!store.set_host_revoked(&HostId("h-9".into()), true).await.expect("answers"));
        assert!(store.set_host_epoch(&id, 2).await.expect("sets"));
        store.touch_host(&id, 99).await.expect("touches");
        let row = store.host(&id).await.expect("reads").expect("is there");
        assert_eq!((row.revoked, row.epoch, row.last_seen, row.account), (true, 2, 99, None));
        assert_eq!(store.host_by_key("h-1-key").await.expect("reads"), Some(row));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_invitation_serves_one_host_and_only_until_it_expires() {
    on_both(|store, _| async move {
        store.create_invitation("code", HostKind::Fallback, 100).await.expect("creates");
        store.create_invitation("late", HostKind::Fallback, 100).await.expect("creates");
        let (first, second) = (HostId("h-1".into()), HostId("h-2".into()));
        let kind = |result: Result<Option<HostKind>, StoreError>| result.expect("answers");
        assert_eq!(kind(store.redeem_invitation("late", &first, 100).await), None);
        assert_eq!(kind(store.redeem_invitation("code", &first, 99).await), Some(HostKind::Fallback));
        assert_eq!(kind(store.redeem_invitation("code", &first, 99).await), Some(HostKind::Fallback), "asked again");
        assert_eq!(kind(store.redeem_invitation("code", &second, 99).await), None);
        assert_eq!(kind(store.redeem_invitation("none", &second, 99).await), None);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_lease_epoch_only_grows() {
    on_both(|store, _| async move {
        let lease = |host: Option<&str>, epoch| LeaseRow {
            group: GroupName("fields".into()),
            host: host.map(|host| HostId(host.into())),
            epoch: Epoch(epoch),
        };
        let conflict = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Conflict { .. }));
        store.save_lease(&lease(Some("h-1"), 5)).await.expect("first");
        store.save_lease(&lease(Some("h-1"), 5)).await.expect("the same again");
        assert!(conflict(store.save_lease(&lease(Some("h-2"), 5)).await), "same epoch, other host");
        assert!(conflict(store.save_lease(&lease(Some("h-1"), 4)).await), "older epoch");
        store.save_lease(&lease(None, 6)).await.expect("taken away");
        store.save_lease(&lease(None, 6)).await.expect("the same again");
        assert!(conflict(store.save_lease(&lease(Some("h-1"), 6)).await));
        assert_eq!(store.load_leases().await.expect("loads"), [lease(None, 6)]);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_journal_keeps_the_newest_state_by_epoch_then_sequence() {
    on_both(|store, _| async move {
        store.begin_session(&session(1, 10)).await.expect("begins");
        store.begin_session(&session(2, 20)).await.expect("begins");
        let entry = |character, epoch, sequence, byte| -> JournalEntry {
            (CharacterId(character), Epoch(epoch), sequence, vec![byte; 300])
        };
        store.journal(&[entry(1, 3, 5, 1), entry(2, 3, 1, 2), entry(9, 3, 1, 9)]).await.expect("journals");
        store.journal(&[entry(1, 3, 5, 7), entry(1, 2, 99, 8), entry(2, 4, 0, 3)]).await.expect("journals");
        store.journal(&[]).await.expect("nothing to do");
        let sessions = store.load_sessions().await.expect("loads");
        let newest: Vec<_> = sessions.iter().map(|row| (row.character.0, row.update.clone(), row.sequence)).collect();
        assert_eq!(newest, [(1, Some(vec![1; 300]), 5), (2, Some(vec![3; 300]), 0)]);
        store.end_session(CharacterId(1)).await.expect("ends");
        store.end_session(CharacterId(1)).await.expect("ends again");
        assert_eq!(store.load_sessions().await.expect("loads").len(), 1);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_account_has_at_most_one_session() {
    on_both(|store, _| async move {
        store.begin_session(&session(1, 10)).await.expect("begins");
        store.begin_session(&session(2, 10)).await.expect("replaces");
        assert_eq!(store.load_sessions().await.expect("loads"), [session(2, 10)]);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn accounts_and_characters_have_unique_names_and_growing_ids() {
    on_both(|store, _| async move {
        let new = |name| NewAccount { name, password: "hash", sex: 1, group_id: 0, created_at: 1 };
        assert_eq!(store.create_account(&new("ann")).await.expect("creates"), AccountId(2_000_000));
        assert!(matches!(store.create_account(&new("ann")).await, Err(StoreError::Conflict { .. })));
        let bob = store.create_account(&new("bob")).await.expect("creates");
        assert_eq!(bob, AccountId(2_000_001), "a failed creation takes no number");
        assert_eq!(store.accounts().await.expect("lists").len(), 2);
        store.touch_account(bob, 5).await.expect("touches");
        assert!(store.set_account_banned(bob, true).await.expect("bans"));
        let row = store.account_by_name("bob").await.expect("reads").expect("is there");
        assert_eq!((row.id, row.banned, row.last_login), (bob, true, 5));
        assert!(store.account(AccountId(5)).await.expect("reads").is_none());

        let character = |account, slot, name| NewCharacter { account, slot, name };
        let image = |id: CharacterId| id.0.to_le_bytes().repeat(2_214);
        let knight = store.create_character(character(bob, 3, b"Kn\xe4ght"), image).await.expect("creates");
        assert_eq!(knight.id, CharacterId(150_000));
        for (slot, name) in [(3, b"Other".as_slice()), (4, b"kn\xe4GHT")] {
            let taken = store.create_character(character(bob, slot, name), image).await;
            assert!(matches!(taken, Err(StoreError::Conflict { .. })));
        }
        assert!(store.character_name_taken(b"KN\xe4GHT").await.expect("looks up"));
        assert!(!store.character_name_taken(b"Knight").await.expect("looks up"));
        assert!(store.save_character(bob, knight.id, &[7; 8_856]).await.expect("saves"));
        assert!(!store.save_character(AccountId(2_000_000), knight.id, &[8; 8_856]).await.expect("not its account"));
        store.set_character_online(knight.id, true).await.expect("sets");
        store.set_all_characters_offline().await.expect("sets");
        let kept = store.character(knight.id).await.expect("reads").expect("is there");
        assert_eq!((&kept.image, kept.name.as_slice(), kept.slot), (&vec![7; 8_856], b"Kn\xe4ght".as_slice(), 3));
        assert_eq!(store.characters(bob).await.expect("lists"), [kept]);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn storages_registries_and_belongings_come_back_as_they_were_saved() {
    on_both(|store, _| async move {
        let key = StorageKey { kind: StorageKind::Inventory, owner: 150_000, number: 0 };
        assert_eq!(store.storage(key).await.expect("reads"), None);
        store.save_storage(key, &[1; 46_224]).await.expect("saves");
        store.save_storage(key, &[2; 46_224]).await.expect("saves over it");
        assert_eq!(store.storage(key).await.expect("reads"), Some(vec![2; 46_224]));
        assert_eq!(store.storage(StorageKey { number: 1, ..key }).await.expect("reads"), None);

        let entry = |name: &[u8], index, value| RegistryEntry { name: name.to_vec(), index, value };
        let number = |value| Some(RegistryValue::Number(value));
        let text = entry(b"name$", 0, Some(RegistryValue::Text(b"caf\xe9".to_vec())));
        let minus = entry(b"Points", 1, number(i64::MIN));
        let scope = RegistryScope::Character;
        let changes = [&text, &minus, &entry(b"points", 1, number(2))].map(|entry| (scope, 1, entry.clone()));
        store.save_registry(&changes).await.expect("saves");
        store.save_registry(&[(scope, 1, entry(b"points", 1, None))]).await.expect("removes");
        store.save_registry(&[(RegistryScope::Account, 1, entry(b"#x", 0, number(1)))]).await.expect("saves");
        assert_eq!(store.registry(scope, 1).await.expect("reads"), [minus, text]);

        let character = CharacterId(150_000);
        store.save_belonging(Belonging::Quests, character, &[1, 2]).await.expect("saves");
        assert_eq!(store.belonging(Belonging::Quests, character).await.expect("reads"), [1, 2]);
        assert!(store.belonging(Belonging::Cooldowns, character).await.expect("reads").is_empty());
        store.save_belonging(Belonging::Quests, character, &[]).await.expect("removes");
        assert!(store.belonging(Belonging::Quests, character).await.expect("reads").is_empty());
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn writers_wait_for_each_other() {
    on_both(|store, _| async move {
        let writers = (1..=16_u32).map(|number| {
            let store = store.clone();
            async move {
                store.begin_session(&session(number, number)).await.expect("begins");
                for sequence in 1..=5 {
                    let entry = (CharacterId(number), Epoch(3), sequence, vec![0; 64]);
                    store.journal(&[entry]).await.expect("journals");
                }
            }
        });
        let mut running = tokio::task::JoinSet::new();
        writers.for_each(|writer| drop(running.spawn(writer)));
        while let Some(result) = running.join_next().await {
            result.expect("no writer fails");
        }
        let sessions = store.load_sessions().await.expect("loads");
        assert!(sessions.len() == 16 && sessions.iter().all(|row| row.sequence == 5));
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn addresses_that_cannot_work_and_files_of_others_are_told_apart() {
    for url in ["", "postgres://localhost/x", "/var/lib/db"] {
        assert!(matches!(Store::open(url).await, Err(StoreError::Address { .. })), "{url}");
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "this is no database, however long the text in it may go on".repeat(100)).expect("writes");
    let opened = Store::open(&format!("sqlite:{}", file.display())).await;
    assert!(matches!(opened, Err(StoreError::Corrupt { .. })), "{opened:?}");
    let missing = Store::open(&format!("sqlite:{}", folder.path().join("no/such/folder/db").display())).await;
    assert!(matches!(missing, Err(StoreError::Unavailable { .. })), "{missing:?}");
}

#[tokio::test]
async fn opening_waits_until_the_database_can_be_reached() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let later = folder.path().join("later");
    let url = format!("sqlite:{}", later.join("store.db").display());
    let waiting = Store::open_waiting(&url, CancellationToken::new());
    let appear = async { std::fs::create_dir(&later).expect("creates the folder") };
    let (store, ()) = tokio::join!(waiting, appear);
    store.expect("opens in the end").close().await;

    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let url = format!("sqlite:{}", folder.path().join("never/store.db").display());
    assert!(Store::open_waiting(&url, cancelled).await.is_err_and(|error| error.may_retry()));
}

#[tokio::test]
async fn a_connection_whose_transaction_ended_by_itself_is_not_used_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let store = Store::open(&format!("sqlite:{}", folder.path().join("store.db").display())).await.expect("opens");
    store.begin_session(&session(1, 1)).await.expect("a session");
    for _ in 0..2 * MAX_CONNECTIONS {
        let mut transaction = store.begin().await.expect("a transaction");
        // As SQLite does when the disk is full.
        transaction.execute("ROLLBACK").await.expect("rolled back behind the driver's back");
    }
    let entry = (CharacterId(1), Epoch(4), 1, vec![1]);
    store.journal(&[entry]).await.expect("the disk has room again");
}

#[tokio::test]
async fn rows_of_engines_belong_to_a_group_and_a_table_and_are_changed_together() {
    on_both(|store, _| async move {
        let row = |key: &[u8], body: &[u8]| EngineRow { key: key.to_vec(), body: body.to_vec() };
        let (fields, caves) =
            (EngineTable { group: b"fields", name: "mapreg" }, EngineTable { group: b"caves", name: "mapreg" });
        let rows = [row(b"$a\0\xFF", b"one"), row(b"$A\0\xFF", b"two"), row(b"$a\0\xFE", b"")];
        store.change_engine_rows(fields, &rows, &[]).await.expect("writes");
        store.change_engine_rows(caves, &rows[..1], &[]).await.expect("writes");
        assert_eq!(store.count_engine_rows(fields).await.expect("counts"), 3);
        let change = [row(b"$a\0\xFF", b"new")];
        store.change_engine_rows(fields, &change, &[b"$A\0\xFF".to_vec()]).await.expect("changes");
        let mut left = store.engine_rows(fields, None).await.expect("reads");
        left.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!(left, [row(b"$a\0\xFE", b""), row(b"$a\0\xFF", b"new")]);
        assert_eq!(store.engine_rows(caves, Some(b"$a\0\xFF")).await.expect("reads"), rows[..1]);
        let barter = EngineTable { name: "barter", ..fields };
        assert_eq!(store.engine_rows(barter, Some(b"$a\0\xFF")).await.expect("reads"), []);
    })
    .await;
}

#[tokio::test]
async fn of_logs_the_last_lines_of_each_host_are_kept_and_none_too_long() {
    on_both(|store, _| async move {
        let line = |id: i64, host: &str| EngineLine {
            id,
            host: host.into(),
            name: "picklog".into(),
            line: format!(r#"{{"amount":"{id}"}}"#),
        };
        let (many, few): (Vec<_>, Vec<_>) =
            ((1..=20).map(|id| line(id, "h-1")).collect(), (3..=5).map(|id| line(id * 10, "h-2")).collect());
        store.append_engine_lines(&many).await.expect("writes");
        store.append_engine_lines(&few).await.expect("writes");
        store.append_engine_lines(&many[19..]).await.expect("the same again changes nothing");
        store.prune_engine_lines("h-1", 5, 18).await.expect("prunes");
        assert_eq!(store.engine_lines("h-1", 100).await.expect("reads"), many[17..]);
        store.prune_engine_lines("h-1", 2, 0).await.expect("prunes");
        assert_eq!(store.engine_lines("h-1", 100).await.expect("reads"), many[18..]);
        assert_eq!(store.engine_lines("h-2", 2).await.expect("reads"), few[1..]);
    })
    .await;
}

#[tokio::test]
async fn how_a_host_behaved_is_remembered_and_replaced() {
    on_both(|store, url| async move {
        let row = |host: &str, streak, until| HostStanding {
            host: HostId(host.into()),
            standing: Standing {
                streak,
                violations: 2,
                strikes: 1,
                last_rule: "base_experience".into(),
                quarantined_until: until,
            },
        };
        store.save_standing(&row("h-2", 0, 1_800_000_000)).await.expect("writes");
        store.save_standing(&row("h-1", 9, 0)).await.expect("writes");
        store.save_standing(&row("h-1", 10, 0)).await.expect("writes again");
        store.save_standing(&row("h-1", 10, 0)).await.expect("the same again changes nothing");
        store.close().await;
        let store = Store::open(&url).await.expect("opens again");
        assert_eq!(store.standings().await.expect("reads"), [row("h-1", 10, 0), row("h-2", 0, 1_800_000_000)]);
        store.close().await;
    })
    .await;
}
