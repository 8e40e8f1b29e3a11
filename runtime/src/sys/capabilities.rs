//! Capabilities, as sets of bits by number.

use crate::sys::child::{Failed, Step, check};

/// To signal processes of other users.
pub const KILL: u64 = 1 << 5;
/// To become other groups.
pub const SETGID: u64 = 1 << 6;
/// To become other users.
pub const SETUID: u64 = 1 << 7;
/// To take capabilities away for good.
pub const SETPCAP: u64 = 1 << 8;
/// To bind ports below 1024.
pub const NET_BIND_SERVICE: u64 = 1 << 10;

/// The kernel's `__user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// Version 3, of the calling thread.
const OWN: Header = Header { version: 0x2008_0522, pid: 0 };

/// The kernel's `__user_cap_data_struct`: 32 of the capabilities.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Those that this process may use now.
#[must_use]
pub fn effective() -> u64 {
    let halves = own();
    u64::from(halves[1].effective) << 32 | u64::from(halves[0].effective)
}

fn own() -> [Half; 2] {
    let (mut header, mut halves) = (OWN, [Half::default(); 2]);
    // SAFETY: capget writes the header and, in version 3, two halves to where it is told; both outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) };
    if result == 0 { halves } else { [Half::default(); 2] }
}

/// In a child: takes capabilities from the bounding set, so that no program can give them back.
pub(super) fn bound(dropped: u64) -> Result<(), Failed> {
    for number in bits(dropped) {
        // SAFETY: touches no memory. What the kernel does not know, or what is gone already, needs no dropping.
        if unsafe { libc::prctl(libc::PR_CAPBSET_READ, number, 0, 0, 0) } == 1 {
            // SAFETY: touches no memory.
            check(Step::Bounding, unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) }.into())?;
        }
    }
    Ok(())
}

/// In a child that changes its user: what it may do stays until [`confine`].
pub(super) fn keep_over_change() {
    // SAFETY: touches no memory.
    unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) };
}

/// In a child that is its user by now: gives up what it is not to have, and lets its program inherit the rest. Root keeps
/// all but what is `dropped`; others keep what is `ambient`.
pub(super) fn confine(is_root: bool, dropped: u64, ambient: u64) -> Result<(), Failed> {
    let mut halves = own();
    for (at, half) in halves.iter_mut().enumerate() {
        let part = |set: u64| (set >> (32 * at)) as u32;
        let kept = if is_root { half.permitted & !part(dropped) } else { half.permitted & part(ambient) };
        *half = Half { effective: kept, permitted: kept, inheritable: kept & part(ambient) };
    }
    let mut header = OWN;
    // SAFETY: both structs are as the kernel defines them and outlive the call.
    check(Step::Capabilities, unsafe { libc::syscall(libc::SYS_capset, &raw mut header, halves.as_ptr()) })?;
    for number in bits(ambient) {
        // SAFETY: touches no memory.
        let raised = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, number, 0, 0) };
        check(Step::Capabilities, raised.into())?;
    }
    Ok(())
}

fn bits(set: u64) -> impl Iterator<Item = libc::c_ulong> {
    (0..64).filter(move |number| set & 1 << number != 0)
}
