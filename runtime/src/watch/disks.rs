//! How full disks are. Threads look, for a disk may not answer; one that never does holds up the looks at others as little
//! as it can.

use crate::machine::Millis;
use crate::sys::files::Space;
use podinit_plan::plan::DiskMonitor;
use podinit_plan::protocol::{Event as Record, EventKind};
use podinit_plan::units::format_size;
use std::path::{Path, PathBuf};

/// Looks at a time: threads are few.
const MAX_LOOKS: usize = 2;
/// A disk that was nearly full is so until it is by so much below its threshold, in percent of its size.
const HYSTERESIS: u64 = 2;

/// The disks that are watched.
#[derive(Debug)]
pub struct Disks {
    disks: Vec<Disk>,
    warn_percent: u64,
    interval: Millis,
    next: Millis,
}

#[derive(Debug)]
struct Disk {
    path: PathBuf,
    look: Look,
    space: Option<Space>,
    is_full: bool,
    /// The last look failed, and that was said.
    is_known_to_fail: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// None is due.
    Done,
    Due,
    UnderWay,
}

/// What is to be said of a disk.
#[derive(Debug, PartialEq)]
pub enum Said {
    /// It crossed its threshold.
    Crossed(Box<Record>),
    /// It could not be looked at, in words; once.
    Failed(String),
}

impl Disks {
    /// Those of a plan; the first look is due at once.
    #[must_use]
    pub fn new(planned: &DiskMonitor) -> Disks {
        let disk = |path: &String| Disk {
            path: PathBuf::from(path),
            look: Look::Done,
            space: None,
            is_full: false,
            is_known_to_fail: false,
        };
        Disks {
            disks: planned.paths.iter().map(disk).collect(),
            warn_percent: planned.warn_percent.into(),
            interval: planned.interval_ms,
            next: 0,
        }
    }

    /// When [`Disks::to_look_at`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Millis {
        self.next
    }

    /// Paths that are to be looked at now. [`Disks::looked`] tells what came of each; call this again after that.
    pub fn to_look_at(&mut self, now: Millis) -> Vec<PathBuf> {
        if self.next <= now {
            self.next = now.saturating_add(self.interval);
            for disk in self.disks.iter_mut().filter(|disk| disk.look == Look::Done) {
                disk.look = Look::Due;
            }
        }
        let under_way = self.disks.iter().filter(|disk| disk.look == Look::UnderWay).count();
        let due = self.disks.iter_mut().filter(|disk| disk.look == Look::Due);
        let look = |disk: &mut Disk| {
            disk.look = Look::UnderWay;
            disk.path.clone()
        };
        due.take(MAX_LOOKS - under_way).map(look).collect()
    }

    /// A look is over. Gives what is to be said.
    pub fn looked(&mut self, path: &Path, found: Result<Space, String>) -> Option<Said> {
        let disk = self.disks.iter_mut().find(|disk| disk.path == path)?;
        disk.look = Look::Done;
        let known = std::mem::replace(&mut disk.is_known_to_fail, found.is_err());
        disk.space = found.as_ref().ok().copied();
        let space = match found {
            Ok(space) => space,
            Err(_) if known => return None,
            Err(error) => return Some(Said::Failed(format!("cannot look how full {} is: {error}", path.display()))),
        };
        let percent = space.percent();
        let threshold = if disk.is_full { self.warn_percent.saturating_sub(HYSTERESIS) } else { self.warn_percent };
        let is_full = percent >= threshold;
        if std::mem::replace(&mut disk.is_full, is_full) == is_full {
            return None;
        }
        let event = if is_full { EventKind::DiskFull } else { EventKind::DiskNormal };
        let sizes = format!("{} of {}", format_size(space.used), format_size(space.total));
        Some(Said::Crossed(Box::new(Record {
            path: Some(path.display().to_string()),
            bytes: Some(space.used),
            limit_bytes: Some(space.total),
            reason: Some(format!("the disk of {} is {percent}% full: {sizes} are used", path.display())),
            ..Record::new(event)
        })))
    }

    /// What is known of each disk; of one that does not answer, nothing.
    pub fn spaces(&self) -> impl Iterator<Item = (&Path, Option<Space>)> {
        self.disks.iter().map(|disk| (disk.path.as_path(), disk.space))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disks(paths: &[&str]) -> Disks {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Disks::new(&DiskMonitor { paths, interval_ms: 60_000, warn_percent: 90 })
    }

    /// So many percent of a disk are used.
    fn used(percent: u64) -> Result<Space, String> {
        Ok(Space { total: 110 << 20, used: percent << 20, free: (100 - percent) << 20 })
    }

    #[test]
    fn fullness_is_what_those_who_are_not_root_see() {
        for (used, free, percent) in [(0, 0, 0), (0, 7, 0), (1, 999, 1), (90, 10, 90), (901, 99, 91), (7, 0, 100)] {
            assert_eq!(Space { total: 5_000, used, free }.percent(), percent);
        }
    }

    #[test]
    fn a_crossing_is_said_once_each_way_and_what_wavers_around_the_threshold_is_not() {
        let mut disks = disks(&["/data"]);
        let mut say = |percent| match disks.looked(Path::new("/data"), used(percent)) {
            Some(Said::Crossed(record)) => Some(record),
            None => None,
            failed => panic!("{failed:?}"),
        };
        assert_eq!(say(89), None);
        let full = say(90).unwrap();
        assert_eq!((full.event, full.path.as_deref()), (EventKind::DiskFull, Some("/data")));
        assert_eq!((full.bytes, full.limit_bytes), (Some(90 << 20), Some(110 << 20)));
        assert_eq!(full.reason.as_deref(), Some("the disk of /data is 90% full: 90MB of 110MB are used"));
        for percent in [99, 89, 90, 88] {
            assert_eq!(say(percent), None, "{percent}");
        }
        assert_eq!(say(87).unwrap().event, EventKind::DiskNormal);
        assert_eq!(say(89), None);
        assert_eq!(say(100).unwrap().event, EventKind::DiskFull);
    }

    #[test]
    fn disks_that_do_not_answer_are_not_asked_again_and_those_that_fail_are_said_once() {
        let paths = ["/a", "/b", "/c"].map(PathBuf::from);
        let mut disks = disks(&["/a", "/b", "/c"]);
        assert_eq!(disks.to_look_at(0), paths[..2]);
        assert_eq!((disks.to_look_at(1), disks.deadline()), (Vec::new(), 60_000));
        assert_eq!(
            disks.looked(&paths[0], Err("no such file".to_owned())),
            Some(Said::Failed("cannot look how full /a is: no such file".to_owned()))
        );
        assert_eq!(disks.to_look_at(2), paths[2..]);
        assert_eq!(disks.looked(&paths[2], used(1)), None);
        // /b never answers; the others are looked at all the same.
        assert_eq!(disks.to_look_at(60_000), paths[..1]);
        assert_eq!(disks.looked(&paths[0], Err("no such file".to_owned())), None);
        assert_eq!(disks.to_look_at(60_001), paths[2..]);
        let known: Vec<_> = disks.spaces().map(|(_, space)| space.is_some()).collect();
        assert_eq!(known, [false, false, true]);
    }
}
