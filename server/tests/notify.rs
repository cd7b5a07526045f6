//! People are told of a trip: by mail over real sockets and real TLS, by push message, past black holes and over
//! restarts, while the control loop goes on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use drivers::DriverSet;
use drivers::config::DriversConfig;
use engine::Engine;
use engine::config::Config;
use engine::inputs::CircuitId;
use engine::outputs::{Event, TriggerId, Trip};
use engine::units::{Now, UtcMs};
use plant::{Fault, Plant, PlantConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use server::clock::Clock;
use server::control_loop::{ControlLoop, Safeguards};
use server::loop_handle::{LoopHandle, Picture};
use server::notify::{self, MailConfig, Notifier, NotifyConfig, NtfyConfig, Pace, Reader, Security};
use storage::{Recorder, RecorderConfig};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// 2026-06-21T18:00:00Z, noon in Colorado.
const NOON: i64 = 1_782_064_800_000;
/// As the product's, but a thousand times as fast, and still quiet for longer than a test takes.
const BRISK: Pace = Pace {
    quiet: Duration::from_secs(900),
    first_retry: Duration::from_millis(10),
    longest_retry: Duration::from_millis(50),
    attempt: Duration::from_millis(500),
    keep: Duration::from_secs(3_600),
};
/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

// What the other side saw.

/// One mail, as a server got it.
#[derive(Debug, Default, Clone, PartialEq)]
struct Mail {
    encrypted: bool,
    /// What followed AUTH PLAIN.
    login: Option<String>,
    from: String,
    to: Vec<String>,
    data: String,
}

/// What a server saw of its clients.
#[derive(Debug, PartialEq)]
enum Seen {
    Mail(Box<Mail>),
    /// A client went away, having sent no mail; the last thing it said.
    Left(String),
}

/// One request, as a push service got it.
#[derive(Debug)]
struct Push {
    head: String,
    body: String,
}

impl Push {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

// Servers.

struct Tls {
    acceptor: TlsAcceptor,
    /// The authority's certificate, in a file.
    ca: TempDir,
}

impl Tls {
    /// A server for `localhost` with the certificate of an authority of its own.
    fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let ca = tempfile::tempdir().unwrap();
        std::fs::write(ca.path().join("ca.pem"), authority.pem()).unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca }
    }

    fn ca_file(&self) -> Option<std::path::PathBuf> {
        Some(self.ca.path().join("ca.pem"))
    }
}

async fn listen() -> (TcpListener, u16) {
    listen_at(0).await
}

async fn listen_at(port: u16) -> (TcpListener, u16) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A mail server that takes everything. With an acceptor it offers STARTTLS, or speaks TLS from the start.
fn serve_mail(listener: TcpListener, tls: Option<TlsAcceptor>, implicit: bool) -> UnboundedReceiver<Seen> {
    let (seen, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (tls, seen) = (tls.clone(), seen.clone());
            tokio::spawn(async move {
                match tls {
                    Some(acceptor) if implicit => match acceptor.accept(socket).await {
                        Ok(stream) => converse(stream, Greeting::Banner, false, true, &seen).await.map(drop),
                        Err(error) => seen.send(Seen::Left(error.to_string())).ok(),
                    },
                    Some(acceptor) => upgrade(socket, acceptor, &seen).await,
                    None => converse(socket, Greeting::Banner, false, false, &seen).await.map(drop),
                }
            });
        }
    });
    receiver
}

async fn upgrade(socket: TcpStream, acceptor: TlsAcceptor, seen: &UnboundedSender<Seen>) -> Option<()> {
    let socket = converse(socket, Greeting::Banner, true, false, seen).await?;
    match acceptor.accept(socket).await {
        Ok(stream) => converse(stream, Greeting::None, false, true, seen).await.map(drop),
        Err(error) => seen.send(Seen::Left(error.to_string())).ok(),
    }
}

#[derive(PartialEq)]
enum Greeting {
    Banner,
    /// After STARTTLS the client speaks first.
    None,
}

/// Speaks SMTP until the client leaves; gives the socket back when it asks for TLS.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    greeting: Greeting,
    offer_tls: bool,
    encrypted: bool,
    seen: &UnboundedSender<Seen>,
) -> Option<S> {
    let mut stream = BufReader::new(stream);
    if greeting == Greeting::Banner {
        stream.write_all(b"220 localhost\r\n").await.ok()?;
    }
    let mut mail = Mail { encrypted, ..Mail::default() };
    let mut last = String::new();
    loop {
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
            if mail.data.is_empty() {
                seen.send(Seen::Left(last)).ok();
            }
            return None;
        }
        let line = line.trim_end();
        last = line.to_owned();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let answer = match verb {
            "EHLO" if offer_tls => "250-localhost\r\n250 STARTTLS",
            "EHLO" => "250-localhost\r\n250 AUTH PLAIN",
            "STARTTLS" => {
                stream.write_all(b"220 go on\r\n").await.ok()?;
                return Some(stream.into_inner());
            }
            "AUTH" => {
                mail.login = Some(rest.trim_start_matches("PLAIN ").to_owned());
                "235 welcome"
            }
            "MAIL" => {
                mail.from = rest.to_owned();
                "250 ok"
            }
            "RCPT" => {
                mail.to.push(rest.to_owned());
                "250 ok"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                mail.data = data(&mut stream).await?;
                seen.send(Seen::Mail(Box::new(mail.clone()))).ok();
                "250 taken"
            }
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn data<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        if line == ".\r\n" {
            return Some(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// A push service, with TLS or without, that gives each client this answer.
fn serve_push(listener: TcpListener, tls: Option<TlsAcceptor>, answer: &'static str) -> UnboundedReceiver<Push> {
    let (seen, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (tls, seen) = (tls.clone(), seen.clone());
            tokio::spawn(async move {
                match tls {
                    Some(acceptor) => push(acceptor.accept(socket).await.ok()?, answer, &seen).await,
                    None => push(socket, answer, &seen).await,
                }
            });
        }
    });
    receiver
}

async fn push<S: AsyncRead + AsyncWrite + Unpin>(stream: S, answer: &str, seen: &UnboundedSender<Push>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut request = Push { head: String::new(), body: String::new() };
    while !request.head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut request.head).await.ok()? == 0 {
            return None;
        }
    }
    let mut body = vec![0; request.header("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).unwrap();
    seen.send(request).ok();
    stream.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.ok()
}

/// Takes connections and never says a word. Ends, and frees its port, when it is aborted.
fn black_hole(listener: TcpListener) -> (JoinHandle<()>, UnboundedReceiver<()>) {
    let (caught, receiver) = mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
            caught.send(()).ok();
        }
    });
    (task, receiver)
}

// The side under test.

fn mail(port: u16, security: Security) -> MailConfig {
    MailConfig {
        host: "localhost".into(),
        port: Some(port),
        security,
        user: None,
        password: None,
        from: "Suntank <suntank@example.org>".into(),
        to: vec!["ada@example.org".into()],
        ca_file: None,
    }
}

fn by_mail(mail: MailConfig) -> NotifyConfig {
    NotifyConfig { mail: Some(mail), ntfy: None }
}

fn by_push(url: &str) -> NotifyConfig {
    NotifyConfig { mail: None, ntfy: Some(NtfyConfig { url: url.into(), token: None, ca_file: None }) }
}

fn by_both(mail_port: u16, push_port: u16) -> NotifyConfig {
    let url = format!("http://127.0.0.1:{push_port}/tanks");
    NotifyConfig { mail: Some(mail(mail_port, Security::None)), ..by_push(&url) }
}

fn start(config: &NotifyConfig, folder: &Path) -> (Notifier, JoinHandle<()>) {
    let (notifier, worker) = notify::pair(config, BRISK).unwrap();
    (notifier, worker.start(folder.join("notify.json"), reader))
}

fn reader() -> Reader {
    Reader { time_zone: chrono_tz::America::Denver, simulated: false }
}

fn tripped(trigger: TriggerId) -> Event {
    tripped_at(trigger, NOON)
}

fn tripped_at(trigger: TriggerId, at_ms: i64) -> Event {
    let at = Some(UtcMs(at_ms));
    Event::Tripped(Trip { trigger, circuit: CircuitId::One, value: 166.24, limit: 165.0, at, at_mono_ms: 0 })
}

async fn next<T>(seen: &mut UnboundedReceiver<T>) -> T {
    timeout(PATIENCE, seen.recv()).await.expect("nothing came").unwrap()
}

/// The next mail; clients that leave without one are passed over.
async fn next_mail(seen: &mut UnboundedReceiver<Seen>) -> Mail {
    loop {
        if let Seen::Mail(mail) = next(seen).await {
            return *mail;
        }
    }
}

/// Waits until the file says that a delivery was confirmed: the worker learns of it after the server.
async fn all_told(folder: &Path) {
    let told = async {
        while !std::fs::read_to_string(folder.join("notify.json")).unwrap().contains("\"untold\":0") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("it stays untold");
}

/// Ends the worker, which then has nothing more to say: what came meanwhile.
async fn stop<T>(notifier: Notifier, worker: JoinHandle<()>, seen: &mut UnboundedReceiver<T>) -> Vec<T> {
    drop(notifier);
    timeout(PATIENCE, worker).await.expect("the worker does not end").unwrap();
    let mut rest = Vec::new();
    while let Ok(more) = seen.try_recv() {
        rest.push(more);
    }
    rest
}

/// The message's text, whatever way it was wrapped up.
fn text(mail: &Mail) -> String {
    let (head, body) = mail.data.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Transfer-Encoding: quoted-printable"), "{head}");
    let mut bytes = Vec::new();
    let mut rest = body.replace("=\r\n", "").into_bytes().into_iter();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        let hex = [rest.next().unwrap(), rest.next().unwrap()];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn check_hot(mail: &Mail) {
    assert_eq!(mail.from, "FROM:<suntank@example.org>");
    assert!(mail.data.contains("Subject: Suntank: Stopped for safety (circuit 1)\r\n"), "{}", mail.data);
    let text = text(mail);
    let sentence = "Circuit 1: water too hot at 12:00 PM MDT on Sun, Jun 21. Measured 166.2 °F, limit 165 °F. \
                    Both circuits are switched off.";
    assert!(text.starts_with(sentence), "{text}");
}

#[tokio::test]
async fn a_trip_goes_to_each_recipient_by_starttls_with_a_password() {
    let (tls, folder) = (Tls::new(), tempfile::tempdir().unwrap());
    let (listener, port) = listen().await;
    let mut seen = serve_mail(listener, Some(tls.acceptor.clone()), false);
    let config = MailConfig {
        user: Some("scott".into()),
        password: Some("tiger".into()),
        to: vec!["ada@example.org".into(), "Otto <otto@example.org>".into()],
        ca_file: tls.ca_file(),
        ..mail(port, Security::StartTls)
    };
    let (notifier, worker) = start(&by_mail(config), folder.path());
    notifier.event(&tripped(TriggerId::OverTemperature));
    let mut to = Vec::new();
    for _ in 0..2 {
        let mail = next_mail(&mut seen).await;
        assert!(mail.encrypted);
        // "\0scott\0tiger" in base64.
        assert_eq!(mail.login.as_deref(), Some("AHNjb3R0AHRpZ2Vy"));
        check_hot(&mail);
        to.extend(mail.to);
    }
    to.sort();
    assert_eq!(to, ["TO:<ada@example.org>", "TO:<otto@example.org>"]);
    assert_eq!(stop(notifier, worker, &mut seen).await, []);
}

#[tokio::test]
async fn by_tls_from_the_first_byte() {
    let (tls, folder) = (Tls::new(), tempfile::tempdir().unwrap());
    let (listener, port) = listen().await;
    let mut seen = serve_mail(listener, Some(tls.acceptor.clone()), true);
    let config = MailConfig { ca_file: tls.ca_file(), ..mail(port, Security::Tls) };
    let (notifier, _worker) = start(&by_mail(config), folder.path());
    notifier.event(&tripped(TriggerId::OverTemperature));
    let mail = next_mail(&mut seen).await;
    assert!(mail.encrypted && mail.login.is_none());
    check_hot(&mail);
}

#[tokio::test]
async fn in_the_open_where_the_owner_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, port) = listen().await;
    let mut seen = serve_mail(listener, None, false);
    let (notifier, _worker) = start(&by_mail(mail(port, Security::None)), folder.path());
    notifier.event(&tripped(TriggerId::OverTemperature));
    let mail = next_mail(&mut seen).await;
    assert!(!mail.encrypted);
    check_hot(&mail);
}

/// Three tries, none of which says more than this before it gives up.
async fn check_silent(seen: &mut UnboundedReceiver<Seen>, harmless: impl Fn(&str) -> bool) {
    for _ in 0..3 {
        match next(seen).await {
            Seen::Left(last) => assert!(harmless(&last), "{last}"),
            Seen::Mail(mail) => panic!("{mail:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_takes_starttls_away_learns_nothing() {
    let (tls, folder) = (Tls::new(), tempfile::tempdir().unwrap());
    let (listener, port) = listen().await;
    let mut seen = serve_mail(listener, None, false);
    let config = MailConfig {
        user: Some("scott".into()),
        password: Some("tiger".into()),
        ca_file: tls.ca_file(),
        ..mail(port, Security::StartTls)
    };
    let (notifier, _worker) = start(&by_mail(config), folder.path());
    notifier.event(&tripped(TriggerId::OverTemperature));
    check_silent(&mut seen, |last| last.starts_with("EHLO") || last == "QUIT").await;
}

#[tokio::test]
async fn a_server_with_another_certificate_learns_nothing() {
    let (right, wrong) = (Tls::new(), Tls::new());
    for (security, implicit) in [(Security::StartTls, false), (Security::Tls, true)] {
        let folder = tempfile::tempdir().unwrap();
        let (listener, port) = listen().await;
        let mut seen = serve_mail(listener, Some(wrong.acceptor.clone()), implicit);
        let config = MailConfig { ca_file: right.ca_file(), ..mail(port, security) };
        let (notifier, _worker) = start(&by_mail(config), folder.path());
        notifier.event(&tripped(TriggerId::OverTemperature));
        check_silent(&mut seen, |last| last.contains("alert")).await;
    }
}

#[tokio::test]
async fn a_push_message_over_tls_with_a_token() {
    let (tls, folder) = (Tls::new(), tempfile::tempdir().unwrap());
    let (listener, port) = listen().await;
    let mut seen = serve_push(listener, Some(tls.acceptor.clone()), "200 OK");
    let url = format!("https://localhost:{port}/tanks");
    let ntfy = NtfyConfig { url: url.as_str().into(), token: Some("tk_tiger".into()), ca_file: tls.ca_file() };
    let (notifier, worker) = start(&NotifyConfig { mail: None, ntfy: Some(ntfy) }, folder.path());

    notifier.event(&tripped(TriggerId::OverTemperature));
    let hot = next(&mut seen).await;
    assert!(hot.head.starts_with("POST /tanks HTTP/1.1\r\n"), "{}", hot.head);
    assert_eq!(hot.header("authorization"), Some("Bearer tk_tiger"));
    assert_eq!(hot.header("title"), Some("Suntank: Stopped for safety (circuit 1)"));
    assert_eq!((hot.header("priority"), hot.header("tags")), (Some("4"), Some("warning")));
    assert!(hot.body.contains("Measured 166.2 °F, limit 165 °F."), "{}", hot.body);

    notifier.event(&tripped(TriggerId::UnexpectedCurrent));
    let danger = next(&mut seen).await;
    assert_eq!((danger.header("priority"), danger.header("tags")), (Some("5"), Some("rotating_light")));
    assert_eq!(danger.header("title"), Some("Suntank: Danger: use the DC disconnect (circuit 1)"));
    assert!(stop(notifier, worker, &mut seen).await.is_empty());
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (elsewhere, trap) = listen().await;
    let mut trapped = serve_push(elsewhere, None, "200 OK");
    let (listener, port) = listen().await;
    let answer = Box::leak(format!("302 Found\r\nlocation: http://127.0.0.1:{trap}/trap").into_boxed_str());
    let mut seen = serve_push(listener, None, answer);
    let (notifier, worker) = start(&by_push(&format!("http://127.0.0.1:{port}/tanks")), folder.path());
    notifier.event(&tripped(TriggerId::OverTemperature));
    for _ in 0..3 {
        assert!(next(&mut seen).await.head.starts_with("POST /tanks"));
    }
    assert!(stop(notifier, worker, &mut trapped).await.is_empty());
}

#[tokio::test]
async fn a_black_hole_delays_only_its_own_messages_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, mail_port) = listen().await;
    let (hole, mut caught) = black_hole(listener);
    let (listener, push_port) = listen().await;
    let mut pushes = serve_push(listener, None, "200 OK");
    let config = by_both(mail_port, push_port);
    let (notifier, worker) = start(&config, folder.path());

    notifier.event(&tripped(TriggerId::OverTemperature));
    next(&mut caught).await;
    next(&mut pushes).await;
    next(&mut caught).await;
    hole.abort();
    assert!(hole.await.unwrap_err().is_cancelled());

    let (listener, _) = listen_at(mail_port).await;
    let mut seen = serve_mail(listener, None, false);
    check_hot(&next_mail(&mut seen).await);
    assert!(stop(notifier, worker, &mut pushes).await.is_empty(), "one push message is enough");
    assert!(seen.try_recv().is_err(), "one mail is enough");
}

#[tokio::test]
async fn what_could_not_be_told_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, port) = listen().await;
    drop(listener);
    let config = by_mail(mail(port, Security::None));
    let (notifier, worker) = start(&config, folder.path());
    for second in 0..3 {
        notifier.event(&tripped_at(TriggerId::OverTemperature, NOON + second * 1_000));
    }
    let (_nobody, mut nothing) = mpsc::unbounded_channel::<()>();
    stop(notifier, worker, &mut nothing).await;

    let (listener, _) = listen_at(port).await;
    let mut seen = serve_mail(listener, None, false);
    let (notifier, worker) = start(&config, folder.path());
    let mail = next_mail(&mut seen).await;
    check_hot(&mail);
    assert!(text(&mail).contains("It happened 3 times"), "{}", text(&mail));
    // Told, and remembered as told: neither the rest of this run nor the next one says it again.
    all_told(folder.path()).await;
    notifier.event(&tripped_at(TriggerId::OverTemperature, NOON + 9_000));
    assert_eq!(stop(notifier, worker, &mut seen).await, []);
    let (notifier, _worker) = start(&config, folder.path());
    notifier.event(&tripped(TriggerId::UnexpectedCurrent));
    assert!(next_mail(&mut seen).await.data.contains("Danger"), "only what is new");
}

#[tokio::test]
async fn the_loops_side_never_waits_and_counts_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, port) = listen().await;
    let mut seen = serve_mail(listener, None, false);
    let (notifier, worker) = notify::pair(&by_mail(mail(port, Security::None)), BRISK).unwrap();
    // Nobody takes anything yet.
    for ms in 0..10_000 {
        notifier.event(&tripped_at(TriggerId::OverTemperature, NOON + ms));
    }
    let worker = worker.start(folder.path().join("notify.json"), reader);
    check_hot(&next_mail(&mut seen).await);
    stop(notifier, worker, &mut seen).await;
    let kept = std::fs::metadata(folder.path().join("notify.json")).unwrap();
    assert!(kept.len() < 1_000, "{} bytes", kept.len());
}

#[tokio::test]
async fn a_state_folder_that_cant_be_written_keeps_nobody_from_being_told() {
    let (listener, port) = listen().await;
    let mut seen = serve_mail(listener, None, false);
    let (notifier, _worker) = start(&by_mail(mail(port, Security::None)), Path::new("/nowhere/at/all"));
    notifier.event(&tripped(TriggerId::OverTemperature));
    check_hot(&next_mail(&mut seen).await);
}

/// The real loop on the simulated plant, with a fire under tank 1 and a mail server that swallows everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trip_latches_and_the_loop_goes_on_whatever_the_mail_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, mail_port) = listen().await;
    let (_hole, mut caught) = black_hole(listener);
    let (listener, push_port) = listen().await;
    let mut pushes = serve_push(listener, None, "200 OK");
    let config = by_both(mail_port, push_port);
    let (notifier, _worker) = start(&config, folder.path());

    let plant = Plant::new(PlantConfig::default(), 1).unwrap();
    let drivers = DriverSet::open(&DriversConfig::default(), Some(plant), 1).unwrap();
    let shared = drivers.plant().unwrap();
    shared.with(|plant| plant.inject(Fault::HeatSource(CircuitId::One, 20_000.0))).unwrap();
    let now = Now { mono_ms: 0, wall: Some(UtcMs(NOON)) };
    let engine = Engine::new(Config::default(), now).unwrap();
    let (handle, side) = LoopHandle::pair(Picture { snapshot: engine.snapshot(), sequence: 0 });
    let storage = storage::open(&format!("sqlite:{}", folder.path().join("test.db").display())).await.unwrap();
    let recorder = Recorder::start(storage as _, RecorderConfig::default());
    let clock = Clock::simulated(now);
    let safeguards = Safeguards::unguarded(folder.path()).unwrap();
    let running =
        ControlLoop { engine, drivers, clock, steps_per_tick: 600, side, panel: None, recorder, notifier, safeguards }
            .spawn()
            .unwrap();

    let mut pictures = handle.subscribe();
    let tripped = pictures.wait_for(|picture| picture.snapshot.trip.is_some());
    let at_trip = timeout(PATIENCE, tripped).await.expect("no trip").unwrap().sequence;
    assert!(next(&mut pushes).await.body.starts_with("Circuit 1: "));
    next(&mut caught).await;
    // With the mail server holding its client, the loop goes on and everything is off.
    let later = pictures.wait_for(|picture| picture.sequence > at_trip + 2);
    let later = timeout(PATIENCE, later).await.expect("the loop stands").unwrap().clone();
    assert!(later.snapshot.relays.iter().all(|relay| !relay.closed));
    tokio::task::spawn_blocking(|| running.stop()).await.unwrap().unwrap();
}
