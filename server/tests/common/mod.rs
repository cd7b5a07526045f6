//! A whole server for tests: the real router on a real SQLite file, and a loop that steps the real engine, fast,
//! without any sensor: no relay can close.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, unreachable_pub)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use drivers::config::DriversConfig;
use engine::Engine;
use engine::config::Config;
use engine::inputs::Inputs;
use engine::units::{Now, UtcMs};
use http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use server::auth::create_user;
use server::boot::BootFile;
use server::loop_handle::{LoopCommand, LoopHandle, LoopSide, Picture};
use server::services::{Stores, load_settings};
use server::web::{self, AppState};
use storage::{Recorder, RecorderConfig, Role, Storage};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub const PASSWORD: &str = "warm water at noon";
/// 2026-06-21T18:00:00Z, noon in Colorado.
pub const NOON: i64 = 1_782_064_800_000;

pub struct Bench {
    pub router: Router,
    pub storage: Arc<dyn Storage>,
    pub recorder: Recorder,
    pub folder: TempDir,
    pub state: AppState,
    /// While set, the loop steps but takes no commands.
    pub deaf: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Bench {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let storage = storage::open(&url).await.unwrap();
        for (name, role) in [("Otto", Role::Operator), ("Ada", Role::Administrator)] {
            create_user(&*storage, name, PASSWORD, role, NOON).await.unwrap();
        }
        let base = Config::default();
        let settings = load_settings(&*storage, &base).await.unwrap();
        let boot = Arc::new(BootFile::begin(folder.path(), &DriversConfig::default(), &[]).unwrap());
        let start = Now { mono_ms: 0, wall: Some(UtcMs(NOON)) };
        let engine = Engine::new(settings.effective_config(&base), start).unwrap();
        let first = Picture { snapshot: engine.snapshot(), sequence: 0 };
        let (handle, side) = LoopHandle::pair(first);
        let (deaf, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let signals = (Arc::clone(&deaf), Arc::clone(&stop));
        thread::spawn(move || run(engine, side, &signals.0, &signals.1));
        let recorder = Recorder::start(Arc::clone(&storage) as _, RecorderConfig::default());
        let stores = Stores { storage: Arc::clone(&storage), recorder: recorder.clone(), boot };
        let state = AppState::new(handle, stores, base, settings, None, folder.path()).unwrap();
        Self { router: web::router(state.clone()), storage, recorder, folder, state, deaf, stop }
    }

    /// A token of a fresh session.
    pub async fn log_in(&self, name: &str) -> String {
        let login = serde_json::json!({ "name": name, "password": PASSWORD });
        let answer = self.ask("POST", "/api/v1/session", None, &[], Some(login)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.cookie()
    }

    pub async fn operator(&self) -> String {
        self.log_in("otto").await
    }

    pub async fn administrator(&self) -> String {
        self.log_in("ada").await
    }

    /// Asks as a program would: a bearer token, JSON.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = headers.to_vec();
        if let Some(bearer) = &bearer {
            headers.push(("authorization", bearer));
        }
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.raw(method, path, &headers, body).await
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.ask("GET", path, token, &[], None).await
    }

    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let response = self.begin(method, path, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 << 20).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Without waiting for the body, which may have no end.
    pub async fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> http::Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header("host", "suntank.local");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).unwrap();
        let address = SocketAddr::from(([192, 0, 2, 7], 4711));
        request.extensions_mut().insert(ConnectInfo(address));
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The log's kinds, newest first.
    pub async fn log(&self) -> Vec<storage::NewEvent> {
        self.recorder.flush().await.unwrap();
        let events = self.storage.events(storage::EventQuery::default()).await.unwrap();
        events.into_iter().map(|stored| stored.event).collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.state.shutdown().cancel();
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The session's token in the cookie that was set.
    pub fn cookie(&self) -> String {
        let cookie = self.headers[header::SET_COOKIE].to_str().unwrap();
        let pair = cookie.split(';').next().unwrap();
        pair.strip_prefix("suntank_session=").unwrap().to_owned()
    }

    /// Holds this to be a problem of that kind and status, with those fields.
    pub fn check_problem(&self, status: u16, kind: &str, fields: &[&str]) {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{text}");
        let problem: app::types::problem::Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.kind, format!("urn:suntank:problem:{kind}"), "{text}");
        assert_eq!(problem.status, status, "{text}");
        assert!(!problem.detail.is_empty(), "{text}");
        let found: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(found, fields, "{text}");
    }
}

fn run(mut engine: Engine, mut side: LoopSide, deaf: &AtomicBool, stop: &AtomicBool) {
    let mut sequence = 0;
    while !stop.load(Ordering::Relaxed) {
        let mono_ms = sequence * 100;
        let now = Now { mono_ms, wall: Some(UtcMs(NOON + i64::try_from(mono_ms).unwrap())) };
        if side.take_all_off_request() {
            engine.command(now, engine::Command::AllOff).unwrap();
        }
        while !deaf.load(Ordering::Relaxed)
            && let Some(command) = side.next_command()
        {
            match command {
                LoopCommand::Engine { command, answer } => {
                    let _ = answer.send(engine.command(now, command));
                }
                LoopCommand::Configure { config, answer } => {
                    let _ = answer.send(engine.configure(*config));
                }
            }
        }
        engine.step(now, &Inputs::default());
        sequence += 1;
        side.publish(Picture { snapshot: engine.snapshot(), sequence });
        thread::sleep(Duration::from_millis(5));
    }
}
