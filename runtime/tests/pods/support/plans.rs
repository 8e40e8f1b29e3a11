//! Plans for tests, short-winded.

use podinit_plan::plan::{
    Backoff, Command, Growth, HealthCheck, Kind, OnFailure, Plan, Probe, Ready, Restart, Service, Stop, VERSION,
};
use std::collections::BTreeMap;

/// A service that runs a script of the shell, which is a template: `$$$$` is the shell's `$$`. It is ready at once, restarted after 10 ms.
pub fn shell(script: &str) -> Service {
    Service {
        ready: Ready::AliveMs(0),
        restart: Restart {
            backoff: Backoff { first_ms: 10, max_ms: 10, growth: Growth::Linear, jitter_percent: 0, ..Backoff::default() },
            ..Restart::default()
        },
        stop: Stop { grace_period_ms: 5_000, ..Stop::default() },
        ..Service::new(Command::Words(["/bin/sh", "-c", script].map(str::to_owned).to_vec()))
    }
}

/// A service that does nothing for a long time and obeys SIGTERM.
pub fn idle() -> Service {
    shell("exec sleep 1000")
}

/// A script that is run to completion.
pub fn oneshot(script: &str) -> Service {
    Service { kind: Kind::Oneshot, ..shell(script) }
}

/// The same service, given up at its first failure.
pub fn no_retries(mut service: Service) -> Service {
    service.restart.retries = 0;
    service
}

/// The same service, checked by a script every 20 ms.
pub fn checked(script: &str, service: Service) -> Service {
    let command = Command::Words(["/bin/sh", "-c", script].map(str::to_owned).to_vec());
    let check = HealthCheck {
        interval_ms: 20,
        start_interval_ms: 20,
        jitter_ms: 0,
        timeout_ms: 10_000,
        retries: 1,
        on_failure: vec![OnFailure::Unready],
        ..HealthCheck::new(Probe::Exec { command })
    };
    Service { ready: Ready::Check, healthcheck: Some(check), ..service }
}

/// The same service, after others.
pub fn after(dependencies: &[&str], service: Service) -> Service {
    Service { depends_on: dependencies.iter().map(|name| (*name).to_owned()).collect(), ..service }
}

/// A pod of services.
pub fn pod<const N: usize>(services: [(&str, Service); N]) -> Plan {
    Plan {
        version: VERSION,
        name: "pod".to_owned(),
        stop_grace_period_ms: 10_000,
        exit_when_done: true,
        environment: BTreeMap::new(),
        directories: Vec::new(),
        files: Vec::new(),
        public_socket: None,
        servers: Vec::new(),
        monitor: Default::default(),
        alerts: None,
        services: services.into_iter().map(|(name, service)| (name.to_owned(), service)).collect(),
    }
}
