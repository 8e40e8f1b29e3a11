//! The Dockerfile: base and packages first, one stage per build, the application last.
//!
//! It keeps to what the frontend that is built into Engine 20.10 knows, so that no build has to fetch another one.

mod accounts;
mod ca_bundle;
mod own_base;
mod stages;
pub mod syntax;

pub use ca_bundle::with_ca_bundle;

use super::users::{self, Ids};
use super::{Facts, NGINX_CONF, NGINX_RUN_DIR, TLS_CONF, files, plan, templates};
use crate::spec::model::{self, Pod};
use anyhow::Result;
use podinit_plan::plan as podinit;
use podinit_plan::template::Template;
use serde::Serialize;
use stages::{Builds, Stage};
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Context<'a> {
    image: &'a str,
    family: Family,
    packages: Option<String>,
    base_run: Vec<String>,
    stages: Vec<Stage>,
    users: Vec<String>,
    folders: String,
    path: Option<String>,
    copies: Vec<String>,
    files: Vec<String>,
    file_commands: Option<String>,
    gateway: Option<Gateway>,
    podinit: &'static str,
    /// Where podinit-deliver goes, if at all.
    deliver: Option<&'static str>,
    plan: &'static str,
    user: String,
    ports: Vec<String>,
    start_period_s: u64,
}

#[derive(Serialize)]
struct Gateway {
    conf: &'static str,
    tls_conf: Option<&'static str>,
    run_dir: &'static str,
    port: u16,
    user: String,
    /// Whether the user may not listen there while an image is built, though it may in a container.
    is_port_closed_to_builds: bool,
    /// Whether there are other ports than that one, or hosts of their own.
    has_many_servers: bool,
}

impl Gateway {
    fn of(pod: &Pod, gateway: &model::Gateway) -> Gateway {
        // One that only the base knows by name is not root.
        let user = users::ids(pod, &gateway.service.user).unwrap_or(Ids { uid: u32::MAX, gid: u32::MAX });
        let routes = || pod.all_services().flat_map(|(_, service)| &service.routes);
        let is_closed = |port: u16| port < 1024 && user.uid != 0;
        Gateway {
            conf: NGINX_CONF,
            tls_conf: gateway.tls.as_ref().map(|_| TLS_CONF),
            has_many_servers: routes().any(|route| route.listen.is_some() || !route.hosts.is_empty()),
            run_dir: NGINX_RUN_DIR,
            port: gateway.port,
            is_port_closed_to_builds: is_closed(gateway.port) || routes().filter_map(|route| route.listen).any(is_closed),
            user: users::owner(pod, &gateway.service.user),
        }
    }
}

/// The distributions that differ in how packages and users are added.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Family {
    Debian,
    Alpine,
}

impl Family {
    /// An image's name is all that is known of it before it is there; Alpine images say so, all over the registries.
    fn of(image: &str) -> Family {
        if image.contains("alpine") { Family::Alpine } else { Family::Debian }
    }

    /// That of a pod's base: of one that is built, that of the image its Dockerfile starts from.
    fn of_base(pod: &Pod, facts: &Facts) -> Family {
        match &pod.base.build {
            None => Family::of(&pod.base.image),
            Some(build) => Family::of(&own_base::image(&facts.base_dockerfile, build)),
        }
    }
}

/// `Dockerfile` of a pod, with podinit-deliver or without.
///
/// # Errors
/// A build whose target folder is known at run time only.
pub fn render(pod: &Pod, facts: &Facts, has_deliver: bool) -> Result<String> {
    let family = Family::of_base(pod, facts);
    let builds = Builds::of(pod, facts, family)?;
    let image_user = users::of_image(pod);
    let mut packages = pod.base.packages.clone();
    if pod.gateway.is_some() && !packages.iter().any(|package| package == "nginx") {
        packages.push("nginx".to_owned());
    }
    let file_commands = files::commands(pod);
    templates::fill(
        "Dockerfile",
        facts.templates.get("Dockerfile").map(String::as_str),
        Context {
            image: &pod.base.image,
            family,
            packages: (!packages.is_empty()).then(|| syntax::shell_words(&packages)),
            base_run: pod.base.run.iter().map(|line| syntax::run(line)).collect(),
            stages: builds.stages,
            users: pod.users.iter().map(|(name, user)| accounts::command(name, user, family)).collect(),
            folders: folders(pod, image_user),
            path: (!builds.programs.is_empty()).then(|| builds.programs.join(":")),
            copies: builds.copies,
            files: files::copies(pod),
            file_commands: (!file_commands.is_empty()).then(|| file_commands.join(" \\\n    && ")),
            gateway: pod.gateway.as_ref().map(|gateway| Gateway::of(pod, gateway)),
            podinit: podinit::PODINIT,
            deliver: has_deliver.then_some(podinit::PODINIT_DELIVER),
            plan: podinit::PATH,
            user: image_user.to_string(),
            ports: exposed_ports(pod),
            start_period_s: start_period_s(pod),
        },
    )
}

/// By which people know it.
const SUPERVISORCTL: &str = "/usr/local/bin/supervisorctl";

/// Commands that make the folders which services write to or start in, unless the base has them already: what it has
/// keeps its owner. podinit's and nginx's own folders belong to who runs them, whoever made them.
fn folders(pod: &Pod, image_user: Ids) -> String {
    let owned = |ids: Ids, path: &str| format!("install -d -o {} -g {} {}", ids.uid, ids.gid, syntax::shell_word(path));
    let mut commands = vec![owned(image_user, podinit::RUN_DIR)];
    for directory in plan::directories(pod) {
        let make =
            format!("install -d{} {}", files::given_to(pod, directory.user.as_deref()), syntax::shell_word(&directory.path));
        if directory.path == NGINX_RUN_DIR {
            commands.push(make);
        } else {
            commands.push(format!("{{ test -d {} || {make}; }}", syntax::shell_word(&directory.path)));
        }
    }
    let unbuilt = pod.all_services().filter(|(_, service)| service.build.is_none());
    let working_dirs: BTreeSet<String> =
        unbuilt.filter_map(|(_, service)| Some(Template::parse(&service.working_dir).ok()?.literal()?.to_owned())).collect();
    commands.extend(working_dirs.iter().filter(|path| *path != "/").map(|path| format!("mkdir -p {}", syntax::shell_word(path))));
    // podinit called by that name; a real one in the base would look for a daemon that is not there.
    commands.push(format!("ln -sf {} {SUPERVISORCTL}", podinit::PODINIT));
    commands.join(" \\\n    && ")
}

/// What a container of the image is reached by: the published ports and the gateway's.
fn exposed_ports(pod: &Pod) -> Vec<String> {
    let published = pod.ports.iter().map(|port| (port.container, port.protocol));
    let gateway = pod.gateway.iter().flat_map(|gateway| gateway.service.ports.iter().map(|port| (*port, "tcp")));
    let exposed = pod.container.expose.iter().filter_map(|port| port.split_once('/'));
    let exposed = exposed.filter_map(|(port, protocol)| Some((port.parse().ok()?, protocol)));
    let ports: BTreeSet<(u16, &str)> = published.chain(gateway).chain(exposed).collect();
    ports.iter().map(|(port, protocol)| format!("{port}/{protocol}")).collect()
}

/// For as long as a service may take to start, the engine calls a pod that is not ready starting, not unhealthy.
fn start_period_s(pod: &Pod) -> u64 {
    let longest_ms = pod.all_services().map(|(_, service)| service.start_timeout_ms).max().unwrap_or(0);
    longest_ms.div_ceil(1_000).max(1)
}
