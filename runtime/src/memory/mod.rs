//! What services and the container use of memory: looked at in passes over all processes, a millisecond of each turn, every
//! now and then and when somebody asks.
//!
//! [`owners`] says whose a process is, [`account`] keeps what a service uses, [`cgroup`] asks the container's, [`judge`]
//! decides what follows, [`kills`] tells the kernel's kills for lack of memory from others, [`report`] makes the file.
//! podinit makes no cgroups, and where a service made some for itself its processes still descend from its leader: all
//! are counted by what /proc says of them.

mod account;
mod cgroup;
mod judge;
mod kills;
mod owners;
mod report;

pub use judge::Verdict;
pub use owners::Start;

use crate::machine::{Incarnation, Millis, ServiceId};
use crate::rpc::Ticket;
use crate::sys::Sys;
use crate::sys::procfs::{Figures, ProcessIds};
use account::Account;
use cgroup::Cgroup;
use judge::{Judge, Measured};
use kills::Kills;
use owners::{Found, Owner, by_ids, resolve};
use podinit_plan::plan::{MemoryLimit, MemoryMonitor, SERVICE_VARIABLE};
use podinit_plan::protocol::{PodMemory, Usage};
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// The share of a turn that a pass takes.
const SLICE: Duration = Duration::from_millis(1);
/// After how many processes whose owner is looked for the time is looked at.
const AT_ONCE: usize = 64;
/// The first pass is soon, so that there are figures.
const FIRST: Millis = 1_000;
/// From the end of a pass to the begin of one that somebody asks for: who asks all the time costs little.
const REST: Millis = 100;
/// Who asks for figures is given the last ones after this.
const PATIENCE: Millis = 1_000;
/// How many may wait for figures; others are given the last ones.
const MAX_WAITING: usize = 64;

/// What a pass has to know of the pod.
pub struct Pod<'a> {
    /// The leaders that were not reaped yet.
    pub running: &'a BTreeMap<i32, Start>,
    /// The processes of checks, which are podinit's own doing.
    pub checks: &'a BTreeMap<i32, Start>,
    /// The service of that name.
    pub named: &'a dyn Fn(&str) -> Option<ServiceId>,
}

/// The memory of the pod.
#[derive(Debug)]
pub struct Memory<S> {
    sys: S,
    own_pid: i32,
    monitor: Option<MemoryMonitor>,
    cgroup: Option<Cgroup>,
    host_bytes: u64,
    accounts: Vec<Account>,
    judge: Judge,
    kills: Kills,
    /// As it was measured last.
    container: Option<PodMemory>,
    pass: Option<Pass>,
    /// The processes of the pass that goes on, in the order of their ids, as the kernel lists them; kept for its memory.
    found: Vec<Found>,
    /// Whose the processes are that podinit has adopted, as it was found out in the last pass; in the same order.
    adopted: Vec<Adopted>,
    /// When the next pass begins by itself.
    next: Option<Millis>,
    /// When one may begin that somebody asks for.
    rested: Millis,
    waiting: Vec<Waiting>,
}

/// Whose a process is that podinit has adopted.
#[derive(Debug)]
struct Adopted {
    pid: i32,
    started: u64,
    owner: Owner,
}

#[derive(Debug)]
struct Pass {
    stage: Stage,
    adopted: Vec<Adopted>,
}

#[derive(Debug)]
enum Stage {
    /// Processes are looked at.
    Walk(ProcessIds),
    /// Those from this place on are still to be added to somebody's account.
    Share(usize),
    /// The container is still to be asked.
    Container,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    since: Millis,
    /// The pass that goes on began after it was asked for.
    is_served: bool,
}

impl<S: Sys> Memory<S> {
    /// Nothing was measured yet.
    pub fn new(sys: S, monitor: Option<MemoryMonitor>) -> Memory<S> {
        let text = |path: &str| sys.kernel_text(path).unwrap_or_default();
        let cgroup = Cgroup::find(&text("/proc/self/cgroup"), &text("/proc/self/mountinfo"));
        let kills = Kills::new(cgroup.as_ref().and_then(|cgroup| cgroup.oom_kills(&sys)));
        Memory {
            own_pid: sys.own_pid(),
            next: monitor.as_ref().map(|monitor| monitor.interval_ms.min(FIRST)),
            monitor,
            cgroup,
            host_bytes: cgroup::host(&sys).unwrap_or(0),
            accounts: Vec::new(),
            judge: Judge::default(),
            kills,
            container: None,
            pass: None,
            found: Vec::new(),
            adopted: Vec::new(),
            rested: 0,
            waiting: Vec::new(),
            sys,
        }
    }

    /// Takes a service in, in the place of what had that number, or as the next.
    pub fn put(&mut self, service: ServiceId, limit: Option<MemoryLimit>) {
        if service >= self.accounts.len() {
            self.accounts.resize_with(service + 1, Account::default);
        }
        self.accounts[service] = Account::new(limit);
        self.judge.forget(service);
    }

    /// An incarnation of a service begins.
    pub fn started(&mut self, (service, incarnation): Start) {
        if let Some(account) = self.accounts.get_mut(service) {
            account.started(incarnation);
        }
    }

    /// A leader has ended; `peak_bytes` is the most that it, or one of those whom it has waited for, has used.
    pub fn ended(&mut self, (service, incarnation): Start, peak_bytes: u64) {
        if let Some(account) = self.accounts.get_mut(service) {
            account.ended(incarnation, peak_bytes);
        }
    }

    /// podinit has sent SIGKILL to a leader.
    pub fn killed(&mut self, leader: i32) {
        self.kills.sent(leader);
    }

    /// A child was reaped that died of SIGKILL. Whether the kernel has killed it for lack of memory: podinit has not, and
    /// the kernel has counted one more.
    pub fn is_oom_kill(&mut self, pid: i32) -> bool {
        let (sys, cgroup) = (&self.sys, self.cgroup.as_ref());
        self.kills.is_oom(pid, || cgroup?.oom_kills(sys))
    }

    /// A child was reaped, however it ended.
    pub fn reaped(&mut self, pid: i32) {
        self.kills.reaped(pid);
    }

    /// Whose an adopted process was in the last pass.
    pub fn owner(&self, pid: i32) -> Option<Start> {
        match find(&self.adopted, pid)?.owner {
            Owner::Service(start) => Some(start),
            Owner::Unknown | Owner::Nobody => None,
        }
    }

    /// What a service used when it was measured last.
    pub fn usage(&self, service: ServiceId, now: Millis) -> Option<Usage> {
        self.accounts.get(service)?.usage(now)
    }

    /// The most that is known of what a service has used since its last start, in bytes: also of one that ended before it
    /// was measured.
    pub fn peak(&self, service: ServiceId) -> Option<u64> {
        self.accounts.get(service)?.peak()
    }

    /// The container's memory when it was measured last.
    pub fn container(&self) -> Option<PodMemory> {
        self.container
    }

    /// Somebody wants figures that are measured from now on. False: the last ones have to do.
    pub fn ask(&mut self, ticket: Ticket, now: Millis) -> bool {
        let has_room = self.waiting.len() < MAX_WAITING;
        if has_room {
            self.waiting.push(Waiting { ticket, since: now, is_served: false });
        }
        has_room
    }

    /// Those who need not wait any longer.
    pub fn take_answered(&mut self, now: Millis) -> Vec<Ticket> {
        let goes_on = self.pass.is_some();
        let is_answered = |one: &mut Waiting| one.is_served && !goes_on || now >= one.since.saturating_add(PATIENCE);
        self.waiting.extract_if(.., is_answered).map(|one| one.ticket).collect()
    }

    /// When [`Memory::work`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        if self.pass.is_some() {
            return Some(0);
        }
        let asked = (!self.waiting.is_empty()).then_some(self.rested);
        self.next.into_iter().chain(asked).min()
    }

    /// Goes on with a pass, or begins one. Whether it is over, and there are new figures.
    pub fn work(&mut self, now: Millis, pod: &Pod<'_>) -> bool {
        let begun = self.sys.monotonic();
        let pass = match self.pass.take() {
            Some(pass) => Some(pass),
            None => self.begin(),
        };
        match pass.map(|pass| self.go_on(pass, begun, pod)) {
            Some(Ok(Some(pass))) => {
                self.pass = Some(pass);
                false
            }
            Some(Ok(None)) => {
                self.measured(now);
                self.rest(now);
                true
            }
            // There were no descriptors, or no memory, to look with.
            Some(Err(_)) | None => {
                self.rest(now);
                false
            }
        }
    }

    /// What is to be done about what was measured. `may_go` says of a start whether it runs and nobody stops it yet.
    pub fn judge(&mut self, now: Millis, may_go: &dyn Fn(Start) -> bool) -> Vec<Verdict> {
        let (Some(monitor), Some(container)) = (&self.monitor, self.container) else { return Vec::new() };
        let thresholds = (monitor.warn_percent, monitor.critical_percent);
        let verdict = self.judge.container(container.bytes, container.of_bytes, container.limit_bytes, thresholds);
        let mut verdicts: Vec<Verdict> = verdict.into_iter().collect();
        let measured = self.accounts.iter().enumerate().filter_map(|(service, account)| {
            let (incarnation, limit) = (account.incarnation, account.limit.as_ref()?);
            Some(Measured { service, incarnation, bytes: account.bytes(), limit, may_go: may_go((service, incarnation)) })
        });
        verdicts.extend(self.judge.services(now, &measured.collect::<Vec<_>>()));
        verdicts
    }

    /// The kernel's kills since the last pass that nobody was told of.
    pub fn take_untold_kills(&mut self) -> u64 {
        self.container.map_or(0, |container| self.kills.take_untold(container.oom_kills))
    }

    /// The file that the plan asks for, and what is to be in it.
    pub fn report<'a>(
        &self,
        time: &str,
        names: impl Iterator<Item = (ServiceId, &'a str)>,
        now: Millis,
    ) -> Option<(&str, Vec<u8>)> {
        let path = self.monitor.as_ref()?.file.as_deref()?;
        let services = names.filter_map(|(id, name)| Some((name, self.usage(id, now)?)));
        Some((path, report::json(time, &self.container?, services)))
    }

    fn begin(&mut self) -> Option<Pass> {
        let ids = self.sys.process_ids().ok()?;
        self.found.clear();
        self.accounts.iter_mut().for_each(Account::begin);
        self.waiting.iter_mut().for_each(|one| one.is_served = true);
        Some(Pass { stage: Stage::Walk(ids), adopted: Vec::new() })
    }

    /// No pass for a while.
    fn rest(&mut self, now: Millis) {
        self.next = self.monitor.as_ref().map(|monitor| now.saturating_add(monitor.interval_ms));
        self.rested = now.saturating_add(REST);
    }

    /// A slice of a pass; none when it is over.
    fn go_on(&mut self, mut pass: Pass, begun: Duration, pod: &Pod<'_>) -> io::Result<Option<Pass>> {
        match &mut pass.stage {
            Stage::Walk(ids) => {
                for id in ids {
                    if let Some(figures) = self.sys.figures(id?)? {
                        let owner = self.owner_of(&figures, &mut pass.adopted, pod);
                        self.found.push(Found { figures, owner });
                    }
                    if self.is_over(begun) {
                        return Ok(Some(pass));
                    }
                }
                pass.stage = Stage::Share(0);
            }
            Stage::Share(from) => {
                while *from < self.found.len() {
                    if from.is_multiple_of(AT_ONCE) && self.is_over(begun) {
                        return Ok(Some(pass));
                    }
                    if let Owner::Service(start) = resolve(&mut self.found, *from, pod.running)
                        && let Some(account) = self.accounts.get_mut(start.0)
                    {
                        account.add(start, &self.found[*from].figures);
                    }
                    *from += 1;
                }
                self.adopted = std::mem::take(&mut pass.adopted);
                // There may have been many for a moment.
                let (used, room) = (self.found.len(), self.found.capacity());
                if room > 4 * used {
                    self.found.shrink_to(2 * used);
                }
                pass.stage = Stage::Container;
            }
            Stage::Container => return Ok(None),
        }
        Ok(Some(pass))
    }

    /// Its share of the turn is used up.
    fn is_over(&self, begun: Duration) -> bool {
        self.sys.monotonic().saturating_sub(begun) >= SLICE
    }

    /// Whose a process is, when podinit is its parent.
    fn owner_of(&self, figures: &Figures, adopted: &mut Vec<Adopted>, pod: &Pod<'_>) -> Owner {
        let process = &figures.process;
        if process.pid == self.own_pid || pod.checks.contains_key(&process.pid) {
            return Owner::Nobody;
        }
        if process.parent != self.own_pid {
            return Owner::Unknown;
        }
        if let Some(start) = pod.running.get(&process.pid) {
            return Owner::Service(*start);
        }
        let known = find(&self.adopted, process.pid).filter(|known| known.started == figures.started);
        let owner = match (by_ids(process, pod.running), known) {
            (Some(start), _) => Owner::Service(start),
            (None, Some(known)) => known.owner,
            (None, None) => match self.sys.variable(process.pid, SERVICE_VARIABLE) {
                Ok(mark) => mark.and_then(|mark| start_of(&mark, pod.named)).into(),
                // Not podinit's to read, and never will be.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Owner::Nobody,
                // It executes a program, or there is a lack of something: it is looked at again in the next pass.
                Err(_) => return Owner::Nobody,
            },
        };
        adopted.push(Adopted { pid: process.pid, started: figures.started, owner });
        owner
    }

    /// All processes were looked at: the accounts are made up, and the container is asked.
    fn measured(&mut self, now: Millis) {
        self.accounts.iter_mut().for_each(|account| account.end(now));
        let reading = self.cgroup.as_ref().map(|cgroup| cgroup.read(&self.sys)).unwrap_or_default();
        let bytes = reading.bytes.unwrap_or_else(|| self.accounts.iter().map(Account::bytes).sum());
        let before = self.container.unwrap_or_default();
        self.container = Some(PodMemory {
            bytes,
            peak_bytes: before.peak_bytes.max(bytes),
            limit_bytes: reading.limit,
            // A limit above what there is limits nothing.
            of_bytes: reading.limit.unwrap_or(u64::MAX).min(if self.host_bytes > 0 { self.host_bytes } else { u64::MAX }),
            oom_kills: reading.oom_kills.unwrap_or(before.oom_kills),
            pressure: reading.pressure,
        });
    }
}

fn find(adopted: &[Adopted], pid: i32) -> Option<&Adopted> {
    adopted.binary_search_by_key(&pid, |one| one.pid).ok().map(|at| &adopted[at])
}

/// What a mark says: `NAME:INCARNATION`.
fn start_of(mark: &[u8], named: &dyn Fn(&str) -> Option<ServiceId>) -> Option<Start> {
    let (name, incarnation) = std::str::from_utf8(mark).ok()?.rsplit_once(':')?;
    Some((named(name)?, incarnation.parse::<Incarnation>().ok()?))
}
