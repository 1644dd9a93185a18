//! [`CanonicalRequest`]: a request in one form only, so that both sides hash the same bytes.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use sha2::Digest;
use sha2::Sha256;

use crate::secret::Secret;
use crate::sigv4::SignableRequest;
use crate::sigv4::header::X_AMZ_SECURITY_TOKEN;

/// Method, path, query, headers, names of the headers and hash of the body. `Display` is the text that is
/// hashed, without the value of a session token.
pub struct CanonicalRequest {
    text: Secret<String>,
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
        let begin = format!(
            "{}\n{}\n{}\n",
            request.method,
            request.path,
            canonical_query(request.query)
        );
        let end = format!(
            "\n{signed_headers}\n{}",
            hex::encode(Sha256::digest(request.body))
        );
        let line =
            |(name, value): (&String, &Secret<String>)| name.len() + value.expose().len() + 2;
        let lines: usize = headers.iter().map(line).sum();
        // A text that grows leaves its old memory unwiped.
        let mut text = Secret::new(String::with_capacity(begin.len() + lines + end.len()));
        text.expose_mut().push_str(&begin);
        for (name, value) in &headers {
            for part in [name.as_str(), ":", value.expose(), "\n"] {
                text.expose_mut().push_str(part);
            }
        }
        text.expose_mut().push_str(&end);
        Self {
            text,
            signed_headers,
        }
    }

    /// The text that is hashed, with the session token in it.
    pub(crate) fn expose(&self) -> &str {
        self.text.expose()
    }

    /// Names of the signed headers, in lower case, sorted, joined by `;`.
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }
}

impl fmt::Display for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.expose();
        let token = format!("\n{}:", X_AMZ_SECURITY_TOKEN.to_ascii_lowercase());
        match text.split_once(&token) {
            None => f.write_str(text),
            Some((before, behind)) => {
                let rest = behind.find('\n').and_then(|end| behind.get(end..));
                let rest = rest.unwrap_or_default();
                write!(f, "{before}{token}(not shown){rest}")
            }
        }
    }
}

impl fmt::Debug for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CanonicalRequest")
            .field(&self.to_string())
            .finish()
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
) -> BTreeMap<String, Secret<String>> {
    let mut canonical = BTreeMap::<String, Secret<String>>::new();
    for (name, value) in headers {
        let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
        let value = Secret::new(words.join(" "));
        canonical
            .entry(name.to_ascii_lowercase())
            .and_modify(|joined| {
                *joined = Secret::new([joined.expose().as_str(), value.expose()].join(","));
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
            let plain = |headers: BTreeMap<String, Secret<String>>| -> Vec<(String, String)> {
                let headers = headers.into_iter();
                headers.map(|(name, value)| (name, value.expose().clone())).collect()
            };
            let straight =
                plain(canonical_headers(headers.iter().map(|(n, v)| (n.as_str(), v.as_str()))));
            let disguised: Vec<(String, String)> = headers
                .iter()
                .rev()
                .map(|(name, value)| (name.to_uppercase(), format!("  {value} ").replace(' ', "  ")))
                .collect();
            let disguised =
                plain(canonical_headers(disguised.iter().map(|(n, v)| (n.as_str(), v.as_str()))));
            prop_assert_eq!(&straight, &disguised);
            prop_assert!(straight.iter().all(|(_, value)| !value.contains("  ")));
        }
    }
}
