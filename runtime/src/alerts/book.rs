//! All alerts of the pod: what happens is looked at here, and given to every sink. Pure.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use super::Date;
use super::blank::Secrets;
use super::queue::Ended;
use super::sentence::{name, sentence, severity};
use super::signs::{Sign, Signs};
use super::sink::{Problem, Sink};
use super::store::Stored;
use podinit_plan::alert::{Alert, AlertKind, AlertStatus};
use podinit_plan::plan::Alerts as Plan;
use podinit_plan::protocol::{Event, EventKind, SinkStatus, Usage};
use std::collections::{BTreeMap, VecDeque};

/// How long an end by SIGKILL is kept back: that the kernel did it for lack of memory is told in place of it.
const MOMENT: Date = 500;
/// How many are kept back at most.
const UNSURE: usize = 64;
/// How much of a service's output goes along.
const LINES: usize = 20;
const LINES_BYTES: usize = 4 * 1024;

/// What an alert says of a service besides what has happened.
#[derive(Debug, Default)]
pub struct Particulars {
    /// The end of its output.
    pub output: String,
    /// What it uses, when that was measured.
    pub usage: Option<Usage>,
    /// The most that it has used since its last start, in bytes, when that is known.
    pub peak_bytes: Option<u64>,
}

/// The alerts.
#[derive(Debug)]
pub struct Book {
    pod: String,
    host: String,
    /// What the ids of this life of the pod begin with.
    life: String,
    count: u64,
    signs: Signs,
    secrets: Secrets,
    sinks: Vec<Sink>,
    /// Ends that somebody may come to know better, and until when.
    unsure: VecDeque<(Date, Alert)>,
    /// The pod stops, and nobody has asked for it.
    stops_by_itself: bool,
    random: u64,
}

impl Book {
    /// Nothing has happened yet. `begun` is when the pod was started.
    #[must_use]
    pub fn new(plan: &Plan, pod: &str, host: String, secrets: Secrets, begun: Date) -> Book {
        Book {
            pod: pod.to_owned(),
            host,
            life: format!("{begun:x}"),
            count: 0,
            signs: Signs::default(),
            secrets,
            sinks: plan.sinks.iter().map(|(name, sink)| Sink::new(name, sink, plan)).collect(),
            unsure: VecDeque::new(),
            stops_by_itself: false,
            random: begun,
        }
    }

    /// Takes in what was stored of a sink before the pod was restarted.
    pub(super) fn restore(&mut self, sink: usize, stored: Stored) {
        self.sinks[sink].restore(stored);
    }

    /// Something has happened. `particulars` is asked for when there is something to be told of it.
    pub fn observe(&mut self, record: &Event, now: Date, particulars: &mut dyn FnMut() -> Particulars) {
        for sign in self.signs.observe(record, now) {
            let mut alert = self.alert(&sign, record);
            if !self.sinks.iter().all(|sink| sink.ignores(&alert, now)) {
                let Particulars { output, usage, peak_bytes } = particulars();
                alert.lines = self.secrets.last_lines(&output, LINES, LINES_BYTES);
                // What was measured last of one that has ended is in use no more, and why something is well again.
                let last = usage.filter(|_| alert.status == AlertStatus::Firing).map(|usage| usage.memory_bytes);
                alert.memory_bytes = alert.memory_bytes.or(last);
                alert.peak_memory_bytes = peak_bytes;
                alert.limit_bytes = alert.limit_bytes.or(usage.and_then(|usage| usage.limit_bytes));
            }
            if sign.may_be_oom(record) && self.unsure.len() < UNSURE {
                self.unsure.push_back((now.saturating_add(MOMENT), alert));
                continue;
            }
            if sign.kind == AlertKind::OomKill {
                self.explain(&mut alert);
            }
            // One of its like that was kept back comes first.
            self.told_at_last(now, |other| other.key == alert.key);
            self.tell(&alert, now);
        }
        if record.event == EventKind::Stopping {
            self.stops_by_itself = record.expected == Some(false);
            self.told_at_last(now, |_| true);
            if self.stops_by_itself {
                self.sinks.iter_mut().for_each(|sink| sink.release(now, true));
            }
        }
    }

    /// What was kept back is told as it is.
    fn told_at_last(&mut self, now: Date, is_it: impl Fn(&Alert) -> bool) {
        let (told, unsure): (VecDeque<_>, _) = std::mem::take(&mut self.unsure).into_iter().partition(|(_, alert)| is_it(alert));
        self.unsure = unsure;
        for (_, alert) in told {
            self.tell(&alert, now);
        }
    }

    /// An end that was kept back is told as what it was.
    fn explain(&mut self, alert: &mut Alert) {
        let is_it = |other: &Alert| {
            other.service == alert.service && (alert.incarnation.is_none() || other.incarnation == alert.incarnation)
        };
        let Some(index) = self.unsure.iter().position(|(_, other)| is_it(other)) else { return };
        let Some((_, end)) = self.unsure.remove(index) else { return };
        (alert.exit, alert.uptime_ms, alert.restarts) = (end.exit, end.uptime_ms, end.restarts);
        alert.incarnation = alert.incarnation.or(end.incarnation);
        alert.peak_memory_bytes = alert.peak_memory_bytes.max(end.peak_memory_bytes);
        alert.lines = end.lines;
    }

    fn alert(&mut self, sign: &Sign, record: &Event) -> Alert {
        let is_memory = record.event != EventKind::DiskFull && record.event != EventKind::DiskNormal;
        Alert {
            summary: self.secrets.blank(&sentence(sign, record)),
            time: record.time.clone(),
            service: record.service.clone(),
            incarnation: record.incarnation,
            exit: record.exit,
            uptime_ms: sign.uptime_ms,
            restarts: sign.restarts,
            memory_bytes: record.bytes.filter(|_| is_memory),
            limit_bytes: record.limit_bytes.filter(|_| is_memory),
            ..self.blank_alert(sign.kind, sign.status, record.service.as_deref(), record.path.as_deref())
        }
    }

    fn blank_alert(&mut self, kind: AlertKind, status: AlertStatus, service: Option<&str>, path: Option<&str>) -> Alert {
        self.count += 1;
        let mut key = self.pod.clone();
        for part in service.into_iter().chain([name(kind)]) {
            key.push('/');
            key.push_str(part);
        }
        if let Some(path) = path {
            key.push(':');
            key.push_str(path);
        }
        Alert {
            id: format!("{}-{}", self.life, self.count),
            key,
            pod: self.pod.clone(),
            host: self.host.clone(),
            ..Alert::new(kind, status, severity(kind))
        }
    }

    fn tell(&mut self, alert: &Alert, now: Date) {
        self.sinks.iter_mut().for_each(|sink| sink.offer(alert, now));
    }

    /// Somebody tries a sink. `time` is as alerts have it.
    pub fn try_out(&mut self, sink: usize, time: String) {
        let summary = "this is a test: nothing is wrong".to_owned();
        let alert = Alert { time, summary, ..self.blank_alert(AlertKind::Test, AlertStatus::Firing, None, None) };
        self.sinks[sink].try_out(serde_json::to_string(&alert).unwrap_or_default());
    }

    /// The number of a sink.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.sinks.iter().position(|sink| sink.name == name)
    }

    /// How many sinks there are.
    #[must_use]
    pub fn sinks(&self) -> usize {
        self.sinks.len()
    }

    /// The name of a sink.
    #[must_use]
    pub fn name(&self, sink: usize) -> &str {
        &self.sinks[sink].name
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Date) {
        // They are kept back for the same time each: the first is the first.
        while let Some((_, alert)) = self.unsure.pop_front_if(|(at, _)| *at <= now) {
            self.tell(&alert, now);
        }
        self.sinks
            .iter_mut()
            .filter(|sink| sink.deadline(now).is_some_and(|at| at <= now))
            .for_each(|sink| sink.release(now, false));
    }

    /// What a sink is to be told now, as JSON, if anything is; then comes [`Book::ended`].
    pub fn begin(&mut self, sink: usize, now: Date) -> Option<&str> {
        self.sinks[sink].begin(now)
    }

    /// When [`Book::tick`] and [`Book::begin`] are to be called at the latest.
    #[must_use]
    pub fn deadline(&self, now: Date) -> Option<Date> {
        let sinks = self.sinks.iter().filter_map(|sink| sink.deadline(now));
        sinks.chain(self.unsure.front().map(|(at, _)| *at)).min()
    }

    /// An attempt has ended. Gives whether it was a trial, and what is to be said of it.
    pub fn ended(&mut self, sink: usize, result: Result<(), Problem>, now: Date) -> (bool, Option<String>) {
        // Jitter needs no better numbers.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (ended, said) = self.sinks[sink].ended(&result, now, self.random >> 33);
        (ended == Some(Ended::Trial), said)
    }

    /// A text without secrets.
    #[must_use]
    pub fn blank(&self, text: &str) -> String {
        self.secrets.blank(text)
    }

    /// Whether there is anything that the pod should wait for before it ends. Attempts follow at once from now on.
    pub fn hurry(&mut self) -> bool {
        self.sinks.iter_mut().for_each(Sink::hurry);
        self.stops_by_itself
    }

    /// Everything was attempted.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.sinks.iter().all(Sink::is_done)
    }

    /// What is under way to a sink is broken off, unless it goes to a file that could be written so far.
    pub fn break_off(&mut self, sink: usize, is_file: bool) {
        self.sinks[sink].break_off(is_file);
    }

    /// How many alerts each sink was not told, where there are any.
    #[must_use]
    pub fn pending(&self) -> Vec<(&str, usize)> {
        self.sinks.iter().filter(|sink| sink.pending() > 0).map(|sink| (sink.name.as_str(), sink.pending())).collect()
    }

    /// What is to be stored of a sink, when that has changed.
    pub fn take_changed(&mut self, sink: usize) -> Option<Vec<u8>> {
        self.sinks[sink].take_changed()
    }

    /// Whether there is anything to be stored.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.sinks.iter().any(|sink| sink.is_changed)
    }

    /// How every sink is, by name.
    #[must_use]
    pub fn status(&self) -> BTreeMap<String, SinkStatus> {
        self.sinks.iter().map(|sink| (sink.name.clone(), sink.status())).collect()
    }
}
