//! Signals to podinit: what they mean to it, and what services want to know of.

use super::wishes::Waiting;
use super::{REST, Reactor};
use crate::load::Source;
use crate::machine::Event;
use crate::sys::files::is_transient;
use crate::sys::signals::{Meaning, meaning};
use crate::sys::{Interest, Sys, Token};
use podinit_plan::plan::Plan;
use podinit_plan::signal;
use std::collections::BTreeSet;

/// Signals that are read in one turn.
const SIGNALS_A_TURN: usize = 64;

impl<S: Sys> Reactor<S> {
    pub(super) fn read_signals(&mut self) {
        if self.ask_again_at.take().is_some() {
            self.reap_again = true;
            if self.parts.poller.add(&self.signals, Interest::Read, Token::Signals).is_err() {
                self.ask_again_at = Some(self.now() + REST);
            }
        }
        for _ in 0..SIGNALS_A_TURN {
            match self.sys.next_signal(&self.signals) {
                Ok(Some(signal)) => self.signalled(signal),
                Ok(None) => return,
                Err(error) => {
                    // The signal may have been a child's.
                    self.reap_again = true;
                    // Watched, signals that cannot be read would wake the loop all the time.
                    if !is_transient(&error) && self.parts.poller.remove(&self.signals).is_ok() {
                        self.ask_again_at = Some(self.now() + REST);
                    }
                    return;
                }
            }
        }
    }

    fn signalled(&mut self, signal: i32) {
        let is_passed_on = self.passed_on.contains(&signal);
        match meaning(signal) {
            Some(Meaning::Child) => self.reap_again = true,
            Some(Meaning::Stop) => self.send(Event::Stop),
            Some(Meaning::Reopen) => self.parts.logs.reopen(),
            Some(Meaning::Reload) if !is_passed_on => {
                // supervisord starts everything anew; a plan takes the other's place group by group.
                let what = match self.means.source {
                    Source::Plan(_) => Waiting::Update,
                    Source::Supervisord(_) => Waiting::Restart,
                };
                self.load_for(None, what);
            }
            Some(Meaning::Reload) | None => {}
        }
        if is_passed_on {
            self.send(Event::Signalled { signal });
        }
    }
}

/// The signals to podinit that services of a plan want to know of, each once.
#[must_use]
pub fn passed_on(plan: &Plan) -> Vec<i32> {
    let names = plan.services.values().flat_map(|service| service.signals.keys());
    let signals: BTreeSet<i32> = names.filter_map(|name| signal::passable(name).ok()).collect();
    signals.into_iter().collect()
}
