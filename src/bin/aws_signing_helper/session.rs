//! [`Session`]: one session as the command line describes it, ready to be asked for again and again.

use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use std::time::Instant;

use ring::rand::SecureRandom;
use ring::rand::SystemRandom;
use rolesanywhere::Client;
use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::IdentitySource;
use rolesanywhere::arn::ArnError;
use rolesanywhere::arn::Region;
use rolesanywhere::cache::key::CacheKey;
use rolesanywhere::cache::key::Question;
use rolesanywhere::clock::Clock;
use rolesanywhere::create_session::ClientSettings;
use rolesanywhere::create_session::Event;
use rolesanywhere::create_session::endpoint::Endpoint;
use rolesanywhere::create_session::proxy::Proxy;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::create_session::retry;
use rolesanywhere::create_session::trust_roots::TrustRoots;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::FilesVersion;
use rolesanywhere::identity::error::IdentityError;
use tokio::runtime::Runtime;

use crate::arguments::CallFlags;
use crate::arguments::IdentityFlags;
use crate::arguments::SessionFlags;
use crate::debug;
use crate::error::RunError;
use crate::hint::Asked;
use crate::hint::hint;
use crate::inputs::Inputs;
use crate::passwords::Passwords;
use crate::report;

/// What is asked for, of whom, by whom.
pub(crate) struct Session {
    source: IdentitySource,
    passwords: Passwords,
    call: Call,
}

/// What is asked for, and of whom.
struct Call {
    begin: Instant,
    is_debug: bool,
    request: CreateSessionRequest,
    region: Region,
    endpoint: Endpoint,
    proxy: Option<Proxy>,
    is_proxy_unused: bool,
    trust_roots: TrustRoots,
    attempts_max: u32,
}

impl Session {
    /// From the flags. Nothing is read of the identity yet but what can be read only once.
    pub(crate) fn new(
        flags: CallFlags,
        is_debug: bool,
        environment: &Environment,
    ) -> Result<Self, RunError> {
        let begin = Instant::now();
        let request = request(flags.session)?;
        let region = region(flags.network.region.as_deref(), &request)?;
        let (source, passwords) = identity_source(flags.identity, environment)?;
        let endpoint = flags
            .network
            .endpoint
            .filter(|endpoint| !endpoint.is_empty());
        let endpoint = Endpoint::resolve(endpoint.as_deref(), &region, environment)
            .map_err(RunError::Endpoint)?;
        let on_the_way = Proxy::on_the_way_to(&endpoint, environment);
        let (proxy, is_proxy_unused) = match flags.network.with_proxy {
            Some(true) => (on_the_way.map_err(RunError::Proxy)?, false),
            Some(false) | None => (None, matches!(on_the_way, Ok(Some(_)))),
        };
        let call = Call {
            begin,
            is_debug,
            request,
            region,
            endpoint,
            proxy,
            is_proxy_unused,
            trust_roots: match flags.network.no_verify_ssl {
                Some(true) => TrustRoots::Unverified,
                Some(false) | None => TrustRoots::resolve(environment),
            },
            attempts_max: retry::attempts_max(environment).map_err(RunError::Retry)?,
        };
        Ok(Self {
            source,
            passwords,
            call,
        })
    }

    /// Whether `--debug` was given.
    pub(crate) fn is_debug(&self) -> bool {
        self.call.is_debug
    }

    /// The name of its answer in a cache; `None` if that is not to be kept.
    pub(crate) fn cache_key(&self) -> Result<Option<CacheKey>, RunError> {
        CacheKey::of(&Question {
            source: &self.source,
            request: &self.call.request,
            region: &self.call.region,
            endpoint: &self.call.endpoint,
            proxy: self.call.proxy.as_ref(),
            trust_roots: &self.call.trust_roots,
        })
        .map_err(|error| RunError::Identity(IdentityError::File(error)))
    }

    /// Reads the identity.
    pub(crate) fn open(&self) -> Result<Identity, RunError> {
        let begin = Instant::now();
        let identity = self
            .source
            .open(&self.passwords)
            .map_err(RunError::Identity)?;
        if self.call.is_debug {
            let after = debug::milliseconds(begin.elapsed());
            report::line(&format!("debug: identity read in {after}"));
            if let Some(exposure) = debug::exposure(&self.source) {
                report::line(&format!("debug: {exposure}"));
            }
        }
        Ok(identity)
    }

    /// How the identity's files are now.
    pub(crate) fn version(&self) -> FilesVersion {
        self.source.version()
    }

    /// What of the identity is read only once.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Path> {
        self.source.held()
    }

    /// The role.
    pub(crate) fn role_arn(&self) -> &str {
        self.call.request.role_arn.as_str()
    }

    /// The role's name, under which an endpoint offers its credentials.
    pub(crate) fn role_name(&self) -> Result<&str, RunError> {
        let arn = &self.call.request.role_arn;
        arn.role_name().ok_or_else(|| RunError::RoleName {
            arn: arn.as_str().to_owned(),
        })
    }

    /// Keeps a password that somebody types: the identity is opened again at every renewal.
    pub(crate) fn keep_password(&self) {
        self.passwords.keep_answer();
    }

    /// From now on nobody is asked for a password: nobody may be there any more, and signals wait
    /// until the question is answered.
    pub(crate) fn ask_no_more(&self) {
        self.passwords.ask_no_more();
    }

    /// Calls CreateSession for a command that ends with it: as often, and for as long, as that may
    /// take. What was held of files and passwords is wiped before that.
    pub(crate) fn call(self) -> Result<Credentials, RunError> {
        let identity = self.open()?;
        let Self {
            source,
            passwords,
            call,
        } = self;
        drop((source, passwords));
        let runtime = runtime()?;
        // The limit is the command's; reading files may have taken some of it.
        let time_max = ClientSettings::TIME_MAX.saturating_sub(call.begin.elapsed());
        let outcome = runtime.block_on(call.create_session(&identity, call.attempts_max, time_max));
        // A resolver that hangs would hold the end of the runtime back, and with it the exit.
        runtime.shutdown_background();
        outcome
    }

    /// Calls CreateSession once, for who decides himself when to try again.
    pub(crate) async fn attempt(&self, identity: &Identity) -> Result<Credentials, RunError> {
        self.call
            .create_session(identity, 1, ClientSettings::TIME_MAX)
            .await
    }
}

impl Call {
    async fn create_session(
        &self,
        identity: &Identity,
        attempts_max: u32,
        time_max: Duration,
    ) -> Result<Credentials, RunError> {
        let client = Client::new(ClientSettings {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            trust_roots: self.trust_roots.clone(),
            proxy: self.proxy.clone(),
            attempts_max,
            time_max,
            attempt_limits: ClientSettings::ATTEMPT_LIMITS,
            clock: Clock::System,
            jitter,
        })
        .map_err(RunError::Transport)?;
        let is_debug = self.is_debug;
        let watch = |event: Event<'_>| {
            if is_debug {
                report::line(&format!("debug: {}", debug::describe(&event)));
            }
        };
        let outcome = client.create_session(identity, &self.request, &watch).await;
        let response = outcome.map_err(|failure| {
            let asked = Asked {
                identity,
                request: &self.request,
                is_proxy_unused: self.is_proxy_unused,
                time: Clock::System.now(),
            };
            RunError::CreateSession {
                hint: hint(&failure, asked),
                failure: Box::new(failure),
            }
        })?;
        Credentials::try_from(response).map_err(RunError::Credentials)
    }
}

/// The event loop of a command, on its own thread.
pub(crate) fn runtime() -> Result<Runtime, RunError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(RunError::Runtime)
}

fn request(flags: SessionFlags) -> Result<CreateSessionRequest, RunError> {
    Ok(CreateSessionRequest {
        trust_anchor_arn: arn(
            "trust anchor arn",
            "trust-anchor-arn",
            flags.trust_anchor_arn,
        )?,
        profile_arn: arn("profile arn", "profile-arn", flags.profile_arn)?,
        role_arn: arn("role arn", "role-arn", flags.role_arn)?,
        duration_seconds: flags.session_duration.unwrap_or(SESSION_DURATION_SECONDS),
        role_session_name: flags.role_session_name,
    })
}

fn arn<A: FromStr<Err = ArnError>>(
    what: &'static str,
    flag: &'static str,
    text: Option<String>,
) -> Result<A, RunError> {
    let text = text
        .filter(|text| !text.is_empty())
        .ok_or_else(|| RunError::missing(what, flag))?;
    text.parse().map_err(|source| RunError::Arn {
        what,
        flag,
        text,
        source,
    })
}

/// `--region`, else the trust anchor's. The profile's has to be the trust anchor's in any case.
fn region(flag: Option<&str>, request: &CreateSessionRequest) -> Result<Region, RunError> {
    let trust_anchor = request.trust_anchor_arn.region();
    let profile = request.profile_arn.region();
    if trust_anchor != profile {
        let name = |region: Option<&Region>| region.map_or("none", Region::as_str).to_owned();
        return Err(RunError::RegionsDiffer {
            trust_anchor: name(trust_anchor),
            profile: name(profile),
        });
    }
    match flag.filter(|flag| !flag.is_empty()) {
        Some(flag) => flag.parse().map_err(RunError::Region),
        None => trust_anchor.cloned().ok_or(RunError::RegionMissing),
    }
}

/// Where the flags say that the identity is, and the passwords that go with it.
pub(crate) fn identity_source(
    flags: IdentityFlags,
    environment: &Environment,
) -> Result<(IdentitySource, Passwords), RunError> {
    let unsupported = &flags.unsupported;
    let selectors = [
        ("--cert-selector", unsupported.cert_selector.is_some()),
        (
            "--system-store-name",
            unsupported.system_store_name.is_some(),
        ),
    ];
    let certificate = certificate_path(flags.certificate, selectors)?;
    let given = |path: &PathBuf| !path.as_os_str().is_empty();
    let private_key = flags.private_key.filter(given);
    if let Some(path) = &private_key {
        check_scheme(path)?;
    }
    let mut inputs = Inputs::new(environment);
    let source = IdentitySource::Files {
        certificate: inputs.input("certificate", certificate)?,
        private_key: private_key
            .map(|path| inputs.input("private-key", path))
            .transpose()?,
        intermediates: flags
            .intermediates
            .filter(given)
            .map(|path| inputs.input("intermediates", path))
            .transpose()?,
    };
    Ok((source, Passwords::new(flags.passwords)))
}

/// The path of `--certificate`. Without one, `selectors` ask for a certificate out of an operating
/// system's store.
pub(crate) fn certificate_path(
    path: Option<PathBuf>,
    selectors: [(&str, bool); 2],
) -> Result<PathBuf, RunError> {
    let selector = selectors.into_iter().find(|(_, is_given)| *is_given);
    match (path.filter(|path| !path.as_os_str().is_empty()), selector) {
        (Some(path), _) => check_scheme(&path).map(|()| path),
        (None, Some((flag, _))) => Err(RunError::Unsupported {
            what: flag.to_owned(),
        }),
        (None, None) => Err(RunError::missing("certificate", "certificate")),
    }
}

/// Refuses what is no path but names a token or a TPM's key.
fn check_scheme(path: &Path) -> Result<(), RunError> {
    let text = path.to_string_lossy();
    match ["pkcs11:", "handle:"]
        .into_iter()
        .find(|scheme| text.starts_with(scheme))
    {
        Some(scheme) => Err(RunError::Unsupported {
            what: format!("an identity in {scheme}"),
        }),
        None => Ok(()),
    }
}

/// Uniform in 0..1. Without randomness everybody waits the same, which is no failure.
pub(crate) fn jitter() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// What the reference helper asks for where nothing is given.
const SESSION_DURATION_SECONDS: i32 = 3600;
