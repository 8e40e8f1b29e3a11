//! Event listeners under `podinit -c`: real ones, in Python.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

mod superlance;

use crate::support::plans::idle;
use crate::support::{Pod, wait_for};
use podinit_plan::plan::{Command, Listener, Ready, Service, Stdin};
use podinit_plan::state::State;
use std::path::Path;

/// Writes the head of every event and its payload, as Python shows it, to a file; reads what to do with each kind from
/// its arguments: `KIND=reject`, `KIND=die` and `KIND=break` do that the first time.
const LISTENER: &str = r#"
import os, sys
path, rules = sys.argv[1], dict(rule.split("=") for rule in sys.argv[2:])
while True:
    sys.stdout.write("READY\n"); sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        break
    head = dict(pair.split(":", 1) for pair in line.split())
    body = sys.stdin.read(int(head["len"]))
    with open(path, "a") as log:
        log.write(line.strip() + " " + repr(body) + "\n")
    rule = rules.get(head["eventname"])
    mark = path + "." + head["eventname"]
    if rule and not os.path.exists(mark):
        open(mark, "w").close()
        if rule == "die":
            os._exit(1)
        if rule == "break":
            sys.stdout.write("what?\n"); sys.stdout.flush()
            continue
        sys.stdout.write("RESULT 4\nFAIL")
    else:
        sys.stdout.write("RESULT 2\nOK")
    sys.stdout.flush()
"#;

/// A listener of that name, which writes to a file of its name.
fn listener(folder: &Path, name: &str, events: &str, rules: &str) -> String {
    std::fs::write(folder.join("listener"), LISTENER).unwrap();
    let folder = folder.display();
    format!(
        "[eventlistener:{name}]\ncommand=python3 {folder}/listener {folder}/{name} {rules}\nevents={events}\nbuffer_size=1000\n\
         startsecs=0\nstdout_logfile={folder}/{name}.log\n"
    )
}

/// What a listener was told so far: the event's name and its payload. Ticks come when they come.
fn told(pod: &Pod, listener: &str) -> Vec<(String, String)> {
    let told = heads(pod, listener).into_iter().map(|(_, name, payload)| (name, payload));
    told.filter(|(name, _)| !name.starts_with("TICK")).collect()
}

/// The same with the head up to the pool's serial number.
fn heads(pod: &Pod, listener: &str) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(pod.folder.path().join(listener)).unwrap_or_default();
    // The last line may not be whole yet.
    let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let parts = lines.map(|line| {
        let (head, rest) = line.split_once(" eventname:").unwrap();
        let (name, rest) = rest.split_once(" len:").unwrap();
        let (_, payload) = rest.split_once(' ').unwrap();
        (head.to_owned(), name.to_owned(), payload[1..payload.len() - 1].to_owned())
    });
    parts.collect()
}

/// Waits until a listener was told that of a process, whose payload begins with that.
fn wait_told(pod: &Pod, listener: &str, event: &str, payload: &str) -> String {
    wait_for(event, || {
        let is_it = |(name, said): &(String, String)| name == event && said.starts_with(payload);
        told(pod, listener).into_iter().find(is_it).map(|(_, said)| said)
    })
}

#[test]
fn a_listener_of_a_plan_is_told_with_the_names_of_the_plan() {
    let pod = Pod::start(|folder| {
        let script = folder.join("listener");
        std::fs::write(&script, LISTENER).unwrap();
        let words = ["python3".into(), script.display().to_string(), folder.join("ear").display().to_string()];
        let ear = Service {
            listener: Some(Listener { pool: "ear".to_owned(), events: vec!["PROCESS_STATE".to_owned()], buffer_size: 100 }),
            stdin: Stdin::Pipe,
            essential: false,
            priority: -1,
            ready: Ready::AliveMs(0),
            ..Service::new(Command::Words(words.to_vec()))
        };
        let web = Service { group: Some("web".to_owned()), ..idle() };
        crate::support::plans::pod([("ear", ear), ("web-0", web.clone()), ("web-1", web)])
    });
    let told = wait_told(&pod, "ear", "PROCESS_STATE_RUNNING", "processname:web-1 groupname:web from_state:STARTING pid:");
    assert!(told.ends_with(|last: char| last.is_ascii_digit()), "{told}");
    pod.ask("web-1", "stop");
    wait_told(&pod, "ear", "PROCESS_STATE_STOPPED", "processname:web-1 groupname:web from_state:STOPPING");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_listener_is_told_of_everything_in_supervisords_words() {
    let mut pod = Pod::supervisord(|folder| {
        let listener = listener(folder, "ear", "EVENT", "");
        // Stops when the listener has been told that all do.
        let lasts = folder.join("lasts");
        let told = format!("until grep -q CHANGE_STOPPING {}/ear; do sleep 0.01; done; exit", folder.display());
        std::fs::write(&lasts, format!("trap '{told}' TERM\nwhile :; do sleep 0.01; done\n")).unwrap();
        format!(
            "[supervisord]\nidentifier=box\n{listener}[group:grp]\nprograms=web\n[program:web]\ncommand=sleep 1000\nstartsecs=0\n\
             [program:crash]\ncommand=sh -c 'exit 3'\nstartsecs=5\nstartretries=1\nautostart=false\n\
             [program:once]\ncommand=true\nstartsecs=0\nautostart=false\n\
             [program:lasts]\ncommand=sh {}\nstartsecs=0\n",
            lasts.display()
        )
    });
    let running = wait_told(&pod, "ear", "PROCESS_STATE_RUNNING", "processname:web");
    let pid = running.split_once("pid:").unwrap().1.to_owned();
    let start = told(&pod, "ear");
    let of = |name: &str, payload: &str| (name.to_owned(), payload.to_owned());
    let groups =
        ["ear", "crash", "grp", "lasts", "once"].map(|group| of("PROCESS_GROUP_ADDED", &format!("groupname:{group}\\n")));
    assert_eq!(start[..5], groups);
    assert_eq!(start[5], of("SUPERVISOR_STATE_CHANGE_RUNNING", ""));
    assert_eq!(start[6], of("PROCESS_STATE_STARTING", "processname:ear groupname:ear from_state:STOPPED tries:0"));
    for (number, (head, ..)) in heads(&pod, "ear").into_iter().enumerate() {
        assert_eq!(head, format!("ver:3.0 server:box serial:{number} pool:ear poolserial:{number}"));
    }

    wait_told(&pod, "ear", "PROCESS_STATE_RUNNING", "processname:lasts");
    let before = told(&pod, "ear").len();
    pod.ask("grp:web", "stop");
    pod.ask("grp:web", "start");
    let again = wait_for("web again", || told(&pod, "ear").get(before + 3).map(|(_, payload)| payload.clone()));
    let web = |rest: &str| format!("processname:web groupname:grp from_state:{rest}");
    let expected = [
        of("PROCESS_STATE_STOPPING", &web(&format!("RUNNING pid:{pid}"))),
        of("PROCESS_STATE_STOPPED", &web(&format!("STOPPING pid:{pid}"))),
        of("PROCESS_STATE_STARTING", &web("STOPPED tries:0")),
        of("PROCESS_STATE_RUNNING", &again),
    ];
    assert_eq!(told(&pod, "ear")[before..before + 4], expected);
    let pid = again.strip_prefix(&web("STARTING pid:")).unwrap_or_else(|| panic!("{again}")).to_owned();
    assert!(pod.enter(&["kill", "-9", &pid]).status().unwrap().success());
    wait_told(&pod, "ear", "PROCESS_STATE_EXITED", &web(&format!("RUNNING expected:0 pid:{pid}")));
    wait_told(&pod, "ear", "PROCESS_STATE_STARTING", &web("EXITED tries:0"));

    pod.ask("once", "start");
    wait_told(&pod, "ear", "PROCESS_STATE_EXITED", "processname:once groupname:once from_state:RUNNING expected:1 pid:");
    pod.ask("crash", "start");
    pod.wait_state("crash", State::Fatal);
    wait_told(&pod, "ear", "PROCESS_STATE_FATAL", "processname:crash");
    let crashes: Vec<String> = told(&pod, "ear")
        .into_iter()
        .filter(|(_, payload)| payload.starts_with("processname:crash"))
        .map(|(name, payload)| format!("{name} {}", payload.split_once("from_state:").unwrap().1))
        .collect();
    let expected = [
        "PROCESS_STATE_STARTING STOPPED tries:0",
        "PROCESS_STATE_BACKOFF STARTING tries:1",
        "PROCESS_STATE_STARTING BACKOFF tries:1",
        "PROCESS_STATE_BACKOFF STARTING tries:2",
        "PROCESS_STATE_FATAL BACKOFF",
    ];
    assert_eq!(crashes, expected);

    pod.signal(nix::sys::signal::Signal::SIGTERM);
    pod.wait_state("grp:web", State::Stopped);
    // The listener is told that the pod stops before anything does, and goes last; what it had no time for it is not told.
    let last: Vec<String> = told(&pod, "ear").into_iter().map(|(name, _)| name).collect();
    let stops = last.iter().position(|name| name == "SUPERVISOR_STATE_CHANGE_STOPPING").expect("the stop of the daemon");
    let mut stopping = (0..last.len()).filter(|at| last[*at] == "PROCESS_STATE_STOPPING");
    assert!(stopping.all(|at| at == before || at > stops), "{last:?}");
    assert_eq!(pod.end().code, Some(0));
}

#[test]
fn output_for_listeners_reaches_them_and_the_log_has_the_rest() {
    let pod = Pod::supervisord(|folder| {
        let listener = listener(folder, "ear", "PROCESS_LOG,PROCESS_COMMUNICATION", "");
        let begin = "<!--XSUPERVISOR:BEGIN-->";
        std::fs::write(
            folder.join("talk"),
            format!("printf 'a{begin}d\\303\\251j\\303\\240 vu<!--XSUPERVISOR:END-->b'\nprintf '\\377\\n' >&2\nprintf '<!--XS'\nexit 0\n"),
        )
        .unwrap();
        let folder = folder.display();
        format!(
            "[supervisord]\n{listener}[program:talk]\ncommand=sh {folder}/talk\nstartsecs=0\nautorestart=false\n\
             stdout_capture_maxbytes=100\nstdout_logfile={folder}/talk.log\nstderr_events_enabled=true\n"
        )
    });
    let said = wait_told(&pod, "ear", "PROCESS_COMMUNICATION_STDOUT", "processname:talk groupname:talk pid:");
    assert!(said.ends_with("\\ndéjà vu"), "{said}");
    let log = wait_told(&pod, "ear", "PROCESS_LOG_STDERR", "processname:talk groupname:talk pid:");
    // As Python shows how Python shows it.
    assert!(log.ends_with(" channel:stderr\\nUndecodable: b'\\\\xff\\\\n'"), "{log}");
    // What might have become a token comes out in the end.
    let path = pod.folder.path().join("talk.log");
    wait_for("the log", || (std::fs::read(&path).ok()? == b"ab<!--XS").then_some(()));
    // The log of a listener has its protocol.
    let path = pod.folder.path().join("ear.log");
    wait_for("the listener's log", || (std::fs::read(&path).ok()?.starts_with(b"READY\nRESULT 2\nOKREADY\n")).then_some(()));
}

#[test]
fn what_a_listener_rejects_or_dies_of_is_told_again_and_only_to_its_own_pool() {
    let mut pod = Pod::supervisord(|folder| {
        let one = listener(folder, "one", "PROCESS_STATE_EXITED,PROCESS_STATE_FATAL", "PROCESS_STATE_EXITED=reject");
        let two = listener(folder, "two", "PROCESS_STATE_RUNNING", "PROCESS_STATE_RUNNING=die");
        format!("[supervisord]\n{one}{two}[program:once]\ncommand=true\nstartsecs=0\nautorestart=false\n")
    });
    wait_for("the rejected event", || (told(&pod, "one").len() >= 2).then_some(()));
    let exited = heads(&pod, "one");
    assert_eq!(exited[0], exited[1]);
    wait_for("the event that killed", || (told(&pod, "two").len() >= 2).then_some(()));
    let ran = heads(&pod, "two");
    assert_eq!(ran[0], ran[1]);
    pod.wait("the end of two", |event| event.service.as_deref() == Some("two") && event.expected == Some(false));
    assert!(told(&pod, "one").iter().all(|(name, _)| name != "PROCESS_STATE_RUNNING"));
    assert!(told(&pod, "two").iter().all(|(name, _)| name == "PROCESS_STATE_RUNNING"));
    assert!(pod.stop().output.contains("one rejected event"));
}

#[test]
fn a_listener_that_breaks_the_protocol_goes_on_without_events_until_it_is_started_anew() {
    let mut pod = Pod::supervisord(|folder| {
        let listener = listener(folder, "ear", "PROCESS_STATE_EXITED", "PROCESS_STATE_EXITED=break");
        format!("[supervisord]\n{listener}[program:once]\ncommand=true\nstartsecs=0\nautorestart=false\n")
    });
    pod.wait("what is said of it", |event| {
        event.reason.as_deref().is_some_and(|reason| reason.starts_with("ear is sent no more events"))
    });
    pod.ask("once", "start");
    assert_eq!(told(&pod, "ear").len(), 1);
    pod.ask("ear", "restart");
    // The one that it was busy with, once more, and the one that waited.
    wait_for("what it missed", || (told(&pod, "ear").len() == 3).then_some(()));
    let events = heads(&pod, "ear");
    assert_eq!(events[0], events[1]);
    assert_ne!(events[1], events[2]);
}

#[test]
fn programs_that_read_their_stdin_see_no_end_of_it() {
    let mut pod = Pod::supervisord(|folder| {
        let folder = folder.display();
        format!("[supervisord]\n[program:reads]\ncommand=sh -c 'readlink /proc/self/fd/0 > {folder}/is; cat'\nstartsecs=1\n")
    });
    pod.wait_state("reads", State::Ready);
    assert!(std::fs::read_to_string(pod.folder.path().join("is")).unwrap().starts_with("pipe:"));
    assert_eq!(pod.stop().code, Some(0));
}

/// Says its name to whoever connects to its descriptor 0.
const FCGI: &str = r#"
import os, socket
listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    connection.sendall(os.environ["SUPERVISOR_PROCESS_NAME"].encode())
    connection.close()
"#;

#[test]
fn the_programs_of_an_fcgi_program_accept_from_one_socket_that_outlives_each_of_them() {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let mut pod = Pod::supervisord(|folder| {
        std::fs::write(folder.join("fcgi"), FCGI).unwrap();
        let folder = folder.display();
        format!(
            "[supervisord]\n[fcgi-program:app]\ncommand=python3 {folder}/fcgi\nsocket=unix://{folder}/app.sock\nsocket_mode=0720\n\
             numprocs=2\nprocess_name=app-%(process_num)d\nstartsecs=0\n"
        )
    });
    let path = pod.folder.path().join("app.sock");
    let ask = |path: &Path| {
        let mut answer = String::new();
        UnixStream::connect(path).unwrap().read_to_string(&mut answer).unwrap();
        answer
    };
    pod.wait_state("app:app-1", State::Ready);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o720);
    assert!(ask(&path).starts_with("app-"));
    // With one of them, all is its; with none, who connects waits.
    pod.ask("app:app-0", "stop");
    assert_eq!(ask(&path), "app-1");
    pod.ask("app:app-1", "stop");
    let waits = std::thread::spawn(move || ask(&path));
    pod.ask("app:app-0", "start");
    assert_eq!(waits.join().unwrap(), "app-0");
    assert_eq!(pod.stop().code, Some(0));
}

/// Calls a method of supervisord's interface; gives the answer's body.
fn call(pod: &Pod, method: &str, parameters: &[&str]) -> String {
    let parameters: String =
        parameters.iter().map(|text| format!("<param><value><string>{text}</string></value></param>")).collect();
    let body = format!("<methodCall><methodName>supervisor.{method}</methodName><params>{parameters}</params></methodCall>");
    let head = format!("POST /RPC2 HTTP/1.1\r\nHost: pod\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n", body.len());
    pod.client().raw(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())
}

#[test]
fn clients_write_to_the_stdin_of_programs_and_tell_listeners_something() {
    let mut pod = Pod::supervisord(|folder| {
        let listener = listener(folder, "ear", "REMOTE_COMMUNICATION", "");
        let folder = folder.display();
        format!(
            "[supervisord]\n{listener}[program:reads]\ncommand=sh -c 'read -r line; echo $line > {folder}/read; exec 0<&-; exec \
             sleep 1000'\nstartsecs=0\n"
        )
    });
    pod.wait_state("reads", State::Ready);
    assert!(call(&pod, "sendProcessStdin", &["reads", "déjà vu\n"]).contains("<boolean>1</boolean>"));
    let path = pod.folder.path().join("read");
    wait_for("the line", || (std::fs::read_to_string(&path).ok()? == "déjà vu\n").then_some(()));
    // It has closed its stdin in the meantime, or is about to.
    wait_for("nobody to read", || call(&pod, "sendProcessStdin", &["reads", "x"]).contains("NO_FILE").then_some(()));
    pod.ask("reads", "stop");
    assert!(call(&pod, "sendProcessStdin", &["reads", "x"]).contains("NOT_RUNNING"));
    call(&pod, "sendRemoteCommEvent", &["kind", "déjà vu\n"]);
    wait_told(&pod, "ear", "REMOTE_COMMUNICATION", "type:kind\\ndéjà vu\\n");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn groups_that_come_and_go_are_told_of_and_listeners_among_them_listen() {
    let mut pod = Pod::supervisord(|folder| {
        let ear = listener(folder, "ear", "PROCESS_GROUP,PROCESS_STATE_RUNNING", "");
        let late = listener(folder, "late", "PROCESS_STATE_STARTING", "");
        format!("[supervisord]\n{ear}{late}[program:web]\ncommand=sleep 1000\nstartsecs=0\n")
    });
    pod.wait_state("web", State::Ready);
    call(&pod, "stopProcess", &["late"]);
    call(&pod, "removeProcessGroup", &["late"]);
    wait_told(&pod, "ear", "PROCESS_GROUP_REMOVED", "groupname:late\\n");
    let before = told(&pod, "late").len();
    pod.ask("web", "restart");
    call(&pod, "addProcessGroup", &["late"]);
    wait_for("the new group", || {
        let added = |(name, payload): &&(String, String)| name == "PROCESS_GROUP_ADDED" && payload == "groupname:late\\n";
        (told(&pod, "ear").iter().filter(added).count() == 2).then_some(())
    });
    pod.wait_state("late", State::Ready);
    pod.ask("web", "restart");
    // Of its own start, and of the second restart: the first was while it was not there.
    wait_for("what it is told", || (told(&pod, "late").len() == before + 2).then_some(()));
    let last = &told(&pod, "late")[before..];
    assert!(last[0].1.starts_with("processname:late ") && last[1].1.starts_with("processname:web "), "{last:?}");
    assert_eq!(pod.stop().code, Some(0));
}
