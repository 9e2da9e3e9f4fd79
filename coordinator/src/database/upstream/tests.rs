//! Against a MariaDB when `BIFROST_TEST_MYSQL` names one, and against servers that misbehave.

mod fake;
mod full;
pub(in crate::database) mod lab;
mod own;
mod replicas;

use std::sync::Arc;

use bifrost_protocol::mysql::Value;
use futures_lite_join::join_all;
use lab::{Lab, rows};

use super::*;

/// Joining many futures without another dependency.
mod futures_lite_join {
    use tokio::task::JoinSet;

    pub(super) async fn join_all<T: Send + 'static>(
        futures: impl IntoIterator<Item: Future<Output = T> + Send + 'static>,
    ) -> Vec<T> {
        let set: JoinSet<T> = futures.into_iter().collect();
        set.join_all().await
    }
}

#[tokio::test]
async fn groups_see_and_change_only_their_own_rows() {
    let Some(lab) = Lab::start(4).await else { return };
    for (group, value) in [("fields", "one"), ("dungeons", "two")] {
        lab.ask(group, &format!("INSERT INTO `mapreg`(`varname`,`index`,`value`) VALUES ('$a','0','{value}')")).await;
    }
    lab.ask("fields", "UPDATE mapreg SET value = 'changed'").await;
    assert_eq!(rows(&lab.ask("fields", "SELECT value FROM mapreg").await), [["changed"]]);
    assert_eq!(rows(&lab.ask("dungeons", "SELECT value FROM mapreg").await), [["two"]]);
    lab.ask("fields", "DELETE FROM mapreg WHERE 1 = 1 OR 1 = 1").await;
    assert_eq!(rows(&lab.ask("dungeons", "SELECT value FROM mapreg").await), [["two"]]);
    assert_eq!(lab.admin("SELECT map_group, value FROM fleet_mapreg").await, [["dungeons", "two"]]);
    assert_eq!(lab.admin("SELECT value FROM mapreg").await, [["the operator's"]]);
    lab.end().await;
}

#[tokio::test]
async fn logs_arrive_with_the_hosts_id() {
    let Some(lab) = Lab::start(2).await else { return };
    let insert =
        "INSERT DELAYED INTO `zenylog` (`time`, `char_id`, `amount`, `map`) VALUES (NOW(), '150000', '-5', 'prontera')";
    assert_eq!(lab.ask("fields", insert).await.error, None);
    let chat = "INSERT DELAYED INTO `chatlog` (`time`, `src_map`, `message`) VALUES (NOW(), 'prontera', ?)";
    let said = Value::Bytes(Bytes::from_static(b"it's \\ a \"test\" \0 -- ;"));
    assert_eq!(lab.run("fields", chat, std::slice::from_ref(&said)).await.error, None);
    assert_eq!(lab.admin("SELECT host, char_id, amount FROM fleet_zenylog").await, [["host-1", "150000", "-5"]]);
    let said = said.to_text().expect("text");
    assert_eq!(lab.admin("SELECT message FROM fleet_chatlog").await, [[String::from_utf8_lossy(&said)]]);
    assert_eq!(lab.admin("SELECT COUNT(*) FROM zenylog").await, [["0"]]);
    lab.end().await;
}

#[tokio::test]
async fn values_come_back_as_they_were_written() {
    let Some(lab) = Lab::start(2).await else { return };
    for (index, value) in
        ["it\\'s", "it''s too", "\\\\", "a\\0b", "\\n\\r\\Z", "%_\"`", "ünï", "", "' OR '1'='1"].iter().enumerate()
    {
        let value = value.replace("' OR '1'='1", "\\' OR \\'1\\'=\\'1");
        let insert = format!("INSERT INTO mapreg VALUES ('$v', {index}, '{value}')");
        assert_eq!(lab.ask("fields", &insert).await.error, None, "{insert}");
        let select = format!("SELECT `index` FROM mapreg WHERE value = '{value}'");
        assert_eq!(rows(&lab.ask("fields", &select).await), [[index.to_string()]], "{select}");
        let index = [Value::Int(index.try_into().expect("small"))];
        let found = lab.run("fields", "SELECT value FROM mapreg WHERE `index` = ?", &index).await;
        assert_eq!((found.rows, found.error), (1, None));
    }
    let latin = Bytes::from_static(b"INSERT INTO mapreg VALUES ('$l', 100, '\xFC')");
    lab.ask_bytes("fields", &latin, "latin1").await;
    assert_eq!(
        lab.admin("SELECT HEX(CONVERT(value USING utf8mb4)) FROM fleet_mapreg WHERE `index` = 100").await,
        [["C3BC"]]
    );
    lab.end().await;
}

#[tokio::test]
async fn roulette_is_read_once_for_a_while() {
    let Some(lab) = Lab::start(2).await else { return };
    let select = "SELECT * FROM `db_roulette`";
    assert_eq!(rows(&lab.ask("fields", select).await), [["1", "2", "675", "1", "1"]]);
    lab.admin("DELETE FROM db_roulette").await;
    assert_eq!(lab.ask("dungeons", select).await.rows, 1);
    lab.end().await;
}

#[tokio::test]
async fn many_hosts_share_few_connections_and_none_starves() {
    let Some(lab) = Lab::start(4).await else { return };
    let lab = Arc::new(lab);
    let asks = (0..400_usize).map(|number| {
        let lab = Arc::clone(&lab);
        async move {
            let insert = format!("REPLACE INTO mapreg VALUES ('$n', {number}, 'x')");
            lab.ask("fields", &insert).await.error.is_none()
                && lab.ask("fields", "SELECT COUNT(*) FROM mapreg").await.rows == 1
        }
    });
    assert!(join_all(asks).await.into_iter().all(|done| done));
    assert_eq!(rows(&lab.ask("fields", "SELECT COUNT(*) FROM mapreg").await), [["400"]]);
    let used = lab
        .admin("SELECT COUNT(*) FROM information_schema.processlist WHERE user LIKE 'relay%' AND db = DATABASE()")
        .await;
    assert!(used[0][0].parse::<u32>().expect("a number") <= 4, "{used:?}");
    Arc::into_inner(lab).expect("nobody else").end().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_ends_in_time_and_the_next_is_answered() {
    let Some(lab) = Lab::start(2).await else { return };
    lab.ask("fields", "INSERT INTO mapreg VALUES ('$a', 0, '')").await;
    lab.admin("LOCK TABLES fleet_mapreg WRITE").await;
    let started = std::time::Instant::now();
    let late = lab.try_ask("fields", "SELECT value FROM mapreg").await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    // Either side may be the first to give up.
    assert!(matches!(&late, Err(UpstreamError::TimedOut)) || late.is_ok_and(|answer| answer.error.is_some()));
    lab.admin("UNLOCK TABLES").await;
    assert_eq!(lab.ask("fields", "SELECT value FROM mapreg").await.rows, 1);
    lab.end().await;
}

#[tokio::test]
async fn connections_that_the_database_closes_are_replaced() {
    let Some(lab) = Lab::start(2).await else { return };
    lab.ask("fields", "INSERT INTO mapreg VALUES ('$a', 0, '')").await;
    for _ in 0..3 {
        lab.kill_relay().await;
        assert_eq!(lab.ask("fields", "SELECT value FROM mapreg").await.rows, 1);
    }
    lab.end().await;
}

#[tokio::test]
async fn an_error_of_the_database_passes_as_it_is() {
    let Some(lab) = Lab::start(2).await else { return };
    let insert = "INSERT INTO mapreg VALUES ('$a', 0, '')";
    lab.ask("fields", insert).await;
    assert_eq!(lab.ask("fields", insert).await.error, Some(code::DUPLICATE_KEY));
    lab.admin("DROP TABLE fleet_market").await;
    assert_eq!(lab.ask("fields", "SELECT * FROM market").await.error, Some(1146));
    lab.end().await;
}

#[tokio::test]
async fn the_relays_user_may_do_no_more_than_the_policy() {
    let Some(lab) = Lab::start(2).await else { return };
    let mut connection = connection::Connection::open(&lab.config).await.expect("let in");
    for statement in
        ["SELECT * FROM mapreg", "SELECT * FROM mysql.user", "DELETE FROM fleet_zenylog", "DROP TABLE fleet_mapreg"]
    {
        let answer = connection.query(statement.into()).await.expect("an answer");
        assert!(answer.error.is_some(), "{statement}");
    }
    lab.end().await;
}
