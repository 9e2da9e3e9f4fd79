//! How hosts behaved.

use bifrost_protocol::ids::HostId;
use sqlx::any::AnyRow;
use sqlx::query;

use super::row::{Columns, signed};
use super::{Store, StoreError};
use crate::bounds::standing::{HostStanding, Standing};

impl Store {
    /// What is remembered of all hosts, by id.
    ///
    /// # Errors
    /// As every call.
    pub async fn standings(&self) -> Result<Vec<HostStanding>, StoreError> {
        self.run("reading standings", async {
            let rows = query("SELECT * FROM standing ORDER BY host_id").fetch_all(&self.pool).await?;
            rows.iter().map(standing_row).collect()
        })
        .await
    }

    /// Remembers how a host behaved.
    ///
    /// # Errors
    /// As every call.
    pub async fn save_standing(&self, row: &HostStanding) -> Result<(), StoreError> {
        let standing = &row.standing;
        let statement = query(
            "REPLACE INTO standing (host_id, streak, violations, strikes, last_rule, quarantined_until) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(row.host.0.as_str())
        .bind(i64::from(standing.streak))
        .bind(i64::from(standing.violations))
        .bind(i64::from(standing.strikes))
        .bind(standing.last_rule.as_str())
        .bind(signed(standing.quarantined_until));
        self.run("saving a standing", async { statement.execute(&self.pool).await.map(drop) }).await
    }
}

fn standing_row(row: &AnyRow) -> Result<HostStanding, sqlx::Error> {
    let standing = Standing {
        streak: row.number("streak")?,
        violations: row.number("violations")?,
        strikes: row.number("strikes")?,
        last_rule: row.text("last_rule")?,
        quarantined_until: row.number("quarantined_until")?,
    };
    Ok(HostStanding { host: HostId(row.text("host_id")?), standing })
}
