//! From nothing to a running pod, and from its end to nothing.

use crate::alerts::couriers::Couriers;
use crate::alerts::desk::{Desk, couriers_of};
use crate::attributes;
use crate::control::Control;
use crate::control::door::Rules;
use crate::files;
use crate::fill::Problem;
use crate::health::Probes;
use crate::inputs::Inputs;
use crate::listeners::Listeners;
use crate::load::{self, Source, Written};
use crate::logs::{LogSettings, Logs};
use crate::notify::Notify;
use crate::reactor::{self, End, Means, Parts, Reactor};
use crate::reload;
use crate::rights::{self, Lacking};
use crate::spawn::Spawner;
use crate::sys::files::{Kind, Wanted};
use crate::sys::signals::SignalSource;
use crate::sys::{Interest, Poller, Sys, Token, host};
use crate::users::{Accounts, Identity};
use crate::watch::{Flags, Watch};
use podinit_plan::plan::{Alerts, Directory, Listen, Plan, Server, Socket, Stdin, TcpPort, UnixSocket, UnreadyFlags};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The exit code of a plan, or a usage, that is wrong.
pub const WRONG: i32 = 100;
/// The exit code of a system call that failed, or that is bound to fail.
const SYSTEM: i32 = 111;
/// The exit code of a podinit that may not signal its services.
const NO_SIGNALS: i32 = 110;
/// How long the logs may take to be written at the end, in milliseconds.
const FLUSH_MS: u64 = 1_000;
/// How long stderr may take to be ready for the last line, in milliseconds.
const LAST_LINE_MS: u64 = 100;
/// The most of a pipe that is written at once or not at all, in bytes.
const PIPE_BUF: usize = 4096;
/// Where Kubernetes looks for the reason of an end.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// Why there is no pod.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong, a line each.
    pub messages: Vec<String>,
    /// The exit code.
    pub code: i32,
}

impl Failure {
    /// The plan, or what is asked for, is wrong.
    #[must_use]
    pub fn wrong(messages: Vec<String>) -> Failure {
        Failure { messages, code: WRONG }
    }

    /// A system call failed.
    #[must_use]
    pub fn system(what: &str, error: &io::Error) -> Failure {
        Failure { messages: vec![format!("cannot {what}: {error}")], code: SYSTEM }
    }
}

/// What podinit has open for itself and its clients, and for a service: its stdin, its output, and stderr or
/// what it says of itself.
const DESCRIPTORS: usize = 64;
const DESCRIPTORS_OF_SERVICE: usize = 3;

/// Runs the plan until the pod ends; returns its exit code.
///
/// # Errors
/// The pod could not be started.
pub fn run<S: Sys>(sys: S, source: &Source) -> Result<i32, Failure> {
    // The first of all: a signal that comes while podinit boots is answered when it has.
    let signals = sys.open_signals().map_err(|error| Failure::system("read signals", &error))?;
    let (reactor, warnings) = boot(&sys, signals, source).inspect_err(|failure| {
        write_termination_log(&sys, &failure.messages.join("\n"));
    })?;
    sys.release_memory();
    let open_files = reactor.open_files();
    let (end, mut logs) = reactor.run(warnings);
    let unwritten = logs.flush(FLUSH_MS);
    if end.begins_anew {
        let error = sys.begin_anew(open_files);
        return Err(Failure::system("begin anew", &error));
    }
    say_last_line(&sys, &end, unwritten);
    Ok(end.code)
}

/// Makes all parts of the pod; starts no service. Gives what is to be warned of, too.
fn boot<S: Sys>(sys: &S, mut signals: SignalSource, source: &Source) -> Result<(Reactor<S>, Vec<String>), Failure> {
    let Written { plan, path, mut warnings, config } = source.read()?;
    let marks = reload::marks(&plan, config.as_ref());
    drop(config);
    let seed = sys.date().as_nanos() as u64 ^ (sys.own_pid() as u64) << 32;
    let lookup = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let wrong = |problems: Vec<Problem>| {
        let line = |problem: Problem| format!("cannot run {}: {}", path.display(), problem.text);
        Failure::wrong(problems.into_iter().map(line).collect())
    };
    let (mut plan, machine) = load::prepare(plan, seed, &lookup).map_err(wrong)?;
    warnings.extend(load::leave_out_sinks(&mut plan, &lookup));
    let passed_on = reactor::passed_on(&plan);
    if !passed_on.is_empty() {
        sys.read_also(&mut signals, &passed_on).map_err(|error| Failure::system("read the signals of services", &error))?;
    }
    let accounts = Accounts::read(Path::new("/")).map_err(|error| Failure::system("read users and groups", &error))?;
    let (own_uid, _) = sys.own_ids();
    let identities = load::identities(&plan, &accounts, own_uid, &mut warnings).map_err(Failure::wrong)?;
    may_run(&plan, &identities, own_uid, sys.capabilities())?;
    let open_files = set_up(sys, &mut warnings)?;
    // Without, a large pod only starts less smoothly.
    let _ = sys.reserve_descriptors(DESCRIPTORS + plan.services.len() * DESCRIPTORS_OF_SERVICE);
    for directory in &plan.directories {
        make(sys, directory, &accounts, own_uid, &mut warnings)?;
    }
    for file in &plan.files {
        files::make(file, &accounts, own_uid, &mut warnings)?;
    }

    let now = 0;
    let poller = Poller::new(sys.clone()).map_err(|error| Failure::system("make an epoll instance", &error))?;
    poller.add(&signals, Interest::Read, Token::Signals).map_err(|error| Failure::system("watch signals", &error))?;
    let settings = plan.services.iter().map(|(name, service)| LogSettings::of(name, service));
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let mut logs = Logs::new(sys.clone(), poller.clone(), [stdout.as_fd(), stderr.as_fd()], settings.collect(), now)
        .map_err(|error| Failure::system("start the log writer", &error))?;
    let null = OpenOptions::new().read(true).open("/dev/null").map_err(|error| Failure::system("open /dev/null", &error))?;
    let attributes = attributes::resolve(&plan, open_files, sys.capabilities(), &mut warnings);
    let spawner = Spawner::new(sys.clone(), &plan, identities, attributes, std::env::vars_os(), OwnedFd::from(null))
        .map_err(|error| Failure::system("share memory with children", &error))?;
    let mut inputs = Inputs::new(sys.clone(), poller.clone());
    for (id, (name, service)) in plan.services.iter().enumerate() {
        let owner = socket_owner(&service.stdin, &accounts).map_err(|error| Failure::wrong(vec![format!("{name}: {error}")]))?;
        inputs.add(id, &service.stdin, owner.or_else(|| spawner.owner(id)));
    }
    let listeners = Listeners::of(&plan, now, sys.date());
    let notify = Notify::new(sys.clone(), poller.clone(), &plan, |service| spawner.owner(service));
    let probes = Probes::new(sys.clone(), poller.clone(), Token::Probe);
    let reaches = Probes::new(sys.clone(), poller.clone(), Token::Reach);
    let (mut control, problems) = Control::open(sys.clone(), poller.clone(), plan.public_socket.as_deref());
    warnings.extend(problems);
    for server in &plan.servers {
        // podinit runs without as well, and whoever misses it will ask why.
        warnings.extend(serve(server, &mut control, &accounts).err());
    }
    let desk = match &plan.alerts {
        Some(alerts) => {
            let couriers = couriers(sys, &poller, (&plan, alerts), &accounts, open_files, &mut warnings)?;
            let secrets = alerts.secrets.iter().filter_map(|name| lookup(name));
            let begun = u64::try_from(sys.date().as_millis()).unwrap_or_default();
            let about = (host::host_name(), begun);
            let (desk, problems) = Desk::open(sys, (&plan, alerts), secrets, about, couriers, &mut logs);
            warnings.extend(problems);
            Some(desk)
        }
        None => None,
    };
    if let Some(metrics) = &plan.monitor.metrics {
        let opened = address(metrics).and_then(|address| {
            let opened = control.serve_metrics(address, metrics.port, host::host_name());
            opened.map_err(|error| format!("cannot listen on port {}: {error}; nobody can read metrics there", metrics.port))
        });
        warnings.extend(opened.err());
    }
    let parts = Parts { poller, machine, spawner, notify, inputs, logs, listeners, probes, reaches, control, desk };
    let means = Means { source: source.clone(), open_files, marks };
    let flags = plan.monitor.unready_flags.as_ref().and_then(|planned| raise(sys, planned, &mut warnings));
    let watch = Watch::new(&plan.monitor, flags);
    let reactor = Reactor::new(sys.clone(), signals, parts, watch, &plan, means);
    Ok((reactor.map_err(|error| Failure::system("make an eventfd", &error))?, warnings))
}

/// Makes the flags of services, of which none is ready yet. Without them a gateway asks services that listen all the same.
fn raise<S: Sys>(sys: &S, planned: &UnreadyFlags, warnings: &mut Vec<String>) -> Option<Flags> {
    let flags = Flags::new(planned);
    let made = sys.make_folder(flags.folder()).and_then(|()| flags.paths().try_for_each(|path| sys.replace(path, &[])));
    let Err(error) = made else { return Some(flags) };
    // One that stayed would be there for ever.
    flags.paths().for_each(|path| drop(sys.remove(path)));
    let folder = &planned.folder;
    warnings.push(format!("cannot make files in {folder}: {error}; the gateway asks services that are not ready, too"));
    None
}

/// What delivers alerts.
fn couriers<S: Sys>(
    sys: &S,
    poller: &Poller<S>,
    (plan, alerts): (&Plan, &Alerts),
    accounts: &Accounts,
    open_files: Option<(u64, u64)>,
    warnings: &mut Vec<String>,
) -> Result<Couriers<S>, Failure> {
    let plan = couriers_of(plan, alerts);
    let (own_uid, _) = sys.own_ids();
    let identities = load::identities(&plan, accounts, own_uid, warnings).map_err(Failure::wrong)?;
    let attributes = attributes::resolve(&plan, open_files, sys.capabilities(), warnings);
    let null = OpenOptions::new().read(true).open("/dev/null").map_err(|error| Failure::system("open /dev/null", &error))?;
    let spawner = Spawner::new(sys.clone(), &plan, identities, attributes, std::env::vars_os(), OwnedFd::from(null))
        .map_err(|error| Failure::system("share memory with children", &error))?;
    Ok(Couriers::new(sys.clone(), poller.clone(), spawner, alerts.sinks.len()))
}

/// Opens a server that the plan asks for.
fn serve<S: Sys>(server: &Server, control: &mut Control<S>, accounts: &Accounts) -> Result<(), String> {
    let is_port = matches!(server.listen, Listen::Tcp(_));
    let (credentials, read_only) = (server.credentials.clone(), server.read_only);
    let rules = Rules { credentials, read_only, is_port, host_name: host::host_name() };
    match &server.listen {
        Listen::Unix(UnixSocket { path, mode, owner }) => {
            let owner = owner.as_ref().map(|owner| accounts.find(owner)).transpose();
            let owner = owner.map_err(|error| format!("cannot open {path}: {error}"))?.map(|owner| owner.credentials);
            let owner = owner.map(|credentials| (credentials.uid, credentials.gid));
            let opened = control.serve_unix(Path::new(path), *mode, owner, rules);
            opened.map_err(|error| format!("cannot open {path}: {error}; nobody can talk to podinit there"))
        }
        Listen::Tcp(listen) => {
            let port = listen.port;
            let opened = control.serve_port(address(listen)?, port, rules);
            opened.map_err(|error| format!("cannot listen on port {port}: {error}; nobody can talk to podinit there"))
        }
    }
}

/// The address of a port; none is all.
fn address(TcpPort { host, port }: &TcpPort) -> Result<Option<IpAddr>, String> {
    match host.as_deref() {
        None => Ok(None),
        Some("localhost") => Ok(Some(IpAddr::from(Ipv4Addr::LOCALHOST))),
        Some(host) => match host.parse() {
            Ok(address) => Ok(Some(address)),
            Err(_) => Err(format!("cannot listen on {host}:{port}: {host} is no address, nor localhost")),
        },
    }
}

/// Whose a socket is that a service has at its stdin; the service's own without a word of the plan.
///
/// # Errors
/// There is no such user.
pub fn socket_owner(stdin: &Stdin, accounts: &Accounts) -> Result<Option<(u32, u32)>, String> {
    let Stdin::Socket(Socket { owner: Some(owner), .. }) = stdin else { return Ok(None) };
    let credentials = accounts.find(owner)?.credentials;
    Ok(Some((credentials.uid, credentials.gid)))
}

/// What podinit does to itself. Gives the limit of open files that services are to have.
fn set_up<S: Sys>(sys: &S, warnings: &mut Vec<String>) -> Result<Option<(u64, u64)>, Failure> {
    if sys.own_pid() != 1 {
        sys.adopt_orphans().map_err(|error| Failure::system("adopt orphans", &error))?;
    }
    if let Err(error) = sys.close_inherited_on_exec() {
        warnings.push(format!("cannot look through /proc/self/fd: {error}; services may inherit descriptors"));
    }
    Ok(sys.raise_open_files().inspect_err(|error| warnings.push(format!("cannot raise RLIMIT_NOFILE: {error}"))).ok())
}

/// In a container even root may lack what it takes to run, or to stop, what is somebody else's.
fn may_run(plan: &Plan, identities: &[Option<Identity>], own_uid: u32, capabilities: u64) -> Result<(), Failure> {
    let Lacking { to_signal, to_become } = rights::lacking(plan.services.keys().zip(identities), own_uid, capabilities);
    let code = if to_signal.is_empty() { SYSTEM } else { NO_SIGNALS };
    let messages = [to_signal, to_become].concat();
    if messages.is_empty() { Ok(()) } else { Err(Failure { messages, code }) }
}

/// Makes a folder that is missing.
fn make<S: Sys>(
    sys: &S,
    directory: &Directory,
    accounts: &Accounts,
    own_uid: u32,
    warnings: &mut Vec<String>,
) -> Result<(), Failure> {
    let path = Path::new(&directory.path);
    if path.is_dir() {
        return Ok(());
    }
    let problem = |error: &io::Error| Failure::system(&format!("make the folder {}", directory.path), error);
    sys.make_folder(path).map_err(|error| problem(&error))?;
    let Some(user) = &directory.user else { return Ok(()) };
    let wrong = |error| Failure::wrong(vec![format!("cannot make the folder {}: {error}", directory.path)]);
    let credentials = accounts.find(user).map_err(wrong)?.credentials;
    if own_uid == 0 {
        sys.chown(path, credentials.uid, credentials.gid).map_err(|error| problem(&error))?;
    } else if credentials.uid != own_uid {
        warnings.push(format!("podinit is not root: the folder {} belongs to uid {own_uid}, not to {user}", directory.path));
    }
    Ok(())
}

/// Says why the pod ended, where people look for it; and how many lines its output did not take.
fn say_last_line<S: Sys>(sys: &S, end: &End, unwritten: u64) {
    let line = format!("{} (exit code {})", end.reason, end.code);
    write_termination_log(sys, &line);
    let stderr = io::stderr();
    let mut line = format!("podinit: {line}\n");
    if unwritten > 0 {
        line.insert_str(0, &format!("podinit: {unwritten} lines dropped: the container's output is not read\n"));
    }
    let line = &line.as_bytes()[..line.len().min(PIPE_BUF)];
    let stderr = stderr.as_fd();
    // Nobody may read it any more, and then a write that blocks would last for ever. It cannot always be opened again,
    // for writes that do not; but a line of this size fits into a pipe that takes any byte.
    let is_socket = sys.stat_fd(stderr).is_ok_and(|stat| stat.kind == Kind::Socket);
    let _ = match sys.wait(&[Wanted { fd: stderr, write: true }], LAST_LINE_MS) {
        Ok(1..) if is_socket => sys.send(stderr, line),
        Ok(1..) => sys.write(stderr, line),
        _ => Ok(0),
    };
}

fn write_termination_log<S: Sys>(sys: &S, text: &str) {
    let path = Path::new(TERMINATION_LOG);
    // It is there where somebody wants it, and not to be made. To open a FIFO would wait for a reader.
    let is_wanted = sys.stat(path).is_ok_and(|stat| !matches!(stat.kind, Kind::Pipe | Kind::Socket));
    if is_wanted && let Ok(mut file) = OpenOptions::new().write(true).truncate(true).open(path) {
        let _ = file.write_all(text.as_bytes());
    }
}
