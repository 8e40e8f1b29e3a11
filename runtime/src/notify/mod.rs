//! What services say of themselves: a newline on a descriptor as s6 has it, datagrams as systemd has them, or a file
//! that they make. Every incarnation has a pipe or a socket of its own, so that nothing an earlier one left speaks for
//! its successor.

mod message;

use crate::machine::{Incarnation, Millis, Notice, ServiceId};
use crate::sys::files::is_transient;
use crate::sys::{Interest, Poller, Sys, Token};
use message::Said;
use podinit_plan::plan::{Plan, Ready};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// Datagrams of one service that are read in one turn.
const DATAGRAMS_A_TURN: usize = 32;
/// The longest datagram that is looked at, in bytes; the same as systemd's.
const LONGEST: usize = 4096;
/// From a start to the first look for its file; each look is followed by the next after double the time.
const FIRST_LOOK: Millis = 10;
/// The longest time between two looks for a file.
const LOOK_EVERY: Millis = 200;
/// How long a socket rests that could not be read, for lack of memory.
const REST: Millis = 100;

/// What a new process is given to speak with.
#[derive(Debug, Default)]
pub struct Voice {
    /// A descriptor, and its number in the process.
    pub descriptor: Option<(OwnedFd, i32)>,
    /// Variables over all others; those without a value are left out even if podinit has them.
    pub variables: Vec<(&'static str, Option<String>)>,
}

/// The ears of podinit.
#[derive(Debug)]
pub struct Notify<S: Sys> {
    sys: S,
    poller: Poller<S>,
    services: Vec<Listening>,
    /// Those whose file is looked for, or whose socket rests.
    looking: BTreeSet<ServiceId>,
    notices: Vec<(ServiceId, Incarnation, Notice)>,
}

/// How one service is listened to.
#[derive(Debug)]
struct Listening {
    ready: Ready,
    /// uid and gid of the service, where they are not podinit's own.
    owner: Option<(u32, u32)>,
    open: Option<Open>,
}

/// What its current incarnation was given.
#[derive(Debug)]
struct Open {
    incarnation: Incarnation,
    ear: Ear,
}

#[derive(Debug)]
enum Ear {
    Pipe {
        read: OwnedFd,
        said: bool,
    },
    Socket {
        fd: OwnedFd,
        /// It is not watched until then.
        rests_until: Option<Millis>,
    },
    File {
        path: PathBuf,
        look_at: Millis,
        delay: Millis,
    },
}

impl<S: Sys> Notify<S> {
    /// For a plan that was filled in; `owner` has uid and gid of a service, where they are not podinit's own.
    pub fn new(sys: S, poller: Poller<S>, plan: &Plan, owner: impl Fn(ServiceId) -> Option<(u32, u32)>) -> Notify<S> {
        let listening = |(id, service): (ServiceId, &podinit_plan::plan::Service)| Listening {
            ready: service.ready.clone(),
            owner: owner(id),
            open: None,
        };
        let services = plan.services.values().enumerate().map(listening).collect();
        Notify { sys, poller, services, looking: BTreeSet::new(), notices: Vec::new() }
    }

    /// Takes a service in, in the place of what had that number, or as the next.
    pub fn put(&mut self, id: ServiceId, ready: Ready, owner: Option<(u32, u32)>) {
        let listening = Listening { ready, owner, open: None };
        match self.services.get_mut(id) {
            Some(_) => {
                self.close(id);
                self.services[id] = listening;
            }
            None => self.services.push(listening),
        }
    }

    /// Begins to listen to a new incarnation.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(&mut self, service: ServiceId, incarnation: Incarnation, now: Millis) -> io::Result<Voice> {
        self.close(service);
        let Listening { ready, owner, .. } = &self.services[service];
        let token = Token::Notify(service as u32);
        let (ear, voice) = match ready {
            Ready::NotifyFd(number) => {
                let (read, write) = self.sys.pipe(*owner)?;
                self.poller.add(&read, Interest::Read, token)?;
                (Ear::Pipe { read, said: false }, Voice { descriptor: Some((write, *number)), variables: Vec::new() })
            }
            Ready::NotifySocket { watchdog_ms } => {
                let (socket, name) = self.sys.datagram_socket()?;
                self.poller.add(&socket, Interest::Read, token)?;
                let watchdog = (*watchdog_ms > 0).then(|| watchdog_ms.saturating_mul(1_000).to_string());
                let variables = vec![
                    ("NOTIFY_SOCKET", Some(format!("@{name}"))),
                    ("WATCHDOG_USEC", watchdog),
                    // Without it every process of the service may say that all is well, as each may that it is ready.
                    ("WATCHDOG_PID", None),
                ];
                (Ear::Socket { fd: socket, rests_until: None }, Voice { descriptor: None, variables })
            }
            Ready::File(path) => {
                let (path, look_at) = (PathBuf::from(path), now + FIRST_LOOK);
                self.looking.insert(service);
                (Ear::File { path, look_at, delay: FIRST_LOOK }, Voice::default())
            }
            Ready::Check | Ready::AliveMs(_) | Ready::Log(_) => return Ok(Voice::default()),
        };
        self.services[service].open = Some(Open { incarnation, ear });
        Ok(voice)
    }

    /// [`Token::Notify`]: the service of that index has said something.
    pub fn readable(&mut self, index: u32, now: Millis) {
        let service = index as usize;
        let Some(listening) = self.services.get_mut(service) else { return };
        let Some(Open { incarnation, ear }) = &mut listening.open else { return };
        let mut said = Said::default();
        let goes_on = match ear {
            Ear::Pipe { read, said: before } => {
                let goes_on = read_pipe(&self.sys, read, &mut said);
                said.ready &= !std::mem::replace(before, *before || said.ready);
                goes_on
            }
            Ear::Socket { fd, rests_until } => {
                let uid = listening.owner.map_or_else(|| self.sys.own_uid(), |(uid, _)| uid);
                // Watched, what cannot be read would wake the loop all the time; given up, its service would not be heard.
                if !read_socket(&self.sys, fd, uid, &mut said) && self.poller.remove(&*fd).is_ok() {
                    *rests_until = Some(now + REST);
                    self.looking.insert(service);
                }
                true
            }
            Ear::File { .. } => true,
        };
        let notices = [(said.ready, Notice::Ready), (said.alive, Notice::Alive), (said.stopping, Notice::Stopping)];
        let notices = notices.into_iter().filter(|(said, _)| *said);
        self.notices.extend(notices.map(|(_, notice)| (service, *incarnation, notice)));
        if !goes_on {
            self.close(service);
        }
    }

    /// Takes in what a leader that has ended said last, and stops listening.
    pub fn ended(&mut self, service: ServiceId) {
        self.readable(service as u32, 0);
        self.close(service);
    }

    /// Stops listening. To close the descriptor is not enough: a child that was forked a moment ago has a copy until it
    /// executes its program.
    pub fn close(&mut self, service: ServiceId) {
        self.looking.remove(&service);
        if let Some(Open { ear: Ear::Pipe { read: fd, .. } | Ear::Socket { fd, .. }, .. }) = self.services[service].open.take() {
            let _ = self.poller.remove(&fd);
        }
    }

    /// When [`Notify::tick`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let look_at = |service: &ServiceId| match self.services[*service].open {
            Some(Open { ear: Ear::File { look_at, .. }, .. }) => Some(look_at),
            Some(Open { ear: Ear::Socket { rests_until, .. }, .. }) => rests_until,
            _ => None,
        };
        self.looking.iter().filter_map(look_at).min()
    }

    /// Looks for the files that are due, and has sockets go on that have rested. `is_cleared` says whether what an earlier start left was removed by now.
    pub fn tick(&mut self, now: Millis, is_cleared: impl Fn(ServiceId) -> bool) {
        let Notify { sys, poller, services, notices, .. } = self;
        self.looking.retain(|&service| {
            let listening = &mut services[service];
            if let Some(Open { ear: Ear::Socket { fd, rests_until }, .. }) = &mut listening.open {
                if rests_until.is_some_and(|until| until <= now) {
                    let watched = poller.add(&*fd, Interest::Read, Token::Notify(service as u32));
                    *rests_until = watched.is_err().then_some(now + REST);
                }
                return rests_until.is_some();
            }
            let Some(Open { incarnation, ear: Ear::File { path, look_at, delay } }) = &mut listening.open else { return false };
            if *look_at > now {
                return true;
            }
            let is_ready = is_cleared(service) && sys.is_there(path, listening.owner);
            if is_ready {
                notices.push((service, *incarnation, Notice::Ready));
                listening.open = None;
            } else {
                *delay = (*delay * 2).min(LOOK_EVERY);
                *look_at = now + *delay;
            }
            !is_ready
        });
    }

    /// Takes away what was said.
    pub fn take(&mut self) -> Vec<(ServiceId, Incarnation, Notice)> {
        std::mem::take(&mut self.notices)
    }
}

/// Reads once; what comes after the newline is read and forgotten, as a service that writes on must not be stopped by
/// a full or broken pipe. False is its end.
fn read_pipe<S: Sys>(sys: &S, read: &OwnedFd, said: &mut Said) -> bool {
    let mut buffer = [0; LONGEST];
    match sys.read(read.as_fd(), &mut buffer) {
        Ok(count @ 1..) => {
            said.ready |= buffer[..count].contains(&b'\n');
            true
        }
        Err(error) => is_transient(&error),
        Ok(0) => false,
    }
}

/// Reads what there is, within bounds; only root and the service itself are listened to. False is an error.
fn read_socket<S: Sys>(sys: &S, socket: &OwnedFd, uid: u32, said: &mut Said) -> bool {
    let mut buffer = [0; LONGEST];
    for _ in 0..DATAGRAMS_A_TURN {
        match sys.next_datagram(socket.as_fd(), &mut buffer) {
            Ok(datagram) if !datagram.cut && datagram.uid.is_some_and(|sender| sender == 0 || sender == uid) => {
                said.add(&buffer[..datagram.length]);
            }
            Ok(_) => {}
            Err(error) => return is_transient(&error),
        }
    }
    true
}

#[cfg(test)]
mod tests;
