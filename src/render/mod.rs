//! From a pod to the files of its image. Pure: no clock, no disk, no network; the same pod gives the same bytes.
//!
//! Paths in an image that more than one file has to agree on are constants here.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod dockerfile;
pub mod dockerignore;
mod files;
mod lockfiles;
pub mod nginx;
pub mod plan;
mod templates;
mod users;

use crate::spec::model::Pod;
use anyhow::Result;
use std::collections::BTreeMap;

/// Where an image keeps nginx's configuration.
pub const NGINX_CONF: &str = "/etc/nginx/nginx.conf";
/// Where an image keeps what makes TLS of nginx's server.
pub const TLS_CONF: &str = "/etc/nginx/tls.conf";
/// The folder for everything nginx writes: its pid and its temporary files.
pub const NGINX_RUN_DIR: &str = "/run/nginx";
/// The socket on which podinit answers `/health` and `/status` for the gateway.
pub const PUBLIC_SOCKET: &str = "/run/podinit/public.sock";
/// The folder of files that are there while services are not ready; nginx asks none whose file is.
pub const UNREADY_DIR: &str = "/run/podinit/unready";
/// The path by which nginx itself is checked; it is answered to 127.0.0.1 and ::1 alone.
pub const NGINX_CHECK_PATH: &str = "/_podctl/nginx";
/// The path by which nginx is asked for its figures; answered as the other.
pub const NGINX_STATUS_PATH: &str = "/_podctl/nginx/status";

/// What rendering has to know of the pod's folder. Gathered by [`crate::image`], so that rendering reads no disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The pod's own .dockerignore; empty without one.
    pub dockerignore: String,
    /// For each stage context (as [`crate::spec::model::Stage::context`]): the names of the files in its top folder,
    /// sorted, less those that are ignored.
    pub top_files: BTreeMap<String, Vec<String>>,
    /// The texts of files that are filled in at start, by their source, as [`crate::spec::model::FileSource::Path`].
    pub texts: BTreeMap<String, String>,
    /// The Dockerfile that the base is built from; empty without one.
    pub base_dockerfile: String,
    /// Templates of the user's that take the place of podctl's own, by name.
    pub templates: BTreeMap<String, String>,
}

/// The files of an image. Their names are those `podctl render` writes and those the Dockerfile copies from.
///
/// The build context that the Dockerfile expects holds these files at its top, beside `podinit` (the binary) and
/// `pod/` (the pod's folder less what .dockerignore leaves out).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// `Dockerfile`
    pub dockerfile: String,
    /// `plan.json`
    pub plan: String,
    /// Whether the image gets podinit-deliver.
    pub has_deliver: bool,
    /// `nginx.conf`, when there is a gateway.
    pub nginx_conf: Option<String>,
    /// `tls.conf`, when the gateway speaks TLS.
    pub tls_conf: Option<String>,
    /// `.dockerignore`, for the build context.
    pub dockerignore: String,
    /// Texts of pod.yaml that are files of the image, by their name in the context: `files/etc/app.conf`.
    pub contents: BTreeMap<String, String>,
}

impl Files {
    /// Every file by name, sorted.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let nginx_conf = self.nginx_conf.iter().map(|text| ("nginx.conf", text.as_str()));
        let tls_conf = self.tls_conf.iter().map(|text| ("tls.conf", text.as_str()));
        [(".dockerignore", self.dockerignore.as_str()), ("Dockerfile", self.dockerfile.as_str())]
            .into_iter()
            .chain(self.contents.iter().map(|(name, text)| (name.as_str(), text.as_str())))
            .chain(nginx_conf)
            .chain([("plan.json", self.plan.as_str())])
            .chain(tls_conf)
    }
}

/// The folders that a pod's container has in memory, and the options they are mounted with. podinit, nginx and most programs
/// have to write somewhere when nothing of the image can be written: /run belongs to who PID 1 runs as; /tmp is everybody's
/// already, as engines leave a folder's mode as the image has it.
#[must_use]
pub fn tmpfs(pod: &Pod) -> BTreeMap<String, String> {
    let users::Ids { uid, gid } = users::of_image(pod);
    let folders = [("/run", format!("uid={uid},gid={gid}")), ("/tmp", String::new())];
    let folders = folders.into_iter().filter(|_| pod.container.read_only);
    let folders = folders.map(|(folder, options)| (folder.to_owned(), options));
    folders.chain(pod.container.tmpfs.clone()).collect()
}

/// The uid and gid of a user; none when only the image knows them.
#[must_use]
pub fn ids(pod: &Pod, user: &str) -> Option<(u32, u32)> {
    users::ids(pod, user).map(|users::Ids { uid, gid }| (uid, gid))
}

/// The lock files by which dependencies are installed.
pub fn lockfile_names() -> impl Iterator<Item = &'static str> {
    lockfiles::LOCKFILES.iter().map(|lockfile| lockfile.name)
}

/// Renders all files of a pod's image.
///
/// # Errors
/// What pod.yaml asks for and no image can give, such as a build whose target folder is known at run time only.
pub fn render(pod: &Pod, facts: &Facts) -> Result<Files> {
    let own = |name: &str| facts.templates.get(name).map(String::as_str);
    let plan = plan::compile(pod, facts)?;
    let has_deliver = plan::needs_deliver(&plan);
    Ok(Files {
        dockerfile: dockerfile::render(pod, facts, has_deliver)?,
        plan: plan::render(&plan)?,
        has_deliver,
        nginx_conf: pod.gateway.as_ref().map(|gateway| nginx::render(pod, gateway, own("nginx.conf"))).transpose()?,
        tls_conf: pod
            .gateway
            .as_ref()
            .and_then(|gateway| gateway.tls.as_ref())
            .map(|tls| nginx::render_tls(pod, tls))
            .transpose()?,
        dockerignore: dockerignore::render(&facts.dockerignore, &dockerignore::private(pod))?,
        contents: files::contents(pod),
    })
}
