//! The schema, embedded. A migration that was delivered is never edited; changes are new files.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, SqlSafeStr};

use super::StoreError;

const ALL: [(i64, &str, &str); 4] = [
    (1, "fleet", include_str!("migrations/0001_fleet.sql")),
    (2, "realm", include_str!("migrations/0002_realm.sql")),
    (3, "engines", include_str!("migrations/0003_engines.sql")),
    (4, "standing", include_str!("migrations/0004_standing.sql")),
];

/// Brings the database to this program's version. Runs under the database's own lock where it has one.
pub(super) async fn apply(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let migrations = ALL.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.into())
        .run(connection)
        .await
        .map_err(|error| StoreError::from_migrations(&error))
}
