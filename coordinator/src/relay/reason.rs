//! Why connections end and engines are left: the labels of the relay's counters.

use crate::reasons::reasons;

reasons! {
    /// Why a client's connection ended.
    CloseReason counted as "bifrost_relay_closed_total" {
        /// There are as many connections as the relay takes.
        Full = "full",
        /// There are as many connections from this address as the relay takes.
        Address = "address_limit",
        /// No whole first packet in time.
        Silent = "silent",
        /// The first packet is not 0x0436.
        NotEnter = "not_enter",
        /// The client ended its side.
        Left = "left",
        /// The socket failed.
        Failed = "failed",
        /// Nothing came from the client for too long.
        Idle = "idle",
        /// A packet that is not known, or has an illegal length.
        Garbage = "garbage",
        /// A packet that has no place here: a second 0x0436, or one for the login- or char-server.
        Misplaced = "misplaced",
        /// Too many bytes before there was an engine to take them.
        Flood = "flood",
        /// The client does not read what it is sent.
        Slow = "slow",
        /// The client was redirected, and is gone or had the time to go.
        Redirected = "redirected",
        /// The fleet ordered it.
        Ordered = "ordered",
        /// The fleet let the connection go, or gave orders faster than they can be carried out.
        Dropped = "dropped",
        /// The coordinator stops.
        Shutdown = "shutdown",
    }
}

reasons! {
    /// Why an engine was left although the fleet did not order it.
    LostReason counted as "bifrost_relay_engine_lost_total" {
        /// The game stream could not be opened in time.
        Unreachable = "unreachable",
        /// The engine ended the stream.
        Ended = "ended",
        /// The stream or its connection broke.
        Broken = "broken",
        /// The engine does not take the client's packets.
        Slow = "slow",
        /// The host sent what no map-server sends.
        Misbehaved = "misbehaved",
    }
}
