//! Nothing that has ended stays in the process table: neither what services leave, nor orphans that PID 1 inherits.
//!
//! How: a shell makes a thousand orphans. Witness: the kernel's process table.

use super::super::context::Context;
use super::super::pod::until;
use super::super::report::Outcome;
use anyhow::Result;
use std::time::Duration;

/// How many orphans are made.
const ORPHANS: usize = 1_000;
/// Each outlives the subshell that made it, and so becomes PID 1's.
const MAKE: &str = "i=0; while [ $i -lt \"$1\" ]; do (sleep 0.05 &); i=$((i+1)); done";
/// A moment: whoever has ended is reaped by then.
const REAPED_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let pod = context.shared()?;
    pod.shell(MAKE, &[&ORPHANS.to_string()]).await?;
    let zombies = async || -> Result<Vec<String>> {
        let table = pod.table().await?;
        let zombies = table.processes.values().filter(|process| process.state == 'Z');
        Ok(zombies.map(|process| format!("{} (child of {})", process.pid, process.ppid)).collect())
    };
    match until(REAPED_WITHIN, || async { Ok(zombies().await?.is_empty().then_some(())) }).await? {
        Some(()) => Ok(Outcome::Passed(format!("none is left of {ORPHANS} orphans, nor of anything else"))),
        None => {
            let left = zombies().await?;
            Ok(Outcome::Failed(format!(
                "{} zombies stay, among them {}",
                left.len(),
                left.iter().take(5).cloned().collect::<Vec<_>>().join(", ")
            )))
        }
    }
}
