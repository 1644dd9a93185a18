//! Every case captured from the reference, run against the helper of this crate. What has to come
//! of a case is [`expectation_of`]; that the cases cannot silently go missing is in the counts.

mod compare;
mod deliberate;
mod runner;
#[cfg(unix)]
mod serve;

use crate::support::case::Case;
use crate::vectors::deliberate::DELIBERATE;
use crate::vectors::deliberate::Ours;
use crate::vectors::runner::Group;

#[test]
fn identity_cases_match_the_reference() {
    IDENTITY.assert();
}

#[test]
fn response_cases_match_the_reference() {
    RESPONSE.assert();
}

#[test]
fn endpoint_cases_match_the_reference() {
    ENDPOINT.assert();
}

#[test]
fn command_line_cases_match_the_reference() {
    COMMAND_LINE.assert();
}

#[test]
fn cli_cases_match_the_reference() {
    CLI.assert();
}

#[test]
fn every_create_session_case_is_in_exactly_one_group() {
    let groups = [IDENTITY, RESPONSE, ENDPOINT, COMMAND_LINE];
    let prefixes = groups.map(|group| group.prefixes).concat();
    let cases = Case::all("create_session");
    for case in &cases {
        let matching = prefixes
            .iter()
            .filter(|prefix| case.name.starts_with(*prefix));
        assert_eq!(matching.count(), 1, "{}", case.name);
    }
    for prefix in prefixes {
        assert!(
            cases.iter().any(|case| case.name.starts_with(prefix)),
            "no case {prefix}*"
        );
    }
}

#[test]
fn tables_name_exactly_the_informative_cases() {
    let mut cases = Case::all("create_session");
    cases.extend(Case::all("cli"));
    for (name, _) in DELIBERATE {
        let is_informative = |case: &Case| case.name == *name && case.informative;
        assert!(
            cases.iter().any(is_informative),
            "DELIBERATE: {name} is no informative case"
        );
    }
    for case in cases.iter().filter(|case| case.informative) {
        assert!(
            Ours::of(&case.name).is_some(),
            "DELIBERATE: no row for {}",
            case.name
        );
    }
}

const IDENTITY: Group = Group {
    title: "identity",
    folder: "create_session",
    prefixes: &[
        "absent-",
        "certificate-",
        "chain-",
        "der-",
        "empty-",
        "encoding-",
        "encrypted-",
        "handle-",
        "key-",
        "no-",
        "password-",
        "pkcs11-",
        "pkcs12-",
        "shape-",
    ],
    count: 159,
};
const RESPONSE: Group = Group {
    title: "response",
    folder: "create_session",
    prefixes: &["response-", "slow-answer"],
    count: 56,
};
const ENDPOINT: Group = Group {
    title: "endpoint",
    folder: "create_session",
    prefixes: &[
        "connection-",
        "endpoint-",
        "host-",
        "partition-",
        "proxy-",
        "region-",
        "tls-",
    ],
    count: 56,
};
const COMMAND_LINE: Group = Group {
    title: "command line",
    folder: "create_session",
    prefixes: &[
        "all-arns-absent",
        "debug",
        "duration-",
        "env-",
        "flags-",
        "pr-arn-",
        "role-",
        "stray-",
        "ta-arn-",
    ],
    count: 59,
};
const CLI: Group = Group {
    title: "cli",
    folder: "cli",
    prefixes: &[""],
    count: 113,
};
