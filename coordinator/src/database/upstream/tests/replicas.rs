//! Two MariaDB of the test's own: which of them a read goes to, and what happens when one is away.

use bifrost_protocol::mysql::sql::Literal;

use super::lab::rows;
use super::own::Own;
use crate::database::policy::{Judge, Plan, Policy};
use crate::database::upstream::connection::Connection;
use crate::database::upstream::*;

const POLICY: &str = r#"
[tables.party_bookings]
columns = ["world_name", "account_id"]
select = "stale"
insert = "forward"

[tables.mapreg]
columns = ["value"]
key = ["value"]
kept_in = "fleet_mapreg"
stamp = "map_group"
all = "scope"
"#;

async fn ask(databases: &Databases, statement: &'static str) -> Result<Answered, UpstreamError> {
    let judge = Judge::new(Policy::read(POLICY).expect("a policy"));
    let statement = Bytes::from_static(statement.as_bytes());
    let judgement = judge.judge(&statement);
    let Plan::Passed(passed) = &*judgement.plan else { panic!("passed on") };
    let name = Literal::Text("fields".into());
    let (literals, scope, host) = (&judgement.literals[..], &name, &name);
    let request =
        Request { passed, statement: &statement, literals, parameters: None, scope, host, charset: "utf8mb4" };
    databases.ask(&request).await
}

async fn read(databases: &Databases, statement: &'static str) -> Vec<Vec<String>> {
    rows(&ask(databases, statement).await.expect("an answer"))
}

async fn mark(own: &Own, name: &str) {
    let mut connection = Connection::open(&own.config).await.expect("let in");
    for statement in [
        format!("INSERT INTO party_bookings VALUES ('{name}', 0)"),
        format!("INSERT INTO fleet_mapreg VALUES ('fields', '{name}')"),
    ] {
        assert_eq!(connection.query(statement.into()).await.expect("an answer").error, None);
    }
}

#[tokio::test]
async fn stale_reads_go_to_the_replica_while_it_is_there_and_nothing_else_does() {
    if std::env::var_os("BIFROST_TEST_MYSQL").is_none() {
        return;
    }
    let (Some(primary), Some(mut replica)) = tokio::join!(Own::start(), Own::start()) else { return };
    mark(&primary, "primary").await;
    mark(&replica, "replica").await;
    let upstream = |own: &Own| Upstream::new(own.config.clone());
    let databases = Databases::new(upstream(&primary), Some(upstream(&replica)));
    let stale = "SELECT world_name FROM party_bookings";
    assert_eq!(read(&databases, stale).await, [["replica"]]);
    assert_eq!(read(&databases, "SELECT value FROM mapreg").await, [["primary"]], "rows of hosts are never stale");
    let write = "INSERT INTO party_bookings VALUES ('new', 7)";
    assert_eq!(ask(&databases, write).await.expect("done").error, None);
    assert_eq!(read(&databases, stale).await.len(), 1, "written to the primary");
    assert_eq!((databases.answers().await, databases.replica_answers().await), (true, Some(true)));

    replica.server.kill().await.expect("killed");
    assert_eq!(read(&databases, stale).await.len(), 2, "the primary answers instead");
    let started = std::time::Instant::now();
    for _ in 0..20 {
        read(&databases, stale).await;
    }
    assert!(started.elapsed() < Duration::from_secs(1), "who does not answer is left alone: {:?}", started.elapsed());
    assert_eq!((databases.answers().await, databases.replica_answers().await), (true, Some(false)));

    replica.again().await;
    let started = std::time::Instant::now();
    while read(&databases, stale).await != [["replica"]] {
        assert!(started.elapsed() < Duration::from_secs(20), "the replica is asked again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let alone = Databases::new(upstream(&primary), None);
    assert_eq!((read(&alone, stale).await.len(), alone.replica_answers().await), (2, None));
}
