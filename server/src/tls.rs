//! The one choice of cryptography for TLS.

/// Makes ring the process's provider; call before a TLS or HTTP client is built. Does nothing the second time.
pub(crate) fn use_ring() {
    // An error means that there is one already, and nobody installs another.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
