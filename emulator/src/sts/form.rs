//! The parameters of the Query protocol: a form in the body, or the query. Nothing is judged but
//! that each is there once.

use std::collections::BTreeMap;
use std::ops::Bound;

use percent_encoding::percent_decode_str;

use crate::request::ReceivedRequest;
use crate::sts::refusal::StsRefusal;

/// Parameters by name.
#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// The parameters of a request; those of a `POST` are in its body, which says that it is a
    /// form.
    pub(crate) fn of(request: &ReceivedRequest) -> Result<Form, StsRefusal> {
        if request.method == "GET" {
            return Form::parse(request.query());
        }
        let is_form = |value: &str| value.to_ascii_lowercase().starts_with(CONTENT_TYPE);
        if !request.header_values("content-type").any(is_form) {
            return Ok(Form::default());
        }
        Form::from_bytes(&request.body)
    }

    pub(crate) fn from_bytes(body: &[u8]) -> Result<Form, StsRefusal> {
        let text = std::str::from_utf8(body).map_err(|_| StsRefusal::FormMalformed)?;
        Form::parse(text)
    }

    fn parse(text: &str) -> Result<Form, StsRefusal> {
        let mut form = Form::default();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name)?;
            if form.0.contains_key(&name) {
                return Err(StsRefusal::ParameterRepeated { name });
            }
            form.0.insert(name, decode(value)?);
        }
        Ok(form)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    /// The members of a list, from 1 until one is missing: the prefixes of their names.
    pub(crate) fn members(&self, list: &str) -> Vec<String> {
        (1usize..)
            .map(|number| format!("{list}.member.{number}"))
            .take_while(|member| self.has(member))
            .collect()
    }

    /// True if the member is there, or a field of it.
    fn has(&self, member: &str) -> bool {
        let fields = format!("{member}.");
        let from = (Bound::Included(fields.as_str()), Bound::Unbounded);
        let next = self.0.range::<str, _>(from).next();
        self.0.contains_key(member) || next.is_some_and(|(name, _)| name.starts_with(&fields))
    }
}

/// A plus sign is a blank in a form.
fn decode(text: &str) -> Result<String, StsRefusal> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded
        .map(|decoded| decoded.into_owned())
        .map_err(|_| StsRefusal::FormMalformed)
}

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_once() {
        let form = Form::parse("a=b+c%2Bd%2520&%C3%A9=%3D=&&empty").unwrap();
        assert_eq!(form.value("a"), Some("b c+d%20"));
        assert_eq!(form.value("é"), Some("=="));
        assert_eq!(form.value("empty"), Some(""));
        assert_eq!(form.value("absent"), None);
    }

    #[test]
    fn members_of_a_list_end_at_a_gap() {
        let form = Form::parse("T.member.1.Key=a&T.member.2=b&T.member.4=c&T.member.10=d").unwrap();
        assert_eq!(form.members("T"), ["T.member.1", "T.member.2"]);
        assert!(form.members("U").is_empty());
    }

    #[test]
    fn a_parameter_twice_is_refused() {
        let refusal = Form::parse("a=1&b=2&%61=1").unwrap_err();
        let name = "a".to_owned();
        assert_eq!(refusal, StsRefusal::ParameterRepeated { name });
    }

    #[test]
    fn what_is_not_utf_8_is_refused() {
        assert_eq!(Form::parse("a=%ff").unwrap_err(), StsRefusal::FormMalformed);
        assert_eq!(
            Form::from_bytes(b"\xff").unwrap_err(),
            StsRefusal::FormMalformed
        );
    }
}
