//! What the engine is asked for: volumes, secrets, variables from files, and compose's other keys.

use super::{mistakes, pod};
use crate::spec::model::*;

#[test]
fn volumes_have_composes_forms() {
    let text = "volumes: [./data:/data, 'db:/var/lib/db:ro', /cache, /etc/x:/x, { type: bind, source: y, target: /y, read_only: true },\n\
                { type: volume, source: v, target: /v }]\nservices: { a: { command: x } }";
    let volumes = pod(text).volumes;
    let bind = |path: &str| VolumeSource::Bind(path.into());
    let named = |name: &str| VolumeSource::Named(name.to_owned());
    let want = [
        (bind("/projects/shop/data"), "/data", false),
        (named("db"), "/var/lib/db", true),
        (VolumeSource::Anonymous, "/cache", false),
        (bind("/etc/x"), "/x", false),
        (bind("/projects/shop/y"), "/y", true),
        (named("v"), "/v", false),
    ];
    let got: Vec<_> = volumes.iter().map(|volume| (volume.source.clone(), volume.target.as_str(), volume.read_only)).collect();
    assert_eq!(got, want);
    let wrong = |volume: &str| mistakes(&format!("volumes: [{volume}]\nservices: {{ a: {{ command: x }} }}"));
    for volume in ["a:b", "'a b:/x'", "'a:/x:wo'", "~/x:/x", "'a:/b:ro:c'"] {
        assert_eq!(wrong(volume).len(), 1, "{volume}");
    }
    assert_eq!(wrong("a:/x, ./b:/x/"), ["1: two volumes are mounted at /x; remove one of them"]);
}

#[test]
fn secrets_come_from_one_place() {
    let text = "secrets: { a: { file: ./a.txt }, b: { environment: TOKEN, mode: \"0400\", user: app }, c: { command: pass show c } }\n\
                services: { a: { command: x } }";
    let secrets = pod(text).secrets;
    assert_eq!(secrets["a"].source, SecretSource::File("/projects/shop/a.txt".into()));
    assert_eq!((&secrets["b"].source, secrets["b"].mode), (&SecretSource::Environment("TOKEN".to_owned()), Some(0o400)));
    assert_eq!(secrets["c"].source, SecretSource::Command(["pass", "show", "c"].map(str::to_owned).to_vec()));
    let both = "secrets: { a: { file: x, environment: Y } }\nservices: { a: { command: x } }";
    assert_eq!(mistakes(both), ["1: a secret comes from one place; keep one of file, environment and command"]);
    let none = "secrets: { a: {} }\nservices: { a: { command: x } }";
    assert_eq!(mistakes(none).len(), 1);
}

#[test]
fn files_of_variables_are_here_or_in_the_container() {
    let pod = pod("env_file: [.env.web, /run/all.env, { path: more.env, required: false }]\n\
                   services: { a: { command: x, env_file: /run/own.env } }");
    let files: Vec<_> = pod.env_files.iter().map(|file| (file.path.display().to_string(), file.required)).collect();
    assert_eq!(files, [("/projects/shop/.env.web".to_owned(), true), ("/projects/shop/more.env".to_owned(), false)]);
    assert_eq!(pod.services["a"].env_files, ["/run/all.env", "/run/own.env"]);
}

#[test]
fn what_could_not_be_written_is_said() {
    let of = |keys: &str| mistakes(&format!("read_only: true\n{keys}\nservices: {{ a: {{ command: x }} }}"));
    assert_eq!(
        of("files: { /etc/a: { content: x, template: true } }"),
        [
            "2: /etc/a cannot be filled in: the container cannot be written to; choose a place below /run, /tmp, a folder of `tmpfs` or a volume"
        ]
    );
    assert_eq!(of("files: { /run/a: { content: x, template: true }, /etc/b: { content: x } }"), [""; 0]);
    assert_eq!(of("tmpfs: /etc/x\nfiles: { /etc/x/a: { content: x, template: true } }"), [""; 0]);
    assert_eq!(of("secrets: { a: { environment: A } }").len(), 1);
}

#[test]
fn composes_keys_are_the_engines() {
    let text = "hostname: web1\nextra_hosts: ['a:10.0.0.1', b=host-gateway]\ndns: 9.9.9.9\ntmpfs: [/cache, '/x:size=1m']\nshm_size: 64MB\n\
                sysctls: { net.core.somaxconn: 1024 }\ndevices: ['/dev/fuse', '/dev/a:/dev/b:r']\nprivileged: true\nnetworks: [shared]\n\
                restart: unless-stopped\nplatform: linux/amd64\nexpose: [9000, 53/udp]\n\
                deploy: { resources: { limits: { cpus: \"0.5\", memory: 512MB, pids: 100 }, reservations: { memory: 1MB } } }\n\
                services: { a: { command: x } }";
    let container = pod(text).container;
    assert_eq!(container.extra_hosts, ["a:10.0.0.1", "b:host-gateway"]);
    assert_eq!((container.hostname.as_deref(), container.dns.as_slice()), (Some("web1"), ["9.9.9.9".to_owned()].as_slice()));
    assert_eq!((container.tmpfs["/cache"].as_str(), container.tmpfs["/x"].as_str()), ("", "size=1m"));
    assert_eq!((container.sysctls["net.core.somaxconn"].as_str(), container.shm_size_bytes), ("1024", Some(64 << 20)));
    assert_eq!((container.devices[1].container.as_str(), container.devices[1].permissions.as_str()), ("/dev/b", "r"));
    assert_eq!((container.privileged, container.restart.as_deref()), (true, Some("unless-stopped")));
    assert_eq!(
        (container.expose.as_slice(), container.networks.as_slice()),
        (["9000/tcp", "53/udp"].map(str::to_owned).as_slice(), ["shared".to_owned()].as_slice())
    );
    let limits = Deploy {
        nano_cpus: Some(500_000_000),
        memory_bytes: Some(512 << 20),
        memory_reservation_bytes: Some(1 << 20),
        pids: Some(100),
    };
    assert_eq!(container.deploy, limits);
    for (line, count) in [
        ("restart: never", 1),
        ("networks: [host]", 1),
        ("dns: example.org", 1),
        ("platform: windows/amd64", 1),
        ("deploy: { resources: { limits: { cpus: many } } }", 1),
    ] {
        assert_eq!(mistakes(&format!("{line}\nservices: {{ a: {{ command: x }} }}")).len(), count, "{line}");
    }
}

#[test]
fn containers_beside_the_pod_can_be_depended_on() {
    let text = "backing_services: { db: { image: 'postgres:16', command: postgres -c fsync=off, environment: { A: '${TAG}', B: },\n\
                volumes: ['db:/var/lib/postgresql/data'] } }\nservices: { a: { command: x, depends_on: [db] } }";
    let pod = pod(text);
    let db = &pod.backing_services["db"];
    assert_eq!(
        (db.image.as_str(), db.environment["A"].as_deref(), db.environment["B"].as_deref()),
        ("postgres:16", Some("1.2"), None)
    );
    assert_eq!(db.command.as_deref(), Some(["postgres", "-c", "fsync=off"].map(str::to_owned).as_slice()));
    let wrong = "backing_services: { db: { image: x } }\nservices: { a: { command: x, depends_on: [dbb] } }";
    assert_eq!(mistakes(wrong), ["2: `a` depends on `dbb`, which does not exist; did you mean `db`?"]);
}
