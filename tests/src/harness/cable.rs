//! A cable that can be pulled: passes UDP on to an address, or nothing at all.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

/// The longest datagram there is.
const DATAGRAM: usize = 64 * 1024;

/// A cable to one address. Dropping it pulls it for good.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    state: Arc<State>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    pulled: AtomicBool,
    lost: AtomicU64,
}

impl State {
    /// Whether a datagram gets through.
    fn passes(&self) -> bool {
        let pulled = self.pulled.load(Ordering::Relaxed);
        self.lost.fetch_add(u64::from(pulled), Ordering::Relaxed);
        !pulled
    }
}

impl Cable {
    /// A cable that leads to `to`.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn lay(to: SocketAddr) -> Result<Self> {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await?);
        let address = socket.local_addr()?;
        let state = Arc::new(State::default());
        let task = AbortOnDropHandle::new(tokio::spawn(carry(socket, to, Arc::clone(&state))));
        Ok(Self { address, state, _task: task })
    }

    /// The near end.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing passes from now on, either way, and nobody is told.
    pub fn pull(&self) {
        self.state.pulled.store(true, Ordering::Relaxed);
    }

    /// Everything passes again.
    pub fn plug_in(&self) {
        self.state.pulled.store(false, Ordering::Relaxed);
    }

    /// How many datagrams did not pass.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }
}

async fn carry(near: Arc<UdpSocket>, to: SocketAddr, state: Arc<State>) {
    let mut ways: HashMap<SocketAddr, (Arc<UdpSocket>, AbortOnDropHandle<()>)> = HashMap::new();
    let mut datagram = vec![0; DATAGRAM];
    loop {
        let Ok((len, from)) = near.recv_from(&mut datagram).await else { continue };
        let far = match ways.get(&from) {
            Some((far, _)) => Arc::clone(far),
            None => {
                let Ok(far) = far_end(to).await else { continue };
                let back = tokio::spawn(carry_back(Arc::clone(&far), Arc::clone(&near), from, Arc::clone(&state)));
                ways.insert(from, (Arc::clone(&far), AbortOnDropHandle::new(back)));
                far
            }
        };
        if state.passes() {
            // A datagram that is lost is lost.
            let _ = far.send(&datagram[..len]).await;
        }
    }
}

/// A socket that stands for one sender at the far end.
async fn far_end(to: SocketAddr) -> std::io::Result<Arc<UdpSocket>> {
    let far = UdpSocket::bind("127.0.0.1:0").await?;
    far.connect(to).await?;
    Ok(Arc::new(far))
}

async fn carry_back(far: Arc<UdpSocket>, near: Arc<UdpSocket>, to: SocketAddr, state: Arc<State>) {
    let mut datagram = vec![0; DATAGRAM];
    loop {
        // An error is what the kernel heard of a coordinator that is away.
        let Ok(len) = far.recv(&mut datagram).await else {
            tokio::task::yield_now().await;
            continue;
        };
        if state.passes() {
            let _ = near.send_to(&datagram[..len], to).await;
        }
    }
}
