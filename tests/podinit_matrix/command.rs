//! `docker run IMAGE COMMAND`.

use crate::container::{Container, Image, wait_for};

/// It runs under podinit, and no service does.
pub fn instead_of_the_services(image: &Image) {
    let code = |command: &[&str], said: &str| {
        let container = Container::run(image, &[], command);
        let code = container.code();
        assert_eq!(container.logs(), said, "{command:?}");
        code
    };
    // PID 1 is podinit, and there is nobody but it and the shell.
    let script = "tr '\\0' ' ' </proc/1/cmdline; echo; set -- /proc/[0-9]*; echo $#; exit 7";
    assert_eq!(code(&["sh", "-c", script], &format!("/usr/local/bin/podinit sh -c {script} \n2\n")), 7);
    assert_eq!(code(&["no-such-program"], "podinit: cannot execute no-such-program: it is not in PATH\n"), 127);
    assert_eq!(code(&["/etc/passwd"], "podinit: cannot execute /etc/passwd: Permission denied (os error 13)\n"), 126);
    assert_eq!(code(&["--", "true"], ""), 0);
    assert_eq!(code(&["--version"], &format!("podinit {}\n", env!("CARGO_PKG_VERSION"))), 0);
}

/// The engine's signals are the command's, and its stop ends what obeys.
pub fn signals(image: &Image) {
    let script = "trap 'echo hup' HUP; trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let container = Container::run(image, &[], &["sh", "-c", script]);
    let says = |line: &str| wait_for(|| container.logs().lines().any(|said| said == line)).expect("a line");
    says("ready");
    container.kill("HUP");
    says("hup");
    container.stop();
    assert_eq!(container.code(), 9);
    assert!(container.logs().contains("term\n"));
}

/// It is in the foreground of its terminal.
pub fn terminal(image: &Image) {
    let script = "read -r _ _ _ _ own _ _ foreground _ </proc/self/stat; test $own = $foreground && tty";
    let container = Container::run(image, &["-t"], &["sh", "-c", script]);
    assert_eq!((container.code(), container.logs().trim()), (0, "/dev/pts/0"));
}
