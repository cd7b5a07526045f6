//! The breaker panel over real sockets: every call of both dialects against the simulated panels, and every fault
//! on the way. Intervals are a quarter of the product's; the panel's own clock is driven by hand where it matters.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::inputs::CircuitId;
use engine::units::Now;
use server::gfci::config::{GfciConfig, Protocol};
use server::gfci::http::Http;
use server::gfci::link::{self, LoopEnd, Pace, PanelHandle};
use server::gfci::poller::{PanelState, Timing};
use server::gfci::sim::device::World;
use server::gfci::sim::fault::Fault;
use server::gfci::sim::{SimClock, SimPanel};
use server::gfci::{
    BreakerConfig, BreakerState, Network, NetworkMode, Panel, PanelError, Reset, ResetOutcome, TripCause,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const ONE: CircuitId = CircuitId::One;
const TWO: CircuitId = CircuitId::Two;
const TOKEN: &str = "a token of this test";
const BOTH: [Protocol; 2] = [Protocol::Json, Protocol::SerialBridge];
/// The product's times divided by this.
const SCALE: u64 = 4;

/// A simulated panel on a socket, and its clock.
struct Served {
    sim: SimPanel,
    clock: Arc<AtomicU64>,
    address: SocketAddr,
    protocol: Protocol,
    server: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn new(protocol: Protocol) -> Self {
        let clock = Arc::new(AtomicU64::new(0));
        let sim = SimPanel::new(SimClock::Manual(Arc::clone(&clock)), TOKEN);
        let (address, server) = sim.serve(protocol, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { sim, clock, address, protocol, server }
    }

    fn config(&self) -> GfciConfig {
        GfciConfig {
            protocol: self.protocol,
            address: self.address.to_string().parse().unwrap(),
            token: TOKEN.to_owned().into(),
            baud: 115_200,
            allow_loopback: true,
        }
    }

    /// The client alone, patient: for what is about the calls, not about time.
    fn client(&self) -> Arc<dyn Panel> {
        self.config().panel(self.address, Duration::from_secs(5)).unwrap()
    }

    fn link(&self) -> Link {
        Link::new(self.config())
    }

    fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    fn relays(&self) -> [bool; 2] {
        self.sim.with(|device| CircuitId::ALL.map(|id| device.is_relay_on(id)))
    }

    fn tripped(&self) -> [bool; 2] {
        self.sim.with(|device| device.breakers.each_ref().map(|breaker| breaker.tripped))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The task and both its ends.
struct Link {
    handle: PanelHandle,
    end: LoopEnd,
    task: JoinHandle<()>,
}

impl Link {
    fn new(config: GfciConfig) -> Self {
        let whole = Timing::default();
        let timing = Timing {
            poll_ms: whole.poll_ms / SCALE,
            unknown_after_ms: whole.unknown_after_ms / SCALE,
            slowest_poll_ms: whole.slowest_poll_ms / SCALE,
            renew_ms: whole.renew_ms / SCALE,
            lease_doubtful_ms: whole.lease_doubtful_ms / SCALE,
            repeat_ms: whole.repeat_ms / SCALE,
            insist_ms: whole.insist_ms / SCALE,
            show_trip_ms: whole.show_trip_ms,
        };
        let timeout = Duration::from_millis(400 / SCALE);
        let (handle, end, task) = link::start(config, Pace { timing, timeout });
        Self { handle, end, task }
    }

    /// Keeps wishing this, as the loop does, until the state is as asked; gives how long it took.
    async fn until(&self, want: [bool; 2], what: &str, is: impl Fn(&PanelState) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            self.end.want(want);
            if is(&self.handle.state()) {
                return began.elapsed();
            }
            assert!(began.elapsed() < Duration::from_secs(20), "never {what}: {:?}", self.handle.state());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until_known(&self) {
        self.until([false; 2], "known", |state| state.known).await;
    }

    async fn until_closed(&self) {
        let closed = |state: &PanelState| state.breakers.iter().all(|breaker| breaker.relay_on == Some(true));
        self.until([true; 2], "closed", closed).await;
    }
}

fn refusal(error: PanelError) -> String {
    match error {
        PanelError::Refused { code, .. } => code,
        other => panic!("not refused: {other}"),
    }
}

fn reset(id: &str, expect_trip_seq: u64) -> Reset {
    Reset { request_id: id.into(), expect_trip_seq }
}

// ---- every call of the contract

#[tokio::test]
async fn json_polls_and_orders() {
    let served = Served::new(Protocol::Json).await;
    let client = served.client();
    let info = client.info().await.unwrap();
    assert_eq!((info.api, info.breakers), (1, 2));

    served.sim.with(|device| device.worlds[1] = World { leakage_ma: 2.5, ..device.worlds[1] });
    client.set_relay(ONE, true).await.unwrap();
    let poll = client.poll().await.unwrap();
    assert_eq!(poll.boot.unwrap().id, served.sim.with(|device| device.boot_id()));
    let [first, second] = poll.breakers;
    assert_eq!((first.relay_on, first.tripped, first.state), (Some(true), false, Some(BreakerState::Closed)));
    assert_eq!((second.relay_on, second.leakage_ma), (Some(false), Some(2.5)));

    served.pass(7_999);
    assert_eq!(served.relays(), [true, false]);
    served.pass(1);
    assert_eq!(served.relays(), [false, false], "the lease is 8 s");
    client.set_relay(TWO, true).await.unwrap();
    client.set_relay(TWO, false).await.unwrap();
    assert_eq!(served.relays(), [false, false]);
}

#[tokio::test]
async fn json_resets_only_the_trip_that_was_seen() {
    let served = Served::new(Protocol::Json).await;
    let client = served.client();
    served.sim.with(|device| device.trip(ONE, TripCause::Leakage));
    let seen = client.poll().await.unwrap().breakers[0].last_trip.unwrap().seq;
    assert_eq!(refusal(client.set_relay(ONE, true).await.unwrap_err()), "fault_present");
    assert_eq!(client.reset(ONE, &reset("a", seen)).await, Ok(ResetOutcome::Reset));

    served.sim.with(|device| device.trip(ONE, TripCause::Overcurrent));
    assert_eq!(
        client.reset(ONE, &reset("a", seen)).await,
        Ok(ResetOutcome::Reset),
        "the same request, the same answer"
    );
    assert_eq!(refusal(client.reset(ONE, &reset("b", seen)).await.unwrap_err()), "trip_changed");
    assert_eq!(served.tripped(), [true, false], "the newer trip stands");

    served.sim.with(|device| device.worlds[0].current_a = 30.0);
    assert_eq!(refusal(client.reset(ONE, &reset("c", seen + 1)).await.unwrap_err()), "fault_present");
    served.sim.with(|device| device.worlds[0].current_a = 0.0);
    assert_eq!(client.reset(ONE, &reset("d", seen + 1)).await, Ok(ResetOutcome::Reset));
    assert_eq!(client.reset(ONE, &reset("e", seen + 1)).await, Ok(ResetOutcome::AlreadyClosed));
    served.sim.with(|device| device.trip(ONE, TripCause::SelfTest));
    match client.reset(ONE, &reset("f", seen + 2)).await.unwrap_err() {
        PanelError::Refused { code, retry_after_s, .. } => {
            assert_eq!((code.as_str(), retry_after_s), ("reset_lockout", Some(60)));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn json_configures_by_revision() {
    let served = Served::new(Protocol::Json).await;
    let client = served.client();
    let old = client.breaker_config(TWO).await.unwrap();
    let new = BreakerConfig { leakage_trip_ma: 6.0, response_speed_factor: Some(0.5), ..old.clone() };
    let stored = client.set_breaker_config(TWO, &new).await.unwrap();
    assert_eq!(stored, BreakerConfig { revision: Some(2), ..new.clone() });
    assert_eq!(client.breaker_config(TWO).await.unwrap(), stored);
    assert_eq!(client.breaker_config(ONE).await.unwrap(), old, "the other breaker keeps its own");
    assert_eq!(refusal(client.set_breaker_config(TWO, &new).await.unwrap_err()), "revision_mismatch");
    match client.set_breaker_config(TWO, &BreakerConfig { leakage_trip_ma: 500.0, ..stored }).await.unwrap_err() {
        PanelError::Refused { code, field, .. } => {
            assert_eq!((code.as_str(), field.as_deref()), ("out_of_range", Some("leakage_trip_ma")));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn json_changes_its_network_on_trial() {
    let served = Served::new(Protocol::Json).await;
    let client = served.client();
    let old = client.network().await.unwrap();
    let new = Network { mode: NetworkMode::Static, hostname: "cellar".into(), ..old.clone() };
    let change = client.set_network(&new).await.unwrap();
    assert_eq!(refusal(client.set_network(&new).await.unwrap_err()), "busy");
    served.pass(change.apply_in_s * 1_000);
    assert_eq!(client.network().await.unwrap().hostname, "cellar");
    served.pass(change.confirm_within_s * 1_000);
    assert_eq!(client.network().await.unwrap(), old, "rolled back");

    client.set_network(&new).await.unwrap();
    served.pass(change.apply_in_s * 1_000);
    assert_eq!(client.confirm_network().await.unwrap().revision, old.revision + 1);
    served.pass(1_000_000);
    assert_eq!(client.network().await.unwrap().hostname, "cellar");
}

#[tokio::test]
async fn json_wants_its_token() {
    let served = Served::new(Protocol::Json).await;
    let http = Http::new(served.address, Duration::from_secs(5)).unwrap();
    let stranger = server::gfci::json::JsonPanel::new(http, "a guess");
    assert_eq!(refusal(stranger.poll().await.unwrap_err()), "unauthorized");
    assert_eq!(refusal(stranger.set_relay(ONE, true).await.unwrap_err()), "unauthorized");
    stranger.info().await.expect("its description needs no token");
}

#[tokio::test]
async fn serial_bridge_does_what_it_can_and_says_what_it_cant() {
    let served = Served::new(Protocol::SerialBridge).await;
    let client = served.client();
    let poll = client.poll().await.unwrap();
    assert_eq!(poll.boot, None);
    assert!(poll.breakers.iter().all(|breaker| !breaker.tripped && breaker.relay_on.is_none()));

    client.set_relay(ONE, true).await.unwrap();
    assert_eq!(served.relays(), [true, false]);
    assert_eq!(client.poll().await.unwrap().breakers[0].relay_on, Some(true));
    client.set_relay(ONE, false).await.unwrap();
    assert_eq!(client.poll().await.unwrap().breakers[0].relay_on, Some(false));

    served.sim.with(|device| device.trip(TWO, TripCause::Leakage));
    assert_eq!(client.poll().await.unwrap().breakers.map(|breaker| breaker.tripped), [false, true]);
    assert!(client.set_relay(TWO, true).await.is_err());
    assert_eq!(client.reset(TWO, &reset("unused", 0)).await, Ok(ResetOutcome::Reset));
    assert_eq!(served.tripped(), [false, false]);

    let config = client.breaker_config(ONE).await.unwrap();
    assert_eq!((config.leakage_trip_ma, config.response_speed_factor), (5.0, None));
    let wanted = BreakerConfig { leakage_trip_ma: 6.5, ..config.clone() };
    assert_eq!(client.set_breaker_config(ONE, &wanted).await.unwrap().leakage_trip_ma, 6.5);
    let pretending = BreakerConfig { response_speed_factor: Some(1.0), ..config };
    assert_eq!(client.set_breaker_config(ONE, &pretending).await, Err(PanelError::NotSupported("a response factor")));
    assert!(matches!(client.network().await, Err(PanelError::NotSupported(_))));
    assert!(matches!(client.confirm_network().await, Err(PanelError::NotSupported(_))));
    assert!(matches!(client.info().await, Err(PanelError::NotSupported(_))));
}

/// A bridge whose microcontroller's answers lag one command behind after a lost one would swap the breakers.
#[tokio::test]
async fn serial_bridge_opens_its_line_anew_after_anything_odd() {
    let served = Served::new(Protocol::SerialBridge).await;
    let client = served.config().panel(served.address, Duration::from_millis(200)).unwrap();
    client.poll().await.unwrap();
    let before = served.sim.requests();
    client.poll().await.unwrap();
    assert_eq!(served.sim.requests() - before, 2, "one request a breaker");
    for fault in [Fault::Garbage, Fault::Unanswered, Fault::ServerError] {
        served.sim.inject(fault.clone());
        client.poll().await.unwrap_err();
        served.sim.inject(Fault::None);
        let before = served.sim.requests();
        client.poll().await.unwrap();
        assert_eq!(served.sim.requests() - before, 4, "{fault:?}: end, start, and one request a breaker");
    }
}

/// The contract lists the paths that the simulated panel serves, and the codes it answers.
#[tokio::test]
async fn the_written_contract_and_the_simulated_panel_agree() {
    let contract = include_str!("../../openapi/gfci-panel.yaml");
    let served = Served::new(Protocol::Json).await;
    let http = Http::new(served.address, Duration::from_secs(5)).unwrap();
    let (mut path, mut calls) = ("", 0);
    for line in contract.lines() {
        if let Some(name) = line.strip_prefix("  /").and_then(|rest| rest.strip_suffix(':')) {
            path = name;
        }
        let method = match line {
            "    get:" => http::Method::GET,
            "    put:" => http::Method::PUT,
            "    post:" => http::Method::POST,
            _ => continue,
        };
        let url = format!("/api/v1/{}", path.replace("{n}", "1"));
        let answer = http.send(http.request(method.clone(), &url).bearer_auth(TOKEN)).await.unwrap();
        assert!(![404, 405].contains(&answer.status.as_u16()), "{method} {url}: {}", answer.status);
        calls += 1;
    }
    assert_eq!(calls, 10, "a call a row of the contract");
    for code in [
        "malformed",
        "unauthorized",
        "no_such_breaker",
        "fault_present",
        "trip_changed",
        "revision_mismatch",
        "out_of_range",
        "reset_lockout",
        "busy",
    ] {
        assert!(contract.contains(&format!("- {code}\n")), "{code} is not in the contract");
    }
    let missing = http.send(http.request(http::Method::GET, "/api/v1/breakers/3").bearer_auth(TOKEN)).await.unwrap();
    assert_eq!(missing.status, 404);
    assert!(String::from_utf8(missing.body).unwrap().contains("no_such_breaker"));
}

// ---- every fault on the way

/// From the fault on, the panel is unknown within 5 s of the product's time, and known again once it is over.
async fn check_unknown(protocol: Protocol, fault: Fault) {
    let served = Served::new(protocol).await;
    let link = served.link();
    link.until_known().await;
    served.sim.inject(fault.clone());
    let took = link.until([false; 2], "unknown", |state| !state.known).await;
    let limit = Duration::from_millis(5_000 / SCALE);
    assert!(took <= limit, "{protocol:?} {fault:?}: {took:?}");
    assert_eq!(link.end.inputs(Now { mono_ms: 60_000, wall: None }).seen_ms, None);
    served.sim.inject(Fault::None);
    link.until_known().await;
}

macro_rules! faults {
    ($($name:ident: $fault:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            for protocol in BOTH {
                check_unknown(protocol, $fault).await;
            }
        }
    )*};
}

faults! {
    a_silent_panel_becomes_unknown: Fault::Timeout;
    a_panel_that_answers_500_becomes_unknown: Fault::ServerError;
    a_panel_that_sends_10_megabytes_becomes_unknown: Fault::Oversize;
    a_panel_that_drips_becomes_unknown: Fault::Drip(40);
    a_panel_that_points_elsewhere_becomes_unknown: Fault::Redirect("http://192.0.2.1/".into());
    a_panel_that_sends_garbage_becomes_unknown: Fault::Garbage;
    a_panel_that_does_and_does_not_answer_becomes_unknown: Fault::Unanswered;
    a_panel_that_answers_too_late_becomes_unknown: Fault::Latency(60_000);
}

#[tokio::test]
async fn bursts_of_loss_and_a_tail_of_latency_are_ridden_out() {
    for (protocol, fault) in [
        (Protocol::Json, Fault::Loss { of: 8, lost: 2 }),
        (Protocol::Json, Fault::Latency(10)),
        (Protocol::SerialBridge, Fault::Loss { of: 24, lost: 2 }),
    ] {
        let served = Served::new(protocol).await;
        let link = served.link();
        link.until_known().await;
        served.sim.inject(fault.clone());
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(2_500) {
            link.end.want([false; 2]);
            assert!(link.handle.state().known, "{protocol:?} {fault:?}: {:?}", link.handle.state());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_restart_is_unknown_at_once_and_no_relay_closes_on_the_old_wish() {
    let served = Served::new(Protocol::Json).await;
    let link = served.link();
    link.until_known().await;
    link.until_closed().await;
    served.sim.with(|device| device.reboot());
    let took = link.until([true; 2], "restarted", |state| state.restarts == 1).await;
    assert!(took <= Duration::from_millis(1_500 / SCALE), "{took:?}");
    link.until([true; 2], "known again", |state| state.known).await;
    let again = Instant::now() + Duration::from_millis(4_000 / SCALE);
    while Instant::now() < again {
        link.end.want([true; 2]);
        assert_eq!(served.relays(), [false; 2]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    link.until([false; 2], "open", |state| state.breakers[0].relay_on == Some(false)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    link.until_closed().await;
}

#[tokio::test]
async fn a_trip_reaches_the_loop_within_three_seconds_and_opens_nothing_by_itself() {
    for protocol in BOTH {
        let served = Served::new(protocol).await;
        let link = served.link();
        link.until_known().await;
        served.sim.with(|device| device.trip(TWO, TripCause::Leakage));
        let took = link.until([false; 2], "tripped", |state| state.tripped == [false, true]).await;
        assert!(took <= Duration::from_millis(3_000 / SCALE), "{protocol:?}: {took:?}");
        assert_eq!(link.end.inputs(Now { mono_ms: 60_000, wall: None }).tripped, [false, true]);
        served.sim.inject(Fault::Timeout);
        link.until([false; 2], "unknown", |state| !state.known).await;
        assert_eq!(link.handle.state().tripped, [false, true], "silence takes no trip back");
    }
}

#[tokio::test]
async fn a_short_answer_is_read_and_a_long_one_is_cut_at_4_kib() {
    for (length, whole) in [(4_096, true), (4_097, false)] {
        for announced in [true, false] {
            let sent = Arc::new(AtomicU64::new(0));
            let address = one_answer(length, announced, Arc::clone(&sent)).await;
            let http = Http::new(address, Duration::from_secs(5)).unwrap();
            let answer = http.send(http.request(http::Method::GET, "/")).await;
            match answer {
                Ok(answer) => assert!(whole && answer.body.len() == length, "{length} {announced}"),
                Err(error) => assert!(!whole && error == PanelError::TooLong, "{length} {announced}: {error}"),
            }
        }
    }
    // Of ten endless megabytes only what the sockets buffer is ever taken.
    let sent = Arc::new(AtomicU64::new(0));
    let address = one_answer(64 << 20, false, Arc::clone(&sent)).await;
    let http = Http::new(address, Duration::from_secs(5)).unwrap();
    assert_eq!(http.send(http.request(http::Method::GET, "/")).await, Err(PanelError::TooLong));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(sent.load(Ordering::SeqCst) < 16 << 20, "the connection must be cut, {sent:?} bytes went out");
}

/// Answers one request with this many bytes, and counts those that went out.
async fn one_answer(length: usize, announced: bool, sent: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 2_048];
        let _ = socket.read(&mut request).await;
        let head = if announced {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")
        } else {
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".into()
        };
        let _ = socket.write_all(head.as_bytes()).await;
        let piece = [b'x'; 1_024];
        let mut left = length;
        while left > 0 {
            let Ok(written) = socket.write(&piece[..left.min(piece.len())]).await else { return };
            left -= written;
            sent.fetch_add(written as u64, Ordering::SeqCst);
        }
    });
    address
}

#[tokio::test]
async fn a_slow_drip_ends_by_the_timeout() {
    let served = Served::new(Protocol::Json).await;
    served.sim.inject(Fault::Drip(50));
    let client = served.config().panel(served.address, Duration::from_millis(300)).unwrap();
    let began = Instant::now();
    assert_eq!(client.poll().await, Err(PanelError::Timeout));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Served::new(Protocol::Json).await;
    let served = Served::new(Protocol::Json).await;
    served.sim.inject(Fault::Redirect(format!("http://{}/api/v1/status", elsewhere.address)));
    assert_eq!(served.client().poll().await, Err(PanelError::Redirected(302)));
    assert_eq!(served.client().set_relay(ONE, true).await, Err(PanelError::Redirected(302)));
    assert_eq!(elsewhere.sim.requests(), 0);
}

#[tokio::test]
async fn the_host_itself_is_no_panel_unless_that_is_allowed() {
    let served = Served::new(Protocol::Json).await;
    let refused = GfciConfig { allow_loopback: false, ..served.config() };
    assert!(refused.check().is_err());
    let by_name = GfciConfig { address: format!("localhost:{}", served.address.port()).parse().unwrap(), ..refused };
    let link = Link::new(by_name);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(!link.handle.state().known);
    assert_eq!(served.sim.requests(), 0);
    assert_eq!(link.handle.info().await, Err(PanelError::Timeout), "nobody answers, and nobody is asked");
}

// ---- leases, resets, and the task's end

#[tokio::test]
async fn the_lease_lapses_when_the_host_dies() {
    let served = Served::new(Protocol::Json).await;
    let link = served.link();
    link.until_known().await;
    link.until_closed().await;
    // Renewed all the while, though the panel's clock passes many leases.
    for _ in 0..8 {
        served.pass(4_000);
        tokio::time::timeout(Duration::from_millis(900), async {
            loop {
                link.end.want([true; 2]);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap_err();
        assert_eq!(served.relays(), [true; 2]);
    }
    link.task.abort();
    let _ = link.task.await;
    served.pass(7_000);
    served.pass(1_000);
    assert_eq!(served.relays(), [false; 2]);
}

#[tokio::test]
async fn a_loop_that_falls_silent_wants_nothing_closed() {
    for protocol in BOTH {
        let served = Served::new(protocol).await;
        let link = served.link();
        link.until_known().await;
        link.until_closed().await;
        let began = Instant::now();
        while served.relays() != [false; 2] {
            assert!(began.elapsed() < Duration::from_secs(3), "{protocol:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn the_end_of_the_loop_opens_the_relays_and_ends_the_task() {
    for protocol in BOTH {
        let served = Served::new(protocol).await;
        let link = served.link();
        link.until_known().await;
        link.until_closed().await;
        drop(link.end);
        tokio::time::timeout(Duration::from_secs(3), link.task).await.unwrap().unwrap();
        assert_eq!(served.relays(), [false; 2], "{protocol:?}");
    }
}

#[tokio::test]
async fn off_that_was_done_and_not_answered_is_said_again_and_confirmed() {
    for protocol in BOTH {
        let served = Served::new(protocol).await;
        let link = served.link();
        link.until_known().await;
        link.until_closed().await;
        served.sim.inject(Fault::Loss { of: 11, lost: 3 });
        let open = |state: &PanelState| state.breakers.iter().all(|breaker| breaker.relay_on == Some(false));
        link.until([false; 2], "open", open).await;
        assert_eq!(served.relays(), [false; 2], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_reset_without_an_answer_is_repeated_as_the_same_and_clears_one_trip_only() {
    let served = Served::new(Protocol::Json).await;
    let link = served.link();
    link.until_known().await;
    served.sim.with(|device| device.trip(ONE, TripCause::Leakage));
    link.until([false; 2], "tripped", |state| state.tripped[0]).await;
    let seen = link.handle.state().breakers[0].last_trip.unwrap().seq;
    served.sim.inject(Fault::Unanswered);
    let (outcome, ()) = tokio::join!(link.handle.reset(ONE, seen), async {
        // Done, not answered; then a newer trip comes, and the repetition must not clear it.
        while served.tripped()[0] {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        served.sim.with(|device| device.trip(ONE, TripCause::Leakage));
        served.sim.inject(Fault::None);
    });
    assert_eq!(outcome, Ok(ResetOutcome::Reset));
    assert_eq!(served.tripped(), [true, false], "the newer trip stands");
}

#[tokio::test]
async fn a_refused_reset_is_not_tried_again() {
    let served = Served::new(Protocol::Json).await;
    let link = served.link();
    link.until_known().await;
    served.sim.with(|device| {
        device.worlds[0].current_a = 30.0;
        device.trip(ONE, TripCause::Overcurrent);
    });
    link.until([false; 2], "tripped", |state| state.tripped[0]).await;
    let seen = link.handle.state().breakers[0].last_trip.unwrap().seq;
    assert_eq!(refusal(link.handle.reset(ONE, seen).await.unwrap_err()), "fault_present");
    served.sim.with(|device| device.worlds[0].current_a = 0.0);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(served.tripped(), [true, false]);
    // Had it been tried again behind the person's back, this would be one too many and locked out.
    assert_eq!(link.handle.reset(ONE, seen).await, Ok(ResetOutcome::Reset));
}

#[tokio::test]
async fn peoples_requests_go_between_polls_one_at_a_time_and_too_many_are_turned_away() {
    let served = Served::new(Protocol::Json).await;
    let link = served.link();
    link.until_known().await;
    let config = link.handle.breaker_config(ONE).await.unwrap();
    let slower = BreakerConfig { response_speed_factor: Some(2.0), ..config };
    assert_eq!(link.handle.set_breaker_config(ONE, slower).await.unwrap().response_speed_factor, Some(2.0));
    assert_eq!(link.handle.network().await.unwrap().revision, 1);
    served.sim.inject(Fault::Timeout);
    let many = futures::future::join_all((0..12).map(|_| link.handle.info())).await;
    assert!(many.contains(&Err(PanelError::NotReady)), "{many:?}");
    assert!(many.contains(&Err(PanelError::Timeout)), "{many:?}");
}
