//! Fills in the templates of a plan from the container's environment. Pure.

use podinit_plan::plan::{Command, Content, FromFile, Get, Plan, Probe, Ready, Target, Value};
use podinit_plan::template::Template;
use podinit_plan::words;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The variables of a service, over those of the container.
type Variables = BTreeMap<String, Option<Value>>;

/// Something that is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What, in words.
    pub text: String,
    /// The variable that would mend it, when one is required and missing.
    pub missing: Option<String>,
}

/// Fills in every template; what comes back has none any more, every command is words, and a variable is `None`
/// where the container's value, or none, is passed through.
///
/// # Errors
/// Everything that is wrong: variables that are required and missing, texts that are no templates, commands
/// that are no words.
pub fn fill(mut plan: Plan, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Plan, Vec<Problem>> {
    let mut filler = Filler { lookup, place: String::new(), problems: Vec::new() };
    filler.variables(&mut plan.environment);
    for file in &mut plan.files {
        filler.place = format!("{}: ", file.path);
        if let Content::Text(text) = &mut file.content {
            filler.text("its text", text);
        }
    }
    for (name, service) in &mut plan.services {
        filler.place = format!("{name}: ");
        filler.variables(&mut service.environment);
        filler.command("command", &mut service.command);
        for (what, command) in [("pre_start", &mut service.pre_start), ("post_stop", &mut service.post_stop)] {
            if let Some(command) = command {
                filler.command(what, command);
            }
        }
        filler.text("working_dir", &mut service.working_dir);
        if let Ready::Log(text) | Ready::File(text) = &mut service.ready {
            filler.text("ready", text);
        }
        let lists = [("groups", &mut service.groups), ("env_files", &mut service.env_files)];
        for (what, list) in lists.into_iter().chain([("depends_on", &mut service.depends_on_addresses)]) {
            list.iter_mut().for_each(|text| filler.text(what, text));
        }
        filler.text("autostart", &mut service.autostart);
        if let Some(user) = &mut service.user {
            filler.text("user", user);
        }
        if let Some(check) = &mut service.healthcheck {
            match &mut check.probe {
                Probe::Http { get, .. } | Probe::Unix { get: Some(get), .. } => filler.get(get),
                Probe::Exec { command } => filler.command("healthcheck", command),
                Probe::Tcp { .. } | Probe::Unix { get: None, .. } => {}
            }
        }
    }
    for (name, sink) in plan.alerts.iter_mut().flat_map(|alerts| &mut alerts.sinks) {
        filler.place = format!("alerts to {name}: ");
        if let Target::Command { command, user } = &mut sink.to {
            filler.command("command", command);
            user.iter_mut().for_each(|user| filler.text("user", user));
        }
        for value in sink.to.values_mut() {
            let (Value::Text(text) | Value::File(FromFile { file: text })) = value;
            filler.text("a value", text);
        }
    }
    filler.place.clear();
    for credentials in plan.servers.iter_mut().filter_map(|server| server.credentials.as_mut()) {
        filler.text("the name of a server's user", &mut credentials.username);
        filler.text("the password of a server", &mut credentials.password);
    }
    if filler.problems.is_empty() { Ok(plan) } else { Err(filler.problems) }
}

struct Filler<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    /// What a problem's text begins with.
    place: String,
    problems: Vec<Problem>,
}

impl Filler<'_> {
    fn variables(&mut self, variables: &mut Variables) {
        for (name, value) in variables {
            if name.is_empty() || name.contains(['=', '\0']) {
                self.problem(format!("`{name}` cannot be the name of a variable"));
            }
            if let Some(value) = value {
                let (Value::Text(text) | Value::File(FromFile { file: text })) = value;
                self.text(name, text);
            }
        }
    }

    /// Leaves words, at least one.
    fn command(&mut self, what: &str, command: &mut Command) {
        match command {
            Command::Words(words) => words.iter_mut().for_each(|word| self.text(what, word)),
            Command::Line(line) => {
                self.text(what, line);
                match words::split(line) {
                    Ok(words) => *command = Command::Words(words),
                    Err(error) => self.problem(format!("{what}: {error}")),
                }
            }
        }
        if let Command::Words(words) = command
            && words.first().is_none_or(String::is_empty)
        {
            self.problem(format!("{what} names no program"));
        }
    }

    /// What would end a line of the request would be another header, or another request.
    fn get(&mut self, get: &mut Get) {
        for text in std::iter::once(&mut get.path).chain(get.headers.values_mut()) {
            self.text("healthcheck", text);
            if text.contains(['\r', '\n']) {
                self.problem("healthcheck: its path and its headers are one line each".to_owned());
            }
        }
    }

    fn text(&mut self, what: &str, text: &mut String) {
        let lookup = |name: &str| (self.lookup)(name).map(Cow::Owned);
        match Template::parse(text).map(|template| template.expand(&lookup)) {
            Ok(Ok(filled)) if filled.contains('\0') => self.problem(format!("{what} contains a NUL")),
            Ok(Ok(filled)) => *text = filled,
            Ok(Err(missing)) => {
                let text = format!("{}{what}: {missing}", self.place);
                self.problems.push(Problem { text, missing: Some(missing.name) });
            }
            Err(error) => self.problem(format!("{what}: {error}")),
        }
    }

    fn problem(&mut self, text: String) {
        self.problems.push(Problem { text: format!("{}{text}", self.place), missing: None });
    }
}

/// The words of a command that was filled in.
#[must_use]
pub fn words(command: &Command) -> &[String] {
    match command {
        Command::Words(words) => words,
        Command::Line(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(service: &str, environment: &str) -> Plan {
        let rest = r#""kind":"service","autostart":"${ENABLE:-true}","priority":1,"waits":true,"ready":{"alive_ms":0},
            "start_timeout_ms":0,"essential":true,"login_variables":true,"stop":{"signal":"SIGTERM","grace_period_ms":1,"group":false,
            "kill_leftovers":true},"restart":{"policy":"always","exit_codes":[0],"expected_before_ready":true,
            "retries":5,"stable_after_ms":1,"backoff":{"first_ms":1,"max_ms":1,"growth":"linear","jitter_percent":0,
            "immediate_after_ready":true}}"#;
        let json = format!(
            r#"{{"version":1,"name":"p","stop_grace_period_ms":1,"exit_when_done":true,"environment":{environment},
            "services":{{"web":{{{service},{rest}}}}}}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn lookup(name: &str) -> Option<String> {
        match name {
            "OPTIONS" => Some("-a 'b c'".to_owned()),
            "DIR" => Some("/srv".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn everything_is_filled_in_and_lines_become_words_afterwards() {
        let plan =
            plan(r#""command":"run ${OPTIONS}","working_dir":"${DIR}/x","user":"${WHO:-app}""#, r#"{"A":"${DIR}","B":null}"#);
        let filled = fill(plan, &lookup).unwrap();
        assert_eq!(
            filled.environment,
            BTreeMap::from([("A".to_owned(), Some("/srv".to_owned().into())), ("B".to_owned(), None)])
        );
        let web = &filled.services["web"];
        assert_eq!(words(&web.command), ["run", "-a", "b c"]);
        assert_eq!((web.working_dir.as_str(), web.user.as_deref(), web.autostart.as_str()), ("/srv/x", Some("app"), "true"));
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let plan = plan(r#""command":["${NONE}"],"working_dir":"${DIR""#, r#"{"SECRET":"${SECRET:?set it}"}"#);
        let problems = fill(plan, &lookup).unwrap_err();
        let texts: Vec<&str> = problems.iter().map(|problem| problem.text.as_str()).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert_eq!(texts[0], "SECRET: the variable SECRET is required: set it");
        assert_eq!(problems[0].missing.as_deref(), Some("SECRET"));
        assert_eq!(texts[1], "web: command names no program");
        assert!(texts[2].starts_with("web: working_dir: "), "{texts:?}");
    }
}
