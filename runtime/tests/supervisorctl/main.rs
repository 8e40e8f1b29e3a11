//! supervisord's own supervisorctl and podinit's, each at a supervisord and at a podinit of its own with the same
//! programs: what they print and how they exit is the same, command by command.
//!
//! PODCTL_SUPERVISORD names supervisord 4.3, whose supervisorctl is beside it; without it nothing is compared.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

mod daemon;
#[path = "../ports/mod.rs"]
mod ports;
mod said;

use daemon::Daemon;
use said::Said;
use std::path::{Path, PathBuf};
use std::thread;

/// Lines from the command line, in an order that makes sense of their effects. What follows `<` is typed.
const COMMANDS: &str = include_str!("commands.txt");
/// The same, once the configuration has changed.
const AFTER_CHANGES: &str = include_str!("after_changes.txt");

/// A supervisorctl of either kind.
struct Ctl {
    program: PathBuf,
    daemon: Daemon,
}

/// The original at the original, and then what is to do the same.
const PAIRS: [&str; 4] = ["original at supervisord", "podinit's at supervisord", "original at podinit", "podinit's at podinit"];

fn all() -> Option<[Ctl; 4]> {
    let Some(supervisord) = std::env::var_os("PODCTL_SUPERVISORD").map(PathBuf::from) else {
        println!("PODCTL_SUPERVISORD names no supervisord: nothing is compared");
        return None;
    };
    let original = supervisord.with_file_name("supervisorctl");
    let link = |folder: &Path| {
        let link = folder.join("supervisorctl");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_podinit"), &link).unwrap();
        link
    };
    let of = |is_own: bool, is_podinit: bool| {
        let daemon = if is_podinit { Daemon::podinit(&supervisord) } else { Daemon::supervisord(&supervisord) };
        Ctl { program: if is_own { link(daemon.folder()) } else { original.clone() }, daemon }
    };
    let all = [of(false, false), of(true, false), of(false, true), of(true, true)];
    all.iter().for_each(|ctl| ctl.daemon.settle());
    Some(all)
}

impl Ctl {
    fn run(&self, line: &str) -> Said {
        let (words, typed) = line.split_once(" < ").unwrap_or((line, ""));
        let mut said = said::run(self.daemon.command(&self.program, words), &typed.replace('|', "\n"), &self.daemon);
        if words.ends_with("all") || words.ends_with(":*") {
            said.sort();
        }
        said
    }

    /// Runs what does not end by itself, until it has said `last`, and interrupts it.
    fn follow(&self, words: &str, last: &str) -> Said {
        said::interrupted(self.daemon.command(&self.program, words), last, &self.daemon)
    }
}

/// Says where they differ.
fn compare(all: &[Ctl; 4], lines: &str) -> Vec<String> {
    let mut differing = Vec::new();
    let mut compared = 0;
    for line in lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let said = thread::scope(|scope| all.each_ref().map(|ctl| scope.spawn(|| ctl.run(line))).map(|run| run.join().unwrap()));
        compared += 1;
        for (found, who) in said.iter().zip(PAIRS).skip(1).filter(|(found, _)| **found != said[0]) {
            differing.push(format!("supervisorctl {line}\n  {} {:?}\n  {who} {found:?}", PAIRS[0], said[0]));
        }
    }
    println!("{compared} command lines, {} differ", differing.len());
    assert!(compared > 0);
    differing
}

#[test]
fn commands_print_and_exit_as_those_of_supervisord() {
    let Some(all) = all() else { return };
    let mut differing = compare(&all, COMMANDS);
    all.iter().for_each(|ctl| ctl.daemon.change());
    differing.extend(compare(&all, AFTER_CHANGES));
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn logs_are_followed_until_ctrl_c() {
    let Some(all) = all() else { return };
    for words in ["tail -f web", "tail -f web stderr"] {
        for said in all.each_ref().map(|ctl| ctl.follow(words, "from web\n")) {
            assert!(said.stdout.starts_with("==> Press Ctrl-C to exit <==\nfrom web\n"), "{words}: {said:?}");
        }
    }
    for own in [&all[1], &all[3]] {
        let said = own.follow("tail -f web", "from web\n");
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), "==> Press Ctrl-C to exit <==\nfrom web\n\n"));
    }
    assert_eq!(all[1].follow("maintail -f", "success").code, Some(0));
    assert_eq!(all[3].follow("maintail -f", "ready").code, Some(0));
}

#[test]
fn what_is_typed_in_the_foreground_reaches_the_process_and_its_output_comes_back() {
    // Of the original's threads one does not hear of the end of the input.
    let Some([_, at_supervisord, _, at_podinit]) = all() else { return };
    for ctl in [at_supervisord, at_podinit] {
        types_in_the_foreground(&ctl);
    }
}

fn types_in_the_foreground(ctl: &Ctl) {
    let said = said::typed(ctl.daemon.command(&ctl.program, "fg cat"), "hello\n", "hello\n", &ctl.daemon);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.starts_with("==> Press Ctrl-C to exit <==\n"), "{said:?}");
    assert!(said.stdout.contains("hello\n") && said.stdout.ends_with("Exiting foreground\n"), "{said:?}");
    let said = ctl.follow("fg web", "from web\n");
    assert_eq!((said.code, said.stdout.ends_with("Exiting foreground\n")), (Some(0), true), "{said:?}");
}
