//! The answers of STS, in XML, written through one function that escapes. A shape is a constant:
//! what varies is text.

use crate::request::request_id;
use crate::sts::grant::AssumedRole;
use crate::sts::session::Session;
use crate::timestamp::Timestamp;

/// The answer to `GetCallerIdentity`.
pub(crate) fn caller_identity(caller: &Session, number: usize) -> String {
    let result = elements(&[
        ("Arn", &caller.arn()),
        ("UserId", &caller.assumed_role_id()),
        ("Account", &caller.account),
    ]);
    response("GetCallerIdentity", &result, number)
}

/// The answer to `AssumeRole`.
pub(crate) fn assumed_role(session: &Session, role: &AssumedRole, number: usize) -> String {
    let credentials = elements(&[
        ("AccessKeyId", &session.set.access_key_id()),
        ("SecretAccessKey", &session.set.secret_access_key()),
        ("SessionToken", &session.set.session_token()),
        ("Expiration", &Timestamp(session.set.expiration).to_string()),
    ]);
    let user = elements(&[
        ("AssumedRoleId", &session.assumed_role_id()),
        ("Arn", &session.arn()),
    ]);
    let source_identity = session
        .source_identity
        .as_deref()
        .map_or_else(String::new, |identity| {
            elements(&[("SourceIdentity", identity)])
        });
    let size = elements(&[("PackedPolicySize", &role.packed_policy_percent.to_string())]);
    let result = format!(
        "<AssumedRoleUser>{user}</AssumedRoleUser><Credentials>{credentials}</Credentials>\
         {source_identity}{size}"
    );
    response("AssumeRole", &result, number)
}

/// The answer to what is refused, by who is to blame: the sender, or the service.
pub(crate) fn error(status: u16, code: &str, message: &str, number: usize) -> String {
    let blamed = if status < 500 { "Sender" } else { "Receiver" };
    let error = elements(&[("Type", blamed), ("Code", code), ("Message", message)]);
    let id = elements(&[("RequestId", &request_id(number))]);
    format!("<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>{error}</Error>{id}</ErrorResponse>\n")
}

fn response(action: &str, result: &str, number: usize) -> String {
    let id = elements(&[("RequestId", &request_id(number))]);
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata>{id}</ResponseMetadata></{action}Response>\n"
    )
}

fn elements(texts: &[(&str, &str)]) -> String {
    let element = |(name, text): &(&str, &str)| format!("<{name}>{}</{name}>", escaped(text));
    texts.iter().map(element).collect()
}

/// Markup and line ends become references; what XML 1.0 cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", u32::from(character))),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let text = "a<b>&\"c\"'d'\r\n\u{0}\u{ffff}é";
        let expected = "a&lt;b&gt;&amp;&quot;c&quot;&apos;d&apos;&#13;&#10;\u{fffd}\u{fffd}é";
        assert_eq!(escaped(text), expected);
    }

    #[test]
    fn an_error_is_of_the_sender_below_500() {
        assert!(error(400, "A", "b", 1).contains("<Type>Sender</Type><Code>A</Code>"));
        assert!(error(500, "A", "b", 1).contains("<Type>Receiver</Type>"));
    }
}
