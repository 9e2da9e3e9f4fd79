//! A relay without a database: the coordinator's store answers.

use bifrost_protocol::mysql::{Answer, PART_HEADER};
use tempfile::TempDir;

use super::*;
use crate::database::upstream::messages;
use crate::store::{EngineTable, Store};

/// Recorded traffic of stock map-servers: three connections of one, one of another.
const CAPTURES: [&str; 4] = [
    include_str!("../../../../node/protocol/fixtures/mysql/city-main.txt"),
    include_str!("../../../../node/protocol/fixtures/mysql/field-main.txt"),
    include_str!("../../../../node/protocol/fixtures/mysql/field-log.txt"),
    include_str!("../../../../node/protocol/fixtures/mysql/field-query.txt"),
];

struct Own {
    stage: Stage,
    store: Store,
    folder: TempDir,
}

async fn own() -> Own {
    in_folder(TempDir::new().expect("a folder")).await
}

async fn in_folder(folder: TempDir) -> Own {
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    let store = Store::open(&url).await.expect("opens");
    let limits =
        HostLimits { statements: NonZeroU32::MAX, bytes: NonZeroU32::MAX, rows: NonZeroU32::MAX, ..Default::default() };
    Own { stage: Stage::on(Backend::Store(Embedded::new(store.clone())), limits), store, folder }
}

/// The commands of a capture behind its login.
fn commands(capture: &str) -> Vec<Command> {
    let mut found = Vec::new();
    for line in capture.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(' ').skip(1);
        if fields.next() == Some(">") {
            let hex = fields.next().expect("three fields");
            let byte = |at| u8::from_str_radix(hex.get(at..at + 2).expect("pairs"), 16).expect("hex");
            let mut bytes: BytesMut = (0..hex.len()).step_by(2).map(byte).collect();
            while bytes.len() >= PART_HEADER {
                let len = usize::from(bytes[0]) | usize::from(bytes[1]) << 8;
                found.push((bytes[3], bytes.split_to(len + PART_HEADER).freeze().slice(PART_HEADER..)));
            }
        }
    }
    // A command has the number 0, the login has not.
    found
        .iter()
        .filter(|(number, _)| *number == 0)
        .map(|(_, message)| Command::decode(message).expect("a command"))
        .collect()
}

#[tokio::test]
async fn everything_a_stock_map_server_says_is_answered() {
    let own = own().await;
    for capture in CAPTURES {
        let mut stream = own.stage.stream("host-1");
        let mut asked = 0;
        for command in commands(capture) {
            if matches!(command, Command::Close(_)) {
                stream.tell(&command).await;
            } else if command != Command::Quit {
                let answer = stream.ask(&command).await;
                assert_eq!(answer.error, None, "{command:?}: {:?}", answer.bytes);
                asked += 1;
            }
        }
        assert!(asked > 0);
        assert!(stream.end().await.is_ok());
    }
    assert_eq!((own.stage.numbers().refused, own.stage.numbers().failed), (0, 0));
}

#[tokio::test]
async fn rows_go_with_their_group_to_another_host_and_outlive_the_coordinator() {
    let own = own().await;
    let mut stream = own.stage.stream("host-1");
    for statement in [
        "INSERT INTO `mapreg`(`varname`,`index`,`value`) VALUES ('$tax','0','5')",
        "INSERT INTO `mapreg`(`varname`,`index`,`value`) VALUES ('$gone','0','x')",
        "INSERT INTO `mapreg`(`varname`,`index`,`value`) VALUES ('$Tax','0','it\\'s \u{fc}')",
        "UPDATE `mapreg` SET `value`='6' WHERE `varname`='$tax' AND `index`='0' LIMIT 1",
        "DELETE FROM `mapreg` WHERE `varname`='$gone' AND `index`='0'",
        "REPLACE INTO `barter` (`name`,`index`,`amount`) VALUES ( 'x', '1', '3' )",
        "INSERT INTO `sales`(`nameid`,`start`,`end`,`amount`) VALUES ('501', FROM_UNIXTIME(1000), FROM_UNIXTIME(4000000000), '5')",
        "UPDATE `sales` SET `amount` = `amount` - 1 WHERE `nameid` = '501'",
    ] {
        assert_eq!(stream.query(statement).await.error, None, "{statement}");
    }
    let again = stream.query("INSERT INTO mapreg VALUES ('$tax', 0, '7')").await;
    assert_eq!(again.error, Some(code::DUPLICATE_KEY));
    // Prepared and run without waiting in between, as a node does with what need not be waited for.
    let values = [Value::Bytes("Shop".into()), Value::Int(7)];
    stream.tell(&Command::Prepare("REPLACE INTO market VALUES (?, 501, 50, ?, 0)".into())).await;
    stream.tell(&Command::Execute(Execute::with(u32::MAX, &values))).await;
    assert_eq!(stream.hear(Expected::Prepared).await.expect("prepared").1.error, None);
    assert_eq!(stream.hear(Expected::Result).await.expect("done").1.error, None);
    assert!(stream.end().await.is_ok());

    // Another host, another run of the coordinator.
    own.store.close().await;
    let own = in_folder(own.folder).await;
    let mut other = own.stage.stream("host-2");
    let all = [["$Tax", "0", "it's \u{fc}"], ["$tax", "0", "6"]];
    assert_eq!(other.texts("SELECT `varname`, `index`, `value` FROM `mapreg`").await, all);
    assert_eq!(other.texts("SELECT value FROM mapreg WHERE `index` = 0 AND '$tax' = varname").await, [["6"]]);
    assert_eq!(other.texts("SELECT amount FROM barter WHERE name = 'X' AND `index` = '1'").await, [["3"]]);
    let sale =
        "SELECT `nameid`, UNIX_TIMESTAMP(`start`), UNIX_TIMESTAMP(`end`), `amount` FROM `sales` WHERE `end` > now()";
    assert_eq!(other.texts(sale).await, [["501", "1000", "4000000000", "4"]]);
    let prepared = other.ask(&Command::Prepare("SELECT `name`, amount FROM market WHERE nameid = ?".into())).await;
    let ok = PrepareOk::decode(&prepared.bytes[4..16]).expect("prepared");
    assert_eq!((ok.parameters, ok.columns), (1, 2));
    let found = other.ask(&Command::Execute(Execute::with(ok.statement, &[Value::Int(501)]))).await;
    assert_eq!((found.rows, found.error), (1, None));
    assert!(found.bytes.windows(4).any(|bytes| bytes == b"Shop"));
    let columns = messages(&found.bytes);
    assert!(matches!(Answer::decode(&columns[0]), Ok(Answer::Rows(2))));

    let elsewhere = EngineTable { group: b"caves", name: "mapreg" };
    assert_eq!(own.store.count_engine_rows(elsewhere).await.expect("counts"), 0, "rows are the group's");
    assert_eq!(other.query("DELETE FROM mapreg").await.error, None);
    assert_eq!(other.query("SELECT * FROM mapreg").await.rows, 0);
}

#[tokio::test]
async fn lines_of_logs_are_kept_with_their_host() {
    let own = own().await;
    let mut stream = own.stage.stream("host-7");
    let line =
        "INSERT DELAYED INTO `zenylog` (`time`, `char_id`, `amount`, `map`) VALUES (NOW(), '150000', '-7', 'prt\\'')";
    assert_eq!(stream.query(line).await.error, None);
    let values = [Value::Bytes(vec![b'h', 0xFC].into()), Value::Null];
    stream
        .tell(&Command::Prepare(
            "INSERT INTO chatlog (message, dst_charname, src_map_x) VALUES (?, ?, 1),('a','b',2)".into(),
        ))
        .await;
    stream.tell(&Command::Execute(Execute::with(u32::MAX, &values))).await;
    assert_eq!(stream.hear(Expected::Prepared).await.expect("prepared").1.error, None);
    assert_eq!(stream.hear(Expected::Result).await.expect("done").1.error, None);
    assert!(stream.query("SELECT * FROM zenylog").await.error.is_some(), "hosts do not read logs");
    let kept = own.store.engine_lines("host-7", 10).await.expect("reads");
    assert_eq!(kept.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["zenylog", "chatlog", "chatlog"]);
    let read: Vec<serde_json::Value> =
        kept.iter().map(|line| serde_json::from_str(&line.line).expect("JSON")).collect();
    assert_eq!((&read[0]["amount"], &read[0]["map"]), (&"-7".into(), &"prt'".into()));
    assert_eq!(read[0]["time"].as_str().map(str::len), Some("2026-11-25 01:00:00".len()), "{}", read[0]);
    assert_eq!((&read[1]["message"], &read[1]["dst_charname"]), (&"h\u{fffd}".into(), &serde_json::Value::Null));
    assert_eq!(read[2]["src_map_x"], "2");
    let long = format!("INSERT INTO chatlog (message) VALUES ('{}')", "x".repeat(20_000));
    assert_eq!(stream.query(&long).await.error, Some(code::OUT_OF_RESOURCES));
}

#[tokio::test]
async fn what_is_not_kept_is_empty_or_refused_as_with_a_database() {
    let own = own().await;
    let mut stream = own.stage.stream("host-1");
    for empty in ["SELECT * FROM db_roulette", "SELECT * FROM vendings", "SELECT account_id FROM party_bookings"] {
        let answer = stream.query(empty).await;
        assert_eq!((answer.rows, answer.error), (0, None), "{empty}");
    }
    for refused in [
        "SELECT user_pass FROM login",
        "SELECT * FROM engine_rows",
        "SELECT * FROM fleet_mapreg",
        "SELECT zeny FROM `char`",
        "DELETE FROM picklog",
        "SELECT value FROM mapreg WHERE value = (SELECT value FROM market)",
        "SELECT LOAD_FILE('/etc/passwd') FROM mapreg",
        "UPDATE mapreg SET map_group = 'caves'",
        "DROP TABLE mapreg",
    ] {
        let error = stream.query(refused).await.error;
        assert!(matches!(error, Some(code::TABLE_ACCESS_DENIED | code::UNKNOWN_COLUMN)), "{refused}: {error:?}");
        assert!(stream.ask(&Command::Prepare(refused.into())).await.error.is_some(), "{refused}");
    }
}

#[tokio::test]
async fn a_table_takes_so_many_rows_and_no_more() {
    let own = own().await;
    let row =
        |number: u32| crate::store::EngineRow { key: number.to_be_bytes().to_vec(), body: vec![1, b'$', 1, b'0', 0] };
    let rows: Vec<_> = (0..8_192).map(row).collect();
    own.store.change_engine_rows(EngineTable { group: b"fields", name: "mapreg" }, &rows, &[]).await.expect("writes");
    let mut stream = own.stage.stream("host-1");
    assert_eq!(stream.query("INSERT INTO mapreg VALUES ('$new', 0, '')").await.error, Some(code::TABLE_FULL));
    assert_eq!(stream.query("INSERT INTO market VALUES ('new', 1, 1, 1, 1)").await.error, None);
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error_and_not_the_hosts_fault() {
    let own = own().await;
    own.store.close().await;
    let mut stream = own.stage.stream("host-1");
    assert_eq!(stream.query("SELECT * FROM mapreg").await.error, Some(code::SHUTDOWN));
    assert_eq!(stream.query("INSERT INTO mapreg VALUES ('$a', 0, '')").await.error, Some(code::SHUTDOWN));
    assert_eq!((own.stage.numbers().failed, own.stage.numbers().refused), (2, 0));
    assert!(!own.stage.relay.backend().answers().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_many_hosts_are_written_together_and_each_once() {
    let own = own().await;
    let mut writing = tokio::task::JoinSet::new();
    for host in 0..6 {
        let mut stream = own.stage.stream(&format!("host-{host}"));
        writing.spawn(async move {
            for line in 0..25 {
                let insert = format!("INSERT INTO zenylog (amount) VALUES ('{line}'),('{line}')");
                assert_eq!(stream.query(&insert).await.error, None);
            }
        });
    }
    writing.join_all().await;
    for host in 0..6 {
        let lines = own.store.engine_lines(&format!("host-{host}"), 1_000).await.expect("reads");
        let wanted = (0..50).map(|line| format!(r#"{{"amount":"{}"}}"#, line / 2));
        assert_eq!(lines.into_iter().map(|line| line.line).collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }
}
