//! What `getProcessInfo` says of a process.

use super::view::View;
use crate::machine::{Seen, ServiceId};
use crate::xmlrpc::Value;
use podinit_plan::plan::Stream;
use podinit_plan::protocol::Exit;
use podinit_plan::supervisord::ProcessState;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// All about a process; none when it was removed.
#[must_use]
pub fn process(id: ServiceId, view: &dyn View) -> Option<Value> {
    let seen = view.seen(id)?;
    let state = ProcessState::from(seen.state);
    let (group, name) = view.name(id);
    let (now, date) = view.clocks();
    let date = date.as_secs();
    let at = |millis: Option<u64>| millis.map_or(0, |at| date.saturating_sub(now.saturating_sub(at) / 1_000));
    let (start, stop) = (at(seen.started), at(seen.ended));
    let spawnerr = spawn_error(&seen, state, &view.program(id));
    let [stdout, stderr] = [Stream::Stdout, Stream::Stderr].map(|stream| view.log_path(id, stream));
    let description = match state {
        ProcessState::Running => format!("pid {}, uptime {}", seen.pid.unwrap_or(0), uptime(date.saturating_sub(start))),
        ProcessState::Backoff | ProcessState::Fatal if spawnerr.is_empty() => {
            format!("unknown error (try \"tail {name}\")")
        }
        ProcessState::Backoff | ProcessState::Fatal => spawnerr.clone(),
        ProcessState::Stopped | ProcessState::Exited if stop > 0 => when(stop, view),
        ProcessState::Stopped | ProcessState::Exited => "Not started".to_owned(),
        ProcessState::Starting | ProcessState::Stopping | ProcessState::Unknown => String::new(),
    };
    let number = |seconds: u64| Value::Int(i64::try_from(seconds).unwrap_or(i64::MAX));
    let members = [
        ("name", Value::Text(name)),
        ("group", Value::Text(group)),
        ("start", number(start)),
        ("stop", number(stop)),
        ("now", number(date)),
        ("state", Value::from(state.code())),
        ("statename", Value::from(state.name())),
        ("spawnerr", Value::Text(spawnerr)),
        ("exitstatus", Value::from(exit_status(&seen, state))),
        ("logfile", Value::Text(stdout.clone())),
        ("stdout_logfile", Value::Text(stdout)),
        ("stderr_logfile", Value::Text(stderr)),
        ("pid", Value::from(seen.pid.unwrap_or(0))),
        ("description", Value::Text(description)),
    ];
    Some(Value::Struct(members.map(|(name, value)| (name.to_owned(), value)).into()))
}

/// Why it does not run, in supervisord's words; empty when it does, or was stopped.
fn spawn_error(seen: &Seen, state: ProcessState, program: &str) -> String {
    match (state, seen.spawn_error) {
        (ProcessState::Backoff | ProcessState::Fatal, Some(code)) => no_program(code, program),
        (ProcessState::Backoff | ProcessState::Fatal, None) => "Exited too quickly (process log may have details)".to_owned(),
        (ProcessState::Exited, _) if seen.failed => format!("Bad exit code {}", exit_status(seen, state)),
        _ => String::new(),
    }
}

/// Why there was no program, by the exit code that stands for it.
#[must_use]
pub fn no_program(code: i32, program: &str) -> String {
    match code {
        127 => format!("can't find command '{program}'"),
        126 => format!("command at '{program}' is not executable"),
        _ => format!("couldn't start '{program}'"),
    }
}

/// 0 while it runs and before the first end, -1 after a signal.
fn exit_status(seen: &Seen, state: ProcessState) -> i32 {
    match seen.last_exit {
        _ if seen.pid.is_some() || state == ProcessState::Starting => 0,
        Some(Exit::Code(code)) => code,
        Some(Exit::Signal(_)) => -1,
        None => 0,
    }
}

/// As Python writes a length of time: `0:06:05`, `1 day, 0:00:05`.
fn uptime(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        days => format!("{days} days, {clock}"),
    }
}

/// `Nov 21 02:07 PM`, at the pod's place.
fn when(seconds_since_1970: u64, view: &dyn View) -> String {
    let [month, day, hour, minute] = view.local(seconds_since_1970);
    let name = MONTHS.get((month as usize).wrapping_sub(1)).unwrap_or(&"???");
    let half = if hour < 12 { "AM" } else { "PM" };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!("{name} {day:02} {hour:02}:{minute:02} {half}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes_are_written_as_the_original_writes_them() {
        for (seconds, want) in [
            (0, "0:00:00"),
            (365, "0:06:05"),
            (86_399, "23:59:59"),
            (86_405, "1 day, 0:00:05"),
            (5 * 86_400 + 26_294, "5 days, 7:18:14"),
        ] {
            assert_eq!(uptime(seconds), want);
        }
    }
}
