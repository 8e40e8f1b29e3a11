//! Every way in which a process can end, as podinit reports it and as the pod's own end.

use crate::support::plans::{no_retries, pod, shell};
use crate::support::{Pod, scaled};
use podinit_plan::plan::{Service, Ulimit};
use podinit_plan::protocol::Exit;
use podinit_plan::signal;
use podinit_plan::state::State;
use std::collections::{BTreeMap, BTreeSet};

/// All signals that end a process which does nothing about them: not those that are ignored or stop it.
fn deadly() -> impl Iterator<Item = i32> {
    let harmless = ["CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH"].map(signal::number);
    (1..=64).filter(move |number| !harmless.contains(&Some(*number)))
}

/// A service that ends like this, once.
fn ends(exit: Exit) -> Service {
    let mut service = no_retries(shell(&match exit {
        Exit::Code(code) => format!("exit {code}"),
        // perl knows those without a name, too; of itself it ignores one.
        Exit::Signal(signal) => format!("exec perl -e '$SIG{{FPE}} = \"DEFAULT\"; kill {signal}, $$$$; sleep 1000'"),
    }));
    service.attributes.ulimits.insert("core".to_owned(), Ulimit { soft: Some(0), hard: Some(0) });
    service
}

#[test]
fn every_exit_code_and_every_signal_is_reported_as_it_was() {
    let exits = (0..=255).map(Exit::Code).chain(deadly().map(Exit::Signal));
    let exits: BTreeMap<String, Exit> = exits.map(|exit| (name(exit), exit)).collect();
    let mut pod = Pod::start(|_| {
        let mut plan = pod([]);
        plan.services = exits.iter().map(|(name, exit)| (name.clone(), Service { essential: false, ..ends(*exit) })).collect();
        // It would end with the last of them, before it could be asked.
        plan.exit_when_done = false;
        plan
    });
    let mut missing: BTreeSet<String> = exits.keys().cloned().collect();
    while !missing.is_empty() {
        let event = pod.wait("another end", |event| event.state == Some(State::Fatal));
        let service = event.service.unwrap();
        assert_eq!(event.exit.as_ref(), exits.get(&service), "{service}");
        assert!(missing.remove(&service), "{service} ended once");
    }
    let status = pod.status();
    assert_eq!(status.services.len(), exits.len());
    for service in status.services {
        assert_eq!((service.last_exit.as_ref(), service.restarts), (exits.get(&service.name), 0), "{}", service.name);
    }
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    let said: BTreeSet<&str> = ended.of("podinit").into_iter().collect();
    for (service, exit) in &exits {
        let line = format!("{service} is fatal: ended with {exit}; failed 1 time");
        assert!(said.contains(line.as_str()), "{line}\n{}", ended.output);
    }
}

fn name(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("code-{code}"),
        Exit::Signal(signal) => format!("signal-{signal}"),
    }
}

#[test]
fn the_pod_ends_as_its_essential_service_did() {
    let codes = [1, 2, 42, 111, 126, 127, 128, 137, 255].into_iter().chain(0..=255).map(Exit::Code);
    let signals = [1, 9, 15, 31, 34, 64].into_iter().chain(deadly()).map(Exit::Signal);
    for exit in codes.take(scaled(9, 9 + 256)).chain(signals.take(scaled(6, 6 + 56))) {
        let ended = Pod::start(|_| pod([("web", ends(exit))])).end();
        let code = match exit {
            Exit::Code(0) => 113,
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        };
        assert_eq!(ended.code, Some(code), "{exit}: {}", ended.errors);
        assert!(ended.errors.contains(&format!("ended with {exit}")), "{exit}: {}", ended.errors);
    }
}
