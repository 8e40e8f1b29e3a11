//! Mails arrive, or it is said why not. What arrived is read by Python's parser.

use crate::certificates::ca;
use crate::deliveries::{PATIENCE, deliver, ended, file, smtp};
use crate::mailbox::{Mail, Mailbox, Offer};
use podinit_plan::alert::{Alert, REFUSED, TRY_AGAIN};
use podinit_plan::plan::Target;
use std::io::Write;
use std::process::{Command, Stdio};

const PARSE: &str = "
import email, email.policy, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
assert not mail.defects, mail.defects
json.dump({**{name.lower(): str(value) for name, value in mail.items()}, 'text': mail.get_content()}, sys.stdout)
";

/// The header and the text of a mail.
fn parsed(mail: &Mail) -> serde_json::Value {
    let mut command = Command::new("python3");
    let mut child = command.args(["-c", PARSE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(mail.text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{mail:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The only mail.
fn received(mailbox: &Mailbox) -> Mail {
    let mut mails = mailbox.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

pub fn a_mail_arrives() {
    let mailbox = Mailbox::start(Offer::default());
    let alert = Alert { summary: "wéb ended\r\nBcc: eve@shop.test".into(), lines: vec![".".into(), "ünd".into()], ..ended() };
    let target = smtp(&format!("smtp://localhost:{}", mailbox.port), None);
    deliver(Target::Smtp(target), &alert, PATIENCE).expect_delivered();
    let mail = received(&mailbox);
    assert_eq!(mail.from, " FROM:<alerts@shop.test>");
    assert_eq!(mail.to, [" TO:<ann@shop.test>", " TO:<bob@shop.test>"]);
    let parsed = parsed(&mail);
    assert_eq!(parsed["from"], "Shop <alerts@shop.test>");
    assert_eq!(parsed["to"], "ann@shop.test, bob@shop.test");
    assert_eq!(parsed["subject"], "[shop] warning: wéb ended Bcc: eve@shop.test");
    assert_eq!(parsed["message-id"], "<0197-4-17@c0ffee>");
    assert_eq!(parsed["auto-submitted"], "auto-generated");
    assert!(parsed.get("bcc").is_none());
    let text = parsed["text"].as_str().unwrap().replace("\r\n", "\n");
    assert!(text.contains("Ended with:   SIGKILL\n") && text.contains("\n    .\n    ünd\n"), "{text}");
}

pub fn a_mail_arrives_by_tls_with_a_login() {
    let folder = tempfile::tempdir().unwrap();
    for (scheme, offer) in [
        ("smtp", Offer { starttls: true, ..Offer::default() }),
        ("smtps", Offer { starttls: true, tls: true, ..Offer::default() }),
    ] {
        let mailbox = Mailbox::start(offer);
        let server = folder.path().join("server");
        std::fs::write(&server, format!("{scheme}://me:p:w%40d@localhost:{}\n", mailbox.port)).unwrap();
        let mut target = smtp("", Some(&ca()));
        target.server = file(&server);
        deliver(Target::Smtp(target.clone()), &ended(), PATIENCE).expect_delivered();
        assert!(received(&mailbox).was_encrypted);

        // Whoever it is, it is not that server.
        target.ca = None;
        deliver(Target::Smtp(target.clone()), &ended(), PATIENCE).expect(TRY_AGAIN, "certificate");
        target.ca = Some(ca().display().to_string());
        std::fs::write(&server, format!("{scheme}://me:wr-ong@localhost:{}\n", mailbox.port)).unwrap();
        let outcome = deliver(Target::Smtp(target), &ended(), PATIENCE);
        outcome.expect(REFUSED, "535");
        assert!(!outcome.problem.contains("wr-ong"), "{outcome:?}");
        assert_eq!(mailbox.mails(), []);
    }
}

pub fn a_password_is_not_sent_in_the_clear() {
    let mailbox = Mailbox::start(Offer::default());
    let target = smtp(&format!("smtp://me:p%3Aw%40d@localhost:{}", mailbox.port), None);
    deliver(Target::Smtp(target), &ended(), PATIENCE).expect(REFUSED, "offers no STARTTLS");
    let commands = mailbox.commands();
    assert!(commands[0].starts_with("EHLO c0ffee") && !commands.iter().any(|line| line.starts_with("AUTH")), "{commands:?}");
}

pub fn a_mail_that_is_not_taken_ends_as_the_server_says() {
    for (command, reply, code, words) in [
        ("RCPT TO:<bob", "550 no such user", REFUSED, "550"),
        ("MAIL", "451 come back later", TRY_AGAIN, "451"),
        ("EHLO", "421 closing", TRY_AGAIN, "421"),
        ("DATA", "554 spam", REFUSED, "spam"),
    ] {
        let mailbox = Mailbox::start(Offer { refusal: Some((command, reply)), ..Offer::default() });
        let target = smtp(&format!("smtp://localhost:{}", mailbox.port), None);
        deliver(Target::Smtp(target), &ended(), PATIENCE).expect(code, words);
        assert_eq!(mailbox.mails(), []);
    }
    let mailbox = Mailbox::start(Offer::default());
    let mut target = smtp(&format!("smtp://localhost:{}", mailbox.port), None);
    target.to = vec![crate::deliveries::text("nobody")];
    deliver(Target::Smtp(target), &ended(), PATIENCE).expect(REFUSED, "nobody is no address of mail");
}
