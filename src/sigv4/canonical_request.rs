//! [`CanonicalRequest`]: a request in one form only, so that both sides hash the same bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use sha2::Digest;
use sha2::Sha256;

use crate::sigv4::SignableRequest;

/// Method, path, query, headers, names of the headers and hash of the body. `Display` is exactly the
/// text that is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalRequest {
    text: String,
    signed_headers: String,
}

impl CanonicalRequest {
    /// The canonical form of `request` with `headers`, which may be more than the request's own.
    pub fn new<'a>(
        request: &SignableRequest<'_>,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let headers = canonical_headers(headers);
        let signed_headers = headers
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(";");
        let mut text = format!(
            "{}\n{}\n{}\n",
            request.method,
            request.path,
            canonical_query(request.query)
        );
        for (name, value) in &headers {
            text.push_str(name);
            text.push(':');
            text.push_str(value);
            text.push('\n');
        }
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n{signed_headers}\n{}",
            hex::encode(Sha256::digest(request.body))
        );
        Self {
            text,
            signed_headers,
        }
    }

    /// The text that is hashed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Names of the signed headers, in lower case, sorted, joined by `;`.
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }
}

impl fmt::Display for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The query as it is signed, and as it has to be sent: names and values percent-encoded (a space as
/// `%20`), sorted by name, then by value.
pub fn canonical_query(query: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> = query
        .iter()
        .map(|(name, value)| (percent_encode(name), percent_encode(value)))
        .collect();
    pairs.sort();
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

/// RFC 3986, 2.1 and 2.3: everything but unreserved characters, octet by octet.
fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Names in lower case, sorted; values trimmed, runs of spaces made one, repeats joined by a comma.
fn canonical_headers<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<String, String> {
    let mut canonical = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = value
            .split(' ')
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        canonical
            .entry(name.to_ascii_lowercase())
            .and_modify(|joined| {
                joined.push(',');
                joined.push_str(&value);
            })
            .or_insert(value);
    }
    canonical
}

/// Everything that RFC 3986, 2.3 does not call unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn query_is_sorted_and_a_space_is_percent_20() {
        let query = canonical_query(&[("roleArn", "a b+c/é"), ("profileArn", "~x_-.")]);
        assert_eq!(query, "profileArn=~x_-.&roleArn=a%20b%2Bc%2F%C3%A9");
    }

    #[test]
    fn headers_are_trimmed_folded_sorted_and_joined() {
        let headers = [("X-B", "  two   words "), ("x-a", "1"), ("X-A", "2")];
        let request = SignableRequest {
            method: "POST",
            path: "/sessions",
            query: &[],
            headers: &[],
            body: b"",
        };
        let canonical = CanonicalRequest::new(&request, headers.into_iter());
        assert_eq!(
            canonical.to_string(),
            "POST\n/sessions\n\nx-a:1,2\nx-b:two words\n\nx-a;x-b\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    proptest! {
        #[test]
        fn percent_encoding_is_lossless_and_leaves_unreserved_characters_only(text in "\\PC*") {
            let encoded = percent_encode(&text);
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            prop_assert!(encoded.bytes().all(is_plain), "{}", encoded);
            prop_assert_eq!(percent_decode_str(&encoded).decode_utf8().unwrap(), text);
        }

        #[test]
        fn canonical_headers_do_not_depend_on_order_case_or_padding(
            names in prop::collection::hash_set("[a-z-]{1,12}", 0..8),
            values in prop::collection::vec("[ -~]{0,20}", 8),
        ) {
            let headers: Vec<(String, String)> = names.into_iter().zip(values).collect();
            let straight = canonical_headers(headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            let disguised: Vec<(String, String)> = headers
                .iter()
                .rev()
                .map(|(name, value)| (name.to_uppercase(), format!("  {value} ").replace(' ', "  ")))
                .collect();
            let disguised =
                canonical_headers(disguised.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            prop_assert_eq!(&straight, &disguised);
            prop_assert!(straight.values().all(|value| !value.contains("  ")));
        }
    }
}
