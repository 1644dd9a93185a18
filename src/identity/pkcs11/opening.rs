//! [`Opening`]: certificate and key of one identity, found on tokens.
//!
//! A token is looked at once, has one session and one login, however many objects are taken from it.

use std::cell::Cell;
use std::sync::Arc;

use cryptoki::slot::Slot;

use super::error::Pkcs11Error;
use super::key_search;
use super::loaded::Loaded;
use super::place::ListedCertificate;
use super::place::TokenPlace;
use super::session::CertificateObject;
use super::session::TokenSession;
use super::signer::Open;
use super::signer::TokenKey;
use super::token::Token;
use super::uri::ObjectFilter;
use super::uri::PinPlace;
use crate::identity::certificate::Certificate;
use crate::identity::public_key::PublicKey;
use crate::identity::secrets::Secrets;
use crate::identity::signer::Digest;
use crate::identity::signer::Signer;

/// One reading of an identity.
pub(in crate::identity) struct Opening<'a> {
    secrets: &'a dyn Secrets,
    /// The tokens of each module, looked at once.
    looked: Vec<(Arc<Loaded>, Vec<Token>)>,
    sessions: Vec<TokenSession>,
}

/// A certificate that was found on a token.
pub(in crate::identity) struct TokenCertificate {
    pub(in crate::identity) leaf: Certificate,
    /// The other certificates of the token: some of them may be its chain.
    pub(in crate::identity) others: Vec<Vec<u8>>,
    home: Home,
}

/// A certificate object and the token that it is on.
struct Found {
    token: Token,
    object: CertificateObject,
}

/// Where a certificate was found, which is where its key is looked for.
struct Home {
    loaded: Arc<Loaded>,
    slot: Slot,
    label: Vec<u8>,
    id: Vec<u8>,
}

/// The key to look for.
pub(in crate::identity) struct WantedKey<'a> {
    /// Names the key, or the certificate whose key it is.
    pub(in crate::identity) place: &'a TokenPlace,
    /// The certificate and where it was found, if that is on a token.
    pub(in crate::identity) beside: Option<(&'a TokenPlace, &'a TokenCertificate)>,
    /// The key's public half; without it, one key alone must match.
    pub(in crate::identity) public_key: Option<&'a PublicKey>,
}

impl<'a> Opening<'a> {
    pub(in crate::identity) fn new(secrets: &'a dyn Secrets) -> Self {
        Self {
            secrets,
            looked: Vec::new(),
            sessions: Vec::new(),
        }
    }

    /// The certificate that `place` names. A PIN of `key_place` serves where its URI names the same token.
    pub(in crate::identity) fn certificate(
        &mut self,
        place: &TokenPlace,
        key_place: Option<&TokenPlace>,
        with_others: bool,
    ) -> Result<TokenCertificate, Pkcs11Error> {
        let (loaded, found) = self.certificates(place, key_place)?;
        let Found { token, object } = chosen(place, found)?;
        loaded.watch().note(|| {
            let uri = token.object_uri(&object.label, &object.id);
            format!("pkcs11: certificate {uri}")
        });
        let leaf = Certificate::from_der(&object.der)
            .map_err(|source| Pkcs11Error::Certificate { source })?;
        self.sessions
            .retain(|session| session.token.slot == token.slot);
        let mut others = Vec::new();
        if with_others {
            let session = self.session(&loaded, &token)?;
            let all = session.certificates(&ObjectFilter::default())?;
            others.extend(all.into_iter().map(|other| other.der));
            self.sessions.push(session);
        }
        Ok(TokenCertificate {
            leaf,
            others,
            home: Home {
                loaded,
                slot: token.slot,
                label: object.label,
                id: object.id,
            },
        })
    }

    /// The certificate that `place` names, if it can be seen as the token is: without a login.
    pub(in crate::identity) fn visible_certificate(
        &mut self,
        place: &TokenPlace,
    ) -> Result<Certificate, Pkcs11Error> {
        let (loaded, tokens) = self.tokens(place)?;
        let found = self.visible(place, &loaded, &tokens)?;
        let Found { object, .. } = chosen(place, found)?;
        Certificate::from_der(&object.der).map_err(|source| Pkcs11Error::Certificate { source })
    }

    /// All certificates that `place` names.
    pub(in crate::identity) fn list(
        &mut self,
        place: &TokenPlace,
    ) -> Result<Vec<ListedCertificate>, Pkcs11Error> {
        let (loaded, found) = self.certificates(place, None)?;
        let mut tokens = loaded.tokens()?;
        loaded.add_slots(&mut tokens);
        let listed = found.into_iter().map(|Found { token, object }| {
            let described = tokens.iter().find(|other| other.slot == token.slot);
            let token = described.unwrap_or(&token);
            ListedCertificate {
                uri: token.certificate_uri(&object.label, &object.id),
                der: object.der,
            }
        });
        Ok(listed.collect())
    }

    /// The private key.
    pub(in crate::identity) fn key(
        &mut self,
        wanted: WantedKey<'_>,
    ) -> Result<Box<dyn Signer>, Pkcs11Error> {
        let WantedKey {
            place,
            beside,
            public_key,
        } = wanted;
        let home = beside.map(|(_, certificate)| &certificate.home);
        let (loaded, tokens) = self.tokens(place)?;
        let token = key_token(&loaded, &tokens, home)?;
        let session = self.session(&loaded, token)?;
        let is_at_home = home.is_some_and(|home| home.is(&loaded, token));
        let beside_pin = beside.filter(|_| is_at_home);
        let beside_pin = beside_pin.and_then(|(place, _)| place.uri.pin.as_ref());
        session.log_in(place.uri.pin.as_ref().or(beside_pin), self.secrets)?;
        // The key's own URI is taken as it is.
        let is_own = beside.is_none_or(|(certificate, _)| !std::ptr::eq(certificate, place));
        let filters = match home {
            Some(home) if !is_own => key_search::filters(&home.label, &home.id),
            _ => key_search::own_filters(&place.uri.object),
        };
        let key = key_search::find(&session, &filters, public_key, is_own)?;
        let note = || format!("pkcs11: private key {}", key.uri(token));
        loaded.watch().note(note);
        let is_certificates = public_key.is_some();
        let public_key = match public_key {
            Some(public_key) => public_key.clone(),
            None => key.public_key(&session)?,
        };
        self.signer(
            place,
            Open::new(session, key),
            (public_key, is_certificates),
        )
    }

    fn signer(
        &self,
        place: &TokenPlace,
        mut open: Open,
        (public_key, is_certificates): (PublicKey, bool),
    ) -> Result<Box<dyn Signer>, Pkcs11Error> {
        let mut pin = None;
        if open.key.is_always_authenticated {
            let begun = Cell::new(None);
            let begin = || {
                begun.set(Some(open.begin(&public_key, Digest::Sha256)?));
                Ok(())
            };
            let is_reused = place.choices.is_pin_reused;
            let session = &open.session;
            pin = session.allow_first_signature(place.name(), is_reused, self.secrets, begin)?;
            open.begun = begun.take();
        }
        Ok(Box::new(TokenKey::new(
            public_key,
            is_certificates,
            open,
            pin,
        )))
    }

    /// Matching certificates: without login first, and if one token alone matches, with login.
    fn certificates(
        &mut self,
        place: &TokenPlace,
        key_place: Option<&TokenPlace>,
    ) -> Result<(Arc<Loaded>, Vec<Found>), Pkcs11Error> {
        let (loaded, tokens) = self.tokens(place)?;
        let mut found = self.visible(place, &loaded, &tokens)?;
        if found.is_empty() {
            let [token] = tokens.as_slice() else {
                return Err(several_tokens(&tokens));
            };
            let session = self.session(&loaded, token)?;
            let key_pin = key_place.and_then(|place| self.pin_for(place, &loaded, token));
            let pin = key_pin.or(place.uri.pin.as_ref());
            session.log_in(pin, self.secrets)?;
            let objects = session.certificates(&place.uri.object)?;
            found.extend(objects.into_iter().map(|object| Found::on(token, object)));
            self.sessions.push(session);
        }
        Ok((loaded, found))
    }

    /// Matching certificates of these tokens, as far as they can be seen without a login.
    fn visible(
        &mut self,
        place: &TokenPlace,
        loaded: &Arc<Loaded>,
        tokens: &[Token],
    ) -> Result<Vec<Found>, Pkcs11Error> {
        let mut found = Vec::new();
        for token in tokens {
            let session = match self.session(loaded, token) {
                // Another token may have it.
                Err(_) if tokens.len() > 1 => continue,
                session => session?,
            };
            let objects = session.certificates(&place.uri.object)?;
            found.extend(objects.into_iter().map(|object| Found::on(token, object)));
            self.sessions.push(session);
        }
        Ok(found)
    }

    /// The PIN of `place`, if its URI names this token.
    fn pin_for<'p>(
        &self,
        place: &'p TokenPlace,
        loaded: &Arc<Loaded>,
        token: &Token,
    ) -> Option<&'p PinPlace> {
        let other = place.module.load().ok()?;
        let is_this = Arc::ptr_eq(&other, loaded) && token.matches(&place.uri.token);
        place.uri.pin.as_ref().filter(|_| is_this)
    }

    /// The tokens that `place` matches, one at least.
    fn tokens(&mut self, place: &TokenPlace) -> Result<(Arc<Loaded>, Vec<Token>), Pkcs11Error> {
        let loaded = place.module.load()?;
        let is_this = |(other, _): &(Arc<Loaded>, _)| Arc::ptr_eq(other, &loaded);
        if !self.looked.iter().any(is_this) {
            let tokens = loaded.tokens()?;
            self.looked.push((Arc::clone(&loaded), tokens));
        }
        let looked = self.looked.iter_mut().find(|looked| is_this(looked));
        let all = looked.map(|(_, tokens)| tokens.as_mut_slice());
        let all = all.unwrap_or_default();
        if place.uri.token.has_slot() {
            loaded.add_slots(all);
        }
        let is_match = |token: &&Token| token.matches(&place.uri.token);
        let matching: Vec<Token> = all.iter().filter(is_match).cloned().collect();
        match matching.is_empty() {
            true => Err(Pkcs11Error::NoToken {
                present: all.iter().map(Token::name).collect(),
            }),
            false => Ok((loaded, matching)),
        }
    }

    /// The session that is open with a token, or a new one. It is put back, or goes into a key.
    fn session(
        &mut self,
        loaded: &Arc<Loaded>,
        token: &Token,
    ) -> Result<TokenSession, Pkcs11Error> {
        let is_open = |session: &TokenSession| {
            session.token.slot == token.slot && Arc::ptr_eq(&session.loaded, loaded)
        };
        match self.sessions.iter().position(is_open) {
            Some(index) => Ok(self.sessions.swap_remove(index)),
            None => TokenSession::open(loaded, token),
        }
    }
}

impl Home {
    fn is(&self, loaded: &Arc<Loaded>, token: &Token) -> bool {
        Arc::ptr_eq(&self.loaded, loaded) && self.slot == token.slot
    }
}

impl Found {
    fn on(token: &Token, object: CertificateObject) -> Self {
        Self {
            token: token.clone(),
            object,
        }
    }
}

/// The one certificate, or the one that expires last.
fn chosen(place: &TokenPlace, mut found: Vec<Found>) -> Result<Found, Pkcs11Error> {
    if found.len() > 1 && place.choices.is_latest_taken {
        found.sort_by_key(|found| {
            let certificate = Certificate::from_der(&found.object.der).ok();
            certificate.map(|certificate| certificate.validity().1)
        });
        found.drain(..found.len().saturating_sub(1));
    }
    if found.len() > 1 {
        let uri = |found: &Found| {
            let CertificateObject { label, id, .. } = &found.object;
            found.token.object_uri(label, id)
        };
        return Err(Pkcs11Error::Several {
            what: "certificate",
            matching: found.iter().map(uri).collect(),
        });
    }
    found.pop().ok_or_else(|| Pkcs11Error::NotFound {
        what: "certificate",
        token: place.name().to_string_lossy().into_owned(),
    })
}

/// The one token that matches, or among several that of the certificate.
fn key_token<'t>(
    loaded: &Arc<Loaded>,
    tokens: &'t [Token],
    home: Option<&Home>,
) -> Result<&'t Token, Pkcs11Error> {
    match tokens {
        [token] => Ok(token),
        several => several
            .iter()
            .find(|token| home.is_some_and(|home| home.is(loaded, token)))
            .ok_or_else(|| several_tokens(several)),
    }
}

fn several_tokens(tokens: &[Token]) -> Pkcs11Error {
    Pkcs11Error::Tokens {
        matching: tokens.iter().map(Token::name).collect(),
    }
}
