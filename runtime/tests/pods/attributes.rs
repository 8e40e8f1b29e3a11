//! What a service is given besides its command: limits, rights, groups, variables from files.

use crate::support::plans::{no_retries, oneshot, pod};
use crate::support::{Ended, PODINIT, Pod, Setting, is_root};
use podinit_plan::plan::{FromFile, Service, Ulimit, Value};

/// Runs a service to its end in a pod of its own.
fn run(setting: Setting, service: impl FnOnce(&std::path::Path) -> Service) -> Ended {
    Pod::start_in(setting, |folder| pod([("web", no_retries(service(folder)))])).end()
}

fn unless_root() -> bool {
    if !is_root() {
        eprintln!("ignored: rights can be given by root only");
    }
    !is_root()
}

#[test]
fn limits_and_the_like_are_set_before_the_program_runs() {
    if unless_root() {
        return;
    }
    let ended = run(Setting::default(), |_| {
        let mut service = oneshot("umask; nice; cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn; ulimit -c; id -G");
        service.user = Some("4711:4712".to_owned());
        service.groups = ["adm", "4713"].map(str::to_owned).to_vec();
        service.attributes.umask = Some(0o027);
        service.attributes.nice = Some(-5);
        service.attributes.oom_score_adj = Some(321);
        let limits = [("nofile", Some(50), Some(60)), ("core", Some(0), Some(0))];
        service.attributes.ulimits = limits.map(|(name, soft, hard)| (name.to_owned(), Ulimit { soft, hard })).into();
        service
    });
    assert_eq!(ended.of("web"), ["0027", "-5", "321", "50", "60", "0", "4712 4 4713"], "{}", ended.errors);
}

#[test]
fn rights_are_taken_away_and_given() {
    if unless_root() {
        return;
    }
    let status = "grep -E '^(CapPrm|CapBnd|CapAmb|NoNewPrivs)' /proc/self/status | tr -d '\\t'";
    let rights = |user: &'static str, add: &'static [&str], drop: &'static [&str]| {
        let setting = Setting { few_capabilities: true, ..Setting::default() };
        let ended = run(setting, |_| {
            let mut service = oneshot(status);
            service.user = Some(user.to_owned());
            service.attributes.cap_add = add.iter().map(|name| (*name).to_owned()).collect();
            service.attributes.cap_drop = drop.iter().map(|name| (*name).to_owned()).collect();
            service.attributes.no_new_privileges = true;
            service
        });
        ended.of("web").iter().map(|line| line.split_once(':').unwrap().1.trim_start_matches('0').to_owned()).collect::<Vec<_>>()
    };
    // Permitted, bounding, ambient, no_new_privileges. NET_RAW is bit 13, KILL 5.
    assert_eq!(rights("4711", &["NET_RAW"], &["ALL"]), ["2000", "2000", "2000", "1"]);
    assert_eq!(rights("4711", &[], &["ALL"]), ["", "", "", "1"]);
    assert_eq!(rights("root", &[], &["ALL"]), ["", "", "", "1"]);
    assert_eq!(rights("root", &["KILL"], &["ALL"]), ["20", "20", "20", "1"]);
}

#[test]
fn what_podinit_lacks_the_right_for_is_named() {
    if unless_root() {
        return;
    }
    let few = || Setting { few_capabilities: true, ..Setting::default() };
    let reason = |ended: Ended, want: &str| {
        assert_eq!(ended.code, Some(111), "{}", ended.errors);
        assert!(ended.errors.contains(want), "{want}: {}", ended.errors);
    };
    let nofile = Ulimit { soft: None, hard: None };
    let ended = run(few(), |_| {
        let mut service = oneshot("true");
        service.attributes.ulimits.insert("nofile".to_owned(), nofile);
        service
    });
    reason(ended, "cannot set its limit nofile to ");
    let ended = run(few(), |_| {
        let mut service = oneshot("true");
        service.attributes.nice = Some(-20);
        service
    });
    reason(ended, "cannot set its nice -20: ");
    let ended = run(few(), |_| {
        let mut service = oneshot("true");
        service.attributes.cap_add = vec!["SYS_ADMIN".to_owned()];
        service
    });
    assert_eq!(ended.code, Some(0), "it is left out, and said");
    assert!(ended.output.contains("podinit lacks SYS_ADMIN, which web is to have"), "{}", ended.output);
}

#[test]
fn variables_are_read_from_files_at_each_start() {
    let setting = Setting { environment: vec![("OUT", "container")], ..Setting::default() };
    let ended = Pod::start_in(setting, |folder| {
        let path = |name: &str| folder.join(name).display().to_string();
        std::fs::write(path("one"), "A=one\nB=one\nOWN=one\nPLAN=one\n").unwrap();
        std::fs::write(path("two"), "B=\"two $OUT\"\n").unwrap();
        std::fs::write(path("secret"), "first\n").unwrap();
        // The first run fails, and leaves another secret to the second.
        let script =
            format!("echo $A $B $OWN $PLAN $SECRET; test $SECRET = second || {{ echo second > {}; exit 3; }}", path("secret"));
        let mut service = oneshot(&script);
        service.env_files = vec![path("one"), path("two")];
        service.environment.insert("OWN".to_owned(), Some("own".to_owned().into()));
        service.environment.insert("SECRET".to_owned(), Some(Value::File(FromFile { file: path("secret") })));
        let mut plan = pod([("web", service)]);
        plan.environment.insert("PLAN".to_owned(), Some("plan".to_owned().into()));
        plan
    })
    .end();
    assert_eq!(ended.of("web"), ["one two container own one first", "one two container own one second"], "{}", ended.errors);
    assert_eq!(ended.code, Some(0));
}

#[test]
fn a_file_that_cannot_be_read_fails_the_start_with_its_name_and_no_value() {
    let ended = run(Setting::default(), |folder| {
        std::fs::write(folder.join("env"), "A=1\nB='secret value").unwrap();
        let mut service = oneshot("echo never");
        service.env_files = vec![folder.join("env").display().to_string()];
        service
    });
    assert_eq!(ended.code, Some(111));
    let lines = ended.of("web");
    assert!(lines.len() == 1 && lines[0].contains("/env: line 2: a single quote is not closed"), "{lines:?}");
    let ended = run(Setting::default(), |_| {
        let mut service = oneshot("true");
        service.environment.insert("X".to_owned(), Some(Value::File(FromFile { file: "/no/such/file".to_owned() })));
        service
    });
    assert_eq!(ended.code, Some(111));
    assert!(ended.of("web")[0].contains("cannot read X from /no/such/file"), "{}", ended.output);
}

#[test]
fn a_program_that_variables_were_read_for_has_the_exit_codes_of_any_other() {
    let code = |words: &[&str]| std::process::Command::new(PODINIT).arg("launch").args(words).output().unwrap().status.code();
    assert_eq!(code(&["--", "no-such-program"]), Some(127));
    assert_eq!(code(&["--", "/etc/passwd"]), Some(126));
    assert_eq!(code(&["--", "sh", "-c", "exit 7"]), Some(7));
    assert_eq!(code(&["--env-file", "/no/such/file", "--", "true"]), Some(111));
}
