//! Listeners of a whole plan.

use super::*;
use podinit_plan::plan::{Command, Listener, VERSION};
use podinit_plan::state::State;

const EPOCH: Duration = Duration::from_secs(1_000);

/// A pool for each of these, in order, and a program `grp:a`.
fn listeners(pools: &[(&str, &str, u64)]) -> Listeners {
    let service = |priority| Service { priority, ..Service::new(Command::Words(vec!["x".to_owned()])) };
    let mut services = BTreeMap::from([("grp:a".to_owned(), service(9))]);
    for ((name, event, buffer_size), priority) in pools.iter().zip(0..) {
        let listener = Listener { pool: (*name).to_owned(), events: vec![(*event).to_owned()], buffer_size: *buffer_size };
        services.insert((*name).to_owned(), Service { listener: Some(listener), ..service(priority) });
    }
    let plan = Plan {
        version: VERSION,
        name: "box".to_owned(),
        stop_grace_period_ms: 0,
        exit_when_done: false,
        environment: BTreeMap::new(),
        directories: Vec::new(),
        public_socket: None,
        files: Vec::new(),
        servers: Vec::new(),
        monitor: Default::default(),
        alerts: None,
        services,
    };
    let mut listeners = Listeners::of(&plan, 0, EPOCH);
    for (id, name) in plan.services.keys().enumerate().filter(|(_, name)| *name != "grp:a") {
        listeners.started(id, 1);
        enter(&mut listeners, id, name, State::Starting);
        enter(&mut listeners, id, name, State::Ready);
        listeners.wrote(id, 1, 5, name, &Written::Answer, b"READY\n");
    }
    listeners
}

fn enter(listeners: &mut Listeners, id: ServiceId, name: &str, state: State) {
    let record = Record { service: Some(name.to_owned()), state: Some(state), pid: Some(5), ..Record::new(EventKind::State) };
    listeners.published(&record, Some(id));
}

/// Sends all that there is to listeners that are ready at once again.
fn sent(listeners: &mut Listeners) -> Vec<(ServiceId, String)> {
    let mut sent = Vec::new();
    loop {
        let before = sent.len();
        listeners.dispatch(&mut |service, bytes| {
            sent.push((service, String::from_utf8(bytes).unwrap()));
            true
        });
        if sent.len() == before {
            return sent;
        }
        for (id, _) in &sent[before..] {
            listeners.wrote(*id, 1, 5, "", &Written::Answer, b"RESULT 2\nOKREADY\n");
        }
    }
}

#[test]
fn a_listener_hears_of_all_groups_of_the_start_and_of_what_its_processes_go_through() {
    let mut listeners = listeners(&[("all", "EVENT", 100)]);
    enter(&mut listeners, 1, "grp:a", State::Starting);
    let of_all = "processname:all groupname:all from_state:";
    let expected = [
        ("PROCESS_GROUP_ADDED", "groupname:all\n".to_owned()),
        ("PROCESS_GROUP_ADDED", "groupname:grp\n".to_owned()),
        ("SUPERVISOR_STATE_CHANGE_RUNNING", String::new()),
        ("PROCESS_STATE_STARTING", format!("{of_all}STOPPED tries:0")),
        ("PROCESS_STATE_RUNNING", format!("{of_all}STARTING pid:5")),
        ("PROCESS_STATE_STARTING", "processname:a groupname:grp from_state:STOPPED tries:0".to_owned()),
    ];
    let expected = expected.iter().enumerate().map(|(number, (name, payload))| {
        let head = format!("ver:3.0 server:box serial:{number} pool:all poolserial:{number} eventname:{name}");
        (0, format!("{head} len:{}\n{payload}", payload.len()))
    });
    assert_eq!(sent(&mut listeners), expected.collect::<Vec<_>>());
}

#[test]
fn pools_have_each_their_own_copy_and_get_back_only_their_own() {
    let mut listeners = listeners(&[("one", "TICK", 10), ("two", "REMOTE_COMMUNICATION", 10), ("xtra", "EVENT", 10)]);
    sent(&mut listeners);
    listeners.happened(Happening::remote_communication("t", "d"));
    let mut to = Vec::new();
    listeners.dispatch(&mut |service, _| {
        to.push(service);
        true
    });
    // By name the program is the first.
    assert_eq!(to, [2, 3]);
    for id in [2, 3] {
        listeners.wrote(id, 1, 5, "", &Written::Answer, b"RESULT 4\nFAILREADY\n");
    }
    let again: Vec<ServiceId> = {
        let mut to = Vec::new();
        listeners.dispatch(&mut |service, _| {
            to.push(service);
            true
        });
        to
    };
    assert_eq!(again, [2, 3]);
    let notices = listeners.take_notices();
    assert!(notices.len() == 2 && notices.iter().all(|notice| notice.contains("rejected event")), "{notices:?}");
}

#[test]
fn only_who_wants_ticks_makes_the_loop_wake_up() {
    let mut none = listeners(&[("one", "PROCESS_STATE", 10)]);
    assert_eq!(none.deadline(), None);
    sent(&mut none);
    none.tick(5_000, EPOCH + Duration::from_secs(5));
    let mut some = listeners(&[("one", "TICK_5", 10)]);
    assert_eq!(some.deadline(), Some(5_000));
    sent(&mut some);
    some.tick(5_000, EPOCH + Duration::from_secs(5));
    assert!(sent(&mut some)[0].1.ends_with("eventname:TICK_5 len:9\nwhen:1005"));
    some.remove(1, 0, EPOCH);
    assert_eq!(some.deadline(), None);
    assert_eq!(sent(&mut none), []);
}
