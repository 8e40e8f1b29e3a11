//! The Dockerfile: base and packages first, one stage per build, the application last.
//!
//! It keeps to what the frontend that is built into Engine 20.10 knows, so that no build has to fetch another one.

mod ca_bundle;
mod stages;
mod syntax;

pub use ca_bundle::with_ca_bundle;

use super::users::{self, Ids};
use super::{Facts, NGINX_CONF, NGINX_RUN_DIR, plan, templates};
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
    users: Vec<User<'a>>,
    folders: String,
    path: Option<String>,
    copies: Vec<String>,
    gateway: Option<Gateway>,
    podinit: &'static str,
    plan: &'static str,
    user: String,
    ports: Vec<String>,
    start_period_s: u64,
}

#[derive(Serialize)]
struct User<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
}

#[derive(Serialize)]
struct Gateway {
    conf: &'static str,
    run_dir: &'static str,
    port: u16,
    user: String,
    /// Whether the user may not listen there while an image is built, though it may in a container.
    is_port_closed_to_builds: bool,
}

impl Gateway {
    fn of(pod: &Pod, gateway: &model::Gateway) -> Gateway {
        let user = users::ids(pod, &gateway.service.user).unwrap_or(Ids::ROOT);
        Gateway {
            conf: NGINX_CONF,
            run_dir: NGINX_RUN_DIR,
            port: gateway.port,
            user: user.to_string(),
            is_port_closed_to_builds: gateway.port < 1024 && user.uid != 0,
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
}

/// `Dockerfile` of a pod.
///
/// # Errors
/// A build whose target folder is known at run time only.
pub fn render(pod: &Pod, facts: &Facts) -> Result<String> {
    let family = Family::of(&pod.base.image);
    let builds = Builds::of(pod, facts)?;
    let image_user = users::of_image(pod);
    let mut packages = pod.base.packages.clone();
    if pod.gateway.is_some() && !packages.iter().any(|package| package == "nginx") {
        packages.push("nginx".to_owned());
    }
    templates::fill(
        "Dockerfile",
        Context {
            image: &pod.base.image,
            family,
            packages: (!packages.is_empty()).then(|| syntax::shell_words(&packages)),
            base_run: pod.base.run.iter().map(|line| syntax::run(line)).collect(),
            stages: builds.stages,
            users: pod.users.iter().map(|(name, user)| User { name, uid: user.uid, gid: user.gid }).collect(),
            folders: folders(pod, image_user),
            path: (!builds.programs.is_empty()).then(|| builds.programs.join(":")),
            copies: builds.copies,
            gateway: pod.gateway.as_ref().map(|gateway| Gateway::of(pod, gateway)),
            podinit: podinit::PODINIT,
            plan: podinit::PATH,
            user: image_user.to_string(),
            ports: exposed_ports(pod),
            start_period_s: start_period_s(pod),
        },
    )
}

/// Commands that make the folders which services write to or start in, unless the base has them already: what it has
/// keeps its owner. podinit's and nginx's own folders belong to who runs them, whoever made them.
fn folders(pod: &Pod, image_user: Ids) -> String {
    let owned = |ids: Ids, path: &str| format!("install -d -o {} -g {} {}", ids.uid, ids.gid, syntax::shell_word(path));
    let mut commands = vec![owned(image_user, podinit::RUN_DIR)];
    for directory in plan::directories(pod) {
        let ids = directory.user.and_then(|user| users::ids(pod, &user)).unwrap_or(Ids::ROOT);
        let make = owned(ids, &directory.path);
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
    commands.join(" \\\n    && ")
}

/// What a container of the image is reached by: the published ports and the gateway's.
fn exposed_ports(pod: &Pod) -> Vec<String> {
    let published = pod.ports.iter().map(|port| (port.container, port.protocol));
    let ports: BTreeSet<(u16, &str)> = published.chain(pod.gateway.iter().map(|gateway| (gateway.port, "tcp"))).collect();
    ports.iter().map(|(port, protocol)| format!("{port}/{protocol}")).collect()
}

/// For as long as a service may take to start, the engine calls a pod that is not ready starting, not unhealthy.
fn start_period_s(pod: &Pod) -> u64 {
    let longest_ms = pod.all_services().map(|(_, service)| service.start_timeout_ms).max().unwrap_or(0);
    longest_ms.div_ceil(1_000).max(1)
}
