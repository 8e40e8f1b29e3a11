//! What is known of a pod that is being waited for. Pure: what podinit says goes in, lines for the user come out.

use podinit_plan::protocol::{Event, EventKind, Status};
use podinit_plan::state::State;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The services of a pod on its way up.
#[derive(Debug)]
pub struct Board {
    /// What happened before is not new to the user.
    news_from: OffsetDateTime,
    services: BTreeMap<String, Service>,
    /// The last event that was seen; podinit tells them again to each new listener.
    seq: u64,
    /// The pod is on its way down: its services are being stopped, and how they were before says what went wrong.
    stopping: bool,
}

/// One service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    /// Its state; none until podinit said one.
    pub state: Option<State>,
    /// What it waits for, what it lacks, why it failed.
    pub reason: Option<String>,
    /// When its present incarnation was started.
    started: Option<OffsetDateTime>,
    /// The user was told what it waits for.
    told_waiting: bool,
    /// The user was told that it is ready or done.
    told_ready: bool,
}

impl Service {
    /// Whether nothing has to happen to it before the pod is well.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self.state, Some(State::Ready | State::Done | State::Stopped))
    }
}

impl Board {
    /// An empty board. Of what happened before `news_from` the user is not told.
    #[must_use]
    pub fn new(news_from: OffsetDateTime) -> Board {
        Board { news_from, services: BTreeMap::new(), seq: 0, stopping: false }
    }

    /// The services by name.
    #[must_use]
    pub fn services(&self) -> &BTreeMap<String, Service> {
        &self.services
    }

    /// The last event that was seen.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Those that are not as they should be; one that failed for good comes first.
    #[must_use]
    pub fn unsettled(&self) -> Vec<(&str, &Service)> {
        let mut unsettled: Vec<_> = self
            .services
            .iter()
            .filter(|(_, service)| !service.is_settled())
            .map(|(name, service)| (name.as_str(), service))
            .collect();
        unsettled.sort_by_key(|(_, service)| service.state != Some(State::Fatal));
        unsettled
    }

    /// Whether an event was seen for each service that is ready or done by this status. Events come after the status that
    /// they led to, and those of the past before them.
    #[must_use]
    pub fn has_told(&self, status: &Status) -> bool {
        let told = |name: &str| self.services.get(name).is_some_and(|service| service.told_ready);
        status.services.iter().all(|service| !matches!(service.state, State::Ready | State::Done) || told(&service.name))
    }

    /// Takes over what podinit says of all services; the result is what is new to the user.
    pub fn status(&mut self, status: &Status) -> Vec<String> {
        if self.stopping || status.stopping {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for known in &status.services {
            let service = self.services.entry(known.name.clone()).or_default();
            service.state = Some(known.state);
            service.reason.clone_from(&known.reason);
            if let (State::Waiting, Some(reason), false) = (known.state, &known.reason, service.told_waiting) {
                service.told_waiting = true;
                lines.push(format!("{} {reason}", known.name));
            }
        }
        lines
    }

    /// Takes over an event; the result is what is new to the user.
    pub fn event(&mut self, event: &Event) -> Option<String> {
        if event.seq <= self.seq {
            return None;
        }
        self.seq = event.seq;
        let time = OffsetDateTime::parse(&event.time, &Rfc3339).ok();
        let line = self.take(event, time);
        if time.is_some_and(|time| time < self.news_from) { None } else { line }
    }

    fn take(&mut self, event: &Event, time: Option<OffsetDateTime>) -> Option<String> {
        match (event.event, &event.service, event.state) {
            (EventKind::Stopping, ..) => {
                self.stopping = true;
                Some(format!("the pod stops: {}", event.reason.as_deref().unwrap_or("it was asked to")))
            }
            (EventKind::State, Some(name), Some(state)) if !self.stopping || state == State::Fatal => {
                let service = self.services.entry(name.clone()).or_default();
                if state == State::Starting {
                    service.started = time;
                }
                service.state = Some(state);
                service.told_ready = matches!(state, State::Ready | State::Done);
                service.reason.clone_from(&event.reason);
                let after = service.started.zip(time).map(|(from, to)| format!(" after {:.1}s", (to - from).as_seconds_f64()));
                let after = after.unwrap_or_default();
                let because = event.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                match state {
                    State::Ready => Some(format!("{name} ready{after}")),
                    State::Done => Some(format!("{name} done{after}")),
                    State::Unready => Some(format!("{name} is not ready any more{because}")),
                    State::Backoff => Some(format!("{name} failed{because}; it will be started again")),
                    State::Fatal => Some(format!("{name} failed for good{because}")),
                    State::Stopped | State::Waiting | State::Starting | State::Stopping => None,
                }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::protocol::ServiceStatus;

    fn event(seq: u64, second: u64, service: &str, state: State, reason: Option<&str>) -> Event {
        Event {
            seq,
            time: format!("2026-01-01T00:00:{second:02}.250Z"),
            service: Some(service.to_owned()),
            incarnation: Some(1),
            state: Some(state),
            reason: reason.map(str::to_owned),
            ..Event::new(EventKind::State)
        }
    }

    fn status(services: &[(&str, State, Option<&str>)]) -> Status {
        let services = services.iter().map(|(name, state, reason)| ServiceStatus {
            name: (*name).to_owned(),
            state: *state,
            essential: true,
            pid: None,
            incarnation: 1,
            restarts: 0,
            since_ms: 0,
            reason: reason.map(str::to_owned),
            next_run: None,
            last_exit: None,
            usage: None,
            check: None,
        });
        Status {
            pod: "shop".to_owned(),
            version: String::new(),
            ready: false,
            stopping: false,
            uptime_ms: 0,
            longest_turn_us: None,
            long_turns: None,
            memory: None,
            alerts: BTreeMap::new(),
            services: services.collect(),
        }
    }

    #[test]
    fn each_service_is_told_of_once_and_a_repeated_event_not_at_all() {
        let mut board = Board::new(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(board.event(&event(1, 1, "a", State::Starting, None)), None);
        let waiting = status(&[("a", State::Starting, None), ("b", State::Waiting, Some("waits for a (starting)"))]);
        assert_eq!(board.status(&waiting), ["b waits for a (starting)"]);
        assert_eq!(board.status(&waiting), [""; 0]);
        let ready = status(&[("a", State::Ready, None)]);
        board.status(&ready);
        assert!(!board.has_told(&ready));
        assert_eq!(board.event(&event(2, 3, "a", State::Ready, None)).as_deref(), Some("a ready after 2.0s"));
        assert!(board.has_told(&ready));
        assert_eq!(board.event(&event(2, 3, "a", State::Ready, None)), None);
        assert_eq!(board.seq(), 2);
    }

    #[test]
    fn the_past_is_taken_over_and_not_told() {
        let from = OffsetDateTime::parse("2026-01-01T00:00:05Z", &Rfc3339).unwrap();
        let mut board = Board::new(from);
        assert_eq!(board.event(&event(1, 3, "a", State::Starting, None)), None);
        assert_eq!(board.event(&event(2, 4, "a", State::Ready, None)), None);
        assert!(board.services()["a"].is_settled());
        assert!(board.event(&event(3, 6, "a", State::Unready, None)).is_some());
    }

    #[test]
    fn a_pod_that_stops_keeps_what_was_wrong_before() {
        let mut board = Board::new(OffsetDateTime::UNIX_EPOCH);
        board.status(&status(&[
            ("a", State::Ready, None),
            ("b", State::Backoff, None),
            ("c", State::Waiting, Some("waits for b (backoff)")),
        ]));
        board.event(&Event { event: EventKind::Stopping, ..event(1, 1, "", State::Stopped, Some("b is down for good")) });
        board.event(&event(2, 2, "b", State::Fatal, Some("ended with exit code 3")));
        board.event(&event(3, 2, "a", State::Stopped, None));
        board.event(&event(4, 2, "c", State::Stopped, None));
        let unsettled: Vec<_> = board.unsettled().iter().map(|(name, service)| (*name, service.reason.clone())).collect();
        assert_eq!(
            unsettled,
            [("b", Some("ended with exit code 3".to_owned())), ("c", Some("waits for b (backoff)".to_owned()))]
        );
    }
}
