//! What a player can see happen.

use std::fmt;
use std::net::SocketAddr;

/// A cell of a map.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// Name without extension.
    pub map: String,
    /// Column.
    pub x: u16,
    /// Row.
    pub y: u16,
}

impl Place {
    /// A cell of a map.
    #[must_use]
    pub fn new(map: &str, x: u16, y: u16) -> Self {
        Self { map: map.trim_end_matches(".gat").to_owned(), x, y }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {},{}", self.map, self.x, self.y)
    }
}

/// What a player can see happen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The login-server let the player in.
    LoggedIn,
    /// The char-server named the map-server to go to.
    Selected(Place),
    /// The map-server let the player in (0x02eb), on this connection.
    Entered(Place),
    /// The client has loaded the map and the server answered: the player is in play.
    Loaded(Place),
    /// The same server put the player elsewhere (0x0091).
    Moved(Place),
    /// Another map-server has the map (0x0ac7); the client goes there.
    Redirected(SocketAddr, Place),
    /// The server took a walk (0x0087).
    Walking {
        /// From where.
        from: (u16, u16),
        /// To where.
        to: (u16, u16),
    },
    /// The server stopped somebody at a cell (0x0088).
    Stopped(u32, (u16, u16)),
    /// The player's own words came back, or a message of the server (0x008e).
    OwnChat(String),
    /// A script said something to this player alone (0x02c1).
    Told(String),
    /// Somebody near said something (0x008d).
    Chat(u32, String),
    /// Somebody appeared: standing (0x09ff, 0x09fe) or walking (0x09fd).
    Appeared {
        /// Object id, the account id of players.
        id: u32,
        /// Where, or where it walks to.
        at: (u16, u16),
        /// Whether it sits.
        sitting: bool,
        /// Name, when the packet has it.
        name: String,
    },
    /// Somebody near walks (0x0086).
    OtherWalks(u32, (u16, u16)),
    /// Somebody vanished (0x0080): 0 out of sight, 1 died, 2 logged out, 3 teleported.
    Vanished(u32, u8),
    /// Somebody sat down (0x08c8, type 2).
    Sat(u32),
    /// Somebody stood up (0x08c8, type 3).
    Stood(u32),
    /// Somebody showed an emotion (0x00c0).
    Emoted(u32, u8),
    /// A name was told (0x0a30, 0x0095, 0x0adf).
    Named(u32, String),
    /// Somebody turned (0x009c): head, body.
    Turned(u32, u16, u8),
    /// A market (0x0b7a) or barter shop (0x0b78) opened: its items, and how many of each are left.
    Shop(Vec<(u32, u32)>),
    /// A market shop sold something, or not (0x0b4e): 0 it did.
    Sold(u16),
    /// The server told the time (0x007f).
    Time(u32),
    /// The server sends the client back to character select (0x00b3).
    ToCharacterSelect,
    /// The server lets the client leave, or not (0x018b): 0 yes.
    QuitAnswer(u16),
    /// The server closes for this reason (0x0081).
    Closing(u8),
    /// A server turned the player away. Which, and its code.
    Refused(String),
    /// The connection is gone, without a redirect.
    Lost(String),
}
