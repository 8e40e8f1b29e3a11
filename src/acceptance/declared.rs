//! What pod.yaml declares of each service, with the variables of the test filled in: the measure of the witnesses.

use super::witness::processes::Process;
use anyhow::{Context, Result};
use podinit_plan::plan::{Command, Format, HealthCheck, Kind, LogFile, Plan, Probe, Ready};
use podinit_plan::template::Template;
use podinit_plan::words;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A service as it is declared.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// The words of its command.
    pub argv: Vec<String>,
    /// Where it is to be executed.
    pub working_dir: String,
    /// `user`, `uid`, `uid:gid` or `user:group`; none is podinit's own user.
    pub user: Option<String>,
    /// Whether it is wanted from the start.
    pub autostart: bool,
    /// Whether the clock starts it, and nothing else.
    pub is_scheduled: bool,
    /// Service or oneshot.
    pub kind: Kind,
    /// Where it listens.
    pub ports: Vec<u16>,
    /// When it counts as up.
    pub ready: Ready,
    /// How it is asked whether it is well.
    pub healthcheck: Option<HealthCheck>,
    /// How a line of its stdout looks in the container's output; none when it does not go there.
    pub format: Option<Format>,
    /// Where its output is written besides the container's.
    pub log_files: Vec<LogFile>,
}

/// All services of a plan by name, with the container's variables filled in.
///
/// # Errors
/// A variable that the plan requires is missing, or a filled-in command does not split into words.
pub fn declare(plan: &Plan, variables: &BTreeMap<String, String>) -> Result<BTreeMap<String, Declared>> {
    let lookup = |name: &str| variables.get(name).map(|value| Cow::Borrowed(value.as_str()));
    let fill = |text: &str| -> Result<String> { Ok(Template::parse(text)?.expand(&lookup)?) };
    let mut declared = BTreeMap::new();
    for (name, service) in &plan.services {
        let context = || format!("cannot tell what service {name} is to run");
        let argv = match &service.command {
            Command::Words(texts) => texts.iter().map(|text| fill(text)).collect::<Result<Vec<_>>>().with_context(context)?,
            Command::Line(line) => {
                let line = fill(line).with_context(context)?;
                words::split(&line).map_err(|error| anyhow::anyhow!("{error}")).with_context(context)?
            }
        };
        declared.insert(
            name.clone(),
            Declared {
                name: name.clone(),
                argv,
                working_dir: fill(&service.working_dir).with_context(context)?,
                user: service.user.as_deref().map(fill).transpose().with_context(context)?,
                autostart: fill(&service.autostart).with_context(context)? == "true",
                is_scheduled: service.schedule.is_some(),
                kind: service.kind,
                ports: service.ports.clone(),
                ready: service.ready.clone(),
                healthcheck: service.healthcheck.clone(),
                format: service.logging.stdout.container.map(|container| container.format),
                log_files: service.logging.files().cloned().collect(),
            },
        );
    }
    Ok(declared)
}

impl Declared {
    /// Whether it is to run when the container starts, for good or to completion.
    #[must_use]
    pub fn starts(&self) -> bool {
        self.autostart && !self.is_scheduled
    }

    /// Whether it is to be found in the process table for as long as the pod runs.
    #[must_use]
    pub fn stays(&self) -> bool {
        self.starts() && self.kind == Kind::Service
    }

    /// Its check, when it has one.
    #[must_use]
    pub fn check(&self) -> Option<&HealthCheck> {
        self.healthcheck.as_ref()
    }

    /// The words of its exec check.
    #[must_use]
    pub fn exec_check(&self) -> Option<Vec<&str>> {
        match self.check().map(|check| &check.probe) {
            Some(Probe::Exec { command: Command::Words(words) }) => Some(words.iter().map(String::as_str).collect()),
            _ => None,
        }
    }

    /// Whether a process executes its command.
    ///
    /// A program may not look like its command: the kernel puts an interpreter before a script, `exec` in a shell
    /// replaces it, and servers such as nginx write over their command line. Each of these still shows the command.
    #[must_use]
    pub fn is_run_by(&self, process: &Process) -> bool {
        let Some((program, arguments)) = self.argv.split_first() else { return false };
        let shown = &process.argv;
        if shown == &self.argv {
            return true;
        }
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        // `/usr/bin/python3 /usr/local/bin/gunicorn app:app` for `gunicorn app:app`.
        let script = shown.len() > self.argv.len()
            && shown.ends_with(arguments)
            && shown[..shown.len() - arguments.len()].iter().any(|word| base(word) == base(program));
        // `nginx: master process nginx -c ...`, `postgres: checkpointer`.
        let title = shown.first().is_some_and(|first| first.starts_with(&format!("{}:", base(program))));
        // `sh -c 'exec node server.js'` has become `node server.js`.
        let replaced = base(program) == "sh"
            && arguments.first().is_some_and(|word| word == "-c")
            && shown.first().is_some_and(|first| arguments.iter().any(|text| text.contains(&base(first))));
        script || title || replaced
    }
}

/// The uid of a user as pod.yaml names it, by the container's own `/etc/passwd`; none when nobody has the name.
#[must_use]
pub fn uid(user: &str, passwd: &str) -> Option<u32> {
    let name = user.split(':').next().unwrap_or_default();
    name.parse().ok().or_else(|| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(2)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{load, source::Source};

    fn declared(argv: &[&str]) -> Declared {
        Declared {
            name: "x".to_owned(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            working_dir: "/".to_owned(),
            user: None,
            autostart: true,
            is_scheduled: false,
            kind: Kind::Service,
            ports: vec![],
            ready: Ready::AliveMs(1),
            healthcheck: None,
            format: Some(Format::Prefix),
            log_files: vec![],
        }
    }

    fn shows(argv: &[&str]) -> Process {
        Process { argv: argv.iter().map(|word| (*word).to_owned()).collect(), ..Process::default() }
    }

    #[test]
    fn a_program_is_recognised_behind_what_it_shows() {
        for (command, shown, want) in [
            (&["node", "server.js"][..], &["node", "server.js"][..], true),
            (&["node", "server.js"], &["node", "other.js"], false),
            (&["gunicorn", "app:app"], &["/usr/bin/python3", "/usr/local/bin/gunicorn", "app:app"], true),
            (&["gunicorn", "app:app"], &["/usr/bin/python3", "/usr/local/bin/gunicorn", "b:b"], false),
            (&["nginx", "-c", "/n.conf"], &["nginx: master process nginx -c /n.conf"], true),
            (&["nginx", "-c", "/n.conf"], &["nginxish"], false),
            (&["/bin/sh", "-c", "cd /x; exec node a.js"], &["node", "a.js"], true),
            (&["/bin/sh", "-c", "sleep 5"], &["python3"], false),
            (&["sleep", "5"], &[], false),
        ] {
            assert_eq!(declared(command).is_run_by(&shows(shown)), want, "{command:?} {shown:?}");
        }
    }

    #[test]
    fn what_the_clock_starts_is_not_there_from_the_start() {
        let text = "services: { web: { command: web, replicas: 2, pre_start: ./migrate }, job: { command: job, schedule: every 60s },\n\
                    once: { command: once, type: oneshot }, off: { command: off, autostart: false } }";
        let source = Source { name: "pod.yaml".to_owned(), text: text.to_owned() };
        let inputs = load::Inputs { sources: vec![source], folder: "/x/pod".into(), variables: &|_| None };
        let pod = load::load(inputs).unwrap_or_else(|mistakes| panic!("{mistakes}")).pod;
        let declared =
            declare(&crate::render::plan::compile(&pod, &crate::render::Facts::default()).unwrap(), &BTreeMap::new()).unwrap();
        let shown: Vec<_> = declared.values().map(|one| (one.name.as_str(), one.starts(), one.stays())).collect();
        let want =
            [("job", false, false), ("off", false, false), ("once", true, false), ("web-0", true, true), ("web-1", true, true)];
        assert_eq!(shown, want);
        assert_eq!(declared["web-1"].argv, ["web"], "what runs before a command is not what the service runs");
    }

    #[test]
    fn users_are_numbers_or_lines_of_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:10001:10001::/home/app:/bin/false\n";
        assert_eq!(uid("app", passwd), Some(10001));
        assert_eq!(uid("app:root", passwd), Some(10001));
        assert_eq!(uid("33:33", passwd), Some(33));
        assert_eq!(uid("nobody", passwd), None);
    }
}
