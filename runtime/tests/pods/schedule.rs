//! Services that the clock starts.

use crate::support::Pod;
use crate::support::plans::{idle, no_retries, oneshot, pod};
use podinit_plan::plan::{Schedule, Service};
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;

fn scheduled(schedule: Schedule, service: Service) -> Service {
    Service { schedule: Some(schedule), essential: false, ..service }
}

#[test]
fn a_job_runs_again_and_again_and_holds_nobody_up() {
    let job = scheduled(Schedule::EveryMs(60), oneshot("echo ran $PODINIT_SERVICE"));
    let mut pod = Pod::start(|_| pod([("job", Service { priority: 1, ..job }), ("web", idle())]));
    pod.wait_state("web", State::Ready);
    for _ in 0..3 {
        pod.wait_state("job", State::Done);
    }
    let status = pod.status();
    let job = &status.services[0];
    assert!(status.ready && job.incarnation >= 3 && job.restarts == 0, "{job:?}");
    assert!(job.next_run.as_deref().is_some_and(|at| at.starts_with("20") && at.ends_with('Z')), "{job:?}");
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.of("job")[..3], ["ran job:1", "ran job:2", "ran job:3"]);
}

#[test]
fn a_job_that_still_runs_is_not_started_again() {
    let mut pod = Pod::start(|folder| {
        let script = format!("echo ran; while ! test -e {}/go; do sleep 0.01; done", folder.display());
        pod([("job", scheduled(Schedule::EveryMs(30), oneshot(&script)))])
    });
    pod.wait_state("job", State::Starting);
    pod.wait("a run that is left out", |event| event.event == EventKind::Skipped);
    assert_eq!(pod.status().services[0].incarnation, 1);
    std::fs::write(pod.folder.path().join("go"), "").unwrap();
    pod.wait_state("job", State::Done);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_failed_job_is_due_again() {
    let job = scheduled(Schedule::EveryMs(60), no_retries(oneshot("exit 3")));
    let mut pod = Pod::start(|_| pod([("job", job), ("web", idle())]));
    pod.wait_state("job", State::Fatal);
    pod.wait_state("job", State::Fatal);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_cron_line_says_when_it_runs_next() {
    let job = scheduled(Schedule::Cron("30 4 29 2 *".to_owned()), oneshot("echo ran"));
    let mut pod = Pod::start(|_| pod([("job", job), ("web", idle())]));
    pod.wait_state("web", State::Ready);
    let status = pod.status();
    let next = status.services[0].next_run.clone().unwrap();
    assert!(next.ends_with("-02-29T04:30:00.000Z"), "{next}");
    assert_eq!((status.services[0].state, &status.services[1].next_run), (State::Stopped, &None));
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_line_that_is_none_is_refused() {
    let ended = Pod::start(|_| pod([("job", scheduled(Schedule::Cron("61 * * * *".to_owned()), oneshot("true")))])).end();
    assert_eq!(ended.code, Some(100));
    assert!(ended.errors.contains("job: its schedule `61 * * * *`: minute: `61`"), "{}", ended.errors);
}
