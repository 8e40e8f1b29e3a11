use super::*;
use crate::plan::{self, Command, Listener, RestartPolicy, Service, Socket, Stdin};

/// Files in memory; a pattern matches what begins as it does up to its star.
struct Memory(Vec<(&'static str, &'static str)>);

impl Files for Memory {
    fn read(&self, path: &str) -> Result<String, String> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "not there".to_owned())
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
        let names = self.0.iter().map(|(name, _)| (*name).to_owned());
        names.filter(|name| name.starts_with(before) && name.ends_with(after)).collect()
    }
}

fn surroundings() -> Surroundings {
    let environment = [("HOME", "/root"), ("PORT", "80"), ("PASSWORD", "canary")];
    Surroundings {
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        host_name: "box".to_owned(),
    }
}

fn read_all(files: Vec<(&'static str, &'static str)>) -> Result<Reading, Vec<Mistake>> {
    read("/etc/sv/main.conf", &Memory(files), &surroundings())
}

fn one(text: &'static str) -> Result<Reading, Vec<Mistake>> {
    read_all(vec![("/etc/sv/main.conf", text)])
}

fn lines(mistakes: &[Mistake]) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

fn compiled(text: &'static str) -> (plan::Plan, Vec<String>) {
    let ground = Ground { working_dir: "/app".to_owned(), ..Ground::default() };
    compile(&one(text).unwrap().config, &ground)
}

fn service(text: &'static str, name: &str) -> Service {
    compiled(text).0.services.remove(name).expect("the service")
}

#[test]
fn defaults_are_those_of_the_original() {
    let config = one("[supervisord]\n[program:web]\ncommand=web -p %(ENV_PORT)s\n").unwrap().config;
    let web = &config.groups[0].processes[0];
    assert_eq!(web.argv.as_deref(), Some(&["web", "-p", "80"].map(str::to_owned)[..]));
    assert_eq!((web.priority, web.startsecs, web.startretries, web.stopsignal, web.stopwaitsecs), (999, 1, 3, 15, 10));
    assert_eq!((web.autostart, web.autorestart, &web.exitcodes[..]), (true, AutoRestart::Unexpected, &[0][..]));
    assert_eq!((&web.stdout.logfile, web.stdout.logfile_maxbytes, web.stdout.logfile_backups), (&LogTarget::Auto, 50 << 20, 10));
    assert_eq!((config.supervisord.minfds, config.supervisord.identifier.as_str()), (1024, "supervisor"));
}

#[test]
fn included_files_have_a_here_of_their_own() {
    let main = "[supervisord]\n[include]\nfiles = conf.d/*.conf none/*.conf\n[program:a]\ncommand=%(here)s/a\n";
    let files = vec![
        ("/etc/sv/main.conf", main),
        ("/etc/sv/conf.d/b.conf", "[program:b]\ncommand=%(here)s/b\n[include]\nfiles=*.never\n"),
    ];
    let reading = read_all(files).unwrap();
    let commands: Vec<&str> = reading.config.groups.iter().map(|group| group.processes[0].command.as_str()).collect();
    assert_eq!(commands, ["/etc/sv/a", "/etc/sv/conf.d/b"]);
    assert_eq!(lines(&reading.warnings), ["/etc/sv/main.conf:3: no file is called /etc/sv/none/*.conf"]);
}

#[test]
fn groups_are_ordered_as_the_original_orders_them() {
    let text = "[supervisord]\n[group:g]\nprograms=z,a\npriority=5\n[program:a]\ncommand=a\npriority=1\n[program:z]\ncommand=z\n\
                [program:n]\ncommand=n\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)02d\nnumprocs_start=9\npriority=2\n";
    let (plan, _) = compiled(text);
    let mut started: Vec<(&String, &Service)> = plan.services.iter().collect();
    started.sort_by_key(|(_, service)| service.priority);
    let names: Vec<&str> = started.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["n:n_09", "n:n_10", "g:z", "g:a"], "in a group the order of programs, not of priorities");
    let orders: Vec<Option<i64>> = started.iter().map(|(_, service)| service.stop.order).collect();
    assert_eq!(orders, [Some(0), Some(0), Some(1), Some(1)], "a group stops as one");
}

#[test]
fn programs_are_policies_of_plain_numbers() {
    let text = "[supervisord]\nenvironment=A=\"1\",B=\"$x\"\n[unix_http_server]\nfile=/run/s.sock\n[program:w]\ncommand=w '${HOME}'\n\
                autorestart=false\nstartsecs=0\nstartretries=7\nstopasgroup=true\nstopsignal=QUIT\nstopwaitsecs=3\n\
                environment=B=\"2\"\nuser=nobody\ndirectory=/srv\numask=077\nstdout_logfile=/dev/stdout\nredirect_stderr=true\n";
    let w = service(text, "w");
    assert_eq!(w.command, Command::Words(vec!["w".to_owned(), "$${HOME}".to_owned()]));
    assert_eq!((w.restart.policy, w.restart.retries, w.restart.stable_after_ms), (RestartPolicy::Never, 7, 0));
    assert_eq!(w.ready, plan::Ready::AliveMs(0));
    assert_eq!((w.stop.signal.as_str(), w.stop.grace_period_ms, w.stop.group, w.stop.kill_group), ("SIGQUIT", 3000, true, true));
    assert!(!w.stop.kill_leftovers && !w.essential && !w.waits && !w.login_variables);
    let value = |name: &str| w.environment[name].as_ref().map(plan::Value::text);
    assert_eq!((value("A"), value("B"), value("SUPERVISOR_SERVER_URL")), (Some("1"), Some("2"), Some("unix:///run/s.sock")));
    assert_eq!((w.user.as_deref(), w.working_dir.as_str(), w.attributes.umask), (Some("nobody"), "/srv", Some(0o77)));
    let container = w.logging.stdout.container.unwrap();
    assert_eq!((container.stream, container.format, &w.logging.stderr), (plan::Stream::Stdout, plan::Format::Raw, &None));
}

#[test]
fn listeners_programs_and_fcgi_programs_have_each_their_stdin() {
    let text = "[supervisord]\n[program:a]\ncommand=a\nstderr_events_enabled=yes\nstdout_capture_maxbytes=1KB\n\
                [eventlistener:ear]\ncommand=l\nevents=tick_5, PROCESS_LOG\nstdout_events_enabled=yes\nstderr_events_enabled=yes\n\
                [fcgi-program:f]\ncommand=f\nsocket=unix:///run/f.sock\nsocket_backlog=7\nsocket_owner=www:www\n\
                [fcgi-program:t]\ncommand=t\nsocket=tcp://localhost:9000\n";
    let (plan, warnings) = compiled(text);
    assert_eq!(warnings, [""; 0]);
    let (a, ear) = (&plan.services["a"], &plan.services["ear"]);
    assert_eq!((&a.stdin, &a.listener), (&Stdin::Pipe, &None));
    assert_eq!((a.logging.stdout.capture_bytes, a.logging.stdout.events), (1024, false));
    assert!(a.logging.stderr.as_ref().is_some_and(|stderr| stderr.events));
    let events = ["TICK_5", "PROCESS_LOG"].map(str::to_owned).to_vec();
    assert_eq!(ear.listener, Some(Listener { pool: "ear".to_owned(), events, buffer_size: 10 }));
    // What it says on its stdout is its protocol.
    assert_eq!((&ear.stdin, ear.logging.stdout.events), (&Stdin::Pipe, false));
    let socket = |name: &str| match &plan.services[name].stdin {
        Stdin::Socket(socket) => socket.clone(),
        other => panic!("{other:?}"),
    };
    let owner = Some("www:www".to_owned());
    let unix = Socket { address: "unix:///run/f.sock".to_owned(), backlog: Some(7), owner, mode: Some(0o700) };
    assert_eq!(socket("f"), unix);
    assert_eq!(socket("t"), Socket { address: "tcp://localhost:9000".to_owned(), backlog: None, owner: None, mode: None });
}

#[test]
fn what_a_socket_or_a_listener_cannot_have_is_said() {
    let text = "[supervisord]\n[fcgi-program:f]\ncommand=f\nsocket=tcp://localhost:9000\nsocket_mode=0700\nsocket_backlog=0\n";
    let found = lines(&one(text).unwrap_err());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains(":5: ") && found[0].contains("only a unix socket has one"), "{found:?}");
    assert!(found[1].contains(":6: ") && found[1].contains("expected 1 to 65535"), "{found:?}");
    let text = "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=TICK\nresult_handler=mine:handler\n";
    let warnings = lines(&one(text).unwrap().warnings);
    assert!(warnings.len() == 1 && warnings[0].contains(":5: "), "{warnings:?}");
}

#[test]
fn limits_are_raised_and_never_lowered() {
    let config = one("[supervisord]\nminfds=4096\n[program:w]\ncommand=w\n").unwrap().config;
    let limit = |soft: u64, hard: Option<u64>| {
        let ground = Ground { nofile: Some(plan::Ulimit { soft: Some(soft), hard }), ..Ground::default() };
        compile(&config, &ground).0.services["w"].attributes.ulimits.get("nofile").copied()
    };
    assert_eq!(limit(1024, Some(2048)), Some(plan::Ulimit { soft: Some(2048), hard: Some(2048) }));
    assert_eq!(limit(1024, None), Some(plan::Ulimit { soft: Some(4096), hard: None }));
    assert_eq!(limit(8192, Some(8192)), None);
}

#[test]
fn every_mistake_is_found_with_its_line() {
    let text = "[supervisord]\nloglevel=loud\n\n[program:a]\ncommand=a\nautorestart=maybe\nstopsignal=FOO\nexitcodes=0,256\n\
                numprocs=2\n\n[program:b]\nstartsecs=x\n\n[program:c]\ncommand=c %(nope)s\nenvironment=A\nstopasgroup=true\n\
                killasgroup=false\n[group:g]\nprograms=nope\n[eventlistener:l]\ncommand=l\nevents=FOO\n[inet_http_server]\n\
                username=x\nport=x\n";
    let found = lines(&one(text).unwrap_err());
    let places: Vec<&str> = found.iter().filter_map(|line| line.strip_prefix("/etc/sv/main.conf:")?.split(": ").next()).collect();
    assert_eq!(found.len(), places.len(), "{found:#?}");
    let mut numbers: Vec<usize> = places.iter().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 4, 6, 7, 8, 11, 12, 15, 16, 18, 20, 23, 24, 26], "{found:#?}");
}

#[test]
fn what_does_nothing_is_warned_of() {
    let text = "[supervisord]\n[program:a]\ncommand=a 'b\nauto_start=no\ndepends_on=b\nstderr_logfile=/x\nredirect_stderr=true\n\
                [programs]\nx=1\n";
    let warnings = lines(&one(text).unwrap().warnings);
    for (line, word) in
        [(3, "cannot be started"), (4, "autostart is meant"), (5, "no such option"), (6, "redirect_stderr"), (8, "no section")]
    {
        let found = warnings.iter().any(|text| text.starts_with(&format!("/etc/sv/main.conf:{line}: ")) && text.contains(word));
        assert!(found, "{line} {word}: {warnings:#?}");
    }
    assert_eq!(warnings.len(), 5);
}

#[test]
fn what_is_printed_has_no_values_of_variables() {
    let text = "[supervisord]\n[program:a]\ncommand=a\nenvironment=TOKEN=\"%(ENV_PASSWORD)s\"\n\
                [inet_http_server]\nport=9001\nusername=u\npassword=%(ENV_PASSWORD)s\n";
    let reading = one(text).unwrap();
    assert_eq!(reading.config.groups[0].processes[0].environment["TOKEN"], "canary");
    let json = serde_json::to_string(&reading.config).unwrap();
    assert!(json.contains("TOKEN") && !json.contains("canary"), "{json}");
    let mistakes = one("[supervisord]\n[program:a]\ncommand=a\nenvironment=A=%(ENV_PASSWORD)s@,B\n").unwrap_err();
    assert!(!lines(&mistakes)[0].contains("canary"), "{mistakes:?}");
}
