//! How late the control loop's ticks begin: idle, and under loads that a Pi should never see, side by side in one
//! run. Each row is a fresh Suntank on the simulated plant for so many seconds (`SECONDS`, 20 by default).
//!
//! Run it with `make bench`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Connections that share a load.
const CONNECTIONS: u64 = 8;

/// Something that goes on while the loop runs; it gets the address, the state folder and the word to stop, and
/// tells how often it did what it does.
type Load = fn(&str, &Path, &AtomicBool) -> u64;

fn main() {
    // Whoever runs all targets as tests means the tests.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let seconds = std::env::var("SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let rows: [(&str, Load); 4] = [
        ("idle", |_, _, _| 0),
        ("1000 requests/s", |address, _, stop| paced(address, stop, 1_000, "GET /api/v1/status", "")),
        ("500 logins/s", |address, _, stop| {
            paced(address, stop, 500, "POST /api/v1/session", r#"{"name":"owner","password":"not-the-password"}"#)
        }),
        ("locked database", lock_database),
    ];
    for (name, load) in rows {
        let (lateness, done) = measure(Duration::from_secs(seconds), load);
        println!("{name:16} {lateness} ({done} done)");
    }
}

/// Runs Suntank under a load and gives what its loop says at the end.
fn measure(length: Duration, load: Load) -> (String, u64) {
    let state = tempfile::tempdir().unwrap();
    let mut suntank = Command::new(env!("CARGO_BIN_EXE_suntank"))
        .args(["run", "--demo", "--start", "2026-06-21T17:00:00Z", "--listen", "127.0.0.1:0", "--state"])
        .arg(state.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(suntank.stdout.take().unwrap()).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("http://")?.1.to_owned()))
        .expect("Suntank says where it is");
    let mut errors = suntank.stderr.take().unwrap();
    let said = thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).unwrap();
        text
    });

    let stop = Arc::new(AtomicBool::new(false));
    let worker = {
        let (stop, folder) = (Arc::clone(&stop), state.path().to_owned());
        thread::spawn(move || load(&address, &folder, &stop))
    };
    thread::sleep(length);
    stop.store(true, Ordering::Relaxed);
    let done = worker.join().unwrap();
    Command::new("kill").arg(suntank.id().to_string()).status().unwrap();
    suntank.wait().unwrap();
    let text = said.join().unwrap();
    let lateness = text.lines().find_map(|line| Some(line.split_once("control loop: ")?.1.to_owned()));
    (lateness.unwrap_or(text), done)
}

/// So many requests a second over a few connections; what can't be done in time is left out. Gives how many were
/// answered.
fn paced(address: &str, stop: &AtomicBool, a_second: u64, request: &str, body: &str) -> u64 {
    let answered = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let pause = Duration::from_micros(1_000_000 * CONNECTIONS / a_second);
                let mut next = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    if ask(address, request, body).is_ok() {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    next = (next + pause).max(Instant::now());
                    thread::sleep(next - Instant::now());
                }
            });
        }
    });
    answered.into_inner()
}

/// One request on a connection of its own, answered to its end.
fn ask(address: &str, request: &str, body: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    std::io::copy(&mut stream, &mut std::io::sink()).map(drop)
}

/// Holds the database's write lock all the while, in a process of its own.
fn lock_database(_: &str, state: &Path, stop: &AtomicBool) -> u64 {
    let code = "import sqlite3,sys\n\
                c=sqlite3.connect(sys.argv[1],isolation_level=None)\n\
                c.execute('BEGIN EXCLUSIVE')\n\
                sys.stdin.read()";
    let mut locker = Command::new("python3")
        .args(["-c", code])
        .arg(state.join("suntank.db"))
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3 holds the lock");
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(50));
    }
    drop(locker.stdin.take());
    u64::from(locker.wait().unwrap().success())
}
