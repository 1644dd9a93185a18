//! [`Rotation`]: an identity whose files are renewed while a process is using it.

use std::sync::Arc;

use super::Identity;

/// The identity in use, and the one that is to follow it.
///
/// A half-written pair never replaces a working one, and a new certificate that the service
/// refuses does not take the old one's. With each goes a `V`: how its files were when it was read.
#[derive(Debug)]
pub struct Rotation<V> {
    in_use: (Arc<Identity>, V),
    next: Option<Next<V>>,
}

#[derive(Debug)]
struct Next<V> {
    read: (Arc<Identity>, V),
    /// The last time that it was tried.
    was_refused: bool,
}

/// Result of reading files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They are in use: the certificate is the same.
    InUse,
    /// There is another certificate, which is to be tried.
    Renewed,
}

impl<V> Rotation<V> {
    /// The first identity.
    pub fn new(identity: Identity, version: V) -> Self {
        Self {
            in_use: (Arc::new(identity), version),
            next: None,
        }
    }

    /// Takes note of new files that were read.
    pub fn read(&mut self, identity: Identity, version: V) -> Outcome {
        // The service may refuse another chain of the same certificate.
        let is_same = identity.certificate().der() == self.in_use().certificate().der()
            && identity.chain().certificates() == self.in_use().chain().certificates();
        if is_same {
            self.in_use = (Arc::new(identity), version);
            // The old certificate may be back.
            self.next = None;
            return Outcome::InUse;
        }
        self.next = Some(Next {
            read: (Arc::new(identity), version),
            was_refused: false,
        });
        Outcome::Renewed
    }

    /// Identity for the next call.
    pub fn identity(&self) -> &Arc<Identity> {
        match &self.next {
            Some(next) if !next.was_refused => &next.read.0,
            Some(_) | None => self.in_use(),
        }
    }

    /// The first one, or the last that was accepted.
    pub fn in_use(&self) -> &Arc<Identity> {
        &self.in_use.0
    }

    /// Version of the files of [`Rotation::identity`].
    pub fn version_in_turn(&self) -> &V {
        match &self.next {
            Some(next) if !next.was_refused => &next.read.1,
            Some(_) | None => self.version(),
        }
    }

    /// Version of the files in use.
    pub fn version(&self) -> &V {
        &self.in_use.1
    }

    /// The service gave [`Rotation::identity`] a session.
    pub fn accepted(&mut self) {
        match self.next.take() {
            Some(next) if !next.was_refused => self.in_use = next.read,
            // A rejected identity is retried when the next session is due.
            Some(next) => {
                self.next = Some(Next {
                    was_refused: false,
                    ..next
                });
            }
            None => {}
        }
    }

    /// The service refused [`Rotation::identity`], or its key did not sign.
    pub fn refused(&mut self) {
        if let Some(next) = &mut self.next {
            next.was_refused = !next.was_refused;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::identity::IdentitySource;
    use crate::identity::secrets::NoSecrets;

    /// That of a certificate of the test cases.
    fn identity(name: &str) -> Identity {
        let pki = PathBuf::from("fixtures/vectors/pki");
        IdentitySource {
            certificate: pki.join(format!("{name}.crt")).into(),
            private_key: Some(pki.join(format!("{name}.key")).into()),
            intermediates: None,
            hardware: Default::default(),
        }
        .open(&NoSecrets::default())
        .unwrap()
    }

    fn name(rotation: &Rotation<u32>) -> &'static str {
        let der = |name| identity(name).certificate().der().to_vec();
        let identity = rotation.identity().certificate().der();
        ["rsa2048", "ec256"]
            .into_iter()
            .find(|name| der(name) == identity)
            .unwrap()
    }

    #[test]
    fn same_certificate_is_in_use_at_once() {
        let mut rotation = Rotation::new(identity("rsa2048"), 1);
        assert_eq!(rotation.read(identity("rsa2048"), 2), Outcome::InUse);
        assert_eq!(rotation.version(), &2);
        assert_eq!(name(&rotation), "rsa2048");
    }

    #[test]
    fn rejected_chain_of_the_same_certificate_leaves_the_old_one() {
        let with = |intermediates: &str| {
            let pki = PathBuf::from("fixtures/vectors/pki");
            IdentitySource {
                certificate: pki.join("chain2.crt").into(),
                private_key: Some(pki.join("rsa2048.key").into()),
                intermediates: Some(pki.join(intermediates).into()),
                hardware: Default::default(),
            }
            .open(&NoSecrets::default())
            .unwrap()
        };
        let (working, other) = (with("chain2.intermediates.pem"), with("root.pem"));
        let chain = working.chain().certificates().to_vec();
        let mut rotation = Rotation::new(working, 1);
        rotation.accepted();
        assert_eq!(rotation.read(other, 2), Outcome::Renewed);
        assert_ne!(rotation.identity().chain().certificates(), chain);
        rotation.refused();
        assert_eq!(rotation.identity().chain().certificates(), chain);
        assert_eq!(rotation.version(), &1);
    }

    #[test]
    fn new_certificate_that_is_accepted_stays() {
        let mut rotation = Rotation::new(identity("rsa2048"), 1);
        rotation.accepted();
        assert_eq!(rotation.read(identity("ec256"), 2), Outcome::Renewed);
        assert_eq!(rotation.version(), &1);
        assert_eq!(rotation.read(identity("ec256"), 3), Outcome::Renewed);
        rotation.accepted();
        assert_eq!(rotation.version(), &3);
        rotation.refused();
        assert_eq!(name(&rotation), "ec256");
    }

    #[test]
    fn rejected_new_certificate_alternates_with_the_old_one() {
        let mut rotation = Rotation::new(identity("rsa2048"), 1);
        rotation.read(identity("ec256"), 2);
        rotation.refused();
        assert_eq!(name(&rotation), "rsa2048");
        rotation.accepted();
        assert_eq!(rotation.version(), &1);
        assert_eq!(name(&rotation), "ec256");
        rotation.refused();
        rotation.refused();
        assert_eq!(name(&rotation), "ec256");
    }

    #[test]
    fn old_certificate_that_is_put_back_is_in_use_again() {
        let mut rotation = Rotation::new(identity("rsa2048"), 1);
        rotation.read(identity("ec256"), 2);
        assert_eq!(rotation.read(identity("rsa2048"), 3), Outcome::InUse);
        assert_eq!(name(&rotation), "rsa2048");
        rotation.refused();
        assert_eq!(name(&rotation), "rsa2048");
    }
}
