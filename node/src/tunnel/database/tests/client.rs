//! A MySQL client, as small as it can be, on a connection without a socket.

use bifrost_protocol::mysql::{
    Answer, AuthSwitch, CACHING_SHA2, Capabilities, Column, Command, Done, Execute, Framing, Greeting, Login, NATIVE,
    PrepareOk, ServerError, Value, is_end, native_proof, sha2_proof, take_text,
};
use bifrost_protocol::{Reader, Secret};
use bytes::{Bytes, BytesMut};

use crate::tunnel::database::credentials::{Credentials, nonce};
use crate::tunnel::database::session::{Flow, Session};
use crate::tunnel::database::{EndpointCounts, Shared};

/// The messages of a capture: whether the client said it, and what.
pub(super) fn messages(capture: &str) -> Vec<(bool, Bytes)> {
    let mut found = Vec::new();
    for line in capture.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(' ').skip(1);
        let said = fields.next() == Some(">");
        let hex = fields.next().expect("three fields");
        let bytes = |at| u8::from_str_radix(hex.get(at..at + 2).expect("pairs"), 16).expect("hex");
        let mut bytes: BytesMut = (0..hex.len()).step_by(2).map(bytes).collect();
        while bytes.len() >= 4 {
            let len = usize::from(bytes[0]) | usize::from(bytes[1]) << 8;
            found.push((said, bytes.split_to(len + 4).freeze().slice(4..)));
        }
    }
    found
}

/// What came of a command.
#[derive(Debug)]
pub(super) enum Reply {
    Done(Done),
    Failed(ServerError),
    Rows { rows: Vec<Vec<Option<Bytes>>> },
}

impl Reply {
    pub(super) fn changed(self, rows: u64) {
        assert!(matches!(&self, Self::Done(done) if done.affected == rows), "{self:?}, {rows} rows expected");
    }

    pub(super) fn failed(self, code: u16) {
        assert!(matches!(&self, Self::Failed(error) if error.code == code), "{self:?}, error {code} expected");
    }
}

pub(super) struct Client {
    shared: Shared,
    session: Session,
    framing: Framing,
    heard: BytesMut,
    flow: Flow,
}

impl Client {
    /// A connection to an endpoint of its own.
    pub(super) fn connect() -> Self {
        let credentials = Credentials::random().into();
        let (counters, tables, routes) = Default::default();
        Self::to(Shared { credentials, counters, tables, relayed: false, routes })
    }

    fn to(shared: Shared) -> Self {
        let mut heard = BytesMut::new();
        let session = Session::open(shared.clone(), 1, nonce(), &mut heard);
        Self { shared, session, framing: Framing::new(1 << 24), heard, flow: Flow::Entering }
    }

    /// A connection that is let in.
    pub(super) fn entered() -> Self {
        let mut client = Self::connect();
        client.enter("", None, "ragnarok").expect("let in");
        client
    }

    /// Another connection to the same endpoint.
    pub(super) fn another(&self) -> Self {
        let mut client = Self::to(self.shared.clone());
        client.enter("", None, "ragnarok").expect("let in");
        client
    }

    pub(super) fn counts(&self) -> EndpointCounts {
        self.shared.counters.read()
    }

    pub(super) fn is_over(&self) -> bool {
        self.flow == Flow::Over
    }

    /// Logs in; an empty user or no password means the right one.
    pub(super) fn enter(&mut self, user: &str, password: Option<&str>, database: &str) -> Result<(), ServerError> {
        self.enter_with(user, password, database, NATIVE)
    }

    pub(super) fn enter_with(
        &mut self,
        user: &str,
        password: Option<&str>,
        database: &str,
        plugin: &str,
    ) -> Result<(), ServerError> {
        let greeting = Greeting::decode(&self.heard()[0]).expect("a greeting");
        let login = self.login(&greeting, user, password, database, plugin);
        self.say(&login.encode());
        let mut answer = self.heard().remove(0);
        if let Ok(switch) = AuthSwitch::decode(&answer) {
            assert_eq!(switch.plugin, NATIVE);
            let proof = native_proof(self.password(password).as_bytes(), &switch.nonce);
            self.say(&proof);
            answer = self.heard().remove(0);
        }
        match Answer::decode(&answer).expect("an answer") {
            Answer::Done(_) => Ok(()),
            Answer::Error(error) => Err(error),
            other @ (Answer::Rows(_) | Answer::LocalFile) => panic!("{other:?}"),
        }
    }

    pub(super) fn login(
        &self,
        greeting: &Greeting,
        user: &str,
        password: Option<&str>,
        database: &str,
        plugin: &str,
    ) -> Login {
        let user = if user.is_empty() { &self.shared.credentials.user } else { user };
        let password = self.password(password);
        let proof = match plugin {
            CACHING_SHA2 => sha2_proof(password.as_bytes(), &greeting.nonce),
            _ => native_proof(password.as_bytes(), &greeting.nonce),
        };
        Login {
            capabilities: greeting.capabilities & Capabilities::SPOKEN,
            max_message: 1 << 24,
            collation: 45,
            user: user.as_bytes().to_vec(),
            proof: Secret::new(proof),
            database: Some(database.as_bytes().to_vec()),
            plugin: Some(plugin.into()),
        }
    }

    fn password(&self, password: Option<&str>) -> String {
        password.map_or_else(|| self.shared.credentials.password.expose().clone(), str::to_owned)
    }

    /// Sends a message.
    pub(super) fn say(&mut self, message: &[u8]) {
        if self.flow == Flow::Open {
            self.framing.restart();
        }
        let mut wire = BytesMut::new();
        self.framing.put(&mut wire, message);
        self.raw(&wire);
    }

    /// Sends bytes as they are.
    pub(super) fn raw(&mut self, wire: &[u8]) {
        let mut wire = BytesMut::from(wire);
        self.flow = self.session.take(&mut wire, &mut self.heard);
    }

    /// Every message the server has sent since.
    pub(super) fn heard(&mut self) -> Vec<Bytes> {
        let mut heard = Vec::new();
        while let Some(number) = self.heard.get(3).copied() {
            if number == 1 && self.flow == Flow::Open {
                self.framing.restart();
                let _own = self.framing.take(&mut BytesMut::from(&[0_u8, 0, 0, 0][..]));
            }
            heard.push(self.framing.take(&mut self.heard).expect("in order").expect("whole"));
        }
        heard
    }

    /// Sends a command that has no answer, or whose answer is not looked at yet.
    pub(super) fn tell(&mut self, command: &Command) {
        self.say(&command.encode());
    }

    pub(super) fn command(&mut self, command: &Command) -> Reply {
        self.tell(command);
        reply(&self.heard(), &command_kind(command))
    }

    pub(super) fn query(&mut self, statement: &str) -> Reply {
        self.command(&Command::Query(Bytes::copy_from_slice(statement.as_bytes())))
    }

    pub(super) fn prepare(&mut self, statement: &str) -> Result<u32, ServerError> {
        self.tell(&Command::Prepare(Bytes::copy_from_slice(statement.as_bytes())));
        let heard = self.heard();
        match PrepareOk::decode(&heard[0]) {
            Ok(ok) => {
                let lists = [ok.parameters, ok.columns].map(|list| usize::from(list) + usize::from(list > 0));
                assert_eq!(heard.len(), 1 + lists.iter().sum::<usize>());
                Ok(ok.statement)
            }
            Err(_) => Err(ServerError::decode(&heard[0]).expect("an error")),
        }
    }

    /// Prepares, runs and closes.
    pub(super) fn run(&mut self, statement: &str, values: &[Value]) -> Reply {
        let number = self.prepare(statement).expect("prepared");
        let reply = self.command(&Command::Execute(Execute::with(number, values)));
        self.tell(&Command::Close(number));
        assert!(self.heard().is_empty());
        reply
    }
}

enum Rows {
    Text,
    Binary,
}

fn command_kind(command: &Command) -> Rows {
    if matches!(command, Command::Execute(_)) { Rows::Binary } else { Rows::Text }
}

fn reply(heard: &[Bytes], kind: &Rows) -> Reply {
    match Answer::decode(&heard[0]).expect("an answer") {
        Answer::Done(done) => Reply::Done(done),
        Answer::Error(error) => Reply::Failed(error),
        Answer::LocalFile => panic!("no file is ever asked for"),
        Answer::Rows(count) => {
            let count = usize::try_from(count).expect("few");
            let columns: Vec<Column> =
                heard[1..=count].iter().map(|message| Column::decode(message).expect("a column")).collect();
            assert!(is_end(&heard[count + 1]).is_some() && is_end(heard.last().expect("an end")).is_some());
            let rows = &heard[count + 2..heard.len() - 1];
            Reply::Rows {
                rows: rows
                    .iter()
                    .map(|row| match kind {
                        Rows::Text => text(row, count),
                        Rows::Binary => binary(row, &columns),
                    })
                    .collect(),
            }
        }
    }
}

fn text(row: &[u8], count: usize) -> Vec<Option<Bytes>> {
    let mut reader = Reader::new(row);
    let mut next = || match reader.clone().u8("mark") {
        Ok(0xFB) => reader.skip("mark", 1).map(|()| None),
        _ => take_text(&mut reader, "value").map(|text| Some(Bytes::copy_from_slice(text))),
    };
    (0..count).map(|_| next().expect("a value")).collect()
}

fn binary(row: &[u8], columns: &[Column]) -> Vec<Option<Bytes>> {
    let mut reader = Reader::new(row);
    reader.skip("kind", 1).expect("a row");
    let nulls = reader.bytes("bitmap", (columns.len() + 9) / 8).expect("a bitmap");
    let mut values = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let null = nulls[(index + 2) / 8] >> ((index + 2) % 8) & 1 == 1;
        let unsigned = column.flags.contains(bifrost_protocol::mysql::ColumnFlags::UNSIGNED);
        let value = (!null).then(|| Value::decode(&mut reader, column.kind, unsigned).expect("a value"));
        values.push(value.and_then(|value| value.to_text()));
    }
    reader.finish().expect("the end of the row");
    values
}
