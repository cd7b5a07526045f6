//! `suntank run`: puts the parts together, in the order that safety asks for, and takes them apart again.
//!
//! Start: relays off, then storage, then settings, then guard and loop, then the web. Stop: the loop first, so that
//! the relays are open, then the guard, then the web, then what storage still has to write.

use std::fs::{DirBuilder, File, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use drivers::config::DriversConfig;
use drivers::{DriverError, DriverSet};
use engine::Engine;
use engine::config::Config;
use engine::outputs::Event;
use engine::units::{Now, UtcMs};
use plant::{Plant, PlantConfig};
use storage::{Append, Recorder, RecorderConfig, Role, Storage};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::boot::{self, BootFile};
use crate::clock::{self, Clock};
use crate::config::FileConfig;
use crate::control_loop::{ControlLoop, Safeguards};
use crate::faults::Faults;
use crate::gfci::config::GfciConfig;
use crate::gfci::link::{self, LoopEnd};
use crate::guard::{self, GuardOptions};
use crate::latch::{self, LatchFile, Latched};
use crate::loop_handle::{LoopHandle, Picture};
use crate::notify::{self, Notifier, Pace, Worker};
use crate::starts::Start;
use crate::{auth, demo, realtime, service_manager, services, web};

/// The device of a Raspberry Pi's pins.
const PINS: &str = "/dev/gpiomem";

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

/// Runs until SIGTERM, SIGINT or SIGHUP.
///
/// # Errors
/// Whatever keeps it from starting, in words; a fault while it runs is logged and mended or ends the process.
pub async fn run(options: RunOptions) -> anyhow::Result<()> {
    let file = FileConfig::read(options.config.as_deref()).context("The configuration can't be used")?;
    let base = file.engine_config().map_err(anyhow::Error::msg).context("The configuration can't be used")?;
    let (notifier, worker) = notify::pair(&file.notify, Pace::default()).context("The configuration can't be used")?;
    create_state_folder(&options.state)?;
    let _only_one = lock(&options.state)?;
    let this_start = Start::record(&options.state).context("The state folder can't be written")?;
    let latched = latch::restore(&options.state, !boot::exists(&options.state));
    let faults = options.demo.map_or(Ok(Faults::none()), |_| Faults::from_environment())?;
    // Simulated time may run too fast for the machine; then it must not take it from everyone else.
    let real_time = options.demo.is_none();
    if real_time {
        realtime::lock_memory();
    }
    realtime::no_core_dump();

    let seed = options.demo.map_or(0, |demo| demo.seed);
    let plant_config = PlantConfig::default();
    let plant = options.demo.map(|_| Plant::new(plant_config, seed)).transpose()?;
    if plant.is_none() && file.drivers.needs_plant() {
        bail!(
            "The configuration chooses simulated drivers, and those run with --demo only. Choose others, or add --demo."
        );
    }
    file.drivers.check().map_err(DriverError::Invalid).context("The drivers can't start")?;
    let _only_one_on_the_pins = lock_pins(&file.drivers)?;
    let boot = BootFile::begin(&options.state, &file.drivers, &file.circuits).context("boot.json can't be written")?;
    // From here on the relays are open.
    let drivers = DriverSet::open(&file.drivers, plant, seed).context("The drivers can't start")?;

    let storage = open_storage(&file, &options.state).await?;
    let settings = services::load_settings(&*storage, &base).await?;
    boot.settings(&settings.regulation.value, &settings.site.value).context("boot.json can't be written")?;
    let config = settings.effective_config(&base);
    let clock = match options.demo {
        Some(demo) => start_demo(&*storage, &config, &plant_config, &drivers, demo).await?,
        None => Clock::host(),
    };

    let engine = begin_engine(config, &clock, &latched, &this_start, &notifier)?;
    let first = Picture { snapshot: engine.snapshot(), sequence: 0 };
    let (handle, side) = LoopHandle::pair(first);
    let recorder = Recorder::start(Arc::clone(&storage) as Arc<dyn Append>, RecorderConfig::default());
    let steps_per_tick = options.demo.map_or(1, |demo| demo.speed);
    let (panel, panel_task) = start_panel(&file, options.demo)?.unzip();
    let guard_options =
        GuardOptions { state: options.state.clone(), hardware_watchdog: file.hardware_watchdog.clone(), real_time };
    let (keeper, guard) = guard::start(guard_options, faults.clone())?;
    let latch = LatchFile::start(&options.state, latched, faults.clone())?;
    let control_loop = ControlLoop {
        engine,
        drivers,
        clock,
        steps_per_tick,
        side,
        panel,
        recorder: recorder.clone(),
        notifier,
        safeguards: Safeguards { latch, guard, real_time, faults: faults.clone() },
    }
    .spawn()?;
    tokio::spawn(faults.clone().watch_worker());

    let state = web::AppState::new(
        handle,
        services::Stores { storage: Arc::clone(&storage), recorder: recorder.clone(), boot: Arc::new(boot) },
        base,
        settings,
        options.demo.map(|demo| demo.speed),
        &options.state,
    )?;
    let worker = tell_people(worker, &state, &options);
    let listener = tokio::net::TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("{} is not free; choose another with --listen", options.listen))?;
    let address = listener.local_addr()?;
    announce(address, options.demo, &*storage).await?;

    let told_to_end = told_to_end()?;
    let stop_web = state.shutdown();
    let served = tokio::spawn(web::serve(listener, state));
    service_manager::start(Arc::clone(control_loop.progress()), faults)?;
    told_to_end.await;

    service_manager::stopping();
    let ended = tokio::task::spawn_blocking(|| {
        let ended = control_loop.stop();
        keeper.join();
        ended
    })
    .await?;
    // The loop's end lets the panel go, which opens its relays.
    if let Some(task) = panel_task {
        task.await?;
    }
    worker.await?;
    stop_web.cancel();
    served.await??;
    recorder.flush().await.context("The last records could not be written")?;
    storage.close().await;
    if ended.is_err() {
        bail!("the control loop had panicked");
    }
    this_start.ended_well().context("The orderly end can't be put on record")
}

/// The engine as the last run left it: its trips latched, all-off in force, and heating locked out after too many restarts.
fn begin_engine(
    config: Config,
    clock: &Clock,
    latched: &Latched,
    start: &Start,
    notifier: &Notifier,
) -> anyhow::Result<Engine> {
    let mut engine = Engine::new(config, clock.now()).context("The settings can't be used")?;
    for trip in &latched.trips {
        engine.restore_trip(*trip);
        // Perhaps nobody was told before the program ended.
        notifier.event(&Event::Tripped(*trip));
    }
    if latched.all_off {
        // All-off can't be refused; the type has no way to say so.
        let _ = engine.command(clock.now(), engine::Command::AllOff);
    }
    if start.locked_out {
        tracing::error!("five restarts in ten minutes: heating stays off until someone has looked");
        engine.lock_out();
    }
    Ok(engine)
}

/// Starts the task that talks to the breaker panel, if there is one; gives the loop's end of it.
fn start_panel(file: &FileConfig, demo: Option<DemoOptions>) -> anyhow::Result<Option<(LoopEnd, JoinHandle<()>)>> {
    let Some(gfci) = file.gfci.clone() else { return Ok(None) };
    if demo.is_some_and(|demo| demo.speed > 1) {
        bail!("[gfci] needs --speed 1: the panel lives in real time");
    }
    let gfci = GfciConfig { allow_loopback: gfci.allow_loopback || demo.is_some(), ..gfci };
    gfci.check().context("gfci.address")?;
    let moves = file.panel_moves().map_err(anyhow::Error::msg)?;
    let (_, end, task) = link::start(gfci, link::Pace::default());
    Ok(Some((end.moving(moves), task)))
}

/// From now on the signals that end a program end it in order; the future is done when one came.
fn told_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Starts what tells people of trips, in the time zone that is set.
fn tell_people(worker: Worker, state: &web::AppState, options: &RunOptions) -> JoinHandle<()> {
    let services = Arc::clone(&state.services);
    let simulated = options.demo.is_some();
    worker.start(options.state.join("notify.json"), move || notify::Reader {
        time_zone: services.settings_now().time_zone,
        simulated,
    })
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
    hold(file, &path, || format!("Suntank already runs on the state folder {}", state.display()))
}

/// Holds the board's pins against a copy that runs on another folder. The guard and `relays-off` don't ask.
fn lock_pins(drivers: &DriversConfig) -> anyhow::Result<Option<File>> {
    let path = Path::new(PINS);
    // Where they can't be opened, their driver says so.
    let pins = drivers.has_pins().then(|| File::open(path).ok()).flatten();
    pins.map(|pins| hold(pins, path, || "Suntank already runs on this board's pins".into())).transpose()
}

fn hold(file: File, path: &Path, taken: impl FnOnce() -> String) -> anyhow::Result<File> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(taken()),
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
