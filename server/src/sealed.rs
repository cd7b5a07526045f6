//! Small files that must be whole or not count: each is written to a draft beside it, flushed to the disk, put in
//! its place by a rename, and the folder flushed too. A seal over the content shows what a broken disk has changed.
//!
//! A draft that was left behind shows that a write was cut off; what that means is for the reader to say.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// No file of this kind is longer.
const MAX_LENGTH: u64 = 1 << 20;

/// Why a file does not count.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not there.
    #[error("{0} is missing")]
    Missing(PathBuf),
    /// The file system does not give it.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// It was cut off, changed, or is no file of this kind.
    #[error("{0} is damaged")]
    Damaged(PathBuf),
    /// Its last write was cut off before the new content was in place.
    #[error("{0} was being written when the program or the power went away")]
    CutOff(PathBuf),
}

/// The file as it stands on the disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    /// CRC-32 of `content`, byte for byte.
    seal: u32,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// Writes the file whole and returns when it is on the disk.
///
/// # Errors
/// The file system's; the old content is in place then, and perhaps a draft beside it.
pub fn write<T: Serialize + ?Sized>(path: &Path, content: &T) -> std::io::Result<()> {
    let content = serde_json::value::to_raw_value(content)?;
    let envelope = Envelope { seal: crc32fast::hash(content.get().as_bytes()), content: &content };
    let draft = draft_of(path);
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
    serde_json::to_writer(&mut file, &envelope)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path)
}

/// Reads the file if it is whole and no later write was cut off.
///
/// # Errors
/// [`Unreadable`].
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Unreadable> {
    match fs::symlink_metadata(draft_of(path)) {
        Ok(_) => Err(Unreadable::CutOff(path.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => read_present(path),
        Err(error) => Err(Unreadable::Io(path.into(), error)),
    }
}

/// Reads the newest content that is in place and whole, whether or not a later write was cut off.
///
/// # Errors
/// [`Unreadable`], never [`Unreadable::CutOff`].
pub fn read_present<T: DeserializeOwned>(path: &Path) -> Result<T, Unreadable> {
    let io = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Unreadable::Missing(path.into()),
        _ => Unreadable::Io(path.into(), error),
    };
    if fs::metadata(path).map_err(io)?.len() > MAX_LENGTH {
        return Err(Unreadable::Damaged(path.into()));
    }
    let text = fs::read(path).map_err(io)?;
    unseal(&text).ok_or_else(|| Unreadable::Damaged(path.into()))
}

/// Leaves a draft beside the file, as a write that was cut off would: from now on [`read`] refuses it.
///
/// # Errors
/// The file system's.
pub fn mark_cut_off(path: &Path) -> std::io::Result<()> {
    File::create(draft_of(path))?.sync_all()?;
    sync_folder(path)
}

fn unseal<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let whole = text.strip_suffix(b"\n")?;
    let envelope: Envelope<'_> = serde_json::from_slice(whole).ok()?;
    let content = envelope.content.get();
    (crc32fast::hash(content.as_bytes()) == envelope.seal).then_some(())?;
    serde_json::from_str(content).ok()
}

fn draft_of(path: &Path) -> PathBuf {
    path.with_extension("draft")
}

/// A rename is on the disk only after its folder is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_draft_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        assert!(matches!(read::<Vec<u8>>(&path), Err(Unreadable::Missing(_))));
        write(&path, &vec![1, 2, 3]).unwrap();
        write(&path, &vec![4]).unwrap();
        assert_eq!(read::<Vec<u8>>(&path).unwrap(), [4]);
        assert!(!draft_of(&path).exists());
    }

    #[test]
    fn cut_at_any_byte_or_changed_in_any_bit_it_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, &("over_temperature", 171.25)).unwrap();
        let whole = fs::read(&path).unwrap();
        assert!(unseal::<(String, f64)>(&whole).is_some());
        for length in 0..whole.len() {
            assert!(unseal::<(String, f64)>(&whole[..length]).is_none(), "cut at {length}");
        }
        for bit in 0..8 * whole.len() {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<(String, f64)>(&changed).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_draft_left_behind_is_a_write_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, &1).unwrap();
        mark_cut_off(&path).unwrap();
        assert!(matches!(read::<u8>(&path), Err(Unreadable::CutOff(_))));
        assert_eq!(read_present::<u8>(&path).unwrap(), 1);
        write(&path, &2).unwrap();
        assert_eq!(read::<u8>(&path).unwrap(), 2);
    }
}
