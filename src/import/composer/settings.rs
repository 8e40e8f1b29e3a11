//! What nginx is told of bodies, times, headers and the like: the same keys for the gateway and for a route.

use super::gateway::{Fates, Obstacle};
use crate::import::account::Fate;
use crate::import::readers::nginx::Directive;
use crate::import::secrets;
use crate::import::yaml::Yaml;

/// Settings of a server or a location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// client_max_body_size.
    pub max_body: Option<Yaml>,
    /// proxy_read_timeout and its kin, the longest.
    pub timeout_s: Option<u64>,
    /// proxy_buffering and its kin.
    pub buffering: Option<bool>,
    /// add_header.
    pub headers: Vec<(String, Yaml)>,
    /// expires.
    pub expires: Option<String>,
    /// allow, when all others are denied.
    pub allow: Vec<String>,
    /// deny all.
    pub denies: bool,
    /// The rate and the burst of requests.
    pub rate: Option<(String, Option<u32>)>,
    /// Lines that are handed to nginx as they are.
    pub config: Vec<String>,
}

/// Directives that podctl's nginx.conf has in its own way.
const OWN: [&str; 66] = [
    "access_log",
    "error_log",
    "log_format",
    "log_not_found",
    "default_type",
    "types",
    "sendfile",
    "tcp_nopush",
    "tcp_nodelay",
    "keepalive_timeout",
    "keepalive_requests",
    "types_hash_max_size",
    "types_hash_bucket_size",
    "server_tokens",
    "charset",
    "server_names_hash_bucket_size",
    "server_names_hash_max_size",
    "client_body_timeout",
    "client_header_timeout",
    "send_timeout",
    "client_body_temp_path",
    "proxy_temp_path",
    "fastcgi_temp_path",
    "uwsgi_temp_path",
    "scgi_temp_path",
    "reset_timedout_connection",
    "client_body_buffer_size",
    "client_header_buffer_size",
    "large_client_header_buffers",
    "open_file_cache",
    "open_file_cache_valid",
    "open_file_cache_min_uses",
    "open_file_cache_errors",
    "proxy_http_version",
    "proxy_redirect",
    "proxy_connect_timeout",
    "fastcgi_connect_timeout",
    "uwsgi_connect_timeout",
    "proxy_buffer_size",
    "proxy_buffers",
    "proxy_busy_buffers_size",
    "fastcgi_buffer_size",
    "fastcgi_buffers",
    "fastcgi_busy_buffers_size",
    "fastcgi_index",
    "fastcgi_split_path_info",
    "fastcgi_intercept_errors",
    "fastcgi_hide_header",
    "proxy_hide_header",
    "index",
    "limit_req_status",
    "limit_req_log_level",
    "variables_hash_max_size",
    "variables_hash_bucket_size",
    "map_hash_bucket_size",
    "merge_slashes",
    "port_in_redirect",
    "absolute_redirect",
    "server_name_in_redirect",
    "lingering_close",
    "ignore_invalid_headers",
    "underscores_in_headers",
    "fastcgi_keep_conn",
    "uwsgi_param",
    "proxy_next_upstream",
    "if_modified_since",
];

/// Headers of requests that services get by themselves.
const FORWARDED: [&str; 12] = [
    "host",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "upgrade",
    "connection",
    "x-request-id",
    "proxy",
    "x-scheme",
];

impl Settings {
    /// Takes a directive; what has no key goes to nginx as it is.
    ///
    /// # Errors
    /// A secret seems to be in it: it is not copied, and what would be left does not do the same.
    pub fn take(&mut self, directive: &Directive, key: &str, fates: &mut Fates) -> Result<(), Obstacle> {
        if has_secret(directive) {
            return Err(Obstacle { place: directive.place, why: "a secret seems to be in it".to_owned() });
        }
        let mut carried = |of: &str| fates.push((directive.place, Fate::Carried(format!("{key}.{of}"))));
        let name = directive.name.as_str();
        let first = directive.arg(0);
        match name {
            "client_max_body_size" => {
                self.max_body = Some(size(first));
                carried("max_body");
            }
            "proxy_read_timeout"
            | "proxy_send_timeout"
            | "fastcgi_read_timeout"
            | "fastcgi_send_timeout"
            | "uwsgi_read_timeout"
            | "uwsgi_send_timeout"
            | "grpc_read_timeout"
            | "grpc_send_timeout"
                if seconds(first).is_some() =>
            {
                self.timeout_s = self.timeout_s.max(seconds(first));
                carried("timeout");
            }
            "proxy_buffering"
            | "proxy_request_buffering"
            | "fastcgi_buffering"
            | "fastcgi_request_buffering"
            | "uwsgi_buffering"
            | "uwsgi_request_buffering" => {
                self.buffering = Some(self.buffering != Some(false) && first != "off");
                carried("buffering");
            }
            "add_header" if !directive.arg(1).contains('$') && !self.headers.iter().any(|(known, _)| known == first) => {
                self.headers.push((first.to_owned(), Yaml::text(directive.arg(1))));
                carried("headers");
            }
            "expires" if duration(first).is_some() => {
                self.expires = duration(first);
                carried("expires");
            }
            "allow" if first != "all" => {
                self.allow.push(first.to_owned());
                carried("allow");
            }
            "deny" if first == "all" => {
                self.denies = true;
                carried("allow");
            }
            "proxy_set_header" if FORWARDED.contains(&first.to_lowercase().as_str()) => {
                fates.push((
                    directive.place,
                    Fate::Implied(
                        "services are told of the client and of the host, and websockets pass, by themselves".to_owned(),
                    ),
                ));
            }
            "fastcgi_param" | "include" if is_usual(directive) => {
                fates.push((directive.place, Fate::Implied("services are given the usual parameters by themselves".to_owned())));
            }
            name if OWN.contains(&name) => {
                directive.each(&mut |inner| {
                    fates.push((inner.place, Fate::Implied("podctl's nginx.conf has it as the container needs it".to_owned())));
                });
            }
            "include" => fates.push((directive.place, Fate::Left("the file is not in the project".to_owned()))),
            _ => {
                self.config.push(directive.lines());
                directive.each(&mut |inner| fates.push((inner.place, Fate::Carried(format!("{key}.config")))));
            }
        }
        Ok(())
    }

    /// These settings, and those of what is around them where there are none.
    #[must_use]
    pub fn over(&self, around: &Settings) -> Settings {
        let mut settings = self.clone();
        settings.max_body = settings.max_body.or_else(|| around.max_body.clone());
        settings.timeout_s = settings.timeout_s.or(around.timeout_s);
        settings.buffering = settings.buffering.or(around.buffering);
        settings.rate = settings.rate.or_else(|| around.rate.clone());
        settings.expires = settings.expires.or_else(|| around.expires.clone());
        if settings.headers.is_empty() {
            settings.headers.clone_from(&around.headers);
        }
        if settings.allow.is_empty() && !settings.denies {
            settings.allow.clone_from(&around.allow);
        }
        settings.config = around.config.iter().chain(&self.config).cloned().collect();
        settings
    }

    /// As keys of pod.yaml. `expires` is a route's alone.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, Yaml)> {
        let mut keys = Vec::new();
        let mut add = |key: &str, value: Yaml| keys.push((key.to_owned(), value));
        if let Some((rate, burst)) = &self.rate {
            add("rate", Yaml::text(rate.as_str()));
            if let Some(burst) = burst {
                add("burst", Yaml::plain(burst));
            }
        }
        if let Some(timeout) = self.timeout_s.filter(|timeout| *timeout != 60) {
            add("timeout", Yaml::text(super::services::seconds(timeout)));
        }
        if let Some(size) = &self.max_body {
            add("max_body", size.clone());
        }
        if self.buffering == Some(false) {
            add("buffering", Yaml::plain(false));
        }
        if !self.headers.is_empty() {
            add("headers", Yaml::Map(self.headers.clone()));
        }
        if !self.allow.is_empty() {
            add("allow", Yaml::texts(self.allow.clone()));
        }
        if !self.config.is_empty() {
            add("config", Yaml::text(self.config.join("\n")));
        }
        keys
    }
}

/// Whether a directive, or one in its block, sets or compares a secret.
fn has_secret(directive: &Directive) -> bool {
    let is_secret = |word: &String| {
        let name = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        word.eq_ignore_ascii_case("authorization") || secrets::looks_secret(word) || secrets::is_secret(name)
    };
    let sets =
        matches!(directive.name.as_str(), "proxy_set_header" | "add_header" | "fastcgi_param" | "uwsgi_param" | "set" | "if");
    let is_passed_on = directive.args.iter().skip(1).all(|arg| arg.starts_with('$')) && directive.name != "if";
    (sets && !is_passed_on && directive.args.iter().any(is_secret)) || directive.inner().iter().any(has_secret)
}

/// Whether a parameter, or a file of parameters, is one that every service of its kind gets.
fn is_usual(directive: &Directive) -> bool {
    let first = directive.arg(0);
    let file = first.rsplit('/').next().unwrap_or_default();
    match directive.name.as_str() {
        "include" => {
            matches!(
                file,
                "fastcgi_params"
                    | "fastcgi.conf"
                    | "uwsgi_params"
                    | "scgi_params"
                    | "proxy_params"
                    | "mime.types"
                    | "fastcgi-php.conf"
            ) || first.contains("/etc/nginx/conf.d/*")
                || first.contains("sites-enabled/*")
                || first.starts_with("conf.d/*")
        }
        _ => matches!(
            first,
            "SCRIPT_FILENAME"
                | "PATH_INFO"
                | "SCRIPT_NAME"
                | "DOCUMENT_ROOT"
                | "HTTP_PROXY"
                | "QUERY_STRING"
                | "PATH_TRANSLATED"
                | "SERVER_NAME"
                | "HTTPS"
        ),
    }
}

/// A time of nginx's: `60`, `60s`, `5m`, `1h`, `30d`, `1y`.
#[must_use]
pub fn seconds(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "M" => 30 * 86_400,
        "y" => 365 * 86_400,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// How long a file may be kept: days and years stay what they are.
fn duration(text: &str) -> Option<String> {
    if text == "max" {
        return Some("10y".to_owned());
    }
    if matches!(text, "off" | "-1" | "epoch" | "0") {
        return Some("off".to_owned());
    }
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    match unit {
        "d" | "y" | "w" | "h" => Some(text.to_owned()),
        "M" => Some(format!("{}d", seconds(text)? / 86_400)),
        _ => seconds(text).map(super::services::seconds),
    }
}

/// A size of nginx's: `20m`, `512k`, `1g`, bytes; 0 is no limit.
fn size(text: &str) -> Yaml {
    let lower = text.to_lowercase();
    match lower.parse::<u64>() {
        Ok(0) => Yaml::plain(0),
        Ok(bytes) => Yaml::text(podinit_plan::units::format_size(bytes)),
        Err(_) => Yaml::text(lower),
    }
}
