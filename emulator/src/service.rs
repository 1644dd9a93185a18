//! The handling of one request: next fault, verification, grant, record. Independent of sockets. A
//! request is recorded before its answer can be sent.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use crate::api::Api;
use crate::certificate::Certificate;
use crate::fault::Fault;
use crate::fault::FaultKind;
use crate::fault::FaultQueue;
use crate::issued::IssuedSet;
use crate::quota::Quota;
use crate::record::Outcome;
use crate::record::RequestLog;
use crate::record::RequestRecord;
use crate::refusal::Refusal;
use crate::request::ReceivedRequest;
use crate::respond::Answer;
use crate::respond::Grant;
use crate::respond::after;
use crate::settings::Settings;
use crate::sts;
use crate::sts::AssumeRole;
use crate::sts::Session;
use crate::sts::Sessions;
use crate::sts::StsRefusal;
use crate::sts::Verified;
use crate::verify::X_AMZ_X509;
use crate::verify::verify;

/// The service behind the sockets.
#[derive(Debug)]
pub(crate) struct Service {
    settings: Settings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: FaultQueue,
    quota: Quota,
    fault_quota: Quota,
    log: RequestLog,
    requests: usize,
    /// The sets of credentials so far.
    issued: usize,
    sessions: Sessions,
}

/// What a request meets besides itself.
#[derive(Clone, Copy)]
struct Turn<'a> {
    number: usize,
    /// The service's time.
    now: OffsetDateTime,
    fault: Option<&'a FaultKind>,
}

/// The response and its delay.
#[derive(Debug)]
pub(crate) struct Reply {
    /// None if the connection is to be closed without an answer.
    pub(crate) answer: Option<Answer>,
    pub(crate) delay: Duration,
    /// The service's time.
    pub(crate) date: OffsetDateTime,
    pub(crate) number: usize,
}

impl Service {
    pub(crate) fn new(mut settings: Settings) -> Service {
        let mut state = State::default();
        for fault in std::mem::take(&mut settings.faults) {
            state.faults.push(fault);
        }
        Service {
            settings,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    pub(crate) fn recover(&self) {
        self.state().faults.clear();
    }

    pub(crate) fn requests(&self) -> Vec<RequestRecord> {
        self.state().log.to_vec()
    }

    /// Answers a request; `refusal` is what has been found wrong while it was read.
    pub(crate) fn reply(&self, request: ReceivedRequest, refusal: Option<Refusal>) -> Reply {
        let (number, fault) = self.next_request(Api::of(&request));
        let now = self.now(fault.as_ref());
        let (answer, outcome) = self.judge(
            &request,
            refusal,
            Turn {
                number,
                now,
                fault: fault.as_ref(),
            },
        );
        let delay = match fault {
            Some(FaultKind::Slow { milliseconds }) => Duration::from_millis(milliseconds),
            _ => Duration::ZERO,
        };
        let certificate = sent_certificate(&request);
        let (subject, serial_number) = certificate.unzip();
        let is_for_sts = Api::of(&request) == Api::Sts;
        let access_key_id = is_for_sts.then(|| sts::claimed_access_key_id(&request));
        self.record(RequestRecord {
            number,
            method: request.method,
            target: request.target,
            headers: request.headers.into_iter().map(without_token).collect(),
            body: request.body,
            subject,
            serial_number,
            access_key_id: access_key_id.flatten(),
            status: answer.as_ref().map(|answer| answer.status),
            fault,
            outcome,
        });
        Reply {
            answer,
            delay,
            date: now,
            number,
        }
    }

    fn next_request(&self, api: Api) -> (usize, Option<FaultKind>) {
        let mut state = self.state();
        state.requests += 1;
        let now = self.settings.clock.now();
        if let Some(per_second) = self.settings.quota_per_second
            && api == Api::CreateSession
            && !state.quota.take(per_second, now)
        {
            return (state.requests, Some(FaultKind::Quota { per_second }));
        }
        let fault = match state.faults.next() {
            Some(FaultKind::Quota { per_second }) if state.fault_quota.take(per_second, now) => {
                None
            }
            fault => fault,
        };
        (state.requests, fault)
    }

    fn now(&self, fault: Option<&FaultKind>) -> OffsetDateTime {
        let now = self.settings.clock.now();
        match fault {
            Some(FaultKind::ClockSkew { seconds }) => now
                .checked_add(time::Duration::seconds((*seconds).into()))
                .unwrap_or(now),
            _ => now,
        }
    }

    fn judge(
        &self,
        request: &ReceivedRequest,
        refusal: Option<Refusal>,
        turn: Turn<'_>,
    ) -> (Option<Answer>, Outcome) {
        let api = Api::of(request);
        if let Some(kind @ FaultKind::Drop) = turn.fault {
            return (None, Outcome::Faulted(kind.clone()));
        }
        let faulted = |kind| Some((kind, api.fault(kind, turn.number)?));
        if let Some((kind, answer)) = turn.fault.and_then(faulted) {
            return (Some(answer), Outcome::Faulted(kind.clone()));
        }
        let (answer, outcome) = match api {
            Api::CreateSession => self.create_session(request, refusal, turn),
            Api::Sts => self.ask_sts(request, refusal, turn),
        };
        match turn.fault {
            Some(kind @ FaultKind::CutBody) => (Some(answer.cut()), Outcome::Faulted(kind.clone())),
            _ => (Some(answer), outcome),
        }
    }

    fn create_session(
        &self,
        request: &ReceivedRequest,
        refusal: Option<Refusal>,
        turn: Turn<'_>,
    ) -> (Answer, Outcome) {
        let judged = match refusal {
            Some(refusal) => Err(refusal),
            None => self.grant(request, turn),
        };
        judged.unwrap_or_else(|refusal| {
            let error = (refusal.status(), refusal.code());
            let answer = Api::CreateSession.error(error, &refusal.message(), turn.number);
            (answer, Outcome::Refused(refusal))
        })
    }

    fn grant(
        &self,
        request: &ReceivedRequest,
        turn: Turn<'_>,
    ) -> Result<(Answer, Outcome), Refusal> {
        let verified = verify(request, &self.settings.trust_anchors, turn.now)?;
        let mut state = self.state();
        let mut grant = Grant::new(&verified, &self.settings, state.issued + 1, turn.now)?;
        if let Some(FaultKind::ExpiresIn { seconds }) = turn.fault {
            grant = grant.expiring(turn.now, *seconds);
        }
        state.issued += 1;
        state.sessions.add(grant.session(&verified));
        Ok((grant.answer(&verified), grant.outcome()))
    }

    fn ask_sts(
        &self,
        request: &ReceivedRequest,
        refusal: Option<Refusal>,
        turn: Turn<'_>,
    ) -> (Answer, Outcome) {
        let judged = match refusal {
            Some(refusal) => Err(StsRefusal::Request(refusal)),
            None => sts::verify(request, &self.state().sessions, turn.now),
        };
        let answered = judged.and_then(|verified| match verified {
            Verified::Identity(caller) => {
                let body = sts::xml::caller_identity(&caller, turn.number);
                Ok((
                    Answer::xml(200, body),
                    Outcome::Identified { arn: caller.arn() },
                ))
            }
            Verified::Role { caller, parameters } => self.assume_role(caller, *parameters, turn),
        });
        answered.unwrap_or_else(|refusal| {
            let error = (refusal.status(), refusal.code());
            let answer = Api::Sts.error(error, &refusal.message(), turn.number);
            (answer, Outcome::StsRefused(refusal))
        })
    }

    fn assume_role(
        &self,
        caller: Session,
        parameters: AssumeRole,
        turn: Turn<'_>,
    ) -> Result<(Answer, Outcome), StsRefusal> {
        let grant = sts::Grant::new(caller, parameters, &self.settings.chained_roles)?;
        let seconds = match turn.fault {
            Some(FaultKind::ExpiresIn { seconds }) => (*seconds).into(),
            _ => grant.duration_seconds.into(),
        };
        let mut state = self.state();
        state.issued += 1;
        let (session, role) = grant.issue(IssuedSet {
            number: state.issued,
            expiration: after(turn.now, seconds),
        });
        let body = sts::xml::assumed_role(&session, &role, turn.number);
        state.sessions.add(session);
        Ok((Answer::xml(200, body), Outcome::Assumed(Box::new(role))))
    }

    fn record(&self, record: RequestRecord) {
        self.state().log.push(record.clone());
        if let Some(on_request) = &self.settings.on_request {
            on_request.call(&record);
        }
    }

    /// A panic of a test's callback leaves the state whole: it is never called under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Subject and serial number of the certificate that was sent, whatever it is worth.
fn sent_certificate(request: &ReceivedRequest) -> Option<(String, String)> {
    let der = STANDARD
        .decode(request.header_values(X_AMZ_X509).next()?)
        .ok()?;
    let certificate = Certificate::from_der(&der).ok()?;
    Some((certificate.subject(), certificate.serial_number()))
}

/// A header as it is recorded: a session token is a secret.
fn without_token((name, value): (String, String)) -> (String, String) {
    let is_token = name.eq_ignore_ascii_case("x-amz-security-token");
    let value = if is_token {
        "REMOVED".to_owned()
    } else {
        value
    };
    (name, value)
}
