//! The locations of a route.

use super::headers::{self, Cors, Header};
use super::pass::{self, Pass, Script};
use super::{always_quoted, escaped_expression, lines, quoted};
use crate::spec::model::{Expires, Fallback, Gateway, Pod, Route, RoutePath, RouteTarget};
use anyhow::{Result, bail};
use serde::Serialize;
use std::collections::BTreeSet;

/// A route with what nginx keeps of it beside its locations.
pub struct Prepared<'a> {
    /// Counted from 1.
    pub index: usize,
    /// Whose route it is.
    pub owner: &'a str,
    pub route: &'a Route,
    /// The name of its zone.
    pub zone: Option<String>,
    pub cors: Option<Cors>,
}

/// One location; its texts are as nginx is to read them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Location {
    pub matches: String,
    zone: Option<String>,
    burst: u32,
    max_body_bytes: u64,
    allow: Vec<String>,
    headers: Vec<Header>,
    /// The variable that is 1 for a preflight.
    preflight: Option<String>,
    config: Vec<String>,
    /// Where it leads elsewhere.
    answer: Option<String>,
    files: Option<Files>,
    /// The location that goes on when who may ask has been looked at.
    then: Option<String>,
    pass: Option<Pass>,
}

/// Files of a location.
#[derive(Debug, Clone, Serialize)]
struct Files {
    /// `root` or `alias`.
    directive: &'static str,
    path: String,
    expires: Option<String>,
    index: Option<&'static str>,
    try_files: Option<String>,
    /// No location can be within an exact one.
    has_inner: bool,
    /// The expression of the paths of scripts, and the folder that they are in.
    scripts: Option<Scripts>,
    /// Who is asked for what is no file to be served; without anybody there is nothing.
    hidden: Option<Pass>,
}

/// Scripts within a folder of files.
#[derive(Debug, Clone, Serialize)]
struct Scripts {
    matches: String,
    root: String,
    pass: Pass,
}

/// The locations of a route of this server; `exact` are the paths that are asked for by name.
pub fn locations(pod: &Pod, gateway: &Gateway, prepared: &Prepared<'_>, exact: &BTreeSet<String>) -> Result<Vec<Location>> {
    let Prepared { index, owner, route, .. } = prepared;
    let rewrite = rewrite(owner, route)?;
    let pass = pass::pass(pod, gateway, route, *index, rewrite);
    let base = Location {
        zone: prepared.zone.clone(),
        burst: route.burst,
        max_body_bytes: route.max_body_bytes,
        allow: route.allow.clone(),
        headers: headers::of_route(gateway, route, prepared.cors.as_ref()),
        preflight: prepared.cors.as_ref().map(Cors::preflight),
        config: lines(route.config.as_deref()),
        ..Location::default()
    };
    let matchers = matchers(&route.path, exact);
    if let RouteTarget::Return(answer) = &route.target {
        let text = answer.text.as_ref().map(|text| format!(" {}", always_quoted(text))).unwrap_or_default();
        let answer = Some(format!("{}{text}", answer.status));
        return Ok(matchers.into_iter().map(|matches| Location { matches, answer: answer.clone(), ..base.clone() }).collect());
    }
    let is_guarded = !route.allow.is_empty();
    match &route.files {
        // A flag is looked at before who may ask is, unless that is the matter of another location.
        None if is_guarded && pass.as_ref().is_some_and(Pass::has_flag) => {
            let name = format!("@podctl_{index}");
            let then = |matches| Location { matches, then: Some(name.clone()), ..base.clone() };
            let last = Location { pass, ..looked_at(&base, &name) };
            Ok(matchers.into_iter().map(then).chain([last]).collect())
        }
        None => Ok(matchers.into_iter().map(|matches| Location { matches, pass: pass.clone(), ..base.clone() }).collect()),
        Some(folder) => Ok(with_files(route, folder, pass.map(|pass| pass.guarded(is_guarded)), &base, *index, exact, matchers)),
    }
}

/// The locations of a route that has files.
fn with_files(
    route: &Route,
    folder: &str,
    pass: Option<Pass>,
    base: &Location,
    index: usize,
    exact: &BTreeSet<String>,
    matchers: Vec<String>,
) -> Vec<Location> {
    let expires = route.expires.map(|expires| match expires {
        Expires::Never => "-1".to_owned(),
        Expires::Seconds(seconds) => format!("{seconds}s"),
    });
    let files = Files {
        directive: "root",
        path: quoted(folder),
        expires,
        index: None,
        try_files: None,
        has_inner: true,
        scripts: None,
        hidden: None,
    };
    let with = |matches: &str, files: Files| Location { matches: matches.to_owned(), files: Some(files), ..base.clone() };
    let fastcgi = pass.as_ref().filter(|pass| pass.speaks_fastcgi());
    match &route.path {
        RoutePath::Exact(path) if route.is_file => {
            let file = Files { directive: "alias", has_inner: false, ..files };
            vec![with(&format!("= {}", quoted(path)), file)]
        }
        RoutePath::Exact(path) => {
            let matches = format!("= {}", quoted(path));
            if let Some(pass) = fastcgi {
                // Its own script, or the front controller; nothing has to be looked for.
                let script = match &route.fallback {
                    _ if path.ends_with(".php") => path.clone(),
                    Fallback::File(file) => file.clone(),
                    Fallback::Service => "/index.php".to_owned(),
                    Fallback::None => path.clone(),
                };
                let script = Script::new(script.clone(), format!("{folder}{script}"), "");
                return vec![Location {
                    pass: Some(pass.to_script(script)),
                    ..with(&matches, Files { has_inner: false, ..files })
                }];
            }
            let (last, more) = fallback(route, "", &pass, base, index, exact, folder);
            let try_files = Some(format!("$uri $uri/index.html {last}"));
            [with(&matches, Files { try_files, has_inner: false, ..files })].into_iter().chain(more).collect()
        }
        RoutePath::Regex(_) => {
            let matches = matchers.into_iter().next().unwrap_or_default();
            if let Some(pass) = fastcgi {
                let last = if let Fallback::File(file) = &route.fallback { quoted(file) } else { "=404".to_owned() };
                let script = Script::new("$fastcgi_script_name".to_owned(), "$document_root$fastcgi_script_name".to_owned(), "");
                let files = Files { try_files: Some(format!("$uri {last}")), ..files };
                return vec![Location { pass: Some(pass.to_script(script)), ..with(&matches, files) }];
            }
            let (last, more) = fallback(route, "", &pass, base, index, exact, folder);
            let files = Files { try_files: Some(format!("$uri {last}")), hidden: pass, ..files };
            [with(&matches, files)].into_iter().chain(more).collect()
        }
        RoutePath::Prefix(path) => {
            let prefix = if path == "/" { "" } else { path.as_str() };
            let files = match prefix {
                "" => files,
                _ => Files { directive: "alias", path: quoted(&format!("{}/", folder.trim_end_matches('/'))), ..files },
            };
            let mut locations = Vec::new();
            if !prefix.is_empty() && !exact.contains(path) {
                let answer = Some(format!("301 {}", always_quoted(&format!("{path}/$is_args$args"))));
                locations.push(Location { matches: format!("= {}", quoted(path)), answer, ..base.clone() });
            }
            let matches = if prefix.is_empty() { "/".to_owned() } else { quoted(&format!("{prefix}/")) };
            if let Some(pass) = fastcgi {
                let root = folder.trim_end_matches('/');
                let front = match &route.fallback {
                    Fallback::Service => Some("/index.php"),
                    Fallback::File(file) if file.ends_with(".php") => Some(file.as_str()),
                    Fallback::File(_) | Fallback::None => None,
                };
                let (last, more) = match front {
                    Some(front) => {
                        let script = Script::new(format!("{prefix}{front}"), format!("{root}{front}"), "");
                        let files =
                            Files { directive: "root", path: quoted(folder), has_inner: false, expires: None, ..files.clone() };
                        let name = format!("@podctl_{index}");
                        let location = Location { pass: Some(pass.to_script(script)), ..looked_at(base, &name) };
                        (name, vec![Location { files: Some(files), ..location }])
                    }
                    None => fallback(route, prefix, &None, base, index, exact, folder),
                };
                let script = Script::new(format!("{prefix}$podctl_script"), format!("{root}$podctl_script"), "$podctl_path_info");
                let scripts = Scripts {
                    matches: always_quoted(&format!(
                        "^{}(?<podctl_script>/.+?\\.php)(?<podctl_path_info>/.*)?$",
                        escaped_expression(prefix)
                    )),
                    root: quoted(if root.is_empty() { "/" } else { root }),
                    pass: pass.to_script(script),
                };
                let try_files = Some(format!("$uri $uri/ {last}"));
                let files = Files { index: Some("index.php index.html"), try_files, scripts: Some(scripts), ..files };
                locations.push(with(&matches, files));
                locations.extend(more);
                return locations;
            }
            let (last, more) = fallback(route, prefix, &pass, base, index, exact, folder);
            // A folder without a file of its own may be listed, where nginx is told to.
            let folder_itself = if last.starts_with('=') { "$uri/" } else { "$uri/index.html" };
            let hidden = pass.filter(|_| route.fallback == Fallback::Service);
            locations.push(with(&matches, Files { try_files: Some(format!("$uri {folder_itself} {last}")), hidden, ..files }));
            locations.extend(more);
            locations
        }
    }
}

/// A location that a request comes to when there is no file: who may ask, and how often, has been looked at by then.
fn looked_at(base: &Location, name: &str) -> Location {
    Location { matches: name.to_owned(), zone: None, allow: Vec::new(), preflight: None, ..base.clone() }
}

/// What is tried last, and the locations that it takes.
fn fallback(
    route: &Route,
    prefix: &str,
    pass: &Option<Pass>,
    base: &Location,
    index: usize,
    exact: &BTreeSet<String>,
    folder: &str,
) -> (String, Vec<Location>) {
    match (&route.fallback, pass) {
        (Fallback::Service, Some(pass)) => {
            let name = format!("@podctl_{index}");
            let location = Location { pass: Some(pass.clone()), ..looked_at(base, &name) };
            (name, vec![location])
        }
        (Fallback::File(file), _) => {
            let path = format!("{prefix}{file}");
            // The file that stands for all others changes with each release: nobody may keep it unasked.
            let page = Files {
                directive: "alias",
                path: quoted(&format!("{}{file}", folder.trim_end_matches('/'))),
                expires: Some("-1".to_owned()),
                index: None,
                try_files: None,
                has_inner: false,
                scripts: None,
                hidden: None,
            };
            let foot = Files {
                directive: "root",
                path: quoted(folder),
                try_files: Some(format!("{} =404", quoted(file))),
                ..page.clone()
            };
            // The top of the folder is the same page, whatever is in it.
            let top = matches!(route.path, RoutePath::Prefix(_)).then(|| (format!("{prefix}/"), foot));
            let pages = [(path.clone(), page)].into_iter().chain(top).filter(|(path, _)| !exact.contains(path));
            let location = |(path, files): (String, Files)| Location {
                matches: format!("= {}", quoted(&path)),
                files: Some(files),
                ..base.clone()
            };
            let more = pages.map(location).collect();
            (quoted(&path), more)
        }
        (Fallback::Service | Fallback::None, _) => ("=404".to_owned(), Vec::new()),
    }
}

/// The location lines of a route. A prefix has two, since nginx's own prefixes end anywhere, within a word too.
fn matchers(path: &RoutePath, exact: &BTreeSet<String>) -> Vec<String> {
    match path {
        RoutePath::Prefix(path) if path == "/" => vec!["/".to_owned()],
        RoutePath::Prefix(path) => {
            let foot = (!exact.contains(path)).then(|| format!("= {}", quoted(path)));
            foot.into_iter().chain([quoted(&format!("{path}/"))]).collect()
        }
        RoutePath::Exact(path) => vec![format!("= {}", quoted(path))],
        RoutePath::Regex(expression) => vec![format!("~ {}", always_quoted(expression))],
    }
}

/// The rewrite that takes the prefix of a route away: of `/api` and of `/api/users` remain `/` and `/users`.
fn rewrite(service: &str, route: &Route) -> Result<Option<String>> {
    match &route.path {
        _ if !route.strip_prefix => Ok(None),
        RoutePath::Prefix(path) if path == "/" => Ok(None),
        // (?s): a path may hold an encoded line break, and is not to pass unstripped then.
        RoutePath::Prefix(path) => {
            Ok(Some(format!("{} /$1", always_quoted(&format!("(?s)^{}/?(.*)$", escaped_expression(path))))))
        }
        RoutePath::Exact(_) => Ok(Some("^ /".to_owned())),
        RoutePath::Regex(expression) => bail!(
            "cannot strip the prefix of route `~ {expression}` of service {service}: an expression has no prefix; \
             route a plain path or leave `strip_prefix` out"
        ),
    }
}
