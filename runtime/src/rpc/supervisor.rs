//! The methods of the `supervisor` namespace.

use super::fault::Kind;
use super::info;
use super::logs::Wanted;
use super::names::{Meant, find, find_one};
use super::pending::{Asking, Progress, state};
use super::view::{Log, View, Wish};
use crate::machine::ServiceId;
use crate::xmlrpc::{Call, Fault, Value};
use podinit_plan::plan::Stream;
use podinit_plan::signal;
use podinit_plan::supervisord::ProcessState;

/// The version of the interface; clients insist on it.
const API_VERSION: &str = "3.0";
/// The version of supervisord whose interface this is.
pub const SUPERVISOR_VERSION: &str = "4.3.0";

/// Begins a method that exists and has as many parameters as it may have.
pub(super) fn dispatch(call: &Call, view: &dyn View, asking: &mut Asking) -> Progress {
    let parameters = Parameters(&call.params);
    let name = call.method.strip_prefix("supervisor.").unwrap_or_default();
    if view.is_stopping() && name != "sendRemoteCommEvent" {
        return Err(Kind::ShutdownState.bare()).into();
    }
    let result = match name {
        "getAPIVersion" | "getVersion" => Ok(Value::from(API_VERSION).into()),
        "getSupervisorVersion" => Ok(Value::from(SUPERVISOR_VERSION).into()),
        "getIdentification" => Ok(Value::Text(view.identity()).into()),
        "getPID" => Ok(Value::from(view.pid()).into()),
        "getState" => Ok(running().into()),
        "readLog" | "readMainLog" => read_own(&parameters, view),
        "clearLog" => Ok(told(asking, Wish::ClearOwn)),
        "shutdown" => Ok(told(asking, Wish::Shutdown)),
        "restart" => Ok(told(asking, Wish::Restart)),
        "reloadConfig" => Ok(asking.reread()),
        "addProcessGroup" => parameters.text(0).map(|group| asking.group(group, Wish::Add(group.to_owned()))),
        "removeProcessGroup" => parameters.text(0).map(|group| asking.group(group, Wish::Remove(group.to_owned()))),
        "startProcess" => start(&parameters, view, asking),
        "startProcessGroup" => group(&parameters, view).map(|all| start_all(&all, parameters.waits(1), view, asking)),
        "startAllProcesses" => Ok(start_all(&view.processes(), parameters.waits(0), view, asking)),
        "stopProcess" => stop(&parameters, view, asking),
        "stopProcessGroup" => group(&parameters, view).map(|all| stop_all(&all, parameters.waits(1), view, asking)),
        "stopAllProcesses" => Ok(stop_all(&view.processes(), parameters.waits(0), view, asking)),
        "signalProcess" => signal_one(&parameters, view, asking),
        "signalProcessGroup" => group(&parameters, view).and_then(|all| Ok(signal_all(&all, &parameters.word(1)?, view, asking))),
        "signalAllProcesses" => parameters.word(0).map(|signal| signal_all(&view.processes(), &signal, view, asking)),
        "getAllConfigInfo" => Ok(configured(view, asking)),
        "getProcessInfo" => parameters.process(view).and_then(|id| {
            let process = info::process(id, view);
            process.map(Progress::from_value).ok_or_else(|| Kind::BadName.of(parameters.text(0).unwrap_or_default()))
        }),
        "getAllProcessInfo" => {
            let all = view.processes().into_iter().filter_map(|id| info::process(id, view));
            Ok(Value::Array(all.collect()).into())
        }
        "readProcessStdoutLog" | "readProcessLog" => read(&parameters, Stream::Stdout, false, view, asking),
        "readProcessStderrLog" => read(&parameters, Stream::Stderr, false, view, asking),
        "tailProcessStdoutLog" | "tailProcessLog" => read(&parameters, Stream::Stdout, true, view, asking),
        "tailProcessStderrLog" => read(&parameters, Stream::Stderr, true, view, asking),
        "clearProcessLogs" | "clearProcessLog" => parameters.process(view).map(|id| {
            let given = parameters.text(0).unwrap_or_default();
            asking.deed(Some(id), given, Wish::Clear(id))
        }),
        "clearAllProcessLogs" => {
            let all = view.processes();
            Ok(asking.many(&all, view, |asking, id, name| asking.deed(Some(id), name, Wish::Clear(id))))
        }
        "sendProcessStdin" => send_stdin(&parameters, view, asking),
        "sendRemoteCommEvent" => parameters.word(0).and_then(|kind| {
            let data = parameters.word(1)?;
            Ok(told(asking, Wish::Tell { kind, data }))
        }),
        _ => Err(Kind::UnknownMethod.bare()),
    };
    result.unwrap_or_else(|fault| Err(fault).into())
}

impl Progress {
    fn from_value(value: Value) -> Progress {
        Progress::Done(Ok(value))
    }
}

impl From<Value> for Progress {
    fn from(value: Value) -> Progress {
        Progress::from_value(value)
    }
}

/// What a method was called with.
struct Parameters<'c>(&'c [Value]);

impl<'c> Parameters<'c> {
    fn text(&self, index: usize) -> Result<&'c str, Fault> {
        self.0.get(index).and_then(Value::as_str).ok_or_else(|| Kind::IncorrectParameters.bare())
    }

    /// A text, or a number as one.
    fn word(&self, index: usize) -> Result<String, Fault> {
        match self.0.get(index) {
            Some(Value::Int(number)) => Ok(number.to_string()),
            _ => self.text(index).map(str::to_owned),
        }
    }

    fn number(&self, index: usize) -> Result<i64, Fault> {
        self.0.get(index).and_then(Value::as_int).ok_or_else(|| Kind::IncorrectParameters.bare())
    }

    /// Whether the outcome is waited for; so unless told otherwise.
    fn waits(&self, index: usize) -> bool {
        match self.0.get(index) {
            Some(Value::Bool(waits)) => *waits,
            Some(Value::Int(number)) => *number != 0,
            _ => true,
        }
    }

    fn process(&self, view: &dyn View) -> Result<ServiceId, Fault> {
        let name = self.text(0)?;
        find_one(name, view).ok_or_else(|| Kind::BadName.of(name))
    }
}

fn told(asking: &mut Asking, wish: Wish) -> Progress {
    asking.tell(wish);
    Value::Bool(true).into()
}

fn running() -> Value {
    let members = [("statecode", Value::from(1)), ("statename", Value::from("RUNNING"))];
    Value::Struct(members.map(|(name, value)| (name.to_owned(), value)).into())
}

fn group(parameters: &Parameters, view: &dyn View) -> Result<Vec<ServiceId>, Fault> {
    let name = parameters.text(0)?;
    view.group(name).ok_or_else(|| Kind::BadName.of(name))
}

fn start(parameters: &Parameters, view: &dyn View, asking: &mut Asking) -> Result<Progress, Fault> {
    let given = parameters.text(0)?;
    match find(given, view) {
        Some(Meant::Process(id)) => Ok(asking.start(id, given, parameters.waits(1), view)),
        Some(Meant::Group(_, all)) => Ok(start_all(&all, parameters.waits(1), view, asking)),
        None => Err(Kind::BadName.of(given)),
    }
}

fn stop(parameters: &Parameters, view: &dyn View, asking: &mut Asking) -> Result<Progress, Fault> {
    let given = parameters.text(0)?;
    match find(given, view) {
        Some(Meant::Process(id)) => Ok(asking.stop(id, given, parameters.waits(1), view)),
        Some(Meant::Group(_, all)) => Ok(stop_all(&all, parameters.waits(1), view, asking)),
        None => Err(Kind::BadName.of(given)),
    }
}

/// Starts all that do not run.
fn start_all(all: &[ServiceId], wait: bool, view: &dyn View, asking: &mut Asking) -> Progress {
    let idle = |id: &ServiceId| state(*id, view).is_some_and(|state| !state.is_running());
    let idle: Vec<ServiceId> = all.iter().copied().filter(idle).collect();
    asking.many(&idle, view, |asking, id, name| asking.start(id, name, wait, view))
}

/// Stops all that run.
fn stop_all(all: &[ServiceId], wait: bool, view: &dyn View, asking: &mut Asking) -> Progress {
    let runs = |id: &ServiceId| state(*id, view).is_some_and(ProcessState::is_running);
    let running: Vec<ServiceId> = all.iter().copied().filter(runs).collect();
    asking.many(&running, view, |asking, id, name| asking.stop(id, name, wait, view))
}

fn signal_one(parameters: &Parameters, view: &dyn View, asking: &mut Asking) -> Result<Progress, Fault> {
    let (given, signal) = (parameters.text(0)?, parameters.word(1)?);
    match find(given, view) {
        Some(Meant::Process(id)) => Ok(send_signal(id, given, &signal, view, asking)),
        Some(Meant::Group(_, all)) => Ok(signal_all(&all, &signal, view, asking)),
        None => Err(Kind::BadName.of(given)),
    }
}

fn signal_all(all: &[ServiceId], signal: &str, view: &dyn View, asking: &mut Asking) -> Progress {
    let hears = |id: &ServiceId| state(*id, view).is_some_and(ProcessState::is_signallable);
    let hearing: Vec<ServiceId> = all.iter().copied().filter(hears).collect();
    asking.many(&hearing, view, |asking, id, name| send_signal(id, name, signal, view, asking))
}

fn send_signal(id: ServiceId, given: &str, text: &str, view: &dyn View, asking: &mut Asking) -> Progress {
    let Some(number) = signal::number(text) else { return Err(Kind::BadSignal.of(text)).into() };
    if !state(id, view).is_some_and(ProcessState::is_signallable) {
        return Err(Kind::NotRunning.of(given)).into();
    }
    asking.deed(Some(id), given, Wish::Signal(id, number))
}

fn send_stdin(parameters: &Parameters, view: &dyn View, asking: &mut Asking) -> Result<Progress, Fault> {
    let text = parameters.text(1)?;
    let id = parameters.process(view)?;
    let given = parameters.text(0)?;
    if view.seen(id).is_none_or(|seen| seen.pid.is_none()) {
        return Err(Kind::NotRunning.of(given));
    }
    Ok(asking.deed(Some(id), given, Wish::Input(id, text.as_bytes().to_vec())))
}

fn read_own(parameters: &Parameters, view: &dyn View) -> Result<Progress, Fault> {
    let wanted = Wanted::Read { offset: parameters.number(0)?, length: parameters.number(1)? };
    match view.own_log() {
        Log::Container { last, total, .. } => wanted.of_memory(&last, total).map(Progress::from_value),
        Log::File(_) | Log::None => Err(Kind::NoFile.bare()),
    }
}

fn read(parameters: &Parameters, stream: Stream, tail: bool, view: &dyn View, asking: &mut Asking) -> Result<Progress, Fault> {
    let (offset, length) = (parameters.number(1)?, parameters.number(2)?);
    let id = parameters.process(view)?;
    let wanted = if tail { Wanted::Tail { offset, length } } else { Wanted::Read { offset, length } };
    match view.log(id, stream) {
        Log::File(path) => Ok(asking.log(wanted, Wish::Read(path, wanted.slice()?))),
        Log::Container { last, total, .. } => wanted.of_memory(&last, total).map(Progress::from_value),
        Log::None => wanted.answer(Err(super::Refusal::Missing)).map(Progress::from_value),
    }
}

/// What the configuration says. It is read first where that was not done since the pod began: podinit keeps nothing of
/// it that it does not need to run.
fn configured(view: &dyn View, asking: &mut Asking) -> Progress {
    match view.configured() {
        Some(configured) => super::configured::listed(&configured, view).into(),
        None => asking.configured(),
    }
}
