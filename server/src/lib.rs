//! The imperative shell around the engine: drivers and storage on one side, the web on the other.

mod assets;
pub mod auth;
pub mod clock;
pub mod config;
pub mod control_loop;
pub mod convert;
pub mod demo;
pub mod functions;
mod live;
pub mod loop_handle;
pub mod openapi;
mod rest;
pub mod run;
pub mod services;
pub mod simulate;
pub mod web;
