//! The task that talks to the panel, and its two ends: the loop's, which never waits, and the services'.
//!
//! One task owns the panel, so that there is one request at a time. It does what the [`Poller`] says, and one
//! request of people where that leaves room. When the loop is silent for a second its wish is "off"; when the loop
//! has ended, the task opens the relays as far as the panel lets it, and ends too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::inputs::{self, CircuitId};
use engine::units::Now;
use futures::future::BoxFuture;
use rand::Rng as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::gfci::config::GfciConfig;
use crate::gfci::poller::{Fault, Next, Order, PanelState, Poller, Timing};
use crate::gfci::{
    Abilities, BreakerConfig, Info, Network, NetworkChange, Panel, PanelError, REQUEST_TIMEOUT, Reset, ResetOutcome,
};

/// So many requests of people may wait; one more is turned away.
const QUEUE: usize = 4;
/// A person waits no longer than this for the panel.
const PATIENCE: Duration = Duration::from_secs(3);
/// A request of a person may be several to the panel; together they take this many times the timeout at most.
const REQUESTS_PER_CALL: u32 = 2;
/// A reset that was not answered is sent so often in all, always as the same.
const RESET_ATTEMPTS: u32 = 3;
/// A loop that was silent for this long wants nothing closed.
const WISH_HOLDS: Duration = Duration::from_secs(1);
/// After the loop's end, so long is tried to open the relays.
const FAREWELL: Duration = Duration::from_secs(2);
/// From one attempt to look up the address to the next: the network may come up after this program.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);

/// How the task is paced. The default is what the product uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The intervals of polls and orders.
    pub timing: Timing,
    /// The whole time of one request.
    pub timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { timing: Timing::default(), timeout: REQUEST_TIMEOUT }
    }
}

/// The services' end. Cheap to clone.
#[derive(Clone)]
pub struct PanelHandle {
    abilities: Abilities,
    state: watch::Receiver<PanelState>,
    calls: mpsc::Sender<Call>,
}

/// The loop's end. Dropping it ends the task.
pub struct LoopEnd {
    state: watch::Receiver<PanelState>,
    wish: watch::Sender<Wish>,
    epoch: Instant,
    moves: [bool; 2],
}

/// What the loop wants of the outside relays, and when it last said so.
#[derive(Debug, Clone, Copy)]
struct Wish {
    on: [bool; 2],
    said: Instant,
}

/// A request of a person, with the way back for its answer inside.
type Call = Box<dyn FnOnce(Arc<dyn Panel>) -> BoxFuture<'static, ()> + Send>;

/// Starts the task, on the runtime it is called from.
pub fn start(config: GfciConfig, pace: Pace) -> (PanelHandle, LoopEnd, JoinHandle<()>) {
    let epoch = Instant::now();
    let (state_sender, state) = watch::channel(PanelState::default());
    let (wish, wish_receiver) = watch::channel(Wish { on: [false; 2], said: epoch });
    let (calls, call_receiver) = mpsc::channel(QUEUE);
    let abilities = config.protocol.abilities();
    let task = Task { config, pace, epoch, state: state_sender, wish: wish_receiver, calls: call_receiver };
    let running = tokio::spawn(task.run());
    (PanelHandle { abilities, state: state.clone(), calls }, LoopEnd { state, wish, epoch, moves: [true; 2] }, running)
}

impl LoopEnd {
    /// The same end for a panel that moves the outside relays of these circuits only.
    pub fn moving(self, moves: [bool; 2]) -> Self {
        Self { moves, ..self }
    }

    /// What the engine sees of the panel in the step at `now`.
    pub fn inputs(&self, now: Now) -> inputs::Panel {
        panel_inputs(&self.state.borrow(), millis(self.epoch.elapsed()), now, self.moves)
    }

    /// Says in each step which outside relays are to be closed.
    pub fn want(&self, outside_closed: [bool; 2]) {
        let outside_closed = CircuitId::ALL.map(|id| outside_closed[id.index()] && self.moves[id.index()]);
        self.wish.send_if_modified(|wish| {
            let changed = wish.on != outside_closed;
            *wish = Wish { on: outside_closed, said: Instant::now() };
            changed
        });
    }
}

/// The state, whose time is `task_ms` on the task's clock, in the engine's words and on the engine's clock.
fn panel_inputs(state: &PanelState, task_ms: u64, now: Now, moves: [bool; 2]) -> inputs::Panel {
    let age = state.seen_ms.map(|seen| task_ms.saturating_sub(seen));
    inputs::Panel {
        // What was seen before the engine's clock began counts as never seen.
        seen_ms: age.and_then(|age| now.mono_ms.checked_sub(age)),
        tripped: state.tripped,
        outside_closed: CircuitId::ALL
            .map(|id| state.breakers[id.index()].relay_on.filter(|_| state.known && moves[id.index()])),
    }
}

impl PanelHandle {
    /// What this panel can do.
    pub const fn abilities(&self) -> Abilities {
        self.abilities
    }

    /// What is known of the panel.
    pub fn state(&self) -> PanelState {
        self.state.borrow().clone()
    }

    /// Follows what is known.
    pub fn subscribe(&self) -> watch::Receiver<PanelState> {
        self.state.clone()
    }

    /// Which device answers.
    ///
    /// # Errors
    /// [`PanelError`], as all calls here; [`PanelError::NotReady`] when too many wait or there is no address yet.
    pub async fn info(&self) -> Result<Info, PanelError> {
        self.call(|panel| async move { panel.info().await }).await
    }

    /// Resets the breaker whose trip the person saw. Sent again only when no answer came, and then as the same
    /// request; a refusal is the person's to judge.
    ///
    /// # Errors
    /// [`PanelError`]; after [`PanelError::Timeout`] it may have happened.
    pub async fn reset(&self, circuit: CircuitId, expect_trip_seq: u64) -> Result<ResetOutcome, PanelError> {
        let reset = Reset { request_id: request_id(), expect_trip_seq };
        // Without request identifiers a repetition could clear a newer trip.
        let attempts = if self.abilities.request_ids { RESET_ATTEMPTS } else { 1 };
        let mut outcome = Err(PanelError::NotReady);
        for _ in 0..attempts {
            let same = reset.clone();
            outcome = self.call(move |panel| async move { panel.reset(circuit, &same).await }).await;
            if !outcome.as_ref().is_err_and(PanelError::is_unanswered) {
                break;
            }
        }
        outcome
    }

    /// The breaker's settings.
    ///
    /// # Errors
    /// [`PanelError`].
    pub async fn breaker_config(&self, circuit: CircuitId) -> Result<BreakerConfig, PanelError> {
        self.call(move |panel| async move { panel.breaker_config(circuit).await }).await
    }

    /// Replaces the breaker's settings.
    ///
    /// # Errors
    /// [`PanelError`]; `revision_mismatch` when somebody else was faster.
    pub async fn set_breaker_config(
        &self,
        circuit: CircuitId,
        config: BreakerConfig,
    ) -> Result<BreakerConfig, PanelError> {
        self.call(move |panel| async move { panel.set_breaker_config(circuit, &config).await }).await
    }

    /// The panel's network settings.
    ///
    /// # Errors
    /// [`PanelError`].
    pub async fn network(&self) -> Result<Network, PanelError> {
        self.call(|panel| async move { panel.network().await }).await
    }

    /// Hands over new network settings.
    ///
    /// # Errors
    /// [`PanelError`].
    pub async fn set_network(&self, network: Network) -> Result<NetworkChange, PanelError> {
        self.call(move |panel| async move { panel.set_network(&network).await }).await
    }

    /// Keeps the new network settings.
    ///
    /// # Errors
    /// [`PanelError`].
    pub async fn confirm_network(&self) -> Result<Network, PanelError> {
        self.call(|panel| async move { panel.confirm_network().await }).await
    }

    /// Queues a call and waits for its answer; a call whose asker has gone is not made.
    async fn call<T, Made>(&self, call: impl FnOnce(Arc<dyn Panel>) -> Made + Send + 'static) -> Result<T, PanelError>
    where
        T: Send + 'static,
        Made: Future<Output = Result<T, PanelError>> + Send,
    {
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |panel| {
            Box::pin(async move {
                if !answer.is_closed() {
                    let result = call(panel).await;
                    // Nobody waits any more if the answer can't be given.
                    let _ = answer.send(result);
                }
            })
        });
        self.calls.try_send(call).map_err(|_| PanelError::NotReady)?;
        // A call that is cut off drops its way back: that is no answer in time.
        timeout(PATIENCE, answered).await.ok().and_then(Result::ok).unwrap_or(Err(PanelError::Timeout))
    }
}

/// 128 random bits, so that no two resets are ever the same.
fn request_id() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The task's own part.
struct Task {
    config: GfciConfig,
    pace: Pace,
    epoch: Instant,
    state: watch::Sender<PanelState>,
    wish: watch::Receiver<Wish>,
    calls: mpsc::Receiver<Call>,
}

impl Task {
    async fn run(mut self) {
        let Some(panel) = self.connect().await else { return };
        let mut poller = Poller::new(self.pace.timing, self.config.protocol.abilities(), self.now_ms());
        let mut ended: Option<Instant> = None;
        loop {
            if self.wish.has_changed().is_err() {
                let since = *ended.get_or_insert_with(Instant::now);
                if poller.is_off_confirmed() || since.elapsed() > FAREWELL {
                    return;
                }
            }
            poller.want(self.now_ms(), self.wanted());
            let next = poller.next(self.now_ms());
            self.publish(&poller);
            match next {
                Next::Poll => self.poll(&*panel, &mut poller).await,
                Next::Order(order) => self.order(&*panel, &mut poller, order).await,
                Next::Wait(until_ms) => self.idle(&panel, until_ms).await,
            }
        }
    }

    /// The panel at its address, once that can be looked up; `None` when the loop has ended before.
    async fn connect(&mut self) -> Option<Arc<dyn Panel>> {
        let mut said = None;
        loop {
            match self.look_up().await {
                Ok(address) => match self.config.panel(address, self.pace.timeout) {
                    Ok(panel) => return Some(panel),
                    Err(error) => said = report_once(said, error.to_string()),
                },
                Err(error) => said = report_once(said, error),
            }
            tokio::select! {
                () = sleep(LOOK_UP_EVERY) => {}
                () = ended(&mut self.wish) => return None,
            }
        }
    }

    async fn look_up(&self) -> Result<SocketAddr, String> {
        match timeout(PATIENCE, self.config.address.resolve(self.config.allow_loopback)).await {
            Ok(found) => found.map_err(|error| error.to_string()),
            Err(_) => Err(format!("{} can't be resolved in time", self.config.address)),
        }
    }

    async fn poll(&self, panel: &dyn Panel, poller: &mut Poller) {
        let sent_ms = self.now_ms();
        let result = timeout(self.pace.timeout, panel.poll()).await.unwrap_or(Err(PanelError::Timeout));
        poller.polled(sent_ms, self.now_ms(), result, rand::rng().random());
    }

    async fn order(&self, panel: &dyn Panel, poller: &mut Poller, order: Order) {
        let sent_ms = self.now_ms();
        let request = panel.set_relay(order.circuit, order.on);
        let result = timeout(self.pace.timeout, request).await.unwrap_or(Err(PanelError::Timeout));
        if let Err(error) = &result {
            tracing::debug!(relay = order.circuit.outside().name(), on = order.on, %error, "an order was not taken");
        }
        poller.ordered(sent_ms, order, result.is_ok());
    }

    /// Waits for the moment, for another wish, or for a person's request, which it carries out.
    async fn idle(&mut self, panel: &Arc<dyn Panel>, until_ms: u64) {
        let wait = Duration::from_millis(until_ms.saturating_sub(self.now_ms()));
        tokio::select! {
            biased;
            changed = self.wish.changed() => {
                if changed.is_err() {
                    // The loop has ended; nothing wakes this any more but time.
                    sleep(wait).await;
                }
            }
            Some(call) = self.calls.recv() => {
                // One that takes too long is dropped, and so answered by silence.
                let _ = timeout(self.pace.timeout * REQUESTS_PER_CALL, call(Arc::clone(panel))).await;
            }
            () = sleep(wait) => {}
        }
    }

    /// What the loop wants, as long as it says so.
    fn wanted(&mut self) -> [bool; 2] {
        let ended = self.wish.has_changed().is_err();
        let wish = *self.wish.borrow_and_update();
        if ended || wish.said.elapsed() > WISH_HOLDS { [false; 2] } else { wish.on }
    }

    fn publish(&self, poller: &Poller) {
        self.state.send_if_modified(|state| {
            let changed = state != poller.state();
            if changed {
                report(state, poller.state());
                state.clone_from(poller.state());
            }
            changed
        });
    }

    fn now_ms(&self) -> u64 {
        millis(self.epoch.elapsed())
    }
}

/// Returns when the loop has ended.
async fn ended(wish: &mut watch::Receiver<Wish>) {
    while wish.changed().await.is_ok() {}
}

/// Logs why there is no panel yet, unless that was the newest thing said.
fn report_once(said: Option<String>, reason: String) -> Option<String> {
    if said.as_ref() != Some(&reason) {
        tracing::warn!(reason, "there is no way to the breaker panel yet");
    }
    Some(reason)
}

/// Logs what has changed; the same fault again is no news.
fn report(before: &PanelState, after: &PanelState) {
    if let Some(fault) = &after.fault
        && before.fault.as_ref().map(Fault::kind) != Some(fault.kind())
    {
        tracing::warn!(%fault, "the breaker panel's answer is not good");
    }
    match (before.known, after.known) {
        (true, false) => tracing::warn!("the breaker panel is unknown: heating holds off"),
        (false, true) => tracing::info!("the breaker panel answers"),
        _ => {}
    }
    for (circuit, (was, is)) in CircuitId::ALL.into_iter().zip(before.tripped.into_iter().zip(after.tripped)) {
        if is && !was {
            tracing::error!(breaker = circuit.number(), "the ground-fault breaker has tripped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gfci::Breaker;

    /// Checks on which moment of the engine's clock a panel was seen; both clocks as they stand now, ms.
    fn check(seen_ms: Option<u64>, task_ms: u64, engine_ms: u64, expected: Option<u64>) {
        let state = PanelState { seen_ms, known: true, ..PanelState::default() };
        let now = Now { mono_ms: engine_ms, wall: None };
        assert_eq!(panel_inputs(&state, task_ms, now, [true; 2]).seen_ms, expected);
    }

    #[test]
    fn what_was_seen_keeps_its_age_on_the_engines_clock() {
        check(None, 5_000, 90_000, None);
        check(Some(4_600), 5_000, 90_000, Some(89_600));
        check(Some(4_600), 5_000, 399, None);
        check(Some(5_100), 5_000, 90_000, Some(90_000));
    }

    #[test]
    fn a_contact_is_told_of_only_by_a_known_panel_that_moves_it() {
        let breaker = Breaker { relay_on: Some(true), ..Breaker::default() };
        let mut state = PanelState { known: true, breakers: [breaker.clone(), breaker], ..PanelState::default() };
        let now = Now { mono_ms: 0, wall: None };
        assert_eq!(panel_inputs(&state, 0, now, [true, false]).outside_closed, [Some(true), None]);
        state.known = false;
        assert_eq!(panel_inputs(&state, 0, now, [true, false]).outside_closed, [None, None]);
    }
}
