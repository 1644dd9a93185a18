//! [`Session`]: one session as the command line describes it, ready to be asked for again and again.

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use ring::rand::SecureRandom;
use ring::rand::SystemRandom;
use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::IdentitySource;
use rolesanywhere::arn::ArnError;
use rolesanywhere::arn::Region;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::aws_call::Event;
use rolesanywhere::aws_call::Service;
use rolesanywhere::aws_call::endpoint::Endpoint;
use rolesanywhere::aws_call::proxy::Proxy;
use rolesanywhere::aws_call::retry;
use rolesanywhere::aws_call::trust_roots::TrustRoots;
use rolesanywhere::cache::Fallback;
use rolesanywhere::clock::Clock;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::environment::Environment;
use rolesanywhere::session::Effort;
use rolesanywhere::session::Network;
use rolesanywhere::session::SessionError;
use rolesanywhere::session::SessionProvider;
use rolesanywhere::session::SessionRequest;
use tokio::runtime::Runtime;

use crate::arguments::CallFlags;
use crate::arguments::IdentityFlags;
use crate::arguments::SessionFlags;
use crate::debug;
use crate::error::RunError;
use crate::hint::HintContext;
use crate::hint::hint;
use crate::inputs::Inputs;
use crate::passwords::Passwords;
use crate::report;

/// A session to ask for, once or again and again.
pub(crate) struct Session {
    request: Arc<SessionRequest>,
    provider: SessionProvider,
    passwords: Arc<Passwords>,
    is_debug: bool,
    is_proxy_unused: bool,
}

impl Session {
    /// From the flags. Nothing is read of the identity yet but what can be read only once.
    pub(crate) fn new(
        flags: CallFlags,
        is_debug: bool,
        environment: &Environment,
    ) -> Result<Self, RunError> {
        let begin = Instant::now();
        let create_session = request(flags.session)?;
        let region = region(flags.network.region.as_deref(), &create_session)?;
        let (identity, passwords) = identity_source(flags.identity, environment, begin)?;
        let endpoint = flags
            .network
            .endpoint
            .filter(|endpoint| !endpoint.is_empty());
        let endpoint = Endpoint::resolve(
            Service::ROLES_ANYWHERE,
            endpoint.as_deref(),
            &region,
            environment,
        )
        .map_err(RunError::Endpoint)?;
        let on_the_way = Proxy::on_the_way_to(&endpoint, environment);
        let (proxy, is_proxy_unused) = match flags.network.with_proxy {
            Some(true) => (on_the_way.map_err(RunError::Proxy)?, false),
            Some(false) | None => (None, matches!(on_the_way, Ok(Some(_)))),
        };
        let network = Network {
            region,
            endpoint,
            proxy,
            trust_roots: match flags.network.no_verify_ssl {
                Some(true) => TrustRoots::Unverified,
                Some(false) | None => TrustRoots::resolve(environment),
            },
            attempts_max: retry::attempts_max(environment).map_err(RunError::Retry)?,
        };
        let request = SessionRequest {
            identity,
            create_session,
            network,
        };
        let watch = move |event: Event<'_>| {
            if is_debug {
                report::log(&debug::event("call", debug::describe(&event)));
            }
        };
        Ok(Self {
            provider: SessionProvider::new(&request, Clock::System, jitter, watch),
            request: Arc::new(request),
            passwords: Arc::new(passwords),
            is_debug,
            is_proxy_unused,
        })
    }

    /// True if `--debug` was given.
    pub(crate) fn is_debug(&self) -> bool {
        self.is_debug
    }

    /// The request.
    pub(crate) fn request(&self) -> &Arc<SessionRequest> {
        &self.request
    }

    /// The passwords of the identity.
    pub(crate) fn passwords(&self) -> &Arc<Passwords> {
        &self.passwords
    }

    /// Reads the identity.
    pub(crate) fn open(&self) -> Result<Identity, RunError> {
        let begin = Instant::now();
        let source = &self.request().identity;
        let identity = self.read_identity()?;
        if self.is_debug {
            let after = debug::milliseconds(begin.elapsed());
            report::log(&debug::event(
                "identity",
                format!("identity read in {after}"),
            ));
            if let Some(exposure) = debug::exposure(source) {
                report::log(&debug::event("identity", exposure));
            }
        }
        Ok(identity)
    }

    /// A hanging file system must not exceed the command's time limit, so a watchdog thread ends the
    /// process. Reading on that thread would double the memory pages of a call. Time spent at a password
    /// prompt does not count.
    fn read_identity(&self) -> Result<Identity, RunError> {
        // Weak: passwords are to be wiped before the call, whether or not this thread has ended by then.
        let passwords = Arc::downgrade(&self.passwords);
        let (reading, is_read) = mpsc::channel::<()>();
        let watch = move || {
            loop {
                // A person may take any time for a password.
                let used = passwords.upgrade().map(|passwords| passwords.time_used());
                let left = match used {
                    Some(Some(used)) => ClientSettings::TIME_MAX.saturating_sub(used),
                    Some(None) => LOOK_APART,
                    // The session is gone, and with it what was read.
                    None => return,
                };
                if left.is_zero() {
                    report::fail(&RunError::IdentityTimedOut);
                }
                match is_read.recv_timeout(left.max(LOOK_APART)) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        thread::Builder::new()
            .stack_size(WATCH_STACK_BYTES)
            .spawn(watch)
            .map_err(RunError::Runtime)?;
        let identity = self.request.identity.open(self.passwords.as_ref());
        drop(reading);
        identity.map_err(RunError::Identity)
    }

    /// The role's name, under which an endpoint offers its credentials.
    pub(crate) fn role_name(&self) -> Result<&str, RunError> {
        let arn = &self.request().create_session.role_arn;
        arn.role_name().ok_or_else(|| RunError::RoleName {
            arn: arn.as_str().to_owned(),
        })
    }

    /// Calls CreateSession for a command that ends with it. The limit is the command's: reading files, or
    /// waiting for another process, may have taken some of it. What was held of files and passwords is wiped
    /// before that.
    pub(crate) fn call(
        self,
        identity: &Identity,
        fallback: Fallback,
    ) -> Result<Credentials, RunError> {
        let used = self.passwords.time_used().unwrap_or_default();
        let left = ClientSettings::TIME_MAX.saturating_sub(used);
        let (provider, failures) = self.into_provider();
        let effort = match fallback {
            Fallback::Nothing => Effort::Whole(left),
            Fallback::ValidSet => Effort::Spare,
        };
        let outcome = runtime()?.block_on(provider.create_session(identity, effort));
        outcome.map_err(|error| failures.with_hint(error, Some(identity)))
    }

    /// The provider that makes the calls, and the context that explains a failed one.
    pub(crate) fn into_provider(self) -> (SessionProvider, Failures) {
        let failures = Failures {
            create_session: self.request.create_session.clone(),
            has_intermediates: self.request.identity.intermediates.is_some(),
            is_proxy_unused: self.is_proxy_unused,
        };
        (self.provider, failures)
    }
}

/// The context that explains a failed call.
pub(crate) struct Failures {
    create_session: CreateSessionRequest,
    has_intermediates: bool,
    is_proxy_unused: bool,
}

impl Failures {
    /// A call that failed, with what to do about it.
    pub(crate) fn with_hint(&self, error: SessionError, identity: Option<&Identity>) -> RunError {
        let failure = match &error {
            SessionError::Call(failure) => Some(failure),
            SessionError::Transport(_) | SessionError::Expiration(_) | _ => None,
        };
        let hint = failure.zip(identity).and_then(|(failure, identity)| {
            let asked = HintContext {
                identity,
                request: &self.create_session,
                has_intermediates: self.has_intermediates,
                is_proxy_unused: self.is_proxy_unused,
                time: Clock::System.now(),
            };
            hint(failure, asked)
        });
        RunError::Session {
            error: Box::new(error),
            hint,
        }
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

/// What CreateSession is asked for.
pub(crate) fn request(flags: SessionFlags) -> Result<CreateSessionRequest, RunError> {
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
pub(crate) fn region(
    flag: Option<&str>,
    request: &CreateSessionRequest,
) -> Result<Region, RunError> {
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

/// Identity that the flags name, and the passwords that go with it.
pub(crate) fn identity_source(
    flags: IdentityFlags,
    environment: &Environment,
    begin: Instant,
) -> Result<(IdentitySource, Passwords), RunError> {
    let unsupported = &flags.unsupported;
    let certificate = certificate_path(
        flags.certificate,
        unsupported.cert_selector.as_deref(),
        unsupported.system_store_name.as_deref(),
    )?;
    let given = |path: &PathBuf| !path.as_os_str().is_empty();
    let private_key = flags.private_key.filter(given);
    if let Some(path) = &private_key {
        check_scheme(path)?;
    }
    let mut inputs = Inputs::new(environment, begin);
    let source = IdentitySource {
        certificate: inputs.locator("certificate", certificate)?,
        private_key: private_key
            .map(|path| inputs.locator("private-key", path))
            .transpose()?,
        intermediates: flags
            .intermediates
            .filter(given)
            .map(|path| inputs.locator("intermediates", path))
            .transpose()?,
    };
    let passwords = Passwords::new(flags.passwords, environment, begin)?;
    Ok((source, passwords))
}

/// The path of `--certificate`. Without one, `--cert-selector` and `--system-store-name` ask for a
/// certificate of an operating system's store.
pub(crate) fn certificate_path(
    path: Option<PathBuf>,
    cert_selector: Option<&OsStr>,
    system_store_name: Option<&OsStr>,
) -> Result<PathBuf, RunError> {
    let selector = cert_selector
        .map(|_| "--cert-selector")
        .or(system_store_name.map(|_| "--system-store-name"));
    match (path.filter(|path| !path.as_os_str().is_empty()), selector) {
        (Some(path), _) => check_scheme(&path).map(|()| path),
        (None, Some(flag)) => Err(RunError::Unsupported {
            what: flag.to_owned(),
        }),
        (None, None) => Err(RunError::missing("certificate", "certificate")),
    }
}

/// Refuses what is not a path but names a token or a TPM's key.
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

/// Uniform in 0..1. Without randomness all clients wait equally long, which is not a failure.
pub(crate) fn jitter() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// For a thread that waits, and at the end writes a line.
const WATCH_STACK_BYTES: usize = 128 * 1024;

/// Interval of checks for the end of a prompt.
const LOOK_APART: Duration = Duration::from_millis(200);

/// The reference helper's default.
const SESSION_DURATION_SECONDS: i32 = 3600;
