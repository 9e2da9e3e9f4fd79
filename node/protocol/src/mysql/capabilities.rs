//! What a side of a connection can do.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// A set of capability flags. Only those that matter here have names; others are kept as they came.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Capabilities(u32);

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Capabilities {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }

        /// Names for printing.
        const NAMES: &[(Capabilities, &str)] = &[$((Capabilities::$name, stringify!($name))),*];
    };
}

capabilities! {
    /// From a server: it is not one with MariaDB's own capabilities in the greeting's filler.
    MYSQL = 0;
    /// `affected rows` counts rows found, not rows changed.
    FOUND_ROWS = 1;
    /// Flags of columns have two bytes.
    LONG_FLAG = 2;
    /// The login names a database.
    CONNECT_WITH_DATABASE = 3;
    /// Compressed packets; never agreed to here.
    COMPRESS = 5;
    /// Files of the client can be asked for; never agreed to here.
    LOCAL_FILES = 7;
    /// The protocol since 4.1; required.
    PROTOCOL_41 = 9;
    /// TLS follows the first half of the login.
    TLS = 11;
    /// Status flags in OK.
    TRANSACTIONS = 13;
    /// Proofs of 20 bytes; required.
    SECURE_CONNECTION = 15;
    /// Several statements in one query; never agreed to here.
    MULTI_STATEMENTS = 16;
    /// Several results of one query.
    MULTI_RESULTS = 17;
    /// Several results of one prepared statement.
    PREPARED_MULTI_RESULTS = 18;
    /// The login names the way its proof was made.
    PLUGIN_AUTH = 19;
    /// The login carries attributes of the client program.
    CONNECT_ATTRIBUTES = 20;
    /// The proof has a length-encoded length.
    PLUGIN_AUTH_LENGTHS = 21;
    /// OK packets tell of changed session state; never agreed to here.
    SESSION_TRACK = 23;
    /// Results end with OK instead of EOF; never agreed to here.
    DEPRECATE_EOF = 24;
}

impl Capabilities {
    /// None.
    pub const NONE: Self = Self(0);

    /// What is spoken here, as server and as client.
    pub const SPOKEN: Self = Self(
        Self::MYSQL.0
            | Self::FOUND_ROWS.0
            | Self::LONG_FLAG.0
            | Self::CONNECT_WITH_DATABASE.0
            | Self::PROTOCOL_41.0
            | Self::TRANSACTIONS.0
            | Self::SECURE_CONNECTION.0
            | Self::MULTI_RESULTS.0
            | Self::PREPARED_MULTI_RESULTS.0
            | Self::PLUGIN_AUTH.0
            | Self::CONNECT_ATTRIBUTES.0
            | Self::PLUGIN_AUTH_LENGTHS.0,
    );

    /// From the wire.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// For the wire.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `others` are in this set.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// This set without `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Capabilities {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = *self;
        let mut set = out.debug_set();
        for (one, name) in NAMES {
            if self.contains(*one) {
                set.entry(&format_args!("{name}"));
                rest = rest.without(*one);
            }
        }
        if rest != Self::NONE {
            set.entry(&format_args!("{:#x}", rest.0));
        }
        set.finish()
    }
}
