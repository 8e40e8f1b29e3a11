//! What the interface sees of a pod, and what it asks for.

use crate::machine::{Millis, RequestId, RequestProblem, Seen, ServiceId, Verb};
pub use crate::sys::files::{Part as Slice, PartRead as Read};
use podinit_plan::plan::Stream;
use podinit_plan::protocol::Tested;
use podinit_plan::state::State;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A pod, as its interface sees it.
pub trait View {
    /// How the pod calls itself.
    fn identity(&self) -> String;
    /// podinit's process id.
    fn pid(&self) -> i32;
    /// The pod is on its way down, or about to start anew.
    fn is_stopping(&self) -> bool;
    /// Milliseconds since podinit started, and since 1970.
    fn clocks(&self) -> (Millis, Duration);
    /// A date of the calendar at the pod's place: month, day, hour and minute.
    fn local(&self, seconds_since_1970: u64) -> [u32; 4];
    /// All processes, by group, then by name.
    fn processes(&self) -> Vec<ServiceId>;
    /// Group and name of a process.
    fn name(&self, service: ServiceId) -> (String, String);
    /// The process of that name in that group.
    fn process(&self, group: &str, name: &str) -> Option<ServiceId>;
    /// All processes of a group, by name; none when there is no such group.
    fn group(&self, group: &str) -> Option<Vec<ServiceId>>;
    /// A process as it is now.
    fn seen(&self, service: ServiceId) -> Option<Seen>;
    /// What speaks against its being executed: a fault's kind and text.
    fn obstacle(&self, service: ServiceId) -> Option<Obstacle>;
    /// What its command begins with.
    fn program(&self, service: ServiceId) -> String;
    /// Where an output of it goes.
    fn log(&self, service: ServiceId, stream: Stream) -> Log;
    /// The path of that, as clients are told it; empty when there is none.
    fn log_path(&self, service: ServiceId, stream: Stream) -> String;
    /// What podinit itself said last.
    fn own_log(&self) -> Log;
    /// Every group that the configuration has, running or not, and all about its processes; none before the configuration
    /// was read again for the first time.
    fn configured(&self) -> Option<Vec<super::Configured>>;
}

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// Nowhere.
    None,
    /// To this file.
    File(PathBuf),
    /// To this output of the container; its last bytes, and how many there were in all.
    Container {
        /// `/dev/stdout`
        path: &'static str,
        /// The last of it.
        last: Vec<u8>,
        /// All bytes that there ever were.
        total: u64,
    },
}

/// Why a program cannot be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// It is not there.
    Missing,
    /// It is there, and it is no program.
    NotExecutable,
}

/// By which an outcome is known to belong to what was asked for.
pub type Ticket = RequestId;

/// Something that is asked for; its outcome comes with the ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Nobody waits for the outcome when there is none.
    pub ticket: Option<Ticket>,
    /// What.
    pub wish: Wish,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Start, stop or restart a service; [`Outcome::State`].
    Do(ServiceId, Verb),
    /// Send its process a signal; [`Outcome::Done`].
    Signal(ServiceId, i32),
    /// Write to its stdin; [`Outcome::Done`].
    Input(ServiceId, Vec<u8>),
    /// Read from a file; [`Outcome::Slice`].
    Read(PathBuf, Slice),
    /// Forget what its logs hold; [`Outcome::Done`].
    Clear(ServiceId),
    /// Look at what services use, from now on; [`Outcome::Measured`].
    Measure,
    /// Let everybody else have a turn; [`Outcome::Done`].
    Pause,
    /// Ask for what podinit does not know itself before figures are told; [`Outcome::Done`].
    Scrape,
    /// Forget what podinit itself said.
    ClearOwn,
    /// Read the configuration again; [`Outcome::Changes`].
    Reread,
    /// Let a group of the configuration begin; [`Outcome::Group`].
    Add(String),
    /// Let a group go; [`Outcome::Group`].
    Remove(String),
    /// Tell all listeners.
    Tell {
        /// Of what type.
        kind: String,
        /// What.
        data: String,
    },
    /// Try a sink of alerts, or all; [`Outcome::Tested`].
    TestAlerts(Option<String>),
    /// Stop the pod.
    Shutdown,
    /// Stop the pod and start it anew.
    Restart,
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Of [`Wish::Do`].
    State(Result<State, RequestProblem>),
    /// Of a wish that is fulfilled or not, and then why.
    Done(Result<(), Refusal>),
    /// Of [`Wish::Read`]: the bytes, and how large the file is and which file it was.
    Slice(Result<Read, Refusal>),
    /// Of [`Wish::Measure`]: there are new figures, or there are none in time.
    Measured,
    /// Of [`Wish::Reread`].
    Changes(Result<Changes, String>),
    /// Of [`Wish::Add`] and [`Wish::Remove`].
    Group(Result<(), GroupProblem>),
    /// Of [`Wish::TestAlerts`], by sink.
    Tested(BTreeMap<String, Tested>),
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such file, or nobody reads.
    Missing,
    /// It does not run.
    NotRunning,
    /// Something else, in words.
    Failed(String),
}

/// Why a group was neither added nor removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupProblem {
    /// There is none of that name.
    Unknown,
    /// It is there already.
    Active,
    /// Something of it runs.
    Running,
    /// The configuration cannot be read, or it cannot be run; in words.
    Wrong(String),
}

/// What the configuration has that does not run as it says, by group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// New ones.
    pub added: Vec<String>,
    /// Those that are different.
    pub changed: Vec<String>,
    /// Those that it does not have any more.
    pub removed: Vec<String>,
}
