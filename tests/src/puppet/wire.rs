//! Sockets: a reading and a writing task each, so that the loop waits for nobody.

use std::time::Duration;

use bifrost_protocol::frame::LengthTable;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::say;

/// What may wait for a peer. One that does not read loses its connection.
const WAITING: usize = 16_384;

/// What a stock server reads of a client at once, and how many packets it takes in a turn (`socket.cpp`, `clif_parse`).
const FIFO: usize = 2 * 1_024;
const PACKETS_A_TURN: u32 = 3;
/// From one turn to the next, when others wait too.
const TURN: Duration = Duration::from_millis(1);

/// One end of a connection. Dropping it closes the connection once everything is written.
#[derive(Debug)]
pub(super) struct Wire {
    packets: mpsc::Sender<Bytes>,
}

/// Which connection something came from.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum From {
    /// The char-server, on this connection to it.
    Char(u64),
    /// A game client.
    Client(u64),
}

/// Something that happened on a connection.
#[derive(Debug)]
pub(super) enum Heard {
    /// A whole packet.
    Packet(From, Bytes),
    /// It is closed, or what came on it makes no sense.
    Closed(From),
}

impl Wire {
    /// Sends a packet.
    pub(super) fn send(&self, packet: impl Into<Bytes>) {
        let _slow_or_gone = self.packets.try_send(packet.into());
    }

    /// Sends packets as fast as the connection takes them.
    pub(super) async fn flood(&self, packet: Bytes) {
        while self.packets.send(packet.clone()).await.is_ok() {}
    }
}

/// Starts the tasks of a connection. Of a client's, half a packet or too much at once is the end, as at a stock server.
pub(super) fn open(
    stream: TcpStream,
    from: From,
    table: &'static LengthTable,
    client: bool,
    heard: mpsc::Sender<Heard>,
    tasks: &mut JoinSet<()>,
) -> Wire {
    let _at_once = stream.set_nodelay(true);
    let (reader, mut writer) = stream.into_split();
    let (packets, mut waiting) = mpsc::channel::<Bytes>(WAITING);
    tasks.spawn(async move {
        while let Some(packet) = waiting.recv().await {
            if writer.write_all(&packet).await.is_err() {
                return;
            }
        }
        let _closed = writer.shutdown().await;
    });
    tasks.spawn(async move {
        read(reader, from, table, client, &heard).await;
        let _over = heard.send(Heard::Closed(from)).await;
    });
    Wire { packets }
}

async fn read(mut reader: OwnedReadHalf, from: From, table: &LengthTable, client: bool, heard: &mpsc::Sender<Heard>) {
    let (mut buffer, mut more) = (BytesMut::with_capacity(FIFO), false);
    loop {
        // What is left of the turn before is looked at again whether something new has come or not.
        let read =
            if more { reader.try_read_buf(&mut buffer).unwrap_or(1) } else { read_on(&mut reader, &mut buffer).await };
        if read == 0 {
            return;
        }
        if client && buffer.len() >= FIFO {
            return say("Warning", "a client sends more than is read in a turn");
        }
        more = false;
        for turn in 0.. {
            match table.next(&mut buffer) {
                Ok(Some(packet)) => {
                    if heard.send(Heard::Packet(from, packet)).await.is_err() {
                        return;
                    }
                }
                Ok(None) if client && buffer.len() >= 2 => return say("Warning", "clif_parse: half a packet"),
                Ok(None) => break,
                Err(error) => return say("Warning", &format!("clif_parse: {error}")),
            }
            if client && turn + 1 == PACKETS_A_TURN && !buffer.is_empty() {
                more = true;
                tokio::time::sleep(TURN).await;
                break;
            }
        }
        buffer.reserve(FIFO.saturating_sub(buffer.len()));
    }
}

/// How much came; 0 at the end.
async fn read_on(reader: &mut OwnedReadHalf, buffer: &mut BytesMut) -> usize {
    reader.read_buf(buffer).await.unwrap_or(0)
}
