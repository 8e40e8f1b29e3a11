//! `podinit ctl` in real pods: where it finds its podinit, and its shell at a terminal.

use crate::support::plans::{idle, pod};
use crate::support::ports::free_port;
use crate::support::{PODINIT, Pod};
use crate::terminal::Console;
use podinit_plan::state::State;

#[test]
fn without_a_configuration_it_asks_the_podinit_of_its_container() {
    let mut pod = Pod::start(|_| pod([("web", idle()), ("worker", idle())]));
    pod.wait_state("web", State::Ready);
    pod.wait_state("worker", State::Ready);
    // A configuration that somebody left, and whose server nobody runs.
    let folder = pod.folder.path().to_owned();
    std::fs::write(folder.join("supervisord.conf"), "[supervisorctl]\nserverurl=unix://%(here)s/none\n").unwrap();
    let ctl = |words: &str| {
        let script = format!("cd {} && exec \"$0\" ctl {words}", folder.display());
        let output = pod.enter(&["sh", "-c", &script, PODINIT]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, status) = ctl("status");
    assert_eq!(code, Some(0), "{status}");
    assert!(status.starts_with("web                              RUNNING   pid "), "{status}");
    assert_eq!(ctl("stop web"), (Some(0), "web: stopped\n".to_owned()));
    assert_eq!(ctl("status web").0, Some(3));
    assert_eq!(ctl("start web"), (Some(0), "web: started\n".to_owned()));
    // What it was told is not doubted.
    let (code, missing) = ctl("-c supervisord.conf status");
    assert_eq!((code, missing.ends_with("/none no such file\n")), (Some(4), true), "{missing}");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn the_shell_asks_who_is_there_and_ctrl_c_ends_what_it_follows_but_not_itself() {
    let port = free_port();
    let mut pod = Pod::supervisord(|folder| {
        format!(
            "[supervisord]\n[inet_http_server]\nport=127.0.0.1:{port}\nusername=me\npassword=s3cret\n[program:web]\n\
             command=/bin/sh -c \"echo hello; exec sleep 1000\"\nstdout_logfile={}/web.log\n",
            folder.display()
        )
    });
    pod.wait_state("web", State::Ready);
    let mut console = Console::start(&[PODINIT, "ctl", "-s", &format!("http://127.0.0.1:{port}")]);
    console.wait("Username:");
    console.write("me\n");
    console.wait("Password:");
    console.write("s3cret\n");
    console.wait("RUNNING");
    console.wait("supervisor> ");
    let seen = console.forget();
    assert!(seen.contains("Server requires authentication") && !seen.contains("s3cret"), "{seen}");
    console.write("tail -f web\n");
    console.wait("hello");
    console.forget();
    // Ctrl-C.
    console.write("\x03");
    console.wait("supervisor> ");
    console.write("shutdown\n");
    console.wait("y/N? ");
    console.forget();
    console.write("n\n");
    console.wait("supervisor> ");
    console.write("\x03");
    assert_eq!(console.end(), Some(0));
    assert_eq!(pod.status().services[0].state, State::Ready);
    assert_eq!(pod.stop().code, Some(0));
}
