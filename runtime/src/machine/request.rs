//! What can be asked of a service, and when the answer comes.

use super::service::Stop;
use super::shutdown::Phase;
use super::transitions::Cause;
use super::{Action, Machine, RequestId, RequestProblem, ServiceId, Verb};
use podinit_plan::state::State;

/// Requests for one service that may be open at a time: whoever asked may have left long ago.
const MAX_OPEN: usize = 64;

impl Machine {
    pub(super) fn request(&mut self, request: Option<RequestId>, id: ServiceId, verb: Verb) {
        if id >= self.services.len() {
            return self.refuse(request, "there is no such service".to_owned());
        }
        if !matches!(self.phase, Phase::Running) {
            return self.refuse(request, "the pod is stopping".to_owned());
        }
        let state = self.services[id].now.state;
        match (verb, state) {
            (Verb::Start, State::Ready) | (Verb::Stop, State::Stopped) => return self.answer(request, Ok(state)),
            _ => {}
        }
        if matches!(verb, Verb::Start | Verb::Restart) {
            self.refuse_stops(id);
        }
        if let Some(request) = request {
            self.keep(id, request, verb);
        }
        match verb {
            Verb::Stop => {
                self.services[id].now.stopped_by_hand = true;
                self.stop(id, Cause::StopAsked, Stop::Down, None);
            }
            Verb::Start | Verb::Restart => {
                let service = &mut self.services[id].now;
                service.failures = 0;
                service.delays = 0;
                service.steps = 0;
                service.out_of_line = true;
                service.restarting = false;
                if verb == Verb::Restart || matches!(state, State::Stopping) {
                    service.stopped_by_hand = false;
                    self.stop(id, Cause::StopAsked, Stop::Restart, None);
                } else if matches!(state, State::Stopped | State::Done | State::Fatal | State::Backoff) {
                    self.clear_timers(id);
                    self.want(id, Cause::StartAsked);
                } else {
                    // Starting, waiting or unready: it is on its way.
                    self.gates.look_at(id, &self.services[id].rules);
                }
            }
        }
    }

    fn keep(&mut self, id: ServiceId, request: RequestId, verb: Verb) {
        let requests = &mut self.services[id].now.requests;
        let oldest = if requests.len() >= MAX_OPEN { Some(requests.remove(0)) } else { None };
        requests.push((request, verb));
        if let Some((oldest, _)) = oldest {
            self.refuse(Some(oldest), format!("{MAX_OPEN} later requests wait for the same service"));
        }
    }

    /// Answers those who wait for the service to be down: it will be up.
    fn refuse_stops(&mut self, id: ServiceId) {
        let service = &mut self.services[id];
        let stops: Vec<_> = service.now.requests.extract_if(.., |(_, verb)| *verb == Verb::Stop).collect();
        let message = format!("{} is to be started again: somebody asked for that meanwhile", service.name);
        for (request, _) in stops {
            self.refuse(Some(request), message.clone());
        }
    }

    /// Answers the requests that the state just entered decides.
    pub(super) fn answer_for_state(&mut self, id: ServiceId) {
        if self.services[id].now.requests.is_empty() {
            return;
        }
        let service = &self.services[id];
        let (state, failed) = (service.now.state, service.now.failed);
        let because = service.now.reason.clone().unwrap_or_else(|| format!("it is {state}"));
        let name = service.name.clone();
        let pending = std::mem::take(&mut self.services[id].now.requests);
        for (request, verb) in pending {
            let result = match (verb, state) {
                (Verb::Stop, _) if state.is_at_rest() => Ok(state),
                (Verb::Stop, _) => {
                    self.services[id].now.requests.push((request, verb));
                    continue;
                }
                (_, State::Ready) => Ok(state),
                (_, State::Done) if !failed => Ok(state),
                (_, State::Stopped) => Err(format!("{name} was stopped")),
                (_, State::Done | State::Fatal) => Err(format!("{name} could not be started: {because}")),
                (_, State::Backoff) => Err(format!("{name} failed and will be tried again: {because}")),
                _ => {
                    self.services[id].now.requests.push((request, verb));
                    continue;
                }
            };
            self.answer(Some(request), result.map_err(|message| RequestProblem { message }));
        }
    }

    /// Answers every request that is still open: nothing will happen any more.
    pub(super) fn refuse_all(&mut self, because: &str) {
        for id in 0..self.services.len() {
            for (request, _) in std::mem::take(&mut self.services[id].now.requests) {
                self.refuse(Some(request), because.to_owned());
            }
        }
    }

    fn refuse(&mut self, request: Option<RequestId>, message: String) {
        self.answer(request, Err(RequestProblem { message }));
    }

    fn answer(&mut self, request: Option<RequestId>, result: Result<State, RequestProblem>) {
        if let Some(request) = request {
            self.out.push(Action::Answer { request, result });
        }
    }
}
