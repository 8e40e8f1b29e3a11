//! What a sink is still to be told, in order. Pure.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use super::Date;
use std::collections::VecDeque;

/// The most that waits; then the oldest are given up.
const MOST: usize = 1_000;
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// How long one is tried.
const OLDEST: Date = 24 * 3_600_000;
/// The first pause between two attempts, which doubles, and the longest.
const FIRST_PAUSE: Date = 1_000;
const LONGEST_PAUSE: Date = 60_000;

/// An alert that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The alert's key.
    pub key: String,
    /// It says that something is well again.
    pub is_resolution: bool,
    /// The alert.
    pub json: String,
    /// Since when it waits.
    pub since: Date,
}

/// What is to be told.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Somebody tries the sink: this comes first, and is attempted once.
    trial: Option<String>,
    under_way: Option<UnderWay>,
    /// Attempts that failed in a row.
    failures: u32,
    next: Date,
}

#[derive(Debug)]
enum UnderWay {
    Alert(Waiting),
    Trial,
}

/// What ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// An attempt to tell an alert.
    Alert,
    /// A trial.
    Trial,
}

impl Queue {
    /// Adds an alert; gives those that are given up for it.
    pub fn push(&mut self, alert: Waiting) -> Vec<Waiting> {
        self.bytes += alert.json.len();
        self.waiting.push_back(alert);
        let mut dropped = Vec::new();
        while self.waiting.len() > MOST || self.bytes > MOST_BYTES && self.waiting.len() > 1 {
            dropped.extend(self.pop());
        }
        dropped
    }

    /// Has a trial come next.
    pub fn try_out(&mut self, json: String) {
        self.trial = Some(json);
    }

    fn pop(&mut self) -> Option<Waiting> {
        let alert = self.waiting.pop_front()?;
        self.bytes -= alert.json.len();
        Some(alert)
    }

    /// What is to be attempted now, if anything is.
    pub fn begin(&mut self, now: Date) -> Option<&str> {
        if self.under_way.is_some() {
            return None;
        }
        if self.trial.is_some() {
            self.under_way = Some(UnderWay::Trial);
            return self.trial.as_deref();
        }
        if self.next > now {
            return None;
        }
        let alert = self.pop()?;
        match self.under_way.insert(UnderWay::Alert(alert)) {
            UnderWay::Alert(alert) => Some(&alert.json),
            UnderWay::Trial => None,
        }
    }

    /// When [`Queue::begin`] is to be called at the latest.
    pub fn deadline(&self) -> Option<Date> {
        match (&self.under_way, &self.trial) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(0),
            (None, None) => (!self.waiting.is_empty()).then_some(self.next),
        }
    }

    /// The attempt has succeeded.
    pub fn delivered(&mut self) -> Option<Ended> {
        (self.failures, self.next) = (0, 0);
        self.end().map(|(ended, _)| ended)
    }

    /// The attempt has failed, and another would, too; gives the alert that is given up.
    pub fn refused(&mut self) -> Option<(Ended, Option<Waiting>)> {
        let ended = self.end()?;
        if ended.0 == Ended::Alert {
            (self.failures, self.next) = (0, 0);
        }
        Some(ended)
    }

    /// The attempt has failed; another one follows after a pause, unless the alert is too old. `random` is any number.
    pub fn failed(&mut self, now: Date, random: u64) -> Option<(Ended, Option<Waiting>)> {
        let (ended, alert) = self.end()?;
        let Some(alert) = alert else { return Some((ended, None)) };
        let pause = FIRST_PAUSE.checked_shl(self.failures).unwrap_or(LONGEST_PAUSE).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        self.failures = (self.failures + 1).min(16);
        // Several pods may wait for the same receiver.
        self.next = now + pause - random % (pause / 4);
        if alert.since.saturating_add(OLDEST) <= now {
            return Some((ended, Some(alert)));
        }
        self.put_back(alert);
        Some((ended, None))
    }

    /// The attempt is broken off; it never was.
    pub fn broken_off(&mut self) {
        if let Some((_, Some(alert))) = self.end() {
            self.put_back(alert);
        }
    }

    fn put_back(&mut self, alert: Waiting) {
        self.bytes += alert.json.len();
        self.waiting.push_front(alert);
    }

    fn end(&mut self) -> Option<(Ended, Option<Waiting>)> {
        Some(match self.under_way.take()? {
            UnderWay::Alert(alert) => (Ended::Alert, Some(alert)),
            UnderWay::Trial => {
                self.trial = None;
                (Ended::Trial, None)
            }
        })
    }

    /// An alert was given up: its resolution, where it waits, is of no use to anybody. Whether there was one.
    pub fn drop_resolution(&mut self, key: &str) -> bool {
        let next = self.waiting.iter().position(|alert| alert.key == key);
        let Some(index) = next.filter(|index| self.waiting[*index].is_resolution) else { return false };
        if let Some(alert) = self.waiting.remove(index) {
            self.bytes -= alert.json.len();
        }
        true
    }

    /// Everything that waits is attempted without a pause.
    pub fn hurry(&mut self) {
        self.next = 0;
    }

    /// How many wait, or are under way.
    pub fn len(&self) -> usize {
        self.waiting.len() + usize::from(matches!(self.under_way, Some(UnderWay::Alert(_))))
    }

    /// All that wait, or are under way, in order.
    pub fn all(&self) -> impl Iterator<Item = &Waiting> {
        let under_way = match &self.under_way {
            Some(UnderWay::Alert(alert)) => Some(alert),
            Some(UnderWay::Trial) | None => None,
        };
        under_way.into_iter().chain(&self.waiting)
    }
}
