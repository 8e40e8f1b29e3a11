//! Alerts by mail: one connection to the server that takes it.

mod server;

use crate::{Attempt, Failure, mail, names, secrets, trust};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use podinit_plan::plan::SmtpTarget;
use server::Server;
use std::error::Error as _;
use std::time::Duration;

/// Sends it.
///
/// # Errors
/// It could not be sent, or the server does not take it.
pub fn send(target: &SmtpTarget, attempt: Attempt<'_>) -> Result<(), Failure> {
    let Attempt { alert, limit, secrets } = attempt;
    let url = secrets.value(&target.server)?;
    let server = Server::parse(&url)?;
    if let Some((_, password)) = &server.login {
        secrets.add(password);
    }
    let to = target.to.iter().map(secrets::read).collect::<Result<Vec<_>, _>>()?;
    let addresses = mail::Addresses::parse(&secrets::read(&target.from)?, &to)?;
    let message = mail::compose(target, alert, addresses)?;

    let hello = ClientId::Domain(mail::word(&alert.host));
    let failed = |error| failure(&server.host, &error);
    let mut connection = connect(&server, target.ca.as_deref(), &hello, limit)?;
    if let Some((user, password)) = &server.login {
        if !connection.is_encrypted() {
            let problem = format!("{} offers no STARTTLS: the password is not sent in the clear", server.host);
            return Err(Failure::refused(problem));
        }
        let login = Credentials::new(user.clone(), password.clone());
        connection.auth(&[Mechanism::Plain, Mechanism::Login], &login).map_err(failed)?;
    }
    connection.send(message.envelope(), &message.formatted()).map_err(failed)?;
    // The mail is delivered, whatever is said to this.
    drop(connection.quit());
    Ok(())
}

/// Connects, with TLS from the beginning or as soon as it is offered.
fn connect(server: &Server, ca: Option<&str>, hello: &ClientId, limit: Duration) -> Result<SmtpConnection, Failure> {
    let failed = |error| failure(&server.host, &error);
    // Half of the whole, so that what is told says what it was that took so long.
    let within = limit / 2;
    let addresses =
        names::resolve(&server.host, server.port, within).map_err(|error| Failure::again(format!("{}: {error}", server.host)))?;
    let connect =
        |tls: Option<&TlsParameters>| SmtpConnection::connect(&addresses[..], Some(within), hello, tls, None).map_err(failed);
    if server.is_tls {
        return connect(Some(&tls(server, ca)?));
    }
    let mut connection = connect(None)?;
    if connection.can_starttls() {
        connection.starttls(&tls(server, ca)?, hello).map_err(failed)?;
    }
    Ok(connection)
}

fn tls(server: &Server, ca: Option<&str>) -> Result<TlsParameters, Failure> {
    let mut tls = TlsParameters::builder(server.host.clone()).certificate_store(CertificateStore::None);
    let unusable = |error: lettre::transport::smtp::Error| Failure::refused(format!("TLS cannot be set up: {error}"));
    for root in trust::roots(ca)? {
        tls = tls.add_root_certificate(Certificate::from_der(root.to_vec()).map_err(unusable)?);
    }
    tls.build().map_err(unusable)
}

fn failure(host: &str, error: &lettre::transport::smtp::Error) -> Failure {
    let mut problem = format!("{host}: {error}");
    // Its own words name the cause only in part.
    if let Some(cause) = error.source().map(ToString::to_string).filter(|cause| !problem.contains(cause)) {
        problem += &format!(": {cause}");
    }
    if error.is_permanent() || error.is_client() { Failure::refused(problem) } else { Failure::again(problem) }
}
