//! Calls whose answer takes longer: what is waited for, and what becomes of the outcomes.

use super::fault::Kind;
use super::info;
use super::logs::Wanted;
use super::view::{Asked, Changes, GroupProblem, Obstacle, Outcome, Refusal, Ticket, View, Wish};
use crate::machine::{ServiceId, Verb};
use crate::xmlrpc::{Fault, Value};
use podinit_plan::supervisord::ProcessState;

/// What a method has come to.
#[derive(Debug)]
pub enum Progress {
    /// It is done.
    Done(Result<Value, Fault>),
    /// Something is waited for.
    Pending(Pending),
}

impl From<Result<Value, Fault>> for Progress {
    fn from(result: Result<Value, Fault>) -> Progress {
        Progress::Done(result)
    }
}

/// What is waited for.
#[derive(Debug)]
pub struct Pending {
    waits: Vec<(Ticket, Wait)>,
    /// Of a method that answers with a status for each of many processes: those that are known.
    statuses: Option<Vec<Value>>,
}

/// One thing that is waited for.
#[derive(Debug)]
pub struct Wait {
    /// Which process; none for what concerns no process.
    process: Option<ServiceId>,
    /// What the client called it.
    given: String,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Start,
    Stop,
    /// Anything that is done or not.
    Deed,
    Log(Wanted),
    Changes,
    Configured,
    Group,
}

/// Asks for things and waits for them.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The last ticket that was given out.
    pub last: &'a mut Ticket,
    /// What is asked for.
    pub asked: &'a mut Vec<Asked>,
}

impl Asking<'_> {
    fn ask(&mut self, wish: Wish) -> Ticket {
        *self.last += 1;
        self.asked.push(Asked { ticket: Some(*self.last), wish });
        *self.last
    }

    /// Asks, and does not wait.
    pub fn tell(&mut self, wish: Wish) {
        self.asked.push(Asked { ticket: None, wish });
    }

    fn one(&mut self, process: Option<ServiceId>, given: &str, what: What, wish: Wish) -> Progress {
        let wait = Wait { process, given: given.to_owned(), what };
        Progress::Pending(Pending { waits: vec![(self.ask(wish), wait)], statuses: None })
    }

    /// Starts a process, and waits until it is up if that is wanted.
    pub fn start(&mut self, id: ServiceId, given: &str, wait: bool, view: &dyn View) -> Progress {
        if let Err(fault) = may_start(id, given, view) {
            return Progress::Done(Err(fault));
        }
        let wish = Wish::Do(id, Verb::Start);
        if wait {
            return self.one(Some(id), given, What::Start, wish);
        }
        self.tell(wish);
        Progress::Done(Ok(Value::Bool(true)))
    }

    /// Stops a process, and waits until it is down if that is wanted.
    pub fn stop(&mut self, id: ServiceId, given: &str, wait: bool, view: &dyn View) -> Progress {
        if !state(id, view).is_some_and(ProcessState::is_running) {
            return Progress::Done(Err(Kind::NotRunning.of(given)));
        }
        let wish = Wish::Do(id, Verb::Stop);
        if wait {
            return self.one(Some(id), given, What::Stop, wish);
        }
        self.tell(wish);
        Progress::Done(Ok(Value::Bool(true)))
    }

    /// Lets everybody else have a turn.
    pub fn pause(&mut self) -> Pending {
        let wait = Wait { process: None, given: String::new(), what: What::Deed };
        Pending { waits: vec![(self.ask(Wish::Pause), wait)], statuses: None }
    }

    /// Something that is done or not.
    pub fn deed(&mut self, id: Option<ServiceId>, given: &str, wish: Wish) -> Progress {
        self.one(id, given, What::Deed, wish)
    }

    /// Reads from a log.
    pub fn log(&mut self, wanted: Wanted, wish: Wish) -> Progress {
        self.one(None, "", What::Log(wanted), wish)
    }

    /// Reads the configuration again.
    pub fn reread(&mut self) -> Progress {
        self.one(None, "", What::Changes, Wish::Reread)
    }

    /// Reads the configuration, to tell what it says.
    pub fn configured(&mut self) -> Progress {
        self.one(None, "", What::Configured, Wish::Reread)
    }

    /// Lets a group come or go.
    pub fn group(&mut self, given: &str, wish: Wish) -> Progress {
        self.one(None, given, What::Group, wish)
    }

    /// The same for many processes: each in its turn, and a status for each.
    pub fn many(
        &mut self,
        processes: &[ServiceId],
        view: &dyn View,
        mut each: impl FnMut(&mut Self, ServiceId, &str) -> Progress,
    ) -> Progress {
        let mut all = Pending { waits: Vec::new(), statuses: None };
        let mut statuses = Vec::new();
        for id in processes {
            let (_, name) = view.name(*id);
            match each(self, *id, &name) {
                Progress::Done(result) => statuses.push(status(*id, result, view)),
                Progress::Pending(pending) => all.waits.extend(pending.waits),
            }
        }
        if all.waits.is_empty() {
            return Progress::Done(Ok(Value::Array(statuses)));
        }
        all.statuses = Some(statuses);
        Progress::Pending(all)
    }
}

impl Pending {
    /// An outcome has come: the answer, if nothing more is waited for. None as well when it is another's.
    pub fn settle(&mut self, ticket: Ticket, outcome: &Outcome, view: &dyn View) -> Option<Result<Value, Fault>> {
        let index = self.waits.iter().position(|(waiting, _)| *waiting == ticket)?;
        let (_, wait) = self.waits.remove(index);
        let result = wait.answer(outcome, view);
        let Some(statuses) = &mut self.statuses else { return Some(result) };
        if let Some(id) = wait.process {
            statuses.push(status(id, result, view));
        }
        self.waits.is_empty().then(|| Ok(Value::Array(std::mem::take(statuses))))
    }
}

impl Wait {
    fn answer(&self, outcome: &Outcome, view: &dyn View) -> Result<Value, Fault> {
        let given = self.given.as_str();
        match (self.what, outcome) {
            (What::Start | What::Stop, Outcome::State(Ok(_))) => Ok(Value::Bool(true)),
            (What::Start, Outcome::State(Err(_))) => Err(self.not_started(view)),
            (What::Stop, Outcome::State(Err(problem))) => Err(Kind::Failed.of(&problem.message)),
            (What::Deed, Outcome::Done(Ok(()))) | (What::Group, Outcome::Group(Ok(()))) => Ok(Value::Bool(true)),
            (What::Deed, Outcome::Done(Err(refusal))) => Err(match refusal {
                Refusal::Missing => Kind::NoFile.of(given),
                Refusal::NotRunning => Kind::NotRunning.of(given),
                Refusal::Failed(reason) => Kind::Failed.of(&format!("{given}: {reason}")),
            }),
            (What::Log(wanted), Outcome::Slice(read)) => wanted.answer(read.clone()),
            (What::Changes, Outcome::Changes(Ok(changes))) => Ok(listed(changes)),
            (What::Configured, Outcome::Changes(Ok(_))) => {
                Ok(super::configured::listed(&view.configured().unwrap_or_default(), view))
            }
            (What::Changes | What::Configured, Outcome::Changes(Err(text))) => Err(Kind::CantReread.of(text)),
            (What::Group, Outcome::Group(Err(problem))) => Err(match problem {
                GroupProblem::Unknown => Kind::BadName.of(given),
                GroupProblem::Active => Kind::AlreadyAdded.of(given),
                GroupProblem::Running => Kind::StillRunning.of(given),
                GroupProblem::Wrong(text) => Kind::CantReread.of(text),
            }),
            _ => Err(Kind::Failed.bare()),
        }
    }

    /// Why a start that was waited for came to nothing.
    fn not_started(&self, view: &dyn View) -> Fault {
        let given = self.given.as_str();
        let Some((id, seen)) = self.process.and_then(|id| Some((id, view.seen(id)?))) else {
            return Kind::AbnormalTermination.of(given);
        };
        match (ProcessState::from(seen.state), seen.spawn_error) {
            (ProcessState::Backoff | ProcessState::Fatal, Some(code @ 127)) => {
                Kind::NoFile.of(&info::no_program(code, &view.program(id)))
            }
            (ProcessState::Backoff | ProcessState::Fatal, Some(code @ 126)) => {
                Kind::NotExecutable.of(&info::no_program(code, &view.program(id)))
            }
            (ProcessState::Backoff | ProcessState::Fatal, _) => Kind::SpawnError.of(given),
            (ProcessState::Exited, _) if seen.failed => Kind::SpawnError.of(given),
            _ => Kind::AbnormalTermination.of(given),
        }
    }
}

/// `[[added, changed, removed]]`
fn listed(changes: &Changes) -> Value {
    let Changes { added, changed, removed } = changes;
    let lists = [added, changed, removed].map(|names| Value::from(names.clone()));
    Value::Array(vec![Value::Array(lists.into())])
}

/// What a method that concerns many processes says of each.
fn status(id: ServiceId, result: Result<Value, Fault>, view: &dyn View) -> Value {
    let (group, name) = view.name(id);
    let (code, text) = match result {
        Ok(_) => (Kind::Success as i32, "OK".to_owned()),
        Err(fault) => (fault.code, fault.text),
    };
    let members = [("name", Value::Text(name)), ("group", Value::Text(group)), ("status", Value::from(code))];
    let members = members.into_iter().chain([("description", Value::Text(text))]);
    Value::Struct(members.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The state that clients are told of.
#[must_use]
pub fn state(id: ServiceId, view: &dyn View) -> Option<ProcessState> {
    view.seen(id).map(|seen| ProcessState::from(seen.state))
}

fn may_start(id: ServiceId, given: &str, view: &dyn View) -> Result<(), Fault> {
    if state(id, view).is_some_and(ProcessState::is_running) {
        return Err(Kind::AlreadyStarted.of(given));
    }
    match view.obstacle(id) {
        Some(Obstacle::Missing) => Err(Kind::NoFile.of(&info::no_program(127, &view.program(id)))),
        Some(Obstacle::NotExecutable) => Err(Kind::NotExecutable.of(&info::no_program(126, &view.program(id)))),
        None => Ok(()),
    }
}
