//! A server that takes mail, as RFC 5321 has it, with STARTTLS and logins.

use crate::certificates;
use rustls::{ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Channel, Sender, channel};
use std::thread;

/// `\0me\0p:w@d` in base 64.
const LOGIN: &str = "AG1lAHA6d0Bk";

/// What it offers, and whether it takes anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offer {
    /// TLS from the beginning.
    pub tls: bool,
    /// STARTTLS, and a login after it; without it nobody may send.
    pub starttls: bool,
    /// What it says to a command that begins so, instead of yes.
    pub refusal: Option<(&'static str, &'static str)>,
}

/// A mail as it came.
#[derive(Debug, PartialEq)]
pub struct Mail {
    pub was_encrypted: bool,
    pub from: String,
    pub to: Vec<String>,
    /// Header and body.
    pub text: String,
}

/// Runs until the test ends.
pub struct Mailbox {
    pub port: u16,
    /// The mails that nobody has looked at yet.
    pub arriving: Channel<Mail>,
    commands: Channel<String>,
}

impl Mailbox {
    pub fn start(offer: Offer) -> Mailbox {
        Mailbox::at(TcpListener::bind("127.0.0.1:0").unwrap(), offer)
    }

    /// Takes mail there.
    pub fn at(listener: TcpListener, offer: Offer) -> Mailbox {
        let port = listener.local_addr().unwrap().port();
        let ((tell, arriving), (heard, commands)) = (channel(), channel());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let session = Session { offer, tell: tell.clone(), heard: heard.clone(), is_encrypted: offer.tls };
                thread::spawn(move || session.serve(stream.unwrap()));
            }
        });
        Mailbox { port, arriving, commands }
    }

    /// The mails since the last call.
    pub fn mails(&self) -> Vec<Mail> {
        self.arriving.try_iter().collect()
    }

    /// The commands since the last call.
    pub fn commands(&self) -> Vec<String> {
        self.commands.try_iter().collect()
    }
}

struct Session {
    offer: Offer,
    tell: Sender<Mail>,
    heard: Sender<String>,
    is_encrypted: bool,
}

impl Session {
    fn serve(mut self, stream: TcpStream) -> std::io::Result<()> {
        if self.offer.tls {
            return self.talk(&mut encrypted(stream), true).map(drop);
        }
        let mut plain = BufReader::new(stream);
        if self.talk(&mut plain, true)? {
            self.is_encrypted = true;
            self.talk(&mut encrypted(plain.into_inner()), false)?;
        }
        Ok(())
    }

    /// True when TLS begins now.
    fn talk<S: Read + Write>(&self, stream: &mut BufReader<S>, greets: bool) -> std::io::Result<bool> {
        let mut is_known = !self.offer.starttls;
        let mut mail = Mail { was_encrypted: self.is_encrypted, from: String::new(), to: vec![], text: String::new() };
        if greets {
            stream.get_mut().write_all(b"220 mail.test\r\n")?;
        }
        loop {
            let line = line(stream)?;
            // A test has ended when nobody listens.
            let _ = self.heard.send(line.clone());
            let (word, rest) = line.split_at(line.len().min(4));
            let reply = match (self.offer.refusal, word) {
                (Some((command, reply)), _) if line.starts_with(command) => reply,
                (_, "EHLO") if self.offer.starttls && !self.is_encrypted => "250-mail.test\r\n250 STARTTLS",
                (_, "EHLO") if self.offer.starttls => "250-mail.test\r\n250 AUTH PLAIN LOGIN",
                (_, "EHLO") => "250 mail.test",
                (_, "STAR") => {
                    stream.get_mut().write_all(b"220 go ahead\r\n")?;
                    return Ok(true);
                }
                (_, "AUTH") if rest == format!(" PLAIN {LOGIN}") => {
                    is_known = true;
                    "235 welcome"
                }
                (_, "AUTH") => "535 who are you?",
                (_, "MAIL") if is_known => {
                    mail.from = rest.to_owned();
                    "250 ok"
                }
                (_, "RCPT") if is_known => {
                    mail.to.push(rest.to_owned());
                    "250 ok"
                }
                (_, "DATA") if is_known => {
                    stream.get_mut().write_all(b"354 go ahead\r\n")?;
                    mail.text = data(stream)?;
                    let _ = self.tell.send(std::mem::replace(
                        &mut mail,
                        Mail { was_encrypted: self.is_encrypted, from: String::new(), to: vec![], text: String::new() },
                    ));
                    "250 taken"
                }
                (_, "QUIT") => "221 bye",
                _ => "530 log in first",
            };
            write!(stream.get_mut(), "{reply}\r\n")?;
            stream.get_mut().flush()?;
        }
    }
}

fn encrypted(stream: TcpStream) -> BufReader<StreamOwned<ServerConnection, TcpStream>> {
    BufReader::new(StreamOwned::new(ServerConnection::new(certificates::server()).unwrap(), stream))
}

fn line(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches("\r\n").to_owned())
}

/// Up to a dot on a line of its own; other dots that begin a line were doubled.
fn data(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        match &*line(stream)? {
            "." => return Ok(text),
            line => text += &format!("{}\r\n", line.strip_prefix('.').unwrap_or(line)),
        }
    }
}
