//! `exec --via endpoint`: who gets credentials there, and for how long.

use super::Facts;
use super::WAIT;
use super::WRITE_FACTS;
use super::exec_script;
use super::let_it_end;
use crate::support::imds::Connection;
use crate::support::imds::request;
use crate::support::issued;
use crate::support::running::wait_for;
use crate::support::service;

fn script() -> String {
    format!("{WRITE_FACTS}{WAIT}")
}

#[test]
fn endpoint_serves_its_command_alone() {
    let service = service(&[]);
    let helper = exec_script("endpoint", &service.url(), &script());
    let mut running = helper.start();
    let facts = Facts::wait(&helper, &mut running);
    let answer = facts.ask();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.field("AccessKeyId"), issued(1));
    for headers in [&[][..], &[("Authorization", "x")]] {
        let request = request("GET /v1/credentials", headers);
        assert_eq!(Connection::open(facts.port).ask(&request).status, 401);
    }
    let_it_end(&helper);
    let output = running.end();
    assert_eq!((output.exit, output.stdout_text()), (0, ""));
    let address = ([127, 0, 0, 1], facts.port).into();
    if let Ok(mut other) = Connection::to(address) {
        // Another process has the port by now: it does not know the token.
        let answer = other
            .send(facts.request())
            .and_then(|()| other.answer(false));
        assert!(!matches!(answer, Ok(Some(answer)) if answer.status == 200));
    }
}

#[test]
fn command_outlives_its_session_and_sees_no_gap() {
    let service = service(&["expires-in=12:*"]);
    let helper = exec_script("endpoint", &service.url(), &script());
    let mut running = helper.start();
    let facts = Facts::wait(&helper, &mut running);
    wait_for("a third session", || {
        let answer = facts.ask();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.field("AccessKeyId") == issued(3)
    });
    let_it_end(&helper);
    let output = running.end();
    assert_eq!((output.exit, &*output.stderr), (0, ""));
}

/// What the command's environment shows is of no use to the next run.
#[test]
fn each_run_has_a_token_of_its_own() {
    let service = service(&[]);
    let token = || {
        let script = r#"printf %s "$AWS_CONTAINER_AUTHORIZATION_TOKEN""#;
        let output = exec_script("endpoint", &service.url(), script).run();
        output.stdout_text().to_owned()
    };
    let (one, other) = (token(), token());
    assert_eq!((one.len(), other.len()), (64, 64));
    assert_ne!(one, other);
}
