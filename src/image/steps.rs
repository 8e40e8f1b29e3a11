//! The steps of a running build, as the builder tells of them: shown one by one, and kept for the error of one that
//! fails. BuildKit tells of vertexes that run side by side, the classic builder prints one step after the other.

use crate::ui::{Task, Ui};
use bollard::moby::buildkit::v1::{StatusResponse, Vertex};
use bollard::models::{BuildInfo, BuildInfoAux};
use std::collections::{HashMap, VecDeque};

/// How many of a failed step's last lines are shown.
const LINES_SHOWN: usize = 25;
/// A step's command is cut to this many characters.
const COMMAND_SHOWN: usize = 70;
/// What tools say when they do not trust a server's certificate.
const DISTRUST: [&str; 8] = [
    "certificate verify failed",
    "certificate verification failed",
    "certificate signed by unknown authority",
    "unable to get local issuer certificate",
    "self-signed certificate",
    "self signed certificate",
    "ssl certificate problem",
    "invalid peer certificate",
];

/// The steps so far.
pub(super) struct Steps<'a> {
    ui: &'a Ui,
    by_id: HashMap<String, Step>,
    /// The classic builder's step that runs.
    current: Option<String>,
    failed: Option<String>,
}

#[derive(Default)]
struct Step {
    /// `[web 2/3]`
    name: String,
    /// `RUN npm ci`
    command: String,
    task: Option<Task>,
    is_over: bool,
    is_cached: bool,
    last_lines: VecDeque<String>,
    /// The start of a line whose end has not come yet.
    partial: String,
}

impl<'a> Steps<'a> {
    pub(super) fn new(ui: &'a Ui) -> Steps<'a> {
        Steps { ui, by_id: HashMap::new(), current: None, failed: None }
    }

    /// Whether the builder has begun to work.
    pub(super) fn have_begun(&self) -> bool {
        !self.by_id.is_empty()
    }

    /// Takes one event of the build.
    pub(super) fn take(&mut self, event: &BuildInfo) {
        if let Some(BuildInfoAux::BuildKit(status)) = &event.aux {
            self.take_status(status);
        }
        if let Some(text) = &event.stream {
            self.take_text(text);
        }
    }

    /// The build has ended well.
    pub(super) fn end(mut self) {
        self.end_current();
    }

    /// The build has failed: the text of the error, without what was to be built.
    pub(super) fn fail(mut self, error: &str) -> String {
        let failed = self.failed.take().or_else(|| self.current.take());
        let Some(step) = failed.and_then(|id| self.by_id.remove(&id)) else {
            return format!("{error}; {}", advice(error));
        };
        let code = exit_code(error).map_or_else(|| error.to_owned(), |code| format!("exit code {code}"));
        if let Some(task) = step.task {
            task.failed(&code);
        }
        let lines: Vec<String> = step.last_lines.iter().map(|line| format!("  {line}")).collect();
        let output = if lines.is_empty() { "; ".to_owned() } else { format!("\n{}\n", lines.join("\n")) };
        format!("the step {} {} failed: {code}{output}{}", step.name, step.command, advice(&format!("{error}{output}")))
    }

    fn take_status(&mut self, status: &StatusResponse) {
        for vertex in &status.vertexes {
            let step = self.by_id.entry(vertex.digest.clone()).or_insert_with(|| Step::named(&vertex.name));
            if !vertex.error.is_empty() {
                // Of those that run side by side one fails, and the others are cancelled because of it.
                step.is_over = true;
                match vertex.error.contains("context canceled") {
                    true => drop(step.task.take()),
                    false => drop(self.failed.get_or_insert_with(|| vertex.digest.clone())),
                }
            } else {
                step.advance(self.ui, vertex);
            }
        }
        for log in &status.logs {
            if let Some(step) = self.by_id.get_mut(&log.vertex) {
                step.output(&String::from_utf8_lossy(&log.msg));
            }
        }
    }

    /// The classic builder's text: `Step 2/3 : RUN npm ci`, then what the step prints.
    fn take_text(&mut self, text: &str) {
        if let Some((number, command)) = text.strip_prefix("Step ").and_then(|rest| rest.split_once(" : ")) {
            self.end_current();
            let mut step = Step::named(&format!("[{number}] {command}"));
            step.task = Some(self.ui.step(&step.name, &step.command));
            self.by_id.insert(number.to_owned(), step);
            self.current = Some(number.to_owned());
            return;
        }
        let Some(step) = self.current.as_ref().and_then(|id| self.by_id.get_mut(id)) else { return };
        match text.trim() {
            "---> Using cache" => step.is_cached = true,
            // What the builder says of itself.
            "" => {}
            note if ["---> ", "Removing intermediate ", "Successfully "].iter().any(|start| note.starts_with(start)) => {}
            _ => step.output(text),
        }
    }

    fn end_current(&mut self) {
        if let Some(step) = self.current.take().and_then(|id| self.by_id.remove(&id))
            && let Some(task) = step.task
        {
            task.done(if step.is_cached { "CACHED" } else { "done" });
        }
    }
}

impl Step {
    /// `[web 2/3] RUN --mount=... npm   ci`
    fn named(text: &str) -> Step {
        let (name, command) = match text.split_once("] ") {
            // BuildKit aligns the numbers.
            Some((name, command)) if name.starts_with('[') => {
                (name.split_whitespace().collect::<Vec<_>>().join(" ") + "]", command)
            }
            _ => ("[build]".to_owned(), text),
        };
        let words: Vec<&str> = command.split_whitespace().filter(|word| !word.starts_with("--mount=")).collect();
        let mut command = words.join(" ");
        if command.chars().count() > COMMAND_SHOWN {
            command = command.chars().take(COMMAND_SHOWN - 1).chain(['…']).collect();
        }
        Step { name, command, ..Step::default() }
    }

    fn advance(&mut self, ui: &Ui, vertex: &Vertex) {
        // What BuildKit does for itself is no step of the user's.
        if self.is_over || self.name == "[internal]" {
            return;
        }
        self.is_over = vertex.completed.is_some();
        match (self.is_over, self.task.take()) {
            (true, None) if vertex.cached => ui.say(format!("{} {}: CACHED", self.name, self.command)),
            (true, Some(task)) => task.done(if vertex.cached { "CACHED" } else { "done" }),
            (true, None) => ui.step(&self.name, &self.command).done("done"),
            (false, None) if vertex.started.is_some() => self.task = Some(ui.step(&self.name, &self.command)),
            (false, task) => self.task = task,
        }
    }

    fn output(&mut self, text: &str) {
        self.partial.push_str(text);
        while let Some((line, rest)) = self.partial.split_once('\n') {
            // Of a line that a tool has redrawn only the last state is of interest.
            let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().to_owned();
            self.partial = rest.to_owned();
            if let Some(task) = &self.task {
                task.line(&line);
            }
            self.last_lines.push_back(line);
            if self.last_lines.len() > LINES_SHOWN {
                self.last_lines.pop_front();
            }
        }
    }
}

/// The code in what builders say of a step that failed.
fn exit_code(error: &str) -> Option<i32> {
    let (_, code) = error.rsplit_once("exit code: ").or_else(|| error.rsplit_once("non-zero code: "))?;
    code.trim().parse().ok()
}

/// What to do next, by what was said.
fn advice(said: &str) -> &'static str {
    let said = said.to_lowercase();
    if DISTRUST.iter().any(|words| said.contains(words)) {
        "a server's certificate is not trusted: behind a proxy that re-signs TLS, give its certificates by \
         --ca-bundle FILE (or PODCTL_CA_BUNDLE) and build again"
    } else {
        "correct it and build again"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::moby::buildkit::v1::VertexLog;

    fn vertex(name: &str) -> Vertex {
        Vertex { digest: name.into(), name: name.into(), started: Some(Default::default()), ..Vertex::default() }
    }

    fn status(vertexes: Vec<Vertex>, log: Option<(&str, &str)>) -> BuildInfo {
        let logs = log.into_iter().map(|(vertex, text)| VertexLog {
            vertex: vertex.into(),
            msg: text.as_bytes().to_vec(),
            ..VertexLog::default()
        });
        let status = StatusResponse { vertexes, logs: logs.collect(), ..StatusResponse::default() };
        BuildInfo { aux: Some(BuildInfoAux::BuildKit(status)), ..BuildInfo::default() }
    }

    #[test]
    fn a_failed_step_of_buildkit_is_named_with_its_output() {
        let ui = Ui::to_writer(std::io::sink());
        let mut steps = Steps::new(&ui);
        let name = "[web 2/3] RUN --mount=type=cache,target=/a   npm ci";
        steps.take(&status(vec![vertex(name), vertex("[auth 2/3] RUN sleep 9")], None));
        steps.take(&status(vec![], Some((name, "10%\r50%\rall\nnot "))));
        steps.take(&status(vec![], Some((name, "found\n"))));
        let error = |text: &str| Vertex { error: text.into(), ..vertex(name) };
        steps.take(&status(vec![Vertex { error: "context canceled".into(), ..vertex("[auth 2/3] RUN sleep 9") }], None));
        steps.take(&status(vec![error("executor failed running [/bin/sh -c npm ci]: exit code: 7")], None));
        let text = steps.fail("executor failed running [/bin/sh -c npm ci]: exit code: 7");
        assert!(text.starts_with("the step [web 2/3] RUN npm ci failed: exit code 7\n  all\n  not found\n"), "{text}");
        assert!(text.ends_with("correct it and build again"), "{text}");
    }

    #[test]
    fn a_failed_step_of_the_classic_builder_is_named_with_its_output() {
        let ui = Ui::to_writer(std::io::sink());
        let mut steps = Steps::new(&ui);
        for text in [
            "Step 1/2 : FROM a",
            "\n",
            " ---> 123\n",
            "Step 2/2 : RUN false",
            "\n",
            " ---> Running in 5\n",
            "curl: (60) SSL certificate problem: self-signed\n",
        ] {
            steps.take(&BuildInfo { stream: Some(text.into()), ..BuildInfo::default() });
        }
        let text = steps.fail("The command '/bin/sh -c false' returned a non-zero code: 1");
        assert!(text.contains("the step [2/2] RUN false failed: exit code 1\n") && text.contains("--ca-bundle FILE"), "{text}");
    }

    #[test]
    fn an_error_before_any_step_is_told_as_it_is() {
        let ui = Ui::to_writer(std::io::sink());
        assert_eq!(Steps::new(&ui).fail("no space left on device"), "no space left on device; correct it and build again");
    }
}
