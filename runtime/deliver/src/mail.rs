//! An alert as a mail.

use crate::{Failure, text};
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes, header};
use podinit_plan::alert::Alert;
use podinit_plan::plan::SmtpTarget;

/// Who sends it, and who gets it.
#[derive(Debug)]
pub struct Addresses {
    from: Mailbox,
    to: Mailboxes,
}

impl Addresses {
    /// From texts such as `Shop <alerts@example.com>`; those who get it may be several in one, with commas.
    ///
    /// # Errors
    /// One of them is no address.
    pub fn parse(from: &str, to: &[String]) -> Result<Addresses, Failure> {
        let wrong = |text: &str| Failure::refused(format!("{text} is no address of mail"));
        let from = from.parse().map_err(|_| wrong(from))?;
        let mut mailboxes = Mailboxes::new();
        for text in to {
            mailboxes.extend(text.parse::<Mailboxes>().map_err(|_| wrong(text))?);
        }
        Ok(Addresses { from, to: mailboxes })
    }
}

/// The mail. The same alert is the same mail, for those who look at its id.
///
/// # Errors
/// A template is wrong.
pub fn compose(target: &SmtpTarget, alert: &Alert, addresses: Addresses) -> Result<Message, Failure> {
    let subject = text::subject(&target.subject, alert).map_err(Failure::refused)?;
    let body = text::body(&target.body, alert, &Default::default()).map_err(Failure::refused)?;
    Message::builder()
        .date_now()
        .message_id(Some(format!("<{}@{}>", word(&alert.id), word(&alert.host))))
        .mailbox(header::From::from(Mailboxes::from(addresses.from)))
        .mailbox(header::To::from(addresses.to))
        .subject(subject)
        // Nobody's holiday answers it (RFC 3834).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| Failure::refused(format!("the mail cannot be made: {error}")))
}

/// What may be in a host's name and in an id.
pub fn word(text: &str) -> String {
    let word: String = text.chars().filter(|char| char.is_ascii_alphanumeric() || ".-_".contains(*char)).collect();
    if word.is_empty() { "podinit".to_owned() } else { word }
}
