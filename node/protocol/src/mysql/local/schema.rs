//! The tables of rAthena that a map-server uses, and what becomes of their rows without a database.
//!
//! Source: rAthena sql-files/main.sql and logs.sql; who uses them: `integration.md` 3.2.

use crate::mysql::variables::DATABASE;
use crate::mysql::{Column, ColumnFlags, ColumnType, charset};

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What becomes of it.
    pub keeping: Keeping,
    /// Its columns.
    pub columns: &'static [ColumnSpec],
}

/// What becomes of a table's rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keeping {
    /// They are kept. The first so many columns are the key.
    Kept {
        /// How many.
        key: usize,
    },
    /// There are none, whatever is written.
    Empty,
    /// They are the realm's own; without its database there are none.
    Realms,
    /// They are written and never read.
    Log,
}

/// A column.
#[derive(Debug)]
pub struct ColumnSpec {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A whole number of a type, with its sign.
    Number(ColumnType, Sign),
    /// Text of at most so many letters; upper and lower case are the same.
    Text(u32),
    /// Text of at most so many letters; upper and lower case differ.
    ExactText(u32),
    /// A moment.
    Moment,
}

/// Whether numbers may be negative.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sign {
    /// They may.
    Signed,
    /// They may not.
    Unsigned,
}

const fn number(name: &'static str, kind: ColumnType) -> ColumnSpec {
    ColumnSpec { name, kind: Kind::Number(kind, Sign::Unsigned) }
}

const fn signed(name: &'static str, kind: ColumnType) -> ColumnSpec {
    ColumnSpec { name, kind: Kind::Number(kind, Sign::Signed) }
}

const fn text(name: &'static str, len: u32) -> ColumnSpec {
    ColumnSpec { name, kind: Kind::Text(len) }
}

const fn moment(name: &'static str) -> ColumnSpec {
    ColumnSpec { name, kind: Kind::Moment }
}

const fn log(name: &'static str) -> Table {
    Table { name, keeping: Keeping::Log, columns: &[] }
}

/// The columns a shop has before its place, and after.
macro_rules! shop {
    ($($limit:expr)?) => {
        &[
            number("id", ColumnType::Long),
            number("account_id", ColumnType::Long),
            number("char_id", ColumnType::Long),
            text("sex", 1),
            text("map", 20),
            number("x", ColumnType::Short),
            number("y", ColumnType::Short),
            text("title", 80),
            $($limit,)?
            text("body_direction", 1),
            text("head_direction", 1),
            text("sit", 1),
            signed("autotrade", ColumnType::Tiny),
        ]
    };
}

const TABLES: &[Table] = &[
    Table {
        name: "mapreg",
        keeping: Keeping::Kept { key: 2 },
        columns: &[
            ColumnSpec { name: "varname", kind: Kind::ExactText(32) },
            number("index", ColumnType::Long),
            text("value", 255),
        ],
    },
    Table {
        name: "market",
        keeping: Keeping::Kept { key: 2 },
        columns: &[
            text("name", 50),
            number("nameid", ColumnType::Long),
            number("price", ColumnType::Long),
            signed("amount", ColumnType::Long),
            number("flag", ColumnType::Tiny),
        ],
    },
    Table {
        name: "barter",
        keeping: Keeping::Kept { key: 2 },
        columns: &[text("name", 50), number("index", ColumnType::Short), number("amount", ColumnType::Short)],
    },
    Table {
        name: "sales",
        keeping: Keeping::Kept { key: 1 },
        columns: &[
            number("nameid", ColumnType::Long),
            moment("start"),
            moment("end"),
            signed("amount", ColumnType::Long),
        ],
    },
    Table { name: "vendings", keeping: Keeping::Empty, columns: shop!() },
    Table { name: "buyingstores", keeping: Keeping::Empty, columns: shop!(number("limit", ColumnType::Long)) },
    Table {
        name: "vending_items",
        keeping: Keeping::Empty,
        columns: &[
            number("vending_id", ColumnType::Long),
            number("index", ColumnType::Short),
            number("cartinventory_id", ColumnType::Long),
            number("amount", ColumnType::Short),
            number("price", ColumnType::Long),
        ],
    },
    Table {
        name: "buyingstore_items",
        keeping: Keeping::Empty,
        columns: &[
            number("buyingstore_id", ColumnType::Long),
            number("index", ColumnType::Short),
            number("item_id", ColumnType::Long),
            number("amount", ColumnType::Short),
            number("price", ColumnType::Long),
        ],
    },
    Table {
        name: "db_roulette",
        keeping: Keeping::Realms,
        columns: &[
            signed("index", ColumnType::Long),
            number("level", ColumnType::Short),
            number("item_id", ColumnType::Long),
            number("amount", ColumnType::Short),
            number("flag", ColumnType::Short),
        ],
    },
    Table {
        name: "party_bookings",
        keeping: Keeping::Empty,
        columns: &[
            text("world_name", 32),
            number("account_id", ColumnType::Long),
            number("char_id", ColumnType::Long),
            number("minimum_level", ColumnType::Short),
            number("maximum_level", ColumnType::Short),
        ],
    },
    log("guild_storage_log"),
    log("picklog"),
    log("zenylog"),
    log("mvplog"),
    log("cashlog"),
    log("feedinglog"),
    log("branchlog"),
    log("atcommandlog"),
    log("npclog"),
    log("chatlog"),
];

/// The table of this name. Names of tables differ by case, as on a Linux server.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

impl Table {
    /// The column of this name and where it stands, whatever its case.
    pub(super) fn column(&self, name: &str) -> Option<(usize, &'static ColumnSpec)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name.eq_ignore_ascii_case(name))
    }
}

impl ColumnSpec {
    /// Its definition on the wire, under the name a statement gives it.
    pub(super) fn define(&self, table: &str, label: &str) -> Column {
        let (kind, charset, length, flags) = match self.kind {
            Kind::Number(kind, Sign::Signed) => (kind, charset::BINARY, 11, ColumnFlags::NONE),
            Kind::Number(kind, Sign::Unsigned) => (kind, charset::BINARY, 10, ColumnFlags::UNSIGNED),
            Kind::Text(letters) | Kind::ExactText(letters) => {
                (ColumnType::VarString, charset::UTF8MB4, letters.saturating_mul(4), ColumnFlags::NONE)
            }
            Kind::Moment => (ColumnType::DateTime, charset::BINARY, 19, ColumnFlags::NONE),
        };
        Column {
            schema: DATABASE.into(),
            table: table.into(),
            table_origin: table.into(),
            origin: self.name.into(),
            flags: flags.and(ColumnFlags::NOT_NULL),
            ..Column::plain(label, kind, charset, length)
        }
    }
}
