//! What `--certificate`, `--private-key` and `--intermediates` name: a file, a variable (`env:KEY`), a
//! descriptor (`fd:3`) or standard input (`-`), so that a key need not be written to disk.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use rolesanywhere::environment::Environment;
use rolesanywhere::file;
use rolesanywhere::file::FileError;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::locator::LOCATOR_BYTES_MAX;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::platform;

use crate::error::RunError;

/// The inputs of one command line. What can be read only once is kept for the flag that names it
/// again.
pub(crate) struct Inputs<'a> {
    environment: &'a Environment,
    held: Vec<Locator>,
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            held: Vec::new(),
        }
    }

    /// What a flag names.
    pub(crate) fn locator(
        &mut self,
        flag: &'static str,
        name: PathBuf,
    ) -> Result<Locator, RunError> {
        let text = name.to_string_lossy();
        let name = match text.as_ref() {
            "fd:0" => PathBuf::from(STANDARD_INPUT),
            _ => name.clone(),
        };
        if let Some(held) = self.held.iter().find(|held| held.name() == name) {
            return Ok(held.clone());
        }
        let locator = if let Some(variable) = text.strip_prefix("env:") {
            let value = self.environment.raw(variable).ok_or(RunError::Input {
                flag,
                name: text.to_string(),
                why: "the variable is not set, or empty",
            })?;
            Locator::from_variable(name, value.as_encoded_bytes())
        } else if name == Path::new(STANDARD_INPUT) {
            match platform::standard_input() {
                Ok(mut input) => read(&mut input, name)?,
                Err(source) => return Err(unreadable(name, source)),
            }
        } else if let Some(number) = text.strip_prefix("fd:") {
            let path = number.parse().ok().and_then(platform::descriptor_path);
            let path = path.ok_or(RunError::Input {
                flag,
                name: text.to_string(),
                why: "there is no such descriptor on this system",
            })?;
            match File::open(path) {
                Ok(mut file) => read(&mut file, name)?,
                Err(source) => return Err(unreadable(name, source)),
            }
        } else {
            return Ok(Locator::File(name));
        };
        self.held.push(locator.clone());
        Ok(locator)
    }
}

fn read(stream: &mut impl Read, name: PathBuf) -> Result<Locator, RunError> {
    let bytes = file::read_stream(stream, &name, LOCATOR_BYTES_MAX)
        .map_err(|error| RunError::Identity(IdentityError::File(error)))?;
    Ok(Locator::held(name, bytes))
}

fn unreadable(path: PathBuf, source: io::Error) -> RunError {
    RunError::Identity(IdentityError::File(FileError::Unreadable { path, source }))
}

const STANDARD_INPUT: &str = "-";
