//! What the client calls.

use std::ffi::{CString, c_char, c_void};
use std::sync::OnceLock;

use crate::config::{ABI_VERSION, P2pHostConfig};
use crate::environment::Settings;
use crate::{hook, register};

/// `DLL_PROCESS_ATTACH`.
const PROCESS_ATTACH: u32 = 1;

type Config = P2pHostConfig<*const c_char>;

#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<Config>() == 16);

/// Does everything once; every call returns the same configuration, which lives as long as the process.
#[expect(unsafe_code, reason = "the client asks for it by this name")]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn initialize_p2p_hosting() -> *const Config {
    // Kept as a number, because a pointer in a static would have to be promised to be harmless.
    static CONFIG: OnceLock<usize> = OnceLock::new();
    *CONFIG.get_or_init(|| std::ptr::from_ref(initialize()) as usize) as *const Config
}

/// The version of what is exported here.
#[expect(unsafe_code, reason = "the launcher looks for it by this name")]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn p2phost_abi_version() -> u32 {
    ABI_VERSION
}

/// Clients that import the library instead of calling it (WARP's `CustomDLL`) are hooked while they are loaded: their
/// import table is complete by then, and nothing here waits for anything that the loader holds.
#[expect(unsafe_code, reason = "the loader calls it by this name")]
#[unsafe(no_mangle)]
extern "system" fn DllMain(_module: *mut c_void, reason: u32, imported: *mut c_void) -> i32 {
    if reason == PROCESS_ATTACH && !imported.is_null() {
        initialize_p2p_hosting();
    }
    1
}

fn initialize() -> &'static Config {
    let settings = Settings::read(|name| std::env::var(name).ok());
    let slots = hook::install(settings.routes);
    if let Some(launcher) = settings.launcher {
        register::register(launcher, &settings.token, slots);
    }
    // A token is printable, so it has no NUL in it.
    let token = CString::new(settings.token).unwrap_or_default();
    Box::leak(Box::new(P2pHostConfig {
        enabled: settings.enabled,
        performance_score: settings.score,
        max_players: settings.players,
        host_token: token.into_raw().cast_const(),
    }))
}
