//! Somebody who is told: of what, what of it is still to be told, and how that went. Pure.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use super::Date;
use super::gate::Gate;
use super::queue::{Ended, Queue};
use super::store::{self, Stored, waiting};
use podinit_plan::alert::{Alert, AlertKind, AlertStatus};
use podinit_plan::plan::{Alerts as Plan, Sink as Planned, Target};
use podinit_plan::protocol::SinkStatus;

/// Why an alert was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Another attempt may succeed.
    TryAgain(String),
    /// Another attempt would end the same way.
    Refused(String),
}

impl Problem {
    /// In words.
    #[must_use]
    pub fn text(&self) -> &str {
        let (Problem::TryAgain(text) | Problem::Refused(text)) = self;
        text
    }
}

/// A sink.
#[derive(Debug)]
pub struct Sink {
    pub name: String,
    on: Vec<AlertKind>,
    lines: bool,
    resolves: bool,
    gate: Gate,
    queue: Queue,
    sent: u64,
    failed: u64,
    problem: Option<String>,
    /// What is stored of it is not what it is.
    pub is_changed: bool,
    /// An attempt has failed since the pod is about to end.
    has_failed_at_end: bool,
}

impl Sink {
    pub fn new(name: &str, planned: &Planned, plan: &Plan) -> Sink {
        let resolves = match &planned.to {
            Target::Http(http) => http.resolves,
            Target::Smtp(smtp) => smtp.resolves,
            Target::File { .. } | Target::Command { .. } => true,
        };
        Sink {
            name: name.to_owned(),
            on: planned.on.clone(),
            lines: planned.lines,
            resolves,
            gate: Gate::new(plan),
            queue: Queue::default(),
            sent: 0,
            failed: 0,
            problem: None,
            is_changed: false,
            has_failed_at_end: false,
        }
    }

    /// Takes in what was stored before the pod was restarted.
    pub fn restore(&mut self, stored: Stored) {
        stored.fill(&mut self.queue, &mut self.gate);
    }

    fn is_for(&self, alert: &Alert) -> bool {
        (self.on.is_empty() || self.on.contains(&alert.kind)) && (self.resolves || alert.status == AlertStatus::Firing)
    }

    /// It would do nothing but count the alert.
    pub fn ignores(&self, alert: &Alert, now: Date) -> bool {
        !self.is_for(alert) || self.gate.ignores(alert, now)
    }

    /// Something is to be told, perhaps.
    pub fn offer(&mut self, alert: &Alert, now: Date) {
        if self.is_for(alert) {
            let mut alert = alert.clone();
            if !self.lines {
                alert.lines.clear();
            }
            let passed = self.gate.pass(alert, now);
            self.tell(passed, now);
        }
    }

    /// What was held and may be told now; all of it when this is the end.
    pub fn release(&mut self, now: Date, is_end: bool) {
        let due = self.gate.due(now, is_end);
        self.tell(due, now);
    }

    fn tell(&mut self, alerts: impl IntoIterator<Item = Alert>, now: Date) {
        for alert in alerts {
            self.is_changed = true;
            for dropped in self.queue.push(waiting(&alert, now)) {
                self.give_up(&dropped.key, dropped.is_resolution);
            }
        }
    }

    fn give_up(&mut self, key: &str, is_resolution: bool) {
        self.failed += 1;
        if !is_resolution {
            self.failed += u64::from(self.queue.drop_resolution(key));
            self.gate.given_up(key);
        }
    }

    /// Somebody tries it.
    pub fn try_out(&mut self, json: String) {
        self.queue.try_out(json);
    }

    /// What is to be attempted now, if anything is.
    pub fn begin(&mut self, now: Date) -> Option<&str> {
        self.queue.begin(now)
    }

    /// When there is something to be done at the latest.
    pub fn deadline(&self, now: Date) -> Option<Date> {
        self.queue.deadline().into_iter().chain(self.gate.deadline(now)).min()
    }

    /// An attempt has ended. Gives what ended, and what is to be said of it.
    pub fn ended(&mut self, result: &Result<(), Problem>, now: Date, random: u64) -> (Option<Ended>, Option<String>) {
        let name = self.name.clone();
        let known = match result {
            Ok(()) => self.problem.take(),
            Err(problem) => self.problem.replace(problem.text().to_owned()),
        };
        let (ended, given_up) = match result {
            Ok(()) => (self.queue.delivered(), None),
            Err(Problem::TryAgain(_)) => self.queue.failed(now, random).unzip(),
            Err(Problem::Refused(_)) => self.queue.refused().unzip(),
        };
        if ended == Some(Ended::Alert) {
            self.is_changed = true;
            self.sent += u64::from(result.is_ok());
            self.has_failed_at_end = result.is_err();
        }
        if let Some(given_up) = given_up.flatten() {
            self.give_up(&given_up.key, given_up.is_resolution);
        }
        if result.is_err() && ended == Some(Ended::Trial) {
            // Whoever tries it is told, and nobody else.
            self.problem = known;
            return (ended, None);
        }
        let said = match (result, known) {
            (Ok(()), Some(_)) => Some(format!("alerts to {name} are delivered again")),
            (Err(Problem::TryAgain(text)), None) => Some(format!("alerts to {name} fail: {text}; will be tried again")),
            (Err(Problem::Refused(text)), None) => Some(format!("alerts to {name} fail: {text}; they are given up")),
            _ => None,
        };
        (ended, said)
    }

    /// What is under way is broken off: the pod ends. A file that could be written so far is written to its end.
    pub fn break_off(&mut self, is_file: bool) {
        if is_file && self.problem.is_none() {
            self.sent += u64::from(self.queue.delivered() == Some(Ended::Alert));
            self.is_changed = true;
        } else {
            self.queue.broken_off();
        }
    }

    /// The pod is about to end: everything is attempted once more.
    pub fn hurry(&mut self) {
        self.queue.hurry();
        self.has_failed_at_end = false;
    }

    /// Everything was told, or an attempt to do so at the end has failed.
    pub fn is_done(&self) -> bool {
        self.queue.len() == 0 || self.has_failed_at_end
    }

    /// How many are still to be told.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// What is to be stored of it, when that has changed.
    pub fn take_changed(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.is_changed).then(|| store::write(&self.queue, &self.gate))
    }

    /// How it is.
    pub fn status(&self) -> SinkStatus {
        SinkStatus {
            sent: self.sent,
            failed: self.failed,
            pending: self.queue.len() as u64,
            suppressed: self.gate.suppressed,
            problem: self.problem.clone(),
        }
    }
}
