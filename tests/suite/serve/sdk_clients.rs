//! AWS SDKs and the AWS CLI as clients of `serve`: they do as in any program, with the variables that
//! `serve` prints.
//!
//! A client that is not there is a loud skip; CI installs and builds them.

#[cfg(unix)]
mod bridge;
mod client;
mod container;
mod imds;
mod relay;

use std::thread;
use std::time::Duration;
use std::time::Instant;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::serve::sdk_clients::client::Credentials;
use crate::serve::sdk_clients::client::Loaded;
use crate::serve::sdk_clients::client::Program;
use crate::serve::sdk_clients::client::Sdk;
use crate::serve::sdk_clients::client::Variables;
use crate::serve::sdk_clients::relay::Relay;
use crate::support::helper::Helper;
use crate::support::helper::Running;
use crate::support::issued;
use crate::support::log::events;
use crate::support::service;
use crate::support::service_that_waits;

/// The variables that it prints for its clients, which it does once it listens.
fn variables(running: &mut Running<'_>, count: usize) -> Variables {
    wait_until("it listens", || {
        assert!(running.is_running(), "{}", running.stderr_so_far());
        let listening = events(&running.stderr_so_far(), "listening").pop()?;
        let fields = listening.as_object().unwrap();
        let exports = fields.iter().filter(|(name, _)| name.starts_with("AWS_"));
        let mut variables: Variables = exports
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        // That of the address first.
        variables.sort_by(|one, other| other.cmp(one));
        (variables.len() == count).then_some(variables)
    })
}

/// The port of the address that the first of them is.
fn port(variables: &Variables) -> u16 {
    let (_, url) = &variables[0];
    let port = url.split([':', '/']).nth(4).unwrap();
    port.parse().unwrap()
}

/// The expirations of the sets logged so far.
fn expirations(running: &Running<'_>) -> Vec<String> {
    let renewed = events(&running.stderr_so_far(), "credentials_renewed");
    let times = renewed.iter().map(|event| event["expiration"].as_str());
    times.map(|time| time.unwrap().to_owned()).collect()
}

/// The expiration of the set of this number, which may be logged shortly after it is served.
fn expiration(running: &Running<'_>, number: usize) -> String {
    wait_until("word of a set", || {
        expirations(running).get(number - 1).cloned()
    })
}

fn key(loaded: &Loaded) -> Option<&str> {
    Some(&loaded.as_ref().ok()?.access_key_id)
}

/// Makes an SDK load from this `serve`, which gets its first set only after the SDK received an error:
/// the SDK has to get it all the same.
fn with_outage_at_first_sight(
    sdk: Sdk,
    serve: impl Fn(&str) -> Helper,
    through: impl Fn(&Relay) -> Variables,
) {
    let (service, end) = service_that_waits(&[], 1);
    let helper = serve(&service.url());
    let mut running = helper.start();
    let relay = Relay::to(port(&variables(&mut running, 1)));
    assert_eq!(expirations(&running), [""; 0], "it waits for the answer");
    let mut program = Program::start(sdk, &through(&relay));
    relay.wait_for_failure();
    drop(end);
    assert_eq!(key(&program.loaded()), Some(&*issued(1)), "{sdk}");
    assert_eq!(service.requests().len(), 1);
}

/// Has a program of this SDK load from this `serve` through an outage that is longer than a set lives: the
/// program has the next set once the outage is over.
fn with_outage_after_the_first_set(
    sdk: Sdk,
    serve: impl Fn(&str) -> Helper,
    through: impl Fn(&Relay) -> Variables,
) {
    // A program that starts too slowly for a set that lives so long is given another one.
    for seconds in [16, 64, 256] {
        let service = service(&[&format!("expires-in={seconds}"), "status=503:*"]);
        let helper = serve(&service.url());
        let mut running = helper.start();
        let printed = variables(&mut running, 1);
        let relay = Relay::to(port(&printed));
        let mut program = Program::start(sdk, &through(&relay));
        if program.loaded().is_err() {
            continue;
        }
        let begin = Instant::now();
        let mut load = || {
            assert!(begin.elapsed() < WAIT_MAX, "{sdk}");
            let loaded = program.again();
            key(&loaded).map(str::to_owned)
        };
        while !relay.has_failed() {
            let key = load();
            assert!(key.is_none_or(|key| key == issued(1)), "{sdk}");
        }
        service.recover();
        while load() != Some(issued(2)) {}
        // One that is started later has it at once.
        let later = sdk.load(&through(&relay));
        assert_eq!(key(&later), Some(&*issued(2)), "{sdk}");
        assert!(service.requests().len() > 2, "{sdk}");
        return;
    }
    panic!("{sdk}: no program has started within 256 s");
}

/// Loads until it has another set than the first; it has to match the log of `serve`.
fn next_set(program: &mut Program, running: &Running<'_>, margin: Duration) {
    let sdk = program.sdk;
    let next = wait_until("the next set", || {
        let credentials = program.again().unwrap();
        (credentials.access_key_id != issued(1)).then_some(credentials)
    });
    let number = (2..99).find(|number| next.access_key_id == issued(*number));
    assert_believed(&next, &expiration(running, number.unwrap()), margin, sdk);
}

/// So long before this expiration the client believes that its set ends.
fn assert_believed(credentials: &Credentials, expiration: &str, margin: Duration, sdk: Sdk) {
    if let Some(believed) = &credentials.expiration {
        let moment = |text| OffsetDateTime::parse(text, &Rfc3339).unwrap();
        assert_eq!(moment(believed) + margin, moment(expiration), "{sdk}");
    }
}

/// Does it with each of them, all at the same time.
fn at_once(sdks: &[Sdk], with: impl Fn(Sdk) + Sync) {
    thread::scope(|scope| {
        for sdk in sdks {
            scope.spawn(|| with(*sdk));
        }
    });
}

/// Those that are there, started.
fn started(sdks: &[Sdk], variables: &Variables, test: &str) -> Vec<Program> {
    let sdks = Sdk::installed(sdks, test);
    let programs = sdks.into_iter().map(|sdk| Program::start(sdk, variables));
    programs.collect()
}

/// Waits until there is what another process or thread makes.
fn wait_until<T>(what: &str, mut made: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(made) = made() {
            return made;
        }
        assert!(begin.elapsed() < WAIT_MAX, "no sign of {what}");
        thread::sleep(TICK);
    }
}

const ALL: [Sdk; 4] = [Sdk::Rust, Sdk::Go, Sdk::Boto3, Sdk::AwsCli];
/// The SDKs with a long-running program; the AWS CLI is started for each command.
const LOOPING: [Sdk; 3] = [Sdk::Rust, Sdk::Go, Sdk::Boto3];

/// The longest of a test's waits takes some 30 s.
const WAIT_MAX: Duration = Duration::from_secs(480);
const TICK: Duration = Duration::from_millis(50);
