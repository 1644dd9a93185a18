//! The endpoint's answers: the `server` part of a case, as in `fixtures/vectors/README.md`.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

/// The answers in order, the last again and again, and how the endpoint is reached.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) responses: Vec<Response>,
    /// Serves TLS from the first byte.
    pub(crate) tls: bool,
    /// Takes `CONNECT`, and speaks TLS on that connection.
    pub(crate) proxy: bool,
}

impl Script {
    pub(crate) fn of(responses: impl IntoIterator<Item = Response>) -> Script {
        Script {
            responses: responses.into_iter().collect(),
            ..Script::default()
        }
    }

    /// The answer to request number `index`, counted from zero.
    pub(crate) fn response(&self, index: usize) -> Response {
        let last = self.responses.len().checked_sub(1);
        match last.and_then(|last| self.responses.get(index.min(last))) {
            Some(response) => response.clone(),
            None => Response::error(500, "NoScript", "the script has no answer"),
        }
    }
}

/// One answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) delay_ms: u64,
    /// Closes without an answer.
    pub(crate) drop: bool,
    /// These bytes, then closes.
    pub(crate) raw: Option<String>,
    /// A length that the body does not have; then closes.
    pub(crate) content_length: Option<usize>,
    /// A `Date` header, so many seconds off.
    pub(crate) date_offset: Option<i64>,
}

impl Response {
    /// Credentials, in the form and with the status of the service.
    pub(crate) fn created() -> Response {
        Response {
            status: 201,
            reason: Some("Created".to_owned()),
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: CREATED.to_owned(),
            ..Response::default()
        }
    }

    /// Credentials that expire in this number of seconds by this machine's clock, from a service whose
    /// clock is ahead.
    pub(crate) fn expiring(expires_in: i64, clock_ahead: i64) -> Response {
        let created = Response::created();
        let expiration = format!("{{NOW+{expires_in}}}");
        Response {
            body: created.body.replace("2099-12-31T23:59:59Z", &expiration),
            date_offset: Some(clock_ahead),
            ..created
        }
    }

    /// A refusal, in the form of the service.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Response {
        Response {
            status,
            headers: vec![
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("x-amzn-ErrorType".to_owned(), code.to_owned()),
            ],
            body: serde_json::json!({ "message": message }).to_string(),
            ..Response::default()
        }
    }

    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// True if the connection ends after this answer.
    pub(crate) fn closes(&self) -> bool {
        self.drop || self.raw.is_some() || self.content_length.is_some()
    }

    /// The bytes of the answer, from an endpoint on this port.
    pub(crate) fn bytes(&self, port: u16) -> Vec<u8> {
        if self.drop {
            return Vec::new();
        }
        if let Some(raw) = &self.raw {
            return fill(raw, port).into_bytes();
        }
        let body = fill(&self.body, port);
        let reason = self.reason.as_deref().unwrap_or("Scripted");
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {}\r\n", fill(value, port));
        }
        if let Some(seconds) = self.date_offset {
            let date = OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
            head += &format!("Date: {}\r\n", date.format(HTTP_DATE).unwrap());
        }
        let length = self.content_length.unwrap_or(body.len());
        format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    }
}

/// `text` with `{PORT}` and `{NOW+N}` replaced.
fn fill(text: &str, port: u16) -> String {
    let mut filled = text.replace("{PORT}", &port.to_string());
    while let Some(start) = filled.find(NOW) {
        let length = filled[start..].find('}').expect("`{NOW+` has an end");
        let seconds = filled[start + NOW.len()..start + length].parse();
        let seconds = time::Duration::seconds(seconds.expect("`{NOW+` has a number"));
        let moment = (OffsetDateTime::now_utc() + seconds).format(MOMENT);
        filled.replace_range(start..=start + length, &moment.unwrap());
    }
    filled
}

const NOW: &str = "{NOW+";
const MOMENT: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const HTTP_DATE: &[FormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);
const CREATED: &str = r#"{"credentialSet":[{"credentials":{"accessKeyId":"ASIAEXAMPLE","secretAccessKey":"secret/key+1=","sessionToken":"token/1+=","expiration":"2099-12-31T23:59:59Z"}}]}"#;

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::PrimitiveDateTime;

    use crate::support::script::HTTP_DATE;
    use crate::support::script::MOMENT;
    use crate::support::script::Response;
    use crate::support::script::Script;

    #[test]
    fn last_answer_of_a_script_is_repeated() {
        let script = Script::of([Response::error(503, "Busy", "no"), Response::created()]);

        let statuses = [0, 1, 2, 9].map(|index| script.response(index).status);
        assert_eq!(statuses, [503, 201, 201, 201]);
    }

    #[test]
    fn a_script_without_answers_is_a_server_error() {
        assert_eq!(Script::default().response(0).status, 500);
    }

    #[test]
    fn port_and_time_are_filled_in() {
        let response = Response {
            status: 307,
            headers: vec![(
                "Location".to_owned(),
                "http://127.0.0.1:{PORT}/x".to_owned(),
            )],
            body: "from {NOW+0} to {NOW+3600}!".to_owned(),
            ..Response::default()
        };
        let text = String::from_utf8(response.bytes(8443)).unwrap();

        assert!(text.starts_with("HTTP/1.1 307 "), "{text}");
        assert!(
            text.contains("\r\nLocation: http://127.0.0.1:8443/x\r\n"),
            "{text}"
        );
        let times = text.split_once("from ").unwrap().1;
        let (from, to) = times.strip_suffix('!').unwrap().split_once(" to ").unwrap();
        let moment = |text| PrimitiveDateTime::parse(text, MOMENT).unwrap();
        assert_eq!(
            (moment(to) - moment(from))
                .whole_seconds()
                .clamp(3599, 3601),
            (moment(to) - moment(from)).whole_seconds()
        );
    }

    #[test]
    fn date_offset_and_wrong_length_are_as_scripted() {
        let response = Response {
            status: 403,
            body: "{}".to_owned(),
            content_length: Some(5000),
            date_offset: Some(1800),
            ..Response::default()
        };
        let text = String::from_utf8(response.bytes(1)).unwrap();

        assert!(text.ends_with("Content-Length: 5000\r\n\r\n{}"), "{text}");
        assert!(response.closes());
        let date = text
            .split_once("Date: ")
            .unwrap()
            .1
            .split_once("\r\n")
            .unwrap()
            .0;
        let date = PrimitiveDateTime::parse(date, HTTP_DATE)
            .unwrap()
            .assume_utc();
        let ahead = (date - OffsetDateTime::now_utc()).whole_seconds();
        assert!((1790..=1800).contains(&ahead), "{ahead} s ahead");
    }
}
