//! What the engine is asked for besides an image.

use indexmap::IndexMap;
use podinit_plan::plan::Ulimit;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// A published port, in one of compose's forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPort {
    /// The address on the host; none is every address.
    pub address: Option<IpAddr>,
    /// The port on the host; none is a free one.
    pub host: Option<u16>,
    /// The port in the container.
    pub container: u16,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
}

/// What the engine is asked to give the container, and what not to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Capabilities beside the engine's default ones, or `ALL`.
    pub cap_add: Vec<String>,
    /// Capabilities that it lacks, or `ALL`.
    pub cap_drop: Vec<String>,
    /// Limits by name.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Nothing of the image can be written; /run and /tmp are in memory.
    pub read_only: bool,
    /// `no-new-privileges:true`, `seccomp=...`, as the engine takes them.
    pub security_opt: Vec<String>,
    /// Its own name for itself.
    pub hostname: Option<String>,
    /// `name:address` each.
    pub extra_hosts: Vec<String>,
    /// Servers of names.
    pub dns: Vec<String>,
    /// Folders in memory, with their options.
    pub tmpfs: BTreeMap<String, String>,
    /// The size of /dev/shm.
    pub shm_size_bytes: Option<u64>,
    /// Settings of the kernel, by name.
    pub sysctls: BTreeMap<String, String>,
    /// Devices of the host.
    pub devices: Vec<Device>,
    /// Every right there is.
    pub privileged: bool,
    /// Networks of the engine that it joins besides the pod's own.
    pub networks: Vec<String>,
    /// What the engine does when it ended: `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:5`.
    pub restart: Option<String>,
    /// `linux/amd64`: what the image is built and run for.
    pub platform: Option<String>,
    /// Ports, `80/tcp` each, that the image says it has besides those that are published.
    pub expose: Vec<String>,
    /// Limits of what it may use.
    pub deploy: Deploy,
}

/// Limits of what a container may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deploy {
    /// Processors, in billionths.
    pub nano_cpus: Option<u64>,
    /// Memory.
    pub memory_bytes: Option<u64>,
    /// Memory that it is meant to have when there is little.
    pub memory_reservation_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// A device of the host in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its path on the host.
    pub host: String,
    /// Its path in the container.
    pub container: String,
    /// `rwm` or some of these letters.
    pub permissions: String,
}

/// Something that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// What; none is a volume without a name.
    pub source: VolumeSource,
    /// Where in the container; absolute.
    pub target: String,
    /// It cannot be written to.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// A volume of the engine's that lasts as long as the container.
    Anonymous,
    /// A volume of the pod's of this name.
    Named(String),
    /// A file or folder of the host; absolute.
    Bind(PathBuf),
}

/// A file of variables on this side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path; relative ones start at the pod's folder.
    pub path: PathBuf,
    /// It has to be there.
    pub required: bool,
}

/// What appears as /run/secrets/NAME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where it comes from.
    pub source: SecretSource,
    /// `user`, `uid`, `uid:gid` or `user:group`; none is root.
    pub user: Option<String>,
    /// Its mode; none is 0444.
    pub mode: Option<u32>,
}

/// Where a secret comes from, on the side of podctl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file; relative ones start at the pod's folder.
    File(PathBuf),
    /// A variable of the shell or of `.env`.
    Environment(String),
    /// What a command prints.
    Command(Vec<String>),
}

/// A container beside the pod: a service of compose's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backing {
    /// Its image.
    pub image: String,
    /// What it runs; none is what the image says.
    pub command: Option<Vec<String>>,
    /// Its variables; none passes the value on this side through.
    pub environment: IndexMap<String, Option<String>>,
    /// What is mounted.
    pub volumes: Vec<Volume>,
    /// What is published.
    pub ports: Vec<PublishedPort>,
}
