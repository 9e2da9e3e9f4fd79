//! The hook: the program's slots of `connect` are made to point here.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_sys::Win32::System::Memory::{PAGE_READWRITE, VirtualProtect};

use crate::imports;
use crate::routes::{self, Routes, SOCKADDR_SIZE};

/// Bytes that every loaded image has at least.
const PAGE: usize = 0x1000;

/// `connect` of Winsock. A `SOCKET` is as wide as a pointer.
type Connect = unsafe extern "system" fn(usize, *const u8, i32) -> i32;

static ROUTES: OnceLock<Routes> = OnceLock::new();
/// What the slots pointed to before.
static ORIGINAL: AtomicUsize = AtomicUsize::new(0);

/// Hooks the program. Returns how many slots are hooked; 0 where there is nothing to be sent elsewhere.
pub(crate) fn install(routes: Routes) -> usize {
    if routes.is_empty() || ROUTES.set(routes).is_err() {
        return 0;
    }
    let Some((base, slots)) = slots() else { return 0 };
    slots.into_iter().filter(|slot| replace(base + slot)).count()
}

/// Where the program is in memory, and its slots.
#[expect(unsafe_code, reason = "the image of the program is read where the loader has put it")]
fn slots() -> Option<(usize, Vec<usize>)> {
    // SAFETY: no name asks for the program itself, which is never unloaded.
    let base = unsafe { GetModuleHandleA(ptr::null()) } as usize;
    if base == 0 {
        return None;
    }
    // SAFETY: the first page of a loaded image is its headers.
    let headers = unsafe { std::slice::from_raw_parts(base as *const u8, PAGE) };
    let size = imports::size_of_image(headers)?;
    // SAFETY: the loader keeps this many bytes for the image. Only headers and import table are touched, which it has
    // read itself a moment ago; nothing writes to them before the slice is gone.
    let image = unsafe { std::slice::from_raw_parts(base as *const u8, size) };
    Some((base, imports::slots(image, &known())))
}

/// `connect` as the libraries export it that are loaded.
#[expect(unsafe_code, reason = "exports have no safe interface")]
fn known() -> Vec<u32> {
    let address = |library: &std::ffi::CStr| {
        // SAFETY: both names end with NUL; a handle of null gives no address.
        let address = unsafe {
            let module = GetModuleHandleA(library.as_ptr().cast());
            if module.is_null() { None } else { GetProcAddress(module, c"connect".as_ptr().cast()) }
        };
        address.and_then(|address| u32::try_from(address as usize).ok())
    };
    [c"ws2_32.dll", c"wsock32.dll"].into_iter().filter_map(address).collect()
}

/// Makes a slot point here.
#[expect(unsafe_code, reason = "the import table is write-protected memory of the program")]
fn replace(slot: usize) -> bool {
    let mut before = 0;
    // SAFETY: `imports::slots` gives slots within the image, four bytes wide, as pointers are here.
    unsafe {
        if VirtualProtect(slot as *const _, size_of::<usize>(), PAGE_READWRITE, &raw mut before) == 0 {
            return false;
        }
        // No other thread of the program runs yet, or it calls what it has read: the old function or the new one.
        let slot_value = &*(slot as *const AtomicUsize);
        let original = slot_value.load(Ordering::Acquire);
        if ORIGINAL.compare_exchange(0, original, Ordering::AcqRel, Ordering::Acquire).is_ok() || original != 0 {
            slot_value.store(connect as *const () as usize, Ordering::Release);
        }
        VirtualProtect(slot as *const _, size_of::<usize>(), before, &raw mut before);
    }
    true
}

/// What the program calls for `connect`.
#[expect(unsafe_code, reason = "it is called by the program, with the program's pointers")]
unsafe extern "system" fn connect(socket: usize, name: *const u8, length: i32) -> i32 {
    // SAFETY: `replace` has put it there before any slot pointed here, and it was `connect`.
    let original = unsafe { std::mem::transmute::<usize, Connect>(ORIGINAL.load(Ordering::Acquire)) };
    let is_whole = !name.is_null() && usize::try_from(length).is_ok_and(|length| length >= SOCKADDR_SIZE);
    // SAFETY: the program says that it points to `length` bytes.
    let wanted = is_whole.then(|| unsafe { std::slice::from_raw_parts(name, SOCKADDR_SIZE) });
    let gateway = wanted.and_then(routes::destination).and_then(|wanted| ROUTES.get()?.find(wanted));
    match gateway.map(routes::sockaddr) {
        // SAFETY: it has the length that it is said to have, and lives until the call returns.
        Some(gateway) => unsafe { original(socket, gateway.as_ptr(), SOCKADDR_SIZE as i32) },
        // SAFETY: the program's own call, unchanged.
        None => unsafe { original(socket, name, length) },
    }
}
