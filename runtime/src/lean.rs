//! Where the C library ends for podinit.
//!
//! A static C library comes whole as soon as something in it leads to its formatted output: with that come locales,
//! conversions between character sets, the loading of libraries, a resolver; a fifth of podinit, and nothing of it is ever
//! called. These are the few places that lead there. Of a symbol the linker takes the first definition that it meets, which
//! is podinit's own. A C library that is made up differently costs some bytes, and changes nothing else.

use nix::errno::Errno;
use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

/// The standard library asks where the stack of a thread ends, to tell an overflow from other faults. The C library would
/// read /proc/self/maps for that, by scanf, at every start.
#[unsafe(no_mangle)]
extern "C" fn pthread_getattr_np(_thread: c_ulong, _attributes: *mut c_void) -> c_int {
    libc::ENOSYS
}

/// Threads name themselves, and nobody else.
#[unsafe(no_mangle)]
extern "C" fn pthread_setname_np(_thread: c_ulong, name: *const c_char) -> c_int {
    // SAFETY: the name ends in NUL, and the kernel reads 16 bytes of it at most.
    unsafe { libc::prctl(libc::PR_SET_NAME, name) }
}

/// The standard library asks for what newer C libraries have, and does without it.
#[unsafe(no_mangle)]
extern "C" fn dlsym(_library: *mut c_void, _symbol: *const c_char) -> *mut c_void {
    std::ptr::null_mut()
}

/// Statistics of the allocator are printed with it. The arguments after these two are not looked at.
#[unsafe(no_mangle)]
extern "C" fn fprintf(_stream: *mut c_void, _format: *const c_char) -> c_int {
    -1
}

/// What the standard library calls errors of the kernel, without translations. `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
extern "C" fn __xpg_strerror_r(error: c_int, buffer: *mut c_char, length: usize) -> c_int {
    let text = Errno::from_raw(error).desc();
    let Some(room) = length.checked_sub(1) else { return libc::ERANGE };
    let length = text.len().min(room);
    // SAFETY: the text is as long as that at least, and the buffer by one byte longer.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, length);
        *buffer.add(length) = 0;
    }
    0
}

/// The dynamic loader says with it what went wrong.
#[unsafe(no_mangle)]
extern "C" fn __strerror_r(_error: c_int, _buffer: *mut c_char, _length: usize) -> *const c_char {
    c"error".as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn __assert_fail(_what: *const c_char, _file: *const c_char, _line: c_uint, _function: *const c_char) -> ! {
    std::process::abort()
}

/// The standard library prints a backtrace of a panic with it, calling `trace` for every frame. There are no tables to
/// unwind by, so there are no frames; and what would print them, a tenth of podinit, goes.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_trace: *mut c_void, _argument: *mut c_void) -> c_int {
    const END_OF_STACK: c_int = 5;
    END_OF_STACK
}

/// Streams of wide characters, of which there are none, convert with these.
macro_rules! never_called {
    ($($name:ident)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> ! {
            std::process::abort()
        }
    )*};
}
never_called! {
    _IO_fwide __libio_codecvt_in __libio_codecvt_out __libio_codecvt_length __libio_codecvt_encoding __wcsmbs_named_conv
    __libc_dynarray_at_failure
}

// `__libc_resp`: each thread is told where its state of the C library's resolver is; this is the place for it.
// `__wcsmbs_gconv_fcts_c`: the conversions of the C locale, for wide characters.
std::arch::global_asm!(
    ".section .tbss, \"awT\", @nobits",
    ".globl __libc_resp",
    ".type __libc_resp, @object",
    ".size __libc_resp, 8",
    ".p2align 3",
    "__libc_resp:",
    ".zero 8",
    ".data",
    ".globl __wcsmbs_gconv_fcts_c",
    ".type __wcsmbs_gconv_fcts_c, @object",
    ".size __wcsmbs_gconv_fcts_c, 64",
    ".p2align 4",
    "__wcsmbs_gconv_fcts_c:",
    ".zero 64",
    ".text",
);
