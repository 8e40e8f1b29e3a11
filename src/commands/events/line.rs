//! An event as a line for people. Pure.

use crate::ui::{self, paint};
use anstyle::AnsiColor;
use podinit_plan::protocol::{Event, EventKind};

/// Names are this wide, so that what happened mostly begins in one column.
const NAME: usize = 12;

/// `2026-01-01T00:00:00.000Z  web           backoff  ended with exit code 1`
#[must_use]
pub fn of(event: &Event) -> String {
    let name = event.service.as_deref().unwrap_or("the pod");
    let reason = event.reason.as_deref().filter(|reason| !reason.is_empty());
    let what = match (event.event, event.state) {
        (EventKind::State, Some(state)) => ui::state(state),
        (kind, _) => told(kind),
    };
    let failures = (event.failures > 1).then(|| format!("{} in a row", event.failures));
    let why = reason.map(str::to_owned).into_iter().chain(failures).collect::<Vec<_>>().join(", ");
    let line = format!("{}  {name:NAME$}  {what}{}{why}", event.time, if why.is_empty() { "" } else { "  " });
    line.trim_end().to_owned()
}

fn told(kind: EventKind) -> String {
    let (colour, text) = match kind {
        EventKind::CheckFailed => (AnsiColor::Yellow, "check failed"),
        EventKind::Leftovers => (AnsiColor::Yellow, "left processes"),
        EventKind::Stopping => (AnsiColor::Yellow, "stops"),
        EventKind::Stopped => (AnsiColor::Yellow, "ended"),
        EventKind::Warning => (AnsiColor::Yellow, "warning"),
        EventKind::Waits => (AnsiColor::Yellow, "takes long"),
        EventKind::Skipped => (AnsiColor::Yellow, "skipped"),
        EventKind::MemoryWarning => (AnsiColor::Yellow, "memory is high"),
        EventKind::MemoryCritical => (AnsiColor::Red, "memory is critical"),
        EventKind::MemoryNormal => (AnsiColor::Green, "memory is normal"),
        EventKind::OverLimit => (AnsiColor::Red, "above its memory limit"),
        EventKind::UnderLimit => (AnsiColor::Green, "below its memory limit"),
        EventKind::OomKill => (AnsiColor::Red, "out of memory"),
        EventKind::DiskFull => (AnsiColor::Red, "disk is nearly full"),
        EventKind::DiskNormal => (AnsiColor::Green, "disk has room"),
        EventKind::State | EventKind::Unknown => return "something that this podctl does not know".to_owned(),
    };
    paint(colour, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    #[test]
    fn a_line_says_when_who_what_and_why() {
        for (event, want) in [
            (
                r#"{"event":"state","service":"web","state":"backoff","failures":3,"reason":"ended with exit code 1"}"#,
                "T  web           backoff  ended with exit code 1, 3 in a row",
            ),
            (r#"{"event":"state","service":"web","state":"ready"}"#, "T  web           ready"),
            (r#"{"event":"stopping","reason":"SIGTERM"}"#, "T  the pod       stops  SIGTERM"),
            (r#"{"event":"of_the_future"}"#, "T  the pod       something that this podctl does not know"),
        ] {
            let mut event: serde_json::Value = serde_json::from_str(event).expect("JSON");
            (event["seq"], event["time"]) = (1.into(), "T".into());
            let event: Event = serde_json::from_value(event).expect("an event");
            assert_eq!(strip_str(&of(&event)).to_string(), want);
        }
    }
}
