//! A hundred schedulers with real timers, the real client, and an emulator that lets one call per second
//! through. Half of them start with a set, half without.
//!
//! `cargo run --profile dist -p fleet --bin hundred` takes 5 minutes: less than the sessions last, and
//! long enough for sets that are due at the start to expire without a call.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot run has to stop, and what it prints is what it is for"
)]

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere::Client;
use rolesanywhere::Identity;
use rolesanywhere::IdentitySource;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::aws_call::FailureClass;
use rolesanywhere::aws_call::endpoint::Endpoint;
use rolesanywhere::aws_call::trust_roots::TrustRoots;
use rolesanywhere::clock::Clock;
use rolesanywhere::clock::Moment;
use rolesanywhere::create_session::CreateSession;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::credentials::Renewal;
use rolesanywhere::credentials::renewal::NAP_MAX;
use rolesanywhere::credentials::renewal::Set;
use rolesanywhere::identity::secrets::NoSecrets;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;
use tokio::runtime::Runtime;

fn main() {
    let pki = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/pki");
    let emulator = Emulator::start(Settings {
        trust_anchors: trust_anchors_from_pem(&fs::read(pki.join("root.pem")).unwrap()).unwrap(),
        faults: vec!["quota=1:*".parse().unwrap()],
        profile_duration_seconds: Some(SESSION_SECONDS),
        ..Settings::default()
    })
    .unwrap();
    let begin = Instant::now();
    let counts = Mutex::new(Counts::default());
    thread::scope(|scope| {
        for number in 1..=SCHEDULERS {
            let helper = Helper::new(&pki, &emulator.url());
            let renewal = match number <= STARTING {
                true => Renewal::default(),
                false => in_the_middle(Clock::System.moment()),
            };
            let counts = &counts;
            scope.spawn(move || helper.run(renewal, begin, counts));
        }
        println!("| after | started | calls so far | of them throttled | lapses so far |");
        println!("|-:|-:|-:|-:|-:|");
        while begin.elapsed() < RUN {
            thread::sleep(PRINTED_EVERY);
            let counts = counts.lock().unwrap();
            println!(
                "| {} s | {} | {} | {} | {} |",
                begin.elapsed().as_secs(),
                counts.started,
                counts.calls,
                counts.throttled,
                counts.lapses
            );
        }
    });
    let counts = counts.into_inner().unwrap();
    println!(
        "\n{} calls of {SCHEDULERS} schedulers in {} s, {} throttled, {} failed otherwise; \
         {} sets, {} of {STARTING} have started, {} lapsed; calls of one at least {:.1} s apart",
        counts.calls,
        RUN.as_secs(),
        counts.throttled,
        counts.other,
        counts.sets,
        counts.started,
        counts.lapses,
        counts.apart.unwrap_or_default().as_secs_f64()
    );
}

/// With a set of an age before it is due.
fn in_the_middle(now: Moment) -> Renewal {
    let mut renewal = Renewal::default();
    renewal.renewed(
        now,
        Duration::from_secs(SESSION_SECONDS.into()),
        fastrand::f64(),
    );
    let age = renewal.wait(now).mul_f64(fastrand::f64());
    let received = Moment {
        wall: now.wall - age,
        boot: now.boot.saturating_sub(age),
    };
    renewal.set = renewal.set.map(|set| Set { received, ..set });
    renewal.call = None;
    renewal
}

/// The results of all schedulers.
#[derive(Default)]
struct Counts {
    calls: u32,
    throttled: u32,
    other: u32,
    sets: u32,
    /// Of those without a set, how many have got one.
    started: u32,
    lapses: u32,
    /// From the end of a call to the begin of the next one, at least.
    apart: Option<Duration>,
}

/// A process with a scheduler.
struct Helper {
    identity: Identity,
    client: Client,
    request: CreateSessionRequest,
    runtime: Runtime,
}

impl Helper {
    fn new(pki: &Path, endpoint: &str) -> Self {
        let source = IdentitySource {
            certificate: pki.join("ec256.crt").into(),
            private_key: Some(pki.join("ec256.key").into()),
            intermediates: None,
            hardware: Default::default(),
        };
        let arn = |kind| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1");
        Self {
            identity: source.open(&NoSecrets::default()).unwrap(),
            client: Client::new(ClientSettings {
                endpoint: Endpoint::parse(endpoint).unwrap(),
                region: "us-east-1".parse().unwrap(),
                trust_roots: TrustRoots::Unverified,
                proxy: None,
                attempts_max: 1,
                is_throttling_retried: true,
                time_max: ClientSettings::TIME_MAX,
                attempt_limits: ClientSettings::ATTEMPT_LIMITS,
                clock: Clock::System,
                clock_ahead_seconds: 0,
                jitter: fastrand::f64,
            })
            .unwrap(),
            request: CreateSessionRequest {
                trust_anchor_arn: arn("trust-anchor").parse().unwrap(),
                profile_arn: arn("profile").parse().unwrap(),
                role_arn: "arn:aws:iam::123456789012:role/fleet".parse().unwrap(),
                duration_seconds: 3600,
                role_session_name: None,
            },
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    fn run(&self, mut renewal: Renewal, begin: Instant, counts: &Mutex<Counts>) {
        while begin.elapsed() < RUN {
            let now = Clock::System.moment();
            let wait = renewal.wait(now);
            if !wait.is_zero() {
                let rest = RUN.saturating_sub(begin.elapsed());
                thread::sleep(wait.min(NAP_MAX).min(rest));
                continue;
            }
            let before = renewal;
            let outcome = self.renew(&mut renewal);
            counts.lock().unwrap().count(&before, now, outcome);
        }
    }

    /// One call, and its outcome for the scheduler.
    fn renew(&self, renewal: &mut Renewal) -> Result<(), FailureClass> {
        let operation = CreateSession {
            identity: &self.identity,
            request: &self.request,
        };
        let call = self.client.call(&operation, &|_| {});
        let outcome = self.runtime.block_on(call);
        let ended = Clock::System.moment();
        let life = match outcome {
            Err(failure) => Err(failure.error.class()),
            Ok(credentials) => credentials.life(ended).map_err(|_| FailureClass::Outage),
        };
        match life {
            Ok(life) => renewal.renewed(ended, life, fastrand::f64()),
            Err(setback) => renewal.failed(ended, setback, fastrand::f64()),
        }
        life.map(|_| ())
    }
}

impl Counts {
    /// A call that began at `began`.
    fn count(&mut self, before: &Renewal, began: Moment, outcome: Result<(), FailureClass>) {
        self.calls += 1;
        if let Some(call) = before.call {
            let apart = began.since_by_boot(call.ended);
            self.apart = Some(self.apart.map_or(apart, |least| least.min(apart)));
        }
        match outcome {
            Ok(()) => {
                self.sets += 1;
                match before.set {
                    None => self.started += 1,
                    Some(_) => self.lapses += u32::from(before.left(began).is_zero()),
                }
            }
            Err(FailureClass::Throttled) => self.throttled += 1,
            Err(
                FailureClass::NoConnection
                | FailureClass::Refused
                | FailureClass::Outage
                | FailureClass::Ours,
            ) => self.other += 1,
        }
    }
}

const SCHEDULERS: u32 = 100;

/// So many have no set at first.
const STARTING: u32 = 50;

/// Renewed at half their life, they need half of the quota.
const SESSION_SECONDS: u32 = 400;

const RUN: Duration = Duration::from_secs(300);
const PRINTED_EVERY: Duration = Duration::from_secs(20);
