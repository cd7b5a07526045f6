//! A push message through ntfy: one POST to a topic's address (<https://docs.ntfy.sh/publish/>).
//!
//! Follows no redirects, uses no proxy, and reads nothing of an answer but its status.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, Url, redirect};
use serde::Deserialize;

use super::channel::{Channel, ConfigError, SendError};
use super::message::{Message, Severity};
use super::secret::Secret;

/// A push service answers long before this.
const TIMEOUT: Duration = Duration::from_secs(15);

/// `[notify.ntfy]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NtfyConfig {
    /// The topic's address, such as `https://ntfy.sh/my-topic`. On a public server the topic is all that others
    /// would have to know, so it is treated as a secret.
    pub url: Secret,
    /// The access token, if the topic needs one.
    pub token: Option<Secret>,
    /// Certificates (PEM) to trust instead of the system's, for a server of one's own.
    pub ca_file: Option<PathBuf>,
}

/// The way to one topic.
pub(super) struct NtfyChannel {
    client: Client,
    url: Url,
}

impl NtfyConfig {
    /// The way to the topic.
    ///
    /// # Errors
    /// A sentence that names the entry.
    pub(super) fn channel(&self) -> Result<NtfyChannel, ConfigError> {
        crate::tls::use_ring();
        let url = self.topic()?;
        let mut builder = Client::builder()
            .default_headers(self.headers()?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(TIMEOUT);
        if let Some(path) = &self.ca_file {
            let wrong = |why: String| ConfigError(format!("notify.ntfy.ca_file: {}: {why}", path.display()));
            let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
            builder = builder.tls_certs_only(certificates);
        }
        let client =
            builder.build().map_err(|error| ConfigError(format!("notify.ntfy: TLS can't be set up: {error}")))?;
        Ok(NtfyChannel { client, url })
    }

    fn topic(&self) -> Result<Url, ConfigError> {
        let wrong = |why: &str| ConfigError(format!("notify.ntfy.url: {why}"));
        let url = Url::parse(self.url.expose()).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("give an access token instead of a name and password"));
        }
        if url.path() == "/" {
            return Err(wrong("must end with a topic, such as https://ntfy.sh/my-topic"));
        }
        Ok(url)
    }

    fn headers(&self) -> Result<HeaderMap, ConfigError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| ConfigError("notify.ntfy.token: holds what no token can".into()))?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        Ok(headers)
    }
}

#[async_trait]
impl Channel for NtfyChannel {
    fn name(&self) -> &str {
        "ntfy"
    }

    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let (priority, tag) = match message.severity {
            Severity::Danger => ("5", "rotating_light"),
            Severity::Alarm => ("4", "warning"),
        };
        // As bytes: ntfy takes UTF-8 in this header.
        let title = HeaderValue::from_bytes(message.subject.as_bytes()).map_err(|error| SendError::of(&error))?;
        let request = self
            .client
            .post(self.url.clone())
            .header("title", title)
            .header("priority", priority)
            .header("tags", tag)
            .body(message.text.clone());
        // The address may be a secret and stays out of errors.
        let response = request.send().await.map_err(|error| SendError::of(&error.without_url()))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(SendError(format!("the server answered {status}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(url: &str, token: Option<&str>, refused: Option<&str>) {
        let config = NtfyConfig { url: url.into(), token: token.map(Secret::from), ca_file: None };
        match (config.channel(), refused) {
            (Ok(_), None) => {}
            (Err(error), Some(entry)) => {
                let error = error.to_string();
                assert!(error.starts_with(entry), "{error}");
                assert!(!error.contains("tiger"), "{error}");
            }
            (result, _) => panic!("{url}: {:?}", result.err()),
        }
    }

    #[test]
    fn what_cant_be_is_refused_by_name() {
        check("https://ntfy.sh/topic", Some("tk_tiger"), None);
        check("http://192.0.2.1:8080/topic", None, None);
        check("ntfy.sh/topic", None, Some("notify.ntfy.url"));
        check("ftp://ntfy.sh/topic", None, Some("notify.ntfy.url"));
        check("https://ntfy.sh", None, Some("notify.ntfy.url"));
        check("https://scott:tiger@ntfy.sh/topic", None, Some("notify.ntfy.url"));
        check("https://ntfy.sh/topic", Some("tiger\r\nx: y"), Some("notify.ntfy.token"));
    }
}
