//! Linux: power from sysfs, the window in front from X11 (as window managers tell it, EWMH), the network's price from
//! NetworkManager.

use std::path::Path;
use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt, Window};
use x11rb::rust_connection::RustConnection;
use zbus::blocking::{Proxy, connection};
use zbus::proxy::MethodFlags;

use super::Front;

/// How long NetworkManager may think.
const BUS_PATIENCE: Duration = Duration::from_secs(2);

x11rb::atom_manager! {
    /// What window managers set.
    Atoms: AtomsCookie {
        _NET_ACTIVE_WINDOW,
        _NET_WM_PID,
        _NET_WM_STATE,
        _NET_WM_STATE_FULLSCREEN,
    }
}

/// What is asked of the session and the system. Connections are kept from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Desktop {
    screen: Option<Screen>,
    bus: Option<zbus::blocking::Connection>,
    told: bool,
}

impl Desktop {
    /// The window in front. A Wayland session shows only windows of X11 programs, which games are; while another one is in
    /// front, or there is no X server, it is unknown.
    pub(super) fn front(&mut self) -> Option<Front> {
        let front = match self.screen() {
            Some(screen) => screen.front().unwrap_or_else(|error| {
                if matches!(error, ReplyError::ConnectionError(_)) {
                    self.screen = None;
                }
                None
            }),
            None => None,
        };
        if front.is_none() && !self.told {
            self.told = true;
            tracing::info!(
                "this session does not tell whether a program fills the screen: hosting does not pause for it"
            );
        }
        front
    }

    /// Whether NetworkManager takes the way to the internet for a metered one.
    pub(super) fn metered(&mut self) -> Option<bool> {
        let bus = match &self.bus {
            Some(bus) => bus,
            None => {
                let bus = connection::Builder::system().ok()?.method_timeout(BUS_PATIENCE).build().ok()?;
                self.bus.insert(bus)
            }
        };
        match metered(bus) {
            Ok(metered) => metered,
            Err(zbus::Error::InputOutput(_)) => {
                self.bus = None;
                None
            }
            // It is not there, which is said anew each time.
            Err(_) => None,
        }
    }

    /// Mains adapters and batteries stand in sysfs. A PC without a battery is on mains.
    pub(super) fn on_battery() -> Option<bool> {
        on_battery(Path::new("/sys/class/power_supply"))
    }

    fn screen(&mut self) -> Option<&Screen> {
        if self.screen.is_none() {
            self.screen = Screen::open();
        }
        self.screen.as_ref()
    }
}

fn on_battery(supplies: &Path) -> Option<bool> {
    let supplies = std::fs::read_dir(supplies).ok()?;
    let read = |supply: &std::fs::DirEntry, file: &str| {
        std::fs::read_to_string(supply.path().join(file)).map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    Some(supplies.flatten().any(|supply| {
        let system_battery = read(&supply, "type") == "Battery" && read(&supply, "scope") != "Device";
        system_battery && read(&supply, "status") == "Discharging"
    }))
}

/// NetworkManager's property `Metered`. It is not started for this.
fn metered(bus: &zbus::blocking::Connection) -> zbus::Result<Option<bool>> {
    const NAME: &str = "org.freedesktop.NetworkManager";
    let properties = Proxy::new(bus, NAME, "/org/freedesktop/NetworkManager", "org.freedesktop.DBus.Properties")?;
    let found: Option<zbus::zvariant::OwnedValue> =
        properties.call_with_flags("Get", MethodFlags::NoAutoStart.into(), &(NAME, "Metered"))?;
    Ok(found.and_then(|value| u32::try_from(value).ok()).and_then(costs))
}

/// `NMMetered` of its D-Bus API: 1 is yes and 3 a guess at it, 2 is no and 4 a guess at that, 0 is unknown.
const fn costs(metered: u32) -> Option<bool> {
    match metered {
        1 | 3 => Some(true),
        2 | 4 => Some(false),
        _ => None,
    }
}

/// An X server.
#[derive(Debug)]
struct Screen {
    connection: RustConnection,
    root: Window,
    atoms: Atoms,
    /// Whether there may be windows that the server does not know.
    wayland: bool,
}

impl Screen {
    fn open() -> Option<Self> {
        let (connection, number) = x11rb::connect(None).ok()?;
        let root = connection.setup().roots.get(number)?.root;
        let atoms = Atoms::new(&connection).ok()?.reply().ok()?;
        Some(Self { connection, root, atoms, wayland: std::env::var_os("WAYLAND_DISPLAY").is_some() })
    }

    fn front(&self) -> Result<Option<Front>, ReplyError> {
        let atoms = &self.atoms;
        let active = self.numbers(self.root, atoms._NET_ACTIVE_WINDOW, AtomEnum::WINDOW)?;
        let window = match active.first() {
            None | Some(0) if self.wayland => return Ok(None),
            None | Some(0) => return Ok(Some(Front { full_screen: false, process: None })),
            Some(window) => *window,
        };
        let state = self.numbers(window, atoms._NET_WM_STATE, AtomEnum::ATOM)?;
        let process = self.numbers(window, atoms._NET_WM_PID, AtomEnum::CARDINAL)?.first().copied();
        Ok(Some(Front { full_screen: state.contains(&atoms._NET_WM_STATE_FULLSCREEN), process }))
    }

    /// A property of 32-bit numbers; a few, whatever there is.
    fn numbers(&self, window: Window, property: u32, kind: AtomEnum) -> Result<Vec<u32>, ReplyError> {
        const MOST: u32 = 32;
        let reply = self.connection.get_property(false, window, property, kind, 0, MOST)?.reply()?;
        Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_of_network_manager_counts_and_the_unknown_does_not() {
        assert_eq!([0, 1, 2, 3, 4, 9].map(costs), [None, Some(true), Some(false), Some(true), Some(false), None]);
    }

    #[test]
    fn a_battery_counts_while_it_runs_down_and_a_mouse_has_none_that_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let supply = |name: &str, files: &[(&str, &str)]| {
            let folder = folder.path().join(name);
            std::fs::create_dir_all(&folder).expect("made");
            files
                .iter()
                .for_each(|(file, text)| std::fs::write(folder.join(file), format!("{text}\n")).expect("written"));
        };
        assert_eq!(on_battery(folder.path()), Some(false));
        supply("AC", &[("type", "Mains"), ("online", "0")]);
        supply("mouse", &[("type", "Battery"), ("scope", "Device"), ("status", "Discharging")]);
        supply("BAT0", &[("type", "Battery"), ("status", "Charging")]);
        assert_eq!(on_battery(folder.path()), Some(false));
        supply("BAT0", &[("status", "Discharging")]);
        assert_eq!(on_battery(folder.path()), Some(true));
        assert_eq!(on_battery(&folder.path().join("none")), None);
    }
}
