//! A supervisord, or a podinit, with programs that come to every end.

use crate::ports::free_port;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What nothing takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Programs; `FOLDER` and `PORT` are filled in.
const CONFIGURATION: &str = include_str!("supervisord.conf");

/// A supervisord, or a podinit, that runs.
pub struct Daemon {
    folder: TempDir,
    port: u16,
    original: std::path::PathBuf,
    child: Child,
    is_podinit: bool,
}

impl Daemon {
    /// The original.
    pub fn supervisord(supervisord: &Path) -> Daemon {
        Self::start(supervisord, false, |file| {
            let mut command = Command::new(supervisord);
            command.arg("-nc").arg(file);
            command
        })
    }

    /// podinit in its place; where its own socket is nobody else's.
    pub fn podinit(supervisord: &Path) -> Daemon {
        Self::start(supervisord, true, |file| {
            let mut command = Command::new("unshare");
            command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]);
            command.arg("mount -t tmpfs tmpfs /run && exec \"$0\" -c \"$1\"").arg(env!("CARGO_BIN_EXE_podinit")).arg(file);
            command
        })
    }

    fn start(supervisord: &Path, is_podinit: bool, command: impl Fn(&Path) -> Command) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let script = folder.path().join("web.sh");
        std::fs::write(&script, "#!/bin/sh\necho from web\necho from web >&2\nexec sleep 1000\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(folder.path().join("notexec"), "").unwrap();
        std::fs::write(folder.path().join("junk.conf"), "nothing\n").unwrap();
        std::fs::write(folder.path().join("other.conf"), "[supervisord]\n").unwrap();
        std::fs::write(folder.path().join("nobody.conf"), "[supervisorctl]\nserverurl=unix://%(here)s/none\n").unwrap();
        std::fs::write(folder.path().join("refused.conf"), "[supervisorctl]\nserverurl=http://127.0.0.1:1\nprompt=hey\n")
            .unwrap();
        let daemon = Self::spawn(&command, folder.path(), port);
        Daemon { folder, port, original: supervisord.with_file_name("supervisorctl"), child: daemon, is_podinit }
    }

    fn spawn(command: &dyn Fn(&Path) -> Command, folder: &Path, port: u16) -> Child {
        let text = CONFIGURATION.replace("FOLDER", folder.to_str().unwrap()).replace("PORT", &port.to_string());
        std::fs::write(folder.join("supervisord.conf"), text).unwrap();
        command(&folder.join("supervisord.conf")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The words as a command; a configuration is the daemon's unless they name another.
    pub fn command(&self, program: &Path, words: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder()).env("TZ", "UTC");
        let words = words.replace("PORT", &self.port.to_string());
        if !words.starts_with('-') {
            command.args(["-c", "supervisord.conf"]);
        }
        command.args(words.split_whitespace());
        command
    }

    /// Waits until everything that starts by itself has started.
    pub fn settle(&self) {
        let begun = Instant::now();
        loop {
            let mut status = String::new();
            let mut asked = self.command(&self.original, "status").stdout(Stdio::piped()).spawn().unwrap();
            asked.stdout.take().unwrap().read_to_string(&mut status).unwrap();
            asked.wait().unwrap();
            let is = |name: &str, state: &str| status.lines().any(|line| line.starts_with(name) && line.contains(state));
            if ["web ", "cat ", "grp:g1 ", "grp:g2 ", "silent "].iter().all(|name| is(name, "RUNNING"))
                && is("oneshot ", "EXITED")
            {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not come up: {status}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Changes its configuration: one program is new, one is another, one is gone.
    pub fn change(&self) {
        let path = self.folder().join("supervisord.conf");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("[program:silent]", "[program:fresh]").replace("command=/bin/cat", "command=/bin/cat -u");
        std::fs::write(path, text).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Of podinit it is the namespace that ends, and everything with it; supervisord's programs are told to end before
        // it is.
        let signal = if self.is_podinit { Signal::SIGKILL } else { Signal::SIGTERM };
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(self.child.id() as i32), signal);
        let _ = self.child.wait();
    }
}
