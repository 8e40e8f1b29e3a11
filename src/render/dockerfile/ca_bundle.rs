//! Builds behind a proxy that re-signs TLS.

/// The bundle's name at the top of the build context.
const SOURCE: &str = "ca-bundle.crt";
/// Where a step sees it. /dev/shm is memory in every step: older builders leave an empty file where they mounted one,
/// and it is not to be left in a layer.
const TARGET: &str = "/dev/shm/ca-bundle.crt";
/// The variables by which common tools are told.
const VARIABLES: [&str; 11] = [
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "COMPOSER_CAFILE",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "npm_config_cafile",
];

/// The Dockerfile for a build that trusts the CA bundle at the top of its context: every `RUN` has it mounted and is
/// told of it, no layer and no container of the image has either. For the build alone; what users see stays without.
///
/// The variables are build arguments, since those reach the steps of a stage and end with it.
#[must_use]
pub fn with_ca_bundle(dockerfile: &str) -> String {
    let mut out = String::new();
    for line in dockerfile.lines() {
        match line.strip_prefix("RUN ") {
            Some(rest) => out.push_str(&format!("RUN --mount=type=bind,source={SOURCE},target={TARGET} {rest}\n")),
            None => out.push_str(&format!("{line}\n")),
        }
        if line.starts_with("FROM ") {
            for variable in VARIABLES {
                out.push_str(&format!("ARG {variable}={TARGET}\n"));
            }
        }
    }
    out
}
