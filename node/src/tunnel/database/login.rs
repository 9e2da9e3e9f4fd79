//! Letting a client in: greeting, login, and another way to prove when the client began with one that is not spoken here.

use bifrost_protocol::mysql::{
    AuthSwitch, Capabilities, Done, Greeting, Login, MAX_LOGIN, NATIVE, Nonce, ServerError, Status, charset, code,
    verify_native,
};
use bytes::Bytes;

use bifrost_protocol::mysql::variables::{DATABASE, VERSION};

use super::credentials::Credentials;

/// A connection that is being opened.
#[derive(Debug)]
pub(super) struct Entrance {
    nonce: Nonce,
    connection: u32,
    /// A proven login would be this one; its first proof was made in another way.
    again: Option<Login>,
}

/// What came of a message.
#[derive(Debug)]
pub(super) enum Entry {
    /// The client is in: say this, and serve it.
    In(Bytes, Login),
    /// The client has to prove again: say this.
    Again(Bytes),
    /// The client stays outside: say this, and close.
    Out(ServerError),
}

impl Entrance {
    /// A new connection with its number.
    pub(super) fn new(connection: u32, nonce: Nonce) -> Self {
        Self { nonce, connection, again: None }
    }

    /// The longest message the client may send until it is in.
    pub(super) const MAX_MESSAGE: usize = MAX_LOGIN;

    /// The first message to the client.
    pub(super) fn greeting(&self) -> Bytes {
        let greeting = Greeting {
            version: VERSION.into(),
            connection: self.connection,
            capabilities: Capabilities::SPOKEN,
            collation: u8::try_from(charset::UTF8MB4).unwrap_or(0),
            status: Status::AUTOCOMMIT,
            nonce: self.nonce,
            plugin: NATIVE.into(),
        };
        greeting.encode()
    }

    /// Takes the client's next message.
    pub(super) fn take(&mut self, message: &[u8], credentials: &Credentials) -> Entry {
        if let Some(login) = self.again.take() {
            return self.judge(login, message, credentials);
        }
        let login = match Login::decode(message, Capabilities::SPOKEN) {
            Ok(login) => login,
            Err(error) => return Entry::Out(ServerError::new(code::MALFORMED, format!("bad handshake: {error}"))),
        };
        if login.plugin.as_deref().is_some_and(|plugin| plugin != NATIVE) {
            self.again = Some(login);
            return Entry::Again(AuthSwitch { plugin: NATIVE.into(), nonce: self.nonce }.encode());
        }
        let proof = login.proof.expose().clone();
        self.judge(login, &proof, credentials)
    }

    fn judge(&self, login: Login, proof: &[u8], credentials: &Credentials) -> Entry {
        let proven = verify_native(credentials.password.expose().as_bytes(), &self.nonce, proof);
        if login.user != credentials.user.as_bytes() || !proven {
            return Entry::Out(ServerError::new(code::ACCESS_DENIED, "access denied"));
        }
        if login.database.as_deref().is_some_and(|name| name != DATABASE.as_bytes()) {
            return Entry::Out(ServerError::new(
                code::UNKNOWN_DATABASE,
                format!("there is no database but {DATABASE}"),
            ));
        }
        Entry::In(Done { status: Status::AUTOCOMMIT, ..Done::default() }.encode(), login)
    }
}
