//! How services and their checks are executed: everything is made ready when podinit starts, so that a start is one
//! fork and little else.

use crate::fill;
use crate::launch;
use crate::machine::{Incarnation, Role, ServiceId, SpawnFailure};
use crate::notify::Voice;
use crate::sys::Sys;
use crate::sys::attributes::Attributes;
use crate::sys::child::{CLEARED, Step, exit_code, failure};
use crate::sys::files::Kind;
use crate::sys::processes::{Credentials, SharedWords, SpawnRequest, Standing};
use crate::users::Identity;
use podinit_plan::plan::{self, Probe, Ready, SERVICE_VARIABLE};
use podinit_plan::ulimit;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::Ordering;

/// Where programs are looked for when the container has no PATH, as engines have it.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How many services may come while the pod runs, those that take a free place not counted. Memory that nobody has
/// touched costs nothing.
const MAX_MORE: usize = 4_096;
/// How many words each service has for reports.
const REPORTS: usize = 3;
/// podinit's own program, which helps where podinit must not wait.
const SELF: &CStr = c"/proc/self/exe";

/// Executes services.
#[derive(Debug)]
pub struct Spawner<S> {
    sys: S,
    services: Vec<Prepared>,
    /// The container's variables by name.
    inherited: Vec<(Vec<u8>, CString)>,
    /// Its PATH.
    path: String,
    /// /dev/null.
    stdin: OwnedFd,
    /// Where children report: words for each service, its own, its check's, and that of the look at what it waits for.
    reports: SharedWords,
}

/// What is executed of a service.
struct Job<'a> {
    words: &'a [CString],
    /// Its stdin; without it /dev/null.
    stdin: Option<BorrowedFd<'a>>,
    voice: &'a Voice,
    /// A file that is removed before.
    remove: Option<&'a CStr>,
    /// Which of the reports it has.
    report: usize,
}

/// A service, ready to be executed.
#[derive(Debug)]
struct Prepared {
    name: String,
    /// The words of its command, and of those before and after it.
    command: Vec<CString>,
    pre_start: Option<Vec<CString>>,
    post_stop: Option<Vec<CString>>,
    /// Those of its check.
    check: Option<Vec<CString>>,
    /// Those of the look whether what it waits for can be reached.
    reach: Vec<CString>,
    /// Its variables by name, over those of the container.
    variables: Vec<(Vec<u8>, CString)>,
    /// Where its programs are looked for, when it is not the container's PATH.
    path: Option<String>,
    working_dir: CString,
    /// What an earlier start made to say that it was ready, and what is removed before the command is executed.
    ready_file: Option<CString>,
    /// The words before those of a command that has variables from files: podinit reads them in the new process.
    launch: Vec<CString>,
    identity: Option<Identity>,
    attributes: Attributes,
}

impl<S: Sys> Spawner<S> {
    /// Prepares the services of a plan that was filled in. `identities` has for each the user it runs as, or none where
    /// that is podinit's own and nobody asked, `attributes` what its processes set; `container` is podinit's own
    /// environment, which services inherit.
    ///
    /// # Errors
    /// The kernel has no memory left.
    pub fn new(
        sys: S,
        plan: &plan::Plan,
        identities: Vec<Option<Identity>>,
        attributes: Vec<Attributes>,
        container: impl Iterator<Item = (OsString, OsString)>,
        stdin: OwnedFd,
    ) -> io::Result<Spawner<S>> {
        let inherited: Vec<_> = container.filter_map(|(name, value)| variable(name.as_bytes(), value.as_bytes())).collect();
        let path = inherited.iter().find(|(name, _)| name == b"PATH").map(|(_, entry)| &entry.as_bytes()[b"PATH=".len()..]);
        let path = path.map_or_else(|| DEFAULT_PATH.to_owned(), |path| String::from_utf8_lossy(path).into_owned());
        let mut services = Vec::with_capacity(plan.services.len());
        for (((name, service), identity), attributes) in plan.services.iter().zip(identities).zip(attributes) {
            services.push(Prepared::new(plan, name, service, identity, attributes));
        }
        let reports = sys.shared_words((services.len() + MAX_MORE) * REPORTS)?;
        Ok(Spawner { sys, services, inherited, path, stdin, reports })
    }

    /// Takes a service of a plan that was filled in, in the place of what had that number, or as the next; false when
    /// there are too many.
    pub fn put(
        &mut self,
        id: ServiceId,
        plan: &plan::Plan,
        name: &str,
        identity: Option<Identity>,
        attributes: Attributes,
    ) -> bool {
        let Some(service) = plan.services.get(name) else { return false };
        let prepared = Prepared::new(plan, name, service, identity, attributes);
        if id < self.services.len() {
            self.services[id] = prepared;
        } else if id == self.services.len() && (id + 1) * REPORTS <= self.reports.len() {
            self.services.push(prepared);
        } else {
            return false;
        }
        true
    }

    /// What the command of a service begins with.
    #[must_use]
    pub fn program(&self, service: ServiceId) -> Cow<'_, str> {
        self.services[service].command.first().map(|program| program.to_string_lossy()).unwrap_or_default()
    }

    /// What speaks against executing a service: its program is not there, or is none.
    #[must_use]
    pub fn obstacle(&self, service: ServiceId) -> Option<io::ErrorKind> {
        let prepared = &self.services[service];
        let path = prepared.path.as_deref().unwrap_or(&self.path);
        let mut found = io::ErrorKind::NotFound;
        for candidate in candidates(&self.program(service), path) {
            let candidate = Path::new(&prepared.working_dir.to_string_lossy().as_ref()).join(candidate);
            match self.sys.stat(&candidate) {
                Ok(stat) if stat.kind == Kind::Regular && stat.may_execute => return None,
                Ok(_) => found = io::ErrorKind::PermissionDenied,
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                // Somebody else may see more.
                Err(_) => return None,
            }
        }
        Some(found)
    }

    /// uid and gid of a service, where they are not podinit's own.
    #[must_use]
    pub fn owner(&self, service: ServiceId) -> Option<(u32, u32)> {
        self.services[service].credentials().map(|credentials| (credentials.uid, credentials.gid))
    }

    /// Starts a service with its stdin, or /dev/null, its stdout and stderr at `outputs`, and what it is given to speak
    /// with; returns its pid.
    /// Whether the program could be executed is known when the process has ended: see [`Spawner::failure`].
    ///
    /// # Errors
    /// There is no process.
    pub fn start(
        &self,
        service: ServiceId,
        incarnation: Incarnation,
        role: Role,
        stdin: Option<BorrowedFd<'_>>,
        outputs: [BorrowedFd<'_>; 2],
        voice: &Voice,
    ) -> Result<i32, SpawnFailure> {
        let prepared = &self.services[service];
        let remove = prepared.ready_file.as_deref().filter(|_| role == Role::Command);
        let job = Job { words: prepared.words(role), stdin, voice, remove, report: service * REPORTS };
        let pid = self.spawn(service, incarnation, outputs, &job);
        pid.map_err(|error| SpawnFailure { message: format!("cannot fork: {error}"), code: 111 })
    }

    /// Starts the check of a service; as [`Spawner::start`].
    ///
    /// # Errors
    /// There is no process.
    pub fn start_check(&self, service: ServiceId, incarnation: Incarnation, output: BorrowedFd<'_>) -> Result<i32, String> {
        let Some(check) = &self.services[service].check else { return Err("it has no command to check with".to_owned()) };
        let job = Job { words: check, stdin: None, voice: &Voice::default(), remove: None, report: service * REPORTS + 1 };
        let pid = self.spawn(service, incarnation, [output, output], &job);
        pid.map_err(|error| format!("cannot check: cannot fork: {error}"))
    }

    /// Starts the look whether what a service waits for can be reached, as its user; as [`Spawner::start`]. The process
    /// is none of the service's, and gets none of its variables.
    ///
    /// # Errors
    /// There is no process.
    pub fn start_reach(&self, service: ServiceId, output: BorrowedFd<'_>) -> Result<i32, String> {
        let report = &self.reports[service * REPORTS + 2];
        let service = &self.services[service];
        let started = self.sys.spawn(&SpawnRequest {
            candidates: &[SELF.to_owned()],
            arguments: &service.reach,
            environment: &[],
            standing: Standing::Apart,
            working_dir: Some(c"/"),
            stdin: self.stdin.as_fd(),
            stdout: output,
            stderr: output,
            notify: None,
            remove: None,
            credentials: service.credentials(),
            attributes: &Attributes::default(),
            report,
        });
        started.map_err(|error| format!("cannot look whether it can be reached: cannot fork: {error}"))
    }

    fn spawn(
        &self,
        service: ServiceId,
        incarnation: Incarnation,
        outputs: [BorrowedFd<'_>; 2],
        job: &Job<'_>,
    ) -> io::Result<i32> {
        let Job { words, stdin, voice, remove, report } = *job;
        let [stdout, stderr] = outputs;
        let service = &self.services[service];
        let path = service.path.as_deref().unwrap_or(&self.path);
        let name = words.first().map(|name| name.to_string_lossy()).unwrap_or_default();
        let (candidates, words) = if service.launch.is_empty() {
            (c_strings_of(&candidates(&name, path)), Cow::Borrowed(words))
        } else {
            (vec![SELF.to_owned()], Cow::Owned([&service.launch, words].concat()))
        };
        // First, so that it is found however large the environment is.
        let mark = format!("{SERVICE_VARIABLE}={}:{incarnation}", service.name);
        let mark = CString::new(mark).unwrap_or_default();
        let spoken =
            voice.variables.iter().filter_map(|(name, value)| Some(variable(name.as_bytes(), value.as_ref()?.as_bytes())?.1));
        let spoken: Vec<CString> = spoken.collect();
        let of_voice = |name: &[u8]| voice.variables.iter().any(|(own, _)| own.as_bytes() == name);
        let own = |name: &[u8]| name == SERVICE_VARIABLE.as_bytes() || service.variables.iter().any(|(own, _)| own == name);
        let own = |name: &[u8]| own(name) || of_voice(name);
        let mut environment: Vec<&CStr> = vec![&mark];
        environment.extend(spoken.iter().map(CString::as_c_str));
        environment.extend(service.variables.iter().filter(|(name, _)| !of_voice(name)).map(|(_, entry)| entry.as_c_str()));
        environment.extend(self.inherited.iter().filter(|(name, _)| !own(name)).map(|(_, entry)| entry.as_c_str()));
        self.sys.spawn(&SpawnRequest {
            candidates: &candidates,
            arguments: &words,
            environment: &environment,
            standing: Standing::Apart,
            working_dir: Some(&service.working_dir),
            stdin: stdin.unwrap_or(self.stdin.as_fd()),
            stdout,
            stderr,
            notify: voice.descriptor.as_ref().map(|(fd, number)| (fd.as_fd(), *number)),
            remove,
            credentials: service.credentials(),
            attributes: &service.attributes,
            report: &self.reports[report],
        })
    }

    /// Why the process of a service that has just ended never executed its program, if so.
    #[must_use]
    pub fn failure(&self, service: ServiceId, role: Role) -> Option<SpawnFailure> {
        let (step, errno) = failure(self.reports[service * REPORTS].swap(0, Ordering::Acquire))?;
        let prepared = &self.services[service];
        let message = prepared.explain(step, errno, prepared.words(role));
        let message = match role {
            Role::PreStart => format!("pre_start: {message}"),
            Role::Command => message,
            Role::PostStop => format!("post_stop: {message}"),
        };
        Some(SpawnFailure { message, code: exit_code(step, errno) })
    }

    /// The same for the process of its check.
    #[must_use]
    pub fn check_failure(&self, service: ServiceId) -> Option<String> {
        let (step, errno) = failure(self.reports[service * REPORTS + 1].swap(0, Ordering::Acquire))?;
        let prepared = &self.services[service];
        Some(prepared.explain(step, errno, prepared.check.as_deref().unwrap_or_default()))
    }

    /// The same for the look whether what it waits for can be reached.
    #[must_use]
    pub fn reach_failure(&self, service: ServiceId) -> Option<String> {
        let (step, errno) = failure(self.reports[service * REPORTS + 2].swap(0, Ordering::Acquire))?;
        Some(self.services[service].explain(step, errno, &[SELF.to_owned()]))
    }

    /// Whether the process of a service has removed what an earlier start made to say that it was ready.
    #[must_use]
    pub fn is_cleared(&self, service: ServiceId) -> bool {
        self.reports[service * REPORTS].load(Ordering::Acquire) == CLEARED
    }
}

impl Prepared {
    fn new(
        plan: &plan::Plan,
        name: &str,
        service: &plan::Service,
        identity: Option<Identity>,
        attributes: Attributes,
    ) -> Prepared {
        let variables = own_variables(plan, service, identity.as_ref());
        let check = match service.healthcheck.as_ref().map(|check| &check.probe) {
            Some(Probe::Exec { command }) => Some(c_strings(command)),
            _ => None,
        };
        Prepared {
            name: name.to_owned(),
            command: c_strings(&service.command),
            pre_start: service.pre_start.as_ref().map(c_strings),
            post_stop: service.post_stop.as_ref().map(c_strings),
            check,
            reach: c_strings_of(&reach_words(&service.depends_on_addresses)),
            variables: variables.iter().filter_map(|(name, value)| variable(name.as_bytes(), value.as_bytes())).collect(),
            path: variables.get("PATH").cloned(),
            working_dir: CString::new(service.working_dir.as_str()).unwrap_or_default(),
            ready_file: match &service.ready {
                Ready::File(path) => CString::new(path.as_str()).ok(),
                _ => None,
            },
            launch: launch::words(plan, service),
            identity,
            attributes,
        }
    }

    fn words(&self, role: Role) -> &[CString] {
        match role {
            Role::PreStart => self.pre_start.as_deref().unwrap_or_default(),
            Role::Command => &self.command,
            Role::PostStop => self.post_stop.as_deref().unwrap_or_default(),
        }
    }

    /// Whom to become, unless podinit is that already.
    fn credentials(&self) -> Option<&Credentials> {
        self.identity.as_ref().filter(|identity| identity.change).map(|identity| &identity.account.credentials)
    }

    fn explain(&self, step: Step, errno: i32, words: &[CString]) -> String {
        let error = io::Error::from_raw_os_error(errno);
        match step {
            Step::Session => format!("cannot begin a session: {error}"),
            Step::Descriptors => format!("cannot set up its output: {error}"),
            Step::Limit(index) => self.explain_limit(usize::from(index), &error),
            Step::Nice => format!("cannot set its nice {}: {error}", self.attributes.nice.unwrap_or_default()),
            Step::OomScore => {
                let score = self.attributes.oom_score_adj.as_deref().unwrap_or_default();
                format!("cannot set its oom_score_adj {score}: {error}; below podinit's own it takes CAP_SYS_RESOURCE")
            }
            Step::Bounding => format!("cannot drop its capabilities: {error}; podinit needs CAP_SETPCAP for that"),
            Step::Capabilities => format!("cannot keep its capabilities: {error}"),
            Step::NoNewPrivileges => format!("cannot set no_new_privileges: {error}"),
            Step::User => {
                let name = self.identity.as_ref().map_or("", |identity| &identity.account.name);
                format!("cannot become user {name}: {error}; podinit needs CAP_SETUID and CAP_SETGID for that")
            }
            Step::Notify => format!("cannot be given the descriptor to say that it is ready with: {error}"),
            Step::ReadyFile => {
                let path = self.ready_file.as_deref().unwrap_or_default().to_string_lossy();
                format!("cannot remove {path}, which an earlier start made to say that it was ready: {error}")
            }
            Step::WorkingDir => format!("cannot enter {}: {error}", self.working_dir.to_string_lossy()),
            Step::Execute => {
                let name = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
                cannot_execute(&name, &error)
            }
        }
    }

    fn explain_limit(&self, index: usize, error: &io::Error) -> String {
        let Some((number, (soft, hard))) = self.attributes.limits.get(index) else {
            return format!("cannot set a limit: {error}");
        };
        let name = ulimit::name(*number).unwrap_or_default();
        format!("cannot set its limit {name} to {soft}:{hard}: {error}; above podinit's own it takes CAP_SYS_RESOURCE")
    }
}

/// Why a program could not be executed, in words.
#[must_use]
pub fn cannot_execute(name: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound if name.contains('/') => {
            format!("cannot execute {name}: it, or its interpreter, is not there")
        }
        io::ErrorKind::NotFound => format!("cannot execute {name}: it is not in PATH"),
        _ => format!("cannot execute {name}: {error}"),
    }
}

fn reach_words(addresses: &[String]) -> Vec<String> {
    ["podinit", "reach"].into_iter().chain(addresses.iter().map(String::as_str)).map(str::to_owned).collect()
}

fn c_strings(command: &plan::Command) -> Vec<CString> {
    c_strings_of(fill::words(command))
}

fn c_strings_of(texts: &[String]) -> Vec<CString> {
    // A plan that was filled in has no NUL.
    texts.iter().map(|text| CString::new(text.as_str()).unwrap_or_default()).collect()
}

/// Where a program may be: the folders of PATH, unless its name has a slash.
#[must_use]
pub fn candidates(name: &str, path: &str) -> Vec<String> {
    if name.contains('/') {
        return vec![name.to_owned()];
    }
    path.split(':').map(|folder| format!("{}/{name}", if folder.is_empty() { "." } else { folder })).collect()
}

/// The variables that a service has besides the container's: those of the plan, its own, and who its user is.
#[must_use]
pub fn own_variables(plan: &plan::Plan, service: &plan::Service, identity: Option<&Identity>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    if let Some(Identity { account, .. }) = identity.filter(|_| service.login_variables) {
        variables.insert("HOME".to_owned(), account.home.clone());
        variables.insert("USER".to_owned(), account.name.clone());
        variables.insert("LOGNAME".to_owned(), account.name.clone());
    }
    for (name, value) in plan.environment.iter().chain(&service.environment) {
        match value {
            Some(plan::Value::Text(value)) => drop(variables.insert(name.clone(), value.clone())),
            // The new process reads the file; or the container's value is passed through. What was said before is void.
            Some(plan::Value::File(_)) | None => drop(variables.remove(name)),
        }
    }
    variables
}

fn variable(name: &[u8], value: &[u8]) -> Option<(Vec<u8>, CString)> {
    let entry = CString::new([name, b"=", value].concat()).ok()?;
    Some((name.to_vec(), entry))
}
