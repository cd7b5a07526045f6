//! What browser and server agree on (`types`, `backend`, `server_fns`), and the user interface (`pages`,
//! `components`). Feature `ssr` is the server's side, `csr` the browser's; never both in one build.

#[cfg(feature = "ssr")]
pub mod backend;
#[cfg(feature = "csr")]
mod browser;
#[cfg(feature = "csr")]
mod components;
#[cfg(feature = "csr")]
mod pages;
pub mod plot;
#[cfg(feature = "csr")]
pub mod root;
pub mod server_fns;
pub mod text;
pub mod types;
pub mod units;
