//! The private key of a certificate, among those of a token.

use super::error::Pkcs11Error;
use super::key_object::Fit;
use super::key_object::KeyObject;
use super::session::TokenSession;
use super::uri::ObjectFilter;
use crate::identity::public_key::PublicKey;

/// What a key may have in common with its certificate: id and label, id, label, or nothing but its public
/// half.
pub(super) fn filters(label: &[u8], id: &[u8]) -> Vec<ObjectFilter> {
    let value = |value: &[u8]| Some(value.to_vec()).filter(|value| !value.is_empty());
    let (label, id) = (value(label), value(id));
    let with = |label: &Option<Vec<u8>>, id: &Option<Vec<u8>>| ObjectFilter {
        label: label.clone(),
        id: id.clone(),
    };
    let mut filters = vec![
        with(&label, &id),
        with(&None, &id),
        with(&label, &None),
        with(&None, &None),
    ];
    filters.dedup();
    filters
}

/// What the key's own URI asks for. It may be that of a certificate without id or label, whose key may have them.
pub(super) fn own_filters(wanted: &ObjectFilter) -> Vec<ObjectFilter> {
    let value = |value: &Option<Vec<u8>>| value.clone().filter(|value| !value.is_empty());
    let named = ObjectFilter {
        label: value(&wanted.label),
        id: value(&wanted.id),
    };
    let mut filters = vec![wanted.clone(), named];
    filters.dedup();
    filters
}

/// The first key that fits, as far as its attributes say, by the first filter by which there is one.
pub(super) fn find(
    session: &TokenSession,
    filters: &[ObjectFilter],
    public_key: Option<&PublicKey>,
    is_own: bool,
) -> Result<KeyObject, Pkcs11Error> {
    let (mut seen, mut untried) = (0, 0);
    for filter in filters {
        let keys = session.private_keys(filter)?;
        seen = seen.max(keys.len());
        let Some(public_key) = public_key else {
            return only_key(session, keys);
        };
        // Without anything in common, only a key that shows that it fits is meant.
        let is_any = !is_own && *filter == ObjectFilter::default();
        match fitting(session, keys, public_key, is_any)? {
            Search::Found(key) => return Ok(key),
            Search::Untried(keys) => untried = untried.max(keys),
        }
    }
    let token = session.token.name();
    Err(match seen {
        0 => Pkcs11Error::NotFound {
            what: "private key",
            token,
        },
        keys => Pkcs11Error::NotTheCertificates {
            keys,
            untried,
            token,
        },
    })
}

enum Search {
    Found(KeyObject),
    /// Number of keys that want a PIN for each signature, which is not asked for to try them.
    Untried(usize),
}

fn only_key(session: &TokenSession, mut keys: Vec<KeyObject>) -> Result<KeyObject, Pkcs11Error> {
    if keys.len() > 1 {
        let uri = |key: &KeyObject| key.uri(&session.token);
        return Err(Pkcs11Error::Several {
            what: "private key",
            matching: keys.iter().map(uri).collect(),
        });
    }
    keys.pop().ok_or_else(|| Pkcs11Error::NotFound {
        what: "private key",
        token: session.token.name(),
    })
}

fn fitting(
    session: &TokenSession,
    keys: Vec<KeyObject>,
    public_key: &PublicKey,
    is_likely_only: bool,
) -> Result<Search, Pkcs11Error> {
    let (mut likely, mut unknown, mut doubtful) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key.fit(public_key, session)? {
            Fit::Same => return Ok(Search::Found(key)),
            Fit::Likely => likely.push(key),
            Fit::Unknown => unknown.push(key),
            Fit::Doubtful => doubtful.push(key),
            Fit::Other => {}
        }
    }
    // One that is alone is not tried, nor are those that cannot be: all signatures are checked anyway.
    let is_tried = likely.len() > 1 && !likely.iter().all(|key| key.is_always_authenticated);
    if !is_tried && !likely.is_empty() {
        return Ok(Search::Found(likely.remove(0)));
    }
    let is_lone = unknown.len() == 1 && likely.is_empty() && doubtful.is_empty();
    if !is_likely_only && let Some(key) = unknown.pop_if(|_| is_lone) {
        return Ok(Search::Found(key));
    }
    let mut untried = 0;
    for key in likely.into_iter().chain(unknown).chain(doubtful) {
        if key.is_always_authenticated {
            untried += 1;
        } else if key.signs_for(public_key, session)? {
            return Ok(Search::Found(key));
        }
    }
    Ok(Search::Untried(untried))
}
