//! Each fault as a client sees it, over a real socket.

use std::time::Instant;

use rolesanywhere_emulator::Fault;
use rolesanywhere_emulator::FaultKind;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::ServiceClock;
use rolesanywhere_emulator::Settings;
use time::Duration;
use time::OffsetDateTime;
use time::PrimitiveDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::http::Response;
use crate::http::Setup;

fn error_type(response: &Response) -> &str {
    response.header("x-amzn-errortype").unwrap()
}

fn date(response: &Response) -> OffsetDateTime {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = PrimitiveDateTime::parse(response.header("date").unwrap(), format).unwrap();
    date.assume_utc()
}

fn expiration(response: &Response) -> OffsetDateTime {
    let body = response.json();
    let text = body["credentialSet"][0]["credentials"]["expiration"]
        .as_str()
        .unwrap();
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

fn is_near(time: OffsetDateTime, expected: OffsetDateTime) -> bool {
    (time - expected).abs() < Duration::seconds(60)
}

#[test]
fn throttling_is_429_as_often_as_asked_for() {
    let setup = Setup::with_faults(&["throttle:2"]);
    for _ in 0..2 {
        let response = setup.post();
        assert_eq!(
            (response.status, error_type(&response)),
            (429, "ThrottlingException")
        );
        assert_eq!(response.json()["message"], "Rate exceeded");
    }
    assert_eq!(setup.post().status, 201);
    let outcomes: Vec<_> = setup
        .emulator
        .requests()
        .into_iter()
        .map(|r| r.outcome)
        .collect();
    assert_eq!(outcomes[1], Outcome::Faulted(FaultKind::Throttle));
    assert!(matches!(outcomes[2], Outcome::Issued { .. }));
}

#[test]
fn only_calls_over_the_quota_are_throttled() {
    let setup = Setup::new(Settings {
        faults: vec!["quota=2:*".parse().unwrap()],
        clock: ServiceClock::Fixed(OffsetDateTime::now_utc()),
        ..Settings::default()
    });
    let statuses: Vec<u16> = (0..4).map(|_| setup.post().status).collect();
    assert_eq!(statuses, [201, 201, 429, 429]);
    let outcomes = setup.emulator.requests().into_iter().map(|r| r.outcome);
    let outcomes: Vec<_> = outcomes.collect();
    assert!(matches!(outcomes[1], Outcome::Issued { .. }));
    let quota = FaultKind::Quota { per_second: 2 };
    assert_eq!(outcomes[2], Outcome::Faulted(quota));
}

#[test]
fn faults_apply_in_order_and_may_be_added() {
    let setup = Setup::with_faults(&["status=500", "status=503:2"]);
    setup
        .emulator
        .inject(Fault::new(FaultKind::Status { status: 502 }, 1));
    let statuses: Vec<u16> = (0..5).map(|_| setup.post().status).collect();
    assert_eq!(statuses, [500, 503, 503, 502, 201]);
}

#[test]
fn endless_fault_can_be_cleared() {
    let setup = Setup::with_faults(&["status=500:*", "drop"]);
    assert!((0..20).all(|_| setup.post().status == 500));
    setup.emulator.recover();
    assert_eq!(setup.post().status, 201);
}

#[test]
fn a_status_comes_with_its_code() {
    let setup = Setup::with_faults(&["status=500", "status=503", "status=404", "status=429"]);
    for code in [
        "InternalServerException",
        "ServiceUnavailableException",
        "ResourceNotFoundException",
        "ThrottlingException",
    ] {
        assert_eq!(error_type(&setup.post()), code);
    }
}

#[test]
fn an_error_comes_with_the_code_that_was_asked_for() {
    let setup = Setup::with_faults(&["error=403/RequestTimeTooSkewed"]);
    let response = setup.post();
    assert_eq!(
        (response.status, error_type(&response)),
        (403, "RequestTimeTooSkewed")
    );
}

#[test]
fn redirect_leads_back_to_the_emulator() {
    let setup = Setup::with_faults(&["status=307"]);
    let response = setup.post();
    assert_eq!(
        (response.status, response.header("location")),
        (307, Some("/sessions"))
    );
    assert_eq!(setup.post().header("location"), None);
}

#[test]
fn a_dropped_connection_has_no_answer() {
    let setup = Setup::with_faults(&["drop"]);
    let response = setup.post();
    assert_eq!((response.status, response.body.len()), (0, 0));
    assert_eq!(setup.post().status, 201);
    let requests = setup.emulator.requests();
    assert_eq!(requests[0].outcome, Outcome::Faulted(FaultKind::Drop));
    assert_eq!(requests[0].status, None);
}

#[test]
fn a_slow_answer_is_right_but_late() {
    let setup = Setup::with_faults(&["slow=60"]);
    let start = Instant::now();
    assert_eq!(setup.post().status, 201);
    assert!(start.elapsed().as_millis() >= 60, "{:?}", start.elapsed());
    let request = &setup.emulator.requests()[0];
    assert_eq!(request.fault, Some(FaultKind::Slow { milliseconds: 60 }));
    assert!(matches!(request.outcome, Outcome::Issued { .. }));
}

#[test]
fn slow_request_is_recorded_first_and_blocks_no_other() {
    let setup = Setup::with_faults(&["slow=600000"]);
    let mut stream = crate::http::connect(&setup.emulator);
    std::io::Write::write_all(&mut stream, &crate::http::bytes(&setup.request())).unwrap();
    while setup.emulator.requests().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(setup.post().status, 201);
    // Dropping the emulator does not wait for the answer.
    let start = Instant::now();
    drop(setup);
    assert!(start.elapsed().as_secs() < 60);
}

#[test]
fn a_cut_body_is_shorter_than_its_content_length() {
    let setup = Setup::with_faults(&["cut-body"]);
    let response = setup.post();
    assert_eq!(response.status, 201);
    let (received, promised) = (response.body.len(), response.content_length());
    assert!(
        received > 0 && received < promised,
        "{received} of {promised}"
    );
    assert_eq!(
        setup.emulator.requests()[0].outcome,
        Outcome::Faulted(FaultKind::CutBody)
    );
    assert_eq!(setup.post().status, 201);
}

#[test]
fn a_page_of_html_takes_the_place_of_the_answer() {
    let setup = Setup::with_faults(&["html", "html=503", "html=201"]);
    for status in [200, 503, 201] {
        let response = setup.post();
        assert_eq!(response.status, status);
        assert_eq!(
            response.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(response.header("x-amzn-errortype"), None);
        assert!(response.body.starts_with(b"<!DOCTYPE html>"));
    }
}

#[test]
fn a_skewed_clock_refuses_and_dates_its_answers() {
    for (fault, seconds) in [("clock-skew=1800", 1800), ("clock-skew=-1800", -1800)] {
        let setup = Setup::with_faults(&[fault]);
        let response = setup.post();
        assert_eq!(
            (response.status, error_type(&response)),
            (403, "AccessDeniedException")
        );
        let now = OffsetDateTime::now_utc();
        assert!(is_near(date(&response), now + Duration::seconds(seconds)));
        let request = &setup.emulator.requests()[0];
        assert!(matches!(
            request.outcome,
            Outcome::Refused(Refusal::DateSkewed { .. })
        ));
        assert!(is_near(date(&setup.post()), now));
    }
}

#[test]
fn a_request_with_the_skewed_time_is_accepted() {
    let setup = Setup::with_faults(&["clock-skew=1800"]);
    let request = setup.request_with(|draft| {
        let later = OffsetDateTime::now_utc() + Duration::seconds(1800);
        let date = crate::support::amz_date(later);
        draft.scope.replace_range(..8, &date[..8]);
        draft.set("X-Amz-Date", &date);
    });
    assert_eq!(setup.send(&request).status, 201);
}

#[test]
fn credentials_may_expire_soon_or_have_expired() {
    let setup = Setup::with_faults(&["expires-in=30", "expires-in=-30"]);
    let now = OffsetDateTime::now_utc();
    for seconds in [30, -30, 3600] {
        let expected = now + Duration::seconds(seconds);
        let found = expiration(&setup.post());
        assert!(
            (found - expected).abs() < Duration::seconds(20),
            "{found} {expected}"
        );
    }
}

#[test]
fn fault_does_not_skip_verification() {
    let setup = Setup::with_faults(&["slow=1", "expires-in=30", "cut-body"]);
    for _ in 0..3 {
        let request = setup.request_with(|draft| draft.serial_number = "1".to_owned());
        assert_eq!(setup.send(&request).status, 403);
    }
}

#[test]
fn extreme_skews_and_expirations_are_survived() {
    let setup = Setup::with_faults(&[
        "clock-skew=2147483647",
        "clock-skew=-2147483648",
        "expires-in=2147483647",
        "expires-in=-2147483648",
    ]);
    let statuses: Vec<u16> = (0..4).map(|_| setup.post().status).collect();
    assert_eq!(statuses, [403, 403, 201, 201]);
}

#[test]
fn any_request_uses_up_a_fault() {
    let faults = vec![Fault::new(FaultKind::Throttle, 1)];
    let setup = Setup::new(Settings {
        faults,
        ..Settings::default()
    });
    let request = setup.request_with(|draft| draft.method = "GET".to_owned());
    assert_eq!(setup.send(&request).status, 429);
    assert_eq!(setup.send(&request).status, 405);
}
