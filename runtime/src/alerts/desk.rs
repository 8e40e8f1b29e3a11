//! Has alerts delivered: by processes, or by the thread that writes log files.

use super::blank::Secrets;
use super::book::{Book, Particulars};
use super::couriers::Couriers;
use super::sink::Problem;
use super::{Date, store};
use crate::logs::Logs;
use crate::machine::Millis;
use crate::rpc::{Outcome, Refusal, Ticket};
use crate::sys::Sys;
use crate::sys::files::Part;
use podinit_plan::plan::{Alerts, Command, DELIVER_VARIABLE, LogFile, PODINIT_DELIVER, Plan, Service, Target, Value};
use podinit_plan::protocol::{Event, SinkStatus, Tested};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// How long a trial may take altogether.
const TRIAL: Millis = 30_000;
/// How long a pod that stops by itself waits for its last alerts.
const LAST_WORDS: Millis = 2_000;
/// What is stored is stored anew this long after the last time at the earliest: in a storm of alerts it would be the whole
/// queue with each of them.
const STORE_PAUSE: Millis = 200;
/// The largest secret in a file.
const LARGEST_SECRET: u64 = 64 * 1024;

/// The alerts, and what delivers them.
#[derive(Debug)]
pub struct Desk<S: Sys> {
    book: Book,
    couriers: Couriers<S>,
    ways: Vec<Way>,
    /// The files that keep what was not told yet, by sink.
    stored: Option<Vec<PathBuf>>,
    /// They are not written before that.
    store_at: Millis,
    begun: Date,
    trials: Vec<Trial>,
    /// Nothing begins from then on: the pod ends.
    until: Option<Millis>,
    /// Nothing is under way any more.
    is_over: bool,
    grace: Millis,
}

/// How a sink is told.
#[derive(Debug)]
enum Way {
    /// By the thread of the logs; the number is theirs.
    File(usize),
    /// By a process that gets the alert.
    Command { timeout_ms: u64 },
    /// By one that gets a [`podinit_plan::alert::Delivery`], of which this is the first half.
    Deliver { to: String, timeout_ms: u64 },
}

/// Somebody tries the sinks.
#[derive(Debug)]
struct Trial {
    ticket: Option<Ticket>,
    begun: Millis,
    /// Those that have not answered yet.
    waiting: Vec<usize>,
    answers: BTreeMap<String, Tested>,
}

impl<S: Sys> Desk<S> {
    /// For alerts of a plan that was filled in, delivered by `couriers`. Files are read, and the logs get those that they
    /// are to write. What could not be done is said; alerts work without. `begun` is the date when podinit started.
    pub fn open(
        sys: &S,
        (plan, alerts): (&Plan, &Alerts),
        secrets: impl Iterator<Item = String>,
        (host, begun): (String, Date),
        couriers: Couriers<S>,
        logs: &mut Logs<S>,
    ) -> (Desk<S>, Vec<String>) {
        let mut problems = Vec::new();
        let in_files = alerts.sinks.values().flat_map(|sink| sink.to.values()).filter_map(|value| match value {
            Value::File(from) => read(sys, Path::new(&from.file), LARGEST_SECRET).ok(),
            Value::Text(_) => None,
        });
        let in_files = in_files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let mut book = Book::new(alerts, &plan.name, host, Secrets::new(secrets.chain(in_files)), begun);
        let stored = alerts.queue.as_ref().map(|folder| {
            if let Err(error) = sys.make_folder(Path::new(folder)) {
                problems.push(format!("cannot make {folder}: {error}; alerts do not survive a restart of the pod"));
            }
            Vec::from_iter(alerts.sinks.keys().map(|name| Path::new(folder).join(format!("{name}.json"))))
        });
        for (sink, path) in stored.iter().flatten().enumerate() {
            match read(sys, path, store::LARGEST).map_err(|error| (error.kind(), error.to_string())) {
                Ok(bytes) => match store::read(&bytes) {
                    Ok(stored) => book.restore(sink, stored),
                    Err(error) => problems.push(format!("cannot read the alerts in {}: {error}; they are lost", path.display())),
                },
                Err((io::ErrorKind::NotFound, _)) => {}
                Err((_, error)) => problems.push(format!("cannot read the alerts in {}: {error}", path.display())),
            }
        }
        let ways = alerts.sinks.values().map(|sink| match &sink.to {
            Target::File { path, max_size_bytes, max_files } => {
                let file =
                    LogFile { path: path.clone(), max_size_bytes: *max_size_bytes, max_files: *max_files, strip_ansi: false };
                match logs.add_file(&file) {
                    Ok(file) => Way::File(file),
                    Err(error) => {
                        problems.push(format!("cannot write {path}: {error}"));
                        Way::File(usize::MAX)
                    }
                }
            }
            Target::Command { .. } => Way::Command { timeout_ms: sink.timeout_ms },
            // A plan that was read is JSON.
            Target::Http(_) | Target::Smtp(_) => {
                Way::Deliver { to: serde_json::to_string(&sink.to).unwrap_or_default(), timeout_ms: sink.timeout_ms }
            }
        });
        let ways = ways.collect();
        let grace = plan.stop_grace_period_ms;
        (
            Desk { book, couriers, ways, stored, store_at: 0, begun, trials: Vec::new(), until: None, is_over: false, grace },
            problems,
        )
    }

    fn date(&self, now: Millis) -> Date {
        self.begun.saturating_add(now)
    }

    /// Something has happened; see [`Book::observe`].
    pub fn observe(&mut self, record: &Event, now: Millis, particulars: &mut dyn FnMut() -> Particulars) {
        let date = self.date(now);
        self.book.observe(record, date, particulars);
    }

    /// Has everything begin that is to be told now. Gives what is to be said.
    pub fn go_on(&mut self, now: Millis, logs: &mut Logs<S>) -> Vec<String> {
        let date = self.date(now);
        self.couriers.tick(now);
        self.book.tick(date);
        let mut said = Vec::new();
        if self.until.is_some_and(|until| until <= now) {
            self.break_off();
        }
        if self.is_over {
            return said;
        }
        for sink in 0..self.ways.len() {
            while let Some(alert) = self.book.begin(sink, date) {
                let begun = match &self.ways[sink] {
                    Way::File(file) => match logs.tell(*file, sink, alert) {
                        true => Ok(()),
                        false => Err(Problem::TryAgain("there is no thread to write it".to_owned())),
                    },
                    Way::Command { timeout_ms } => self.couriers.start(sink, alert.as_bytes(), *timeout_ms, now),
                    Way::Deliver { to, timeout_ms } => {
                        let input = format!("{{\"to\":{to},\"alert\":{alert},\"timeout_ms\":{timeout_ms}}}");
                        // It gives up by itself, and says why; but for a moment to do so.
                        self.couriers.start(sink, input.as_bytes(), timeout_ms.saturating_add(1_000), now)
                    }
                };
                let Err(problem) = begun else { break };
                said.extend(self.ended(sink, Err(problem), now));
            }
        }
        said
    }

    /// [`crate::sys::Token::Courier`].
    pub fn ready(&mut self, sink: u32) {
        self.couriers.ready(sink);
    }

    /// A process has ended; whether it was one that delivers. Gives what is to be said, too.
    pub fn exited(&mut self, pid: i32, exit: podinit_plan::protocol::Exit, now: Millis) -> Option<Option<String>> {
        let ended = self.couriers.exited(pid, exit)?;
        Some(ended.and_then(|(sink, result)| self.ended(sink, result, now)))
    }

    /// The thread of the logs has written alerts, or could not.
    pub fn written(&mut self, told: Vec<(usize, Result<(), String>)>, now: Millis) -> Vec<String> {
        told.into_iter().filter_map(|(sink, result)| self.ended(sink, result.map_err(Problem::TryAgain), now)).collect()
    }

    fn ended(&mut self, sink: usize, result: Result<(), Problem>, now: Millis) -> Option<String> {
        let result = result.map_err(|problem| match problem {
            Problem::TryAgain(text) => Problem::TryAgain(self.book.blank(&text)),
            Problem::Refused(text) => Problem::Refused(self.book.blank(&text)),
        });
        let answer = result.as_ref().map_err(|problem| problem.text().to_owned()).copied();
        let date = self.date(now);
        let (was_trial, said) = self.book.ended(sink, result, date);
        let name = self.book.name(sink).to_owned();
        for trial in self.trials.iter_mut().filter(|trial| was_trial && trial.waiting.contains(&sink)) {
            trial.waiting.retain(|other| *other != sink);
            let tested = match &answer {
                Ok(()) => Tested { ok: true, took_ms: Some(now.saturating_sub(trial.begun)), error: None },
                Err(error) => Tested { ok: false, took_ms: None, error: Some(error.clone()) },
            };
            trial.answers.insert(name.clone(), tested);
        }
        said
    }

    /// Somebody tries a sink, or all of them; [`Desk::take_trials`] gives the answer. `time` is as alerts have it.
    pub fn try_out(&mut self, ticket: Option<Ticket>, sink: Option<&str>, time: &str, now: Millis) {
        let sinks: Vec<usize> = match sink {
            Some(name) => self.book.find(name).into_iter().collect(),
            None => (0..self.book.sinks()).collect(),
        };
        for sink in &sinks {
            // One that waits already answers both.
            if !self.trials.iter().any(|trial| trial.waiting.contains(sink)) {
                self.book.try_out(*sink, time.to_owned());
            }
        }
        self.trials.push(Trial { ticket, begun: now, waiting: sinks, answers: BTreeMap::new() });
    }

    /// Trials that are over, and what came of them.
    pub fn take_trials(&mut self, now: Millis) -> Vec<(Option<Ticket>, Outcome)> {
        let mut over = Vec::new();
        let book = &self.book;
        self.trials.retain_mut(|trial| {
            if trial.begun.saturating_add(TRIAL) <= now {
                for sink in trial.waiting.drain(..) {
                    let error = Some("not done within 30s".to_owned());
                    trial.answers.insert(book.name(sink).to_owned(), Tested { ok: false, took_ms: None, error });
                }
            }
            let is_over = trial.waiting.is_empty();
            if is_over {
                let answers = std::mem::take(&mut trial.answers);
                let outcome = if answers.is_empty() {
                    Outcome::Done(Err(Refusal::Failed("there is no such sink".to_owned())))
                } else {
                    Outcome::Tested(answers)
                };
                over.push((trial.ticket, outcome));
            }
            !is_over
        });
        over
    }

    /// Files that are to be written anew now.
    pub fn take_changed(&mut self, now: Millis) -> Vec<(PathBuf, Vec<u8>)> {
        let Some(paths) = self.stored.as_ref().filter(|_| self.book.is_changed()) else { return Vec::new() };
        if now < self.store_at && !self.is_over {
            return Vec::new();
        }
        self.store_at = now.saturating_add(STORE_PAUSE);
        let book = &mut self.book;
        paths.iter().enumerate().filter_map(|(sink, path)| Some((path.clone(), book.take_changed(sink)?))).collect()
    }

    /// When [`Desk::go_on`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self, now: Millis) -> Option<Millis> {
        let trials = self.trials.iter().map(|trial| if trial.waiting.is_empty() { 0 } else { trial.begun + TRIAL });
        if self.is_over {
            return trials.min();
        }
        let book = self.book.deadline(self.date(now)).map(|at| at.saturating_sub(self.begun));
        let store = self.stored.as_ref().filter(|_| self.book.is_changed()).map(|_| self.store_at);
        book.into_iter().chain(store).chain(self.couriers.deadline()).chain(trials).chain(self.until).min()
    }

    /// The processes that deliver, which are nobody's leftovers, nor strays.
    pub fn processes(&self) -> impl Iterator<Item = (i32, (usize, u64))> {
        self.couriers.processes()
    }

    /// Nothing is left of the services: what is to be told by then is attempted once, where the pod stops by itself.
    pub fn begin_end(&mut self, now: Millis) {
        if self.until.is_none() {
            let share = if self.grace > 0 { LAST_WORDS.min(self.grace / 2) } else { LAST_WORDS };
            let wait = if self.book.hurry() { share } else { 0 };
            self.until = Some(now.saturating_add(wait));
            if wait == 0 {
                self.break_off();
            }
        }
    }

    /// Ends what is under way: it never was, but for lines that the thread of the logs writes before podinit ends.
    fn break_off(&mut self) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.couriers.abandon();
            for (sink, way) in self.ways.iter().enumerate() {
                self.book.break_off(sink, matches!(way, Way::File(_)));
            }
        }
    }

    /// Nothing keeps the pod from ending.
    #[must_use]
    pub fn may_leave(&self, now: Millis) -> bool {
        self.book.is_done() || self.until.is_some_and(|until| until <= now)
    }

    /// The pod ends now. Gives what is to be said.
    pub fn leave(&mut self) -> Vec<String> {
        self.break_off();
        let kept = if self.stored.is_some() { "; they are kept for the next start" } else { "" };
        let line = |(name, count): (&str, usize)| format!("{count} alerts to {name} were not delivered{kept}");
        self.book.pending().into_iter().map(line).collect()
    }

    /// How every sink is.
    #[must_use]
    pub fn status(&self) -> BTreeMap<String, SinkStatus> {
        self.book.status()
    }
}

/// A pod of which every service is what delivers to a sink, in the order of the sinks: what executes and checks services
/// does so with these, too.
#[must_use]
pub fn couriers_of(plan: &Plan, alerts: &Alerts) -> Plan {
    let services = alerts.sinks.iter().map(|(name, sink)| {
        let service = match &sink.to {
            Target::Command { command, user } => {
                let environment = plan.environment.clone();
                Service { user: user.clone(), environment, ..Service::new(command.clone()) }
            }
            Target::Http(_) | Target::Smtp(_) => Service::new(Command::Words(vec![deliver()])),
            // Never executed: the thread of the logs delivers.
            Target::File { .. } => Service::new(Command::Words(vec!["/proc/self/exe".to_owned()])),
        };
        (format!("alerts to {name}"), service)
    });
    Plan { services: services.collect(), environment: BTreeMap::new(), directories: Vec::new(), ..plan.clone() }
}

/// Where podinit-deliver is: beside podinit, unless a variable says otherwise.
fn deliver() -> String {
    let beside = || {
        let own = std::env::current_exe().ok();
        own.map_or_else(|| PODINIT_DELIVER.into(), |own| own.with_file_name("podinit-deliver"))
    };
    std::env::var_os(DELIVER_VARIABLE).map_or_else(beside, PathBuf::from).to_string_lossy().into_owned()
}

fn read<S: Sys>(sys: &S, path: &Path, most: u64) -> io::Result<Vec<u8>> {
    sys.read_part(path, Part::From(0, most)).map(|part| part.bytes)
}
