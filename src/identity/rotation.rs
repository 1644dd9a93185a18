//! [`Rotation`]: an identity whose files are renewed while a process goes on using it.

use super::Identity;

/// The identity in use, and the one that is to follow it.
///
/// What is read half-way never takes the place of what works, and a new certificate that the service
/// refuses does not take the old one's.
#[derive(Debug)]
pub struct Rotation<V> {
    /// How the files were when they were last read whole.
    version: Option<V>,
    in_use: Option<Identity>,
    next: Option<Next>,
}

#[derive(Debug)]
struct Next {
    identity: Identity,
    /// The last time that it was tried.
    was_refused: bool,
}

/// What a look at the files showed.
#[derive(Debug, PartialEq, Eq)]
pub enum Look<E> {
    /// Nothing has changed.
    Same,
    /// They were read for the first time, or anew and with the same certificate.
    Read,
    /// There is another certificate, and its key.
    Renewed,
    /// They cannot be used as they are now.
    Unusable(E),
}

impl<V: PartialEq> Rotation<V> {
    /// Nothing was read yet.
    pub fn new() -> Self {
        Self {
            version: None,
            in_use: None,
            next: None,
        }
    }

    /// Looks at the files: `version` is how they are now, `open` reads them.
    pub fn look<E>(&mut self, version: V, open: impl FnOnce() -> Result<Identity, E>) -> Look<E> {
        if self.version.as_ref() == Some(&version) {
            return Look::Same;
        }
        let identity = match open() {
            Ok(identity) => identity,
            Err(error) => {
                // They are read again at the next look, whether or not they change until then.
                self.version = None;
                return Look::Unusable(error);
            }
        };
        self.version = Some(version);
        let is_same = |other: &Identity| other.certificate().der() == identity.certificate().der();
        match &self.in_use {
            Some(in_use) if !is_same(in_use) => {
                let is_known = self
                    .next
                    .as_ref()
                    .is_some_and(|next| is_same(&next.identity));
                self.next = Some(Next {
                    identity,
                    was_refused: false,
                });
                match is_known {
                    true => Look::Read,
                    false => Look::Renewed,
                }
            }
            Some(_) | None => {
                self.in_use = Some(identity);
                // The old certificate may be back.
                self.next = None;
                Look::Read
            }
        }
    }

    /// Who is to ask next.
    pub fn identity(&self) -> Option<&Identity> {
        match &self.next {
            Some(next) if !next.was_refused => Some(&next.identity),
            Some(_) | None => self.in_use.as_ref(),
        }
    }

    /// The service gave [`Rotation::identity`] a session.
    pub fn accepted(&mut self) {
        match self.next.take() {
            Some(next) if !next.was_refused => self.in_use = Some(next.identity),
            // Who was refused is tried again when it is time for the next session.
            Some(next) => {
                self.next = Some(Next {
                    was_refused: false,
                    ..next
                });
            }
            None => {}
        }
    }

    /// The service refused [`Rotation::identity`].
    pub fn refused(&mut self) {
        if let Some(next) = &mut self.next {
            next.was_refused = !next.was_refused;
        }
    }
}

impl<V: PartialEq> Default for Rotation<V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::identity::IdentitySource;
    use crate::identity::password::NoPasswords;

    /// That of a certificate of the test cases.
    fn identity(name: &str) -> Identity {
        let pki = PathBuf::from("fixtures/vectors/pki");
        IdentitySource::Files {
            certificate: pki.join(format!("{name}.crt")).into(),
            private_key: Some(pki.join(format!("{name}.key")).into()),
            intermediates: None,
        }
        .open(&NoPasswords)
        .unwrap()
    }

    fn open(name: &str) -> impl FnOnce() -> Result<Identity, ()> {
        move || Ok(identity(name))
    }

    fn name(rotation: &Rotation<u32>) -> &'static str {
        let der = |name| identity(name).certificate().der().to_vec();
        let identity = rotation.identity().unwrap().certificate().der();
        ["rsa2048", "ec256"]
            .into_iter()
            .find(|name| der(name) == identity)
            .unwrap()
    }

    fn unread() -> Result<Identity, ()> {
        panic!("read without need")
    }

    #[test]
    fn files_are_read_when_they_have_changed() {
        let mut rotation = Rotation::new();
        assert!(rotation.identity().is_none());
        assert_eq!(rotation.look(1, open("rsa2048")), Look::Read);
        assert_eq!(rotation.look(1, unread), Look::Same);
        assert_eq!(rotation.look(2, open("rsa2048")), Look::Read);
        assert_eq!(rotation.look(2, unread), Look::Same);
        assert_eq!(name(&rotation), "rsa2048");
    }

    #[test]
    fn half_a_rotation_changes_nothing_and_is_read_again() {
        let mut rotation = Rotation::new();
        rotation.look(1, open("rsa2048"));
        for version in [2, 2, 3] {
            assert_eq!(rotation.look(version, || Err(())), Look::Unusable(()));
            assert_eq!(name(&rotation), "rsa2048");
        }
        assert_eq!(rotation.look(3, open("ec256")), Look::Renewed);
        assert_eq!(name(&rotation), "ec256");
    }

    #[test]
    fn new_certificate_that_is_accepted_stays() {
        let mut rotation = Rotation::new();
        rotation.look(1, open("rsa2048"));
        rotation.accepted();
        rotation.look(2, open("ec256"));
        assert_eq!(rotation.look(3, open("ec256")), Look::Read);
        rotation.accepted();
        rotation.refused();
        assert_eq!(name(&rotation), "ec256");
    }

    #[test]
    fn new_certificate_that_is_refused_takes_turns_with_the_old_one() {
        let mut rotation = Rotation::new();
        rotation.look(1, open("rsa2048"));
        rotation.look(2, open("ec256"));
        rotation.refused();
        assert_eq!(name(&rotation), "rsa2048");
        rotation.accepted();
        assert_eq!(name(&rotation), "ec256");
        rotation.refused();
        rotation.refused();
        assert_eq!(name(&rotation), "ec256");
    }

    #[test]
    fn old_certificate_that_is_put_back_is_in_use_again() {
        let mut rotation = Rotation::new();
        rotation.look(1, open("rsa2048"));
        rotation.look(2, open("ec256"));
        assert_eq!(rotation.look(3, open("rsa2048")), Look::Read);
        assert_eq!(name(&rotation), "rsa2048");
        rotation.refused();
        assert_eq!(name(&rotation), "rsa2048");
    }
}
