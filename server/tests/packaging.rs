//! The systemd unit: it is correct, hardened, and says what the safety case counts on. Skipped where there is no
//! `systemd-analyze`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::{Command, Output};

const UNIT: &str = include_str!("../../packaging/suntank.service");
/// Exposure as systemd counts it, from 0 (none) to 100.
const THRESHOLD: &str = "--threshold=40";

/// Lets `systemd-analyze` judge the unit with the program that was built here.
fn analyze(arguments: &[&str]) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("suntank.service");
    let text = UNIT.replace("/usr/local/bin/suntank", env!("CARGO_BIN_EXE_suntank"));
    std::fs::write(&unit, text).unwrap();
    match Command::new("systemd-analyze").args(arguments).arg(&unit).output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: systemd-analyze: {error}");
            None
        }
    }
}

#[test]
fn the_unit_is_correct() {
    let Some(output) = analyze(&["verify", "--man=no"]) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("suntank.service"), "{said}");
}

#[test]
fn the_unit_is_hardened() {
    let Some(output) = analyze(&["security", "--offline=true", "--no-pager", THRESHOLD]) else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{}", said.lines().last().unwrap_or_default());
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_unit_says_what_the_safety_case_counts_on() {
    let lines: Vec<&str> = UNIT.lines().collect();
    for line in [
        "Type=notify",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "WatchdogSec=4",
        "WatchdogSignal=SIGKILL",
        "KillMode=control-group",
        "ExecStopPost=/usr/local/bin/suntank relays-off --state /var/lib/suntank",
    ] {
        assert!(lines.contains(&line), "{line}");
    }
    let state = Path::new("/var/lib/suntank");
    let start = lines.iter().find(|line| line.starts_with("ExecStart=")).unwrap();
    assert!(start.contains(&format!("--state {}", state.display())), "{start}");
}
