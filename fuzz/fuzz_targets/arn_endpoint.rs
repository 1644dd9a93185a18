//! Text from the command line and the environment: ARNs, a region, an endpoint, a proxy. The first
//! line is the variable's value, the second the endpoint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::arn::ProfileArn;
use rolesanywhere::arn::Region;
use rolesanywhere::arn::RoleArn;
use rolesanywhere::arn::TrustAnchorArn;
use rolesanywhere::aws_call::endpoint::Endpoint;
use rolesanywhere::aws_call::proxy::Proxy;

fuzz_target!(|text: &str| {
    let _ = (text.parse::<TrustAnchorArn>(), text.parse::<ProfileArn>());
    let _ = (text.parse::<RoleArn>(), text.parse::<Region>());
    let (value, endpoint) = text.split_once('\n').unwrap_or((text, text));
    if let Ok(endpoint) = Endpoint::parse(endpoint) {
        for names in [["HTTP_PROXY", "HTTPS_PROXY"], ["HTTP_PROXY", "NO_PROXY"]] {
            let environment = names.map(|name| (name, value)).into_iter().collect();
            let _ = Proxy::on_the_way_to(&endpoint, &environment).map(|p| p.map(|p| p.to_string()));
        }
    }
});
