//! E-mail to one address through a mail server, by SMTP.
//!
//! A connection is made for each message. With `starttls` or `tls` nothing, above all no password, is said before
//! the server has shown a certificate for its name; there is no falling back.

use std::fs;
use std::path::PathBuf;

use async_trait::async_trait;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde::Deserialize;

use super::channel::{Channel, ConfigError, SendError};
use super::message::{Message, Severity};
use super::secret::Secret;

/// So many people may be told; each is a message of its own.
const RECIPIENTS: usize = 10;

/// `[notify.mail]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The mail server's name, as its certificate has it.
    pub host: String,
    /// 587, 465 or 25 when absent, by `security`.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// The name to log in with, if one must.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The sender, such as `Suntank <suntank@example.org>`.
    pub from: String,
    /// Who is told.
    pub to: Vec<String>,
    /// Certificates (PEM) to trust instead of the system's, for a server of one's own.
    pub ca_file: Option<PathBuf>,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// It begins in the open and must turn to TLS before anything is said.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None: for a mail server on the same host or a network that is trusted. No password then.
    None,
}

/// The way to one recipient.
pub(super) struct MailChannel {
    name: String,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Mailbox,
}

impl MailConfig {
    /// A channel for each recipient, so that one bad address keeps nobody else from being told.
    ///
    /// # Errors
    /// A sentence that names the entry.
    pub(super) fn channels(&self) -> Result<Vec<MailChannel>, ConfigError> {
        if self.to.is_empty() || self.to.len() > RECIPIENTS {
            return Err(ConfigError(format!("notify.mail.to: name 1 to {RECIPIENTS} addresses")));
        }
        let transport = self.transport()?;
        let from = mailbox("from", &self.from)?;
        let channel = |to: &String| {
            let to = mailbox("to", to)?;
            let name = format!("mail to {}", to.email);
            Ok(MailChannel { name, transport: transport.clone(), from: from.clone(), to })
        };
        self.to.iter().map(channel).collect()
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, ConfigError> {
        let (tls, port) = match self.security {
            Security::StartTls => (Tls::Required(self.tls()?), 587),
            Security::Tls => (Tls::Wrapper(self.tls()?), 465),
            Security::None => (Tls::None, 25),
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port.unwrap_or(port))
            .tls(tls);
        match (&self.user, &self.password) {
            (None, None) => Ok(builder.build()),
            (Some(_), Some(_)) if self.security == Security::None => {
                Err(ConfigError("notify.mail.password: choose security \"starttls\" or \"tls\" to send one".into()))
            }
            (Some(user), Some(password)) => {
                Ok(builder.credentials(Credentials::new(user.clone(), password.expose().to_owned())).build())
            }
            _ => Err(ConfigError("notify.mail: user and password go together".into())),
        }
    }

    fn tls(&self) -> Result<TlsParameters, ConfigError> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(path) = &self.ca_file {
            let wrong = |why: String| ConfigError(format!("notify.mail.ca_file: {}: {why}", path.display()));
            let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
        }
        builder.build().map_err(|error| ConfigError(format!("notify.mail: TLS can't be set up: {error}")))
    }
}

fn mailbox(entry: &str, text: &str) -> Result<Mailbox, ConfigError> {
    text.parse().map_err(|error| ConfigError(format!("notify.mail.{entry}: {text:?} is no address: {error}")))
}

#[async_trait]
impl Channel for MailChannel {
    fn name(&self) -> &str {
        &self.name
    }

    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mail = self.mail(message)?;
        self.transport.send(mail).await.map(drop).map_err(|error| SendError::of(&error))
    }
}

impl MailChannel {
    fn mail(&self, message: &Message) -> Result<Mail, SendError> {
        let domain = self.from.email.domain();
        let mut mail = Mail::builder()
            .from(self.from.clone())
            .to(self.to.clone())
            .subject(&message.subject)
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .date_now()
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.clone())
            .map_err(|error| SendError::of(&error))?;
        // RFC 3834: no holiday answers, please.
        set_header(&mut mail, HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated");
        let importance = match message.severity {
            Severity::Danger => "high",
            Severity::Alarm => "normal",
        };
        // RFC 2156.
        set_header(&mut mail, HeaderName::new_from_ascii_str("Importance"), importance);
        Ok(mail)
    }
}

fn set_header(mail: &mut Mail, name: HeaderName, value: &str) {
    mail.headers_mut().insert_raw(HeaderValue::new(name, value.to_owned()));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    fn config() -> MailConfig {
        MailConfig {
            host: "localhost".into(),
            port: None,
            security: Security::None,
            user: None,
            password: None,
            from: "Suntank <suntank@example.org>".into(),
            to: vec!["Ada <ada@example.org>".into()],
            ca_file: None,
        }
    }

    /// Speaks as little SMTP as it can, and gives the lines that followed DATA as they came over the wire.
    async fn wire(listener: TcpListener) -> Vec<String> {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = BufReader::new(socket);
        socket.write_all(b"220 test\r\n").await.unwrap();
        let (mut lines, mut in_data) = (Vec::new(), false);
        loop {
            let mut line = String::new();
            socket.read_line(&mut line).await.unwrap();
            let answer = match line.trim_end() {
                "." => {
                    socket.write_all(b"250 ok\r\n").await.unwrap();
                    return lines;
                }
                _ if in_data => {
                    lines.push(line.strip_suffix("\r\n").unwrap().to_owned());
                    continue;
                }
                "DATA" => "354 go on\r\n",
                _ => "250 ok\r\n",
            };
            in_data = answer.starts_with("354");
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn dots_are_doubled_and_headers_are_our_own() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = MailConfig { host: "127.0.0.1".into(), port: Some(port), ..config() };
        let channel = config.channels().unwrap().remove(0);
        let text = "first\n.\n..two\nBcc: eve@example.org";
        let message = Message::new(Severity::Danger, "Hot\r\nBcc: eve@example.org\r\n\r\nHello", text, "trip.1");
        let (lines, sent) = tokio::join!(wire(listener), channel.send(&message));
        sent.unwrap();

        let blank = lines.iter().position(String::is_empty).unwrap();
        let (headers, body) = lines.split_at(blank);
        assert_eq!(body[1..], ["first", "..", "...two", "Bcc: eve@example.org"]);
        assert!(!headers.iter().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{headers:?}");
        for header in [
            "From: \"Suntank\" <suntank@example.org>",
            "To: \"Ada\" <ada@example.org>",
            "Subject: Hot  Bcc: eve@example.org    Hello",
            "Message-ID: <trip.1@example.org>",
            "Auto-Submitted: auto-generated",
            "Importance: high",
        ] {
            let plain = |line: &String| line.replace('"', "") == header.replace('"', "");
            assert!(headers.iter().any(plain), "{header} is not in {headers:#?}");
        }
    }

    #[track_caller]
    fn check_refused(spoil: impl Fn(&mut MailConfig), entry: &str) {
        let mut config = config();
        spoil(&mut config);
        let error = config.channels().err().unwrap().to_string();
        assert!(error.starts_with(&format!("notify.mail{entry}")), "{error}");
        assert!(!error.contains("tiger"), "{error}");
    }

    #[test]
    fn what_cant_be_is_refused_by_name() {
        assert!(config().channels().is_ok());
        check_refused(|c| c.to.clear(), ".to");
        check_refused(|c| c.to = vec!["a@example.org".into(); 11], ".to");
        check_refused(|c| c.to.push("no address".into()), ".to");
        check_refused(|c| c.to.push("a@example.org\r\nRCPT TO:<eve@example.org>".into()), ".to");
        check_refused(|c| c.from = "a@example.org\r\nDATA".into(), ".from");
        check_refused(|c| c.password = Some("tiger".into()), ": user");
        check_refused(|c| (c.user, c.password) = (Some("scott".into()), Some("tiger".into())), ".password");
        check_refused(|c| (c.security, c.ca_file) = (Security::Tls, Some("/nowhere/ca.pem".into())), ".ca_file");
    }
}
