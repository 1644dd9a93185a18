//! The example `credentials_file`, as a process that updates a file.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::program::built;

/// The program.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built(&["--example", "credentials_file"]))
}

/// A folder with a file to update, and the documents that are written into it, one after the other.
pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    /// A new folder in `parent`, with this file.
    pub(crate) fn new(parent: &Path, file: &str) -> Self {
        let folder = TempDir::new_in(parent).unwrap();
        fs::create_dir(folder.path().join(".aws")).unwrap();
        let scene = Self { folder };
        fs::write(scene.file(), file).unwrap();
        scene
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join(".aws")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("credentials")
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder().join(".credentials.aws_signing_helper.tmp")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.folder().join(".credentials.aws_signing_helper.lock")
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// True if the folder only holds the file and its lock.
    pub(crate) fn is_tidy(&self) -> bool {
        let names = fs::read_dir(self.folder()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
        names
            .iter()
            .all(|path| [self.file(), self.lock()].contains(path))
    }

    /// Makes `command` write `rounds` sets of numbered credentials.
    pub(crate) fn arrange(&self, command: &mut Command, profile: &str, rounds: usize) {
        let documents = self.folder.path().join(format!("{profile}.json"));
        let lines: Vec<_> = (0..rounds)
            .map(|round| {
                let line = serde_json::json!({
                    "AccessKeyId": format!("ASIA{round}"),
                    "SecretAccessKey": format!("secret{round}"),
                    "SessionToken": format!("token{round}"),
                    "Expiration": "2030-01-01T00:00:00Z",
                });
                format!("{line}\n")
            })
            .collect();
        fs::write(&documents, lines.concat()).unwrap();
        command
            .arg(self.file())
            .arg(profile)
            .stdin(File::open(documents).unwrap());
    }
}

/// The three lines of a round.
#[cfg(target_os = "linux")]
pub(crate) fn lines(round: usize) -> String {
    format!(
        "aws_access_key_id = ASIA{round}\naws_secret_access_key = secret{round}\n\
         aws_session_token = token{round}\n"
    )
}
