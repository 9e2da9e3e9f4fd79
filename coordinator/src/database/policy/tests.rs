pub(in crate::database) mod generated;
pub(in crate::database) mod sent;

use std::collections::BTreeMap;

use bifrost_protocol::mysql::sql::{Given, Literal};
use bytes::Bytes;
use sent::Reach;

use super::*;

const ESCAPES: &str = include_str!("tests/escapes.txt");

/// The hand-written attempts: class, what has to become of it, statement.
pub(in crate::database) fn attempts() -> impl Iterator<Item = (&'static str, &'static str, Bytes)> {
    let mut class = "";
    ESCAPES.lines().filter_map(move |line| {
        class = line.strip_prefix("## ").unwrap_or(class);
        let (wanted, statement) = line.split_once('\t').filter(|_| !line.starts_with('#'))?;
        Some((class, wanted, unescape(statement)))
    })
}

fn judge() -> Judge {
    Judge::new(Policy::read(DEFAULT_POLICY).unwrap_or_else(|error| panic!("{error}")))
}

/// A line of the list with `\xHH` replaced.
fn unescape(line: &str) -> Bytes {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let (hex, behind) = after.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("hex"));
        rest = behind;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes.into()
}

/// How [`sent`] writes the group and the host.
const GROUP: &str = "'group\\'one'";
const HOST: &str = "'host-1'";

/// What the database would be sent, for a group and a host of these names.
fn sent(judgement: &Judgement) -> Option<Bytes> {
    let Plan::Passed(passed) = &*judgement.plan else { return None };
    let (scope, host) = (Literal::Text("group'one".into()), Literal::Text("host-1".into()));
    Some(passed.template.text(&judgement.literals, |given| match given {
        Given::Scope => &scope,
        Given::Host => &host,
    }))
}

#[test]
fn hand_written_escapes_do_not_escape() {
    let (judge, reach) = (judge(), Reach::of_default(GROUP, HOST));
    let mut count = 0;
    for (class, wanted, statement) in attempts() {
        // The second time goes by the digest, the third by the shape.
        for _ in 0..3 {
            let judgement = judge.judge(&statement);
            let explained = explain(&judge, &statement);
            assert_eq!(explained.action, wanted, "{class}: {}\n{explained}", String::from_utf8_lossy(&statement));
            if let Some(text) = sent(&judgement) {
                reach.check(&text);
            }
        }
        count += 1;
    }
    assert!(count >= 200, "{count} attempts");
}

#[test]
fn everything_a_stock_map_server_says_is_served() {
    let mut actions = BTreeMap::new();
    let judge = judge();
    for capture in [
        include_str!("../../../../node/protocol/fixtures/mysql/city-main.txt"),
        include_str!("../../../../node/protocol/fixtures/mysql/field-main.txt"),
        include_str!("../../../../node/protocol/fixtures/mysql/field-log.txt"),
    ] {
        for line in capture
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" > ").map(|(_, hex)| hex))
        {
            let bytes: Vec<u8> =
                (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).expect("hex")).collect();
            if matches!(bytes[4], 3 | 0x16) && bytes[3] == 0 {
                let explained = explain(&judge, &bytes[5..]);
                assert_ne!(explained.action, "refuse", "{explained}\n{}", String::from_utf8_lossy(&bytes[5..]));
                *actions.entry(explained.action).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(actions.keys().copied().collect::<Vec<_>>(), ["append", "cache", "local", "scope"]);
    assert!(judge.plans() < 40, "{} kinds of statements", judge.plans());
}

#[test]
fn own_rows_are_all_that_is_seen_and_changed() {
    let judge = judge();
    for (statement, wanted) in [
        (
            "SELECT * FROM mapreg WHERE varname = '$a' OR value = '1' LIMIT 3",
            "SELECT `varname`, `index`, `value` FROM `fleet_mapreg` WHERE (((`varname` = '$a') OR (`value` = '1')) AND \
             (`map_group` = 'group\\'one')) LIMIT 3",
        ),
        (
            "REPLACE INTO barter (`name`,`index`,`amount`) VALUES ('s', '1', '2'), ('t', '3', '4')",
            "REPLACE INTO `fleet_barter` (`name`, `index`, `amount`, `map_group`) VALUES ('s', '1', '2', 'group\\'one'), \
             ('t', '3', '4', 'group\\'one')",
        ),
        (
            "INSERT INTO mapreg VALUES ('$b', -1, 'x')",
            "INSERT INTO `fleet_mapreg` (`varname`, `index`, `value`, `map_group`) VALUES ('$b', -1, 'x', 'group\\'one')",
        ),
        ("DELETE FROM market", "DELETE FROM `fleet_market` WHERE (`map_group` = 'group\\'one')"),
        (
            "INSERT DELAYED INTO `zenylog` (`time`, `amount`) VALUES (NOW(), '5')",
            "INSERT INTO `fleet_zenylog` (`time`, `amount`, `host`) VALUES (NOW(), '5', 'host-1')",
        ),
        ("SELECT * FROM `db_roulette`", "SELECT `index`, `level`, `item_id`, `amount`, `flag` FROM `db_roulette`"),
    ] {
        for _ in 0..3 {
            let sent = sent(&judge.judge(&Bytes::from_static(statement.as_bytes()))).expect("passed on");
            assert_eq!(String::from_utf8_lossy(&sent), wanted);
        }
    }
}

#[test]
fn statements_that_are_alike_share_a_plan_and_keep_their_values() {
    let judge = judge();
    let texts: Vec<String> = (1..100)
        .map(|number| {
            let statement = format!(
                "UPDATE mapreg SET value = '{number}' WHERE varname='$v{number}' AND `index`=-{number} LIMIT 1"
            );
            let sent = sent(&judge.judge(&statement.into())).expect("passed on");
            String::from_utf8_lossy(&sent).into_owned()
        })
        .collect();
    assert_eq!(judge.plans(), 1);
    for (number, text) in (1..).zip(&texts) {
        let wanted =
            format!("SET `value` = '{number}' WHERE ((`varname` = '$v{number}') AND (`index` = -{number}) AND");
        assert!(text.contains(&wanted), "{text}");
    }
    // The sign of zero would be lost, and a plan without it kept for other numbers.
    let zero =
        judge.judge(&Bytes::from_static(b"UPDATE mapreg SET value = '1' WHERE varname='$v' AND `index`=-0 LIMIT 1"));
    assert_eq!(sent(&zero).is_some(), judge.plans() == 1);
}

#[test]
fn values_that_only_the_parser_reads_are_not_cut_out() {
    let judge = judge();
    let statement = |value: &str| Bytes::from(format!("SELECT varname FROM mapreg WHERE value = {value}"));
    for (value, wanted) in [
        ("'plain'", "'plain'"),
        ("'it\\'s'", "'it\\'s'"),
        ("'it''s'", "'it\\'s'"),
        ("\"it's\"", "'it\\'s'"),
        ("'back\\\\'", "'back\\\\'"),
        ("007", "7"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1.50", "1.50"),
    ] {
        for _ in 0..3 {
            let sent = sent(&judge.judge(&statement(value))).unwrap_or_else(|| panic!("{value} is refused"));
            let text = String::from_utf8_lossy(&sent).into_owned();
            assert!(text.contains(&format!("(`value` = {wanted}) AND")), "{value}: {text}");
        }
    }
    let swapped = |offset, count| Bytes::from(format!("SELECT varname FROM mapreg LIMIT {offset}, {count}"));
    for (offset, count) in [(5, 5), (1, 2), (0, 3)] {
        let text = sent(&judge.judge(&swapped(offset, count))).expect("passed on");
        let tail = if offset == 0 { format!(" LIMIT {count}") } else { format!(" LIMIT {count} OFFSET {offset}") };
        assert!(String::from_utf8_lossy(&text).ends_with(&tail));
    }
}

#[test]
fn plans_are_kept_in_bounded_number() {
    let judge = judge();
    for number in 0..6_000 {
        let rows = vec![format!("('a{number}', 1, 'x')"); 1 + number % 30].join(",");
        let columns = if number % 2 == 0 { "" } else { "(varname, `index`, value)" };
        let label = format!("x{number}");
        let _insert = judge.judge(&Bytes::from(format!("INSERT INTO mapreg {columns} VALUES {rows}")));
        let _select = judge.judge(&Bytes::from(format!("SELECT varname AS {label} FROM mapreg")));
    }
    assert!(judge.plans() <= 2_048);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    for (text, wanted) in [
        ("[tables.mapreg]\nall = \"everything\"\n", "2:7: `everything` is not one of"),
        ("[tables.a]\ncolumns = [\"x\"]\nselect = \"cache 0 s\"", "3:10: `cache 0 s` is not one of"),
        ("[tables.a]\nselect = \"forward\"", "2:10: SELECT of table a: needs `columns`"),
        ("[tables.a]\ncolumns = [\"x\", \"X\"]", "2:17: column X is listed twice"),
        ("[tables.a]\ncolumns = [\"x y\"]", "2:12: `x y` is no name of a column"),
        ("[tables.\"a-b\"]\nselect = \"local\"", "1:9: `a-b` is no name of a table"),
        ("functions = [\"NOW\",\n  \"sleep\"]", "2:3: function SLEEP is never allowed"),
        (
            "[tables.vendings]\ncolumns = [\"id\"]\ndelete = \"forward\"",
            "3:10: DELETE of table vendings: every starting",
        ),
        ("[tables.a]\ncolumns = [\"x\"]\nselect = \"scope\"", "3:10: SELECT of table a: needs `kept_in` and `stamp`"),
        ("[tables.a]\ncolumns = [\"x\"]\nupdate = \"append\"", "3:10: UPDATE of table a: only INSERT can add"),
        ("[tables.a]\ncolumns = [\"x\"]\ndelete = \"cache 5 s\"", "3:10: DELETE of table a: only SELECT can be kept"),
        ("[tables.a]\nkept_in = \"b\"", "2:11: `kept_in` and `stamp` belong together"),
        (
            "[tables.a]\ncolumns = [\"x\"]\nkept_in = \"b\"\nstamp = \"x\"\n[tables.b]\nselect = \"local\"",
            "3:11: table b is in the policy itself, so hosts could reach it\n4:9: column x is among the columns",
        ),
        (
            "[tables.a]\ncolumns = [\"x\"]\nkept_in = \"b\"\nstamp = \"s\"\nall = \"scope\"",
            "5:7: SELECT of table a: needs `key`",
        ),
        ("[tables.a]\nselct = \"local\"", "2:1: unknown field"),
        ("[tables.a\n", "1:10: "),
    ] {
        let problems = Policy::read(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(problems.starts_with(wanted), "{text}\n{problems}");
    }
}

#[test]
fn the_operator_is_told_what_to_create_and_to_grant() {
    let policy = judge();
    let tables = schema(policy.policy());
    assert!(tables.contains("CREATE TABLE IF NOT EXISTS `fleet_mapreg` LIKE `mapreg`;"));
    assert!(tables.contains("DROP PRIMARY KEY, ADD PRIMARY KEY (`map_group`, `varname`, `index`);"));
    let grants = user_grants(policy.policy(), "ragnarok", "bifrost@localhost");
    assert!(grants.contains("GRANT INSERT ON `ragnarok`.`fleet_picklog` TO bifrost@localhost;"));
    assert!(grants.contains("GRANT SELECT ON `ragnarok`.`db_roulette` TO bifrost@localhost;"));
    assert!(!grants.contains("vending") && !grants.contains("`picklog`") && !grants.contains("`mapreg`"));
}
