//! Tells people about a trip, by mail and by push message, off the control loop.
//!
//! ```text
//!  control loop ──try_send──► Worker ──► one queue a recipient ──► mail server, ntfy
//!                               └──► <state folder>/notify.json
//! ```
//!
//! It promises: the loop never waits here, whatever mail servers, networks and disks do; what could not be delivered
//! is tried again, over restarts too; one cause makes one message per quarter of an hour and recipient; no secret is
//! logged. When to tell is decided in `queue`, what in `message`, how in `mail` and `ntfy`.

mod channel;
mod mail;
mod message;
mod ntfy;
mod queue;
mod secret;
mod store;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::outputs::Event;
use serde::Deserialize;
use tokio::sync::mpsc;

pub use channel::ConfigError;
pub use mail::{MailConfig, Security};
pub use message::Reader;
pub use ntfy::NtfyConfig;
pub use queue::Pace;
pub use secret::Secret;
pub use worker::Worker;

use message::Notice;

use crate::convert;

/// So many notices may wait for the worker.
const INBOX: usize = 64;

/// `[notify]` of the configuration file: who is told, and how. Nobody when empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyConfig {
    /// By mail.
    pub mail: Option<MailConfig>,
    /// By push message.
    pub ntfy: Option<NtfyConfig>,
}

/// Where the control loop says what happened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notifier {
    inbox: mpsc::Sender<Notice>,
    lost: Arc<AtomicU64>,
}

/// Both sides: the loop's, and the one that tells people once it is started.
///
/// # Errors
/// A sentence for the first entry that can't be.
pub fn pair(config: &NotifyConfig, pace: Pace) -> Result<(Notifier, Worker), ConfigError> {
    let mut channels: Vec<Arc<dyn channel::Channel>> = Vec::new();
    if let Some(mail) = &config.mail {
        channels.extend(mail.channels()?.into_iter().map(|channel| Arc::new(channel) as _));
    }
    if let Some(ntfy) = &config.ntfy {
        channels.push(Arc::new(ntfy.channel()?));
    }
    let (sender, inbox) = mpsc::channel(INBOX);
    let lost = Arc::new(AtomicU64::new(0));
    let notifier = Notifier { inbox: sender, lost: Arc::clone(&lost) };
    Ok((notifier, Worker { inbox, lost, channels, pace }))
}

impl Notifier {
    /// Takes note of an event if it is one that people are told of. Never waits: what the worker can't take is
    /// counted and lost.
    pub fn event(&self, event: &Event) {
        if let Event::Tripped(trip) = *event
            && self.inbox.try_send(Notice::Trip(convert::trip(trip))).is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use figment::Figment;
    use figment::providers::{Format as _, Toml};

    use super::*;

    const WHOLE: &str = r#"
        [mail]
        host = "mail.example.org"
        port = 2525
        security = "tls"
        user = "scott"
        password = "tiger"
        from = "Suntank <suntank@example.org>"
        to = ["ada@example.org"]
        [ntfy]
        url = "https://ntfy.sh/tiger"
        token = "tk_tiger"
    "#;

    fn parse(text: &str) -> Result<NotifyConfig, String> {
        Figment::from(Toml::string(text)).extract().map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_says_who_is_told_and_no_secret_shows() {
        let config = parse(WHOLE).unwrap();
        let mail = config.mail.as_ref().unwrap();
        assert_eq!((mail.port, mail.security), (Some(2525), Security::Tls));
        assert_eq!(mail.password.as_ref().unwrap().expose(), "tiger");
        assert!(!format!("{config:?}").contains("tiger"), "{config:?}");
        pair(&config, Pace::default()).unwrap();
    }

    #[test]
    fn an_error_does_not_quote_secrets() {
        let error = parse(&WHOLE.replace("\"tiger\"", "4711")).unwrap_err();
        assert!(error.contains("password") && !error.contains("4711"), "{error}");
        assert!(parse("[mail]\nhots = 'x'").unwrap_err().contains("hots"));
    }

    #[test]
    fn nobody_is_told_by_default() {
        let config = parse("").unwrap();
        assert_eq!(config, NotifyConfig::default());
        assert!(pair(&config, Pace::default()).unwrap().1.channels.is_empty());
    }
}
