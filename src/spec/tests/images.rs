//! What the image is made of: the base, stages, files and users.

use super::{mistakes, pod};
use crate::spec::model::*;

#[test]
fn a_dockerfile_of_the_pods_own_can_be_the_base() {
    let pod = pod("base: { build: { context: ./docker, target: final, args: { V: '${TAG}', W: x } }, packages: [curl] }\n\
                   services: { a: { command: x } }");
    let build = pod.base.build.expect("a build");
    assert_eq!(
        (build.context.as_str(), build.dockerfile.as_str(), build.target.as_deref()),
        ("docker", "Dockerfile", Some("final"))
    );
    assert_eq!((build.args["V"].as_str(), build.args["W"].as_str()), ("1.2", "x"));
    assert_eq!(
        (pod.base.image.as_str(), pod.base.packages.as_slice()),
        ("podctl-base/shop:built", ["curl".to_owned()].as_slice())
    );
    assert_eq!(pod.services["a"].build, None, "its files are in the Dockerfile's image");
    let short = super::pod("base: { build: . }\nservices: { a: { command: x } }").base.build.expect("a build");
    assert_eq!((short.context.as_str(), short.dockerfile.as_str()), (".", "Dockerfile"));
    let both = "base: { build: ., image: debian }\nservices: { a: { command: x } }";
    assert_eq!(
        mistakes(both),
        ["1: a base is an image or is built; remove `image`: the Dockerfile itself says what it starts from"]
    );
}

#[test]
fn a_stage_is_named_by_services_or_stands_for_itself() {
    let text = "stages: { app: { run: [make] }, web: { context: front, image: 'node:22', copy: { dist: /srv/web } },\n\
                tool: { image: 'alpine:3', copy: { /bin/busybox: /usr/bin/busybox } } }\n\
                services: { a: { command: x, build: app }, b: { command: y }, c: { command: z, working_dir: /c } }";
    let pod = pod(text);
    assert_eq!(pod.services["a"].build.as_ref().and_then(|stage| stage.name.as_deref()), Some("app"));
    assert_eq!(pod.services["b"].build, None, "its folder is filled by the stage of another service");
    assert_eq!(pod.services["c"].build.as_ref().map(|stage| stage.context.as_str()), Some("."));
    assert!(pod.stages["tool"].only_copies && !pod.stages["web"].only_copies);
    assert_eq!(pod.stages["web"].copy, Some(vec![("dist".to_owned(), "/srv/web".to_owned())]));
    let wrong = "stages: { app: {} }\nservices: { a: { command: x, build: ap } }";
    assert_eq!(mistakes(wrong)[1], "2: there is no stage `ap`; did you mean `app`?");
    let secret = "stages: { app: { secrets: [npm], copy: [a] } }\nservices: { a: { command: x } }";
    assert!(mistakes(secret)[0].starts_with("1: there is no secret `npm`; add it at the top level"), "{:?}", mistakes(secret));
}

#[test]
fn files_have_their_forms() {
    let text = "users: { web: 1001 }\nfiles:\n  /etc/a.conf: conf/a.conf\n  /etc/b.conf: { content: 'x ${B}', template: true, mode: \"0640\", user: web }\n  \
                /usr/bin/tool: { image: 'alpine:3', source: /bin/tool }\n  /data/: { user: '${UID:-7}:web' }\nservices: { a: { command: x } }";
    let pod = pod(text);
    let file = |target: &str| pod.files[target].clone();
    assert_eq!(file("/etc/a.conf").source, FileSource::Path("conf/a.conf".to_owned()));
    let filled = file("/etc/b.conf");
    assert_eq!((filled.mode, filled.user.as_deref(), filled.template), (Some(0o640), Some("web"), true));
    let tool = FileSource::Image { image: "alpine:3".to_owned(), path: "/bin/tool".to_owned() };
    assert_eq!(file("/usr/bin/tool").source, tool);
    assert_eq!((file("/data/").source, file("/data/").user.as_deref()), (FileSource::Folder, Some("7:web")));
    for (files, want) in [
        ("a: b", "the target of a file is absolute; write its absolute path in the image, such as /etc/app.conf"),
        ("/a: ../b", "this path leads elsewhere: a file comes from the pod's folder; write a path such as config/app.conf"),
        ("/a: { mode: 0644, source: b }", "this may be taken for a decimal number; put it in quotes: `mode: \"0644\"`"),
        (
            "/a/: { template: true }",
            "only a file of the pod's folder, or a text, can be filled in at start; remove `template`, or write `source: FILE` or `content: TEXT`",
        ),
        (
            "/a: { user: app }",
            "this file comes from nowhere; add `source: PATH` or `content: TEXT`; an empty folder has `/` at the end of its path",
        ),
        ("/etc/podinit/x: y", "/etc/podinit/x is podctl's own; choose another place"),
        ("/a: { source: b, user: nobdy }", "the user `nobdy` is not declared; declare it: `users: { nobdy: 1001 }`"),
    ] {
        let text = format!("files: {{ {files} }}\nservices: {{ a: {{ command: x }} }}");
        assert_eq!(mistakes(&text), [format!("1: {want}")], "{files}");
    }
}

#[test]
fn users_have_their_forms() {
    let pod =
        pod("users: { a: '${NONE:-7}', b: { uid: 8, gid: 0 }, c: { groups: [www-data], home: /srv, shell: /bin/sh }, d: {} }\n\
                   services: { x: { command: x, user: a } }");
    let ids = |name: &str| (pod.users[name].uid, pod.users[name].gid);
    assert_eq!((ids("a"), ids("b"), ids("c"), ids("d")), ((7, 7), (8, 0), (10002, 10002), (10003, 10003)));
    let c = &pod.users["c"];
    assert_eq!(
        (c.groups.as_slice(), c.home.as_deref(), c.shell.as_deref()),
        (["www-data".to_owned()].as_slice(), Some("/srv"), Some("/bin/sh"))
    );
}

#[test]
fn a_user_that_a_package_may_bring_is_a_warning() {
    let service = "services: { a: { command: x, user: mysql } }";
    let with = format!("base: {{ packages: [mysql-server] }}\n{service}");
    assert_eq!(mistakes(&with), ["2: the user `mysql` is not declared; declare it: `users: { mysql: 1001 }`"]);
    super::pod(&with);
    assert!(super::load_texts(&[service]).is_err(), "Debian itself has no such user");
    assert_eq!(mistakes("services: { a: { command: x, user: nobody } }"), [""; 0]);
}
