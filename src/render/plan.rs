//! From a pod to podinit's plan.

mod alerts;
mod control;
mod monitor;
mod service;
mod told;

pub use alerts::{environment_variables, needs_deliver, secret_variables};

use super::{Facts, NGINX_RUN_DIR, PUBLIC_SOCKET, files, users};
use crate::spec::model::{Alerts, Pod};
use anyhow::{Context, Result};
use podinit_plan::plan::{self as target, Plan};
use std::collections::BTreeMap;
use std::path::Path;

/// `plan.json`: the plan with sorted keys, one value a line, so that two of them can be compared by eye.
///
/// # Errors
/// None that is known; whatever the JSON writer may refuse.
pub fn render(plan: &Plan) -> Result<String> {
    // serde_json keeps the keys of a value sorted, those of a struct in the order of its fields.
    let mut text = serde_json::to_value(plan)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .context("cannot write plan.json: the plan is no JSON; this is a defect of podctl, please report it")?;
    text.push('\n');
    Ok(text)
}

/// The plan of a pod: each replica is a service of its own there.
///
/// # Errors
/// A command that does not split into words, or a check by HTTP or TCP of a service without a port.
pub fn compile(pod: &Pod, facts: &Facts) -> Result<Plan> {
    let mut services = BTreeMap::new();
    for (name, service) in pod.all_services() {
        for instance in service.instances(name) {
            let compiled =
                service::compile(pod, service, &instance).with_context(|| format!("cannot plan service {}", instance.name))?;
            services.insert(instance.name, compiled);
        }
    }
    let mut plan = Plan {
        version: target::VERSION,
        name: pod.name.clone(),
        stop_grace_period_ms: pod.stop_grace_period_ms,
        exit_when_done: true,
        environment: pod.environment.clone().into_iter().collect(),
        directories: directories(pod),
        files: files::planned(pod, facts),
        public_socket: pod.gateway.as_ref().map(|_| PUBLIC_SOCKET.to_owned()),
        servers: control::servers(pod),
        monitor: monitor::planned(pod),
        alerts: alerts::alerts(pod)?,
        services,
    };
    alerts::add_secrets(&mut plan);
    Ok(plan)
}

/// The folders that the services of a pod write to, each with the user of the first service that does.
pub(super) fn directories(pod: &Pod) -> Vec<target::Directory> {
    let own = users::of_image(pod).to_string();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for (_, service) in pod.all_services() {
        let file = service.logging.file.as_deref();
        // A socket is made in a folder of its own, or in one that everybody has.
        let socket = service.socket.as_deref().and_then(|socket| Path::new(socket).parent()?.to_str());
        if let Some(folder) = socket.filter(|folder| !["/", "/run", "/var/run", "/tmp"].contains(folder)) {
            owners.entry(folder).or_insert(&service.user);
        }
        // The folder of `/var/log/pod/` is that itself.
        let folder = file.and_then(|file| file.strip_suffix('/').or_else(|| Path::new(file).parent()?.to_str()));
        if let Some(folder) = folder {
            owners.entry(folder).or_insert(&service.user);
        }
    }
    // Nobody's but podinit's.
    for folder in pod.alerts.iter().flat_map(Alerts::folders) {
        owners.entry(folder).or_insert(&own);
    }
    if let Some(gateway) = &pod.gateway {
        owners.insert(NGINX_RUN_DIR, &gateway.service.user);
    }
    owners.into_iter().map(|(path, user)| target::Directory { path: path.to_owned(), user: Some(user.to_owned()) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::users;
    use crate::spec::{load, source::Source};

    fn pod(text: &str) -> Pod {
        let source = Source { name: "pod.yaml".to_owned(), text: text.to_owned() };
        let inputs = load::Inputs { sources: vec![source], folder: "/x/pod".into(), variables: &|_| None };
        load::load(inputs).unwrap_or_else(|mistakes| panic!("{mistakes}")).pod
    }

    fn compile_pod(pod: &Pod) -> Result<Plan> {
        compile(pod, &Facts::default())
    }

    fn command(text: &str) -> target::Command {
        compile_pod(&pod(&format!("services:\n  a:\n    command: {text}"))).expect("compiles").services["a"].command.clone()
    }

    #[test]
    fn commands_are_words_unless_they_refer_to_variables() {
        let words = |words: &[&str]| target::Command::Words(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(command("node 'a b.js' $HOME"), words(&["node", "a b.js", "$$HOME"]));
        assert_eq!(command("echo $${A}"), words(&["echo", "$${A}"]));
        assert_eq!(command("node ${OPTIONS:-} x"), target::Command::Line("node ${OPTIONS:-} x".to_owned()));
        assert_eq!(command("[node, '${A}']"), words(&["node", "${A}"]));
        assert_eq!(command("{ shell: 'echo ${A} $B' }"), words(&["/bin/sh", "-c", "echo $${A} $$B"]));
    }

    #[test]
    fn a_service_is_told_where_to_listen_unless_it_knows() {
        let environment = |text: &str| compile_pod(&pod(text)).expect("compiles").services["a"].environment.clone();
        let told = environment("services: { a: { command: x, port: [3000, 3001] } }");
        let text = |text: &str| Some(target::Value::from(text.to_owned()));
        assert_eq!(told["PORT"], text("3000"));
        assert_eq!(told["HOST"], text("127.0.0.1"));
        let knows = environment("services: { a: { command: x, port: 3000, environment: { PORT: 80, HOST: ::1 } } }");
        assert_eq!((&knows["PORT"], &knows["HOST"]), (&text("80"), &text("::1")));
        let pod_knows = environment("environment: { HOST: 0.0.0.0 }\nservices: { a: { command: x, port: 3000 } }");
        assert!(!pod_knows.contains_key("HOST"), "the pod's value is inherited");
        assert!(environment("services: { a: { command: x } }").is_empty());
    }

    #[test]
    fn what_a_service_is_told_fills_its_own_texts_in() {
        let text = "services: { a: { command: 'x ${PORT} ${INSTANCE} ${OTHER}', replicas: 2, port: 3000,\n\
                    environment: { NAME: 'a-${INSTANCE}' }, env_file: '/etc/${INSTANCE}.env', pre_start: ['y', '${INSTANCE}'] } }";
        let plan = compile_pod(&pod(text)).expect("compiles");
        let second = &plan.services["a-1"];
        assert_eq!(second.command, target::Command::Line("x 3001 1 ${OTHER}".to_owned()));
        assert_eq!(second.pre_start, Some(target::Command::Words(vec!["y".to_owned(), "1".to_owned()])));
        assert_eq!(
            (second.env_files.as_slice(), &second.environment["NAME"]),
            (["/etc/1.env".to_owned()].as_slice(), &Some("a-1".to_owned().into()))
        );
        assert_eq!(plan.variables().into_iter().collect::<Vec<_>>(), ["OTHER"]);
        // What pod.yaml says itself stays what it says: here the container's.
        let own = compile_pod(&pod("services: { a: { command: 'x ${PORT}', port: 1, environment: [PORT] } }")).expect("compiles");
        assert_eq!(own.services["a"].command, target::Command::Line("x ${PORT}".to_owned()));
    }

    #[test]
    fn files_are_filled_in_or_put_into_volumes_by_podinit_and_nothing_else() {
        let text = "users: { web: 7 }\nvolumes: [data:/data]\nfiles: { /etc/a: { source: a, template: true, mode: \"0600\", user: web },\n\
                    /etc/b: b, /data/c/: c, /data: { source: d }, /database: e, /srv/f/: { user: web } }\n\
                    services: { a: { command: x } }";
        let facts = Facts { texts: [("a".to_owned(), "${X:?}".to_owned())].into_iter().collect(), ..Facts::default() };
        let plan = compile(&pod(text), &facts).expect("compiles");
        let files: Vec<_> = plan.files.iter().map(|file| (file.path.as_str(), &file.content)).collect();
        let copy = |path: &str| target::Content::CopyOf(format!("/etc/podinit/files{path}"));
        assert_eq!(
            files,
            [
                ("/etc/a", &target::Content::Text("${X:?}".to_owned())),
                ("/data/c", &copy("/data/c")),
                ("/data", &copy("/data")),
                ("/srv/f", &target::Content::Folder),
            ]
        );
        assert_eq!((plan.files[0].mode, plan.files[0].user.as_deref()), (Some(0o600), Some("web")));
        assert_eq!(plan.variables().into_iter().collect::<Vec<_>>(), ["X"], "podctl up hands it over");
    }

    #[test]
    fn the_gateway_may_use_the_sockets_of_others() {
        let service = |user: &str| format!("a: {{ command: x, user: {user}, socket: /run/a/a.sock, route: / }}");
        let groups = |user: &str| {
            let plan = compile_pod(&pod(&format!("users: {{ web: {{ uid: 7, gid: 8 }} }}\nservices: {{ {} }}", service(user))))
                .expect("compiles");
            (plan.services["gateway"].groups.clone(), plan.directories.iter().any(|folder| folder.path == "/run/a"))
        };
        assert_eq!(groups("web"), (vec!["8".to_owned()], true));
        assert_eq!(groups("app"), (vec![], true));
    }

    #[test]
    fn the_image_has_the_user_that_all_services_share() {
        let user = |text: &str| users::of_image(&pod(text)).to_string();
        let services = "services: { a: { command: x }, b: { command: x";
        assert_eq!(user(&format!("{services} }} }}")), "10001:10001");
        assert_eq!(user(&format!("{services}, user: '10001' }} }}")), "10001:10001");
        for given in ["group_add: [audio]", "cap_add: [NET_RAW]", "nice: -1"] {
            assert_eq!(user(&format!("{services}, {given} }} }}")), "0:0", "{given}");
        }
        assert_eq!(user(&format!("{services}, nice: 1, cap_drop: [ALL] }} }}")), "10001:10001");
        // A folder of the host is root's when the engine makes it.
        let with_files = |volume: &str| format!("volumes: [{volume}]\nfiles: {{ /data/x/: {{ user: app }} }}\n{services} }} }}");
        assert_eq!(user(&with_files("./data:/data")), "0:0");
        for volume in ["data:/data", "./data:/data:ro", "./other:/other"] {
            assert_eq!(user(&with_files(volume)), "10001:10001", "{volume}");
        }
        for other in ["root", "'10001:5'", "'${WHO}'"] {
            assert_eq!(user(&format!("{services}, user: {other} }} }}")), "0:0", "{other}");
        }
    }
    #[test]
    fn receivers_are_requests_with_templates_and_their_secrets_have_names_only() {
        let text = "services: { a: { command: x, environment: { DB: '${DB_URL:?}', LEVEL: '${LEVEL:-info}' } } }\n\
                    alerts: { queue: /var/lib/alerts, secrets: [OTHER], sinks: { ops: { slack: '${SLACK:?}' }, pager: { pagerduty: '${KEY}' },\n\
                    am: { alertmanager: 'http://am:9093/' }, mail: { email: { server: '${SMTP}', from: a@b, to: c@d } },\n\
                    page: { command: 'page now', user: root } } }";
        let pod = pod(text);
        let plan = compile_pod(&pod).expect("compiles");
        assert!(needs_deliver(&plan));
        let alerts = plan.alerts.as_ref().expect("there are some");
        assert_eq!(alerts.secrets, ["DB_URL", "KEY", "OTHER", "SLACK", "SMTP"]);
        assert!(["SLACK", "KEY", "SMTP"].iter().all(|name| plan.variables().contains(*name)), "podctl up hands them over");
        let url = |name: &str| match &alerts.sinks[name].to {
            target::Target::Http(http) => http.url.text().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!((url("am").as_str(), url("ops").as_str()), ("http://am:9093/api/v2/alerts", "${SLACK:?}"));
        let target::Target::Command { command, user } = &alerts.sinks["page"].to else { panic!("{alerts:?}") };
        assert_eq!(*command, target::Command::Words(vec!["page".to_owned(), "now".to_owned()]));
        assert_eq!(user.as_deref(), Some("root"));
        // Who becomes root can become everybody: the queue is podinit's own.
        let queue = plan.directories.iter().find(|directory| directory.path == "/var/lib/alerts");
        assert_eq!(queue.and_then(|directory| directory.user.as_deref()), Some("0:0"));
        let file_alone = self::pod("services: { a: { command: x } }\nalerts: true");
        assert!(!needs_deliver(&compile_pod(&file_alone).expect("compiles")));
    }
}
