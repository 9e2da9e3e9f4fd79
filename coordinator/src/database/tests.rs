//! Whole streams through the relay, without QUIC around them.

mod embedded;
mod escapes;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bifrost_protocol::Secret;
use bifrost_protocol::ids::{Epoch, GroupName, HostId};
use bifrost_protocol::mysql::{Command, Execute, Expected, Framing, Passage, Passed, PrepareOk, Value, code};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_util::task::AbortOnDropHandle;

use super::policy::{DEFAULT_POLICY, Policy};
use super::relay::{Admission, Relay, RelayError, Violations, Whose};
use super::upstream::tests::lab::{Lab, rows};
use super::upstream::{Answered, Tls, Upstream, UpstreamConfig};
use super::*;
use crate::fleet::LinkId;

#[derive(Debug)]
struct Gate(AtomicBool);

#[async_trait]
impl Admission for Gate {
    async fn admits(&self, whose: &Whose) -> bool {
        self.0.load(Ordering::Relaxed) && whose.group.0 == "fields" && whose.epoch == Epoch(7)
    }
}

/// Offences that were told, by their rules.
#[derive(Debug, Default)]
struct Tally(Mutex<BTreeMap<&'static str, u32>>);

impl Tally {
    fn of(&self, rule: &str) -> u32 {
        self.0.lock().expect("no panic").get(rule).copied().unwrap_or_default()
    }
}

#[async_trait]
impl Violations for Tally {
    async fn violation(&self, _: LinkId, rule: &'static str) {
        *self.0.lock().expect("no panic").entry(rule).or_default() += 1;
    }
}

pub(crate) struct Stage {
    pub(crate) relay: Arc<Relay>,
    gate: Arc<Gate>,
    tally: Arc<Tally>,
}

impl Stage {
    fn new(upstream: UpstreamConfig, limits: HostLimits) -> Self {
        Self::on(Backend::database(Upstream::new(upstream)), limits)
    }

    fn on(backend: Backend, limits: HostLimits) -> Self {
        let policy = Policy::read(DEFAULT_POLICY).expect("the policy that ships");
        let (gate, tally) = (Arc::new(Gate(AtomicBool::new(true))), Arc::<Tally>::default());
        let (admission, violations) = (Arc::clone(&gate), Arc::clone(&tally));
        let relay = Relay::new(policy, backend, limits, admission, Some(violations));
        Self { relay: Arc::new(relay), gate, tally }
    }

    fn numbers(&self) -> HostNumbers {
        self.relay.hosts().remove(&HostId("host-1".into())).expect("it has asked")
    }

    /// A relay whose database is not there.
    pub(crate) fn without_database() -> Self {
        Self::new(nowhere(), HostLimits::default())
    }

    fn stream(&self, host: &str) -> Stream {
        self.stream_under(host, Epoch(7))
    }

    fn stream_under(&self, host: &str, epoch: Epoch) -> Stream {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let whose = Whose { host: HostId(host.into()), link: LinkId(1), group: GroupName("fields".into()), epoch };
        let relay = Arc::clone(&self.relay);
        let served = tokio::spawn(async move {
            let (mut recv, mut send) = tokio::io::split(theirs);
            relay.serve(whose, BytesMut::new(), &mut recv, &mut send).await
        });
        Stream { wire: ours, input: BytesMut::new(), served: AbortOnDropHandle::new(served) }
    }
}

fn nowhere() -> UpstreamConfig {
    UpstreamConfig {
        address: "127.0.0.1:1".into(),
        user: "nobody".into(),
        password: Secret::new(String::new()),
        database: "ragnarok".into(),
        connections: 1,
        tls: Tls::Off,
        statement_timeout: Duration::from_millis(300),
    }
}

struct Stream {
    wire: DuplexStream,
    input: BytesMut,
    served: AbortOnDropHandle<Result<(), RelayError>>,
}

impl Stream {
    async fn tell(&mut self, command: &Command) {
        let mut out = BytesMut::new();
        Framing::new(0).put(&mut out, &command.encode());
        // Fails when the relay has ended the stream, which the test then finds out.
        let _ended = self.wire.write_all(&out).await;
    }

    async fn hear(&mut self, expected: Expected) -> Option<(Bytes, Passed)> {
        let mut passage = Passage::new(expected);
        loop {
            if let Some(passed) = passage.follow(&self.input).expect("an answer") {
                return Some((self.input.split_to(passed.len).freeze(), passed));
            }
            if self.wire.read_buf(&mut self.input).await.expect("readable") == 0 {
                return None;
            }
        }
    }

    async fn ask(&mut self, command: &Command) -> Answered {
        self.tell(command).await;
        let expected = if matches!(command, Command::Prepare(_)) { Expected::Prepared } else { Expected::Result };
        let (bytes, passed) = self.hear(expected).await.expect("an answer");
        Answered { bytes, rows: passed.rows, error: passed.error.map(|error| error.code) }
    }

    async fn query(&mut self, statement: &str) -> Answered {
        self.ask(&Command::Query(Bytes::copy_from_slice(statement.as_bytes()))).await
    }

    async fn texts(&mut self, statement: &str) -> Vec<Vec<String>> {
        let answer = self.query(statement).await;
        assert_eq!(answer.error, None, "{statement}");
        rows(&answer)
    }

    async fn end(self) -> Result<(), RelayError> {
        drop(self.wire);
        self.served.await.expect("no panic")
    }
}

#[tokio::test]
async fn what_needs_no_database_is_answered_without_one() {
    let stage = Stage::without_database();
    let mut stream = stage.stream("host-1");
    assert_eq!(stream.texts("SHOW VARIABLES LIKE 'wait_timeout'").await, [["wait_timeout", "28800"]]);
    assert_eq!(stream.texts("SELECT 1, 'x', @@version_comment, DATABASE()").await, [["1", "x", "Bifrost", "ragnarok"]]);
    for statement in
        ["SET NAMES latin1", "SET autocommit = 0", "BEGIN", "COMMIT", "DELETE FROM `vendings`;", "USE ragnarok"]
    {
        assert_eq!(stream.query(statement).await.error, None, "{statement}");
    }
    assert_eq!(stream.query("SELECT * FROM vendings").await.rows, 0);
    assert_eq!(stream.ask(&Command::Ping).await.error, None);
    let prepared = stream.ask(&Command::Prepare("SELECT ?, 5".into())).await;
    let ok = PrepareOk::decode(&prepared.bytes[4..16]).expect("prepared");
    assert_eq!((ok.parameters, ok.columns), (1, 2));
    let run = Command::Execute(Execute::with(ok.statement, &[Value::Bytes("five".into())]));
    assert_eq!(stream.ask(&run).await.rows, 1);
    assert!(stage.tally.0.lock().expect("no panic").is_empty());
    assert_eq!(stage.numbers().local, 10);
    assert!(stream.end().await.is_ok());
}

#[tokio::test]
async fn a_database_that_is_away_is_an_error_at_once() {
    let stage = Stage::without_database();
    let mut stream = stage.stream("host-1");
    let started = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(stream.query("SELECT * FROM mapreg").await.error, Some(code::SHUTDOWN));
    }
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(stage.tally.0.lock().expect("no panic").is_empty(), "it is not the host's fault");
    assert_eq!((stage.numbers().failed, stage.numbers().refused), (20, 0));
    assert!(stream.end().await.is_ok());
}

#[tokio::test]
async fn refused_statements_are_remembered_without_values_and_told() {
    let stage = Stage::without_database();
    let mut stream = stage.stream("host-1");
    let stolen = "SELECT user_pass FROM login WHERE userid = 'admin'";
    assert_eq!(stream.query(stolen).await.error, Some(code::TABLE_ACCESS_DENIED));
    assert_eq!(stream.ask(&Command::Prepare("DROP TABLE mapreg".into())).await.error, Some(code::TABLE_ACCESS_DENIED));
    assert_eq!(stream.ask(&Command::Other(0x11)).await.error, Some(code::UNKNOWN_COMMAND));
    assert_eq!(stream.ask(&Command::InitDb("mysql".into())).await.error, Some(code::UNKNOWN_DATABASE));
    let refused = stage.numbers().last_refused;
    assert_eq!(refused[0].shape, "SELECT user_pass FROM login WHERE userid = ?");
    assert_eq!((refused[0].class, refused[1].class), ("table", "kind"));
    let mut answers = 0;
    let started = std::time::Instant::now();
    loop {
        stream.tell(&Command::Query("DROP TABLE login".into())).await;
        if stream.hear(Expected::Result).await.is_none() {
            break;
        }
        answers += 1;
    }
    assert_eq!(answers, 997, "a thousand refusals in a row, with the four before");
    let told = stage.tally.of("sql_attack");
    let most = started.elapsed().as_millis() / 100 + 2;
    assert!(told >= 1 && u128::from(told) <= most, "{told} told, each tenth of a second one");
    assert!(matches!(stream.end().await, Err(RelayError::Refused)));
}

#[tokio::test]
async fn only_what_no_script_comes_to_is_held_against_a_host() {
    let stage = Stage::without_database();
    for harmless in [
        "SELECT name FROM my_own_table",
        "SELECT zeny FROM `char` WHERE char_id = 1",
        "SELECT value FROM mapreg JOIN mapreg_extra",
        "SELECT SUM(amount) FROM market",
        "SELECT nothing FROM mapreg",
        "SELECT @mine",
        "SELECT FROM WHERE",
    ] {
        let mut stream = stage.stream("host-1");
        assert!(stream.query(harmless).await.error.is_some(), "{harmless}");
        assert!(stream.end().await.is_ok());
    }
    assert!(stage.tally.0.lock().expect("no panic").is_empty());
    let attacks = [
        "SELECT user_pass FROM login",
        "SELECT value FROM fleet_mapreg",
        "SELECT * FROM mysql.user",
        "SELECT SLEEP(10) FROM mapreg",
        "SELECT 1; DROP TABLE mapreg",
        "SELECT value FROM mapreg /* x */",
        "GRANT ALL ON *.* TO x",
        "DELETE FROM picklog",
        "SELECT value FROM mapreg INTO OUTFILE '/tmp/x'",
        "SELECT value INTO DUMPFILE '/tmp/x' FROM mapreg",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE mapreg",
        "SELECT LOAD_FILE('/etc/passwd'), value FROM mapreg",
    ];
    for attack in attacks {
        let mut stream = stage.stream("host-1");
        assert!(stream.query(attack).await.error.is_some(), "{attack}");
        // Told behind the answer: another one comes only after it.
        assert_eq!(stream.ask(&Command::Ping).await.error, None);
        assert!(stream.end().await.is_ok());
    }
    assert_eq!(stage.tally.of("sql_attack"), u32::try_from(attacks.len()).expect("few"));
}

#[tokio::test]
async fn only_who_holds_the_assignment_is_served_and_only_as_long() {
    let stage = Stage::without_database();
    let refused = stage.stream_under("host-1", Epoch(6));
    assert!(matches!(refused.end().await, Err(RelayError::NotAssigned)));
    let mut stream = stage.stream("host-1");
    assert_eq!(stream.query("SELECT 1").await.rows, 1);
    stage.gate.0.store(false, Ordering::Relaxed);
    let started = std::time::Instant::now();
    loop {
        stream.tell(&Command::Query("SELECT 1".into())).await;
        if stream.hear(Expected::Result).await.is_none() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(1), "a byte is accepted a second after");
    }
    assert!(matches!(stream.end().await, Err(RelayError::NotAssigned)));
}

#[tokio::test]
async fn a_host_that_asks_too_much_is_slowed_down_and_refused() {
    let number = |number| NonZeroU32::new(number).expect("not zero");
    let limits = HostLimits {
        statements: number(1),
        bytes: number(10_000),
        rows: number(1_000),
        connections: number(1),
        ..HostLimits::default()
    };
    let stage = Stage::new(nowhere(), limits);
    let mut stream = stage.stream("host-1");
    assert!(matches!(stage.stream("host-1").end().await, Err(RelayError::TooMany)));
    let mut errors = Vec::new();
    for _ in 0..30 {
        errors.extend(stream.query("SELECT 1").await.error);
    }
    assert!(errors.contains(&code::OUT_OF_RESOURCES), "{errors:?}");
    assert_eq!(stage.tally.of("sql_limit"), 2, "the connection, and the statements once a minute");
}

#[tokio::test]
async fn bytes_that_are_no_commands_end_the_stream() {
    for bytes in [&[1, 0, 0, 3, 14][..], &[0xFF, 0xFF, 0xFF, 0], &[2, 0, 0, 0, 0x17, 1], &[0, 0, 0, 0]] {
        let mut stream = Stage::without_database().stream("host-1");
        stream.wire.write_all(bytes).await.expect("written");
        assert!(stream.hear(Expected::Result).await.is_none());
        assert!(matches!(stream.end().await, Err(RelayError::Garbage(_))), "{bytes:?}");
    }
}

#[tokio::test]
async fn commands_may_come_in_pieces_together_or_break_off() {
    let stage = Stage::without_database();
    let mut stream = stage.stream("host-1");
    let mut one = BytesMut::new();
    Framing::new(0).put(&mut one, &Command::Query("SELECT 1".into()).encode());
    for byte in &one {
        stream.wire.write_all(std::slice::from_ref(byte)).await.expect("written");
        tokio::task::yield_now().await;
    }
    stream.wire.write_all(&one.repeat(50)).await.expect("written");
    for _ in 0..51 {
        assert_eq!(stream.hear(Expected::Result).await.expect("an answer").1.rows, 1);
    }
    stream.wire.write_all(&one[..one.len() - 3]).await.expect("written");
    assert!(stream.end().await.is_ok(), "half a statement is none");
    let mut long = stage.stream("host-1");
    let text = vec![b'x'; 200 * 1024];
    Framing::new(0).put(&mut one, &Command::Query(text.into()).encode());
    // Fails when the relay has seen enough.
    let _ended = long.wire.write_all(&one).await;
    assert_eq!(long.hear(Expected::Result).await.expect("the first").1.rows, 1);
    assert!(long.hear(Expected::Result).await.is_none());
    assert!(matches!(long.end().await, Err(RelayError::Garbage(_))));
}

#[tokio::test]
async fn statements_on_their_way_end_with_the_assignment() {
    let Some(lab) = Lab::start(1).await else { return };
    let stage = Stage::new(lab.config.clone(), HostLimits::default());
    let mut stream = stage.stream("host-1");
    stream.query("INSERT INTO mapreg VALUES ('$a', 0, 'x')").await;
    lab.admin("LOCK TABLES fleet_mapreg WRITE").await;
    for _ in 0..50 {
        stream.tell(&Command::Query("SELECT value FROM mapreg".into())).await;
    }
    stage.gate.0.store(false, Ordering::Relaxed);
    let started = std::time::Instant::now();
    let mut answers = 0;
    while stream.hear(Expected::Result).await.is_some() {
        answers += 1;
    }
    assert!(answers <= 2 && started.elapsed() < Duration::from_secs(4), "{answers} in {:?}", started.elapsed());
    assert!(matches!(stream.end().await, Err(RelayError::NotAssigned)));
    lab.admin("UNLOCK TABLES").await;
    lab.end().await;
}

#[tokio::test]
async fn a_broken_policy_changes_nothing_and_is_told() {
    let mut stage = Stage::without_database();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path();
    stage.relay = Arc::new(Arc::into_inner(stage.relay).expect("nobody else").with_source(Some(path.to_owned())));
    let mut stream = stage.stream("host-1");
    std::fs::write(path, "[tables.mapreg]\nall = \"nonsense\"").expect("written");
    assert!(stage.relay.reload().is_err());
    let problem = stage.relay.policy_error().expect("a problem");
    assert!(problem.contains(&format!("{}:2:7: `nonsense` is not one of", path.display())), "{problem}");
    assert_eq!(stream.query("SELECT * FROM vendings").await.error, None);
    std::fs::write(path, "[tables.mapreg]\nall = \"local\"").expect("written");
    assert_eq!(stage.relay.reload(), Ok(1));
    assert_eq!(stage.relay.policy_error(), None);
    assert_eq!(stream.query("SELECT * FROM vendings").await.error, Some(code::TABLE_ACCESS_DENIED));
    assert_eq!(stream.query("DELETE FROM mapreg").await.error, None);
}

#[tokio::test]
async fn what_an_engine_keeps_is_there_again_on_another_host() {
    let Some(lab) = Lab::start(2).await else { return };
    let stage = Stage::new(lab.config.clone(), HostLimits::default());
    let mut stream = stage.stream("host-1");
    stream.query("INSERT INTO `mapreg`(`varname`,`index`,`value`) VALUES ('$tax','0','5')").await;
    // Prepared and run without waiting in between, as a node does with what need not be waited for.
    let values = [Value::Bytes("shop".into()), Value::Int(7)];
    stream.tell(&Command::Prepare("REPLACE INTO market VALUES (?, 501, 50, ?, 0)".into())).await;
    stream.tell(&Command::Execute(Execute::with(u32::MAX, &values))).await;
    stream.tell(&Command::Close(u32::MAX)).await;
    assert_eq!(stream.hear(Expected::Prepared).await.expect("prepared").1.error, None);
    assert_eq!(stream.hear(Expected::Result).await.expect("done").1.error, None);
    assert!(stream.end().await.is_ok());

    let mut other = stage.stream("host-2");
    assert_eq!(other.texts("SELECT varname, value FROM mapreg").await, [["$tax", "5"]]);
    let prepared = other.ask(&Command::Prepare("SELECT `name`, amount FROM market WHERE nameid = ?".into())).await;
    let ok = PrepareOk::decode(&prepared.bytes[4..16]).expect("prepared");
    assert_eq!((ok.parameters, ok.columns), (1, 2));
    let run = Command::Execute(Execute::with(ok.statement, &[Value::Int(501)]));
    let found = other.ask(&run).await;
    assert_eq!((found.rows, found.error), (1, None));
    assert!(found.bytes.windows(4).any(|bytes| bytes == b"shop"));
    assert_eq!(other.query("SELECT nothing FROM mapreg").await.error, Some(code::UNKNOWN_COLUMN));
    lab.end().await;
}

#[tokio::test]
async fn a_thousand_connections_share_eight_and_none_starves() {
    let Some(lab) = Lab::start(8).await else { return };
    let stage = Stage::new(lab.config.clone(), HostLimits::default());
    let mut streams = Vec::new();
    for number in 0..1_000_u32 {
        streams.push((number, stage.stream(&format!("host-{}", number % 8))));
    }
    let mut asking = tokio::task::JoinSet::new();
    for (number, mut stream) in streams {
        asking.spawn(async move {
            for index in 0..3 {
                let replace = format!("REPLACE INTO mapreg VALUES ('$n{number}', {index}, '{number}')");
                assert_eq!(stream.query(&replace).await.error, None);
                let select = format!("SELECT value FROM mapreg WHERE varname = '$n{number}' AND `index` = {index}");
                assert_eq!(stream.texts(&select).await, [[number.to_string()]]);
            }
            stream.end().await.is_ok()
        });
    }
    assert!(asking.join_all().await.into_iter().all(|fine| fine));
    let connected = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{}'", lab.config.user);
    assert_eq!(lab.admin(&connected).await, [["8"]]);
    lab.end().await;
}
