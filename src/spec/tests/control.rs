//! `control` and `event_listeners`.

use super::{mistakes, pod};
use podinit_plan::plan::Listener;

#[test]
fn podinit_can_be_talked_to_where_the_pod_says() {
    let pod = pod("control: { port: 9001, socket: /run/s.sock, password: '${SECRET:?}' }\nservices: { a: { command: x } }");
    let control = pod.control.expect("there is one");
    assert_eq!((control.port, control.socket.as_deref()), (Some(9001), Some("/run/s.sock")));
    assert_eq!(control.credentials, Some(("admin".to_owned(), "${SECRET:?}".to_owned())));
    let [published] = pod.ports.as_slice() else { panic!("{:?}", pod.ports) };
    assert_eq!((published.container, published.address.map(|address| address.is_loopback())), (9001, Some(true)));
}

#[test]
fn a_password_in_the_file_is_refused_and_so_is_a_port_of_somebody_elses() {
    let with = |control: &str| mistakes(&format!("services: {{ a: {{ command: x, port: 3000 }} }}\ncontrol: {control}\n"));
    assert_eq!(
        with("{ port: 9001, password: hunter2 }"),
        [
            "2: a password in the file would be in the image; write `\"${CONTROL_PASSWORD:?}\"`, and give the container that variable"
        ]
    );
    assert_eq!(with("{ port: 9001, user: me }").len(), 1);
    assert_eq!(with("{ user: me, password: '${X}' }").len(), 1);
    assert_eq!(with("{ port: 3000 }"), ["2: port 3000 is used twice; give podinit's own surface a port of its own"]);
}

#[test]
fn event_listeners_are_services_of_their_own_kind() {
    let text = "defaults: { user: root, build: { context: app } }\nservices: { a: { command: x } }\n\
                event_listeners: { mail: { command: crashmail -m me, events: [process_state_exited, TICK_5], buffer_size: 50 } }";
    let pod = pod(text);
    let mail = &pod.services["mail"];
    let events = ["PROCESS_STATE_EXITED", "TICK_5"].map(str::to_owned).to_vec();
    assert_eq!(mail.listener, Some(Listener { pool: "mail".to_owned(), events, buffer_size: 50 }));
    assert_eq!((mail.essential, mail.priority, mail.user.as_str(), mail.build.is_none()), (false, -1, "root", true));
    let with = |listener: &str| mistakes(&format!("services: {{ a: {{ command: x }} }}\nevent_listeners: {listener}\n"));
    assert_eq!(
        with("{ mail: { command: x, events: [PROCESS_STAT] } }"),
        ["2: there is no event PROCESS_STAT; did you mean `PROCESS_STATE`?"]
    );
    assert_eq!(
        with("{ mail: { command: x } }"),
        ["2: `events` is missing; add `events: [PROCESS_STATE]`, or what it is to be told of"]
    );
    assert_eq!(
        with("{ a: { command: x, events: [TICK_5] } }"),
        ["2: there is another `a`; give the event listener a name of its own"]
    );
}
