//! Login-server (`loginclif.cpp`, `packets.hpp`).

use crate::codes::codes;
use crate::ids::AccountId;
use crate::packet::{packets, records};
use crate::{FixedText, Ipv4Be, List, Secret};

packets! {
    /// What a client sends to the login-server.
    pub enum ClientToLogin;

    /// Logs in with name and password (`CA_LOGIN`).
    0x0064 [55] Login {
        version: u32,
        user: FixedText<24>,
        password: Secret<FixedText<24>>,
        client_type: u8,
    }

    /// Logs in with a token (`CA_SSO_LOGIN_REQ`). rAthena takes `token` for the password and passes over `password`.
    0x0825 [..] LoginToken {
        version: u32,
        client_type: u8,
        user: FixedText<24>,
        password: Secret<FixedText<27>>,
        mac: FixedText<17>,
        ip: FixedText<15>,
        token: Secret<Vec<u8>>,
    }

    /// Keeps the connection (`CA_CONNECT_INFO_CHANGED`). Not answered.
    0x0200 [26] KeepAlive { user: FixedText<24> }

    /// The hash of the client's executable (`CA_EXE_HASHCHECK`). Not answered.
    0x0204 [18] ExeHash { hash: [u8; 16] }
}

packets! {
    /// What the login-server sends to a client.
    pub enum LoginToClient;

    /// Logged in: session ids and the char-servers (`AC_ACCEPT_LOGIN`).
    0x0ac4 [..] Accepted {
        login_id1: Secret<u32>,
        account: AccountId,
        login_id2: Secret<u32>,
        last_ip: u32,
        last_login: FixedText<26>,
        /// 0 female, 1 male.
        sex: u8,
        web_token: Secret<FixedText<17>>,
        servers: List<CharServer>,
    }

    /// Not logged in (`AC_REFUSE_LOGIN`).
    0x083e [26] Refused {
        reason: LoginRefusal,
        /// Until when, with [`LoginRefusal::PROHIBITED_UNTIL`].
        unblock_time: FixedText<20>,
    }

    /// Turned away after the password was right (`SC_NOTIFY_BAN`).
    0x0081 [3] Closed { reason: CloseReason }
}

records! {
    /// A char-server in [`Accepted`]. The address is big-endian, the port is not.
    pub struct CharServer {
        ip: Ipv4Be,
        port: u16,
        name: FixedText<20>,
        users: u16,
        /// 0 normal, 1 maintenance, 2 over 18, 3 paying, 4 free.
        kind: u16,
        is_new: u16,
        unknown: [u8; 128],
    }
}

codes! {
    /// Why a login is refused (`logclif_auth_failed`).
    pub struct LoginRefusal(u32) {
        /// No such account.
        UNREGISTERED = 0,
        /// Wrong password.
        WRONG_PASSWORD = 1,
        /// The account has expired.
        EXPIRED = 2,
        /// Rejected by the server.
        REJECTED = 3,
        /// Blocked by a game master.
        BLOCKED = 4,
        /// The client is not the version the server wants.
        WRONG_VERSION = 5,
        /// Prohibited until a time.
        PROHIBITED_UNTIL = 6,
        /// The server is full.
        OVERPOPULATED = 7,
    }

    /// Why a server ends a connection (`SC_NOTIFY_BAN`), on login-, char- and map-servers.
    pub struct CloseReason(u8) {
        /// The server is closed.
        SERVER_CLOSED = 1,
        /// Somebody else logged in to the account.
        OTHER_LOGIN = 2,
        /// The client's clock runs differently (speed hack).
        TIME_GAP = 3,
        /// The server is full.
        OVERPOPULATED = 4,
        /// The server still knows the last login.
        STILL_ONLINE = 8,
        /// Disconnected from the server.
        DISCONNECTED = 15,
    }
}
