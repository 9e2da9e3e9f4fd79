//! Telling the launcher that the DLL is in.

use std::io::Write;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

/// How long the launcher may take; it is on this machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// Says it in one line, from a thread of its own: the game does not wait. Whether anybody hears it changes nothing here.
pub(crate) fn register(launcher: SocketAddrV4, token: &str, slots: usize) {
    let line = format!("P2PHOST {} {token} {} {slots}\n", crate::config::ABI_VERSION, std::process::id());
    let say = move || -> std::io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::V4(launcher), PATIENCE)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(line.as_bytes())
    };
    // Dropping the handle lets it run.
    let _thread = std::thread::Builder::new().name("p2phost".into()).spawn(move || drop(say()));
}
