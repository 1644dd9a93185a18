//! [`Session`]: one session as the command line describes it, ready to be asked for again and again.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use ring::rand::SecureRandom;
use ring::rand::SystemRandom;
use rolesanywhere::Credentials;
use rolesanywhere::Identity;
use rolesanywhere::arn::ArnError;
use rolesanywhere::arn::ProfileArn;
use rolesanywhere::arn::Region;
use rolesanywhere::arn::RoleArn;
use rolesanywhere::arn::TrustAnchorArn;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::aws_call::Event;
use rolesanywhere::aws_call::Service;
use rolesanywhere::cache::Fallback;
use rolesanywhere::clock::Clock;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::environment::Environment;
use rolesanywhere::session::Effort;
use rolesanywhere::session::RoleChain;
use rolesanywhere::session::SessionError;
use rolesanywhere::session::SessionProvider;
use rolesanywhere::session::SessionRequest;
use tokio::runtime::Runtime;

use crate::arguments::call::CallFlags;
use crate::arguments::call::SessionFlags;
use crate::debug;
use crate::error::RunError;
use crate::hint::HintContext;
use crate::hint::assume_role;
use crate::hint::hint;
use crate::identity::identity_source;
use crate::identity::open_identity;
use crate::inputs::refuse_shared_streams;
use crate::network::Way;
use crate::passwords::Passwords;
use crate::report;
use crate::role_chain;

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
        refuse_shared_streams(&flags.inputs())?;
        let create_session = request(&flags.session)?;
        let region = region(flags.network.region.as_deref(), &create_session)?;
        let (identity, passwords) = identity_source(flags.identity, is_debug, environment, begin)?;
        let sts_endpoint = flags.role_chain.sts_endpoint.clone();
        let roles = role_chain::roles(
            flags.role_chain,
            &create_session.role_arn,
            environment,
            begin,
        )?;
        let way = Way {
            flags: &flags.network,
            region: &region,
            environment,
        };
        let endpoint = flags.network.endpoint.as_deref();
        let (network, is_proxy_unused) = way.to(Service::ROLES_ANYWHERE, endpoint)?;
        let (role_chain, is_sts_proxy_unused) = way.along(roles, sts_endpoint.as_deref())?;
        let request = SessionRequest {
            identity,
            create_session,
            network,
            role_chain,
        };
        Ok(Self {
            provider: provider(&request, is_debug),
            request: Arc::new(request),
            passwords: Arc::new(passwords),
            is_debug,
            is_proxy_unused: is_proxy_unused || is_sts_proxy_unused,
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
        let identity = open_identity(source, &self.passwords, self.passwords.as_ref())?;
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

    /// Calls for a command that ends with it. The limit is the command's: reading files, or waiting for
    /// another process, may have taken some of it. What was held of files and passwords is wiped before that.
    pub(crate) fn call(
        self,
        identity: &Identity,
        fallback: Fallback,
    ) -> Result<Credentials, RunError> {
        let effort = self.effort(fallback);
        let (provider, failures) = self.into_provider();
        let outcome = runtime()?.block_on(provider.credentials(identity, effort));
        outcome.map_err(|error| failures.with_hint(error, Some(identity)))
    }

    /// As [`Session::call`], but only assumes the roles of `chain`, with the session `base`.
    pub(crate) fn assume_roles(
        &self,
        chain: &RoleChain,
        base: &Credentials,
        fallback: Fallback,
    ) -> Result<Credentials, RunError> {
        let effort = self.effort(fallback);
        let outcome = runtime()?.block_on(self.provider.assume_roles(chain, base, effort));
        let failures = Failures::new(&self.request, self.is_proxy_unused);
        outcome.map_err(|error| failures.with_hint(error, None))
    }

    fn effort(&self, fallback: Fallback) -> Effort {
        let used = self.passwords.time_used().unwrap_or_default();
        match fallback {
            Fallback::Nothing => Effort::Whole(ClientSettings::TIME_MAX.saturating_sub(used)),
            Fallback::ValidSet => Effort::Spare,
        }
    }

    /// The session that roles are assumed from; `None` if there are none.
    pub(crate) fn base(&self) -> Option<Self> {
        let request = self.request.base()?;
        Some(Self {
            provider: provider(&request, self.is_debug),
            request: Arc::new(request),
            passwords: Arc::clone(&self.passwords),
            is_debug: self.is_debug,
            is_proxy_unused: self.is_proxy_unused,
        })
    }

    /// The provider that makes the calls, and the context that explains a failed one.
    pub(crate) fn into_provider(self) -> (SessionProvider, Failures) {
        let failures = Failures::new(&self.request, self.is_proxy_unused);
        (self.provider, failures)
    }
}

fn provider(request: &SessionRequest, is_debug: bool) -> SessionProvider {
    let watch = move |event: Event<'_>| {
        if is_debug {
            report::log(&debug::event("call", debug::describe(&event)));
        }
    };
    SessionProvider::new(request, Clock::System, jitter, watch)
}

/// The context that explains a failed call.
pub(crate) struct Failures {
    create_session: CreateSessionRequest,
    region: Region,
    has_intermediates: bool,
    is_proxy_unused: bool,
}

impl Failures {
    pub(crate) fn new(request: &SessionRequest, is_proxy_unused: bool) -> Self {
        Self {
            create_session: request.create_session.clone(),
            region: request.network.region.clone(),
            has_intermediates: request.identity.intermediates.is_some(),
            is_proxy_unused,
        }
    }

    /// A call that failed, with what to do about it.
    pub(crate) fn with_hint(&self, error: SessionError, identity: Option<&Identity>) -> RunError {
        let hint = self.hint(&error, identity);
        RunError::Session {
            error: Box::new(error),
            hint,
        }
    }

    /// What to do about a failed call.
    pub(crate) fn hint(&self, error: &SessionError, identity: Option<&Identity>) -> Option<String> {
        let asked = HintContext {
            identity,
            request: &self.create_session,
            region: &self.region,
            has_intermediates: self.has_intermediates,
            is_proxy_unused: self.is_proxy_unused,
            time: Clock::System.now(),
        };
        match error {
            SessionError::Call(failure) => hint(failure, asked),
            SessionError::Role {
                arn, by, failure, ..
            } => assume_role::hint(failure, (arn, by), asked),
            SessionError::Transport(_) | SessionError::Expiration(_) | _ => None,
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
pub(crate) fn request(flags: &SessionFlags) -> Result<CreateSessionRequest, RunError> {
    Ok(CreateSessionRequest {
        trust_anchor_arn: trust_anchor_arn(flags)?,
        profile_arn: profile_arn(flags)?,
        role_arn: role_arn(flags)?,
        duration_seconds: duration_seconds(flags),
        role_session_name: flags.role_session_name.clone(),
    })
}

pub(crate) fn trust_anchor_arn(flags: &SessionFlags) -> Result<TrustAnchorArn, RunError> {
    let text = flags.trust_anchor_arn.as_deref();
    arn("trust anchor arn", "trust-anchor-arn", text)
}

pub(crate) fn profile_arn(flags: &SessionFlags) -> Result<ProfileArn, RunError> {
    arn("profile arn", "profile-arn", flags.profile_arn.as_deref())
}

pub(crate) fn role_arn(flags: &SessionFlags) -> Result<RoleArn, RunError> {
    arn("role arn", "role-arn", flags.role_arn.as_deref())
}

/// The role's name, under which an endpoint offers its credentials.
pub(crate) fn role_name(arn: &RoleArn) -> Result<&str, RunError> {
    arn.role_name().ok_or_else(|| RunError::RoleName {
        arn: arn.as_str().to_owned(),
    })
}

/// `--session-duration`, or its default.
pub(crate) fn duration_seconds(flags: &SessionFlags) -> i32 {
    flags.session_duration.unwrap_or(SESSION_DURATION_SECONDS)
}

pub(crate) fn arn<A: FromStr<Err = ArnError>>(
    what: &'static str,
    flag: &'static str,
    text: Option<&str>,
) -> Result<A, RunError> {
    let text = text
        .filter(|text| !text.is_empty())
        .ok_or_else(|| RunError::missing(what, flag))?;
    text.parse().map_err(|source| RunError::Arn {
        what,
        flag,
        text: text.to_owned(),
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

/// Uniform in 0..1. Without randomness all clients wait equally long, which is not a failure.
pub(crate) fn jitter() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// By `durationSeconds` of CreateSession.
pub(crate) const DURATION_SECONDS: RangeInclusive<i32> = 900..=43_200;

/// The reference helper's default.
const SESSION_DURATION_SECONDS: i32 = 3600;
