//! Capabilities by name, as engines write them: without `CAP_`. Numbers are the kernel's.

/// In the order of their numbers, from 0.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Stands for every capability.
pub const ALL: &str = "ALL";

/// What engines give a container that asks for nothing.
pub const ENGINE_DEFAULT: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The number of a capability written as `NET_RAW`, `CAP_NET_RAW` or `net_raw`.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    let name = plain(text);
    NAMES.iter().position(|known| *known == name).and_then(|index| u32::try_from(index).ok())
}

/// A capability as the plan has it: upper-case letters, without `CAP_`; whether there is one is not looked at.
#[must_use]
pub fn plain(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    upper.strip_prefix("CAP_").map(str::to_owned).unwrap_or(upper)
}

/// All names that [`number`] knows, for suggestions.
#[must_use]
pub fn names() -> &'static [&'static str] {
    &NAMES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_kernels_numbers() {
        for (text, want) in [
            ("CHOWN", Some(0)),
            ("cap_net_bind_service", Some(10)),
            ("SYS_RESOURCE", Some(24)),
            ("CAP_CHECKPOINT_RESTORE", Some(40)),
            ("NET_ROW", None),
            (ALL, None),
        ] {
            assert_eq!(number(text), want, "{text}");
        }
        assert!(ENGINE_DEFAULT.iter().all(|name| number(name).is_some()));
    }
}
