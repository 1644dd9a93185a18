//! The handling of one request: next fault, verification, grant, record. Independent of sockets. A
//! request is recorded before its answer can be sent.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use crate::certificate::Certificate;
use crate::fault::Fault;
use crate::fault::FaultKind;
use crate::fault::FaultQueue;
use crate::quota::Quota;
use crate::record::Outcome;
use crate::record::RequestLog;
use crate::record::RequestRecord;
use crate::refusal::Refusal;
use crate::request::ReceivedRequest;
use crate::respond::Answer;
use crate::respond::Grant;
use crate::settings::Settings;
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
    log: RequestLog,
    requests: usize,
    sessions: usize,
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
        let (number, fault) = self.next_request();
        let now = self.now(fault.as_ref());
        let (answer, outcome) = self.judge(&request, refusal, fault.as_ref(), now);
        let delay = match fault {
            Some(FaultKind::Slow { milliseconds }) => Duration::from_millis(milliseconds),
            _ => Duration::ZERO,
        };
        let certificate = sent_certificate(&request);
        let (subject, serial_number) = certificate.unzip();
        self.record(RequestRecord {
            number,
            method: request.method,
            target: request.target,
            headers: request.headers,
            body: request.body,
            subject,
            serial_number,
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

    fn next_request(&self) -> (usize, Option<FaultKind>) {
        let mut state = self.state();
        state.requests += 1;
        let fault = match state.faults.next() {
            Some(FaultKind::Quota { per_second })
                if state.quota.take(per_second, self.settings.clock.now()) =>
            {
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
        fault: Option<&FaultKind>,
        now: OffsetDateTime,
    ) -> (Option<Answer>, Outcome) {
        if let Some(kind @ FaultKind::Drop) = fault {
            return (None, Outcome::Faulted(kind.clone()));
        }
        if let Some((kind, answer)) = fault.and_then(|kind| Some((kind, Answer::fault(kind)?))) {
            return (Some(answer), Outcome::Faulted(kind.clone()));
        }
        let judged = match refusal {
            Some(refusal) => Err(refusal),
            None => self.grant(request, fault, now),
        };
        let (answer, outcome) = match judged {
            Ok((answer, outcome)) => (answer, outcome),
            Err(refusal) => (Answer::refusal(&refusal), Outcome::Refused(refusal)),
        };
        match fault {
            Some(kind @ FaultKind::CutBody) => (Some(answer.cut()), Outcome::Faulted(kind.clone())),
            _ => (Some(answer), outcome),
        }
    }

    fn grant(
        &self,
        request: &ReceivedRequest,
        fault: Option<&FaultKind>,
        now: OffsetDateTime,
    ) -> Result<(Answer, Outcome), Refusal> {
        let verified = verify(request, &self.settings.trust_anchors, now)?;
        let mut grant = Grant::new(&verified, &self.settings, self.sessions() + 1, now)?;
        self.state().sessions += 1;
        if let Some(FaultKind::ExpiresIn { seconds }) = fault {
            grant = grant.expiring(now, *seconds);
        }
        Ok((grant.answer(&verified), grant.outcome()))
    }

    fn sessions(&self) -> usize {
        self.state().sessions
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
