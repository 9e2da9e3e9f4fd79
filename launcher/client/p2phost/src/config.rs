//! What `initialize_p2p_hosting` returns: `P2P_HOST_CONFIG` in C.

/// Version of the exported functions and of [`P2pHostConfig`]; what `p2phost_abi_version` returns.
pub const ABI_VERSION: u32 = 1;

/// What the client is told about hosting. In the DLL `Token` is a pointer of 32 bits to a string that ends with NUL:
/// `enabled` at 0, `performance_score` at 4, `max_players` at 8, `host_token` at 12, 16 bytes in all.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct P2pHostConfig<Token> {
    /// Whether this PC hosts.
    pub enabled: bool,
    /// The realm's score of this PC.
    pub performance_score: u32,
    /// The most players it takes.
    pub max_players: u16,
    /// What the DLL proves itself to the launcher with; never null.
    pub host_token: Token,
}

const _: () = {
    use std::mem::offset_of;
    // As it is in the 32-bit DLL, whatever this is built for.
    type Config = P2pHostConfig<u32>;
    assert!(offset_of!(Config, enabled) == 0 && offset_of!(Config, performance_score) == 4);
    assert!(offset_of!(Config, max_players) == 8 && offset_of!(Config, host_token) == 12);
    assert!(size_of::<Config>() == 16);
};
