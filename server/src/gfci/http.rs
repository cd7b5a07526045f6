//! One request to the panel and one short answer: the only place here that touches a socket.
//!
//! Promises: it ends within its timeout, whole answer included; it reads at most [`BODY_LIMIT`]; it goes to the
//! pinned address alone, past any proxy, and follows no redirect; it never repeats a request.

use std::net::SocketAddr;
use std::time::Duration;

use ::http::{Method, StatusCode};
use reqwest::{Client, Request, RequestBuilder, Response};

use crate::gfci::{Excerpt, PanelError};

/// The longest answer that is read, bytes.
pub const BODY_LIMIT: usize = 4096;
/// No honest panel sends more headers.
const HEADER_COUNT: usize = 32;

/// A client for one panel at one address.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    base: String,
    timeout: Duration,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status, never a redirect.
    pub status: StatusCode,
    /// Its body, at most [`BODY_LIMIT`].
    pub body: Vec<u8>,
}

impl Http {
    /// A client that talks to this address alone; each request ends within `timeout`.
    ///
    /// # Errors
    /// [`PanelError::Unreachable`] when the system gives no client.
    pub fn new(address: SocketAddr, timeout: Duration) -> Result<Self, PanelError> {
        crate::tls::use_ring();
        // Plain HTTP needs no certificate, and must not depend on the system having some.
        let no_tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(no_tls)
            .no_proxy()
            .http1_only()
            .http1_max_headers(HEADER_COUNT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(timeout)
            .pool_max_idle_per_host(1)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| unreachable(&error))?;
        Ok(Self { client, base: format!("http://{address}"), timeout })
    }

    /// Begins a request to this path, which starts with a slash.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Sends it and reads its answer.
    ///
    /// # Errors
    /// [`PanelError::Timeout`], `Unreachable`, `TooLong` or `Redirected`.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, PanelError> {
        let request = request.build().map_err(|error| unreachable(&error))?;
        tokio::time::timeout(self.timeout, self.exchange(request)).await.map_err(|_| PanelError::Timeout)?
    }

    async fn exchange(&self, request: Request) -> Result<Answer, PanelError> {
        let response = self.client.execute(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(PanelError::Redirected(status.as_u16()));
        }
        Ok(Answer { status, body: read(response).await? })
    }
}

/// Reads the body and stops, with the connection, where it becomes too long.
async fn read(mut response: Response) -> Result<Vec<u8>, PanelError> {
    let limit = BODY_LIMIT as u64;
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(PanelError::TooLong);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(PanelError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn unreachable(error: &reqwest::Error) -> PanelError {
    if error.is_timeout() {
        return PanelError::Timeout;
    }
    // The innermost cause says what happened ("connection refused"); what is around it says where, which is known.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    PanelError::Unreachable(cause.to_string())
}

impl Answer {
    /// The answer as what makes no sense, for this reason.
    pub(super) fn garbage(&self, reason: impl ToString) -> PanelError {
        PanelError::Garbage { reason: reason.to_string(), first: Excerpt::of(&self.body) }
    }

    /// The answer as a failure.
    pub(super) fn failed(&self) -> PanelError {
        PanelError::Failed { status: self.status.as_u16(), first: Excerpt::of(&self.body) }
    }
}
