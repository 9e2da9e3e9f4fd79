//! Maps and groups (to be replaced whole by the catalog).

use std::collections::BTreeMap;

use bifrost_protocol::control::{MapData, WarpData};
use bifrost_protocol::ids::{GroupName, MapName};

use crate::config::GroupClass;

/// A map group.
#[derive(Debug)]
pub struct GroupInfo {
    /// Who may carry it.
    pub class: GroupClass,
    /// Its maps.
    pub maps: Vec<MapName>,
}

/// All maps.
#[derive(Debug)]
pub struct Catalog {
    groups: BTreeMap<GroupName, GroupInfo>,
}

impl Catalog {
    /// All groups.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<GroupName, GroupInfo> {
        &self.groups
    }

    /// What a node needs to serve a group.
    #[must_use]
    pub fn assignment(&self, _group: &GroupName) -> (Vec<MapData>, Vec<WarpData>) {
        (Vec::new(), Vec::new())
    }
}
