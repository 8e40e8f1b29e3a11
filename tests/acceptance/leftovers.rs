//! Ctrl-C in the middle of a test: exit code 130, and no container and no network of it stay.

use crate::fixture::{Pod, text};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

pub fn run() -> anyhow::Result<()> {
    let pod = Pod::write("acceptance-interrupted", &[("pod.yaml", include_str!("interrupted.yaml"))]);
    pod.build();
    let mut podctl = pod
        .podctl(["test", "acceptance", "--progress", "plain", "--image", "acceptance-interrupted"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut progress = BufReader::new(podctl.stderr.take().expect("a pipe"));
    let mut line = String::new();
    // The container is up, and several others are on their way.
    while !line.contains("services-running") {
        line.clear();
        if progress.read_line(&mut line)? == 0 {
            anyhow::bail!("the test ended before it could be interrupted");
        }
    }
    if containers().is_empty() {
        anyhow::bail!("there is no container to be left behind");
    }
    Command::new("kill").args(["-INT", &podctl.id().to_string()]).status()?;
    progress.read_to_string(&mut line)?;
    let code = podctl.wait()?.code();
    let left = [containers(), networks()].concat();
    if code != Some(130) || !left.is_empty() {
        anyhow::bail!("exit code {code:?}; left behind: {left:?}");
    }
    Ok(())
}

const PREFIX: &str = "podctl-test-acceptance-interrupted-";

fn containers() -> Vec<String> {
    names(&["ps", "--all", "--format", "{{.Names}}"])
}

fn networks() -> Vec<String> {
    names(&["network", "ls", "--format", "{{.Name}}"])
}

fn names(arguments: &[&str]) -> Vec<String> {
    let output = Command::new("docker").args(arguments).output().expect("docker runs");
    text(&output).lines().filter(|name| name.starts_with(PREFIX)).map(str::to_owned).collect()
}
