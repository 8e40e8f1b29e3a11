//! What /proc tells of other processes.

use crate::sys::{Faulty, Linux};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use std::fs::{DirEntry, File, ReadDir};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;

/// The most that is read of an environment, in bytes; podinit puts what it looks for first.
const ENVIRONMENT_MAX: u64 = 64 * 1024;
/// More than the kernel writes of a process.
const STAT_MAX: usize = 1024;
/// More than the texts have that are read, where there are not thousands of mounts.
const KERNEL_TEXT_MAX: u64 = 256 * 1024;
/// The unit of times in `stat`: the kernel counts a hundred a second for programs, however fast it ticks itself.
const TICK_MS: u64 = 10;
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

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Who it is.
    pub process: Process,
    /// When it was started, in the kernel's ticks: with it, an id is nobody else's.
    pub started: u64,
    /// The processor time of it and of those children that it has waited for, in milliseconds.
    pub cpu_ms: u64,
    /// How many threads it has.
    pub threads: u32,
    /// Its memory that is no file's and shared on purpose with nobody, in bytes.
    pub private_bytes: u64,
    /// The rest of its memory: what is mapped of files, and shared memory.
    pub shared_bytes: u64,
}

/// What podinit itself uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnUsage {
    /// Its memory that is present.
    pub resident_bytes: u64,
    /// Its processor time, user and system, in microseconds.
    pub cpu_us: u64,
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
    /// What one of them uses; none as for [`ProcFs::process`]. One that has ended uses no memory any more.
    fn figures(&self, pid: i32) -> io::Result<Option<Figures>>;
    /// The beginning of a text that the kernel makes as it is read: of /proc/meminfo, of a file of a cgroup.
    fn kernel_text(&self, path: &str) -> io::Result<String>;
    /// Whether the calling thread has a child, dead and not reaped or alive, that is not known. It is podinit's first,
    /// which alone starts processes and is given the orphans. Fails where the kernel lists no children.
    fn has_unknown_child(&self, is_known: &dyn Fn(i32) -> bool) -> io::Result<bool>;
    /// The value of a variable in the environment that it was executed with. `WouldBlock` when there is none, as for a
    /// moment while a process executes another program, or dies.
    fn variable(&self, pid: i32, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// What podinit itself uses.
    fn own_usage(&self) -> io::Result<OwnUsage>;
}

impl ProcFs for Linux {
    fn process_ids(&self) -> io::Result<ProcessIds> {
        Ok(ProcessIds(std::fs::read_dir("/proc")?))
    }

    fn process(&self, pid: i32) -> io::Result<Option<Process>> {
        let mut buffer = [0; STAT_MAX];
        Ok(read_of(pid, "stat", &mut buffer)?.and_then(|count| parse_stat(pid, &buffer[..count])))
    }

    fn figures(&self, pid: i32) -> io::Result<Option<Figures>> {
        let mut buffer = [0; STAT_MAX];
        let Some(count) = read_of(pid, "stat", &mut buffer)? else { return Ok(None) };
        let Some(mut figures) = parse_figures(pid, &buffer[..count]) else { return Ok(None) };
        if !figures.process.zombie {
            let Some(count) = read_of(pid, "statm", &mut buffer)? else { return Ok(None) };
            let mut pages = numbers(&buffer[..count]).skip(1);
            let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
            let page = page_size();
            figures.private_bytes = resident.saturating_sub(shared) * page;
            figures.shared_bytes = shared * page;
        }
        Ok(Some(figures))
    }

    fn kernel_text(&self, path: &str) -> io::Result<String> {
        let mut text = Vec::new();
        File::open(path)?.take(KERNEL_TEXT_MAX).read_to_end(&mut text)?;
        // What is cut within a character is no number that anybody looks for.
        Ok(String::from_utf8_lossy(&text).into_owned())
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
        match open_environment(pid) {
            Ok(file) => drop(file.take(ENVIRONMENT_MAX).read_to_end(&mut environment)?),
            // Newer kernels open it only while the process has memory, and still has its children when it has none.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) => return Err(error),
        }
        if environment.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let value = |variable: &[u8]| {
            let rest = variable.strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=").map(<[u8]>::to_vec)
        };
        Ok(environment.split(|byte| *byte == 0).find_map(value))
    }

    fn own_usage(&self) -> io::Result<OwnUsage> {
        let mut buffer = [0; 128];
        let count = File::open("/proc/self/statm")?.read(&mut buffer)?;
        // In pages: all of it, and what is present.
        let pages = std::str::from_utf8(&buffer[..count]).ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
        let used = getrusage(UsageWho::RUSAGE_SELF)?;
        let microseconds = |time: TimeVal| u64::try_from(time.num_microseconds()).unwrap_or(0);
        Ok(OwnUsage {
            resident_bytes: pages.ok_or(io::ErrorKind::InvalidData)? * page_size(),
            cpu_us: microseconds(used.user_time()) + microseconds(used.system_time()),
        })
    }
}

/// Opens a process's environment as its user: root without CAP_SYS_PTRACE, as in a container, may read only that of
/// processes whose ids are its own, and the ids that count are those for access to files.
fn open_environment(pid: i32) -> io::Result<File> {
    let path = format!("/proc/{pid}/environ");
    let owner = std::fs::metadata(&path)?;
    super::files::as_user(Some((owner.uid(), owner.gid())), || File::open(&path))
}

/// Reads a file of a process; none when it has ended, or is hidden.
fn read_of(pid: i32, name: &str, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match File::open(format!("/proc/{pid}/{name}")).and_then(|mut file| file.read(buffer)) {
        Ok(count) => Ok(Some(count)),
        // ESRCH is the answer of a file that was opened before the process ended.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(None),
        Err(error) => Err(error),
    }
}

fn page_size() -> u64 {
    // SAFETY: asks for a number, and touches no memory of ours.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// What is not a number counts as 0.
fn numbers(text: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.map(|word| std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(0))
}

/// All of a process's `stat` but its memory.
fn parse_figures(pid: i32, stat: &[u8]) -> Option<Figures> {
    let process = parse_stat(pid, stat)?;
    // From the fourteenth field on: utime, stime, cutime, cstime, priority, nice, num_threads, itrealvalue, starttime.
    let after_name = memchr::memrchr(b')', stat)? + 1;
    let mut fields = numbers(&stat[after_name..]).skip(11);
    let ticks: u64 = fields.by_ref().take(4).sum();
    let threads = fields.nth(2)?;
    let started = fields.nth(1)?;
    Some(Figures {
        process,
        started,
        cpu_ms: ticks * TICK_MS,
        threads: u32::try_from(threads).unwrap_or(u32::MAX),
        private_bytes: 0,
        shared_bytes: 0,
    })
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
    fn figures(&self, pid: i32) -> io::Result<Option<Figures>> {
        self.call("figures")?.figures(pid)
    }
    fn kernel_text(&self, path: &str) -> io::Result<String> {
        self.call("kernel_text")?.kernel_text(path)
    }
    fn has_unknown_child(&self, is_known: &dyn Fn(i32) -> bool) -> io::Result<bool> {
        self.call("has_unknown_child")?.has_unknown_child(is_known)
    }
    fn variable(&self, pid: i32, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.call("variable")?.variable(pid, name)
    }
    fn own_usage(&self) -> io::Result<OwnUsage> {
        self.call("own_usage")?.own_usage()
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
    fn figures_are_those_of_the_kernel_s_manual() {
        let stat = b"7 (a b) S 3 4 5 0 -1 4194304 100 200 0 0 11 22 33 44 20 0 6 0 98765 1000 200 18446744073709551615";
        let figures = parse_figures(7, stat).unwrap();
        assert_eq!((figures.cpu_ms, figures.threads, figures.started), (1_100, 6, 98_765));
        assert_eq!(figures.process, Process { pid: 7, parent: 3, group: 4, session: 5, zombie: false });
        assert!(parse_figures(7, b"7 (a b) S 3 4 5 0 -1 4194304 100 200 0 0 11 22").is_none(), "cut");
    }

    #[test]
    fn memory_that_is_used_is_private_and_grows() {
        let own = nix::unistd::getpid().as_raw();
        let before = Linux.figures(own).unwrap().unwrap();
        let used = vec![1u8; 64 << 20];
        let after = Linux.figures(own).unwrap().unwrap();
        assert!(after.private_bytes >= before.private_bytes + (60 << 20), "{before:?} {after:?}");
        assert!(after.shared_bytes > 0, "of the program's own file");
        assert_eq!((before.started, used[1]), (after.started, 1));
        assert_eq!(Linux.figures(i32::MAX).unwrap(), None);
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
    fn the_mark_of_one_that_dies_may_come_to_be_known() {
        // To let go of its memory takes a dying process a while, in which it still has its children.
        let script = "x=$(head -c 64000000 /dev/zero | tr '\\0' x); exit 0";
        let mut child = std::process::Command::new("sh").args(["-c", script]).env("MARK", "m").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let mut unknown = 0;
        while let Some(Process { zombie: false, .. }) = Linux.process(pid).unwrap() {
            let mark = Linux.variable(pid, "MARK");
            if Linux.process(pid).unwrap().is_some_and(|process| !process.zombie) {
                unknown += usize::from(mark.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
                assert!(mark.as_ref().is_ok() || mark.as_ref().is_err_and(super::super::files::is_transient), "{mark:?}");
            }
        }
        assert!(child.wait().unwrap().success());
        assert!(unknown > 0, "it was looked at while it died");
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
