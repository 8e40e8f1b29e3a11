//! One service of the plan.

use super::control;
use super::told::Told;
use crate::render::{nginx, users};
use crate::spec::instances::Instance;
use crate::spec::model::{self, GATEWAY, Pod};
use anyhow::{Result, anyhow};
use podinit_plan::plan as target;
use podinit_plan::template::{self, Template};
use podinit_plan::words;

/// Compiles one instance of a service.
pub fn compile(pod: &Pod, service: &model::Service, instance: &Instance) -> Result<target::Service> {
    let told = Told::of(pod, service, instance);
    let hook = |hook: &Option<model::Command>| hook.as_ref().map(|command| compile_command(command, &told)).transpose();
    let fill_all = |texts: &[String]| texts.iter().map(|text| told.fill(text)).collect();
    let healthcheck = service.healthcheck.as_ref().map(|check| compile_check(check, service, instance, &told)).transpose()?;
    let own =
        service.environment.iter().map(|(name, value)| (name.clone(), value.as_ref().map(|value| fill_value(value, &told))));
    Ok(target::Service {
        pre_start: pre_start(pod, service, instance, &told)?,
        post_stop: hook(&service.post_stop)?,
        working_dir: told.fill(&service.working_dir),
        user: Some(service.user.clone()),
        groups: groups(pod, service, instance),
        environment: told.environment().chain(control::told(pod, &instance.name, service)).chain(own).collect(),
        env_files: fill_all(&service.env_files),
        attributes: service.attributes.clone(),
        ports: instance.ports.clone(),
        kind: service.kind,
        schedule: service.schedule.clone(),
        group: group(service, instance),
        stdin: if service.listener.is_some() { target::Stdin::Pipe } else { target::Stdin::Null },
        listener: service.listener.clone(),
        autostart: service.autostart.clone(),
        priority: service.priority,
        depends_on: dependencies(pod, service),
        depends_on_addresses: fill_all(&service.depends_on_addresses),
        ready: ready(service, &told),
        healthcheck,
        memory: service.memory.clone(),
        start_timeout_ms: service.start_timeout_ms,
        restart: target::Restart {
            policy: service.restart.policy,
            exit_codes: service.restart.exit_codes.clone(),
            retries: service.restart.retries,
            stable_after_ms: service.restart.stable_after_ms,
            backoff: service.restart.backoff.clone(),
            ..target::Restart::default()
        },
        essential: service.essential,
        stop: target::Stop {
            signal: service.stop_signal.clone(),
            grace_period_ms: service.stop_grace_period_ms,
            group: service.stop_group,
            ..target::Stop::default()
        },
        signals: service.signals.clone(),
        logging: logging(&service.logging, &instance.name),
        ..target::Service::new(compile_command(&service.command, &told)?)
    })
}

/// Replicas are addressed together by the service's name.
fn group(service: &model::Service, instance: &Instance) -> Option<String> {
    let service_name = instance.name.rsplit_once('-').map(|(name, _)| name.to_owned());
    service_name.filter(|_| service.replicas.is_some())
}

/// Groups besides the user's own. The gateway has those of services on sockets: what makes a socket lets nobody else in.
fn groups(pod: &Pod, service: &model::Service, instance: &Instance) -> Vec<String> {
    let mut groups = service.groups.clone();
    if instance.name == GATEWAY {
        let own = users::ids(pod, &service.user);
        let routed = pod.services.values().filter(|other| other.socket.is_some() && !other.routes.is_empty());
        let others = routed.filter_map(|other| users::ids(pod, &other.user)).filter(|ids| Some(*ids) != own);
        for gid in others.map(|ids| ids.gid.to_string()) {
            if !groups.contains(&gid) {
                groups.push(gid);
            }
        }
    }
    groups
}

/// What runs before each start: the gateway with TLS looks for its certificate.
fn pre_start(pod: &Pod, service: &model::Service, instance: &Instance, told: &Told) -> Result<Option<target::Command>> {
    let tls = pod.gateway.as_ref().filter(|_| instance.name == GATEWAY).and_then(|gateway| gateway.tls.as_ref());
    match tls {
        Some(tls) => compile_command(&model::Command::Shell(nginx::prepare_tls(tls)), told).map(Some),
        None => service.pre_start.as_ref().map(|command| compile_command(command, told)).transpose(),
    }
}

/// The names that a service waits for in the plan: who names a service with replicas waits for all of them.
fn dependencies(pod: &Pod, service: &model::Service) -> Vec<String> {
    let named = |name: &String| pod.all_services().find(|(other, _)| other == name);
    service.depends_on.iter().filter_map(named).flat_map(|(name, other)| other.instances(name)).map(|other| other.name).collect()
}

fn ready(service: &model::Service, told: &Told) -> target::Ready {
    match &service.ready {
        Some(target::Ready::Log(text)) => target::Ready::Log(told.fill(text)),
        Some(target::Ready::File(path)) => target::Ready::File(told.fill(path)),
        Some(ready) => ready.clone(),
        None if service.healthcheck.is_some() => target::Ready::Check,
        None => target::Ready::AliveMs(service.ready_after_ms),
    }
}

fn logging(logging: &model::Logging, instance: &str) -> target::Logging {
    let files = logging.files(instance);
    let file = |path: String| target::LogFile {
        path,
        max_size_bytes: logging.max_size_bytes,
        max_files: logging.max_files,
        strip_ansi: false,
    };
    let output = |stream, path: Option<String>| target::Output {
        container: Some(target::Container { stream, format: logging.format }),
        file: path.map(file),
        ..target::Output::default()
    };
    let (stdout, stderr) = files.map_or((None, None), |files| (Some(files.stdout), files.stderr));
    target::Logging {
        stdout: output(target::Stream::Stdout, stdout),
        stderr: logging.separate_stderr.then(|| output(target::Stream::Stderr, stderr)),
    }
}

fn compile_check(
    check: &model::HealthCheck,
    service: &model::Service,
    instance: &Instance,
    told: &Told,
) -> Result<target::HealthCheck> {
    let first = instance.ports.first().copied();
    let port = || first.ok_or_else(|| anyhow!("its check needs a port: give it `port` or `socket`, or a check by `exec`"));
    Ok(target::HealthCheck {
        probe: match (&check.probe, &service.socket) {
            (model::Probe::Http(get), Some(socket)) => {
                target::Probe::Unix { socket: socket.clone(), get: Some(compile_get(get, told)) }
            }
            (model::Probe::Tcp, Some(socket)) | (model::Probe::Unix(socket), _) => {
                target::Probe::Unix { socket: socket.clone(), get: None }
            }
            (model::Probe::Http(get), None) => target::Probe::Http { port: port()?, get: compile_get(get, told) },
            (model::Probe::Tcp, None) => target::Probe::Tcp { port: port()? },
            (model::Probe::Exec(command), _) => target::Probe::Exec { command: compile_command(command, told)? },
        },
        interval_ms: check.interval_ms,
        start_interval_ms: check.start_interval_ms,
        jitter_ms: check.jitter_ms,
        timeout_ms: check.timeout_ms,
        retries: check.retries,
        success_threshold: check.success_threshold,
        start_period_ms: check.start_period_ms,
        on_failure: check.on_failure.clone(),
    })
}

fn compile_get(get: &target::Get, told: &Told) -> target::Get {
    let headers = get.headers.iter().map(|(name, value)| (name.clone(), told.fill(value))).collect();
    target::Get { path: told.fill(&get.path), headers, ..get.clone() }
}

/// A command that is no service's.
///
/// # Errors
/// A line that does not split into words.
pub fn command_alone(command: &model::Command) -> Result<target::Command> {
    compile_command(command, &Told::nothing())
}

fn compile_command(command: &model::Command, told: &Told) -> Result<target::Command> {
    Ok(match command {
        model::Command::Words(words) => target::Command::Words(words.iter().map(|word| told.fill(word)).collect()),
        // A shell has variables of its own, so its text is handed over as it stands.
        model::Command::Shell(text) => {
            target::Command::Words(vec!["/bin/sh".to_owned(), "-c".to_owned(), template::escape(text)])
        }
        model::Command::Line(line) => {
            let line = told.fill(line);
            let parsed = Template::parse(&line).map_err(|error| anyhow!("its command `{line}` is not valid: {error}"))?;
            match parsed.literal() {
                None => target::Command::Line(line),
                Some(text) => {
                    let words = words::split(text).map_err(|error| anyhow!("its command `{line}` has no words: {error}"))?;
                    target::Command::Words(words.iter().map(|word| template::escape(word)).collect())
                }
            }
        }
    })
}

fn fill_value(value: &target::Value, told: &Told) -> target::Value {
    match value {
        target::Value::Text(text) => told.fill(text).into(),
        target::Value::File(from) => target::Value::File(target::FromFile { file: told.fill(&from.file) }),
    }
}
