//! The container's memory, as its cgroup tells it: which cgroup that is, by both versions, and what its files say.

use crate::sys::Sys;
use std::path::Path;

/// Limits above this are the kernel's way to say that there is none.
const UNLIMITED: u64 = 1 << 60;

/// Where the container's cgroup shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    is_v2: bool,
    /// Its own folder, then those of the cgroups around it, as far as they can be seen.
    folders: Vec<String>,
    /// It is the first version's root: what it uses is the host's. The second version does not say what its root uses.
    is_root: bool,
}

/// What it says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// What is used, without what the kernel could drop at once.
    pub bytes: Option<u64>,
    /// The least limit of it and those around it.
    pub limit: Option<u64>,
    /// How many of its processes the kernel has killed for lack of memory.
    pub oom_kills: Option<u64>,
    /// The share of the last 10 s that some process waited for memory, in percent.
    pub pressure: Option<f64>,
}

impl Cgroup {
    /// Finds it from `/proc/self/cgroup` and `/proc/self/mountinfo`.
    #[must_use]
    pub fn find(cgroup: &str, mounts: &str) -> Option<Cgroup> {
        let of = |is_mine: fn(&str) -> bool| {
            cgroup.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                is_mine(controllers).then_some(path)
            })
        };
        // Where both are there, the controller is at the first version's.
        let v1 = of(|controllers| controllers.split(',').any(|controller| controller == "memory"));
        let (is_v2, path) = match v1 {
            Some(path) => (false, path),
            None => (true, of(str::is_empty)?),
        };
        let (root, point) = mounts.lines().find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let mut kind = kind.split(' ');
            let is_mine = match kind.next()? {
                "cgroup2" => is_v2,
                "cgroup" => !is_v2 && kind.nth(1)?.split(',').any(|option| option == "memory"),
                _ => false,
            };
            let mut fields = mount.split(' ').skip(3);
            is_mine.then_some((fields.next()?, fields.next()?))
        })?;
        // What is mounted is most often the container's own cgroup; when podinit is in none of what is mounted, it is
        // said from another place, and what is mounted is all that there is.
        let below = Path::new(path).strip_prefix(root).ok().filter(|below| !below.starts_with("..")).unwrap_or(Path::new(""));
        let own = Path::new(point).join(below);
        let folders = own.ancestors().take_while(|folder| folder.starts_with(point));
        let folders = folders.map(|folder| folder.display().to_string()).collect();
        Some(Cgroup { is_v2, folders, is_root: !is_v2 && path == "/" && root == "/" })
    }

    /// Asks it.
    pub fn read<S: Sys>(&self, sys: &S) -> Reading {
        let own = self.folders.first();
        let limit_of = |folder: &str| number(sys, folder, self.name("memory.limit_in_bytes", "memory.max"));
        let limits = self.folders.iter().filter_map(|folder| Some((limit_of(folder)?, folder)));
        let least = limits.filter(|(limit, _)| *limit < UNLIMITED).min_by_key(|(limit, _)| *limit);
        // Those around it may be nearer to their limit than it is to its own, with what others use there.
        let place = least.map(|(_, folder)| folder).or(own.filter(|_| !self.is_root));
        let bytes = place.and_then(|folder| {
            let used = number(sys, folder, self.name("memory.usage_in_bytes", "memory.current"))?;
            let stat = sys.kernel_text(&format!("{folder}/memory.stat")).unwrap_or_default();
            let droppable = value(&stat, self.name("total_inactive_file", "inactive_file")).unwrap_or(0);
            Some(used.saturating_sub(droppable))
        });
        let own_pressure = own.filter(|_| self.is_v2).and_then(|own| pressure(sys, &format!("{own}/memory.pressure")));
        Reading {
            bytes,
            limit: least.map(|(limit, _)| limit),
            oom_kills: self.oom_kills(sys),
            pressure: own_pressure.or_else(|| pressure(sys, "/proc/pressure/memory")),
        }
    }

    /// How many of its processes the kernel has killed for lack of memory.
    pub fn oom_kills<S: Sys>(&self, sys: &S) -> Option<u64> {
        let (folder, file) = (self.folders.first()?, self.name("memory.oom_control", "memory.events"));
        value(&sys.kernel_text(&format!("{folder}/{file}")).ok()?, "oom_kill")
    }

    fn name(&self, v1: &'static str, v2: &'static str) -> &'static str {
        if self.is_v2 { v2 } else { v1 }
    }
}

/// The host's memory.
pub fn host<S: Sys>(sys: &S) -> Option<u64> {
    let text = sys.kernel_text("/proc/meminfo").ok()?;
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kilobytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// A file that has a number and nothing else; `max` is none.
fn number<S: Sys>(sys: &S, folder: &str, file: &str) -> Option<u64> {
    sys.kernel_text(&format!("{folder}/{file}")).ok()?.trim().parse().ok()
}

/// The number in the line of that name.
fn value(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// `some avg10=1.50 avg60=...`
fn pressure<S: Sys>(sys: &S, file: &str) -> Option<f64> {
    let text = sys.kernel_text(file).ok()?;
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let (whole, hundredths) = some.split(' ').find_map(|field| field.strip_prefix("avg10=")?.split_once('.'))?;
    Some(f64::from(whole.parse::<u32>().ok()?) + f64::from(hundredths.parse::<u32>().ok()?) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Linux;

    const V1_MOUNTS: &str = "22 1 0:20 / /proc rw - proc proc rw\n\
        30 25 0:26 /docker/c0ffee /sys/fs/cgroup/cpu ro,nosuid - cgroup cgroup rw,cpu,cpuacct\n\
        31 25 0:27 /docker/c0ffee /sys/fs/cgroup/memory ro,nosuid master:9 - cgroup cgroup rw,memory\n";
    const V2_MOUNTS: &str = "22 1 0:20 / /proc rw - proc proc rw\n29 25 0:26 / /sys/fs/cgroup ro shared:4 - cgroup2 cgroup rw\n";

    fn folders(cgroup: &str, mounts: &str) -> Vec<String> {
        let found = Cgroup::find(cgroup, mounts).unwrap();
        found.folders.iter().map(|folder| folder.trim_end_matches('/').to_owned()).collect()
    }

    #[test]
    fn a_container_s_cgroup_is_what_is_mounted() {
        let v1 = "5:cpu,cpuacct:/docker/c0ffee\n4:memory:/docker/c0ffee\n0::/system.slice\n";
        assert_eq!(folders(v1, V1_MOUNTS), ["/sys/fs/cgroup/memory"]);
        assert_eq!(folders("0::/\n", V2_MOUNTS), ["/sys/fs/cgroup"]);
        // Seen from another cgroup namespace than the mount's.
        assert_eq!(folders("0::/../other\n", V2_MOUNTS), ["/sys/fs/cgroup"]);
        assert_eq!(folders("0::/other\n", "29 25 0:26 /mine /sys/fs/cgroup ro - cgroup2 cgroup rw\n"), ["/sys/fs/cgroup"]);
    }

    #[test]
    fn those_around_it_count_as_far_as_they_are_seen() {
        assert_eq!(folders("0::/pod/own\n", V2_MOUNTS), ["/sys/fs/cgroup/pod/own", "/sys/fs/cgroup/pod", "/sys/fs/cgroup"]);
        assert_eq!(folders("4:memory:/docker/c0ffee/in\n", V1_MOUNTS)[0], "/sys/fs/cgroup/memory/in");
        assert_eq!(Cgroup::find("4:memory:/\n", V2_MOUNTS), None, "its controller is mounted nowhere");
        assert_eq!(Cgroup::find("", ""), None);
    }

    /// The cgroup of a folder with these files.
    fn of(is_v2: bool, files: &[(&str, &str)]) -> (tempfile::TempDir, Cgroup) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let folders = ["own", ""].map(|name| folder.path().join(name).display().to_string()).to_vec();
        (folder, Cgroup { is_v2, folders, is_root: false })
    }

    #[test]
    fn the_second_version_s_files_are_read() {
        let (_folder, cgroup) = of(
            true,
            &[
                ("own/memory.max", "max\n"),
                ("own/memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n"),
                ("own/memory.pressure", "some avg10=1.50 avg60=0.20 avg300=0.00 total=9\nfull avg10=0.50 avg60=0.0\n"),
                ("memory.max", "1000\n"),
                ("memory.current", "900\n"),
                ("memory.stat", "anon 300\nfile 600\ninactive_anon 5\ninactive_file 400\nactive_file 200\n"),
            ],
        );
        let reading = cgroup.read(&Linux);
        let expected = Reading { bytes: Some(500), limit: Some(1000), oom_kills: Some(2), pressure: Some(1.5) };
        assert_eq!(reading, expected, "the limit of the cgroup around it, and what is used there");
    }

    #[test]
    fn the_first_version_s_files_are_read() {
        let (_folder, cgroup) = of(
            false,
            &[
                ("own/memory.limit_in_bytes", "64000\n"),
                ("own/memory.usage_in_bytes", "60000\n"),
                ("own/memory.stat", "cache 1\ninactive_file 1\ntotal_inactive_file 20000\n"),
                ("own/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"),
                ("memory.limit_in_bytes", "9223372036854771712\n"),
            ],
        );
        let Reading { bytes, limit, oom_kills, .. } = cgroup.read(&Linux);
        assert_eq!((bytes, limit, oom_kills), (Some(40_000), Some(64_000), Some(5)));
    }

    #[test]
    fn what_is_not_there_is_not_guessed() {
        let (_folder, cgroup) = of(true, &[("own/memory.events", "rubbish")]);
        let Reading { bytes, limit, oom_kills, .. } = cgroup.read(&Linux);
        assert_eq!((bytes, limit, oom_kills), (None, None, None));
    }
}
