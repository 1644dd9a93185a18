//! Requests for STS, and a signer of Signature Version 4 that shares no code with the emulator.

use std::fmt::Write as _;

use ring::hmac;
use rolesanywhere_emulator::ReceivedRequest;
use time::OffsetDateTime;

use crate::http::Response;
use crate::http::Setup;
use crate::support::amz_date;
use crate::support::encode;
use crate::support::sha256;

pub(crate) const CHAINED_ARN: &str = "arn:aws:iam::210987654321:role/deploy/chained";

/// A set of credentials, as a client has it.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
}

impl Credentials {
    /// Those of a new session.
    pub(crate) fn created(setup: &Setup) -> Credentials {
        let body = setup.post().json();
        let field = |name: &str| {
            let value = &body["credentialSet"][0]["credentials"][name];
            value.as_str().unwrap().to_owned()
        };
        Credentials {
            access_key_id: field("accessKeyId"),
            secret_access_key: field("secretAccessKey"),
            session_token: field("sessionToken"),
        }
    }

    /// Those of an assumed role.
    pub(crate) fn assumed(response: &Response) -> Credentials {
        assert_eq!(response.status, 200, "{}", text(response));
        Credentials {
            access_key_id: element(response, "AccessKeyId"),
            secret_access_key: element(response, "SecretAccessKey"),
            session_token: element(response, "SessionToken"),
        }
    }
}

pub(crate) fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// The text of the only element of this name.
pub(crate) fn element(response: &Response, name: &str) -> String {
    let parts: Vec<&str> = text(response).split(&format!("<{name}>")).collect();
    assert_eq!(parts.len(), 2, "{name} in {}", text(response));
    let (content, _) = parts[1].split_once(&format!("</{name}>")).unwrap();
    content
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&apos;", "'")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// A request about to be signed: correct, until a test changes it.
#[derive(Clone)]
pub(crate) struct StsDraft {
    pub(crate) method: String,
    pub(crate) path: String,
    /// In the body of a POST, and in the query of a GET.
    pub(crate) parameters: Vec<(String, String)>,
    /// All but `Authorization`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) unsigned_headers: Vec<&'static str>,
    pub(crate) algorithm: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) terminator: String,
    pub(crate) credentials: Credentials,
}

impl StsDraft {
    pub(crate) fn caller_identity(credentials: &Credentials) -> StsDraft {
        let date = amz_date(OffsetDateTime::now_utc());
        StsDraft {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            parameters: vec![
                ("Action".to_owned(), "GetCallerIdentity".to_owned()),
                ("Version".to_owned(), "2011-06-15".to_owned()),
            ],
            headers: vec![
                ("Host".to_owned(), "127.0.0.1:1".to_owned()),
                ("Content-Type".to_owned(), FORM.to_owned()),
                ("X-Amz-Date".to_owned(), date),
                (
                    "X-Amz-Security-Token".to_owned(),
                    credentials.session_token.clone(),
                ),
            ],
            unsigned_headers: Vec::new(),
            algorithm: "AWS4-HMAC-SHA256".to_owned(),
            region: "eu-central-1".to_owned(),
            service: "sts".to_owned(),
            terminator: "aws4_request".to_owned(),
            credentials: credentials.clone(),
        }
    }

    pub(crate) fn assume_role(credentials: &Credentials) -> StsDraft {
        let mut draft = StsDraft::caller_identity(credentials);
        draft.with("Action", "AssumeRole");
        draft.with("RoleArn", CHAINED_ARN);
        draft.with("RoleSessionName", "hop");
        draft
    }

    /// Sets a parameter, or adds it.
    pub(crate) fn with(&mut self, name: &str, value: &str) -> &mut StsDraft {
        self.parameters.retain(|(sent, _)| sent != name);
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Tags, in order.
    pub(crate) fn with_tags(&mut self, tags: &[(&str, &str)]) -> &mut StsDraft {
        for (index, (key, value)) in tags.iter().enumerate() {
            self.with(&format!("Tags.member.{}.Key", index + 1), key);
            self.with(&format!("Tags.member.{}.Value", index + 1), value);
        }
        self
    }

    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.remove_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove_header(&mut self, name: &str) {
        self.headers
            .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
    }

    pub(crate) fn sign(&self) -> ReceivedRequest {
        let mut parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let form = parameters.join("&");
        parameters.sort();
        let (target, query, body) = match self.method.as_str() {
            "GET" => (format!("{}?{form}", self.path), parameters.join("&"), ""),
            _ => (self.path.clone(), String::new(), form.as_str()),
        };
        let mut signed: Vec<(String, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.as_str()))
            .filter(|(name, _)| !self.unsigned_headers.contains(&name.as_str()))
            .collect();
        signed.sort();
        let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let mut canonical = format!("{}\n{}\n{query}\n", self.method, self.path);
        for (name, value) in &signed {
            writeln!(canonical, "{name}:{value}").unwrap();
        }
        write!(canonical, "\n{names}\n{}", sha256(body.as_bytes())).unwrap();
        let date = self.headers.iter().find(|(name, _)| name == "X-Amz-Date");
        let date = date.map_or("", |(_, date)| date.as_str());
        let scope = format!(
            "{}/{}/{}/{}",
            &date[..date.len().min(8)],
            self.region,
            self.service,
            self.terminator
        );
        let hash = sha256(canonical.as_bytes());
        let text = format!("{}\n{date}\n{scope}\n{hash}", self.algorithm);
        let mut key = format!("AWS4{}", self.credentials.secret_access_key).into_bytes();
        for part in scope.split('/').chain([text.as_str()]) {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&secret, part.as_bytes()).as_ref().to_vec();
        }
        let authorization = format!(
            "{} Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.algorithm,
            self.credentials.access_key_id,
            hex::encode(key)
        );
        let mut headers = self.headers.clone();
        headers.push(("Authorization".to_owned(), authorization));
        ReceivedRequest {
            method: self.method.clone(),
            target,
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    pub(crate) fn send(&self, setup: &Setup) -> Response {
        setup.send(&self.sign())
    }
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
