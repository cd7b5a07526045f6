//! A way to tell somebody: what mail and ntfy have in common.

use std::error::Error;

use async_trait::async_trait;

use super::message::Message;

/// One way to one recipient.
#[async_trait]
pub(super) trait Channel: Send + Sync {
    /// What it is called in the log and in the file of what is still to be told. Unique, and no secret.
    fn name(&self) -> &str;

    /// Hands a message over; `Ok` means that the other side has taken charge of it.
    async fn send(&self, message: &Message) -> Result<(), SendError>;
}

/// Why a message was not delivered, for the log; holds no secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct SendError(pub(super) String);

impl SendError {
    /// The error with all that led to it.
    pub(super) fn of(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(deeper) = cause {
            let deeper_text = deeper.to_string();
            if !text.ends_with(&deeper_text) {
                text = format!("{text}: {deeper_text}");
            }
            cause = deeper.source();
        }
        Self(text)
    }
}

/// What is wrong with the configuration of a channel: a sentence that begins with the entry's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(super) String);
