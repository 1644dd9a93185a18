//! [`CacheKey`]: everything that changes the answer, hashed.

use std::fmt;

use sha2::Digest;
use sha2::Sha256;

use crate::aws_call::trust_roots::TrustRoots;
use crate::file;
use crate::file::FileError;
use crate::identity::IdentitySource;
use crate::identity::files::pkcs12;
use crate::identity::locator::Locator;
use crate::session::Network;
use crate::session::RoleChain;
use crate::session::SessionRequest;

/// The name of an entry: a hash of the identity, the endpoint and the request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheKey(String);

impl CacheKey {
    /// The key of a request. Two keys are equal only if everything that changes the answer is equal.
    /// `None` if the answer must not be cached: the server is not verified, or the identity can be read
    /// only once.
    ///
    /// Fails if a file of the identity cannot be read.
    pub fn of(request: &SessionRequest) -> Result<Option<Self>, FileError> {
        // In full, so that a new field that is left out does not compile.
        let SessionRequest {
            identity,
            create_session,
            network,
            role_chain,
        } = request;
        let IdentitySource {
            certificate,
            private_key,
            intermediates,
            // The key is the same in whatever device.
            hardware: _,
        } = identity;
        let mut hash = Fields(Sha256::new());
        let is_kept = hash.public("certificate", Some(certificate))?
            && hash.public("intermediates", intermediates.as_ref())?
            && hash.secret("private key", private_key.as_ref())?
            && hash.trust_roots(&network.trust_roots);
        if !is_kept {
            return Ok(None);
        }
        for (name, value) in create_session.query() {
            hash.field(name, value.as_bytes());
        }
        hash.field("body", &create_session.body());
        hash.network(network);
        if let Some(RoleChain {
            first,
            later,
            network,
        }) = role_chain
        {
            for role in [first].into_iter().chain(later) {
                // The default name follows from the session before.
                hash.field("role", role.form("").as_bytes());
            }
            if !hash.trust_roots(&network.trust_roots) {
                return Ok(None);
            }
            hash.network(network);
        }
        Ok(Some(Self(hex::encode(hash.0.finalize()))))
    }

    /// The key that an entry is named by; `None` if the text is not a key.
    pub fn parse(text: &str) -> Option<Self> {
        let is_key = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_key.then(|| Self(text.to_owned()))
    }

    /// 64 hexadecimal digits.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hash over names and values, each after its length.
struct Fields(Sha256);

impl Fields {
    fn field(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            // No file here is longer than 64 bits can say.
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    /// Certificates count by their content, and by their file if they contain a key. Whether the
    /// answer may be kept.
    fn public(&mut self, name: &str, locator: Option<&Locator>) -> Result<bool, FileError> {
        let Some(locator) = locator else {
            return Ok(true);
        };
        let fingerprint = locator.fingerprint()?;
        let Some(fingerprint) = fingerprint.for_other_processes() else {
            return Ok(false);
        };
        if let Locator::Pkcs11(_) | Locator::Store(_) = locator {
            // A token is not asked where the cache answers. A store's matching certificates are in the
            // fingerprint.
            self.field(name, fingerprint);
            return Ok(true);
        }
        let bytes = locator.read()?;
        self.field(name, bytes.expose());
        if holds_key(bytes.expose()) {
            self.field("version", fingerprint);
        }
        Ok(true)
    }

    /// Keys count by their fingerprint, so that no file is read where the cache answers.
    fn secret(&mut self, name: &str, locator: Option<&Locator>) -> Result<bool, FileError> {
        let Some(locator) = locator else {
            return Ok(true);
        };
        let fingerprint = locator.fingerprint()?;
        let Some(fingerprint) = fingerprint.for_other_processes() else {
            return Ok(false);
        };
        self.field(name, fingerprint);
        Ok(true)
    }

    /// The way to a service, but for its trust roots.
    fn network(&mut self, network: &Network) {
        let Network {
            region,
            endpoint,
            proxy,
            trust_roots: _,
            attempts_max: _,
        } = network;
        self.field("region", region.as_str().as_bytes());
        self.field("endpoint", endpoint.to_string().as_bytes());
        let proxy = proxy.as_ref().map(ToString::to_string).unwrap_or_default();
        self.field("proxy", proxy.as_bytes());
    }

    fn trust_roots(&mut self, roots: &TrustRoots) -> bool {
        match roots {
            TrustRoots::Unverified => return false,
            TrustRoots::System => {}
            TrustRoots::Bundle(path) | TrustRoots::BundleIfPresent(path) => {
                // One that cannot be read is an error when it is needed.
                let version = file::version(path).ok().filter(|version| version.is_file);
                let version = version.map(|version| version.text).unwrap_or_default();
                self.field("trust roots", path.as_os_str().as_encoded_bytes());
                self.field("version", version.as_bytes());
            }
        }
        true
    }
}

/// A PKCS#12 file, or PEM with a private key in it.
fn holds_key(bytes: &[u8]) -> bool {
    pkcs12::is_pkcs12(bytes)
        || bytes
            .windows(PRIVATE_KEY.len())
            .any(|text| text == PRIVATE_KEY)
}

const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::aws_call::endpoint::Endpoint;
    use crate::aws_call::proxy::Proxy;
    use crate::create_session::request::CreateSessionRequest;
    use crate::environment::Environment;
    use crate::secret::Secret;
    use crate::sts::assume_role::request::AssumeRoleRequest;

    /// Files of an identity, and a request with them.
    struct Asked {
        folder: TempDir,
        request: SessionRequest,
    }

    impl Asked {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let file = |name: &str| {
                let path = folder.path().join(name);
                fs::write(&path, name).unwrap();
                path
            };
            let arn =
                |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
            let request = SessionRequest {
                identity: IdentitySource {
                    certificate: file("certificate").into(),
                    private_key: Some(file("key").into()),
                    intermediates: Some(file("chain").into()),
                    hardware: Default::default(),
                },
                create_session: CreateSessionRequest {
                    trust_anchor_arn: arn("trust-anchor").parse().unwrap(),
                    profile_arn: arn("profile").parse().unwrap(),
                    role_arn: "arn:aws:iam::123456789012:role/ci".parse().unwrap(),
                    duration_seconds: 3600,
                    role_session_name: None,
                },
                network: Network {
                    region: "us-east-1".parse().unwrap(),
                    endpoint: Endpoint::parse("https://example.com").unwrap(),
                    proxy: None,
                    trust_roots: TrustRoots::Bundle(file("roots")),
                    attempts_max: 3,
                },
                role_chain: None,
            };
            Self { folder, request }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn try_key(&self) -> Result<Option<CacheKey>, FileError> {
            CacheKey::of(&self.request)
        }

        fn key(&self) -> CacheKey {
            self.try_key().unwrap().unwrap()
        }

        fn is_kept(&self) -> bool {
            self.try_key().unwrap().is_some()
        }

        fn locators(&mut self) -> (&mut Locator, &mut Option<Locator>, &mut Option<Locator>) {
            let IdentitySource {
                certificate,
                private_key,
                intermediates,
                hardware: _,
            } = &mut self.request.identity;
            (certificate, private_key, intermediates)
        }

        /// Changes a file's bytes, but neither its size nor its time.
        fn change(&self, name: &str) {
            let path = self.path(name);
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&path, bytes).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
        }

        /// Puts a file with the same bytes in the place of one.
        fn copy_anew(&self, name: &str) {
            let copy = self.path("copy");
            fs::copy(self.path(name), &copy).unwrap();
            fs::rename(copy, self.path(name)).unwrap();
        }
    }

    fn held(name: &str, bytes: &str) -> Locator {
        Locator::held(name, Secret::new(bytes.as_bytes().to_vec()))
    }

    fn variable(name: &str, value: &str) -> Locator {
        Locator::from_variable(name, value.as_bytes())
    }

    #[test]
    fn same_question_has_the_same_key() {
        let asked = Asked::new();
        assert_eq!(asked.key(), asked.key());
        assert_eq!(
            CacheKey::parse(asked.key().as_str()).as_ref(),
            Some(&asked.key())
        );
    }

    #[test]
    fn each_part_of_the_question_makes_another_key() {
        let mut asked = Asked::new();
        let other = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/9");
        let proxy = |url: &str| {
            let environment: Environment = [("HTTPS_PROXY", url)].into_iter().collect();
            let endpoint = Endpoint::parse("https://example.com").unwrap();
            Proxy::on_the_way_to(&endpoint, &environment).unwrap()
        };
        let mut keys = vec![asked.key()];
        // Each change stays when the next is made.
        let chain = |asked: &Asked| RoleChain {
            first: AssumeRoleRequest::new("arn:aws:iam::1:role/first".parse().unwrap()),
            later: Vec::new(),
            network: asked.request.network.clone(),
        };
        let in_chain = |asked: &mut Asked, change: &dyn Fn(&mut RoleChain)| {
            change(asked.request.role_chain.as_mut().unwrap());
        };
        let text = |text: &str| text.to_owned();
        let changes: [&dyn Fn(&mut Asked); 28] = [
            &|asked| asked.request.role_chain = Some(chain(asked)),
            &|asked| in_chain(asked, &|chain| chain.later = vec![chain.first.clone()]),
            &|asked| in_chain(asked, &|chain| chain.first.duration_seconds = Some(900)),
            &|asked| in_chain(asked, &|chain| chain.first.external_id = Some(text("id"))),
            &|asked| in_chain(asked, &|chain| chain.first.policy = Some(text("{}"))),
            &|asked| in_chain(asked, &|chain| chain.first.policy_arns = vec![text("arn")]),
            &|asked| {
                in_chain(asked, &|chain| {
                    chain.first.tags = vec![(text("k"), text("v"))]
                })
            },
            &|asked| {
                in_chain(asked, &|chain| {
                    chain.first.transitive_tag_keys = vec![text("k")]
                });
            },
            &|asked| {
                in_chain(asked, &|chain| {
                    chain.first.role_session_name = Some(text("n"))
                })
            },
            &|asked| in_chain(asked, &|chain| chain.later.clear()),
            &|asked| {
                in_chain(asked, &|chain| {
                    chain.network.endpoint = Endpoint::parse("https://sts.example.com").unwrap()
                });
            },
            &|asked| {
                in_chain(asked, &|chain| {
                    chain.network.region = "eu-west-1".parse().unwrap()
                })
            },
            &|asked| {
                asked.request.create_session.trust_anchor_arn =
                    other("trust-anchor").parse().unwrap()
            },
            &|asked| asked.request.create_session.profile_arn = other("profile").parse().unwrap(),
            &|asked| {
                asked.request.create_session.role_arn =
                    "arn:aws:iam::123456789012:role/b".parse().unwrap();
            },
            &|asked| asked.request.create_session.duration_seconds = 3601,
            &|asked| asked.request.create_session.role_session_name = Some("name".to_owned()),
            &|asked| asked.request.network.region = "us-east-2".parse().unwrap(),
            &|asked| {
                asked.request.network.endpoint = Endpoint::parse("http://example.com").unwrap()
            },
            &|asked| {
                asked.request.network.endpoint = Endpoint::parse("http://example.com:81").unwrap()
            },
            &|asked| {
                asked.request.network.endpoint =
                    Endpoint::parse("http://example.com:81/path").unwrap()
            },
            &|asked| asked.request.network.proxy = proxy("http://proxy:1"),
            &|asked| asked.request.network.proxy = proxy("socks5://proxy:1"),
            &|asked| asked.request.network.trust_roots = TrustRoots::System,
            &|asked| {
                asked.request.network.trust_roots =
                    TrustRoots::BundleIfPresent(asked.path("absent"))
            },
            &|asked| *asked.locators().2 = None,
            &|asked| *asked.locators().1 = None,
            &|asked| *asked.locators().0 = variable("env:C", "certificate and more"),
        ];
        for change in changes {
            change(&mut asked);
            keys.push(asked.key());
        }
        let different: HashSet<&str> = keys.iter().map(CacheKey::as_str).collect();
        assert_eq!(different.len(), keys.len());
    }

    #[test]
    fn parts_are_kept_apart() {
        let keys = [
            ("a", None, Some("b")),
            ("a", Some("b"), None),
            ("ab", None, None),
            ("", Some("ab"), None),
            ("aintermediatesb", None, None),
        ]
        .map(|(certificate, intermediates, private_key)| {
            let mut asked = Asked::new();
            *asked.locators().0 = variable("env:A", certificate);
            *asked.locators().1 = private_key.map(|key| variable("env:B", key));
            *asked.locators().2 = intermediates.map(|chain| variable("env:C", chain));
            asked.request.network.trust_roots = TrustRoots::System;
            asked.key().as_str().to_owned()
        });
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }

    #[test]
    fn certificate_counts_by_its_content() {
        let asked = Asked::new();
        let key = asked.key();
        asked.copy_anew("certificate");
        asked.copy_anew("chain");
        assert_eq!(asked.key(), key);
        for name in ["certificate", "chain"] {
            let before = asked.key();
            fs::write(asked.path(name), "renewed").unwrap();
            assert_ne!(asked.key(), before, "{name}");
        }
    }

    #[test]
    fn key_and_trust_roots_count_by_their_file() {
        let asked = Asked::new();
        for name in ["key", "roots"] {
            let key = asked.key();
            asked.change(name);
            assert_ne!(asked.key(), key, "{name}");
        }
    }

    #[test]
    fn certificate_that_holds_a_key_counts_by_its_file_too() {
        let pki = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/pki");
        let pkcs12 = fs::read_dir(&pki)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "p12"))
            .unwrap();
        for bytes in [
            fs::read(pki.join("ec256.key")).unwrap(),
            fs::read(pki.join("rsa2048.pkcs1.key")).unwrap(),
            fs::read(pkcs12).unwrap(),
        ] {
            let mut asked = Asked::new();
            *asked.locators().1 = None;
            fs::write(asked.path("certificate"), &bytes).unwrap();
            let key = asked.key();
            asked.change("certificate");
            assert_ne!(asked.key(), key);
        }
    }

    #[test]
    fn key_of_a_variable_counts_by_its_content() {
        let mut asked = Asked::new();
        let mut key_of = |bytes: &str| {
            *asked.locators().1 = Some(variable("env:KEY", bytes));
            asked.key()
        };
        assert_eq!(key_of("one"), key_of("one"));
        assert_ne!(key_of("one"), key_of("other"));
    }

    #[test]
    fn what_is_read_only_once_is_not_kept() {
        for name in ["-", "fd:3"] {
            for index in 0..3 {
                let mut asked = Asked::new();
                let (certificate, private_key, intermediates) = asked.locators();
                match index {
                    0 => *certificate = held(name, "c"),
                    1 => *private_key = Some(held(name, "k")),
                    _ => *intermediates = Some(held(name, "i")),
                }
                assert!(!asked.is_kept(), "{name} {index}");
            }
        }
    }

    /// Windows does not look at the metadata of a device.
    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_kept() {
        for index in 0..3 {
            let mut asked = Asked::new();
            let device = Locator::File("/dev/null".into());
            let (certificate, private_key, intermediates) = asked.locators();
            match index {
                0 => *certificate = device,
                1 => *private_key = Some(device),
                _ => *intermediates = Some(device),
            }
            assert!(!asked.is_kept(), "{index}");
        }
    }

    #[test]
    fn answer_of_anybody_is_not_kept() {
        let mut asked = Asked::new();
        asked.request.network.trust_roots = TrustRoots::Unverified;
        assert!(!asked.is_kept());
    }

    #[test]
    fn file_of_the_identity_that_is_not_there_is_named() {
        for name in ["certificate", "key", "chain"] {
            let asked = Asked::new();
            fs::remove_file(asked.path(name)).unwrap();
            let error = asked.try_key().unwrap_err().to_string();
            assert!(error.ends_with(name), "{error}");
        }
        // The caller reports these errors.
        let asked = Asked::new();
        fs::remove_file(asked.path("roots")).unwrap();
        assert!(asked.is_kept());
    }

    #[test]
    fn name_that_is_no_key_is_none() {
        for text in ["", "a", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65)] {
            assert_eq!(CacheKey::parse(text), None, "{text}");
        }
        assert!(CacheKey::parse(&"a0".repeat(32)).is_some());
    }
}
