//! What a process is given besides its command: limits, rights, its place among others.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is set in the child before it executes its command. What is left out is podinit's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attributes {
    /// The bits that new files lack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// -20 to 19.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// -1000 to 1000; whom the kernel kills first when memory runs out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,
    /// Limits by name: `nofile`, `nproc`, `core`, ... as the engine names them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ulimits: BTreeMap<String, Ulimit>,
    /// It and its descendants can never gain rights by executing a program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_new_privileges: bool,
    /// Capabilities it has as whatever user it runs: `NET_RAW`, ...; kept where podinit has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<String>,
    /// Capabilities that it can never have, or `ALL`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_drop: Vec<String>,
}

/// A limit of the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ulimit {
    /// What holds now; none is no limit.
    pub soft: Option<u64>,
    /// What it may be raised to; none is no limit.
    pub hard: Option<u64>,
}
