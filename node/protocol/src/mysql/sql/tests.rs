use proptest::prelude::*;

use super::*;

/// What a stock map-server sends, and what becomes of it.
const STATEMENTS: &[(&str, &str)] = &[
    ("SELECT `varname`, `index`, `value` FROM `mapreg`", "SELECT `varname`, `index`, `value` FROM `mapreg`"),
    (
        "INSERT INTO `mapreg`(`varname`,`index`,`value`) VALUES ('$a','0','it\\'s')",
        "INSERT INTO `mapreg` (`varname`, `index`, `value`) VALUES ('$a', '0', 'it\\'s')",
    ),
    (
        "UPDATE `mapreg` SET `value`='^FF0000' WHERE `varname`='$t$' AND `index`='0' LIMIT 1",
        "UPDATE `mapreg` SET `value` = '^FF0000' WHERE ((`varname` = '$t$') AND (`index` = '0')) LIMIT 1",
    ),
    ("DELETE FROM `vendings`;", "DELETE FROM `vendings`"),
    (
        "SELECT `nameid`, UNIX_TIMESTAMP(`start`), UNIX_TIMESTAMP(`end`), `amount` FROM `sales` WHERE `end` > now()",
        "SELECT `nameid`, UNIX_TIMESTAMP(`start`), UNIX_TIMESTAMP(`end`), `amount` FROM `sales` WHERE (`end` > NOW())",
    ),
    (
        "DELETE FROM `sales` WHERE `end` < FROM_UNIXTIME(1795341442)",
        "DELETE FROM `sales` WHERE (`end` < FROM_UNIXTIME(1795341442))",
    ),
    (
        "REPLACE INTO `barter` (`name`,`index`,`amount`) VALUES ( 'shop', '1', '65535' )",
        "REPLACE INTO `barter` (`name`, `index`, `amount`) VALUES ('shop', '1', '65535')",
    ),
    (
        "SELECT `id` FROM `vendings` WHERE `autotrade` = 1 AND (SELECT COUNT(`vending_id`) FROM `vending_items` \
         WHERE `vending_id` = `id`) > 0 ORDER BY `id`;",
        "SELECT `id` FROM `vendings` WHERE ((`autotrade` = 1) AND ((SELECT COUNT(`vending_id`) FROM `vending_items` \
         WHERE (`vending_id` = `id`)) > 0)) ORDER BY `id`",
    ),
    (
        "INSERT DELAYED INTO `chatlog` (`time`, `src_map`, `message`) VALUES (NOW(), 'prontera', ?)",
        "INSERT INTO `chatlog` (`time`, `src_map`, `message`) VALUES (NOW(), 'prontera', ?)",
    ),
    ("SELECT * FROM `db_roulette`", "SELECT * FROM `db_roulette`"),
    (
        "select count(*) from t where a in (1,-2) and not b is null limit 2,5",
        "SELECT COUNT(*) FROM `t` WHERE ((`a` IN (1, -2)) AND (NOT (`b` IS NULL))) LIMIT 5 OFFSET 2",
    ),
];

#[test]
fn statements_of_a_map_server_are_read_and_written_anew() {
    for (statement, written) in STATEMENTS {
        let parsed = parse(statement.as_bytes()).unwrap_or_else(|refusal| panic!("{statement}: {refusal}"));
        let rendered = parsed.render();
        assert_eq!(String::from_utf8_lossy(&rendered), *written);
        assert_eq!(parse(&rendered).map(|again| again.render()), Ok(rendered), "what is written reads the same");
    }
}

#[test]
fn session_statements_are_told_apart() {
    let session = |statement: &str| match parse(statement.as_bytes()) {
        Ok(Statement::Session(session)) => session,
        other => panic!("{statement}: {other:?}"),
    };
    assert_eq!(session("SHOW VARIABLES LIKE 'wait_timeout'"), Session::Show("wait_timeout".into()));
    let set = |charset: Option<&str>, variables: &[&str]| Session::Set {
        charset: charset.map(str::to_owned),
        variables: variables.iter().map(|name| (*name).to_owned()).collect(),
    };
    assert_eq!(session("SET NAMES utf8mb4"), set(Some("utf8mb4"), &[]));
    assert_eq!(session("set names 'Latin1' COLLATE latin1_bin;"), set(Some("latin1"), &[]));
    assert_eq!(session("SET CHARACTER SET utf8"), set(Some("utf8"), &[]));
    assert_eq!(session("SET AUTOCOMMIT = 0"), set(None, &["autocommit"]));
    assert_eq!(
        session("SET SESSION net_write_timeout=1, @@session.sql_mode = ''"),
        set(None, &["net_write_timeout", "sql_mode"])
    );
    // What sqlx says when it connects.
    let sqlx = "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')),time_zone='+00:00',\
                NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;";
    assert_eq!(session(sqlx), set(Some("utf8mb4"), &["sql_mode", "time_zone"]));
    assert_eq!(session("BEGIN"), Session::Begin);
    assert_eq!(session("START TRANSACTION"), Session::Begin);
    assert_eq!(session("COMMIT"), Session::Commit);
    assert_eq!(session("ROLLBACK"), Session::Rollback);
    assert_eq!(session("USE ragnarok"), Session::Use(Name::new("ragnarok").expect("a name")));
}

#[test]
fn what_is_no_such_statement_is_refused_with_the_reason() {
    for (statement, refusal) in [
        ("", Refusal::Empty),
        (" ; ", Refusal::Empty),
        ("SELECT 1; SELECT 2", Refusal::Several),
        ("SELECT 1 /* x */", Refusal::Comment),
        ("SELECT 1 /*!50000 , 2 */", Refusal::Comment),
        ("SELECT 1 -- x", Refusal::Comment),
        ("SELECT 1 # x", Refusal::Comment),
        ("SELECT 'open", Refusal::Unterminated),
        ("SELECT 1\0", Refusal::Byte(0)),
        ("SELECT\u{a0}1", Refusal::Byte(0xC2)),
        ("SELECT a FROM b UNION SELECT c FROM d", Refusal::Clause("UNION or a nested query")),
        ("WITH x AS (SELECT 1) SELECT * FROM x", Refusal::Kind),
        ("SELECT a FROM b, c", Refusal::Clause("several tables")),
        ("SELECT a FROM b JOIN c", Refusal::Clause("JOIN, CAST or another word that is not served")),
        ("SELECT a INTO OUTFILE '/tmp/x' FROM b", Refusal::File),
        ("SELECT a FROM b INTO dumpfile '/tmp/x'", Refusal::File),
        ("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE b", Refusal::File),
        ("SELECT LOAD_FILE('/etc/passwd')", Refusal::File),
        ("SELECT 'INTO OUTFILE', `outfile` FROM", Refusal::Syntax),
        ("SELECT a FROM b FOR UPDATE", Refusal::Clause("a lock")),
        ("SELECT @a", Refusal::Variable),
        ("SELECT @a := 1", Refusal::Byte(b':')),
        ("SELECT {fn NOW()}", Refusal::Byte(b'{')),
        ("SELECT 'a' 'b'", Refusal::Literal),
        ("SELECT 0x41", Refusal::Literal),
        ("SELECT a FROM `b c`", Refusal::Name),
        ("SELECT ((((((((((1))))))))))", Refusal::TooDeep),
        ("DROP TABLE mapreg", Refusal::Kind),
        ("SET GLOBAL general_log = 1", Refusal::Clause("another kind of SET")),
        ("SET @@global.general_log = 1", Refusal::Clause("another kind of SET")),
        ("SET PASSWORD = 'x'", Refusal::Clause("another kind of SET")),
        ("SET a = 1, GLOBAL b = 2", Refusal::Clause("another kind of SET")),
        ("SET @a = 1", Refusal::Variable),
        ("SET a = 1; SELECT 1", Refusal::Several),
        ("SET", Refusal::Syntax),
        ("SET a", Refusal::Syntax),
        ("SET a = (1", Refusal::Syntax),
        ("INSERT INTO a SELECT * FROM b", Refusal::Clause("INSERT SELECT")),
        ("INSERT INTO a (b, c) VALUES (1)", Refusal::Clause("rows that do not fit the columns")),
    ] {
        assert_eq!(parse(statement.as_bytes()), Err(refusal), "{statement}");
    }
    assert_eq!(parse(&vec![b' '; MAX_STATEMENT + 1]), Err(Refusal::TooLong));
}

/// Within half the stack that tasks have.
#[test]
fn chains_do_not_exhaust_the_stack_and_do_not_take_long() {
    let read_all = || {
        for link in
            ["+1", " AND 1", " IS NULL", " UNION SELECT 1", " OR NOT 1", "=1", " COLLATE a", " - - 1", ",1", ".a"]
        {
            for times in [30, 60, 120, 250, 1_100] {
                let statement = format!("SELECT 1{}", link.repeat(times));
                let read = parse(statement.as_bytes());
                assert!(read.is_err() || times < 48 || link == ",1", "{link} x {times}");
            }
        }
        let openings = [
            "(",
            "- ",
            "NOT ",
            "a(",
            "(SELECT ",
            "PRIOR ",
            "INTERVAL ",
            "EXISTS ",
            "a.",
            "BINARY ",
            "STRUCT<a ",
            "CONNECT_BY_ROOT ",
            "DISTINCT ",
            "EXPLAIN ",
            "x IN (",
            "! ",
            "WITH a AS ",
            "STRAIGHT_JOIN ",
            "ANY ",
            "1 BETWEEN ",
            "b LIKE ",
            "LATERAL ",
            "MAP ",
            "DATE ",
            "_utf8 ",
            "FROM ",
            "a JOIN ",
            "a CROSS APPLY ",
            "ALL ",
            "a NATURAL ",
            "ROW(",
            "a = ANY(",
            "NULLS ",
            "OVER ",
            "TABLE ",
            "VALUES ",
            "SET a = ",
            "a LIKE b ESCAPE ",
        ];
        for opening in openings {
            for head in ["SELECT ", "SELECT a FROM ", "INSERT INTO a ", "UPDATE a SET b = ", "SET a = ", "SHOW ", ""] {
                for times in [8, 30, 60, 120, 250] {
                    let statement = format!("{head}{}1", opening.repeat(times));
                    let started = std::time::Instant::now();
                    let _read = parse(statement.as_bytes());
                    let took = started.elapsed().as_millis();
                    assert!(took < 500, "{head}{opening} x {times}: {took} ms");
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(read_all).expect("a thread").join().expect("no overflow");
}

#[test]
fn bytes_of_any_code_page_come_back() {
    let statement = b"INSERT INTO t (a) VALUES ('\xB0\xA1\xFF\\\\\\0\\'')";
    let Ok(Statement::Insert(insert)) = parse(statement) else { panic!("an insert") };
    let wanted = Bytes::from_static(b"\xB0\xA1\xFF\\\0'");
    assert_eq!(insert.rows, [[Expr::Literal(Literal::Text(wanted))]]);
    assert_eq!(parse(&Statement::Insert(insert.clone()).render()), Ok(Statement::Insert(insert)));
}

proptest! {
    #[test]
    fn text_cannot_leave_its_quotes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let delete = Delete {
            table: Table { schema: None, name: Name::new("t").expect("a name") },
            filter: Some(Expr::Literal(Literal::Text(bytes.into()))),
            limit: None,
        };
        let statement = Statement::Delete(delete);
        prop_assert_eq!(parse(&statement.render()), Ok(statement));
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _read = parse(&bytes);
    }

    #[test]
    fn words_in_any_order_are_read_or_refused(words in proptest::collection::vec(
        prop::sample::select(vec![
            "SELECT", "*", "FROM", "t", "WHERE", "(", ")", ",", "'x'", "1", "=", "AND", "NOT", "INSERT", "INTO", "VALUES",
            "?", "UPDATE", "SET", "DELETE", "LIMIT", "UNION", "IN", "CASE", "WHEN", "THEN", "END", "@@a", "`b`", ";", "-",
            "EXISTS", "INTERVAL", "CAST", "AS", "CHAR", "JOIN", "ON", "USING", "GROUP", "BY", "OVER", "BETWEEN",
        ]),
        0..40,
    )) {
        let statement = words.join(" ");
        if let Ok(read) = parse(statement.as_bytes()) {
            let rendered = read.render();
            if !rendered.is_empty() {
                prop_assert_eq!(parse(&rendered).map(|again| again.render()), Ok(rendered), "{}", statement);
            }
        }
    }
}
