//! This helper's behaviour in the informative cases, which do not bind a drop-in, so that these too have
//! an assertion.

use crate::support::case::Case;
use crate::support::case::Expectation;
use crate::support::case::ExpectedRequest;
use crate::support::case::StdoutMatch;

/// This helper's behaviour in an informative case.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ours {
    /// The reference's behaviour.
    AsReference,
    /// Exit 1 before any request; stderr holds these words.
    Refuses(&'static [&'static str]),
    /// Exit 1 after so many requests, each as the reference's first; stderr holds these words.
    FailsAfter(usize, &'static [&'static str]),
    /// The expected result of another case.
    AsCase(&'static str),
    /// As [`Ours::AsCase`], which is a proxy's: the helper is run behind that proxy.
    AsCaseBehindProxy(&'static str),
    /// As the reference, but the first text in the target is the second.
    Target(&'static str, &'static str),
    /// A success after the second request, the first refused, is dated by the service's clock.
    CorrectsClock,
    /// As [`Ours::FailsAfter`] three requests, the later two dated by the service's clock.
    CorrectsClockInVain,
    /// This exit code; what the text says is free.
    Exits(i32),
}

impl Ours {
    pub(crate) fn of(name: &str) -> Option<Ours> {
        let row = DELIBERATE.iter().find(|(case, _)| *case == name);
        row.map(|(_, ours)| *ours)
    }

    /// The case as it is to be run.
    pub(crate) fn arrange(self, case: &Case) -> Case {
        let mut arranged = case.clone();
        if let Ours::AsCaseBehindProxy(name) = self {
            let proxied = Case::named("create_session", name);
            arranged.args.extend(
                proxied
                    .args
                    .into_iter()
                    .filter(|arg| PROXY_FLAGS.contains(&arg.as_str())),
            );
            arranged.env.extend(proxied.env);
            arranged.server = proxied.server;
        }
        arranged
    }

    /// The expected result.
    pub(crate) fn expectation(self, case: &Case) -> Expectation {
        let reference = case.reference();
        match self {
            Ours::AsReference => reference,
            Ours::Refuses(words) => fails(reference, Vec::new(), words),
            Ours::FailsAfter(count, words) => {
                let requests = vec![first_request(&reference); count];
                fails(reference, requests, words)
            }
            Ours::AsCase(name) | Ours::AsCaseBehindProxy(name) => {
                Case::named("create_session", name).expected()
            }
            Ours::Target(from, to) => {
                let mut request = first_request(&reference);
                request.target = request.target.replace(from, to);
                Expectation {
                    requests: Some(vec![request]),
                    ..reference
                }
            }
            Ours::CorrectsClock => {
                let requests = vec![first_request(&reference), late_request(&reference)];
                let success = Case::named("create_session", "key-rsa2048").expected();
                Expectation {
                    requests: Some(requests),
                    ..success
                }
            }
            Ours::CorrectsClockInVain => {
                let late = late_request(&reference);
                let requests = vec![first_request(&reference), late.clone(), late];
                fails(reference, requests, &["RequestExpired"])
            }
            Ours::Exits(exit) => Expectation {
                exit,
                stdout_match: StdoutMatch::Any,
                stderr_empty: exit == 0,
                ..reference
            },
        }
    }
}

fn fails(reference: Expectation, requests: Vec<ExpectedRequest>, words: &[&str]) -> Expectation {
    Expectation {
        exit: 1,
        stdout: String::new(),
        stdout_match: StdoutMatch::Exact,
        stderr_empty: false,
        stderr_words: words.iter().map(|word| (*word).to_owned()).collect(),
        requests: Some(requests),
        attempts_free: false,
        ..reference
    }
}

fn first_request(reference: &Expectation) -> ExpectedRequest {
    let requests = reference.requests.as_ref();
    requests
        .and_then(|requests| requests.first())
        .expect("the reference sent a request")
        .clone()
}

fn late_request(reference: &Expectation) -> ExpectedRequest {
    ExpectedRequest {
        clock_offset_seconds: 1800,
        ..first_request(reference)
    }
}

const PROXY_FLAGS: [&str; 2] = ["--with-proxy", "--no-verify-ssl"];

/// Every informative case, and what this helper does in it.
pub(crate) const DELIBERATE: &[(&str, Ours)] = &[
    // The service accepts five intermediates, and reports an excess itself.
    ("chain-6", Ours::AsReference),
    ("chain-duplicate", Ours::AsReference),
    ("chain-empty-file", Ours::AsReference),
    (
        "chain-fullchain-as-intermediates-only",
        Ours::Refuses(&["certificate"]),
    ),
    ("chain-text-only-file", Ours::AsReference),
    ("chain-with-leaf", Ours::AsReference),
    (
        "connection-name-unknown",
        Ours::Refuses(&["nowhere.invalid"]),
    ),
    ("duration-2147483648", Ours::Refuses(&["session-duration"])),
    ("duration-4294967297", Ours::Refuses(&["session-duration"])),
    ("encoding-mldsa65-expanded-only", Ours::Refuses(&[])),
    ("encoding-mldsa87-expanded-only", Ours::Refuses(&[])),
    (
        "encrypted-unsupported-aes-256-cbc-hmacSHA224",
        Ours::AsCase("key-rsa2048"),
    ),
    (
        "encrypted-unsupported-des3-hmacSHA256",
        Ours::AsCase("key-rsa2048"),
    ),
    (
        "encrypted-unsupported-pbes1-3des",
        Ours::AsCase("key-rsa2048"),
    ),
    ("endpoint-double-slash", Ours::AsReference),
    ("endpoint-escaped", Ours::AsReference),
    // The typed value wins.
    (
        "endpoint-flag-and-service-environment",
        Ours::AsCase("key-rsa2048"),
    ),
    ("endpoint-fragment", Ours::AsReference),
    ("endpoint-path", Ours::AsReference),
    ("endpoint-path-query", Ours::AsReference),
    ("endpoint-path-slash", Ours::AsReference),
    ("endpoint-query", Ours::AsReference),
    ("endpoint-service-environment-ignored", Ours::AsReference),
    ("env-config-assume-role-incomplete", Ours::AsReference),
    // The shared configuration, which may name this very helper, is not read: the proxy is asked
    // for the service's own host.
    (
        "env-config-endpoint-url-honoured",
        Ours::AsCaseBehindProxy("host-us-east-1"),
    ),
    ("env-max-attempts-bad", Ours::Refuses(&["AWS_MAX_ATTEMPTS"])),
    ("env-retry-mode-bad", Ours::Refuses(&["AWS_RETRY_MODE"])),
    ("handle-no-tpm", Ours::Refuses(&[])),
    ("password-for-a-plain-key", Ours::AsCase("key-rsa2048")),
    ("pr-arn-wrong-service", Ours::Refuses(&["--profile-arn"])),
    ("region-empty-in-arns", Ours::Refuses(&["region"])),
    ("response-201-expired", Ours::AsReference),
    ("response-201-odd-expiration", Ours::AsReference),
    ("response-304", Ours::AsReference),
    ("response-429-without-type", Ours::FailsAfter(3, &["429"])),
    ("response-body-shorter-than-told", Ours::FailsAfter(3, &[])),
    ("response-clock-skew-403", Ours::CorrectsClock),
    ("response-clock-skew-always", Ours::CorrectsClockInVain),
    ("response-clock-skew-request-expired", Ours::CorrectsClock),
    ("response-retry-after-header", Ours::AsReference),
    // Nothing could be asked for without a role.
    ("role-arn-absent", Ours::Refuses(&["role", "arn"])),
    ("role-arn-empty", Ours::Refuses(&["role", "arn"])),
    ("role-arn-not-an-arn", Ours::Refuses(&["role", "arn"])),
    ("role-arn-other-service", Ours::AsReference),
    // The reference sends a plus and signs another.
    ("role-arn-spaces", Ours::Target("a+b", "a%20b")),
    ("role-session-name-long", Ours::AsReference),
    ("role-session-name-odd", Ours::AsReference),
    ("role-session-name-one-letter", Ours::AsReference),
    ("shape-two-certs-key", Ours::AsReference),
    (
        "ta-arn-wrong-service",
        Ours::Refuses(&["--trust-anchor-arn"]),
    ),
    // The folder `cli`.
    ("completion-none", Ours::Exits(0)),
    ("flag-before-command", Ours::Exits(1)),
    ("help-unknown", Ours::Exits(0)),
    ("single-dash", Ours::Exits(1)),
    ("version-flag", Ours::Exits(1)),
];
