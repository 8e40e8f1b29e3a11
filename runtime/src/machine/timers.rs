//! What the machine waits for by the clock.

use super::{Machine, Millis, ServiceId};

/// Timers that one step serves; the others are served by the ticks that follow at once.
const FIRED_A_STEP: usize = 64;

/// What a service may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Until it has been alive for long enough to be ready.
    Alive,
    /// Until it has been ready for long enough to be stable.
    Stable,
    /// Until its start has taken too long.
    StartTimeout,
    /// Until its next probe.
    Probe,
    /// Until it should have said that it is alive.
    Watchdog,
    /// Until its next attempt.
    Backoff,
    /// Until its addresses are tried again.
    Reach,
    /// Until everybody is told that its start takes long.
    Reminder,
    /// Until what runs of it is killed; goes with the process, not with the state.
    Kill,
}

impl Timer {
    pub const ALL: [Timer; 9] = [
        Timer::Alive,
        Timer::Stable,
        Timer::StartTimeout,
        Timer::Probe,
        Timer::Watchdog,
        Timer::Backoff,
        Timer::Reach,
        Timer::Reminder,
        Timer::Kill,
    ];
}

impl Machine {
    pub(super) fn fire_timers(&mut self) {
        let mut fired = 0;
        while let Some((at, id, timer)) = self.timers.first().copied()
            && at <= self.now
            && fired < FIRED_A_STEP
        {
            fired += 1;
            self.clear_timer(id, timer);
            match timer {
                Timer::Alive => self.become_ready(id),
                Timer::Stable => self.stable(id),
                Timer::StartTimeout => self.start_timed_out(id),
                Timer::Probe => self.probe_now(id),
                Timer::Watchdog => self.was_silent(id),
                Timer::Backoff => self.retry(id),
                Timer::Reach => self.gates.look_at(id, &self.services[id].rules),
                Timer::Reminder => self.remind(id),
                Timer::Kill => self.kill(id),
            }
        }
        self.fire_shutdown_timer();
    }

    pub(super) fn set_timer(&mut self, id: ServiceId, timer: Timer, at: Millis) {
        self.clear_timer(id, timer);
        self.services[id].now.timers[timer as usize] = Some(at);
        self.timers.insert((at, id, timer));
    }

    pub(super) fn clear_timer(&mut self, id: ServiceId, timer: Timer) {
        if let Some(at) = self.services[id].now.timers[timer as usize].take() {
            self.timers.remove(&(at, id, timer));
        }
    }

    /// Clears what a service waits for in its state. What is left of a process keeps its time.
    pub(super) fn clear_timers(&mut self, id: ServiceId) {
        for timer in Timer::ALL {
            if timer != Timer::Kill {
                self.clear_timer(id, timer);
            }
        }
    }

    /// The pod was paused, suspended or throttled: no process could have answered in that time. What was to happen by
    /// now happens that much later, and probes under way are asked again.
    pub(super) fn late(&mut self, by: Millis) {
        let running: Vec<_> = std::mem::take(&mut self.timers).into_iter().collect();
        for (at, id, timer) in running {
            let at = if timer == Timer::Backoff { at } else { at.saturating_add(by) };
            self.services[id].now.timers[timer as usize] = Some(at);
            self.timers.insert((at, id, timer));
        }
        for id in 0..self.services.len() {
            if self.services[id].now.probing {
                self.cancel_probe(id);
                self.schedule_probe(id);
            }
        }
    }
}
