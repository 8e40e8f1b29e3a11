//! What listeners are told of: the names of events and the texts of their payloads, as supervisord has them. Pure.

use podinit_plan::plan::Stream;
use podinit_plan::supervisord::ProcessState;
use std::fmt::Write;

/// What has happened, and all that is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What.
    pub kind: Kind,
    /// `key:value` words; where there is data, it follows after a newline.
    pub payload: String,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A process has entered a state.
    ProcessState(ProcessState),
    /// A process has written to one of its outputs.
    ProcessLog(Stream),
    /// A process has written something for listeners to one of its outputs.
    ProcessCommunication(Stream),
    /// A client has something to say to listeners.
    RemoteCommunication,
    /// The daemon runs.
    SupervisorRunning,
    /// It stops.
    SupervisorStopping,
    /// So many seconds have begun.
    Tick(Period),
    /// There is a new group.
    GroupAdded,
    /// A group is there no longer.
    GroupRemoved,
}

/// How often a tick comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Every 5 seconds.
    Five,
    /// Every minute.
    Minute,
    /// Every hour.
    Hour,
}

impl Period {
    /// All of them.
    pub const ALL: [Period; 3] = [Period::Five, Period::Minute, Period::Hour];

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        match self {
            Period::Five => 5,
            Period::Minute => 60,
            Period::Hour => 3600,
        }
    }
}

impl Kind {
    /// The event's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::ProcessState(state) => match state {
                ProcessState::Stopped => "PROCESS_STATE_STOPPED",
                ProcessState::Starting => "PROCESS_STATE_STARTING",
                ProcessState::Running => "PROCESS_STATE_RUNNING",
                ProcessState::Backoff => "PROCESS_STATE_BACKOFF",
                ProcessState::Stopping => "PROCESS_STATE_STOPPING",
                ProcessState::Exited => "PROCESS_STATE_EXITED",
                ProcessState::Fatal => "PROCESS_STATE_FATAL",
                ProcessState::Unknown => "PROCESS_STATE_UNKNOWN",
            },
            Kind::ProcessLog(Stream::Stdout) => "PROCESS_LOG_STDOUT",
            Kind::ProcessLog(Stream::Stderr) => "PROCESS_LOG_STDERR",
            Kind::ProcessCommunication(Stream::Stdout) => "PROCESS_COMMUNICATION_STDOUT",
            Kind::ProcessCommunication(Stream::Stderr) => "PROCESS_COMMUNICATION_STDERR",
            Kind::RemoteCommunication => "REMOTE_COMMUNICATION",
            Kind::SupervisorRunning => "SUPERVISOR_STATE_CHANGE_RUNNING",
            Kind::SupervisorStopping => "SUPERVISOR_STATE_CHANGE_STOPPING",
            Kind::Tick(Period::Five) => "TICK_5",
            Kind::Tick(Period::Minute) => "TICK_60",
            Kind::Tick(Period::Hour) => "TICK_3600",
            Kind::GroupAdded => "PROCESS_GROUP_ADDED",
            Kind::GroupRemoved => "PROCESS_GROUP_REMOVED",
        }
    }

    /// Whether who subscribes to events of that name is told: its own, that of its family, or that of all.
    #[must_use]
    pub fn is(self, subscribed: &str) -> bool {
        let of_family = |rest: &str| rest.is_empty() || rest.starts_with('_');
        subscribed == "EVENT" || self.name().strip_prefix(subscribed).is_some_and(of_family)
    }
}

/// A process by the names that listeners know it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names<'a> {
    /// Its own.
    pub process: &'a str,
    /// That of its group.
    pub group: &'a str,
}

impl<'a> Names<'a> {
    /// Of a service that is called `group:process`, or has one name for both, or is in a group that its name does not say.
    #[must_use]
    pub fn of(service: &'a str, group: Option<&'a str>) -> Names<'a> {
        match (service.split_once(':'), group) {
            (Some((group, process)), _) => Names { process, group },
            (None, group) => Names { process: service, group: group.unwrap_or(service) },
        }
    }
}

/// How a process came to be in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    /// Where it is.
    pub state: ProcessState,
    /// Where it was.
    pub from: ProcessState,
    /// Its last process id; 0 when it has had none since it was down.
    pub pid: i32,
    /// Its attempts so far that failed in a row.
    pub tries: u32,
    /// Whether its exit code is one of a good end.
    pub expected: bool,
}

impl Happening {
    /// A process has entered a state.
    #[must_use]
    pub fn process_state(names: Names<'_>, entered: Entered) -> Happening {
        let Entered { state, from, pid, tries, expected } = entered;
        let Names { process, group } = names;
        let mut payload = format!("processname:{process} groupname:{group} from_state:{}", from.name());
        // Writing to a text cannot fail.
        let _ = match state {
            ProcessState::Starting | ProcessState::Backoff => write!(payload, " tries:{tries}"),
            ProcessState::Running | ProcessState::Stopping | ProcessState::Stopped => write!(payload, " pid:{pid}"),
            ProcessState::Exited => write!(payload, " expected:{} pid:{pid}", u8::from(expected)),
            ProcessState::Fatal | ProcessState::Unknown => Ok(()),
        };
        Happening { kind: Kind::ProcessState(state), payload }
    }

    /// A process has written to one of its outputs.
    #[must_use]
    pub fn process_log(names: Names<'_>, pid: i32, stream: Stream, data: &[u8]) -> Happening {
        let Names { process, group } = names;
        let channel = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        let payload = format!("processname:{process} groupname:{group} pid:{pid} channel:{channel}\n{}", text(data));
        Happening { kind: Kind::ProcessLog(stream), payload }
    }

    /// A process has written something for listeners.
    #[must_use]
    pub fn process_communication(names: Names<'_>, pid: i32, stream: Stream, data: &[u8]) -> Happening {
        let Names { process, group } = names;
        let payload = format!("processname:{process} groupname:{group} pid:{pid}\n{}", text(data));
        Happening { kind: Kind::ProcessCommunication(stream), payload }
    }

    /// A client has something to say.
    #[must_use]
    pub fn remote_communication(what: &str, data: &str) -> Happening {
        Happening { kind: Kind::RemoteCommunication, payload: format!("type:{what}\n{data}") }
    }

    /// The daemon runs, or stops.
    #[must_use]
    pub fn supervisor(runs: bool) -> Happening {
        let kind = if runs { Kind::SupervisorRunning } else { Kind::SupervisorStopping };
        Happening { kind, payload: String::new() }
    }

    /// A period has begun, at this second since 1970.
    #[must_use]
    pub fn tick(period: Period, when: u64) -> Happening {
        Happening { kind: Kind::Tick(period), payload: format!("when:{when}") }
    }

    /// There is a new group, or one is there no longer.
    #[must_use]
    pub fn group(name: &str, is_there: bool) -> Happening {
        let kind = if is_there { Kind::GroupAdded } else { Kind::GroupRemoved };
        Happening { kind, payload: format!("groupname:{name}\n") }
    }
}

/// Output as text. What is none is shown as Python shows bytes, whole, as listeners know it.
fn text(data: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(data) {
        return text.to_owned();
    }
    let quote = if data.contains(&b'\'') && !data.contains(&b'"') { '"' } else { '\'' };
    let mut shown = format!("Undecodable: b{quote}");
    for &byte in data {
        let _ = match byte {
            b'\t' => shown.write_str("\\t"),
            b'\n' => shown.write_str("\\n"),
            b'\r' => shown.write_str("\\r"),
            b'\\' => shown.write_str("\\\\"),
            b' '..=b'~' if char::from(byte) == quote => write!(shown, "\\{quote}"),
            b' '..=b'~' => shown.write_char(char::from(byte)),
            // Not formatted: there may be much of it.
            _ => shown.write_str("\\x").and_then(|()| hex(byte).into_iter().try_for_each(|digit| shown.write_char(digit))),
        };
    }
    shown.push(quote);
    shown
}

fn hex(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_read_as_listeners_expect_them() {
        let names = Names::of("grp:one", None);
        let enter = |state, from| {
            let entered = Entered { state, from, pid: 7, tries: 2, expected: true };
            let Happening { kind, payload } = Happening::process_state(names, entered);
            format!("{} {payload}", kind.name())
        };
        use ProcessState::*;
        let of = "processname:one groupname:grp from_state:";
        assert_eq!(enter(Starting, Stopped), format!("PROCESS_STATE_STARTING {of}STOPPED tries:2"));
        assert_eq!(enter(Backoff, Starting), format!("PROCESS_STATE_BACKOFF {of}STARTING tries:2"));
        assert_eq!(enter(Running, Starting), format!("PROCESS_STATE_RUNNING {of}STARTING pid:7"));
        assert_eq!(enter(Stopping, Running), format!("PROCESS_STATE_STOPPING {of}RUNNING pid:7"));
        assert_eq!(enter(Stopped, Stopping), format!("PROCESS_STATE_STOPPED {of}STOPPING pid:7"));
        assert_eq!(enter(Exited, Running), format!("PROCESS_STATE_EXITED {of}RUNNING expected:1 pid:7"));
        assert_eq!(enter(Fatal, Backoff), format!("PROCESS_STATE_FATAL {of}BACKOFF"));
        assert_eq!(enter(Unknown, Stopping), format!("PROCESS_STATE_UNKNOWN {of}STOPPING"));
        let log = Happening::process_log(Names::of("a", None), 7, Stream::Stderr, b"x\ny\n");
        assert_eq!(log.payload, "processname:a groupname:a pid:7 channel:stderr\nx\ny\n");
        let said = Happening::process_communication(Names::of("a", None), 7, Stream::Stdout, b"x");
        assert_eq!(
            (said.kind.name(), said.payload.as_str()),
            ("PROCESS_COMMUNICATION_STDOUT", "processname:a groupname:a pid:7\nx")
        );
        assert_eq!(Happening::remote_communication("t", "d\n").payload, "type:t\nd\n");
        assert_eq!(Happening::group("g", false).payload, "groupname:g\n");
        assert_eq!(Happening::tick(Period::Five, 25).payload, "when:25");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_python_shows_them() {
        let shown = |data: &[u8]| text(data);
        assert_eq!(shown("é\n".as_bytes()), "é\n");
        assert_eq!(shown(b"a\xff\n\t\\ '"), "Undecodable: b\"a\\xff\\n\\t\\\\ '\"");
        assert_eq!(shown(b"\xff'\"\x00"), "Undecodable: b'\\xff\\'\"\\x00'");
    }

    #[test]
    fn a_subscription_is_to_an_event_a_family_or_all() {
        let tick = Kind::Tick(Period::Five);
        for (subscribed, is_told) in
            [("EVENT", true), ("TICK", true), ("TICK_5", true), ("TICK_60", false), ("PROCESS_STATE", false)]
        {
            assert_eq!(tick.is(subscribed), is_told, "{subscribed}");
        }
        assert!(Kind::ProcessState(ProcessState::Fatal).is("PROCESS_STATE"));
        assert!(Kind::SupervisorRunning.is("SUPERVISOR_STATE_CHANGE"));
        assert!(!Kind::Tick(Period::Minute).is("TICK_6"));
    }
}
