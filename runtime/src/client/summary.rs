//! A status in few bytes: engines keep 4096 of what a health check prints.

use podinit_plan::protocol::{ServiceStatus, Status, Usage};
use podinit_plan::state::State;

const LIMIT: usize = 4_000;

/// The status as JSON, shortened until it fits: what services use but their memory goes first, then reasons, then all but
/// names and states, then the services that matter least. Essential ones and those in trouble come first.
pub fn summary(status: &Status) -> String {
    let mut status = status.clone();
    status.services.sort_by_key(|service| (is_well(service), !service.essential, service.name.clone()));
    let steps: [fn(&mut Status); 4] = [|_| {}, shorten_usage, shorten_reasons, drop_details];
    for step in steps {
        step(&mut status);
        if let Some(text) = fitting(&status) {
            return text;
        }
    }
    while status.services.pop().is_some() {
        if let Some(text) = fitting(&status) {
            return text;
        }
    }
    String::new()
}

fn is_well(service: &ServiceStatus) -> bool {
    matches!(service.state, State::Ready | State::Done | State::Stopped)
}

fn shorten_usage(status: &mut Status) {
    for usage in status.services.iter_mut().filter_map(|service| service.usage.as_mut()) {
        *usage = Usage { memory_bytes: usage.memory_bytes, limit_bytes: usage.limit_bytes, ..Usage::default() };
    }
}

fn shorten_reasons(status: &mut Status) {
    for service in &mut status.services {
        service.reason = service.reason.take().filter(|_| !is_well(service)).map(|text| text.chars().take(80).collect());
    }
}

fn drop_details(status: &mut Status) {
    for service in &mut status.services {
        service.reason = None;
        service.last_exit = None;
        service.pid = None;
        service.usage = None;
        service.check = None;
    }
}

fn fitting(status: &Status) -> Option<String> {
    serde_json::to_string(status).ok().filter(|text| text.len() <= LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::protocol::Exit;

    fn status(count: usize) -> Status {
        let services = (0..count)
            .map(|i| ServiceStatus {
                name: format!("service-{i:04}"),
                state: if i == count / 2 { State::Backoff } else { State::Ready },
                essential: i % 2 == 0,
                pid: Some(i as i32),
                incarnation: 1,
                restarts: 0,
                since_ms: 123_456,
                reason: Some("a reason ".repeat(20)),
                next_run: None,
                last_exit: Some(Exit::Code(1)),
                usage: Some(Usage { memory_bytes: 123_456_789, cpu_ms: 123_456, peak_memory_bytes: 1, ..Usage::default() }),
                check: None,
            })
            .collect();
        Status {
            pod: "pod".to_owned(),
            version: "1".to_owned(),
            ready: false,
            stopping: false,
            uptime_ms: 1,
            longest_turn_us: None,
            long_turns: None,
            memory: None,
            alerts: Default::default(),
            services,
        }
    }

    #[test]
    fn it_fits_and_trouble_comes_first() {
        for count in [0, 1, 10, 30, 1_000] {
            let text = summary(&status(count));
            assert!(text.len() <= LIMIT, "{count}: {}", text.len());
            let read: Status = serde_json::from_str(&text).unwrap();
            if count > 0 {
                assert_eq!(read.services[0].state, State::Backoff, "{count}");
            }
            let memory = read.services.iter().filter_map(|service| service.usage).map(|usage| usage.memory_bytes).sum::<u64>();
            assert!(count > 10 || memory == 123_456_789 * count as u64, "{count}: memory is among what is kept longest");
            assert!(count > 30 || read.services.len() == count, "{count}");
        }
    }
}
