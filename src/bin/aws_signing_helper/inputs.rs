//! The values of `--certificate`, `--private-key` and `--intermediates`: a file, a variable (`env:KEY`),
//! a descriptor (`fd:3`) or standard input (`-`), so that a key need not be written to disk.

use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;

use rolesanywhere::environment::Environment;
use rolesanywhere::file;
use rolesanywhere::file::FileError;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::locator::LOCATOR_BYTES_MAX;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::output::credentials_file::profile_name::ProfileName;
use rolesanywhere::platform;
use rolesanywhere::secret::Secret;
use rolesanywhere::text::ShownName;

use crate::arguments::IdentityFlags;
use crate::error::RunError;

/// The inputs of one command line. What can be read only once is kept for the flag that names it
/// again.
pub(crate) struct Inputs<'a> {
    environment: &'a Environment,
    begin: Instant,
    held: Vec<Locator>,
}

/// The input that a name stands for.
enum Place<'a> {
    Variable(&'a str),
    StandardInput,
    Descriptor(u32),
    Path,
}

impl<'a> Inputs<'a> {
    /// Of a command that began at this time, and has [`file::STREAM_TIME_MAX`] for all it waits for.
    pub(crate) fn new(environment: &'a Environment, begin: Instant) -> Self {
        Self {
            environment,
            begin,
            held: Vec::new(),
        }
    }

    /// Where the identity is that a flag names. What is not a regular file is read now.
    pub(crate) fn locator(
        &mut self,
        flag: &'static str,
        name: PathBuf,
    ) -> Result<Locator, RunError> {
        let name = match name.as_os_str() == "fd:0" {
            true => PathBuf::from(STANDARD_INPUT),
            false => home_expanded(flag, name, self.environment)?,
        };
        if let Some(held) = self.held.iter().find(|held| held.name() == name) {
            return Ok(held.clone());
        }
        let text = name.to_string_lossy();
        let locator = match place(&text).ok_or_else(|| RunError::Input {
            flag,
            name: text.to_string(),
            why: "there is no such descriptor on this system".to_owned(),
        })? {
            Place::Path if self.is_read_again(&name) => return Ok(Locator::File(name)),
            Place::Path => self.read_file(name)?,
            Place::Variable(variable) => {
                let value = self.environment.raw(variable);
                let value = value.ok_or_else(|| RunError::Input {
                    flag,
                    name: text.to_string(),
                    why: "the variable is not set, or empty".to_owned(),
                })?;
                Locator::from_variable(&name, value.as_encoded_bytes())
            }
            Place::StandardInput => self.read(&name, platform::standard_input())?,
            Place::Descriptor(number) => {
                self.read(&name, platform::inherited_descriptor(number))?
            }
        };
        self.held.push(locator.clone());
        Ok(locator)
    }

    /// True if the path is a regular file, or cannot be looked at.
    fn is_read_again(&self, path: &Path) -> bool {
        file::is_regular(path) || path.is_dir() || !path.exists()
    }

    /// A pipe of a process substitution, for one.
    fn read_file(&self, path: PathBuf) -> Result<Locator, RunError> {
        if let Some(number) = descriptor_of(&path) {
            return self.read(&path, platform::inherited_descriptor(number));
        }
        let limit = file::STREAM_TIME_MAX.saturating_sub(self.begin.elapsed());
        held(&path, file::read_within(limit, &path, LOCATOR_BYTES_MAX))
    }

    fn read(
        &self,
        name: &Path,
        stream: io::Result<impl Read + Send + 'static>,
    ) -> Result<Locator, RunError> {
        let limit = file::STREAM_TIME_MAX.saturating_sub(self.begin.elapsed());
        let bytes = match stream {
            Ok(stream) => file::read_stream(limit, stream, name, LOCATOR_BYTES_MAX),
            Err(source) => Err(FileError::Unreadable {
                path: name.to_owned(),
                source,
            }),
        };
        held(name, bytes)
    }
}

/// What flags of an identity leave in reach of a command that is started: the variables that hold it, and
/// standard input.
pub(crate) struct Reachable {
    pub(crate) variables: Vec<OsString>,
    pub(crate) has_standard_input: bool,
}

impl Reachable {
    pub(crate) fn of(flags: &IdentityFlags) -> Self {
        let mut reachable = Self {
            variables: Vec::new(),
            has_standard_input: false,
        };
        let paths = [&flags.certificate, &flags.private_key, &flags.intermediates];
        for path in paths.into_iter().flatten() {
            match place(&path.to_string_lossy()) {
                Some(Place::Variable(name)) => reachable.variables.push(name.into()),
                Some(Place::StandardInput | Place::Descriptor(0)) => {
                    reachable.has_standard_input = true;
                }
                Some(Place::Path) if descriptor_of(path) == Some(0) => {
                    reachable.has_standard_input = true;
                }
                Some(Place::Descriptor(_) | Place::Path) | None => {}
            }
        }
        reachable
    }
}

/// What the name in a path's place stands for, for another process that runs later.
pub(crate) enum LaterInput {
    /// A file at this path.
    File,
    /// A variable.
    Variable,
    /// A stream that is gone by then.
    Gone,
}

impl LaterInput {
    pub(crate) fn of(name: &Path) -> Self {
        match place(&name.to_string_lossy()) {
            Some(Place::Variable(_)) => Self::Variable,
            Some(Place::Path) if descriptor_of(name).is_none() => Self::File,
            Some(_) | None => Self::Gone,
        }
    }
}

/// The path that a flag names, with the user's home directory in place of `~`. botocore starts a
/// `credential_process` without a shell that would do so.
pub(crate) fn home_expanded(
    flag: &'static str,
    path: PathBuf,
    environment: &Environment,
) -> Result<PathBuf, RunError> {
    let name = path.to_string_lossy().into_owned();
    environment
        .expand_home(path)
        .map_err(|error| RunError::Input {
            flag,
            name,
            why: format!("{} is not set", error.variable),
        })
}

/// As [`home_expanded`], for a file or folder that may be created.
pub(crate) fn created_path(
    flag: &'static str,
    path: PathBuf,
    environment: &Environment,
) -> Result<PathBuf, RunError> {
    refuse_content(flag, &path)?;
    home_expanded(flag, path, environment)
}

/// The profile that a flag names, `default` without one.
pub(crate) fn profile(flag: Option<String>) -> Result<ProfileName, RunError> {
    let name = flag.filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
    name.parse()
        .map_err(|source| RunError::Profile { name, source })
}

/// Refuses what looks like a key or password in the place of a path: it would be put on disk as a name.
pub(crate) fn refuse_content(flag: &'static str, path: &Path) -> Result<(), RunError> {
    match ShownName::of(path).is_hidden() {
        true => Err(RunError::Input {
            flag,
            name: path.to_string_lossy().into_owned(),
            why: "it is not a path".to_owned(),
        }),
        false => Ok(()),
    }
}

/// `None` for a descriptor that cannot be.
fn place(name: &str) -> Option<Place<'_>> {
    Some(match name.split_once(':') {
        Some(("env", variable)) => Place::Variable(variable),
        Some(("fd", number)) => Place::Descriptor(number.parse().ok()?),
        _ if name == STANDARD_INPUT => Place::StandardInput,
        _ => Place::Path,
    })
}

/// The descriptor behind a path that the kernel makes up.
fn descriptor_of(path: &Path) -> Option<u32> {
    let path = path.to_str()?;
    match DESCRIPTOR_FOLDERS
        .iter()
        .find_map(|folder| path.strip_prefix(folder))
    {
        Some(number) => number.parse().ok(),
        None => (path == "/dev/stdin").then_some(0),
    }
}

fn held(name: &Path, bytes: Result<Secret<Vec<u8>>, FileError>) -> Result<Locator, RunError> {
    bytes
        .map(|bytes| Locator::held(name, bytes))
        .map_err(|error| RunError::Identity(IdentityError::File(error)))
}

const DEFAULT_PROFILE: &str = "default";

const STANDARD_INPUT: &str = "-";

const DESCRIPTOR_FOLDERS: [&str; 2] = ["/dev/fd/", "/proc/self/fd/"];
