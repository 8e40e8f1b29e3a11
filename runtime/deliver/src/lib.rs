//! podinit-deliver: one attempt to deliver one alert, by HTTP, HTTPS or mail.
//!
//! podinit itself has no TLS and must never wait; it starts this program for each attempt, and decides about the next.

mod failure;
mod http;
mod mail;
mod names;
mod secrets;
mod smtp;
pub mod text;
mod trust;

pub use failure::Failure;

use podinit_plan::alert::{Alert, Delivery};
use podinit_plan::plan::Target;
use podinit_plan::units::format_duration_ms;
use secrets::Secrets;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// One attempt, as far as it is the same for every target.
struct Attempt<'a> {
    alert: &'a Alert,
    /// The longest that the whole may take.
    limit: Duration,
    /// What no problem shows.
    secrets: &'a mut Secrets,
}

/// Reads a delivery.
///
/// # Errors
/// It is none. What it says instead is not told, since there are keys in it.
pub fn parse(text: &[u8]) -> Result<Delivery, Failure> {
    serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::refused(format!("stdin holds no delivery: it goes wrong at line {line}, column {column}"))
    })
}

/// Makes one attempt, within the delivery's time limit whatever the other side does: when it is over, the attempt is left
/// to itself and ends with the process.
///
/// # Errors
/// Why the alert was not delivered, without anything secret, and whether another attempt may succeed.
pub fn deliver(delivery: Delivery) -> Result<(), Failure> {
    let limit = Duration::from_millis(delivery.timeout_ms);
    let (tell, outcome) = channel();
    thread::spawn(move || tell.send(attempt(&delivery, limit)));
    outcome.recv_timeout(limit).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => {
                Failure::again(format!("it was not delivered within {}", format_duration_ms(limit.as_millis() as u64)))
            }
            RecvTimeoutError::Disconnected => Failure::refused("podinit-deliver has a defect: the attempt broke off"),
        })
    })
}

fn attempt(delivery: &Delivery, limit: Duration) -> Result<(), Failure> {
    let mut secrets = Secrets::default();
    let attempt = Attempt { alert: &delivery.alert, limit, secrets: &mut secrets };
    let done = match &delivery.to {
        Target::Http(target) => http::send(target, attempt),
        Target::Smtp(target) => smtp::send(target, attempt),
        Target::File { .. } | Target::Command { .. } => Err(Failure::refused("podinit delivers to files and commands itself")),
    };
    done.map_err(|failure| failure.told(&secrets))
}
