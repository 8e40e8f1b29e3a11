//! What podinit watches besides the services' checks, and where it says how the pod is: flags of services that are not
//! ready, how full disks are, the pod's health as a file. Pure: threads look and write, the loop is told.

mod disks;
mod flags;
mod report;

pub use disks::{Disks, Said};
pub use flags::Flags;
pub use report::{Figures, Report, cpu_us};

use crate::machine::Millis;
use podinit_plan::plan::Monitor;

/// All of it.
#[derive(Debug, Default)]
pub struct Watch {
    /// None where nobody wants any, or they cannot be made.
    pub flags: Option<Flags>,
    /// None where none are watched.
    pub disks: Option<Disks>,
    /// None where no file is wanted.
    pub report: Option<Report>,
}

impl Watch {
    /// What a plan wants; `flags` are those that could be raised.
    #[must_use]
    pub fn new(plan: &Monitor, flags: Option<Flags>) -> Watch {
        Watch { flags, disks: plan.disk.as_ref().map(Disks::new), report: plan.health_file.as_ref().map(Report::new) }
    }

    /// When something is to be done at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let flags = self.flags.as_ref().and_then(Flags::deadline);
        let disks = self.disks.as_ref().map(Disks::deadline);
        let report = self.report.as_ref().map(Report::deadline);
        [flags, disks, report].into_iter().flatten().min()
    }
}
