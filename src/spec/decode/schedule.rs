//! `schedule`: a service that the clock starts, and the `type` that follows from it.

use super::{Decoder, value};
use crate::spec::diagnostics::Diagnostic;
use crate::spec::node::{Map, Node};
use podinit_plan::plan::{Kind, Schedule};
use podinit_plan::schedule;

/// `every 60s`, or a cron line.
pub fn schedule(cx: &mut Decoder<'_>, node: &Node) -> Option<Schedule> {
    let text = cx.literal(node, "a schedule: `every 60s`, or a cron line such as \"*/5 * * * *\"")?;
    match schedule::parse(&text) {
        Ok(schedule) => Some(schedule),
        Err(why) => {
            let help = "write `every 60s`, or a cron line in UTC: minute, hour, day of month, month, day of week";
            cx.refuse(node.span, format!("`{text}` is no schedule: {why}"), help)
        }
    }
}

/// Service or oneshot. What the clock starts runs to completion.
pub fn kind(cx: &mut Decoder<'_>, map: &Map, is_scheduled: bool) -> Kind {
    let said = value(cx, map, "type", |cx, node| cx.one_of(node, &[("service", Kind::Service), ("oneshot", Kind::Oneshot)]));
    if let (Some(Kind::Service), Some(kind), Some(schedule)) = (said, map.get("type"), map.entry("schedule")) {
        let diagnostic = Diagnostic::error(kind.span, "what runs by schedule runs to completion");
        let diagnostic = diagnostic.label("meant to run for good").also(schedule.key_span, "started by the clock");
        cx.report(diagnostic.help("remove `type`, or `schedule`"));
    }
    said.filter(|_| !is_scheduled).unwrap_or(if is_scheduled { Kind::Oneshot } else { Kind::Service })
}
