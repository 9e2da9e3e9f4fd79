//! What gets past the relay, told by the database itself: everything that the relay's user asked is in the general log of the
//! server.

use std::num::NonZeroU32;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::*;
use crate::database::policy::tests::attempts;
use crate::database::policy::tests::generated::statement;
use crate::database::policy::tests::sent::Reach;

/// Statements that are made up.
const GENERATED: usize = 10_000;
/// Of how many of them one is prepared and run, too.
const PREPARED: usize = 5;
/// What is in a table that no host may see.
const SECRET: &str = "hunter2-of-the-operator";
/// What each new session of the relay begins with, and how it changes its character set.
const SESSION: &[&str] = &["SET SESSION sql_mode = ", "SET SESSION max_statement_time = ", "SET NAMES "];

/// One host that tries everything.
struct Attacker {
    stage: Stage,
    stream: Stream,
    passed: usize,
}

impl Attacker {
    fn new(stage: Stage) -> Self {
        Self { stream: stage.stream("host-1"), stage, passed: 0 }
    }

    /// Sends one command; a stream that ends is begun anew.
    async fn tell(&mut self, command: &Command) -> Option<Bytes> {
        let expected = if matches!(command, Command::Prepare(_)) { Expected::Prepared } else { Expected::Result };
        self.stream.tell(command).await;
        let Some((bytes, passed)) = self.stream.hear(expected).await else {
            self.stream = self.stage.stream("host-1");
            return None;
        };
        untold(&bytes);
        self.passed += usize::from(passed.error.is_none());
        Some(bytes).filter(|_| passed.error.is_none())
    }

    /// As text, and, if `prepared`, also prepared and run with values that try to be more.
    async fn attempt(&mut self, statement: &Bytes, prepared: bool) {
        self.tell(&Command::Query(statement.clone())).await;
        if !prepared {
            return;
        }
        let Some(answer) = self.tell(&Command::Prepare(statement.clone())).await else { return };
        let ok = PrepareOk::decode(&answer[4..16]).expect("prepared");
        let value = |at: u16| match at % 3 {
            0 => Value::Bytes(Bytes::from_static(b"' OR 1=1; SELECT * FROM login -- ")),
            1 => Value::Bytes(Bytes::from_static(b"\xBF\x27 \\' \" ` \0 \x1A")),
            _ => Value::Int(-1),
        };
        let values: Vec<_> = (0..ok.parameters).map(value).collect();
        self.tell(&Command::Execute(Execute::with(ok.statement, &values))).await;
        self.stream.tell(&Command::Close(ok.statement)).await;
    }

    /// Every command there can be, with something behind it that reads as a table, a statement or a number.
    async fn attempt_commands(&mut self) {
        for kind in 0..=u8::MAX {
            for tail in [&b""[..], b"login\0", b"SELECT user_pass FROM login", &[1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x27]] {
                let mut frame = BytesMut::new();
                Framing::new(0).put(&mut frame, &[&[kind], tail].concat());
                let mut stream = self.stage.stream("host-1");
                stream.wire.write_all(&frame).await.expect("written");
                stream.wire.shutdown().await.expect("no more");
                let mut heard = Vec::new();
                stream.wire.read_to_end(&mut heard).await.expect("readable");
                untold(&heard);
            }
        }
    }
}

fn untold(answer: &[u8]) {
    let leaked = answer.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
    assert!(!leaked, "told: {}", String::from_utf8_lossy(answer));
}

#[tokio::test]
async fn the_servers_own_log_shows_nothing_outside_the_policy() {
    let Some(lab) = Lab::start(4).await else { return };
    lab.admin("CREATE TABLE login (account_id INT, userid VARCHAR(24), user_pass VARCHAR(32))").await;
    lab.admin(&format!("INSERT INTO login VALUES (1, 'admin', '{SECRET}')")).await;
    let own = "CHECKSUM TABLE login, mapreg, market, barter, sales, db_roulette, picklog, chatlog, zenylog";
    let before = lab.admin(own).await;
    let plenty = NonZeroU32::new(u32::MAX / 16).expect("not zero");
    let limits = HostLimits { statements: plenty, bytes: plenty, rows: plenty, ..HostLimits::default() };
    lab.log().await;

    let mut attacker = Attacker::new(Stage::new(lab.config.clone(), limits));
    let mut written = 0;
    for (_, _, statement) in attempts() {
        attacker.attempt(&statement, true).await;
        // A stream that gets nothing but refusals ends.
        attacker.attempt(&Bytes::from_static(b"SELECT 1"), false).await;
        written += 1;
    }
    attacker.attempt_commands().await;
    let (mut runner, statements) = (TestRunner::deterministic(), statement());
    for number in 0..GENERATED {
        let statement = statements.new_tree(&mut runner).expect("a statement").current();
        attacker.attempt(&statement.into(), number % PREPARED == 0).await;
    }

    let (values, places) = (Reach::of_default("'fields'", "'host-1'"), Reach::of_default("?", "?"));
    let (mut asked, logged) = (0, lab.logged().await);
    for (kind, text) in &logged {
        match kind.as_str() {
            "Query" if SESSION.iter().any(|start| text.starts_with(start)) => {}
            "Query" | "Execute" => {
                values.check(text.as_bytes());
                asked += 1;
            }
            "Prepare" => places.check(text.as_bytes()),
            "Connect" | "Close stmt" | "Quit" => {}
            _ => panic!("{kind}: {text}"),
        }
    }
    assert!(written >= 200, "{written} attempts");
    assert!(asked > 1_000 && asked <= attacker.passed, "{asked} in the log, {} answered", attacker.passed);
    assert_eq!(lab.admin(own).await, before, "the operator's own tables");
    assert!(attacker.stage.tally.of("sql_attack") > 10 && attacker.stage.numbers().refused > 5_000);
    lab.end().await;
}
