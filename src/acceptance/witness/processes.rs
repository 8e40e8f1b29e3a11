//! The kernel's process table and listening ports of a container, read through the engine.
//!
//! A service's leader is the child of PID 1 that carries `PODINIT_SERVICE=name:incarnation` in the environment it was
//! executed with. Some programs, nginx among them, write over that memory; those are known by their command.

use super::shell;
use crate::acceptance::declared::Declared;
use crate::engine::Engine;
use anyhow::{Result, ensure};
use podinit_plan::plan::SERVICE_VARIABLE;
use std::collections::{BTreeMap, BTreeSet};

/// How many of the kernel's ticks, in which it gives start times, make a second. Fixed for programs on Linux.
pub const TICKS_PER_SECOND: u64 = 100;
/// A socket in state LISTEN, as /proc/net/tcp writes it.
const LISTEN: &str = "0A";

/// Every part goes out behind a line that no process can forge, since none knows `$1`. `$2` are the processes.
const SCRIPT: &str = r#"
for p in $2; do
    echo "$1 process"; cat $p/stat
    echo "$1 status"; cat $p/status
    echo "$1 cwd"; readlink $p/cwd
    echo "$1 exe"; readlink $p/exe
    echo "$1 cmdline"; cat $p/cmdline
    echo "$1 environ"; cat $p/environ
done 2>/dev/null
echo "$1 tcp"; cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
echo "$1 passwd"; cat /etc/passwd 2>/dev/null
echo "$1 end"
"#;

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Its id, in the container.
    pub pid: i32,
    /// Its parent; 0 for PID 1 and for what the engine executes.
    pub ppid: i32,
    /// Its session: the leader's id for a service's processes that made none of their own.
    pub session: i32,
    /// `R`, `S`, `Z` and so on.
    pub state: char,
    /// When it was started, in ticks since the host's boot.
    pub started: u64,
    /// Its effective uid.
    pub uid: u32,
    /// Its effective gid.
    pub gid: u32,
    /// Its command line, as it shows it now.
    pub argv: Vec<String>,
    /// Its working folder; none where the kernel does not let it be seen, as that of a process with capabilities.
    pub cwd: Option<String>,
    /// The file it executes; as its folder.
    pub exe: Option<String>,
    /// The service and the incarnation it was started for.
    pub mark: Option<(String, u64)>,
}

/// The container's processes at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// All but those that the engine executed beside PID 1.
    pub processes: BTreeMap<i32, Process>,
    /// Ports that somebody listens on.
    pub listening: BTreeSet<u16>,
    /// The container's `/etc/passwd`.
    pub passwd: String,
}

/// Reads the table of a running container.
///
/// Without a capability that few engines give, nobody may look into the processes of another user, not even root. So
/// the container's own user looks first, and then each other user looks at what is its own.
///
/// # Errors
/// The container does not run or has no `/bin/sh`.
pub async fn read(engine: &Engine, container: &str) -> Result<Table> {
    let fence = format!("fence-{}", super::super::unique());
    let context = || format!("cannot understand the process table of the container {container}");
    let output = shell::run(engine, container, None, SCRIPT, &[&fence, "/proc/[0-9]*"]).await?;
    let mut table = parse(&output, &fence);
    let unseen = table.processes.values().filter(|process| process.exe.is_none() && process.state != 'Z');
    let mut users: BTreeMap<(u32, u32), Vec<String>> = BTreeMap::new();
    for process in unseen {
        users.entry((process.uid, process.gid)).or_default().push(format!("/proc/{}", process.pid));
    }
    for ((uid, gid), folders) in users {
        let user = format!("{uid}:{gid}");
        let output = shell::run(engine, container, Some(&user), SCRIPT, &[&fence, &folders.join(" ")]).await?;
        table.processes.extend(parse(&output, &fence).processes);
    }
    ensure!(table.processes.contains_key(&1), context());
    table.leave_out_others();
    Ok(table)
}

fn parse(output: &[u8], fence: &str) -> Table {
    let text = String::from_utf8_lossy(output);
    let mut table = Table::default();
    let mut process = Process::default();
    for part in text.split(&format!("{fence} ")).skip(1) {
        let (name, content) = part.split_once('\n').unwrap_or((part, ""));
        let link = || Some(content.trim_end_matches('\n').to_owned()).filter(|target| !target.is_empty());
        match name {
            "process" => process = stat(content).unwrap_or_default(),
            "status" => {
                // One that ended while it was read has no status.
                let ids = effective(content, "Uid:").zip(effective(content, "Gid:"));
                (process.uid, process.gid) = ids.unwrap_or_default();
                if ids.is_none() {
                    process.pid = 0;
                }
            }
            "cwd" => process.cwd = link(),
            "exe" => process.exe = link(),
            // A title that a program wrote itself may have no NUL, or many.
            "cmdline" if content.is_empty() => process.argv.clear(),
            "cmdline" => process.argv = content.trim_end_matches('\0').split('\0').map(str::to_owned).collect(),
            "environ" => {
                process.mark = content.split('\0').find_map(mark);
                if process.pid > 0 {
                    table.processes.insert(process.pid, std::mem::take(&mut process));
                }
            }
            "tcp" => table.listening = content.lines().filter_map(listener).collect(),
            "passwd" => table.passwd = content.to_owned(),
            _ => {}
        }
    }
    table
}

/// `/proc/PID/stat`: the name in parentheses may hold anything, parentheses too.
fn stat(content: &str) -> Option<Process> {
    let pid = content.split(' ').next()?.parse().ok()?;
    let fields: Vec<&str> = content[content.rfind(')')? + 1..].split_whitespace().collect();
    Some(Process {
        pid,
        state: fields.first()?.chars().next()?,
        ppid: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        ..Process::default()
    })
}

/// The effective one of the ids in a line of `/proc/PID/status`.
fn effective(status: &str, line: &str) -> Option<u32> {
    status.lines().find_map(|found| found.strip_prefix(line))?.split_whitespace().nth(1)?.parse().ok()
}

fn mark(variable: &str) -> Option<(String, u64)> {
    let (service, incarnation) = variable.strip_prefix(SERVICE_VARIABLE)?.strip_prefix('=')?.rsplit_once(':')?;
    Some((service.to_owned(), incarnation.parse().ok()?))
}

/// The port of a line of /proc/net/tcp, when it listens.
fn listener(line: &str) -> Option<u16> {
    let mut fields = line.split_whitespace().skip(1);
    let port = fields.next()?.rsplit_once(':')?.1;
    (fields.nth(1)? == LISTEN).then(|| u16::from_str_radix(port, 16).ok())?
}

impl Table {
    /// The leader of a service, when it runs.
    #[must_use]
    pub fn leader(&self, service: &Declared) -> Option<&Process> {
        let children = || self.processes.values().filter(|process| process.ppid == 1 && process.state != 'Z');
        let marked = children().filter(|process| process.mark.as_ref().is_some_and(|(name, _)| *name == service.name));
        // Adopted orphans and checks by command are children with the same mark; the leader is the first of its kind.
        let newest = marked.clone().filter_map(|process| process.mark.as_ref().map(|(_, incarnation)| *incarnation)).max();
        marked
            .filter(|process| process.mark.as_ref().map(|(_, incarnation)| *incarnation) == newest)
            .min_by_key(|process| (process.started, process.pid))
            .or_else(|| {
                children().find(|process| process.mark.is_none() && process.session == process.pid && service.is_run_by(process))
            })
    }

    /// The leaders of all services that run, by name.
    #[must_use]
    pub fn leaders<'d>(&self, services: impl IntoIterator<Item = &'d Declared>) -> BTreeMap<String, &Process> {
        services.into_iter().filter_map(|service| Some((service.name.clone(), self.leader(service)?))).collect()
    }

    /// A process and all that descend from it or are of its session, but for PID 1.
    #[must_use]
    pub fn tree(&self, leader: &Process) -> Vec<&Process> {
        let descends = |process: &Process| {
            let mut at = process;
            loop {
                if at.pid == leader.pid || (at.session == leader.pid && at.pid != 1) {
                    return true;
                }
                match self.processes.get(&at.ppid) {
                    Some(parent) if at.pid != 1 => at = parent,
                    _ => return false,
                }
            }
        };
        self.processes
            .values()
            .filter(|process| descends(process) || (process.mark.is_some() && process.mark == leader.mark))
            .collect()
    }

    /// Whether this very process, and not another that got its id, is still there.
    #[must_use]
    pub fn has(&self, process: &Process) -> bool {
        self.processes.get(&process.pid).is_some_and(|found| found.started == process.started && found.state != 'Z')
    }

    /// Takes away what the engine executed beside PID 1, this witness among it.
    fn leave_out_others(&mut self) {
        let others: Vec<i32> = self.processes.keys().copied().filter(|pid| self.root(*pid) != 1).collect();
        for pid in others {
            self.processes.remove(&pid);
        }
    }

    /// The first of a process's ancestors.
    fn root(&self, pid: i32) -> i32 {
        let mut at = pid;
        while let Some(process) = self.processes.get(&at).filter(|process| process.ppid != 0) {
            at = process.ppid;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the script prints of one process.
    fn printed(pid: i32, comm: &str, ppid: i32, session: i32, uid: u32, argv: &str, environ: &str) -> String {
        let zeros = "0 ".repeat(15);
        format!(
            "F process\n{pid} ({comm}) S {ppid} {pid} {session} {zeros}{} 0 0\nF status\nName:\tx\nUid:\t7\t{uid}\t7\t7\nGid:\t7\t8\t7\t7\n\
             F cwd\n/app\nF exe\n/bin/{comm}\nF cmdline\n{argv}F environ\n{environ}",
            1000 + pid
        )
    }

    fn table(processes: &[String]) -> Table {
        let tcp = "F tcp\n  sl  local_address rem_address   st tx_queue\n   0: 0100007F:0BB9 00000000:0000 0A 0:0\n   \
                   1: 0100007F:1F90 0100007F:9999 01 0:0\nF passwd\nroot:x:0:0\nF end\n";
        let text = format!("{}{tcp}", processes.concat());
        let mut table = parse(text.as_bytes(), "F");
        table.leave_out_others();
        table
    }

    fn service(name: &str, argv: &[&str]) -> Declared {
        let plan = crate::acceptance::order::tests::plan(&[(name, 1, &[])]);
        let mut declared = super::super::super::declared::declare(&plan, &BTreeMap::new()).unwrap().remove(name).unwrap();
        declared.argv = argv.iter().map(|word| (*word).to_owned()).collect();
        declared
    }

    #[test]
    fn names_with_parentheses_and_spaces_do_not_shift_the_fields() {
        let table = table(&[
            printed(1, "podinit", 0, 1, 0, "podinit\0", ""),
            printed(7, "a) S 99 (b", 1, 7, 33, "a\0b c\0\0", "X=1\0PODINIT_SERVICE=odd:name:3\0"),
        ]);
        let process = &table.processes[&7];
        assert_eq!((process.ppid, process.session, process.started), (1, 7, 1007));
        assert_eq!((process.uid, process.gid), (33, 8));
        assert_eq!(process.argv, ["a", "b c"]);
        assert_eq!(process.mark, Some(("odd:name".to_owned(), 3)));
        assert_eq!(table.listening, BTreeSet::from([3001]));
        assert_eq!(table.passwd, "root:x:0:0\n");
    }

    #[test]
    fn what_the_engine_executes_is_left_out_with_its_children() {
        let table = table(&[
            printed(1, "podinit", 0, 1, 0, "podinit\0", ""),
            printed(50, "sh", 0, 50, 0, "sh\0", ""),
            printed(51, "cat", 50, 50, 0, "cat\0", ""),
        ]);
        assert_eq!(table.processes.keys().copied().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn the_leader_is_neither_an_orphan_nor_a_check_nor_of_an_older_incarnation() {
        let table = table(&[
            printed(1, "podinit", 0, 1, 0, "podinit\0", ""),
            printed(5, "old", 1, 4, 0, "old\0", "PODINIT_SERVICE=web:1\0"),
            printed(8, "web", 1, 8, 0, "web\0", "PODINIT_SERVICE=web:2\0"),
            printed(9, "child", 8, 8, 0, "child\0", "PODINIT_SERVICE=web:2\0"),
            printed(12, "check", 1, 12, 0, "check\0", "PODINIT_SERVICE=web:2\0"),
        ]);
        let leader = table.leader(&service("web", &["web"])).unwrap();
        assert_eq!(leader.pid, 8);
        assert_eq!(table.tree(leader).iter().map(|process| process.pid).collect::<Vec<_>>(), [8, 9, 12]);
        assert!(table.leader(&service("other", &["x"])).is_none());
    }

    #[test]
    fn nginx_is_known_though_it_has_written_over_its_mark() {
        let table = table(&[
            printed(1, "podinit", 0, 1, 0, "podinit\0", ""),
            printed(20, "nginx", 1, 20, 33, "nginx: master process nginx -c /n.conf", "\0\0\0"),
            printed(21, "nginx", 20, 20, 33, "nginx: worker process", "\0\0"),
        ]);
        let gateway = service("gateway", &["nginx", "-c", "/n.conf"]);
        let master = table.leader(&gateway).unwrap();
        assert_eq!(master.pid, 20);
        assert_eq!(table.tree(master).len(), 2);
    }
}
