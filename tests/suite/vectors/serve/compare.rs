//! The comparison of an answer. The body is compared for status 200, and of the headers the token's TTL
//! and `Connection`; all else is free.

use crate::support::http::value;
use crate::support::imds::Answer;
use crate::support::imds::TTL_HEADER;
use crate::vectors::compare::differing;
use crate::vectors::serve::case::BodyIs;
use crate::vectors::serve::case::ExpectedResponse;

/// Every way in which an answer is not what it has to be.
pub(crate) fn differences(wanted: &ExpectedResponse, got: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let is_right = got.status == wanted.status || wanted.status_any.contains(&got.status);
    if !is_right {
        found.extend(differing("status", &wanted.status, &got.status));
        found.push(format!("body: {:?}", String::from_utf8_lossy(&got.body)));
    }
    if got.status != 200 || wanted.status != 200 {
        return found;
    }
    found.extend(body_difference(wanted, got));
    if let Some(most) = wanted.ttl_header {
        let seconds = got.header(TTL_HEADER).map(str::parse::<u64>);
        let is_right =
            matches!(seconds, Some(Ok(seconds)) if seconds <= most && seconds + 6 >= most);
        if !is_right {
            found.push(format!(
                "{TTL_HEADER}: {:?}, at most {most}",
                got.header(TTL_HEADER)
            ));
        }
    }
    if let Some(wanted) = value(&wanted.headers, "Connection") {
        let got = got.header("Connection").map(str::to_lowercase);
        found.extend(differing("Connection", &Some(wanted.to_lowercase()), &got));
    }
    found
}

fn body_difference(wanted: &ExpectedResponse, got: &Answer) -> Option<String> {
    let Ok(text) = str::from_utf8(&got.body) else {
        return Some("body: not UTF-8".to_owned());
    };
    match (wanted.body_is, &wanted.body) {
        (Some(BodyIs::Token), _) => {
            (!is_token(text)).then(|| format!("body: {text:?} is no metadata token"))
        }
        (Some(BodyIs::Credentials), _) => {
            let document = serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
            let mut fields = wanted.fields.iter();
            let differing = fields.find(|(name, value)| document.get(name) != Some(value));
            differing.map(|(name, value)| format!("body: {name} is not {value} in {text:?}"))
        }
        (None, Some(body)) => differing("body", &body.as_str(), &text),
        (None, None) => None,
    }
}

/// Of 64 characters, of which the reference has 100: a client on the CRT takes no more than 64.
fn is_token(text: &str) -> bool {
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    text.len() == 64 && text.bytes().all(is_base64url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::support::imds::Answer;
    use crate::vectors::serve::case::ExpectedResponse;
    use crate::vectors::serve::compare::differences;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers.iter();
        Answer {
            status,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[track_caller]
    fn assert_number(count: usize, wanted: &serde_json::Value, got: &Answer) {
        let wanted: ExpectedResponse = serde_json::from_value(wanted.clone()).unwrap();
        let found = differences(&wanted, got);
        assert_eq!(found.len(), count, "{found:?}");
    }

    #[test]
    fn status_has_to_be_right_and_body_is_free() {
        let wanted = json!({"status": 200, "status_any": [200, 404], "body": "x"});
        assert_number(0, &wanted, &answer(200, &[], "x"));
        assert_number(0, &wanted, &answer(404, &[], "no such page"));
        assert_number(1, &wanted, &answer(200, &[], "y"));
        assert_number(2, &wanted, &answer(500, &[], "x"));
    }

    #[test]
    fn life_of_the_token_may_be_6_s_less() {
        let wanted = json!({"status": 200, "ttl_header": 300});
        let life = |seconds| {
            answer(
                200,
                &[("x-aws-ec2-metadata-token-ttl-seconds", seconds)],
                "",
            )
        };
        for (seconds, count) in [("300", 0), ("294", 0), ("293", 1), ("301", 1), ("x", 1)] {
            assert_number(count, &wanted, &life(seconds));
        }
        assert_number(1, &wanted, &answer(200, &[], ""));
    }

    #[test]
    fn token_has_64_characters_and_nothing_behind_it() {
        let wanted = json!({"status": 200, "body_is": "token"});
        let token = "aZ9-_bcdefghijkl".repeat(4);
        assert_number(0, &wanted, &answer(200, &[], &token));
        for body in [
            &format!("{token}\n"),
            &token[1..],
            &format!("+{}", &token[1..]),
            "",
        ] {
            assert_number(1, &wanted, &answer(200, &[], body));
        }
    }

    #[test]
    fn credentials_hold_every_field() {
        let wanted =
            json!({"status": 200, "body_is": "credentials", "fields": {"Code": "Success"}});
        assert_number(
            0,
            &wanted,
            &answer(200, &[], r#"{"Code":"Success","Type":"x"}"#),
        );
        for body in [
            r#"{"Code":"Failed"}"#,
            "{}",
            "Success",
            r#"{"Code":"Success"}{}"#,
        ] {
            assert_number(1, &wanted, &answer(200, &[], body));
        }
    }

    #[test]
    fn connection_is_kept_or_closed_as_the_reference_says() {
        let wanted = json!({"status": 200, "headers": [["Connection", "close"], ["Date", "x"]]});
        assert_number(0, &wanted, &answer(200, &[("connection", "close")], ""));
        assert_number(1, &wanted, &answer(200, &[], ""));
    }
}
