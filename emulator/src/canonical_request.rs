//! The canonical request, rebuilt from the bytes received. Its text is exactly what was hashed.

use std::fmt;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_decode_str;
use percent_encoding::percent_encode;
use sha2::Digest;
use sha2::Sha256;

use crate::request::ReceivedRequest;

/// Task 1 of Signature Version 4: `Display` is the exact text that is hashed.
pub(crate) struct CanonicalRequest<'a> {
    request: &'a ReceivedRequest,
    uri: &'a str,
    signed_headers: &'a [&'a str],
}

impl<'a> CanonicalRequest<'a> {
    pub(crate) fn new(
        request: &'a ReceivedRequest,
        uri: &'a str,
        signed_headers: &'a [&'a str],
    ) -> CanonicalRequest<'a> {
        CanonicalRequest {
            request,
            uri,
            signed_headers,
        }
    }

    /// Task 2: the text that the key signs.
    pub(crate) fn string_to_sign(&self, algorithm: &str, date: &str, scope: &str) -> String {
        let hash = hex::encode(Sha256::digest(self.to_string()));
        format!("{algorithm}\n{date}\n{scope}\n{hash}")
    }
}

impl fmt::Display for CanonicalRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}", self.request.method, self.uri)?;
        writeln!(f, "{}", canonical_query(self.request.query()))?;
        for name in self.signed_headers {
            writeln!(f, "{name}:{}", canonical_value(self.request, name))?;
        }
        writeln!(f, "\n{}", self.signed_headers.join(";"))?;
        f.write_str(&hex::encode(Sha256::digest(&self.request.body)))
    }
}

/// The parameters, decoded once. A plus sign is itself, as RFC 3986 has it.
pub(crate) fn query_parameters(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (
                percent_decode_str(name).collect(),
                percent_decode_str(value).collect(),
            )
        })
}

/// Names and values, encoded again and sorted.
fn canonical_query(query: &str) -> String {
    let encode = |bytes: Vec<u8>| percent_encode(&bytes, ALL_BUT_UNRESERVED).to_string();
    let mut parameters: Vec<(String, String)> = query_parameters(query)
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    parameters.sort();
    let parts: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.join("&")
}

/// The values of a header joined by commas, each trimmed, with runs of blanks made one.
fn canonical_value(request: &ReceivedRequest, name: &str) -> String {
    let collapse = |value: &str| {
        let words: Vec<&str> = value
            .split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .collect();
        words.join(" ")
    };
    let values: Vec<String> = request.header_values(name).map(collapse).collect();
    values.join(",")
}

/// The unreserved characters of RFC 3986 section 2.3 stay.
const ALL_BUT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_decoded_encoded_anew_and_sorted() {
        assert_eq!(canonical_query(""), "");
        assert_eq!(canonical_query("b=2&a=1&&a=0"), "a=0&a=1&b=2");
        assert_eq!(canonical_query("x=a%2fb&y=~-._&z"), "x=a%2Fb&y=~-._&z=");
        assert_eq!(canonical_query("x=a+b%20c&x=%zz"), "x=%25zz&x=a%2Bb%20c");
        assert_eq!(canonical_query("k=v=w"), "k=v%3Dw");
    }

    #[test]
    fn header_values_are_trimmed_collapsed_and_joined() {
        let request = ReceivedRequest {
            headers: vec![
                ("A".to_owned(), "  x   y\t z ".to_owned()),
                ("b".to_owned(), "other".to_owned()),
                ("a".to_owned(), "second".to_owned()),
            ],
            ..ReceivedRequest::default()
        };
        assert_eq!(canonical_value(&request, "a"), "x y z,second");
    }

    /// The stages before the signature, against what AWS's own helper has signed.
    #[test]
    fn every_captured_canonical_request_and_string_to_sign_is_rebuilt() {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../fixtures/vectors/create_session"
        );
        let files = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("CANNOT TEST without {folder}: {error}"));
        let mut count = 0;
        for file in files {
            let case = std::fs::read(file.unwrap().path()).unwrap();
            let case: serde_json::Value = serde_json::from_slice(&case).unwrap();
            let requests = case["expect"]["requests"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            // Requests to a proxy have no headers there.
            for captured in requests
                .iter()
                .filter(|captured| captured["headers"].is_array())
            {
                assert_stages(captured);
                count += 1;
            }
        }
        assert!(count > 200, "only {count} requests");
    }

    fn assert_stages(captured: &serde_json::Value) {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let headers = captured["headers"].as_array().unwrap().iter();
        let request = ReceivedRequest {
            method: text(&captured["method"]),
            target: text(&captured["target"]),
            headers: headers
                .map(|pair| (text(&pair[0]), text(&pair[1])))
                .collect(),
            body: text(&captured["body"]).into_bytes(),
        };
        let signed_headers: Vec<&str> = captured["signed_headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        let canonical = CanonicalRequest::new(&request, "/sessions", &signed_headers);
        assert_eq!(canonical.to_string(), captured["canonical_request"]);
        let credential = text(&captured["credential"]);
        let (_, scope) = credential.split_once('/').unwrap();
        let date = request.header_values("x-amz-date").next().unwrap();
        let signed = canonical.string_to_sign(captured["algorithm"].as_str().unwrap(), date, scope);
        assert_eq!(signed, captured["string_to_sign"]);
    }
}
