//! The role sessions that hold an issued set. STS knows who calls by them.

use std::collections::BTreeMap;

use crate::issued::IssuedSet;
use crate::session_tag::Tag;

/// A role session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) set: IssuedSet,
    pub(crate) partition: String,
    pub(crate) account: String,
    /// Without its path.
    pub(crate) role_name: String,
    pub(crate) role_session_name: String,
    pub(crate) source_identity: Option<String>,
    /// The tags that a session inherits that is assumed with this one.
    pub(crate) transitive_tags: Vec<Tag>,
}

impl Session {
    /// The assumed role as a principal.
    pub(crate) fn arn(&self) -> String {
        let (partition, account) = (&self.partition, &self.account);
        let (role, name) = (&self.role_name, &self.role_session_name);
        format!("arn:{partition}:sts::{account}:assumed-role/{role}/{name}")
    }

    /// The role's (fake) unique id, and the session's name.
    pub(crate) fn assumed_role_id(&self) -> String {
        format!("AROAEMULATOR0000000:{}", self.role_session_name)
    }
}

/// The latest sessions, by access key id.
#[derive(Debug, Default)]
pub(crate) struct Sessions(BTreeMap<String, Session>);

impl Sessions {
    /// Adds a session; the oldest one makes room for it.
    pub(crate) fn add(&mut self, session: Session) {
        self.0.insert(session.set.access_key_id(), session);
        if self.0.len() > SESSIONS_MAX {
            drop(self.0.pop_first());
        }
    }

    pub(crate) fn of(&self, access_key_id: &str) -> Option<&Session> {
        self.0.get(access_key_id)
    }
}

/// The most sessions whose set is good for STS: more than a test makes.
const SESSIONS_MAX: usize = 10_000;
