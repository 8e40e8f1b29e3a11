//! superlance's programs, unmodified. PODCTL_SUPERVISORD names supervisord, which superlance is installed beside; without
//! it there is nothing to run.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::{PATIENCE, Pod, wait_for};
use podinit_plan::state::State;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

/// One of superlance's programs.
fn program(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("PODCTL_SUPERVISORD")?).with_file_name(name);
    assert!(path.exists(), "superlance is not installed: there is no {}", path.display());
    Some(path)
}

/// A mail, as it is sent: who it is to, and its text.
#[derive(Debug)]
struct Mail {
    to: Vec<String>,
    text: String,
}

/// Takes mails; gives its port.
fn mail_server() -> (u16, Receiver<Mail>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, mails) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            if sender.send(receive(connection.unwrap())).is_err() {
                return;
            }
        }
    });
    (port, mails)
}

/// As much of SMTP as it takes.
fn receive(mut connection: TcpStream) -> Mail {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map(Result::unwrap);
    let mut mail = Mail { to: Vec::new(), text: String::new() };
    let mut answer = |text: &str| connection.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    answer("220 sink");
    while let Some(line) = lines.next() {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        match word.as_str() {
            "RCPT" => mail.to.push(line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()),
            "DATA" => {
                answer("354 go on");
                mail.text = lines.by_ref().take_while(|line| line != ".").collect::<Vec<_>>().join("\n");
            }
            "QUIT" => {
                answer("221 bye");
                break;
            }
            _ => {}
        }
        answer("250 ok");
    }
    mail
}

/// A command that sends the mail at its stdin to that port.
fn sendmail(folder: &Path, port: u16) -> String {
    let path = folder.join("sendmail");
    let script = format!(
        "import smtplib, sys, email\ntext = sys.stdin.read()\nto = email.message_from_string(text)['To']\n\
         smtplib.SMTP('127.0.0.1', {port}).sendmail('from@pod', [to], text)\n"
    );
    std::fs::write(&path, script).unwrap();
    format!("python3 {}", path.display())
}

/// A supervisord that listeners can find, with one of them.
fn configuration(folder: &Path, listener: &str, events: &str, programs: &str) -> String {
    let folder = folder.display();
    format!(
        "[supervisord]\n[unix_http_server]\nfile={folder}/sock\n[rpcinterface:supervisor]\n\
         supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
         [eventlistener:lance]\ncommand={listener}\nevents={events}\nstderr_logfile={folder}/lance.err\n{programs}"
    )
}

#[test]
fn crashmail_mails_when_a_program_crashes_and_not_when_it_ends_well() {
    let Some(crashmail) = program("crashmail") else { return };
    let (port, mails) = mail_server();
    let mut pod = Pod::supervisord(|folder| {
        let listener = format!("{} -a -o box -m ops@example.com -s '{}'", crashmail.display(), sendmail(folder, port));
        let program = |name: &str, command: &str| {
            format!("[program:{name}]\ncommand={command}\nstartsecs=0\nautorestart=false\nautostart=false\n")
        };
        let programs = [program("good", "true"), program("bad", "sh -c 'exit 7'")].concat();
        configuration(folder, &listener, "PROCESS_STATE_EXITED", &programs)
    });
    pod.wait_state("lance", State::Ready);
    pod.ask("good", "start");
    pod.wait_state("good", State::Done);
    pod.ask("bad", "start");
    let mail = mails.recv_timeout(PATIENCE).unwrap();
    assert_eq!(mail.to, ["ops@example.com"]);
    assert!(mail.text.contains("Subject: box: bad crashed at "), "{}", mail.text);
    assert!(mail.text.contains("Process bad in group bad exited unexpectedly (pid "), "{}", mail.text);
    assert!(mail.text.contains(") from state RUNNING"), "{}", mail.text);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn fatalmailbatch_mails_all_that_was_given_up_since_the_last_tick_at_once() {
    let Some(fatalmailbatch) = program("fatalmailbatch") else { return };
    let (port, mails) = mail_server();
    let pod = Pod::supervisord(|folder| {
        // An interval that every tick ends; a sink at another port than that of mail.
        let listener = format!(
            "{} --toEmail=ops@example.com --fromEmail=pod@example.com --smtpHost=127.0.0.1:{port} --tickEvent=TICK_5 --interval=0.01",
            fatalmailbatch.display()
        );
        let program = |name: &str| format!("[program:{name}]\ncommand=/not/there\nstartsecs=9\nstartretries=0\n");
        let programs = format!("{}{}", program("one"), program("two"));
        configuration(folder, &listener, "PROCESS_STATE_FATAL,TICK_5", &programs)
    });
    let mut text = String::new();
    wait_for("both programs", || {
        let mail = mails.recv_timeout(PATIENCE).unwrap();
        assert_eq!(mail.to, ["ops@example.com"]);
        text.push_str(&mail.text);
        ["one", "two"].iter().all(|name| text.contains(&format!("Process {name}:{name} failed to start too many"))).then_some(())
    });
    assert!(text.contains("Subject: Fatal start alert from supervisord"), "{text}");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn memmon_restarts_a_program_that_takes_more_than_it_may_and_mails() {
    let Some(memmon) = program("memmon") else { return };
    let (port, mails) = mail_server();
    let mut pod = Pod::supervisord(|folder| {
        let sendmail = sendmail(folder, port);
        let listener = format!("{} -p hog=8MB -p small=900MB -m ops@example.com -s '{sendmail}'", memmon.display());
        let hog = "python3 -c 'import time; x = bytearray(64 << 20); time.sleep(1000)'";
        let programs = format!(
            "[group:grp]\nprograms=hog\n[program:hog]\ncommand={hog}\nstartsecs=0\n[program:small]\ncommand=sleep 1000\nstartsecs=0\n"
        );
        configuration(folder, &listener, "TICK_5", &programs)
    });
    let before = pod.wait_state("grp:hog", State::Ready).pid;
    pod.wait_state("grp:hog", State::Stopped);
    let after = pod.wait_state("grp:hog", State::Ready).pid;
    assert_ne!(before, after);
    let mail = mails.recv_timeout(PATIENCE).unwrap();
    assert!(mail.text.contains(": process grp:hog restarted"), "{}", mail.text);
    let small = pod.status().services.into_iter().find(|service| service.name == "small");
    assert_eq!(small.map(|small| (small.incarnation, small.restarts)), Some((1, 0)));
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn httpok_restarts_a_program_whose_page_fails() {
    let Some(httpok) = program("httpok") else { return };
    // The page fails the first time that it is asked for, and not again.
    let page = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = page.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let answers = ["500 Broken"].into_iter().chain(std::iter::repeat("200 OK"));
        for (connection, answer) in page.incoming().zip(answers) {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            write!(connection, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        }
    });
    let mut pod = Pod::supervisord(|folder| {
        let listener = format!("{} -p site http://127.0.0.1:{port}/", httpok.display());
        let programs = "[program:site]\ncommand=sleep 1000\nstartsecs=0\n";
        configuration(folder, &listener, "TICK_5", programs)
    });
    let before = pod.wait_state("site", State::Ready).pid;
    pod.wait_state("site", State::Stopped);
    assert_ne!(before, pod.wait_state("site", State::Ready).pid);
    assert_eq!(pod.stop().code, Some(0));
}
