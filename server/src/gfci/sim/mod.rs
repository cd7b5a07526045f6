//! Simulated panels: one model of the hardware, spoken to over real sockets in either dialect, with faults on the
//! way. `suntank panel` runs one; tests drive its clock.
//!
//! Beside the dialect, `PUT /simulator` changes the world around the panel: leakage, current, a reboot, a fault.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::put;
use axum::{Json, Router, middleware};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::gfci::config::Protocol;
use crate::gfci::sim::device::Device;
use crate::gfci::sim::fault::{Fault, Faults};

pub mod device;
pub mod fault;
pub mod json;
pub mod serial_bridge;

/// Where a simulated panel's time comes from.
#[derive(Debug, Clone)]
pub enum SimClock {
    /// The host, counted from this moment.
    Host(Instant),
    /// Whoever drives it, ms.
    Manual(Arc<AtomicU64>),
}

impl SimClock {
    /// The time, ms.
    pub fn now_ms(&self) -> u64 {
        match self {
            Self::Host(start) => u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            Self::Manual(now) => now.load(Ordering::SeqCst),
        }
    }
}

/// A simulated panel. Cheap to clone; all clones are the same panel.
#[derive(Debug, Clone)]
pub struct SimPanel {
    device: Arc<Mutex<Device>>,
    clock: SimClock,
    token: Arc<str>,
    faults: Faults,
}

impl SimPanel {
    /// A healthy panel that wants this token, where its dialect knows tokens.
    pub fn new(clock: SimClock, token: impl Into<Arc<str>>) -> Self {
        let device = Device::new(clock.now_ms());
        Self { device: Arc::new(Mutex::new(device)), clock, token: token.into(), faults: Faults::default() }
    }

    /// Does something with the hardware as it is now.
    pub fn with<T>(&self, act: impl FnOnce(&mut Device) -> T) -> T {
        let mut device = self.lock();
        device.advance(self.clock.now_ms());
        act(&mut device)
    }

    /// What goes wrong from now on.
    pub fn inject(&self, fault: Fault) {
        self.faults.set(fault);
    }

    /// How many requests came in, faulty ones included.
    pub fn requests(&self) -> u64 {
        self.faults.requests()
    }

    /// The panel's routes in this dialect, faults in front.
    pub fn router(&self, protocol: Protocol) -> Router {
        let dialect = match protocol {
            Protocol::Json => json::router(self.clone()),
            Protocol::SerialBridge => serial_bridge::router(self.clone()),
        };
        let faulty = dialect.layer(middleware::from_fn_with_state(self.faults.clone(), fault::apply));
        faulty.merge(Router::new().route("/simulator", put(change)).with_state(self.clone()))
    }

    /// Serves it at this address (port 0 takes a free one) until the task is aborted; gives the address.
    ///
    /// # Errors
    /// When the address is not free.
    pub async fn serve(
        &self,
        protocol: Protocol,
        listen: SocketAddr,
    ) -> std::io::Result<(SocketAddr, JoinHandle<std::io::Result<()>>)> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let router = self.router(protocol);
        Ok((address, tokio::spawn(async move { axum::serve(listener, router).await })))
    }

    /// A poisoned lock holds a device as good as any: it is replaced as a whole nowhere.
    fn lock(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change of the world around the panel. What is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Leakage of both circuits, mA.
    leakage_ma: Option<[f64; 2]>,
    /// Current of both circuits, A.
    current_a: Option<[f64; 2]>,
    /// The leakage sensors work.
    leakage_valid: Option<[bool; 2]>,
    /// What goes wrong on the way.
    fault: Option<Fault>,
    /// Start anew, after what stands above.
    #[serde(default)]
    reboot: bool,
}

async fn change(State(panel): State<SimPanel>, Json(change): Json<Change>) -> StatusCode {
    panel.with(|device| {
        let worlds = &mut device.worlds;
        for (index, world) in worlds.iter_mut().enumerate() {
            world.leakage_ma = change.leakage_ma.map_or(world.leakage_ma, |values| values[index]);
            world.current_a = change.current_a.map_or(world.current_a, |values| values[index]);
            world.leakage_valid = change.leakage_valid.map_or(world.leakage_valid, |values| values[index]);
        }
        if change.reboot {
            device.reboot();
        }
    });
    if let Some(fault) = change.fault {
        panel.inject(fault);
    }
    StatusCode::NO_CONTENT
}
