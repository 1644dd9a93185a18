//! The values of `--certificate`, `--private-key` and `--intermediates`: a file, a variable (`env:KEY`),
//! a descriptor (`fd:3`) or standard input (`-`), so that a key need not be written to disk.

use std::ffi::OsString;
use std::io;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rolesanywhere::environment::Environment;
use rolesanywhere::file;
use rolesanywhere::file::FileError;
use rolesanywhere::identity::error::IdentityError;
use rolesanywhere::identity::locator::LOCATOR_BYTES_MAX;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::pkcs11::Modules;
use rolesanywhere::identity::pkcs11::TokenChoices;
use rolesanywhere::identity::pkcs11::TokenPlace;
use rolesanywhere::identity::pkcs11::uri::Pkcs11Uri;
use rolesanywhere::identity::selector::CertSelector;
use rolesanywhere::identity::watch::Watch;
use rolesanywhere::output::credentials_file::profile_name::ProfileName;
use rolesanywhere::platform;
use rolesanywhere::secret::Secret;
use rolesanywhere::text::ShownName;

use crate::arguments::call::CallFlags;
use crate::arguments::identity::IdentityFlags;
use crate::arguments::role_chain::is_inline_policy;
use crate::error::RunError;

/// The inputs of one command line. What can be read only once is kept for the flag that names it
/// again.
pub(crate) struct Inputs<'a> {
    environment: &'a Environment,
    begin: Instant,
    held: Vec<Locator>,
    modules: Modules,
    choices: TokenChoices,
}

/// The input that a name stands for.
enum Place<'a> {
    Variable(&'a str),
    StandardInput,
    Descriptor(u32),
    /// A persistent key in a TPM.
    Handle(u32),
    Path,
}

impl<'a> Inputs<'a> {
    /// Of a command that began at this time, and has [`file::STREAM_TIME_MAX`] for all it waits for.
    pub(crate) fn new(environment: &'a Environment, begin: Instant) -> Self {
        Self {
            environment,
            begin,
            held: Vec::new(),
            modules: Modules::new(None, environment.raw(MODULE_VARIABLE).map(PathBuf::from)),
            choices: TokenChoices::default(),
        }
    }

    /// With what flags say of tokens.
    pub(crate) fn with_tokens(
        mut self,
        library: Option<PathBuf>,
        choices: TokenChoices,
    ) -> Result<Self, RunError> {
        let library = library.filter(|path| !path.as_os_str().is_empty());
        let library = library
            .map(|path| home_expanded("pkcs11-lib", path, self.environment))
            .transpose()?;
        self.modules.flag = library;
        self.choices = choices;
        Ok(self)
    }

    /// With what is taken note of for `--debug`.
    pub(crate) fn watched(mut self, watch: Watch) -> Self {
        self.modules.watch = watch;
        self
    }

    /// The object on a token that a flag names, if it names one.
    pub(crate) fn token_place(
        &self,
        flag: &'static str,
        name: &Path,
    ) -> Result<Option<TokenPlace>, RunError> {
        let text = name.to_string_lossy();
        if !Pkcs11Uri::is_uri(&text) {
            return Ok(None);
        }
        let uri = Pkcs11Uri::parse(&text).map_err(|source| RunError::Pkcs11Uri {
            flag,
            uri: Pkcs11Uri::without_pin(&text),
            source,
        })?;
        let module = self.modules.of(&uri);
        Ok(Some(TokenPlace::new(uri, module, self.choices)))
    }

    /// Where the identity is that a flag names. What is not a regular file is read now.
    pub(crate) fn locator(
        &mut self,
        flag: &'static str,
        name: PathBuf,
    ) -> Result<Locator, RunError> {
        if let Some(place) = self.token_place(flag, &name)? {
            return Ok(Locator::Pkcs11(Arc::new(place)));
        }
        let name = match name.as_os_str() == STANDARD_INPUT_BY_NUMBER {
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
            why: "it names no descriptor or TPM handle; fd:3 and handle:0x81000101 are such"
                .to_owned(),
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
            Place::Handle(handle) => Locator::Tpm { name, handle },
            Place::StandardInput => self.read_stream(&name, platform::standard_input())?,
            Place::Descriptor(number) => {
                self.read_stream(&name, platform::inherited_descriptor(number))?
            }
        };
        self.held.push(locator.clone());
        Ok(locator)
    }

    /// The bytes of the input that a flag names, read now.
    pub(crate) fn read(
        mut self,
        flag: &'static str,
        name: PathBuf,
    ) -> Result<Arc<Secret<Vec<u8>>>, RunError> {
        let limit = file::STREAM_TIME_MAX.saturating_sub(self.begin.elapsed());
        match self.locator(flag, name)? {
            Locator::File(path) => file::read_within(limit, &path, LOCATOR_BYTES_MAX).map(Arc::new),
            held => held.read(),
        }
        .map_err(|error| RunError::Identity(IdentityError::File(error)))
    }

    /// True if the path is a regular file, or cannot be looked at.
    fn is_read_again(&self, path: &Path) -> bool {
        file::is_regular(path) || path.is_dir() || !path.exists()
    }

    /// A pipe of a process substitution, for one.
    fn read_file(&self, path: PathBuf) -> Result<Locator, RunError> {
        if let Some(number) = descriptor_of(&path) {
            return self.read_stream(&path, platform::inherited_descriptor(number));
        }
        let limit = file::STREAM_TIME_MAX.saturating_sub(self.begin.elapsed());
        held(&path, file::read_within(limit, &path, LOCATOR_BYTES_MAX))
    }

    fn read_stream(
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

/// An input that a flag names.
pub(crate) struct NamedInput<'a> {
    pub(crate) flag: &'static str,
    pub(crate) name: &'a Path,
    pub(crate) reader: Reader,
}

/// The way in which the inputs of a flag are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// By one [`Inputs`]: a stream that two flags name is read once, for both.
    Identity,
    /// As the file of a password. A pipe is read once, for all flags that name it.
    Password,
    /// By itself.
    Alone,
}

impl NamedInput<'_> {
    /// The descriptor that is read, if it is one.
    fn descriptor(&self) -> Option<u32> {
        match place(&self.name.to_string_lossy()) {
            // A file of this name.
            Some(Place::StandardInput | Place::Descriptor(_))
                if self.reader == Reader::Password =>
            {
                None
            }
            Some(Place::StandardInput) => Some(0),
            Some(Place::Descriptor(number)) => Some(number),
            Some(Place::Path) => descriptor_of(self.name),
            Some(Place::Variable(_) | Place::Handle(_)) | None => None,
        }
    }

    fn is_read_with(&self, other: &NamedInput<'_>) -> bool {
        let is_same = self.name == other.name
            || [self, other].iter().all(|input| {
                let name = input.name.as_os_str();
                name == STANDARD_INPUT || name == STANDARD_INPUT_BY_NUMBER
            });
        self.reader == other.reader && self.reader != Reader::Alone && is_same
    }
}

impl IdentityFlags {
    /// The inputs that the flags name.
    pub(crate) fn inputs(&self) -> Vec<NamedInput<'_>> {
        let passwords = &self.passwords;
        let selector = self.store.cert_selector.as_deref();
        let selector =
            selector.and_then(|selector| CertSelector::file_named_by(selector.to_str()?));
        let path = Option::<PathBuf>::as_deref;
        let (identity, password) = (Reader::Identity, Reader::Password);
        let inputs = [
            ("certificate", path(&self.certificate), identity),
            ("private-key", path(&self.private_key), identity),
            ("intermediates", path(&self.intermediates), identity),
            (
                "pkcs8-password-file",
                path(&passwords.pkcs8_password_file),
                password,
            ),
            (
                "pkcs12-password-file",
                path(&passwords.pkcs12_password_file),
                password,
            ),
            (
                "tpm-key-password-file",
                path(&passwords.tpm_key_password_file),
                password,
            ),
            (
                "pkcs11-pin-file",
                path(&passwords.pins.pkcs11_pin_file),
                password,
            ),
            ("cert-selector", selector, Reader::Alone),
        ];
        inputs
            .into_iter()
            .filter_map(|(flag, name, reader)| name.map(|name| NamedInput { flag, name, reader }))
            .collect()
    }
}

impl CallFlags {
    /// The inputs that the flags name.
    pub(crate) fn inputs(&self) -> Vec<NamedInput<'_>> {
        let mut inputs = self.identity.inputs();
        let policy = self.role_chain.session_policy.as_deref();
        let policy = policy.filter(|policy| !is_inline_policy(policy));
        inputs.extend(policy.map(|policy| NamedInput {
            flag: "session-policy",
            name: Path::new(policy),
            reader: Reader::Alone,
        }));
        inputs
    }
}

/// Refuses two flags that would each read the same stream to its end. To be called before any of them is read.
pub(crate) fn refuse_shared_streams(named: &[NamedInput<'_>]) -> Result<(), RunError> {
    for (index, other) in named.iter().enumerate() {
        // A regular file is read from its begin each time.
        let is_stream = |number: &u32| !file::is_regular(Path::new(&format!("/dev/fd/{number}")));
        let Some(descriptor) = other.descriptor().filter(is_stream) else {
            continue;
        };
        let mut before = named.iter().take(index);
        let one =
            before.find(|one| one.descriptor() == Some(descriptor) && !one.is_read_with(other));
        if let Some(one) = one {
            return Err(RunError::SharedStream {
                one: one.flag,
                other: other.flag,
                descriptor,
            });
        }
    }
    Ok(())
}

/// What flags of an identity leave in reach of a command that is started: the variables that hold it, and
/// the descriptors that it or a password is read from.
pub(crate) struct Reachable {
    pub(crate) variables: Vec<OsString>,
    pub(crate) descriptors: Vec<u32>,
}

impl Reachable {
    pub(crate) fn of(flags: &IdentityFlags) -> Self {
        let inputs = flags.inputs();
        let variables = inputs.iter().filter_map(|input| {
            let name = input.name.to_string_lossy();
            match place(&name) {
                Some(Place::Variable(name)) if input.reader == Reader::Identity => {
                    Some(OsString::from(name))
                }
                _ => None,
            }
        });
        let pins = inputs.iter().filter_map(|input| {
            let uri = Pkcs11Uri::parse(&input.name.to_string_lossy()).ok()?;
            descriptor_of(uri.pin_source()?)
        });
        let descriptors = inputs.iter().filter_map(NamedInput::descriptor);
        Self {
            descriptors: descriptors.chain(pins).collect(),
            variables: variables.collect(),
        }
    }
}

/// What the name in a path's place stands for, for another process that runs later.
pub(crate) enum LaterInput {
    /// A file at this path.
    File,
    /// A variable, or a key in a TPM.
    Variable,
    /// An object on a token.
    Token,
    /// A stream that is gone by then.
    Gone,
}

impl LaterInput {
    pub(crate) fn of(name: &Path) -> Self {
        let text = name.to_string_lossy();
        match place(&text) {
            Some(Place::Variable(_) | Place::Handle(_)) => Self::Variable,
            _ if Pkcs11Uri::is_uri(&text) => Self::Token,
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

/// `None` for a descriptor or handle that cannot be.
fn place(name: &str) -> Option<Place<'_>> {
    Some(match name.split_once(':') {
        Some(("env", variable)) => Place::Variable(variable),
        Some(("fd", number)) => Place::Descriptor(number.parse().ok()?),
        // Hexadecimal, also without 0x.
        Some(("handle", handle)) => {
            let digits = handle.strip_prefix("0x").or(handle.strip_prefix("0X"));
            let handle = u32::from_str_radix(digits.unwrap_or(handle), 16).ok()?;
            PERSISTENT_HANDLES
                .contains(&handle)
                .then_some(Place::Handle(handle))?
        }
        _ if name == STANDARD_INPUT => Place::StandardInput,
        _ => Place::Path,
    })
}

/// The descriptor behind a path that the kernel makes up.
fn descriptor_of(path: &Path) -> Option<u32> {
    let own = format!("/proc/{}/fd", std::process::id());
    let mut folders = DESCRIPTOR_FOLDERS.into_iter().chain([own.as_str()]);
    match folders.find_map(|folder| path.strip_prefix(folder).ok()) {
        Some(number) => number.to_str()?.parse().ok(),
        None => (path == Path::new("/dev/stdin")).then_some(0),
    }
}

fn held(name: &Path, bytes: Result<Secret<Vec<u8>>, FileError>) -> Result<Locator, RunError> {
    bytes
        .map(|bytes| Locator::held(name, bytes))
        .map_err(|error| RunError::Identity(IdentityError::File(error)))
}

/// Names the module where neither a flag nor a URI does; OpenSSL's provider for PKCS#11 reads it too.
const MODULE_VARIABLE: &str = "PKCS11_MODULE_PATH";

/// `TPM_HT_PERSISTENT`
const PERSISTENT_HANDLES: RangeInclusive<u32> = 0x8100_0000..=0x81ff_ffff;

const DEFAULT_PROFILE: &str = "default";

const STANDARD_INPUT: &str = "-";
const STANDARD_INPUT_BY_NUMBER: &str = "fd:0";

const DESCRIPTOR_FOLDERS: [&str; 3] = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];
