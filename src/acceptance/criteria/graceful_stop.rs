//! `docker stop` ends the pod with code 0 in time, in reverse order, and every service gets to end by itself.
//!
//! Witnesses: the engine's exit code; the kernel's process table during the stop, which shows the order and who lived
//! as long as nobody does who obeys; and the services' own last words. Which words those are is found out before, by
//! sending each service its stop signal by hand: who says goodbye then, and does not in the stop, was killed.

use super::super::context::Context;
use super::super::declared::Declared;
use super::super::order;
use super::super::pod::{LOOK, TestPod, Variation, until};
use super::super::report::Outcome;
use super::super::witness::logs::Line;
use super::super::witness::processes::{Process, Table};
use anyhow::Result;
use podinit_plan::plan::RestartPolicy;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// podinit keeps this of the engine's grace for itself.
const RESERVE_MS: u64 = 1_000;
/// podinit keeps this for each level that is still to be stopped, or an equal share when there is less.
const KEPT_PER_LEVEL_MS: u64 = 1_000;

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let mut pod = TestPod::start(context, "stop", &Variation::default()).await?;
    pod.up(context).await?;
    let goodbyes = learn_goodbyes(context, &pod).await?;
    pod.wait_until_up(context).await?;

    let said = pod.logs().await?.len();
    let before = pod.table().await?;
    // What runs to completion may end just now, and not because of the stop.
    let leaders = before.leaders(context.declared.values().filter(|service| service.stays()));
    let begun = Instant::now();
    let stopped = async {
        context.engine.stop(&pod.container, None).await?;
        Ok(begun.elapsed())
    };
    let (took, ends) = tokio::try_join!(stopped, watch(&pod, &leaders, begun))?;

    let mut problems = Vec::new();
    match pod.inspect().await?.exit_code {
        Some(0) => {}
        Some(137) => problems.push("the engine had to kill the pod (exit code 137)".to_owned()),
        code => problems.push(format!("the pod ended with {code:?}, not with 0")),
    }
    problems.extend(out_of_order(context, &ends));
    problems.extend(lasted_too_long(context, &ends));
    let lines = pod.logs().await?;
    let last_words = lines.get(said..).unwrap_or_default();
    for (name, words) in &goodbyes {
        if leaders.contains_key(name) && spoken(last_words, name).is_disjoint(words) {
            let word = words.iter().next().map_or("", String::as_str);
            problems.push(format!("{name} says `{word}` when it is stopped, and did not get to say it"));
        }
    }
    let saying: Vec<&str> = goodbyes.keys().map(String::as_str).collect();
    let saying = if saying.is_empty() { String::new() } else { format!("; said goodbye: {}", saying.join(", ")) };
    pod.discard().await?;
    Ok(Outcome::of(&problems, format!("code 0 after {:.1} s, in reverse order{saying}", took.as_secs_f64())))
}

/// Sends every service its stop signal by hand, and gives what each said then that it had never said before.
async fn learn_goodbyes(context: &Context<'_>, pod: &TestPod) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let comes_back = |service: &&Declared| {
        let restart = &context.plan.services[&service.name].restart;
        service.stays() && restart.policy == RestartPolicy::Always && restart.retries > 0
    };
    let services: Vec<&Declared> = context.declared.values().filter(comes_back).collect();
    let before = pod.logs().await?;
    let table = pod.table().await?;
    let leaders = table.leaders(services.iter().copied());
    for (name, leader) in &leaders {
        let stop = &context.plan.services[name].stop;
        let target = if stop.group { format!("-{}", leader.pid) } else { leader.pid.to_string() };
        let signal = stop.signal.trim_start_matches("SIG");
        pod.shell("kill -s \"$1\" -- \"$2\"", &[signal, &target]).await?;
    }
    // One that ignores its signal has no last words; the stop will show that it lasts too long.
    let grace = leaders.keys().map(|name| context.plan.services[name].stop.grace_period_ms).max().unwrap_or(0);
    until(Duration::from_millis(grace), || async {
        let now = pod.table().await?;
        Ok(leaders.values().all(|leader| !now.has(leader)).then_some(()))
    })
    .await?;
    let after = pod.logs().await?;
    let words = leaders.into_keys().map(|name| {
        let new: BTreeSet<String> = &spoken(after.get(before.len()..).unwrap_or_default(), &name) - &spoken(&before, &name);
        (name, new)
    });
    Ok(words.filter(|(_, words)| !words.is_empty()).collect())
}

/// What a service said, with every number the same: pids, ports and times differ from run to run.
fn spoken(lines: &[Line], service: &str) -> BTreeSet<String> {
    let general = |text: &str| -> String {
        let mut general = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '0'..='9' if general.ends_with('#') => {}
                '0'..='9' => general.push('#'),
                c => general.push(c),
            }
        }
        general
    };
    lines.iter().filter_map(|line| line.of(service)).map(|text| general(&text)).filter(|text| !text.trim().is_empty()).collect()
}

/// When each of the leaders was gone, in milliseconds of the stop.
async fn watch(pod: &TestPod, leaders: &BTreeMap<String, &Process>, begun: Instant) -> Result<BTreeMap<String, u64>> {
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    while ends.len() < leaders.len() {
        let table = match pod.table().await {
            Ok(table) => table,
            // While a container ends, a look may break off: nothing was seen.
            Err(_) if pod.inspect().await?.running => continue,
            // One that has ended has no table: whoever was there is gone.
            Err(_) => Table::default(),
        };
        let now = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        for (name, leader) in leaders {
            if !table.has(leader) {
                ends.entry(name.clone()).or_insert(now);
            }
        }
        tokio::time::sleep(LOOK / 4).await;
    }
    Ok(ends)
}

/// Services that ended before one did that has to stop first.
fn out_of_order(context: &Context<'_>, ends: &BTreeMap<String, u64>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, end) in ends {
        for before in &context.predecessors[name] {
            if ends.get(before).is_some_and(|earlier| earlier < end) {
                problems.push(format!("{before} ended while {name}, which starts after it, still ran"));
            }
        }
    }
    problems
}

/// Services that lived until their time was up: they did not end by themselves.
fn lasted_too_long(context: &Context<'_>, ends: &BTreeMap<String, u64>) -> Vec<String> {
    let levels = order::levels(&context.predecessors);
    let levels: Vec<Vec<&str>> =
        levels.into_iter().map(|level| level.into_iter().filter(|name| ends.contains_key(*name)).collect()).collect();
    let mut problems = Vec::new();
    let mut begun = 0;
    for (later, level) in levels.iter().enumerate().rev() {
        let left = context.plan.stop_grace_period_ms.saturating_sub(RESERVE_MS).saturating_sub(begun);
        let later = later as u64;
        let allowed = left - later * KEPT_PER_LEVEL_MS.min(left / (later + 1));
        for name in level {
            let allowed = allowed.min(context.plan.services[*name].stop.grace_period_ms);
            let lasted = ends[*name].saturating_sub(begun);
            if lasted >= allowed {
                problems.push(format!("{name} did not end within its {:.1} s and was killed", allowed as f64 / 1_000.0));
            }
        }
        begun = level.iter().map(|name| ends[*name]).max().unwrap_or(begun);
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_make_words_new() {
        let line = |text: &str| Line { text: text.to_owned() };
        let lines = [line("web | pid 17: bye"), line("web | pid 4711: bye"), line("api | other"), line("web |  ")];
        assert_eq!(spoken(&lines, "web"), BTreeSet::from(["pid #: bye".to_owned()]));
    }
}
