//! What /proc tells of other processes.

use crate::sys::{Faulty, Linux};
use std::fs::{DirEntry, File, ReadDir};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;

/// The most that is read of an environment, in bytes; podinit puts what it looks for first.
const ENVIRONMENT_MAX: u64 = 64 * 1024;
/// What is read of a list of children in one go, in bytes: the kernel begins each time where it stopped.
const CHILDREN_AT_ONCE: usize = 1024;

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its parent's id; 0 for one whose parent is not in this PID namespace.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// It ended and was not waited for yet.
    pub zombie: bool,
}

/// The ids of all processes, read as they are asked for: to have them all takes milliseconds where there are thousands.
#[derive(Debug)]
pub struct ProcessIds(ReadDir);

impl Iterator for ProcessIds {
    type Item = io::Result<i32>;

    fn next(&mut self) -> Option<io::Result<i32>> {
        // The rest of /proc is no processes.
        let id = |entry: DirEntry| entry.file_name().to_str()?.parse().ok();
        self.0.find_map(|entry| entry.map(id).transpose())
    }
}

/// What /proc tells. Every error is the kernel's; a process may be gone at any time.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait ProcFs {
    /// The ids of all processes, in ascending order.
    fn process_ids(&self) -> io::Result<ProcessIds>;
    /// One of them; none when it has ended, or is hidden from podinit and so none of its descendants.
    fn process(&self, pid: i32) -> io::Result<Option<Process>>;
    /// Whether the calling thread has a child, dead and not reaped or alive, that is not known. It is podinit's first,
    /// which alone starts processes and is given the orphans. Fails where the kernel lists no children.
    fn has_unknown_child(&self, is_known: &dyn Fn(i32) -> bool) -> io::Result<bool>;
    /// The value of a variable in the environment that it was executed with. `WouldBlock` when that is empty, as it is
    /// for a moment while a process executes another program.
    fn variable(&self, pid: i32, name: &str) -> io::Result<Option<Vec<u8>>>;
}

impl ProcFs for Linux {
    fn process_ids(&self) -> io::Result<ProcessIds> {
        Ok(ProcessIds(std::fs::read_dir("/proc")?))
    }

    fn process(&self, pid: i32) -> io::Result<Option<Process>> {
        let mut buffer = [0; 512];
        match File::open(format!("/proc/{pid}/stat")).and_then(|mut stat| stat.read(&mut buffer)) {
            Ok(count) => Ok(parse_stat(pid, &buffer[..count])),
            // ESRCH is the answer of a file that was opened before the process ended.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn has_unknown_child(&self, is_known: &dyn Fn(i32) -> bool) -> io::Result<bool> {
        // Not all threads are gone through: the kernel may leave one out of their list when another ends meanwhile. The
        // same goes for children, but who vanishes from their list is reaped by podinit, and that is not what it does
        // now.
        let file = File::open("/proc/thread-self/children")?;
        let mut list = BufReader::with_capacity(CHILDREN_AT_ONCE, file);
        let mut number = Vec::new();
        while list.read_until(b' ', &mut number)? > 0 {
            let pid = std::str::from_utf8(&number).ok().and_then(|number| number.trim().parse().ok());
            if !pid.is_some_and(is_known) {
                return Ok(true);
            }
            number.clear();
        }
        Ok(false)
    }

    fn variable(&self, pid: i32, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut environment = Vec::new();
        open_environment(pid)?.take(ENVIRONMENT_MAX).read_to_end(&mut environment)?;
        if environment.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let value = |variable: &[u8]| {
            let rest = variable.strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=").map(<[u8]>::to_vec)
        };
        Ok(environment.split(|byte| *byte == 0).find_map(value))
    }
}

/// Opens a process's environment as its user: root without CAP_SYS_PTRACE, as in a container, may read only that of
/// processes whose ids are its own, and the ids that count are those for access to files.
fn open_environment(pid: i32) -> io::Result<File> {
    let path = format!("/proc/{pid}/environ");
    let owner = std::fs::metadata(&path)?;
    super::files::as_user(Some((owner.uid(), owner.gid())), || File::open(&path))
}

/// `PID (NAME) STATE PPID PGRP SESSION ...`, where the name may hold anything.
fn parse_stat(pid: i32, stat: &[u8]) -> Option<Process> {
    let after_name = memchr::memrchr(b')', stat)? + 1;
    let mut fields = std::str::from_utf8(stat.get(after_name..)?).ok()?.split_ascii_whitespace();
    let zombie = matches!(fields.next()?, "Z" | "X");
    let mut number = || fields.next()?.parse().ok();
    Some(Process { pid, parent: number()?, group: number()?, session: number()?, zombie })
}

impl<S: ProcFs> ProcFs for Faulty<S> {
    fn process_ids(&self) -> io::Result<ProcessIds> {
        self.call("process_ids")?.process_ids()
    }
    fn process(&self, pid: i32) -> io::Result<Option<Process>> {
        self.call("process")?.process(pid)
    }
    fn has_unknown_child(&self, is_known: &dyn Fn(i32) -> bool) -> io::Result<bool> {
        self.call("has_unknown_child")?.has_unknown_child(is_known)
    }
    fn variable(&self, pid: i32, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.call("variable")?.variable(pid, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_the_fields_after_it() {
        let process = parse_stat(7, b"7 (a) Z 9 9 9) S 3 4 5 0 -1").unwrap();
        assert_eq!(process, Process { pid: 7, parent: 3, group: 4, session: 5, zombie: false });
        assert!(parse_stat(7, b"7 (cut").is_none());
    }

    #[test]
    fn a_child_that_is_not_known_is_found_until_it_is_reaped() {
        let mut children: Vec<_> = (0..200).map(|_| std::process::Command::new("sleep").arg("1000").spawn().unwrap()).collect();
        let pids: Vec<i32> = children.iter().map(|child| i32::try_from(child.id()).unwrap()).collect();
        // Other tests of this process have children as well.
        let is_other = |pid: i32| !pids.contains(&pid);
        let first_known = Linux.has_unknown_child(&|pid| is_other(pid) || pids[..199].contains(&pid));
        let all_known = Linux.has_unknown_child(&|pid| is_other(pid) || pids.contains(&pid));
        children.iter_mut().for_each(|child| child.kill().unwrap());
        let dead = Linux.has_unknown_child(&is_other);
        for mut child in children {
            child.wait().unwrap();
        }
        assert!(first_known.unwrap());
        assert!(!all_known.unwrap());
        assert!(dead.unwrap(), "one that was not reaped");
        assert!(!Linux.has_unknown_child(&is_other).unwrap());
    }

    #[test]
    fn the_own_process_is_as_the_kernel_says() {
        let pid = nix::unistd::getpid().as_raw();
        let process = Linux.process(pid).unwrap().unwrap();
        assert_eq!(Linux.process(i32::MAX).unwrap(), None);
        assert_eq!(process.parent, nix::unistd::getppid().as_raw());
        assert_eq!(process.group, nix::unistd::getpgrp().as_raw());
        assert!(Linux.process_ids().unwrap().any(|id| id.unwrap() == pid));
        let path = std::env::var("PATH").unwrap();
        assert_eq!(Linux.variable(pid, "PATH").unwrap(), Some(path.into_bytes()));
        assert_eq!(Linux.variable(pid, "PAT").unwrap(), None);
    }
}
