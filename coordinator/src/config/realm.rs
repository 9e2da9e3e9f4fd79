//! The realm's table: which keys it has depends on `mode`. Read as one flat table so that errors keep their line.

use std::net::SocketAddr;

use bifrost_protocol::ids::MapPoint;
use serde::Deserialize;

use super::{EmbeddedRealm, RathenaRealm, Realm};

/// `[realm]` as it stands in the file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RealmTable {
    mode: Mode,
    login_listen: Option<SocketAddr>,
    char_listen: Option<SocketAddr>,
    name: Option<String>,
    start: Option<MapPoint>,
    client_version: Option<u32>,
    #[serde(rename = "char")]
    char_server: Option<String>,
    login: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    packetver: Option<u32>,
    renewal: Option<bool>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Embedded,
    Rathena,
}

impl TryFrom<RealmTable> for Realm {
    type Error = String;

    fn try_from(table: RealmTable) -> Result<Self, String> {
        match table.mode {
            Mode::Embedded => table.embedded().map(Self::Embedded),
            Mode::Rathena => table.rathena().map(Self::Rathena),
        }
    }
}

impl RealmTable {
    fn embedded(self) -> Result<EmbeddedRealm, String> {
        let foreign = [
            ("char", self.char_server.is_some()),
            ("login", self.login.is_some()),
            ("user", self.user.is_some()),
            ("password", self.password.is_some()),
            ("database", self.database.is_some()),
            ("packetver", self.packetver.is_some()),
            ("renewal", self.renewal.is_some()),
        ];
        refuse(&foreign, "rathena")?;
        let default = EmbeddedRealm::default();
        Ok(EmbeddedRealm {
            login_listen: self.login_listen.unwrap_or(default.login_listen),
            char_listen: self.char_listen.unwrap_or(default.char_listen),
            name: self.name.unwrap_or(default.name),
            start: self.start,
            client_version: self.client_version.unwrap_or(default.client_version),
        })
    }

    fn rathena(self) -> Result<RathenaRealm, String> {
        let foreign = [
            ("login_listen", self.login_listen.is_some()),
            ("char_listen", self.char_listen.is_some()),
            ("name", self.name.is_some()),
            ("start", self.start.is_some()),
            ("client_version", self.client_version.is_some()),
        ];
        refuse(&foreign, "embedded")?;
        let needed = |value: Option<String>, key: &str| {
            value.ok_or_else(|| format!("`{key}` is missing, needed when mode = \"rathena\""))
        };
        Ok(RathenaRealm {
            char_server: needed(self.char_server, "char")?,
            login: needed(self.login, "login")?,
            user: needed(self.user, "user")?,
            password: needed(self.password, "password")
                .map_err(|said| format!("{said}; or BIFROST__REALM__PASSWORD"))?,
            database: self.database,
            packetver: self.packetver,
            renewal: self.renewal,
        })
    }
}

fn refuse(keys: &[(&str, bool)], mode: &str) -> Result<(), String> {
    match keys.iter().find(|(_, set)| *set) {
        Some((key, _)) => Err(format!("`{key}` is only for mode = \"{mode}\"")),
        None => Ok(()),
    }
}
