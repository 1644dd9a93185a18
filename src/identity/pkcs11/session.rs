//! [`TokenSession`]: a session with a token, and the certificates that it sees.

use std::fmt;
use std::sync::Arc;

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::object::AttributeType;
use cryptoki::object::ObjectClass;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;

use super::error::Pkcs11Error;
use super::loaded;
use super::loaded::Loaded;
use super::token::Token;
use super::uri::ObjectFilter;
use crate::platform;

/// A read-only session, closed when it is dropped, and before its module is finalised.
pub(super) struct TokenSession {
    session: Session,
    pub(super) token: Token,
    pub(super) loaded: Arc<Loaded>,
}

/// A certificate object.
#[derive(Debug, Clone)]
pub(super) struct CertificateObject {
    pub(super) der: Vec<u8>,
    pub(super) label: Vec<u8>,
    pub(super) id: Vec<u8>,
}

impl TokenSession {
    pub(super) fn open(loaded: &Arc<Loaded>, token: &Token) -> Result<Self, Pkcs11Error> {
        let session = loaded.context().open_ro_session(token.slot)?;
        Ok(Self {
            session,
            token: token.clone(),
            loaded: Arc::clone(loaded),
        })
    }

    /// `C_Login`; without a PIN, the token asks for it itself.
    pub(super) fn login(&self, user: UserType, pin: Option<&AuthPin>) -> Result<(), Error> {
        let name = match user {
            UserType::ContextSpecific => "C_Login for one signature",
            _ => "C_Login",
        };
        self.watched(name, || self.session.login(user, pin))
    }

    /// `C_SignInit` and `C_Sign`.
    pub(super) fn sign(
        &self,
        mechanism: &Mechanism<'_>,
        key: ObjectHandle,
        input: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let kind = mechanism.mechanism_type();
        let name = format_args!("C_Sign with {kind}");
        self.watched(name, || self.session.sign(mechanism, key, input))
    }

    /// `C_SignInit`
    pub(super) fn sign_init(
        &self,
        mechanism: &Mechanism<'_>,
        key: ObjectHandle,
    ) -> Result<(), Error> {
        let kind = mechanism.mechanism_type();
        let name = format_args!("C_SignInit with {kind}");
        self.watched(name, || self.session.sign_init(mechanism, key))
    }

    fn watched<T>(
        &self,
        name: impl fmt::Display,
        call: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let watch = self.loaded.watch();
        watch.call(|| format!("pkcs11: {name}"), loaded::code, call)
    }

    pub(super) fn raw(&self) -> &Session {
        &self.session
    }

    /// Objects of a class that have what `filter` asks for.
    pub(super) fn find(
        &self,
        class: ObjectClass,
        filter: &ObjectFilter,
    ) -> Result<Vec<ObjectHandle>, Pkcs11Error> {
        let mut template = vec![Attribute::Class(class)];
        let value = |value: &Option<Vec<u8>>| value.clone().filter(|value| !value.is_empty());
        template.extend(value(&filter.id).map(Attribute::Id));
        template.extend(value(&filter.label).map(Attribute::Label));
        let mut handles = self.session.find_objects(&template)?;
        // Not every token finds what lacks an attribute by an empty value.
        for (wanted, attribute) in [
            (&filter.id, AttributeType::Id),
            (&filter.label, AttributeType::Label),
        ] {
            if wanted.as_ref().is_some_and(Vec::is_empty) {
                let mut lacking = Vec::new();
                for handle in handles {
                    if self.lacks(handle, attribute)? {
                        lacking.push(handle);
                    }
                }
                handles = lacking;
            }
        }
        Ok(handles)
    }

    /// True if an object has no such attribute, or an empty one.
    fn lacks(&self, handle: ObjectHandle, attribute: AttributeType) -> Result<bool, Pkcs11Error> {
        let attributes = self.session.get_attributes(handle, &[attribute])?;
        Ok(attributes.into_iter().all(|attribute| match attribute {
            Attribute::Id(value) | Attribute::Label(value) => value.is_empty(),
            _ => true,
        }))
    }

    /// Ends a signature that was begun with a mechanism that hashes.
    pub(super) fn sign_in_parts(&self, input: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        self.watched("C_SignUpdate", || self.session.sign_update(input))?;
        Ok(self.watched("C_SignFinal", || self.session.sign_final())?)
    }

    /// Ends a signature that was begun with a mechanism that does not hash. Where sessions are known to one
    /// caller of the module only, as with p11-kit's proxy, tokens that take a digest in parts can do it.
    pub(super) fn sign_raw(&self, input: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        let name = || "pkcs11: C_Sign".to_owned();
        let sign = || platform::sign_begun(self.loaded.path(), self.session.handle(), input);
        let watch = self.loaded.watch();
        match watch.call(name, |code| format!("{code:#x}"), sign) {
            Ok(signature) => Ok(signature),
            Err(platform::NOT_INITIALISED) => {
                self.sign_in_parts(input)
                    .map_err(|error| Pkcs11Error::KeyPinImpossible {
                        code: error.to_string(),
                    })
            }
            Err(code) => Err(Pkcs11Error::Call {
                function: "C_Sign".to_owned(),
                code: format!("{code:#x}"),
            }),
        }
    }

    /// Certificates that this session may see.
    pub(super) fn certificates(
        &self,
        filter: &ObjectFilter,
    ) -> Result<Vec<CertificateObject>, Pkcs11Error> {
        let mut certificates = Vec::new();
        for handle in self.find(ObjectClass::CERTIFICATE, filter)? {
            let mut object = CertificateObject {
                der: Vec::new(),
                label: Vec::new(),
                id: Vec::new(),
            };
            for attribute in self.session.get_attributes(handle, CERTIFICATE)? {
                match attribute {
                    Attribute::Value(value) => object.der = value,
                    Attribute::Label(label) => object.label = label,
                    Attribute::Id(id) => object.id = id,
                    _ => {}
                }
            }
            // Without a value, it is a reference to one elsewhere.
            if !object.der.is_empty() {
                certificates.push(object);
            }
        }
        Ok(certificates)
    }
}

const CERTIFICATE: &[AttributeType] = &[
    AttributeType::Value,
    AttributeType::Label,
    AttributeType::Id,
];
