//! `suntank run`: puts the parts together, in the order that safety asks for, and takes them apart again.
//!
//! Start: relays off, then storage, then settings, then the loop, then the web. Stop: the loop first, so that
//! the relays are open, then the web, then what storage still has to write.

use std::fs::{DirBuilder, File, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use drivers::DriverSet;
use engine::Engine;
use engine::config::Config;
use engine::units::{Now, UtcMs};
use plant::{Plant, PlantConfig};
use storage::{Append, Recorder, RecorderConfig, Role, Storage};
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::{self, Clock};
use crate::config::FileConfig;
use crate::control_loop::ControlLoop;
use crate::loop_handle::{LoopHandle, Picture};
use crate::{auth, demo, services, web};

/// What the command line says about a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The configuration file, if any.
    pub config: Option<PathBuf>,
    /// The folder for the database, the signing key and the lock.
    pub state: PathBuf,
    /// Where the web listens.
    pub listen: SocketAddr,
    /// The demo's options; `None` runs on the configured drivers with the host's clock.
    pub demo: Option<DemoOptions>,
}

/// How the demo runs.
#[derive(Debug, Clone, Copy)]
pub struct DemoOptions {
    /// Simulated seconds per second, 1 to 3600.
    pub speed: u32,
    /// Fixes clouds, draws and noise.
    pub seed: u64,
    /// When the plant's clock begins; the present when absent. Never before the newest record.
    pub start: Option<DateTime<Utc>>,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Whatever keeps it from starting, in words; a fault while it runs is logged and mended or ends the process.
pub async fn run(options: RunOptions) -> anyhow::Result<()> {
    let file = FileConfig::read(options.config.as_deref()).context("The configuration can't be used")?;
    let base = file.engine_config().map_err(anyhow::Error::msg).context("The configuration can't be used")?;
    create_state_folder(&options.state)?;
    let _only_one = lock(&options.state)?;

    let seed = options.demo.map_or(0, |demo| demo.seed);
    let plant_config = PlantConfig::default();
    let plant = options.demo.map(|_| Plant::new(plant_config, seed)).transpose()?;
    if plant.is_none() && file.drivers.needs_plant() {
        bail!(
            "The configuration chooses simulated drivers, and those run with --demo only. Choose others, or add --demo."
        );
    }
    // From here on the relays are open.
    let drivers = DriverSet::open(&file.drivers, plant, seed).context("The drivers can't start")?;

    let storage = open_storage(&file, &options.state).await?;
    let settings = services::load_settings(&*storage, &base).await?;
    let config = settings.effective_config(&base);
    let clock = match options.demo {
        Some(demo) => start_demo(&*storage, &config, &plant_config, &drivers, demo).await?,
        None => Clock::host(),
    };

    let engine = Engine::new(config, clock.now()).context("The settings can't be used")?;
    let first = Picture { snapshot: engine.snapshot(), sequence: 0 };
    let (handle, side) = LoopHandle::pair(first);
    let recorder = Recorder::start(Arc::clone(&storage) as Arc<dyn Append>, RecorderConfig::default());
    let steps_per_tick = options.demo.map_or(1, |demo| demo.speed);
    let control_loop =
        ControlLoop { engine, drivers, clock, steps_per_tick, side, recorder: recorder.clone() }.spawn()?;

    let state = web::AppState::new(
        handle,
        Arc::clone(&storage),
        recorder.clone(),
        base,
        settings,
        options.demo.map(|demo| demo.speed),
        &options.state,
    )?;
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("{} is not free; choose another with --listen", options.listen))?;
    let address = listener.local_addr()?;
    announce(address, options.demo, &*storage).await?;

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop_web = state.shutdown();
    let served = tokio::spawn(web::serve(listener, state));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }

    let ended = tokio::task::spawn_blocking(|| control_loop.stop()).await?;
    stop_web.cancel();
    served.await??;
    recorder.flush().await.context("The last records could not be written")?;
    storage.close().await;
    if ended.is_err() {
        bail!("the control loop had panicked");
    }
    Ok(())
}

/// Makes the folder readable by its owner alone: it holds the signing key and everybody's data.
fn create_state_folder(state: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .with_context(|| format!("The state folder {} can't be made", state.display()))
}

/// Holds the folder's lock as long as the file lives; a second copy of the program ends here, before it touches
/// a pin.
fn lock(state: &Path) -> anyhow::Result<File> {
    let path = state.join("lock");
    let file = File::create(&path).with_context(|| format!("{} can't be written", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("Suntank already runs on the state folder {}", state.display()),
        Err(TryLockError::Error(error)) => Err(error).context(format!("{} can't be locked", path.display())),
    }
}

/// The configured database, or the embedded one in the state folder.
async fn open_storage(file: &FileConfig, state: &Path) -> anyhow::Result<Arc<dyn Storage>> {
    let url = file.database.clone().unwrap_or_else(|| format!("sqlite:{}", state.join("suntank.db").display()));
    storage::open(&url).await.context("The database can't be opened")
}

/// Fills the history on the first start, wires the plant as that left it, and gives the demo's clock.
async fn start_demo(
    storage: &dyn Storage,
    config: &Config,
    plant_config: &PlantConfig,
    drivers: &DriverSet,
    demo: DemoOptions,
) -> anyhow::Result<Clock> {
    let start = demo.start.map_or_else(clock::host_utc, |start| UtcMs(start.timestamp_millis()));
    let newest = storage.last_measurement_ms().await?;
    let start = UtcMs(start.0.max(newest.unwrap_or(i64::MIN)));
    let mut now = Now { mono_ms: 0, wall: Some(start) };
    if newest.is_none() {
        let (plant, reached) = demo::fill_history(storage, config, plant_config, demo.seed, start).await?;
        now = reached;
        if let Some(shared) = drivers.plant() {
            shared.with(|fresh| *fresh = plant);
        }
    }
    if storage.count_users().await? == 0 {
        let created_ms = clock::host_utc().0;
        auth::create_user(storage, demo::USER, demo::PASSWORD, Role::Administrator, created_ms).await?;
    }
    Ok(Clock::simulated(now))
}

/// Tells on the console where Suntank is, and how to get in.
async fn announce(address: SocketAddr, demo: Option<DemoOptions>, storage: &dyn Storage) -> anyhow::Result<()> {
    println!("Suntank is at http://{address}");
    if let Some(demo) = demo {
        println!("  simulated plant, {} s a second; log in as {} / {}", demo.speed, demo::USER, demo::PASSWORD);
    } else if storage.count_users().await? == 0 {
        println!("  nobody can log in yet: make a user with `suntank user add NAME`");
    }
    println!("  API: http://{address}/api/docs");
    Ok(())
}

/// Creates a user in the configured database.
///
/// # Errors
/// When the name is taken or the password is refused, in words.
pub async fn add_user(
    state: &Path,
    config: Option<&Path>,
    name: &str,
    password: &str,
    role: Role,
) -> anyhow::Result<()> {
    let file = FileConfig::read(config).context("The configuration can't be used")?;
    create_state_folder(state)?;
    let storage = open_storage(&file, state).await?;
    auth::create_user(&*storage, name, password, role, clock::host_utc().0).await?;
    storage.close().await;
    println!("{name} may log in now.");
    Ok(())
}
