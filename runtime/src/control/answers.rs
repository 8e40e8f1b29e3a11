//! Requests in, answers out: at once, when what was asked for has come to an end, or as a log grows.

use super::connection::{Fate, Stage};
use super::follow::{Follow, Whose};
use super::http::{Request, Response, STREAM_HEAD, text_stream_head};
use super::routes::{self, Route};
use super::{Control, REST, View};
use crate::machine::{Millis, ServiceId};
use crate::page;
use crate::rpc::{self, Asked, Begun, Log, Outcome, Refusal, Ticket, Wish};
use crate::sys::Sys;
use crate::xmlrpc::{self, Fault, Value};
use podinit_plan::protocol::{Done, Health, PublicStatus, Status};
use std::rc::Rc;

/// Requests of one connection that are answered in a turn; who sends many at once has them answered over several.
const ROUNDS_A_TURN: usize = 8;
/// Most lines of a service's log in one answer.
const MAX_LINES: usize = 10_000;
/// A follower that has not taken this many bytes is sent no more for now.
const ENOUGH: usize = 64 * 1024;

impl<S: Sys> Control<S> {
    /// Answers requests and writes until nothing more can be done now.
    pub(super) fn go_on(&mut self, index: usize, now: Millis, view: &dyn View, asked: &mut Vec<Asked>) {
        for round in 0.. {
            if round == ROUNDS_A_TURN {
                self.postponed.push(index);
                break;
            }
            let Some(connection) = self.connections[index].as_mut() else { return };
            let was_writing = connection.is_writing();
            let request = connection.next_request();
            let mut answered = request.is_some();
            if let Some(request) = request {
                let door = Rc::clone(&connection.door);
                match door.admit(&request).and_then(|()| routes::route(&request, &door)) {
                    Ok(route) => self.answer(index, &request, route, now, view, asked),
                    Err(response) => {
                        let keep_alive = request.keep_alive && !response.is_refusal();
                        connection.respond(&response, keep_alive, request.method == "HEAD");
                    }
                }
            }
            let Some(connection) = self.connections[index].as_mut() else { return };
            let piece = connection.scrape_on();
            if connection.write(&self.sys, now) == Fate::Drop {
                self.close(index);
                return;
            }
            match piece {
                // Everybody else has a turn before the next one.
                Some(true) => {
                    if !connection.is_writing() {
                        self.postponed.push(index);
                    }
                    break;
                }
                Some(false) => answered = true,
                None => {}
            }
            // An answer that is out at last may have kept another request waiting.
            let has_written = was_writing && !connection.is_writing();
            if !answered && !has_written {
                break;
            }
        }
        self.watch(index);
    }

    fn answer(&mut self, index: usize, request: &Request, route: Route, now: Millis, view: &dyn View, asked: &mut Vec<Asked>) {
        let wish = |service: &str, wish: &dyn Fn(ServiceId) -> Wish| match view.service(service) {
            Some(id) => Ok(wish(id)),
            None => Err(unknown(service)),
        };
        let response = match route {
            Route::Status => Response::json(200, &view.status()),
            Route::FreshStatus => return self.wait(index, request, Wish::Measure, asked),
            // That there is an answer is the answer.
            Route::Live => Response::text("ok\n".to_owned()),
            Route::Health => health(&view.status()),
            Route::Detail => {
                let status = view.status();
                Response::json(code_of(&status), &public_status(status))
            }
            Route::PublicStatus => Response::json(200, &public_status(view.status())),
            Route::Metrics => return self.scrape(index, request, asked),
            Route::Page => Response::page(page::CONTENT_TYPE, page::HEAD, page::BODY),
            Route::Logs { service, lines } => match view.service(&service) {
                Some(id) => Response::text(view.lines(id, lines.min(MAX_LINES))),
                None => unknown(&service),
            },
            Route::Events { since, follow: false, .. } => Response::lines(self.events.since(since).collect::<Vec<_>>().concat()),
            Route::Events { since, follow: true, lingers } => {
                let Some(connection) = self.connections[index].as_mut() else { return };
                connection.stage = Stage::Events;
                connection.lingers = lingers;
                connection.send(STREAM_HEAD);
                for line in self.events.since(since) {
                    connection.send(line);
                }
                return;
            }
            Route::Do { service, verb } => match wish(&service, &|id| Wish::Do(id, verb)) {
                Ok(wish) => return self.wait(index, request, wish, asked),
                Err(response) => response,
            },
            Route::Clear { service } => match wish(&service, &Wish::Clear) {
                Ok(wish) => return self.wait(index, request, wish, asked),
                Err(response) => response,
            },
            Route::TestAlerts { sink } => return self.wait(index, request, Wish::TestAlerts(sink), asked),
            Route::Call => match xmlrpc::decode_call(&request.body) {
                Ok(call) if !call.method.is_empty() => {
                    let Some(connection) = self.connections[index].as_mut() else { return };
                    let read_only = connection.door.is_read_only();
                    match rpc::begin(&call, read_only, view, &mut self.last_ticket, asked) {
                        Begun::Answered(result) => xml(result),
                        Begun::Goes(session) => {
                            connection.stage = Stage::Calling { session, keep_alive: request.keep_alive };
                            return;
                        }
                    }
                }
                Ok(_) => Response::problem(400, "the call names no method"),
                Err(malformed) => Response::problem(400, malformed.to_string()),
            },
            Route::FollowOwn => return self.follow(index, request, Whose::Own, now, view, asked),
            Route::Follow { service, stream, is_tail } => {
                let found = if is_tail { rpc::names::find_one(&service, view) } else { view.service(&service) };
                match found.filter(|id| !matches!(view.log(*id, stream), Log::None)) {
                    Some(id) => return self.follow(index, request, Whose::Service(id, stream), now, view, asked),
                    None => unknown(&service),
                }
            }
        };
        if let Some(connection) = self.connections[index].as_mut() {
            connection.respond(&response, request.keep_alive, request.method == "HEAD");
        }
    }

    /// Asks for something that the answer has to wait for.
    fn wait(&mut self, index: usize, request: &Request, wish: Wish, asked: &mut Vec<Asked>) {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        if let Some(connection) = self.connections[index].as_mut() {
            connection.stage = Stage::Waiting { request: ticket, keep_alive: request.keep_alive };
        }
        asked.push(Asked { ticket: Some(ticket), wish });
    }

    /// Begins to send a log as it grows.
    fn follow(&mut self, index: usize, request: &Request, whose: Whose, now: Millis, view: &dyn View, asked: &mut Vec<Asked>) {
        let Some(connection) = self.connections[index].as_mut() else { return };
        connection.send(text_stream_head(!request.is_old));
        connection.stage = Stage::Following(Box::new(Follow::new(whose, !request.is_old, now)));
        self.look(index, now, view, asked);
    }

    /// Looks for what has come to a log since the last look.
    pub(super) fn look(&mut self, index: usize, now: Millis, view: &dyn View, asked: &mut Vec<Asked>) {
        let Some(connection) = self.connections[index].as_mut() else { return };
        let has_enough = connection.unread() > ENOUGH;
        let Stage::Following(follow) = &mut connection.stage else { return };
        if has_enough {
            follow.look_at = now + REST;
            return;
        }
        let log = match follow.whose {
            Whose::Service(id, stream) => view.log(id, stream),
            Whose::Own => view.own_log(),
        };
        match log {
            Log::None => self.close(index),
            Log::File(path) => {
                if follow.reading.is_none() {
                    self.last_ticket += 1;
                    follow.reading = Some(self.last_ticket);
                    asked.push(Asked { ticket: Some(self.last_ticket), wish: follow.wish(&path) });
                }
            }
            Log::Container { last, total, .. } => {
                let piece = follow.look(&last, total, now);
                connection.send(&piece);
                if connection.write(&self.sys, now) == Fate::Drop { self.close(index) } else { self.watch(index) }
            }
        }
    }

    /// Something that was asked for has come to an end. Whoever asked may be gone.
    pub fn settled(&mut self, ticket: Ticket, outcome: &Outcome, now: Millis, view: &dyn View) -> Vec<Asked> {
        let mut asked = Vec::new();
        for index in 0..self.connections.len() {
            let Some(connection) = self.connections[index].as_mut() else { continue };
            match &mut connection.stage {
                Stage::Waiting { request, keep_alive } if *request == ticket => {
                    let keep_alive = *keep_alive;
                    connection.touch(now);
                    let response = match outcome {
                        Outcome::Measured => Response::json(200, &view.status()),
                        outcome => response(outcome),
                    };
                    connection.respond(&response, keep_alive, false);
                }
                Stage::Calling { session, keep_alive } => {
                    let answer = session.settle(ticket, outcome, view, &mut self.last_ticket, &mut asked);
                    let Some(result) = answer else { continue };
                    let keep_alive = *keep_alive;
                    connection.touch(now);
                    connection.respond(&xml(result), keep_alive, false);
                }
                Stage::Scraping(scrape) if scrape.waits_for(ticket) => {
                    connection.touch(now);
                    connection.begin_scrape(view.figures());
                }
                Stage::Following(follow) if follow.reading == Some(ticket) => {
                    let Outcome::Slice(read) = outcome else { continue };
                    let piece = follow.read(read.clone(), now);
                    connection.send(&piece);
                }
                _ => continue,
            }
            self.go_on(index, now, view, &mut asked);
            return asked;
        }
        asked
    }
}

/// The answer to something that was waited for.
fn response(outcome: &Outcome) -> Response {
    match outcome {
        Outcome::State(Ok(state)) => Response::json(200, &Done { state: *state }),
        Outcome::State(Err(problem)) => Response::problem(409, problem.message.as_str()),
        Outcome::Tested(answers) => Response::json(200, answers),
        Outcome::Done(Ok(())) => Response::json(200, &serde_json::Map::new()),
        Outcome::Done(Err(Refusal::Failed(reason))) => Response::problem(409, reason.as_str()),
        _ => Response::problem(409, "it could not be done"),
    }
}

/// The answer to a call.
fn xml(result: Result<Value, Fault>) -> Response {
    Response::xml(xmlrpc::encode_response(result.as_ref()))
}

fn health(status: &Status) -> Response {
    let text = if status.ready { "ready" } else { "unready" };
    Response::json(code_of(status), &Health { status: text.to_owned() })
}

fn code_of(status: &Status) -> u16 {
    if status.ready { 200 } else { 503 }
}

fn public_status(status: Status) -> PublicStatus {
    PublicStatus {
        pod: status.pod,
        status: if status.ready { "ready" } else { "unready" }.to_owned(),
        services: status.services.into_iter().map(|service| (service.name, service.state)).collect(),
    }
}

fn unknown(service: &str) -> Response {
    Response::problem(404, format!("there is no service {service}"))
}
