//! A service starts only when all that must be up before it answers, and a oneshot before it has come to its end.
//!
//! How: in a container of its own every service's command is held by a shell that executes it only when it is told to;
//! checks, dependencies and priorities stay the image's own. So no service answers unless the test lets it, and what
//! must wait for it must not be there. One gate after the other is then opened, and what waits behind it must come.
//! This depends on no timing of the services themselves, and even a oneshot of a millisecond cannot be missed.
//!
//! Witness: the kernel's process table and its list of listening ports. Services that are ready by having been alive
//! for a while answer nothing; start-order judges those.

use super::super::context::Context;
use super::super::declared::Declared;
use super::super::pod::{LOOK, TestPod, Variation};
use super::super::report::Outcome;
use super::super::witness::processes::Table;
use anyhow::Result;
use podinit_plan::plan::{Kind, Ready};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// The held command's shell waits for the file that is its `$0`, then becomes the command.
const HOLD: &str = r#"until [ -e "$0" ]; do sleep 0.05; done; exec "$@""#;
/// Where those files are.
const FOLDER: &str = "/tmp/.podctl-test";
/// Nothing new for this long: what is to start before the next gate opens has started. Longer than podinit's pause
/// between two checks of a service that is starting.
const QUIET: Duration = Duration::from_millis(700);
/// The longest a service may take to come once nothing holds it.
const COMES_WITHIN: Duration = Duration::from_secs(60);
/// A service that may start for less than this cannot be held long enough to see anything.
const SHORTEST_START_TIMEOUT_MS: u64 = 5_000;

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let holdable = |service: &&Declared| {
        let limit = context.plan.services[&service.name].start_timeout_ms;
        service.starts() && (limit == 0 || limit >= SHORTEST_START_TIMEOUT_MS)
    };
    let held: BTreeSet<&str> = context.declared.values().filter(holdable).map(|service| service.name.as_str()).collect();
    let is_waited_for =
        |name: &str| context.declared.values().any(|other| other.starts() && context.predecessors[&other.name].contains(name));
    let answers = |service: &Declared| service.kind == Kind::Oneshot || !matches!(service.ready, Ready::AliveMs(_));
    let gates: BTreeSet<&str> =
        held.iter().copied().filter(|name| is_waited_for(name) && answers(&context.declared[*name])).collect();
    if gates.is_empty() {
        return Ok(Outcome::Skipped("no service has to wait until another one answers".to_owned()));
    }
    let hold = |plan: &mut Value| {
        for name in &held {
            hold(&mut plan["services"][*name]["command"], name);
        }
    };
    let variation = Variation { edit_plan: Some(&hold), ..Variation::default() };
    let pod = TestPod::start(context, "gates", &variation).await?;
    let outcome = Gates { context, pod: &pod, closed: gates, opened: Vec::new() }.judge().await?;
    pod.discard().await?;
    Ok(outcome)
}

struct Gates<'g> {
    context: &'g Context<'g>,
    pod: &'g TestPod,
    /// Services that wait to be let go.
    closed: BTreeSet<&'g str>,
    /// Those that were let go, in this order.
    opened: Vec<&'g str>,
}

impl<'g> Gates<'g> {
    async fn judge(mut self) -> Result<Outcome> {
        let expected = self.context.declared.values().filter(|service| service.starts()).count();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut changed = Instant::now();
        loop {
            let table = self.pod.table().await?;
            let starting = self.context.declared.values().filter(|service| service.starts());
            let running: BTreeSet<String> = table.leaders(starting).into_keys().collect();
            let new: Vec<&String> = running.difference(&seen).collect();
            for name in &new {
                self.give_up_if_check_passes(name).await?;
            }
            let problems: Vec<String> = new.iter().flat_map(|name| self.violations(name, &table)).collect();
            if !problems.is_empty() {
                return Ok(Outcome::Failed(problems.join("; ")));
            }
            if !new.is_empty() {
                changed = Instant::now();
                seen.extend(running);
            }
            if self.closed.is_empty() && seen.len() >= expected {
                return Ok(Outcome::Passed(format!("held one after the other, and waited for: {}", self.opened.join(", "))));
            }
            if changed.elapsed() > COMES_WITHIN {
                let missing = self.context.declared.values().filter(|service| service.starts() && !seen.contains(&service.name));
                let missing: Vec<&str> = missing.map(|service| service.name.as_str()).collect();
                return Ok(Outcome::Failed(format!("nothing holds {} any more, and it does not start", missing.join(", "))));
            }
            let next = self.closed.iter().copied().find(|name| seen.contains(*name));
            match next {
                Some(name) if changed.elapsed() > QUIET => {
                    self.open(name).await?;
                    changed = Instant::now();
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// What speaks against a service's having started by now.
    fn violations(&self, name: &str, table: &Table) -> Vec<String> {
        let before = &self.context.predecessors[name];
        let held = before.iter().filter(|before| self.closed.contains(before.as_str()));
        let held = held.map(|before| format!("{name} started while {before} was held back and could not answer"));
        let opened = before.iter().filter(|before| self.opened.contains(&before.as_str()));
        let deaf = opened.filter(|before| {
            let declared = &self.context.declared[*before];
            declared.ready == Ready::Check && !declared.ports.iter().all(|port| table.listening.contains(port))
        });
        held.chain(deaf.map(|before| format!("{name} started before {before} listened"))).collect()
    }

    /// A check by command that passes while its service is held makes the service ready at once: no gate to judge.
    async fn give_up_if_check_passes(&mut self, name: &str) -> Result<()> {
        let (Some(gate), declared) = (self.closed.get(name).copied(), &self.context.declared[name]) else { return Ok(()) };
        let Some(check) = declared.exec_check().filter(|_| declared.ready == Ready::Check) else { return Ok(()) };
        if self.context.engine.exec(&self.pod.container, &check, declared.user.as_deref()).await?.exit_code == 0 {
            self.let_go(gate).await?;
        }
        Ok(())
    }

    async fn open(&mut self, gate: &'g str) -> Result<()> {
        self.let_go(gate).await?;
        self.opened.push(gate);
        Ok(())
    }

    async fn let_go(&mut self, gate: &'g str) -> Result<()> {
        self.pod.shell("mkdir -p \"$1\" && : > \"$1/$2\"", &[FOLDER, gate]).await?;
        self.closed.remove(gate);
        Ok(())
    }
}

/// Puts the holding shell before a command of a plan.
fn hold(command: &mut Value, name: &str) {
    let file = format!("{FOLDER}/{name}");
    match command {
        Value::Array(words) => {
            words.splice(0..0, ["/bin/sh", "-c", HOLD, &file].map(Value::from));
        }
        Value::String(line) => *line = format!("/bin/sh -c '{HOLD}' {file} {line}"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::template::Template;

    #[test]
    fn a_held_command_is_the_command_behind_the_shell() {
        let mut words = serde_json::json!(["node", "a b.js"]);
        hold(&mut words, "web");
        assert_eq!(words, serde_json::json!(["/bin/sh", "-c", HOLD, "/tmp/.podctl-test/web", "node", "a b.js"]));
        let mut line = Value::from("node ${ARGS}");
        hold(&mut line, "web");
        let split = podinit_plan::words::split(line.as_str().unwrap()).unwrap();
        assert_eq!(split, ["/bin/sh", "-c", HOLD, "/tmp/.podctl-test/web", "node", "${ARGS}"]);
        assert_eq!(Template::parse(HOLD).unwrap().literal(), Some(HOLD));
    }
}
