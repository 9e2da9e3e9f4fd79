//! Ten thousand statements out of pieces that attacks are made of. Whatever of them is passed on is within the policy.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

fn word() -> BoxedStrategy<String> {
    let pick = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    prop_oneof![
        4 => pick(&["varname", "`index`", "value", "amount", "name", "nameid", "map_group", "`map_group`", "user_pass", "*"]),
        3 => pick(&["mapreg", "`market`", "login", "fleet_mapreg", "vendings", "mysql.user", "picklog", "db_roulette"]),
        4 => pick(&["'x'", "''", "'it\\'s'", "'a''b'", "\"q\"", "'\\\\'", "1", "-1", "0", "1.5", "NULL", "?", "0x41", "@a"]),
        3 => pick(&["=", "<>", "<", ">=", "AND", "OR", "NOT", "IN", "LIKE", "IS", "+", "-", "*", "||", "BETWEEN"]),
        3 => pick(&["(", ")", ",", ";", ".", "--", "/*", "*/", "#", "`", "'", "\\"]),
        2 => pick(&["SLEEP(1)", "NOW()", "COUNT(*)", "LOAD_FILE('x')", "UNIX_TIMESTAMP(value)", "@@datadir", "VERSION()"]),
        2 => pick(&["UNION SELECT", "FOR UPDATE", "INTO OUTFILE 'x'", "LIMIT 1", "ORDER BY", "GROUP BY", "JOIN login", "AS x"]),
        1 => proptest::string::string_regex("[ -~]{0,6}").expect("a pattern"),
    ]
    .boxed()
}

/// A condition as an honest client writes it, maybe with something else in it.
fn condition() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("varname = '$a' AND `index` = '0'".to_owned()),
        2 => (word(), word(), word()).prop_map(|(left, how, right)| format!("{left} {how} {right}")),
        2 => (word(), word()).prop_map(|(left, right)| format!("{left} = {right} OR 1 = 1")),
        1 => (word(), word()).prop_map(|(left, right)| format!("(({left}) = ({right}))")),
        1 => word().prop_map(|table| format!("value = (SELECT value FROM {table})")),
    ]
}

/// An honest statement in which some words are replaced, doubled, taken out or put in.
fn changed() -> BoxedStrategy<String> {
    let honest = prop::sample::select(vec![
        "SELECT `varname` , `index` , `value` FROM `mapreg` WHERE `varname` = '$a' AND `index` = '0' LIMIT 1",
        "INSERT INTO `mapreg` ( `varname` , `index` , `value` ) VALUES ( '$a' , '0' , 'x' )",
        "UPDATE `mapreg` SET `value` = 'x' WHERE `varname` = '$a' OR `index` = '0' LIMIT 1",
        "DELETE FROM `market` WHERE `name` = 'a' AND `nameid` = '501' LIMIT 1",
        "SELECT * FROM `db_roulette` ORDER BY `index` DESC",
        "REPLACE INTO `barter` ( `name` , `index` , `amount` ) VALUES ( 'a' , '1' , '2' ) , ( 'b' , '1' , '2' )",
        "INSERT DELAYED INTO `zenylog` ( `time` , `amount` , `map` ) VALUES ( NOW() , '5' , 'prontera' )",
        "SELECT COUNT(*) FROM `sales` WHERE `end` > NOW()",
    ]);
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, word()), 0..3);
    (honest, changes)
        .prop_map(|(honest, changes)| {
            let mut words: Vec<String> = honest.split(' ').map(str::to_owned).collect();
            for (at, how, word) in changes {
                let at = at.index(words.len());
                match how {
                    0 => words[at] = word,
                    1 => words.insert(at, word),
                    2 => words.insert(at, words[at].clone()),
                    _ => drop(words.remove(at)),
                }
            }
            words.join(" ")
        })
        .boxed()
}

/// Statements of every kind that is understood, with parts that are not.
pub(in crate::database) fn statement() -> impl Strategy<Value = String> {
    let table = prop::sample::select(vec![
        "mapreg",
        "`market`",
        "barter",
        "sales",
        "login",
        "db_roulette",
        "vendings",
        "fleet_mapreg",
        "x.mapreg",
        "picklog",
    ]);
    let columns = proptest::collection::vec(word(), 1..4).prop_map(|words| words.join(", ")).boxed();
    let values = proptest::collection::vec(word(), 1..6).prop_map(|words| words.join(", ")).boxed();
    let tail = proptest::collection::vec(word(), 0..3).prop_map(|words| words.join(" ")).boxed();
    prop_oneof![
        12 => changed(),
        3 => (columns.clone(), table.clone(), condition(), tail.clone())
            .prop_map(|(columns, table, filter, tail)| format!("SELECT {columns} FROM {table} WHERE {filter} {tail}")),
        2 => (columns.clone(), table.clone(), tail.clone())
            .prop_map(|(columns, table, tail)| format!("SELECT {columns} FROM {table} {tail}")),
        3 => (table.clone(), values.clone(), tail.clone())
            .prop_map(|(table, values, tail)| format!("INSERT INTO {table} VALUES ({values}) {tail}")),
        2 => (table.clone(), columns, values)
            .prop_map(|(table, columns, values)| format!("REPLACE INTO {table} ({columns}) VALUES ({values})")),
        3 => (table.clone(), word(), word(), condition(), tail.clone())
            .prop_map(|(table, column, value, filter, tail)| format!("UPDATE {table} SET {column} = {value} WHERE {filter} {tail}")),
        2 => (table, condition(), tail).prop_map(|(table, filter, tail)| format!("DELETE FROM {table} WHERE {filter} {tail}")),
        1 => proptest::collection::vec(word(), 1..12).prop_map(|words| words.join(" ")),
    ]
}

#[test]
fn generated_statements_do_not_escape() {
    let (judge, reach) = (judge(), Reach::of_default(GROUP, HOST));
    let passed = std::cell::Cell::new(0_u32);
    let mut runner = TestRunner::new(Config { cases: 10_000, failure_persistence: None, ..Config::default() });
    let run = runner.run(&statement(), |statement| {
        let statement = Bytes::from(statement);
        let first = judge.judge(&statement);
        if let Some(text) = sent(&first) {
            reach.check(&text);
            for by in ["digest", "shape"] {
                let again = sent(&judge.judge(&statement));
                prop_assert_eq!(again.as_ref(), Some(&text), "the {} says the same", by);
            }
            passed.set(passed.get() + 1);
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    assert!(passed.get() > 1_000, "only {} of them were passed on, so little was tried", passed.get());
}
