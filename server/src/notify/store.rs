//! The file that lets a restart forget nobody: what each recipient still has to be told.
//!
//! It is replaced whole or not at all. It is small, holds no passwords, and only its owner can read it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::queue::SavedCause;

/// A file longer than this is not ours.
const LONGEST: u64 = 1 << 20;

/// The file's content.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    /// Host time, UTC milliseconds.
    pub(super) saved_ms: i64,
    /// The causes of each channel, by its name.
    pub(super) channels: BTreeMap<String, Vec<SavedCause>>,
}

/// Reads the file; without one, nothing is to be told.
///
/// # Errors
/// When it can't be read or is not what [`write`] wrote.
pub(super) fn read(path: &Path) -> io::Result<Saved> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Saved::default()),
        file => file?,
    };
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

/// Replaces the file, and returns once that survives a power cut.
///
/// # Errors
/// When it can't be written; the old one is still there then.
pub(super) fn write(path: &Path, saved: &Saved) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(&serde_json::to_vec(saved)?)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_was_written_is_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify.json");
        assert_eq!(read(&path).unwrap(), Saved::default());
        let saved = Saved { saved_ms: 7, channels: BTreeMap::from([("ntfy".to_owned(), vec![])]) };
        write(&path, &saved).unwrap();
        assert_eq!(read(&path).unwrap(), saved);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_cut_at_any_byte_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify.json");
        let saved = Saved { saved_ms: 7, channels: BTreeMap::from([("ntfy".to_owned(), vec![])]) };
        let whole = serde_json::to_vec(&saved).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(read(&path).is_err(), "{length}");
        }
    }
}
