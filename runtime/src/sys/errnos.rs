//! Which error each call of the kernel's traits may give: what the manual pages of the system calls behind it document,
//! without what only a bug of podinit's could cause (EBADF, EFAULT, EINVAL where arguments are constant).
//!
//! [`super::Faulty`] knows these calls only, so that a new one is listed here before it can be made in a test.

use nix::errno::Errno::{self, *};

/// A call by the name of its method, and its errors.
pub type Call = (&'static str, &'static [Errno]);

/// Every call that can fail, trait by trait.
pub const CALLS: [Call; 60] = [
    // Files
    ("pipe", &[EMFILE, ENFILE, ENOMEM, EPERM]),
    ("input_pipe", &[EMFILE, ENFILE, ENOMEM, EPERM]),
    ("read", &[EAGAIN, EINTR, EIO]),
    ("write", &[EAGAIN, EINTR, EIO, ENOSPC, EDQUOT, EFBIG, EPERM, EPIPE]),
    ("pending", &[ENOTTY]),
    (
        "append_to",
        &[EACCES, EDQUOT, EINTR, EISDIR, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENXIO, EPERM, EROFS, ETXTBSY],
    ),
    ("read_link", &[EACCES, EINVAL, EIO, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOTDIR]),
    ("open_again", &[EACCES, EINTR, EMFILE, ENFILE, ENOENT, ENOMEM, ENXIO, EPERM, EROFS]),
    ("duplicate", &[EMFILE]),
    ("stat_fd", &[EIO, EMFILE, ENOMEM, EOVERFLOW]),
    ("stat", &[EACCES, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW]),
    ("is_there", &[EACCES, EIO, ENOENT, ENOMEM]),
    ("read_part", &[EACCES, EINTR, EIO, EISDIR, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOTDIR, ENXIO]),
    ("replace", &[EACCES, EDQUOT, EINTR, EIO, EISDIR, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, ENOTDIR, EPERM, EROFS]),
    ("remove", &[EACCES, EBUSY, EIO, EISDIR, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS]),
    ("rename", &[EACCES, EBUSY, EDQUOT, EIO, EISDIR, ENOENT, ENOMEM, ENOSPC, ENOTDIR, EPERM, EROFS, EXDEV]),
    ("truncate", &[EFBIG, EINTR, EIO, EPERM, EROFS]),
    ("make_folder", &[EACCES, EDQUOT, ELOOP, EMLINK, ENOENT, ENOMEM, ENOSPC, ENOTDIR, EPERM, EROFS]),
    ("disk_space", &[EACCES, EINTR, EIO, ELOOP, ENOENT, ENOMEM, ENOSYS, ENOTDIR, EOVERFLOW]),
    ("memory_file", &[EMFILE, ENFILE, ENOMEM, EINTR, ENOSPC]),
    ("event_fd", &[EMFILE, ENFILE, ENODEV, ENOMEM]),
    ("wait", &[EINTR, ENOMEM]),
    ("block_signals", &[EINVAL]),
    // Sockets
    (
        "connect",
        &[EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, ECONNREFUSED, EINTR, EMFILE, ENETUNREACH, ENFILE, ENOBUFS],
    ),
    ("connected", &[EAGAIN, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, ENOBUFS, EPERM, ETIMEDOUT]),
    (
        "listen_for",
        &[EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, ELOOP, EMFILE, ENFILE, ENOBUFS, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS],
    ),
    ("send", &[EAGAIN, ECONNRESET, EINTR, ENOBUFS, ENOMEM, EPIPE]),
    ("receive", &[EAGAIN, ECONNREFUSED, ECONNRESET, EINTR, ENOMEM, ETIMEDOUT]),
    ("listen_on_port", &[EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM]),
    // UnixSockets
    (
        "listen",
        &[EACCES, EADDRINUSE, EAFNOSUPPORT, ELOOP, EMFILE, ENFILE, ENOBUFS, ENOENT, ENOMEM, ENOTDIR, EOPNOTSUPP, EPERM, EROFS],
    ),
    ("accept", &[EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO]),
    ("peer_uid", &[ENOPROTOOPT]),
    ("connect_unix", &[EACCES, EAGAIN, ECONNREFUSED, EINTR, EMFILE, ENFILE, ENOENT, ENOMEM, EPERM]),
    ("pid_namespace", &[EACCES, ENOENT, ENOMEM]),
    // Datagrams
    ("datagram_socket", &[EACCES, EADDRINUSE, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM]),
    ("next_datagram", &[EAGAIN, EINTR, ENOMEM]),
    // Polling
    ("epoll_add", &[ENOMEM, ENOSPC, EPERM]),
    ("epoll_modify", &[ENOENT, ENOMEM]),
    ("epoll_remove", &[ENOENT, ENOMEM]),
    ("epoll_wait", &[EINTR, EINVAL]),
    // Processes
    ("spawn", &[EAGAIN, ENOMEM, ENOSYS]),
    ("reap", &[EINTR, EINVAL]),
    ("kill", &[EPERM, ESRCH]),
    ("kill_group", &[EPERM, ESRCH]),
    ("shared_words", &[EAGAIN, ENOMEM, EPERM]),
    // ProcFs
    ("process_ids", &[EACCES, EMFILE, ENFILE, ENOENT, ENOMEM]),
    ("process", &[EINTR, EIO, EMFILE, ENFILE, ENOMEM]),
    ("figures", &[EINTR, EIO, EMFILE, ENFILE, ENOMEM]),
    ("kernel_text", &[EACCES, EINTR, EIO, EMFILE, ENFILE, ENODEV, ENOENT, ENOMEM, EOPNOTSUPP, EPERM]),
    ("has_unknown_child", &[EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ESRCH]),
    ("variable", &[EACCES, EIO, EMFILE, ENFILE, ENOENT, ENOMEM, EPERM, ESRCH]),
    ("own_usage", &[EMFILE, ENFILE, ENOENT, ENOMEM]),
    // Signals
    ("open_signals", &[EMFILE, ENFILE, ENODEV, ENOMEM]),
    ("read_also", &[EINVAL, ENOMEM]),
    ("next_signal", &[EINTR, EIO]),
    // Setup
    ("adopt_orphans", &[EINVAL]),
    ("raise_open_files", &[EINVAL, EPERM]),
    ("reserve_descriptors", &[EINVAL, EMFILE]),
    ("close_inherited_on_exec", &[EACCES, EMFILE, ENFILE, ENOENT, ENOMEM]),
    ("chown", &[EACCES, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS]),
];

/// Whether an error means no more than that the call is to be made again, as it was this moment's or one connection's. No
/// kernel gives it for ever.
#[must_use]
pub fn is_passing(errno: Errno) -> bool {
    matches!(errno, EAGAIN | EINTR | ECONNABORTED)
}
