//! Which host carries which map group, under which epoch.

use bifrost_protocol::ids::{Epoch, GroupName, HostId};
use sqlx::any::AnyRow;
use sqlx::query;

use super::row::{Columns, signed};
use super::{Store, StoreError};

/// The last lease given for a map group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaseRow {
    /// The map group.
    pub group: GroupName,
    /// Who holds it; none when it was taken away.
    pub host: Option<HostId>,
    /// Its fencing token.
    pub epoch: Epoch,
}

impl Store {
    /// All leases, by group name.
    ///
    /// # Errors
    /// As every call.
    pub async fn load_leases(&self) -> Result<Vec<LeaseRow>, StoreError> {
        self.run("loading leases", async {
            let rows = query("SELECT * FROM leases ORDER BY group_name").fetch_all(&self.pool).await?;
            rows.iter().map(lease_row).collect()
        })
        .await
    }

    /// Keeps a lease. Its epoch has to be newer than the one kept; saving the same lease again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the stored epoch is newer, or the same for another host.
    pub async fn save_lease(&self, lease: &LeaseRow) -> Result<(), StoreError> {
        let (group, epoch) = (lease.group.0.as_bytes(), signed(lease.epoch.0));
        let host = lease.host.as_ref().map(|host| host.0.as_str());
        self.run("saving a lease", async {
            let renewed = query(
                "UPDATE leases SET host_id = ?, epoch = ? WHERE group_name = ? AND \
                 (epoch < ? OR (epoch = ? AND (host_id = ? OR (host_id IS NULL AND ? IS NULL))))",
            )
            .bind(host)
            .bind(epoch)
            .bind(group)
            .bind(epoch)
            .bind(epoch)
            .bind(host)
            .bind(host);
            if renewed.execute(&self.pool).await?.rows_affected() > 0 {
                return Ok(());
            }
            // a row that is there with a newer epoch makes this a unique violation: the conflict to report
            let first = query("INSERT INTO leases (group_name, host_id, epoch) VALUES (?, ?, ?)");
            first.bind(group).bind(host).bind(epoch).execute(&self.pool).await.map(drop)
        })
        .await
    }
}

fn lease_row(row: &AnyRow) -> Result<LeaseRow, sqlx::Error> {
    Ok(LeaseRow {
        group: GroupName(row.utf8("group_name")?),
        host: row.text_or_none("host_id")?.map(HostId),
        epoch: Epoch(row.number("epoch")?),
    })
}
