//! Whole conversations with an endpoint, without and with sockets.

mod client;
mod sockets;

use bifrost_protocol::mysql::sql::MAX_STATEMENT;
use bifrost_protocol::mysql::{Answer, Command, Execute, Framing, Greeting, Login, Value, code};
use bytes::{Bytes, BytesMut};

use client::{Client, Reply, messages};

/// Recorded traffic of stock map-servers: three connections of one, one of another.
const CAPTURES: [&str; 4] = [
    include_str!("../../../protocol/fixtures/mysql/city-main.txt"),
    include_str!("../../../protocol/fixtures/mysql/field-main.txt"),
    include_str!("../../../protocol/fixtures/mysql/field-log.txt"),
    include_str!("../../../protocol/fixtures/mysql/field-query.txt"),
];

fn rows(reply: Reply) -> Vec<Vec<Option<Bytes>>> {
    match reply {
        Reply::Rows { rows, .. } => rows,
        other @ (Reply::Done(_) | Reply::Failed(_)) => panic!("{other:?}"),
    }
}

fn texts(reply: Reply) -> Vec<Vec<String>> {
    let text = |value: Option<Bytes>| value.map_or("NULL".into(), |value| String::from_utf8_lossy(&value).into_owned());
    rows(reply).into_iter().map(|row| row.into_iter().map(text).collect()).collect()
}

#[test]
fn everything_a_stock_map_server_says_is_answered_as_mariadb_does() {
    for capture in CAPTURES {
        let (mut client, mut expected) = (Client::entered(), Vec::new());
        for (said, message) in messages(capture).into_iter().skip(3) {
            if !said {
                expected.push(message);
                continue;
            }
            compare(&mut client, std::mem::take(&mut expected));
            client.say(&message);
        }
        compare(&mut client, expected);
        assert_eq!(client.counts().refused, 0);
    }
}

/// Same kind of answer, same columns. Rows may differ: nothing is in the endpoint's tables yet.
fn compare(client: &mut Client, expected: Vec<Bytes>) {
    let got = client.heard();
    assert_eq!(got.is_empty(), expected.is_empty(), "{got:?} for {expected:?}");
    let (Some(first), Some(wanted)) = (got.first(), expected.first()) else { return };
    assert_eq!(first.first(), wanted.first(), "{first:?} for {wanted:?}");
    if let Ok(Answer::Rows(columns)) = Answer::decode(wanted) {
        for (column, wanted) in got.iter().zip(&expected).skip(1).take(usize::try_from(columns).expect("few")) {
            let name = |message: &Bytes| bifrost_protocol::mysql::Column::decode(message).expect("a column").name;
            assert_eq!(name(column), name(wanted));
        }
    }
}

#[test]
fn map_variables_are_there_again_as_long_as_the_engine_runs() {
    let mut client = Client::entered();
    let insert = |name: &str, index: u32, value: &str| {
        format!("INSERT INTO `mapreg`(`varname`,`index`,`value`) VALUES ('{name}','{index}','{value}')")
    };
    client.query(&insert("$a", 0, "1")).changed(1);
    client.query(&insert("$A", 0, "2")).changed(1);
    client.query(&insert("$b$", 3, "it\\'s")).changed(1);
    client.query(&insert("$a", 0, "3")).failed(code::DUPLICATE_KEY);
    let update = "UPDATE `mapreg` SET `value`='7' WHERE `varname`='$a' AND `index`='0' LIMIT 1";
    client.query(update).changed(1);
    client.query(update).changed(0);
    client.query("DELETE FROM `mapreg` WHERE `varname`='$A' AND `index`='0'").changed(1);
    let select = "SELECT `varname`, `index`, `value` FROM `mapreg`";
    let kept = [["$a", "0", "7"], ["$b$", "3", "it's"]];
    assert_eq!(texts(client.query(select)), kept);
    assert_eq!(texts(client.run(select, &[])), kept);
    let mut other = client.another();
    assert_eq!(texts(other.query(select)), kept, "all connections of an engine see the same");
    assert_eq!(texts(Client::entered().query(select)), Vec::<Vec<String>>::new(), "another engine sees nothing of it");
}

#[test]
fn shops_keep_their_stock() {
    let mut client = Client::entered();
    client
        .run("REPLACE INTO `market` (`name`,`nameid`,`price`,`amount`,`flag`) VALUES ('b','501','50','10','0')", &[])
        .changed(1);
    client
        .run("REPLACE INTO `market` (`name`,`nameid`,`price`,`amount`,`flag`) VALUES ('a','502','60','-1','0')", &[])
        .changed(1);
    client
        .run("REPLACE INTO `market` (`name`,`nameid`,`price`,`amount`,`flag`) VALUES ('b','501','50','9','0')", &[])
        .changed(2);
    let select = "SELECT `name`,`nameid`,`price`,`amount`,`flag` FROM `market` ORDER BY `name`";
    assert_eq!(texts(client.query(select)), [["a", "502", "60", "-1", "0"], ["b", "501", "50", "9", "0"]]);
    client.run("DELETE FROM `market` WHERE `name`='b' AND `nameid`='501' LIMIT 1", &[]).changed(1);
    client.run("DELETE FROM `market` WHERE `name`='a'", &[]).changed(1);
    assert!(rows(client.query(select)).is_empty());
    client.query("REPLACE INTO `barter` (`name`,`index`,`amount`) VALUES ( 'x', '1', '65535' )").changed(1);
    let amount = "SELECT `amount` FROM `barter` WHERE `name` = 'X' AND `index` = '1'";
    assert_eq!(texts(client.query(amount)), [["65535"]]);
}

#[test]
fn sales_end_by_the_clock() {
    let mut client = Client::entered();
    let sale = |item: u32, end: i64| {
        format!(
            "INSERT INTO `sales`(`nameid`,`start`,`end`,`amount`) \
             VALUES ( '{item}', FROM_UNIXTIME(1000), FROM_UNIXTIME({end}), '5' )"
        )
    };
    client.query(&sale(501, 4_000_000_000)).changed(1);
    client.query(&sale(502, 2_000)).changed(1);
    let living =
        "SELECT `nameid`, UNIX_TIMESTAMP(`start`), UNIX_TIMESTAMP(`end`), `amount` FROM `sales` WHERE `end` > now()";
    assert_eq!(texts(client.query(living)), [["501", "1000", "4000000000", "5"]]);
    client.query("DELETE FROM `sales` WHERE `end` < FROM_UNIXTIME(1795341442)").changed(1);
    client.query("UPDATE `sales` SET `amount` = `amount` - 1 WHERE `nameid` = '501'").changed(1);
    assert_eq!(texts(client.query("SELECT `start`, `amount` FROM `sales`")), [["1970-01-01 00:16:40", "4"]]);
}

#[test]
fn shops_of_players_are_never_there_whatever_is_written() {
    let mut client = Client::entered();
    client.query("INSERT INTO `vending_items`(`vending_id`,`index`) VALUES (1,0),(1,1)").changed(2);
    client.query("UPDATE `vendings` SET `map` = 'prontera' WHERE `id` = '1'").changed(0);
    client.query("DELETE FROM `vendings`;").changed(0);
    assert!(
        rows(client.query("SELECT `cartinventory_id`, `amount` FROM `vending_items` WHERE `vending_id` = 1"))
            .is_empty()
    );
    assert!(rows(client.query("SELECT * FROM `db_roulette`")).is_empty());
    client.query("INSERT DELAYED INTO `zenylog` (`time`, `amount`) VALUES (NOW(), '1')").changed(1);
    client.query("SELECT * FROM `zenylog`").failed(code::TABLE_ACCESS_DENIED);
}

#[test]
fn clients_find_what_they_ask_for_when_they_connect() {
    let mut client = Client::entered();
    for statement in ["SET NAMES utf8mb4", "SET AUTOCOMMIT = 0", "COMMIT", "ROLLBACK", "BEGIN", "USE ragnarok"] {
        client.query(statement).changed(0);
    }
    assert_eq!(texts(client.query("SHOW VARIABLES LIKE 'wait_timeout'")), [["wait_timeout", "28800"]]);
    assert_eq!(texts(client.query("select @@version_comment limit 1")), [["Bifrost"]]);
    assert_eq!(texts(client.query("SELECT DATABASE(), 1, 'x'")), [["ragnarok", "1", "x"]]);
    assert_eq!(texts(client.run("SELECT ?, ?", &[Value::Int(5), Value::Null])), [["5", "NULL"]]);
    assert!(matches!(client.command(&Command::Ping), Reply::Done(_)));
    assert!(matches!(client.command(&Command::InitDb("ragnarok".into())), Reply::Done(_)));
    client.command(&Command::InitDb("mysql".into())).failed(code::UNKNOWN_DATABASE);
}

#[test]
fn everything_else_is_denied() {
    let mut client = Client::entered();
    for statement in [
        "SELECT * FROM login",
        "SELECT user_pass FROM `ragnarok`.`login`",
        "SELECT * FROM other.mapreg",
        "SELECT varname FROM mapreg WHERE value = (SELECT user_pass FROM login LIMIT 1)",
        "SELECT LOAD_FILE('/etc/passwd')",
        "SELECT SLEEP(10)",
        "SELECT BENCHMARK(1000000, 1)",
        "DROP TABLE mapreg",
        "INSERT INTO login (userid) VALUES ('x')",
        "UPDATE `char` SET zeny = 1",
        "DELETE FROM inventory",
        "SELECT 1; DROP TABLE mapreg",
        "LOAD DATA INFILE 'x' INTO TABLE mapreg",
        "SET GLOBAL general_log = 1",
        "KILL 1",
        "not sql at all",
        "",
    ] {
        client.query(statement).failed(code::TABLE_ACCESS_DENIED);
        assert!(matches!(client.prepare(statement), Err(error) if error.code == code::TABLE_ACCESS_DENIED));
    }
    client.query("SELECT nonsense FROM mapreg").failed(code::UNKNOWN_COLUMN);
    for kind in [0x04, 0x11, 0x12, 0x1B, 0x1F, 0xFA] {
        client.command(&Command::Other(kind)).failed(code::UNKNOWN_COMMAND);
    }
    assert_eq!(client.counts().refused, 17 * 2 + 1 + 6);
}

#[test]
fn prepared_statements_take_their_parameters_in_pieces_too() {
    let mut client = Client::entered();
    let insert = client.prepare("INSERT INTO mapreg (varname, `index`, value) VALUES (?, ?, ?)").expect("prepared");
    for piece in ["long ", "value"] {
        let data = Bytes::from_static(piece.as_bytes());
        client.tell(&Command::LongData { statement: insert, parameter: 2, data });
    }
    let values = [Value::Bytes("$x$".into()), Value::Unsigned(2), Value::Null];
    client.command(&Command::Execute(Execute::with(insert, &values))).changed(1);
    assert_eq!(texts(client.query("SELECT * FROM mapreg")), [["$x$", "2", "long value"]]);
    client.command(&Command::Execute(Execute::with(insert, &values[..2]))).failed(code::WRONG_ARGUMENTS);
    assert!(matches!(client.command(&Command::Reset(insert)), Reply::Done(_)));
    client.tell(&Command::Close(insert));
    client.command(&Command::Execute(Execute::with(insert, &values))).failed(code::UNKNOWN_STATEMENT);
    client.command(&Command::Reset(insert)).failed(code::UNKNOWN_STATEMENT);
    for _ in 0..64 {
        client.prepare("SELECT 1").expect("room");
    }
    assert!(matches!(client.prepare("SELECT 1"), Err(error) if error.code == code::TOO_MANY_STATEMENTS));
}

#[test]
fn a_table_takes_so_many_rows_and_no_more() {
    let mut client = Client::entered();
    let insert = client.prepare("INSERT INTO mapreg VALUES ('$full', ?, '')").expect("prepared");
    for index in 0..8_192 {
        let run = Execute::with(insert, &[Value::Int(index)]);
        client.tell(&Command::Execute(run));
    }
    client.heard();
    let run = Execute::with(insert, &[Value::Int(-1_000_000)]);
    client.command(&Command::Execute(run)).failed(code::DUPLICATE_KEY);
    let run = Execute::with(insert, &[Value::Int(8_192)]);
    client.command(&Command::Execute(run)).failed(code::TABLE_FULL);
    assert_eq!(texts(client.query("SELECT COUNT(*) FROM mapreg")), [["8192"]]);
}

#[test]
fn who_does_not_know_the_password_stays_outside() {
    for (user, password, database) in
        [("engine", None, "ragnarok"), ("", Some("wrong"), "ragnarok"), ("", Some(""), "ragnarok"), ("", None, "mysql")]
    {
        let mut client = Client::connect();
        let refused = client.enter(user, password, database);
        assert!(refused.is_err_and(|error| [code::ACCESS_DENIED, code::UNKNOWN_DATABASE].contains(&error.code)));
        assert!(client.is_over());
        assert_eq!(client.counts().turned_away, 1);
    }
}

#[test]
fn a_client_that_proves_in_another_way_is_asked_again() {
    let mut client = Client::connect();
    assert_eq!(client.enter_with("", None, "ragnarok", "caching_sha2_password"), Ok(()));
    assert_eq!(texts(client.query("SELECT 1")), [["1"]]);
}

#[test]
fn what_is_no_handshake_or_no_message_ends_the_connection() {
    let mut client = Client::connect();
    client.say(b"GET / HTTP/1.1");
    assert!(client.is_over());
    let mut client = Client::connect();
    client.raw(&[0xFF, 0xFF, 0xFF, 1]);
    assert!(client.is_over(), "a login of 16 MiB is refused by its length");
    let mut client = Client::entered();
    client.raw(&[1, 0, 0, 7, 14]);
    assert!(client.is_over(), "out of order");
    let mut client = Client::entered();
    client.query(&"x".repeat(MAX_STATEMENT + 1)).failed(code::TABLE_ACCESS_DENIED);
    client.raw(&[0, 0, 0x10, 0]);
    assert!(client.is_over(), "a message of 1 MiB is refused by its length");
    let mut client = Client::entered();
    client.say(b"\x17\x01");
    assert!(client.is_over(), "a command that is cut");
}

#[test]
fn a_login_without_modern_capabilities_is_understood() {
    let mut client = Client::connect();
    let greeting = Greeting::decode(&client.heard()[0]).expect("a greeting");
    assert_eq!(greeting.nonce.iter().filter(|byte| **byte == 0).count(), 0);
    let (mut framing, mut wire) = (Framing::new(100), BytesMut::new());
    let login = Login { plugin: None, database: None, ..client.login(&greeting, "", None, "", "") };
    let old =
        bifrost_protocol::mysql::Capabilities::PROTOCOL_41 | bifrost_protocol::mysql::Capabilities::SECURE_CONNECTION;
    framing.put(&mut wire, &greeting.encode());
    wire.clear();
    framing.put(&mut wire, &Login { capabilities: old, ..login }.encode());
    client.raw(&wire);
    assert!(!client.is_over());
}
