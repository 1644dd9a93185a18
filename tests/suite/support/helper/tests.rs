//! A process, its output and its end.

#[cfg(unix)]
mod unix;

use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::signature::SignedRequest;

#[test]
fn a_helper_gets_credentials_from_an_endpoint() {
    let endpoint = Endpoint::start(Script::of([
        Response::error(503, "ServiceUnavailable", "busy"),
        Response::created(),
    ]));
    let output = Helper::credential_process(&endpoint).run();

    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    let credentials: serde_json::Value = serde_json::from_str(output.stdout_text()).unwrap();
    assert_eq!(credentials["AccessKeyId"], "ASIAEXAMPLE");
    assert_eq!(endpoint.requests().len(), 2);
    for request in endpoint.requests() {
        assert_eq!(SignedRequest::rebuild(&request).unwrap().verify(), Ok(()));
    }
}
