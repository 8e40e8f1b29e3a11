//! What podinit watches besides its services' own checks: memory, disks; and where it says how the pod is.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is watched, and who may ask for figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    /// The pod's health as a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_file: Option<StatusFile>,
    /// Which services are not ready, as files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unready_flags: Option<UnreadyFlags>,
    /// The memory of services and of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryMonitor>,
    /// How full disks are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskMonitor>,
    /// A port on which everybody may read `/metrics`, `/livez`, `/readyz` and `/health`, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<super::TcpPort>,
    /// Where nginx is asked for its own figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nginx: Option<NginxStatus>,
}

/// Where nginx's stub_status answers, on loopback.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NginxStatus {
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
}

/// A JSON file that podinit keeps up to date.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusFile {
    /// Absolute. It is replaced as a whole, so that a reader never sees half of it.
    pub path: String,
    /// How old it gets at most.
    pub interval_ms: u64,
}

/// Files that are there while services are not ready, for a gateway that is to send nothing to them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadyFlags {
    /// The folder, absolute, in which podinit makes them; everybody may look.
    pub folder: String,
    /// By the name of the file: the services of which none is ready while it is there.
    pub flags: BTreeMap<String, Vec<String>>,
}

/// How memory is watched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryMonitor {
    /// From the end of a pass over all processes to the begin of the next.
    pub interval_ms: u64,
    /// Percent of the container's limit, or of the host's memory where there is none, from which on everybody is warned.
    pub warn_percent: u8,
    /// The same for when the largest offender above its own limit has to go.
    pub critical_percent: u8,
    /// The figures as a file; absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// How disks are watched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskMonitor {
    /// Folders, absolute, whose file systems are watched.
    pub paths: Vec<String>,
    /// From look to look.
    pub interval_ms: u64,
    /// Percent of a file system that are used, from which on it is nearly full.
    pub warn_percent: u8,
}

/// What the memory of a service's whole tree may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryLimit {
    /// In bytes.
    pub limit_bytes: u64,
    /// What follows from being above it.
    pub on_exceed: OnExceed,
    /// For so long after a restart for its memory there is no other.
    pub cool_down_ms: u64,
}

/// What follows from a service being above its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExceed {
    /// Everybody is told.
    Alert,
    /// It is stopped gracefully and started again.
    Restart,
}
