//! Every system call that podinit makes may fail, with every error that it documents, at every point of a pod's life:
//! podinit neither ends by itself nor loops hot, and loses neither descriptors nor children nor lines.
//!
//! Faults cannot be had from the real kernel on demand, so this program is podinit itself, on a kernel that fails when
//! it is told to. As podinit has to be PID 1 and the first thread of its process, there is no test harness here: the
//! program starts itself in namespaces of its own, once for every fault.
//!
//! A sample of the faults is injected, the same in every run; with PODINIT_ENDURANCE set, all of them. `PODINIT_FAULT`
//! names the only one to inject, as a failure is reported: `epoll_add:12:3:once`.

mod fault;
mod judge;
mod plan;
mod pod;

use fault::Fault;
use judge::Good;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Pods at the same time: most of the time of each is waiting.
const AT_ONCE: usize = 16;
/// Faults of a run without PODINIT_ENDURANCE.
const SAMPLE: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(code) = plan::be_service(&arguments) {
        return code;
    }
    if arguments.first().is_some_and(|first| matches!(first.to_str(), Some("reach" | "dial" | "healthcheck"))) {
        // podinit executes its own program for help; that is a podinit without faults.
        return podinit::cli::run(std::env::args_os().collect());
    }
    if let Some(fault) = pod::injected() {
        return pod::be_podinit(fault);
    }
    match test() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn test() -> Result<(), String> {
    let begun = Instant::now();
    let port = plan::serve().map_err(|error| format!("cannot listen: {error}"))?;
    let good = learn(port)?;
    let calls: u32 = good.calls.values().sum();
    println!("without a fault podinit makes {calls} calls of {} kinds", good.calls.len());
    let faults = match std::env::var("PODINIT_FAULT") {
        Ok(text) => vec![Fault::parse(&text).ok_or(format!("there is no fault {text}"))?],
        Err(_) if std::env::var_os("PODINIT_ENDURANCE").is_some() => fault::all(&good.calls),
        Err(_) => fault::sample(fault::all(&good.calls), SAMPLE),
    };
    println!("{} faults are injected", faults.len());
    let (next, injected) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let problems = pod::run(*fault, port, Some(good.descriptors)).map(|seen| {
                        injected.fetch_add(seen.failed() as usize, Ordering::Relaxed);
                        judge::problems(*fault, &seen, &good)
                    });
                    let problems = problems.unwrap_or_else(|error| vec![error]);
                    if !problems.is_empty() {
                        let text = format!("{fault}: {}", problems.join("; "));
                        println!("{text}");
                        failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_default();
    println!(
        "{} pods with a fault each, {} calls of theirs failed, in {:.1} s; {} pods were wrong",
        faults.len(),
        injected.into_inner(),
        begun.elapsed().as_secs_f64(),
        failures.len(),
    );
    if failures.is_empty() { Ok(()) } else { Err(String::new()) }
}

/// Runs pods without a fault: what they do is what others are measured by.
fn learn(port: u16) -> Result<Good, String> {
    let mut good = Good { calls: BTreeMap::new(), descriptors: 0 };
    for _ in 0..3 {
        let seen = pod::run(Fault::NONE, port, None)?;
        good.descriptors = good.descriptors.max(seen.descriptors.len());
        for (call, count) in &seen.calls {
            let known = good.calls.entry(call.clone()).or_default();
            *known = (*known).max(*count);
        }
        let problems = judge::problems(Fault::NONE, &seen, &good);
        if !problems.is_empty() {
            return Err(format!("without a fault: {}", problems.join("; ")));
        }
    }
    let never: Vec<&str> = fault::calls().filter(|call| !good.calls.contains_key(*call)).collect();
    if never != fault::NEVER_MADE {
        return Err(format!("the pod makes none of these calls: {never:?}"));
    }
    Ok(good)
}
