//! What has happened in a pod, by its events.

use podinit_plan::protocol::{Event, EventKind};
use podinit_plan::state::State;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The events so far, from the first.
#[derive(Debug, Default)]
pub struct History(Vec<Event>);

impl History {
    /// One more, as `podctl events --format json` writes it.
    pub fn add(&mut self, line: &str) {
        self.0.push(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    }

    /// Those of a service.
    pub fn of(&self, service: &str) -> impl Iterator<Item = &Event> {
        self.0.iter().filter(move |event| event.service.as_deref() == Some(service))
    }

    /// The first of a service that is like this.
    pub fn first(&self, service: &str, what: &str, is: impl Fn(&Event) -> bool) -> &Event {
        self.of(service).find(|event| is(event)).unwrap_or_else(|| panic!("{service}: {what} is not in {:#?}", self.0))
    }

    /// When a service entered a state for the nth time, if it has.
    pub fn entered(&self, service: &str, state: State, nth: usize) -> Option<&Event> {
        let into = |event: &&Event| event.event == EventKind::State && event.state == Some(state);
        self.of(service).filter(into).nth(nth - 1)
    }

    /// The same of one that has.
    pub fn enters(&self, service: &str, state: State, nth: usize) -> &Event {
        self.entered(service, state, nth).unwrap_or_else(|| panic!("{service} is not {state:?} {nth} times in {:#?}", self.0))
    }

    /// The seconds from one to another.
    pub fn between(&self, one: &Event, other: &Event) -> f64 {
        let [one, other] = [one, other].map(|event| OffsetDateTime::parse(&event.time, &Rfc3339).expect("a time"));
        (other - one).as_seconds_f64()
    }
}
