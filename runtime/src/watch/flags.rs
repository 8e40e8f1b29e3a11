//! Files that are there while services are not ready, so that a gateway sends nothing to one that listens but is not.
//!
//! A gateway may answer for a service as soon as its file is gone, and clients ask as soon as the pod is ready: so the pod
//! is not as long as a file is on its way out.

use crate::keeper::Content;
use crate::machine::Millis;
use podinit_plan::plan::UnreadyFlags;
use std::path::{Path, PathBuf};

/// A file that could not be made or removed is tried again after this.
const RETRY: Millis = 1_000;

/// The files of a pod.
#[derive(Debug)]
pub struct Flags {
    folder: PathBuf,
    flags: Vec<Flag>,
    retry_at: Option<Millis>,
}

#[derive(Debug)]
struct Flag {
    path: PathBuf,
    /// The services of which none is ready while it is there, and which of them are.
    services: Vec<(String, bool)>,
    /// It is as it should be.
    is_settled: bool,
}

impl Flag {
    fn is_up(&self) -> bool {
        !self.services.iter().any(|(_, is_ready)| *is_ready)
    }

    fn content(&self) -> (PathBuf, Content) {
        (self.path.clone(), if self.is_up() { Content::Bytes(Vec::new()) } else { Content::Nothing })
    }
}

impl Flags {
    /// Those of a plan, all of them there: nothing is ready yet.
    #[must_use]
    pub fn new(planned: &UnreadyFlags) -> Flags {
        let folder = PathBuf::from(&planned.folder);
        let flag = |(name, services): (&String, &Vec<String>)| Flag {
            path: folder.join(name),
            services: services.iter().map(|service| (service.clone(), false)).collect(),
            is_settled: true,
        };
        Flags { flags: planned.flags.iter().map(flag).collect(), folder, retry_at: None }
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All of them.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.flags.iter().map(|flag| flag.path.as_path())
    }

    /// A service is ready, or is not. Gives the files that are to be another way now.
    pub fn changed(&mut self, service: &str, is_ready: bool) -> Vec<(PathBuf, Content)> {
        let mut changed = Vec::new();
        for flag in &mut self.flags {
            let was_up = flag.is_up();
            for (_, known) in flag.services.iter_mut().filter(|(name, _)| name == service) {
                *known = is_ready;
            }
            if flag.is_up() != was_up {
                flag.is_settled = false;
                changed.push(flag.content());
            }
        }
        changed
    }

    /// A file is as was wanted last, or it could not be done.
    pub fn done(&mut self, path: &Path, is_done: bool, now: Millis) {
        if let Some(flag) = self.flags.iter_mut().find(|flag| flag.path == path) {
            flag.is_settled = is_done;
            if !is_done {
                self.retry_at = Some(now + RETRY);
            }
        }
    }

    /// When [`Flags::retry`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.retry_at
    }

    /// What is to be tried again now.
    pub fn retry(&mut self, now: Millis) -> Vec<(PathBuf, Content)> {
        if self.retry_at.take_if(|at| *at <= now).is_none() {
            return Vec::new();
        }
        self.flags.iter().filter(|flag| !flag.is_settled).map(Flag::content).collect()
    }

    /// Whether no gateway still takes a service that is ready for one that is not.
    #[must_use]
    pub fn are_down_for_the_ready(&self) -> bool {
        self.flags.iter().all(|flag| flag.is_settled || flag.is_up())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn flags() -> Flags {
        let services = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let flags = BTreeMap::from([("api".to_owned(), services(&["api"])), ("web".to_owned(), services(&["web-0", "web-1"]))]);
        Flags::new(&UnreadyFlags { folder: "/run/unready".to_owned(), flags })
    }

    #[test]
    fn a_flag_is_there_while_none_of_its_services_is_ready() {
        let mut flags = flags();
        assert_eq!(flags.paths().count(), 2);
        let web = PathBuf::from("/run/unready/web");
        assert_eq!(flags.changed("web-1", true), [(web.clone(), Content::Nothing)]);
        assert_eq!(flags.changed("web-0", true), []);
        assert_eq!(flags.changed("web-1", false), []);
        assert_eq!(flags.changed("db", true), []);
        assert_eq!(flags.changed("web-0", false), [(web, Content::Bytes(Vec::new()))]);
    }

    #[test]
    fn the_pod_waits_for_flags_that_are_on_their_way_out_and_those_that_cannot_be_removed_are_tried_again() {
        let mut flags = flags();
        let api = PathBuf::from("/run/unready/api");
        assert!(flags.are_down_for_the_ready());
        flags.changed("api", true);
        assert!(!flags.are_down_for_the_ready());
        flags.done(&api, false, 500);
        assert_eq!((flags.deadline(), flags.retry(1_499)), (Some(1_500), Vec::new()));
        assert_eq!(flags.retry(1_500), [(api.clone(), Content::Nothing)]);
        assert_eq!((flags.deadline(), flags.are_down_for_the_ready()), (None, false));
        flags.done(&api, true, 1_600);
        assert!(flags.are_down_for_the_ready());
        flags.changed("api", false);
        assert!(flags.are_down_for_the_ready(), "it is not ready anyway");
    }
}
