//! Every line of the container's log begins with the name of a service, or podinit's, or has it in its envelope, and is
//! that service's own; its log file, when it has one, gets the line as it was written. Lines of a service whose format is
//! raw are nobody's.
//!
//! How: a line is written into each running service's stdout, through the kernel's link to it.
//! Witness: the bytes that the engine has of the log, and the files in the container.

use super::super::context::Context;
use super::super::pod::until;
use super::super::report::Outcome;
use super::super::unique;
use super::super::witness::logs::{Line, SEPARATOR};
use anyhow::Result;
use podinit_plan::plan::Format;
use std::time::Duration;

/// From a line's being written to its being in the log and the file.
const ARRIVES_WITHIN: Duration = Duration::from_secs(5);
/// Writes `$2` to the stdout of process `$1`, unless that leads elsewhere by the service's own doing.
const WRITE: &str = r#"
case "$(readlink "/proc/$1/fd/1")" in
    pipe:*|socket:*) printf '%s\n' "$2" > "/proc/$1/fd/1" && echo written ;;
    *) echo elsewhere ;;
esac
"#;

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let pod = context.shared()?;
    let table = pod.table().await?;
    let (mut problems, mut written) = (Vec::new(), Vec::new());
    for service in context.declared.values() {
        let Some(leader) = table.leader(service) else { continue };
        let marker = format!("a line for {} {}", service.name, unique());
        let did = pod.shell_as(leader, WRITE, &[&leader.pid.to_string(), &marker]).await?;
        if did.starts_with(b"written") {
            written.push((service, marker));
        }
    }
    for (service, marker) in &written {
        let is_it = |line: &Line| match service.format {
            Some(Format::Raw) => line.text == *marker,
            Some(Format::Prefix) => line.text == format!("{}{SEPARATOR}{marker}", service.name),
            Some(Format::Json) => line.text.starts_with('{') && line.of(&service.name).is_some_and(|text| text == *marker),
            None => true,
        };
        let arrived = until(ARRIVES_WITHIN, || async { Ok(pod.logs().await?.iter().any(is_it).then_some(())) });
        if arrived.await?.is_none() {
            let found = pod.logs().await?.into_iter().find(|line| line.text.contains(marker));
            let found = found.map_or("is not in the log".to_owned(), |line| format!("arrived as `{}`", line.text));
            problems.push(format!("a line of {} {found}", service.name));
        }
        let Some(file) = service.log_files.first() else { continue };
        let script = "grep -cxF -- \"$2\" \"$1\" 2>/dev/null || :";
        let arrived = until(ARRIVES_WITHIN, || async {
            Ok(pod.shell(script, &[&file.path, marker]).await?.starts_with(b"1").then_some(()))
        });
        if arrived.await?.is_none() {
            problems.push(format!("a line of {} is not in {}", service.name, file.path));
        }
    }
    let lines = pod.logs().await?;
    let known = |name: &str| name == "podinit" || context.declared.contains_key(name);
    let is_raw = context.declared.values().any(|service| service.format == Some(Format::Raw));
    let stray = lines.iter().find(|line| !line.attributed().is_some_and(|(name, _)| known(&name)));
    if let Some(stray) = stray.filter(|_| !is_raw) {
        problems.push(format!("the line `{}` is of no service", stray.text));
    }
    Ok(Outcome::of(&problems, format!("{} lines, each with its service; {} written as a test", lines.len(), written.len())))
}
