//! What the tools of the field say of the rendered files.

use crate::{MakePod, files};
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program that `variable` names or PATH has.
pub fn find(variable: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // nginx is where administrators have their programs, which is not on everybody's PATH.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.into_iter().chain(folders.map(|folder| folder.join(name))).find(|file| file.is_file())
}

/// As [`find`] for a program whose name may end in its version, as `php-fpm8.2` does; the last of them.
pub fn find_like(variable: &str, name: &str) -> Option<PathBuf> {
    find(variable, name).or_else(|| {
        let files = std::fs::read_dir("/usr/sbin").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        files.filter(|file| file.file_name().is_some_and(|found| found.to_string_lossy().starts_with(name))).max()
    })
}

pub fn trials(name: &'static str, make: MakePod) -> Vec<Trial> {
    let trial = |tool: &str, found: Option<PathBuf>, look: Look| {
        let is_missing = found.is_none();
        Trial::test(format!("{tool} finds nothing in {name}"), move || look(&found.unwrap_or_default(), make))
            .with_kind(format!("needs {tool}"))
            .with_ignored_flag(is_missing)
    };
    let mut trials = vec![trial("hadolint", find("HADOLINT", "hadolint"), hadolint)];
    if make().0.gateway.is_some() {
        trials.push(trial("nginx -t", find("NGINX", "nginx"), nginx));
        trials.push(trial("gixy", find("GIXY", "gixy"), gixy));
    }
    trials
}

/// Looks at the files of a pod with a tool.
type Look = fn(&Path, MakePod) -> Result<(), Failed>;

fn hadolint(tool: &Path, make: MakePod) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let dockerfile = folder.path().join("Dockerfile");
    std::fs::write(&dockerfile, files(make).dockerfile)?;
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/hadolint.yaml");
    says_nothing(Command::new(tool).arg("--config").arg(config).arg(dockerfile))
}

fn nginx(tool: &Path, make: MakePod) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let text = files(make).nginx_conf.expect("there is a gateway");
    let conf = folder.path().join("nginx.conf");
    let here = folder.path().to_str().expect("UTF-8");
    std::fs::write(&conf, text.replace("/run/nginx", here).replace(":80 default_server", ":8080 default_server"))?;
    let output = Command::new(tool).args(["-e", "stderr", "-t", "-c"]).arg(conf).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let is_clean =
        output.status.success() && !["[warn]", "[error]", "[alert]", "[emerg]"].iter().any(|level| said.contains(level));
    if is_clean { Ok(()) } else { Err(said.into_owned().into()) }
}

fn gixy(tool: &Path, make: MakePod) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let conf = folder.path().join("nginx.conf");
    std::fs::write(&conf, files(make).nginx_conf.expect("there is a gateway"))?;
    says_nothing(Command::new(tool).arg("--skips").arg(GIXY_SKIPS.join(",")).arg(conf))
}

/// Checks of gixy that do not fit, each with its reason.
const GIXY_SKIPS: [&str; 1] = [
    // A cache of open files would show what is no longer there; looking for a file costs microseconds.
    "try_files_is_evil_too",
];

fn says_nothing(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)).into())
}
