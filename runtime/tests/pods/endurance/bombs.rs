//! A service that forks without end: in a pod with a limit of its own for processes, and as a user with one.

use crate::support::plans::{checked, idle, pod, shell};
use crate::support::{Pod, Setting, is_root, scaled, wait_for};
use podinit_plan::plan::{Plan, Service, Ulimit};
use podinit_plan::state::State;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How many processes there may be.
fn limit() -> usize {
    scaled(64, 200)
}

/// What the bomb has to stop in by itself.
const GRACE: Duration = Duration::from_secs(10);
/// By when its last process has to be gone, though hundreds of them share two processors with podinit. It explodes for
/// far longer.
const END: Duration = Duration::from_secs(30);

/// Every process forks for as long as there is room, and leaves group and session, so that nothing but its mark tells
/// whose it is. Should all else fail, all of them end after two minutes.
fn bomb() -> Service {
    // With no pause to speak of it takes all processors, from other tests as well; so that is not the default.
    let pause = if scaled(1, 2) > 1 { 0.001 } else { 0.03 };
    let mut service = shell(&format!(
        "exec perl -MPOSIX -e 'my $end = time + 120; \
         while (time < $end) {{ my $child = fork; setsid if defined $child && !$child; select undef, undef, undef, {pause} }}'"
    ));
    service.essential = false;
    // How the kernel shares the processors among hundreds is not what is tested.
    service.attributes.nice = Some(10);
    service.stop.grace_period_ms = u64::try_from(GRACE.as_millis()).unwrap();
    service
}

fn plan(bomb: Service) -> Plan {
    let mut plan = pod([("bomb", bomb), ("other", idle()), ("watched", checked("true", idle()))]);
    plan.stop_grace_period_ms = 30_000;
    plan
}

/// The processes of the bomb's.
fn fragments(pod: &Pod) -> Vec<String> {
    let mut processes = pod.processes();
    processes.retain(|line| line.contains("perl"));
    processes
}

/// Lets the bomb explode, looks whether the others live, and stops it: alone, then with the pod.
fn survive(mut pod: Pod) {
    pod.wait_state("watched", State::Ready);
    // While nothing can be forked no check can be run: it may be unready, but not restarted.
    let others = |pod: &Pod| {
        let services = pod.status().services;
        assert_eq!(services[1].state, State::Ready);
        (services[1].pid, services[2].pid)
    };
    let before = others(&pod);
    let explosion = |pod: &Pod| wait_for("the explosion", || (fragments(pod).len() > limit() * 9 / 10).then_some(()));
    explosion(&pod);
    let asked = Instant::now();
    assert_eq!(others(&pod), before);
    println!("{} processes; an answer took {:?}", fragments(&pod).len(), asked.elapsed());
    let asked = Instant::now();
    assert_eq!(pod.ask("bomb", "stop").0, 200);
    let took = asked.elapsed();
    println!("the bomb was gone after {took:?}");
    assert!(took < END, "{took:?}");
    assert_eq!(fragments(&pod), Vec::<String>::new());
    assert_eq!(others(&pod), before);
    wait_for("its check", || (pod.status().services[2].state == State::Ready).then_some(()));

    assert_eq!(pod.ask("bomb", "start").0, 200);
    explosion(&pod);
    let asked = Instant::now();
    let ended = pod.stop();
    let took = asked.elapsed();
    println!("the pod was gone after {took:?}");
    assert!(took < END, "{took:?}");
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let stops = ended.of("podinit").into_iter().filter(|line| *line == "bomb is stopped").count();
    assert_eq!(stops, 2, "{}", ended.output);
}

#[test]
fn a_fork_bomb_in_a_pod_with_a_limit_for_processes() {
    let Some(group) = Group::new() else {
        eprintln!("skipped: control groups for processes cannot be made here");
        return;
    };
    let before = format!("echo $$ > {}", group.0.join("cgroup.procs").display());
    survive(Pod::start_in(Setting { before, ..Setting::default() }, |_| plan(bomb())));
}

#[test]
fn a_fork_bomb_of_a_user_with_a_limit_for_processes() {
    if !is_root() {
        eprintln!("skipped: other users can be had by root only");
        return;
    }
    let mut bomb = bomb();
    // Nobody else's, whose processes would count as well.
    bomb.user = Some("47193".to_owned());
    let limit = Some(limit() as u64);
    bomb.attributes.ulimits.insert("nproc".to_owned(), Ulimit { soft: limit, hard: limit });
    survive(Pod::start(|_| plan(bomb)));
}

/// A control group with a limit, removed when it goes.
struct Group(PathBuf);

impl Group {
    /// None where groups cannot be made.
    fn new() -> Option<Group> {
        let name = format!("podinit-test-{}", std::process::id());
        let path = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(|root| PathBuf::from(root).join(&name));
        let group = path.into_iter().find(|path| std::fs::create_dir(path).is_ok()).map(Group)?;
        std::fs::write(group.0.join("pids.max"), limit().to_string()).is_ok().then_some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel takes a moment to see that it has no members any more.
        let begun = Instant::now();
        while std::fs::remove_dir(&self.0).is_err() && begun.elapsed() < GRACE {
            std::thread::yield_now();
        }
    }
}
