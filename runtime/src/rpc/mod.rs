//! supervisord's interface, as XML-RPC calls it: methods in, answers out, and in between what is asked of the pod. Pure.
//!
//! [`methods`] has the names, [`supervisor`] and this file what they do, [`view`] what they see and ask for, [`pending`]
//! what becomes of calls that take longer, [`info`] and [`configured`] what is said of processes, [`fault`] the faults.

mod configured;
mod fault;
mod info;
mod logs;
pub mod methods;
pub mod names;
mod pending;
mod supervisor;
pub mod view;

pub use configured::{Configured, of_config, of_plan};
pub use view::{Asked, Changes, GroupProblem, Log, Obstacle, Outcome, Read, Refusal, Slice, Ticket, View, Wish};

use crate::xmlrpc::{Call, Fault, Value};
use fault::Kind;
use pending::{Asking, Pending, Progress};
use std::collections::VecDeque;

/// Calls in one call of `system.multicall`.
const MAX_CALLS: usize = 1_000;
/// The most values that all their answers may have together; 1,000 processes are told of with 15,000.
const MAX_VALUES: usize = 16_000;
/// After so many values everybody else has a turn; a call that does something counts for as many as one that tells much.
const VALUES_A_TURN: usize = 1_000;
const VALUES_OF_A_CALL: usize = 20;

/// A call that has not been answered.
#[derive(Debug)]
pub struct Session {
    pending: Pending,
    /// The other calls of a `system.multicall`.
    others: Option<Others>,
    read_only: bool,
}

#[derive(Debug, Default)]
struct Others {
    rest: VecDeque<Value>,
    results: Vec<Value>,
    /// How many values the results have.
    values: usize,
    /// Of those, how many since everybody else had a turn.
    since_pause: usize,
    /// It is everybody else's turn.
    pauses: bool,
}

/// What became of a call so far.
#[derive(Debug)]
pub enum Begun {
    /// The answer.
    Answered(Result<Value, Fault>),
    /// It takes longer.
    Goes(Box<Session>),
}

/// Begins a call. `last` is the last ticket that was given out; what is asked for is appended to `asked`. With `read_only`
/// nothing is changed.
pub fn begin(call: &Call, read_only: bool, view: &dyn View, last: &mut Ticket, asked: &mut Vec<Asked>) -> Begun {
    let mut asking = Asking { last, asked };
    if call.method != "system.multicall" {
        return match dispatch(call, read_only, view, &mut asking) {
            Progress::Done(result) => Begun::Answered(result),
            Progress::Pending(pending) => Begun::Goes(Box::new(Session { pending, others: None, read_only })),
        };
    }
    let [Value::Array(calls)] = call.params.as_slice() else {
        return Begun::Answered(Err(Kind::IncorrectParameters.bare()));
    };
    if calls.len() > MAX_CALLS {
        let text = format!("at most {MAX_CALLS} calls at a time");
        return Begun::Answered(Err(Kind::IncorrectParameters.of(&text)));
    }
    let mut others = Others { rest: calls.clone().into(), ..Others::default() };
    match others.go_on(read_only, view, &mut asking) {
        Some(pending) => Begun::Goes(Box::new(Session { pending, others: Some(others), read_only })),
        None => Begun::Answered(Ok(Value::Array(others.results))),
    }
}

impl Session {
    /// An outcome has come: the answer, if the call is over. None as well when it is another's.
    pub fn settle(
        &mut self,
        ticket: Ticket,
        outcome: &Outcome,
        view: &dyn View,
        last: &mut Ticket,
        asked: &mut Vec<Asked>,
    ) -> Option<Result<Value, Fault>> {
        let result = self.pending.settle(ticket, outcome, view)?;
        let Some(others) = &mut self.others else { return Some(result) };
        if !std::mem::take(&mut others.pauses) {
            others.keep(result);
        }
        match others.go_on(self.read_only, view, &mut Asking { last, asked }) {
            Some(pending) => {
                self.pending = pending;
                None
            }
            None => Some(Ok(Value::Array(std::mem::take(&mut others.results)))),
        }
    }
}

impl Others {
    /// Makes the calls that are left, one after the other, up to the first that takes longer.
    fn go_on(&mut self, read_only: bool, view: &dyn View, asking: &mut Asking) -> Option<Pending> {
        loop {
            if self.since_pause > VALUES_A_TURN && !self.rest.is_empty() {
                (self.since_pause, self.pauses) = (0, true);
                return Some(asking.pause());
            }
            let call = self.rest.pop_front()?;
            if self.values > MAX_VALUES {
                self.keep(Err(Kind::Failed.of("the answers to the calls before are as many as one answer can hold")));
                continue;
            }
            let progress = match described(&call) {
                Ok(call) => dispatch(&call, read_only, view, asking),
                Err(fault) => Progress::Done(Err(fault)),
            };
            match progress {
                Progress::Done(result) => self.keep(result),
                Progress::Pending(pending) => return Some(pending),
            }
        }
    }

    fn keep(&mut self, result: Result<Value, Fault>) {
        let result = answer(result);
        let values = count(&result);
        self.values += values;
        self.since_pause += values + VALUES_OF_A_CALL;
        self.results.push(result);
    }
}

/// How many values there are in a value, itself included; a long text counts for more than one.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Struct(members) => 1 + members.iter().map(|(_, value)| count(value)).sum::<usize>(),
        Value::Text(text) => 1 + text.len() / 100,
        Value::Bytes(bytes) => 1 + bytes.len() / 100,
        _ => 1,
    }
}

/// One of the calls of a `system.multicall`.
fn described(call: &Value) -> Result<Call, Fault> {
    let method = call.get("methodName").and_then(Value::as_str).filter(|name| !name.is_empty());
    let method = method.ok_or_else(|| Kind::IncorrectParameters.of("No methodName"))?;
    if method == "system.multicall" {
        return Err(Kind::IncorrectParameters.of("Recursive system.multicall forbidden"));
    }
    let params = call.get("params").map(Value::items).unwrap_or_default();
    Ok(Call { method: method.to_owned(), params: params.to_vec() })
}

/// A result among others: the bare value, or what the fault is.
fn answer(result: Result<Value, Fault>) -> Value {
    result.unwrap_or_else(|fault| {
        let members = [("faultCode", Value::from(fault.code)), ("faultString", Value::Text(fault.text))];
        Value::Struct(members.map(|(name, value)| (name.to_owned(), value)).into())
    })
}

fn dispatch(call: &Call, read_only: bool, view: &dyn View, asking: &mut Asking) -> Progress {
    let Some(method) = methods::find(&call.method) else { return Err(Kind::UnknownMethod.bare()).into() };
    let most = method.signature.len() - 1;
    if !(most - method.optional..=most).contains(&call.params.len()) {
        return Err(Kind::IncorrectParameters.bare()).into();
    }
    if read_only && !method.reads {
        return Err(Kind::Failed.of("this server is read-only: it has no password")).into();
    }
    match method.name {
        "system.listMethods" => Ok(Value::Array(methods::METHODS.iter().map(|method| Value::from(method.name)).collect())),
        "system.methodHelp" => told_of(call).map(|method| Value::from(method.help)),
        "system.methodSignature" => {
            told_of(call).map(|method| Value::Array(method.signature.iter().map(|kind| Value::from(*kind)).collect()))
        }
        _ => return supervisor::dispatch(call, view, asking),
    }
    .into()
}

fn told_of(call: &Call) -> Result<&'static methods::Method, Fault> {
    let name = call.params.first().and_then(Value::as_str);
    name.and_then(methods::find).ok_or_else(|| Kind::SignatureUnsupported.bare())
}
