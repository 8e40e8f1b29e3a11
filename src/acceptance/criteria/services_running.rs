//! Every service that starts by itself runs: its declared command, in its folder, as its user, as a child of PID 1,
//! which is podinit.
//!
//! Witness: the kernel's process table.

use super::super::context::Context;
use super::super::declared::uid;
use super::super::report::Outcome;
use anyhow::Result;
use podinit_plan::plan::PODINIT;

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let pod = context.shared()?;
    let table = pod.table().await?;
    let mut problems = Vec::new();
    let first = table.processes.get(&1).and_then(|first| first.exe.as_deref());
    if first != Some(PODINIT) {
        problems.push(format!("PID 1 executes {}, not {PODINIT}", first.unwrap_or("what nobody may see")));
    }
    let mut running = 0;
    for service in context.declared.values() {
        let name = &service.name;
        let leader = match table.leader(service) {
            Some(leader) if service.stays() => leader,
            None if service.stays() => {
                problems.push(format!("{name} does not run"));
                continue;
            }
            Some(_) if !service.autostart => {
                problems.push(format!("{name} runs, though it is not to start by itself"));
                continue;
            }
            _ => continue,
        };
        running += 1;
        if !service.is_run_by(leader) {
            problems.push(format!("{name} runs `{}`, not `{}`", leader.argv.join(" "), service.argv.join(" ")));
        }
        if let Some(cwd) = &leader.cwd {
            // The kernel shows folders without symbolic links.
            let folder = pod.shell("cd \"$1\" && pwd -P", &[&service.working_dir]).await?;
            if *cwd != String::from_utf8_lossy(&folder).trim_end_matches('\n') {
                problems.push(format!("{name} works in {cwd}, not in {}", service.working_dir));
            }
        }
        let wanted = service.user.as_deref().map(|user| (user, uid(user, &table.passwd)));
        match wanted {
            Some((user, None)) => problems.push(format!("{name} is to run as {user}, whom the image does not know")),
            Some((user, Some(uid))) if uid != leader.uid => {
                problems.push(format!("{name} runs as uid {}, not as {user} ({uid})", leader.uid));
            }
            _ => {}
        }
    }
    Ok(Outcome::of(&problems, format!("{running} services run as declared, as children of podinit")))
}
