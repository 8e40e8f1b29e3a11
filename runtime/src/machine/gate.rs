//! Who may start: a gate is open when everything that a service waits for is there.
//!
//! Gates are looked at when something happened that may have opened them, never all of them: a dependency became ready,
//! all lower priorities are settled, what the last run left is gone.

use super::rules::Rules;
use super::service::{Process, Reach, Service};
use super::timers::Timer;
use super::{Action, Machine, Millis, Role, ServiceId};
use podinit_plan::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// Of the services that one waits for, this many are named.
const NAMED: usize = 3;
/// Gates that one step looks at.
const LOOKS_A_STEP: usize = 64;
/// From an address that cannot be reached to the next attempt.
const REACH_AGAIN: Millis = 1_000;

/// What has to be known to find the gates that open.
#[derive(Debug, Default)]
pub(super) struct Gates {
    /// The services of each effective priority that are not settled; levels without any are absent.
    unsettled: BTreeMap<i64, BTreeSet<ServiceId>>,
    /// The services that wait for lower priorities, by their own.
    in_line: BTreeSet<(i64, ServiceId)>,
    /// The lowest level that was not settled when gates were last looked at.
    turn_of: Option<i64>,
    /// The gates that may have opened, the most urgent first.
    to_look_at: BTreeSet<(i64, ServiceId)>,
}

impl Gates {
    /// Something happened that may open the gate of a service.
    pub fn look_at(&mut self, id: ServiceId, rules: &Rules) {
        self.to_look_at.insert((rules.effective_priority, id));
    }

    /// A service has changed its state.
    pub fn changed(&mut self, id: ServiceId, service: &Service) {
        let (rules, level) = (&service.rules, service.rules.effective_priority);
        // A scheduled service holds nobody up.
        if service.now.state.is_settled() || rules.scheduled {
            if let Some(others) = self.unsettled.get_mut(&level) {
                others.remove(&id);
                if others.is_empty() {
                    self.unsettled.remove(&level);
                }
            }
        } else {
            self.unsettled.entry(level).or_default().insert(id);
        }
        if service.now.state == State::Waiting {
            self.look_at(id, rules);
            if rules.waits && !service.now.out_of_line {
                self.in_line.insert((level, id));
            }
        } else {
            self.in_line.remove(&(level, id));
        }
    }

    fn is_turn_of(&self, level: i64) -> bool {
        self.unsettled.first_key_value().is_none_or(|(lowest, _)| level <= *lowest)
    }

    /// When lower priorities have settled, those that come next are looked at.
    fn next_in_line(&mut self) {
        let lowest = self.unsettled.first_key_value().map(|(lowest, _)| *lowest);
        if self.turn_of != lowest {
            self.turn_of = lowest;
            let next = self.in_line.range(..=(lowest.unwrap_or(i64::MAX), ServiceId::MAX));
            self.to_look_at.extend(next);
        }
    }

    /// Some gates are still to be looked at.
    pub fn has_more(&self) -> bool {
        !self.to_look_at.is_empty()
    }
}

impl Machine {
    /// Starts the services whose gates have opened, as many as this turn may; those that have to go on waiting say what
    /// for, once.
    pub(super) fn open_gates(&mut self) {
        self.gates.next_in_line();
        for _ in 0..LOOKS_A_STEP {
            let Some((level, id)) = self.gates.to_look_at.pop_first() else { return };
            if self.services[id].now.state != State::Waiting {
                continue;
            }
            if self.gate_is_open(id) {
                if self.moves == 0 {
                    self.gates.to_look_at.insert((level, id));
                    return;
                }
                self.moves -= 1;
                self.start(id);
            } else if self.services[id].now.announced != State::Waiting {
                self.services[id].now.reason = self.waits_for(id);
                self.announce(id);
            }
        }
    }

    /// Whether a waiting service may start now. Its addresses are tried when nothing else is missing.
    fn gate_is_open(&mut self, id: ServiceId) -> bool {
        let service = &self.services[id];
        let (rules, now) = (&service.rules, &service.now);
        if now.process != Process::Gone {
            return false;
        }
        if !rules.waits {
            return true;
        }
        let in_turn = now.out_of_line || self.gates.is_turn_of(rules.effective_priority);
        let open = in_turn && rules.depends_on.iter().all(|dependency| self.services[*dependency].satisfies_dependants());
        if rules.addresses.is_empty() {
            return open;
        }
        if !open {
            // What was reached a moment ago may be gone when everything else is there.
            self.services[id].now.reach = Reach::Unknown;
            return false;
        }
        if now.reach == Reach::Reached {
            return true;
        }
        let now = &mut self.services[id].now;
        if !now.reaching && now.timers[Timer::Reach as usize].is_none() {
            now.reaching = true;
            self.out.push(Action::Reach { service: id });
        }
        false
    }

    /// Somebody has tried the addresses of a service.
    pub(super) fn reached(&mut self, id: ServiceId, result: Result<(), String>) {
        let Some(service) = self.services.get_mut(id) else { return };
        if !std::mem::take(&mut service.now.reaching) || service.now.state != State::Waiting {
            return;
        }
        match result {
            Ok(()) => {
                service.now.reach = Reach::Reached;
                self.gates.look_at(id, &service.rules);
            }
            Err(reason) => {
                service.now.reach = Reach::Failed(reason);
                self.set_timer(id, Timer::Reach, self.now.saturating_add(REACH_AGAIN));
            }
        }
    }

    /// What a waiting service waits for, in words: `waits for auth-service (starting)`.
    pub(super) fn waits_for(&self, id: ServiceId) -> Option<String> {
        let service = &self.services[id];
        match service.now.process {
            Process::Running(Role::PostStop) | Process::Killing(Role::PostStop) => {
                return Some("waits for the post_stop of its last run".to_owned());
            }
            Process::Running(_) | Process::Killing(_) => {
                return Some("waits until what its last run left is gone".to_owned());
            }
            Process::Gone => {}
        }
        let dependencies = service.rules.depends_on.iter().map(|dependency| &self.services[*dependency]);
        let dependencies: Vec<_> = dependencies.filter(|dependency| !dependency.satisfies_dependants()).collect();
        let level = if service.now.out_of_line { i64::MIN } else { service.rules.effective_priority };
        let lower = || self.gates.unsettled.range(..level);
        if !dependencies.is_empty() {
            Some(format!("waits for {}", some_of(dependencies.iter().copied(), dependencies.len())))
        } else if !self.gates.is_turn_of(level) {
            let earlier = lower().flat_map(|(_, ids)| ids).map(|id| &self.services[*id]);
            let count = lower().map(|(_, ids)| ids.len()).sum();
            Some(format!("waits for lower priorities: {}", some_of(earlier, count)))
        } else if let Reach::Failed(reason) = &service.now.reach {
            Some(format!("waits for {reason}"))
        } else if !service.rules.addresses.is_empty() {
            Some(format!("waits for {}", service.rules.addresses.join(", ")))
        } else {
            None
        }
    }
}

/// Names a few of so many services with their states, and says how many more there are: every one of a thousand may wait
/// for all before it, and says so in each status.
fn some_of<'a>(services: impl Iterator<Item = &'a Service>, count: usize) -> String {
    let named: Vec<String> = services.take(NAMED).map(|service| format!("{} ({})", service.name, service.now.state)).collect();
    let rest = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    named.join(", ") + &rest
}
