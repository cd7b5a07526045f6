//! The `suntank` program: its subcommands. What they do is in the library beside it.

use std::io::{IsTerminal, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use engine::units::UtcMs;
use server::gfci::config::Protocol;
use server::gfci::sim::{SimClock, SimPanel};
use server::guard::GuardOptions;
use server::run::{DemoOptions, RunOptions};
use server::simulate::{Report, Simulation};
use storage::Role;

/// The controller for photovoltaic hot water.
#[derive(Debug, Parser)]
#[command(name = "suntank", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller and its web server.
    Run(Run),
    /// Run the engine on the simulated plant as fast as it goes, and print what came of it.
    Simulate(Simulate),
    /// Open every relay, whatever else runs or hangs. Needs nothing but the state folder.
    RelaysOff(RelaysOff),
    /// Guard a running controller; `run` starts it.
    #[command(hide = true)]
    Guard(Guard),
    /// Run a simulated breaker panel, for trying things out.
    Panel(Panel),
    /// Print the OpenAPI document.
    Openapi,
    /// Manage users while the server is not running, or beside it.
    User {
        #[command(subcommand)]
        command: User,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// Run the whole product on the simulated plant.
    #[arg(long)]
    demo: bool,
    /// Simulated seconds per second.
    #[arg(long, requires = "demo", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    speed: u32,
    /// Fixes the demo's clouds, draws and noise.
    #[arg(long, requires = "demo", default_value_t = 1)]
    seed: u64,
    /// When the demo's clock begins, e.g. 2026-06-21T17:00:00Z; the present when absent.
    #[arg(long, requires = "demo")]
    start: Option<DateTime<Utc>>,
    /// Address and port of the web server; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Panel {
    /// The dialect it speaks.
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// The bearer token it wants, in the dialect that knows one.
    #[arg(long, default_value = "simulated")]
    token: String,
}

#[derive(Debug, Args)]
struct RelaysOff {
    /// The folder with boot.json.
    #[arg(long, env = "SUNTANK_STATE", default_value = "var")]
    state: PathBuf,
}

#[derive(Debug, Args)]
struct Guard {
    /// The folder with boot.json and the latch file.
    #[arg(long)]
    state: PathBuf,
    /// The hardware watchdog's device.
    #[arg(long)]
    hardware_watchdog: Option<PathBuf>,
    /// Take real-time priority and lock the memory.
    #[arg(long)]
    real_time: bool,
}

#[derive(Debug, Args)]
struct Place {
    /// The folder for the database, the signing key and the lock.
    #[arg(long, env = "SUNTANK_STATE", default_value = "var")]
    state: PathBuf,
    /// The configuration file.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Simulate {
    /// How many days.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Fixes clouds, draws and noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let chance inject faults, give commands, restart the program and step the clock, and hold every step of
    /// 100 ms against the safety rules.
    #[arg(long, conflicts_with_all = ["days", "step_ms", "start"])]
    faults: bool,
    /// How many steps, with --faults.
    #[arg(long, requires = "faults", default_value_t = 1_000_000)]
    steps: u64,
    /// Length of a step in milliseconds; the controller itself runs at 100.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..=1_000))]
    step_ms: u64,
    /// The first moment.
    #[arg(long, default_value = "2023-01-01T07:00:00Z")]
    start: DateTime<Utc>,
}

#[derive(Debug, Subcommand)]
enum User {
    /// Create a user; the password is read from the standard input.
    Add {
        /// The name, which is also what one logs in with.
        name: String,
        /// What the user may do.
        #[arg(long, value_enum, default_value_t = RoleName::Administrator)]
        role: RoleName,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    Administrator,
    Operator,
}

fn main() -> ExitCode {
    abort_on_panic();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("SUNTANK_LOG")
                .unwrap_or_else(|_| "info,sqlx=warn,memory_serve=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The report of a panic may take this long: a backtrace can be slow, and the error output may be what hangs.
const REPORT: Duration = Duration::from_millis(300);

/// A panic in any thread ends the whole process: a controller that runs on with a part missing is worse than
/// one that stops.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let _ = std::thread::Builder::new().spawn(|| {
            std::thread::sleep(REPORT);
            std::process::abort();
        });
        report(panic);
        std::process::abort();
    }));
}

impl Command {
    fn execute(self) -> anyhow::Result<()> {
        match self {
            Self::Run(run) => runtime()?.block_on(server::run::run(run.options())),
            Self::Simulate(simulate) => simulate.execute(),
            Self::RelaysOff(RelaysOff { state }) => server::boot::relays_off(&state),
            Self::Guard(Guard { state, hardware_watchdog, real_time }) => {
                server::guard::run(&GuardOptions { state, hardware_watchdog, real_time })
            }
            Self::Panel(panel) => runtime()?.block_on(panel.execute()),
            Self::Openapi => {
                print!("{}", server::openapi::json()?);
                Ok(())
            }
            Self::User { command: User::Add { name, role, place } } => {
                let password = read_password()?;
                let role = match role {
                    RoleName::Administrator => Role::Administrator,
                    RoleName::Operator => Role::Operator,
                };
                runtime()?.block_on(server::run::add_user(
                    &place.state,
                    place.config.as_deref(),
                    &name,
                    &password,
                    role,
                ))
            }
        }
    }
}

impl Run {
    fn options(self) -> RunOptions {
        let demo = DemoOptions { speed: self.speed, seed: self.seed, start: self.start };
        RunOptions {
            config: self.place.config,
            state: self.place.state,
            listen: self.listen,
            demo: self.demo.then_some(demo),
        }
    }
}

impl Panel {
    async fn execute(self) -> anyhow::Result<()> {
        let panel = SimPanel::new(SimClock::Host(Instant::now()), self.token);
        let (address, server) = panel.serve(self.protocol, self.listen).await.context("the address is not free")?;
        println!("A simulated panel is at {address}");
        println!("  change its world with PUT http://{address}/simulator, e.g. {{\"leakage_ma\": [9, 0.3]}}");
        Ok(server.await??)
    }
}

impl Simulate {
    fn execute(&self) -> anyhow::Result<()> {
        if self.faults { self.execute_faults() } else { self.execute_weather() }
    }

    fn execute_faults(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        match server::simulate::faults::run(self.seed, self.steps)? {
            Ok(tally) => {
                let seconds = began.elapsed().as_secs_f64();
                println!("seed {}: {tally}", self.seed);
                println!("{:.0} steps a second, {seconds:.1} s in all", self.steps as f64 / seconds);
                Ok(())
            }
            Err(failure) => bail!("{failure}"),
        }
    }

    fn execute_weather(&self) -> anyhow::Result<()> {
        let start = UtcMs(self.start.timestamp_millis());
        let mut simulation =
            Simulation::new(engine::config::Config::default(), &plant::PlantConfig::default(), self.seed, start)?;
        let began = Instant::now();
        let report = Report::of(&mut simulation, self.days, self.step_ms);
        let seconds = began.elapsed().as_secs_f64();
        println!("seed {}, steps of {} ms", self.seed, self.step_ms);
        println!("{report}");
        println!("speed        {:.0} steps a second, {seconds:.1} s in all", report.steps as f64 / seconds);
        if report.violation_count > 0 {
            bail!("an invariant was broken");
        }
        Ok(())
    }
}

/// Two threads beside the control loop's own are plenty, and leave a small Pi room.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("no threads to run on")
}

/// Reads one line, without its end.
fn read_password() -> anyhow::Result<String> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        println!("Password (it shows while you type; or pipe it in):");
        let mut line = String::new();
        input.read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let mut text = String::new();
    input.read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
