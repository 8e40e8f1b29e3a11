//! How the pod is stopped: level by level, within what the engine gives.
//!
//! A level is over when the commands of its services have ended and their post_stops, too. What the commands left is
//! killed at the same time as the next level stops: the order is one of commands, and a look at all processes for every
//! level would take longer than everything else.

use super::service::{Process, Stop};
use super::transitions::Cause;
use super::{Action, Machine, Millis, Record, ServiceId};
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;
use std::collections::BTreeMap;

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
/// Of the engine's grace, what podinit keeps for its own end.
const OWN_SHARE: Millis = 1_000;
/// What is kept for everything that is still to come: a level, a level's post_stops.
const SHARE: Millis = 1_000;
/// What is left of everything's grace after the second request to stop.
const HURRIED: Millis = 2_000;
/// From TERM to KILL for processes of nobody.
const STRAYS_GRACE: Millis = 1_000;
/// How long podinit waits for the dead to be reaped before it leaves all the same: one may hang in the kernel.
const REAP: Millis = 500;

/// Where the pod is in its life.
#[derive(Debug)]
pub(super) enum Phase {
    /// Before [`super::Event::Boot`].
    New,
    Running,
    Stopping(Shutdown),
    /// After [`Action::Exit`].
    Ended,
}

/// A pod on its way down.
#[derive(Debug)]
pub(super) struct Shutdown {
    code: i32,
    reason: String,
    /// When everything is killed; none when services have as long as their own graces take.
    deadline: Option<Millis>,
    /// How often the pod was asked to stop.
    asked: u32,
    stage: Stage,
    /// When the stage ends at the latest.
    pub timer: Option<Millis>,
    /// What is not over yet; the last level stops now.
    levels: Vec<Level>,
    /// Services whose level is over; something of them may still be on its way out.
    over: Vec<ServiceId>,
}

/// Services that stop together.
#[derive(Debug, Default)]
struct Level {
    /// They are still to be told.
    to_tell: Vec<ServiceId>,
    /// They were told, and have not ended when last looked at.
    told: Vec<ServiceId>,
    has_post_stop: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Services stop, level by level.
    Services,
    /// All services are down; processes of nobody were sent TERM.
    Strays,
    /// Everything was killed; only the reaping is left.
    Reaping,
}

impl Shutdown {
    /// The time for what is being stopped now, when something is kept for each of so many things to come.
    fn allowance(&self, now: Millis, to_come: usize) -> Millis {
        let Some(deadline) = self.deadline else { return Millis::MAX };
        let left = deadline.saturating_sub(now);
        let to_come = to_come as Millis;
        left - SHARE.min(left / (to_come + 1)) * to_come
    }

    /// How many levels and posts_stops come after the current level's commands.
    fn to_come(&self) -> usize {
        let hooks = self.levels.iter().filter(|level| level.has_post_stop).count();
        (self.levels.len() + hooks).saturating_sub(1)
    }

    fn hurry(&mut self, deadline: Millis) {
        let deadline = self.deadline.map_or(deadline, |known| known.min(deadline));
        self.deadline = Some(deadline);
        if self.stage == Stage::Services {
            self.timer = Some(deadline);
            let all = std::mem::take(&mut self.levels);
            let mut level = Level::default();
            for other in all {
                level.has_post_stop |= other.has_post_stop;
                level.to_tell.extend(other.told);
                level.to_tell.extend(other.to_tell);
            }
            // The last one is told first.
            level.to_tell.sort_unstable_by(|one, other| other.cmp(one));
            self.levels.push(level);
        }
    }
}

impl Machine {
    /// The first time begins to stop the pod, the second hurries, the third kills.
    pub(super) fn asked_to_stop(&mut self) {
        self.shut_down(0, "asked to stop".to_owned());
        let now = self.now;
        let Phase::Stopping(shutdown) = &mut self.phase else { return };
        shutdown.asked += 1;
        match shutdown.asked {
            1 => {}
            2 => shutdown.hurry(now.saturating_add(HURRIED)),
            // As if its time were over, processes of nobody included.
            _ if shutdown.stage != Stage::Reaping => shutdown.timer = Some(now),
            _ => {}
        }
    }

    /// Begins to stop the pod. The first cause counts; later ones change nothing.
    pub(super) fn shut_down(&mut self, code: i32, reason: String) {
        if !matches!(self.phase, Phase::New | Phase::Running) {
            return;
        }
        let grace = self.stop_grace_period;
        let budget = grace.saturating_sub(OWN_SHARE).max(grace / 2);
        let deadline = (grace > 0).then(|| self.now.saturating_add(budget));
        // By its code others know whether something is wrong.
        let expected = Some(code == 0);
        let record = Record { reason: Some(reason.clone()), expected, ..self.record(EventKind::Stopping, None) };
        self.publish(record);
        let levels = self.levels_to_stop();
        self.phase = Phase::Stopping(Shutdown {
            code,
            reason,
            deadline,
            asked: 0,
            stage: Stage::Services,
            timer: deadline,
            levels,
            over: Vec::new(),
        });
    }

    /// What has to be stopped, the first at the end: services that only wait to be started, then the levels.
    fn levels_to_stop(&self) -> Vec<Level> {
        let mut levels: BTreeMap<_, Level> = BTreeMap::new();
        let mut idle = Level::default();
        // Who is told first stands last.
        for (id, service) in self.services.iter().enumerate().rev() {
            if !service.is_down() {
                let level = levels.entry(self.levels[id]).or_default();
                level.to_tell.push(id);
                level.has_post_stop |= service.rules.post_stop;
            } else if !service.now.state.is_at_rest() {
                idle.to_tell.push(id);
            }
        }
        levels.into_values().chain([idle]).collect()
    }

    /// Stops the highest level that is not over yet, as many services as this turn may; after the last one, processes of
    /// nobody.
    pub(super) fn shut_down_further(&mut self) {
        loop {
            let Phase::Stopping(shutdown) = &mut self.phase else { return };
            if shutdown.stage != Stage::Services {
                return;
            }
            let Some(level) = shutdown.levels.last_mut() else { break };
            if let Some(id) = level.to_tell.pop_if(|_| self.moves > 0) {
                level.told.push(id);
                self.moves -= 1;
                let grace = shutdown.allowance(self.now, shutdown.to_come());
                self.stop_for_shutdown(id, grace);
                continue;
            }
            if !level.to_tell.is_empty() {
                return;
            }
            while let Some(id) = level.told.pop_if(|id| self.services[*id].has_ended()) {
                shutdown.over.push(id);
            }
            if !level.told.is_empty() {
                return;
            }
            shutdown.levels.pop();
            // What has ended meanwhile needs no time.
            let services = &self.services;
            shutdown.levels.retain(|level| level.to_tell.iter().any(|id| !services[*id].is_down()));
        }
        self.strays_follow();
    }

    /// When nothing is left of any service, processes of nobody are asked to end.
    fn strays_follow(&mut self) {
        let Phase::Stopping(shutdown) = &mut self.phase else { return };
        while shutdown.over.pop_if(|id| self.services[*id].is_down()).is_some() {}
        if shutdown.over.is_empty() {
            shutdown.stage = Stage::Strays;
            let at = self.now.saturating_add(STRAYS_GRACE);
            shutdown.timer = Some(shutdown.deadline.map_or(at, |deadline| at.min(deadline.max(self.now))));
            self.out.push(Action::SignalStrays { signal: SIGTERM });
        }
    }

    fn stop_for_shutdown(&mut self, id: ServiceId, grace: Millis) {
        if self.services[id].now.state.is_at_rest() || self.services[id].now.state == State::Stopping {
            self.kill_at_the_latest(id, grace);
        } else {
            self.stop(id, Cause::StopAsked, Stop::Down, Some(grace));
        }
    }

    /// Whether a post_stop may still begin.
    pub(super) fn may_run_hooks(&self) -> bool {
        match &self.phase {
            Phase::Stopping(shutdown) => shutdown.stage == Stage::Services && shutdown.asked < 3,
            Phase::New | Phase::Running => true,
            Phase::Ended => false,
        }
    }

    /// The time for a post_stop that begins now.
    pub(super) fn grace_left(&self) -> Millis {
        let Phase::Stopping(shutdown) = &self.phase else { return Millis::MAX };
        let hooks = usize::from(shutdown.levels.last().is_some_and(|level| level.has_post_stop));
        shutdown.allowance(self.now, shutdown.to_come().saturating_sub(hooks))
    }

    fn kill_everything(&mut self) {
        for id in 0..self.services.len() {
            if !self.services[id].is_down() {
                self.stop_for_shutdown(id, 0);
            }
            if matches!(self.services[id].now.process, Process::Running(_)) {
                self.kill_tree(id);
            }
        }
    }

    pub(super) fn fire_shutdown_timer(&mut self) {
        let Phase::Stopping(shutdown) = &mut self.phase else { return };
        if shutdown.timer.is_none_or(|at| at > self.now) {
            return;
        }
        let stage = std::mem::replace(&mut shutdown.stage, Stage::Reaping);
        shutdown.timer = Some(self.now.saturating_add(REAP));
        match stage {
            Stage::Services => {
                self.kill_everything();
                self.out.push(Action::SignalStrays { signal: SIGKILL });
            }
            Stage::Strays => self.out.push(Action::SignalStrays { signal: SIGKILL }),
            Stage::Reaping => self.exit(),
        }
    }

    pub(super) fn no_children(&mut self) {
        if let Phase::Stopping(shutdown) = &self.phase
            && shutdown.stage != Stage::Services
        {
            self.exit();
        }
    }

    fn exit(&mut self) {
        let Phase::Stopping(shutdown) = std::mem::replace(&mut self.phase, Phase::Ended) else { return };
        self.timers.clear();
        self.refuse_all("the pod stopped");
        let record = Record { reason: Some(shutdown.reason.clone()), ..self.record(EventKind::Stopped, None) };
        self.publish(record);
        self.out.push(Action::Exit { code: shutdown.code, reason: shutdown.reason });
    }

    /// A pod whose services are all done has nothing left to do. Services that somebody stopped may be started again,
    /// and those with a schedule come again.
    pub(super) fn end_when_done(&mut self) {
        if !self.exit_when_done || self.active > 0 {
            return;
        }
        let any_done = self.services.iter().any(|service| service.now.state == State::Done);
        if any_done && !self.services.iter().any(|service| service.now.stopped_by_hand || service.rules.scheduled) {
            self.shut_down(0, "all services are done".to_owned());
        }
    }
}
