//! Whole projects: what becomes of them, line by line.

use super::support::{compile, import_folder, pod};
use podctl::import::account::Fate;
use podctl::import::project::Project;
use podctl::import::{Imported, import};
use podctl::render::{self, Facts};
use podctl::spec::model::Pod;
use podctl::spec::source::Source;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/projects").join(name)
}

fn imported(name: &str) -> Imported {
    import_folder(&folder(name))
}

/// pod.yaml, and what became of each statement.
fn shown(name: &str) -> String {
    let imported = imported(name);
    let mut text = imported.text.clone();
    text.push_str("\n--- account\n");
    for record in imported.account.records() {
        let fate = match record.fate {
            Fate::Carried(key) => format!("-> {key}"),
            Fate::Implied(why) => format!("implied: {why}"),
            Fate::Left(why) => format!("LEFT: {why}"),
        };
        writeln!(text, "{}:{} {}: {fate}", record.file, record.line, record.what).unwrap();
    }
    text
}

#[test]
fn a_project_becomes_the_pod_that_a_person_would_have_written() {
    insta::assert_snapshot!(shown("portal"));
}

#[test]
fn what_cannot_be_told_stays_as_it_is_and_is_the_base() {
    insta::assert_snapshot!(shown("legacy"));
}

#[test]
fn every_import_is_a_pod_that_can_be_rendered() {
    for name in ["portal", "legacy"] {
        let imported = imported(name);
        let pod = pod(&imported.text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        compile(&imported.text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(pod.gateway.is_some(), name == "portal");
        render::render(&pod, &Facts::default()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}

#[test]
fn every_line_of_the_sources_is_accounted_for() {
    for (name, files) in [
        (
            "portal",
            &[
                "Dockerfile",
                "compose.yaml",
                "docker/supervisord.conf",
                "docker/conf.d/portal.conf",
                "docker/nginx.conf",
                "docker/entrypoint.sh",
            ][..],
        ),
        ("legacy", &["Dockerfile", "supervisord.conf", "nginx.conf", "sites/app.conf"]),
    ] {
        let imported = imported(name);
        assert_eq!(
            imported.account.files().iter().collect::<BTreeSet<_>>(),
            files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>().iter().collect()
        );
        for file in files {
            let told: BTreeSet<usize> = imported
                .account
                .records()
                .filter(|record| record.file == *file)
                .flat_map(|record| record.line..=record.end_line)
                .collect();
            let text = fs::read_to_string(folder(name).join(file)).unwrap();
            for (index, line) in text.lines().enumerate() {
                let is_silent = line.trim().is_empty() || line.trim_start().starts_with(['#', ';']);
                assert!(is_silent || told.contains(&(index + 1)), "{name}/{file}:{}: {line}", index + 1);
            }
        }
    }
}

#[test]
fn a_secret_is_neither_in_the_file_nor_in_the_report() {
    let imported = imported("portal");
    let report = serde_json::to_string(&imported.account).unwrap();
    for said in [&imported.text, &report, &imported.account.left_over().join("\n")] {
        assert!(!said.contains("canary"), "{said}");
    }
    for name in [
        "JWT_SECRET",
        "DATABASE_URL",
        "SENTRY_DSN",
        "PORTAL_SIGNING_KEY",
        "AUTH_TOKEN",
        "PGPASSWORD",
        "REQUIREPASS",
        "CONTROL_PASSWORD",
    ] {
        assert!(imported.asked.iter().any(|asked| asked == name), "{name}: {:?}", imported.asked);
    }
}

#[test]
fn paths_are_seen_from_where_the_file_is_written() {
    let at = |below: &str| {
        let mut project = podctl::commands::import::project(&folder("portal")).unwrap();
        project.below = below.to_owned();
        import(&project).unwrap().text
    };
    let below = pod(&at("old/portal")).unwrap();
    let here = pod(&at("")).unwrap();
    assert_eq!(below.stages["frontend"].context, "old/portal/frontend");
    assert_eq!(below.services["web"].build.as_ref().map(|stage| stage.context.as_str()), Some("old/portal"));
    assert_eq!(here.services["web"].build.as_ref().map(|stage| stage.context.as_str()), Some("."));
    let files = |pod: &Pod| format!("{:?} {:?}", pod.files, pod.volumes);
    assert_eq!(files(&below).replace("old/portal/", ""), files(&here));
    assert_eq!(below.services["web"].command, here.services["web"].command);
}

/// A project of a supervisord.conf with one program and a Dockerfile.
fn with_dockerfile(dockerfile: &str) -> Pod {
    let conf = "[supervisord]\n[program:web]\ncommand=gunicorn app:app\n";
    let texts = [("supervisord.conf", conf), ("Dockerfile", dockerfile)];
    let texts: Vec<Source> =
        texts.iter().map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() }).collect();
    let files = ["requirements.txt", "Dockerfile", "supervisord.conf"].map(str::to_owned).into();
    let imported = import(&Project { name: "x".to_owned(), files, texts, ..Project::default() }).unwrap();
    pod(&imported.text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn listeners_go_on_unless_all_they_do_is_what_a_pod_does_by_itself() {
    let listener =
        |name: &str, command: &str, events: &str| format!("[eventlistener:{name}]\ncommand={command}\nevents={events}\n");
    let of = |listeners: &str| {
        let conf = format!("[supervisord]\n[program:web]\ncommand=web\n{listeners}");
        let source = Source { name: "supervisord.conf".to_owned(), text: conf };
        let imported = import(&Project::of_file("x", source)).unwrap();
        assert_eq!(imported.account.left_over(), [""; 0]);
        pod(&imported.text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    };
    let names = |pod: &Pod| {
        pod.services.iter().filter(|(_, service)| service.listener.is_some()).map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let ending = of(&listener("quit", "/stop-supervisor.sh", "PROCESS_STATE_FATAL"));
    assert!(ending.services["web"].essential && names(&ending).is_empty());
    let logging = of(&listener("out", "supervisor_stdout", "PROCESS_LOG"));
    assert!(!logging.services["web"].essential && names(&logging).is_empty());
    // One that has the name of a service has another one here.
    let mail = of(&listener("web", "crashmail -m ops@example.org", "PROCESS_STATE_EXITED"));
    assert_eq!(names(&mail), ["web-listener"]);
    let service = &mail.services["web-listener"];
    assert_eq!((service.user.as_str(), service.essential), ("root", false));
    assert_eq!(service.listener.as_ref().map(|listener| listener.events.clone()), Some(vec!["PROCESS_STATE_EXITED".to_owned()]));
}

#[test]
fn one_file_is_read_with_those_that_it_includes_and_nothing_else() {
    let project = podctl::commands::import::project(&folder("portal/docker/supervisord.conf")).unwrap();
    let imported = import(&project).unwrap();
    assert_eq!(imported.account.files(), ["supervisord.conf", "conf.d/portal.conf"]);
    let pod = pod(&imported.text).unwrap();
    assert!(pod.gateway.is_none() && pod.services.contains_key("nginx") && pod.services.contains_key("mail"));
}

#[test]
fn a_port_that_is_opened_and_named_by_a_command_is_that_of_the_service() {
    let conf = "[supervisord]\n[program:web]\ncommand=gunicorn app:app -b 0.0.0.0:5000\n[program:b]\ncommand=b 15000\n";
    let texts = [("supervisord.conf", conf), ("Dockerfile", "FROM x\nEXPOSE 5000 9999/udp\n")];
    let texts: Vec<Source> =
        texts.iter().map(|(name, text)| Source { name: (*name).to_owned(), text: (*text).to_owned() }).collect();
    let imported = import(&Project { name: "x".to_owned(), texts, ..Project::default() }).unwrap();
    let pod = pod(&imported.text).unwrap();
    assert_eq!((pod.services["web"].ports.as_slice(), pod.services["b"].ports.as_slice()), (&[5000][..], &[][..]));
}

#[test]
fn a_dockerfile_is_taken_apart_only_where_all_of_it_can_be_told() {
    let start = "FROM python:3.12\nWORKDIR /app\n";
    for told in [
        "COPY . .\nRUN pip install -r requirements.txt\n",
        "RUN apt-get update && apt-get install -y curl supervisor\nCOPY . .\n",
        "COPY conf /etc/x\nRUN mkdir -p /var/x && chown www-data:www-data /var/x\n",
        "USER www-data\nEXPOSE 80\nCMD supervisord\n",
    ] {
        assert_eq!(with_dockerfile(&format!("{start}{told}")).base.build, None, "{told}");
    }
    for kept in [
        "RUN pip install gunicorn\nCOPY . .\nRUN pip install -r requirements.txt\n",
        "COPY . .\nRUN make\n",
        "ARG A\nCOPY . .\n",
        "COPY *.py /app/\n",
        "SHELL [\"/bin/bash\", \"-c\"]\n",
        "ADD https://example.org/x.tar.gz /x\n",
        "ENV A=1\nRUN echo $A\n",
        "RUN --mount=type=secret,id=a cat /run/secrets/a\n",
        "COPY --from=0 /a /b\n",
    ] {
        assert!(with_dockerfile(&format!("{start}{kept}")).base.build.is_some(), "{kept}");
    }
}

#[test]
fn broken_sources_are_refused_with_their_places() {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let refused = |sources: Vec<Source>| {
        let files = sources.iter().map(|source| source.name.clone()).collect();
        let project = Project { name: "x".to_owned(), files, texts: sources, ..Project::default() };
        let problems = import(&project).expect_err("it is broken");
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let conf = "[supervisord]\n[program:nginx]\ncommand=nginx\nstartsecs=soon\n[program:a]\n";
    let found = refused(vec![
        source("supervisord.conf", conf),
        source("nginx.conf", "http {\n  server {\n listen 80\n }\n}\n"),
        source("Dockerfile", "FROM debian\nINSTALL nginx\n"),
        source("compose.yaml", "services:\n  a: [\n"),
    ]);
    for place in ["supervisord.conf:4: ", "supervisord.conf:5: ", "nginx.conf:4: ", "Dockerfile:2: ", "compose.yaml:"] {
        assert!(found.iter().any(|problem| problem.starts_with(place)), "{place}: {found:#?}");
    }
    assert!(refused(vec![source("README.md", "nothing")])[0].contains("supervisord.conf"));
    // What stands in a broken line may be a secret.
    let found = refused(vec![source("supervisord.conf", "[supervisord]\nenvironment=A=1\nDB_PASSWORD \"canary\"\n")]);
    assert!(found[0].starts_with("supervisord.conf:3: ") && !found[0].contains("canary"), "{found:?}");
}

#[test]
fn the_example_is_what_import_writes() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/php");
    let target = tempfile::tempdir().unwrap();
    // The file is written beside the project, as it lies in the example.
    copy(&examples.join("supervisord"), &target.path().join("php/supervisord"));
    let output = target.path().join("php/pod.yaml");
    let podctl = |extra: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_podctl"));
        command.args(["import", "--output"]).arg(&output).args(extra).arg(target.path().join("php/supervisord"));
        command.output().unwrap()
    };
    assert!(podctl(&[]).status.success());
    assert_eq!(fs::read_to_string(&output).unwrap(), fs::read_to_string(examples.join("pod.yaml")).unwrap());
    // A second time it is in the way.
    fs::write(&output, "mine").unwrap();
    let refused = podctl(&[]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(&output).unwrap(), "mine");
    let forced = podctl(&["--force", "--format", "json"]);
    assert!(forced.status.success());
    let report: serde_json::Value = serde_json::from_slice(&forced.stdout).unwrap();
    assert_eq!(report["counts"]["left"], 0, "{report:#}");
    assert_eq!(report["processes"].as_array().unwrap().len(), 5);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}
