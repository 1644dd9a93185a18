//! [`read`]: certificates and private keys from a PKCS#12 file (RFC 7292).
//!
//! Where a file has a MAC, nothing in it is decrypted or believed before the MAC is verified. Own
//! code rather than a library's: those at hand know no PBMAC1, refuse what NSS and Bouncy Castle
//! write, limit the work of each part but not of the file, and leave keys behind in memory.

pub mod error;
mod mac;

use pkcs8::ObjectIdentifier;

use self::error::BAGS_MAX;
use self::error::Pkcs12Error;
use super::ber;
use super::ber::CONTEXT_0;
use super::ber::OCTET_STRING;
use super::ber::Reader;
use super::decryption;
use super::decryption::error::DecryptionError;
use super::decryption::key_derivation::Password;
use crate::identity::work_budget::WorkBudget;
use crate::secret::Secret;

/// Content of a PKCS#12 file, in the file's order.
#[derive(Debug, Default)]
pub struct Pkcs12 {
    /// The DER of each X.509 certificate.
    pub certificates: Vec<Vec<u8>>,
    /// The DER of each key's `PrivateKeyInfo` (PKCS#8, RFC 5958).
    pub private_keys: Vec<Secret<Vec<u8>>>,
}

/// Reads a file, in DER or BER; bytes after it are passed over. How large it may be is for the caller
/// to say.
///
/// A file that was made without a password is read with the empty one.
pub fn read(der: &[u8], password: &str, work: &mut WorkBudget) -> Result<Pkcs12, Pkcs12Error> {
    let mut pfx = Reader::new(der).sequence()?;
    if pfx.integer()? != VERSION {
        return Err(Pkcs12Error::Malformed);
    }
    let mut authenticated_safe = pfx.sequence()?;
    match authenticated_safe.object_identifier()? {
        OID_DATA => {}
        other => return Err(DecryptionError::algorithm(other).into()),
    }
    let contents = authenticated_safe.explicit()?.octets(OCTET_STRING)?;
    let mut safe = Safe {
        password: Password::new(password),
        work,
        bags: 0,
        found: Pkcs12::default(),
    };
    if !pfx.is_empty() {
        let mac_data = pfx.sequence()?;
        pfx.finish()?;
        mac::verify(mac_data, contents.expose(), &mut safe.password, safe.work)?;
    }
    let mut contents = Reader::new(contents.expose()).sequence()?;
    while !contents.is_empty() {
        safe.read_content(contents.sequence()?)?;
    }
    Ok(safe.found)
}

/// True if `bytes` begin as a PKCS#12 file does; a damaged one still counts. Neither a certificate nor
/// a key in DER begins like that.
pub fn is_pkcs12(bytes: &[u8]) -> bool {
    let content_type = |bytes| {
        let (ber::SEQUENCE, _, rest) = ber::split_header(bytes)? else {
            return None;
        };
        let (ber::SEQUENCE, _, rest) = ber::split_header(rest.strip_prefix(VERSION_BER)?)? else {
            return None;
        };
        rest.strip_prefix(PKCS7_BER)
    };
    content_type(bytes).is_some()
}

/// An `AuthenticatedSafe` being read (RFC 7292, 4.1).
struct Safe<'a> {
    password: Password<'a>,
    work: &'a mut WorkBudget,
    bags: usize,
    found: Pkcs12,
}

impl Safe<'_> {
    /// One `ContentInfo`: bags as they are, or encrypted.
    fn read_content(&mut self, mut info: Reader<'_>) -> Result<(), Pkcs12Error> {
        let content_type = info.object_identifier()?;
        let mut content = info.explicit()?;
        let bags = match content_type {
            OID_DATA => content.octets(OCTET_STRING)?,
            OID_ENCRYPTED_DATA => self.decrypt_content(content.sequence()?)?,
            other => return Err(DecryptionError::algorithm(other).into()),
        };
        self.read_bags(Reader::new(bags.expose()), 0)
    }

    /// An `EncryptedData` (RFC 2315, 13).
    fn decrypt_content(&mut self, mut data: Reader<'_>) -> Result<Secret<Vec<u8>>, Pkcs12Error> {
        data.integer()?;
        let mut info = data.sequence()?;
        info.object_identifier()?;
        let algorithm = info.algorithm()?;
        let ciphertext = info.octets(CONTEXT_0)?;
        let ciphertext = ciphertext.expose();
        Ok(decryption::decrypt(
            algorithm,
            ciphertext,
            &self.password,
            self.work,
        )?)
    }

    /// `SafeContents` (RFC 7292, 4.2), which may be nested.
    fn read_bags(&mut self, mut contents: Reader<'_>, depth: usize) -> Result<(), Pkcs12Error> {
        if depth > DEPTH_MAX {
            return Err(Pkcs12Error::Malformed);
        }
        let mut bags = contents.sequence()?;
        while !bags.is_empty() {
            self.bags += 1;
            if self.bags > BAGS_MAX {
                return Err(Pkcs12Error::BagCount);
            }
            self.read_bag(bags.sequence()?, depth)?;
        }
        Ok(())
    }

    /// One `SafeBag`. Its attributes are names for people; revocation lists and other secrets are
    /// passed over.
    fn read_bag(&mut self, mut bag: Reader<'_>, depth: usize) -> Result<(), Pkcs12Error> {
        let bag_type = bag.object_identifier()?;
        let mut value = bag.explicit()?;
        match bag_type {
            OID_KEY_BAG => self.found.private_keys.push(value.whole_sequence()?),
            OID_SHROUDED_KEY_BAG => {
                let mut encrypted = value.sequence()?;
                let algorithm = encrypted.algorithm()?;
                let ciphertext = encrypted.octets(OCTET_STRING)?;
                let key =
                    decryption::decrypt(algorithm, ciphertext.expose(), &self.password, self.work)?;
                self.found.private_keys.push(key);
            }
            OID_CERTIFICATE_BAG => {
                let mut certificate = value.sequence()?;
                if certificate.object_identifier()? == OID_X509_CERTIFICATE {
                    let der = certificate.explicit()?.octets(OCTET_STRING)?;
                    self.found.certificates.push(der.expose().clone());
                }
            }
            OID_SAFE_CONTENTS_BAG => self.read_bags(value, depth + 1)?,
            _ => {}
        }
        Ok(())
    }
}

/// The only version there is since PKCS#12 1.0.
const VERSION: u64 = 3;

/// The same as an INTEGER.
const VERSION_BER: &[u8] = &[0x02, 0x01, 0x03];

/// The identifiers of PKCS#7 content types begin with it, 1.2.840.113549.1.7.
const PKCS7_BER: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];

/// Bags in bags in bags. No program at hand writes any.
const DEPTH_MAX: usize = 4;

const OID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const OID_ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");

const OID_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const OID_SHROUDED_KEY_BAG: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const OID_CERTIFICATE_BAG: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const OID_SAFE_CONTENTS_BAG: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.6");

const OID_X509_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::path::PathBuf;

    use proptest::prelude::any;
    use proptest::proptest;

    use super::*;
    use crate::identity::certificate::Certificate;
    use crate::identity::files::pem;
    use crate::identity::files::private_key::PrivateKey;
    use crate::identity::signer::Signer;

    #[test]
    fn every_file_of_the_vectors_is_read() {
        let files = files_in("fixtures/vectors/pki");
        assert_eq!(files.len(), 11);
        for path in files {
            let name = path.file_name().unwrap().to_str().unwrap();
            let password = match name.ends_with("-empty.p12") {
                true => "",
                false => PASSWORD,
            };
            let found = read(&fs::read(&path).unwrap(), password).unwrap();
            let (subject, _) = name.split_once('.').unwrap();
            assert_eq!(found.certificates[0], certificate(subject), "{name}");
            let count = match subject {
                "chain2" if name.contains("with-root") => 4,
                "chain2" => 3,
                "chain3" => 4,
                _ => 1,
            };
            assert_eq!(found.certificates.len(), count, "{name}");
            assert_belong_together(&found);
        }
    }

    #[test]
    fn files_of_openssl_are_read() {
        for name in [
            "openssl-legacy",
            "openssl-rc2-128",
            "openssl-3des-2key",
            "openssl-aes-128-192",
            "openssl-des3",
            "openssl-no-encryption",
            "openssl-no-mac",
            "openssl-one-iteration",
        ] {
            assert_is_ec256(name, PASSWORD);
        }
        assert_is_ec256("openssl-utf8", "pässwörd-✓ 🐎");
        assert_is_ec256("openssl-no-mac-empty", "");
        assert_is_ec256("openssl-no-protection", "");
    }

    #[test]
    fn files_of_bouncy_castle_are_read() {
        for name in [
            "bouncy-castle-pbmac1-sha224",
            "bouncy-castle-pbmac1-sha384",
            "bouncy-castle-key-store",
            "bouncy-castle-scrypt",
        ] {
            assert_is_ec256(name, PASSWORD);
        }
        assert_is_ec256("bouncy-castle-absent-password", "");
    }

    #[test]
    fn files_of_python_cryptography_are_read() {
        assert_is_ec256("python-best", PASSWORD);
        assert_is_ec256("python-3des", PASSWORD);
        assert_is_ec256("python-sha512", PASSWORD);
        assert_is_ec256("python-none", "");
    }

    #[test]
    fn file_of_gnutls_without_a_password_is_read() {
        assert_is_ec256("gnutls-null-password", "");
    }

    #[test]
    fn file_of_keytool_is_read() {
        assert_is_ec256("keytool-imported", PASSWORD);
    }

    #[test]
    fn file_of_nss_with_open_lengths_is_read() {
        assert_is_ec256("nss", PASSWORD);
    }

    #[test]
    fn each_of_several_keys_is_read() {
        for name in ["keytool-two-keys", "keytool-legacy"] {
            let found = read(&fixture(name), PASSWORD).unwrap();
            assert_eq!(found.certificates.len(), 2, "{name}");
            assert_eq!(found.private_keys.len(), 2, "{name}");
            assert_belong_together(&found);
        }
    }

    #[test]
    fn file_without_a_key_is_read() {
        let found = read(&fixture("openssl-no-key"), PASSWORD).unwrap();
        assert_eq!(found.certificates, [certificate("ec256")]);
        assert!(found.private_keys.is_empty());
    }

    #[test]
    fn examples_of_rfc_9579_are_read_or_refused() {
        for name in ["rfc9579-a1", "rfc9579-a2", "rfc9579-a3"] {
            assert_belong_together(&read(&fixture(name), "1234").unwrap());
            assert_refused(&fixture(name), "12345", Pkcs12Error::Password);
        }
        assert_refused(&fixture("rfc9579-a4"), "1234", Pkcs12Error::Password);
        assert_refused(&fixture("rfc9579-a5"), "1234", Pkcs12Error::Password);
        // It does not say how long the key of its MAC is.
        assert_refused(&fixture("rfc9579-a6"), "1234", Pkcs12Error::Malformed);
    }

    #[test]
    fn mac_with_a_short_key_is_refused() {
        let file = fixture("bouncy-castle-pbmac1-short-key");
        assert_refused(&file, PASSWORD, Pkcs12Error::Malformed);
    }

    #[test]
    fn wrong_password_is_told_by_the_mac() {
        for name in [
            "openssl-legacy",
            "openssl-aes-128-192",
            "openssl-no-encryption",
            "python-none",
            "bouncy-castle-absent-password",
        ] {
            for password in ["correct horse ", "Correct horse", "correct horse\0"] {
                assert_refused(&fixture(name), password, Pkcs12Error::Password);
            }
        }
        assert_refused(&fixture("openssl-legacy"), "", Pkcs12Error::Password);
        assert_refused(&fixture("openssl-utf8"), "passwörd", Pkcs12Error::Password);
    }

    #[test]
    fn part_that_does_not_decrypt_is_told() {
        for (name, password) in [
            ("openssl-no-mac", "wrong"),
            ("openssl-no-mac", ""),
            ("openssl-no-mac-empty", "wrong"),
            ("bouncy-castle-two-passwords", PASSWORD),
        ] {
            assert_refused(&fixture(name), password, Pkcs12Error::Undecryptable);
        }
    }

    #[test]
    fn algorithm_that_is_not_supported_is_told() {
        let unsupported = |file: &[u8]| match read(file, PASSWORD) {
            Err(Pkcs12Error::Protection(DecryptionError::Algorithm { algorithm })) => algorithm,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            unsupported(&fixture("openssl-rc4")),
            "pbeWithSHA1And128BitRC4"
        );
        let signed = pfx(&content_info(OID_SIGNED_DATA, &[]), &[]);
        assert_eq!(unsupported(&signed), "signed data");
        let mac = mac_data(&ObjectIdentifier::new_unwrap("1.2.840.113549.2.5"), 1);
        let md5 = pfx(&content_info(OID_DATA, &tlv(0x04, &[])), &mac);
        assert_eq!(unsupported(&md5), "MD5");
        let unknown = pfx(
            &content_info(ObjectIdentifier::new_unwrap("1.2.3"), &[]),
            &[],
        );
        assert_eq!(unsupported(&unknown), "1.2.3");
    }

    #[test]
    fn flipped_bit_under_a_mac_never_changes_what_is_read() {
        let file = fixture("openssl-one-iteration");
        let whole = read(&file, PASSWORD).unwrap();
        let mut refused = 0;
        for_each_flipped_bit(&file, |flipped| match read(flipped, PASSWORD) {
            Ok(found) => assert_same(&found, &whole),
            Err(_) => refused += 1,
        });
        // The remaining bytes may differ: the MAC does not cover them and no code reads them, such as
        // NULL parameters.
        assert!(refused > file.len() * 8 - 50, "{refused}");
    }

    #[test]
    fn flipped_bit_without_a_mac_does_no_harm() {
        let file = fixture("openssl-one-iteration");
        let mut elements = Reader::new(&file).sequence().unwrap();
        elements.integer().unwrap();
        let authenticated_safe = elements.whole_sequence().unwrap();
        let file = pfx(authenticated_safe.expose(), &[]);
        assert_belong_together(&read(&file, PASSWORD).unwrap());
        // One in nine, and so each of the eight bits by turns: all of them take long to decrypt.
        let mut count = 0;
        for_each_flipped_bit(&file, |flipped| {
            count += 1;
            if count % 9 == 0 {
                let _ = read(flipped, PASSWORD);
            }
        });
    }

    #[test]
    fn truncated_file_is_malformed() {
        for path in files_in("fixtures/pkcs12") {
            let file = fs::read(&path).unwrap();
            for length in 0..file.len() {
                assert_refused(&file[..length], PASSWORD, Pkcs12Error::Malformed);
            }
        }
    }

    #[test]
    fn bytes_after_the_file_are_passed_over() {
        let file = [&fixture("openssl-one-iteration")[..], b"\r\n"].concat();
        assert_belong_together(&read(&file, PASSWORD).unwrap());
    }

    #[test]
    fn hostile_iteration_count_is_refused_before_any_work() {
        let sha256 = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
        for iterations in [15_000_001, u64::from(u32::MAX), u64::from(u32::MAX) + 1] {
            let mac = mac_data(&sha256, iterations);
            let file = pfx(&content_info(OID_DATA, &tlv(0x04, &[])), &mac);
            let derivation = format!("{iterations} iterations");
            let error = DecryptionError::WorkFactor { derivation };
            assert_refused(&file, PASSWORD, Pkcs12Error::Protection(error));
        }
        let mac = mac_data(&sha256, 0);
        let file = pfx(&content_info(OID_DATA, &tlv(0x04, &[])), &mac);
        assert_refused(&file, PASSWORD, Pkcs12Error::Malformed);
    }

    #[test]
    fn bags_are_counted_and_nested_a_little_only() {
        let crl_bag = [
            oid(ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.4")),
            tlv(0xa0, &[]),
        ]
        .concat();
        let bags = |count| tlv(0x30, &tlv(0x30, &crl_bag).repeat(count));
        assert!(read(&pfx_of_bags(&bags(BAGS_MAX)), "").is_ok());
        assert_refused(&pfx_of_bags(&bags(BAGS_MAX + 1)), "", Pkcs12Error::BagCount);

        let nested = |depth| {
            (0..depth).fold(bags(1), |bags, _| {
                let bag = [oid(OID_SAFE_CONTENTS_BAG), tlv(0xa0, &bags)].concat();
                tlv(0x30, &tlv(0x30, &bag))
            })
        };
        assert!(read(&pfx_of_bags(&nested(DEPTH_MAX)), "").is_ok());
        for depth in [DEPTH_MAX + 1, 10_000] {
            assert_refused(&pfx_of_bags(&nested(depth)), "", Pkcs12Error::Malformed);
        }
    }

    #[test]
    fn pkcs12_is_told_from_certificates_and_keys() {
        let files = [
            files_in("fixtures/pkcs12"),
            files_in("fixtures/vectors/pki"),
        ];
        for path in files.concat() {
            let file = fs::read(&path).unwrap();
            assert!(is_pkcs12(&file), "{}", path.display());
            assert!(is_pkcs12(&file[..40]), "{}", path.display());
        }
        for entry in fs::read_dir("fixtures/vectors/pki").unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "p12") {
                continue;
            }
            let file = fs::read(&path).unwrap();
            assert!(!is_pkcs12(&file), "{}", path.display());
            for block in pem::read_blocks(&file).iter().flatten() {
                assert!(!is_pkcs12(block.der.expose()), "{}", path.display());
            }
        }
        assert!(!is_pkcs12(b""));
        assert!(!is_pkcs12(&[0x30, 3, 2, 1, 3]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), password in any::<String>()) {
            let _ = read(&bytes, &password);
            let bags = tlv(0x30, &tlv(0x30, &bytes));
            let _ = read(&pfx_of_bags(&bags), &password);
            let _ = read(&pfx(&content_info(OID_DATA, &tlv(0x04, &[])), &bytes), &password);
        }
    }

    const PASSWORD: &str = "correct horse";

    fn read(der: &[u8], password: &str) -> Result<Pkcs12, Pkcs12Error> {
        super::read(der, password, &mut WorkBudget::new())
    }

    const OID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

    fn fixture(name: &str) -> Vec<u8> {
        fs::read(format!("fixtures/pkcs12/{name}.p12")).unwrap()
    }

    fn files_in(folder: impl AsRef<Path>) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "p12"))
            .collect()
    }

    fn certificate(name: &str) -> Vec<u8> {
        let text = fs::read(format!("fixtures/vectors/pki/{name}.crt")).unwrap();
        let mut blocks = pem::read_blocks(&text);
        blocks.remove(0).unwrap().der.expose().clone()
    }

    fn assert_is_ec256(name: &str, password: &str) {
        let found =
            read(&fixture(name), password).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.certificates, [certificate("ec256")], "{name}");
        assert_eq!(found.private_keys.len(), 1, "{name}");
        assert_belong_together(&found);
    }

    /// Each key is that of the certificate in the same place.
    fn assert_belong_together(found: &Pkcs12) {
        assert!(!found.private_keys.is_empty());
        for (key, certificate) in found.private_keys.iter().zip(&found.certificates) {
            let key = PrivateKey::from_pkcs8(key.expose()).unwrap();
            let certificate = Certificate::from_der(certificate).unwrap();
            assert_eq!(key.public_key(), certificate.public_key());
        }
    }

    fn assert_same(one: &Pkcs12, other: &Pkcs12) {
        assert_eq!(one.certificates, other.certificates);
        let keys = |found: &Pkcs12| -> Vec<Vec<u8>> {
            let keys = found.private_keys.iter();
            keys.map(|key| key.expose().clone()).collect()
        };
        assert_eq!(keys(one), keys(other));
    }

    fn assert_refused(file: &[u8], password: &str, error: Pkcs12Error) {
        assert_eq!(read(file, password).unwrap_err(), error);
    }

    fn for_each_flipped_bit(file: &[u8], mut check: impl FnMut(&[u8])) {
        let mut flipped = file.to_vec();
        for index in 0..file.len() {
            for bit in 0..8 {
                flipped[index] ^= 1 << bit;
                check(&flipped);
                flipped[index] = file[index];
            }
        }
    }

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84][..], &length, content].concat()
    }

    fn oid(oid: ObjectIdentifier) -> Vec<u8> {
        tlv(0x06, oid.as_bytes())
    }

    fn content_info(content_type: ObjectIdentifier, content: &[u8]) -> Vec<u8> {
        tlv(0x30, &[oid(content_type), tlv(0xa0, content)].concat())
    }

    fn mac_data(hash: &ObjectIdentifier, iterations: u64) -> Vec<u8> {
        let algorithm = tlv(0x30, &oid(*hash));
        let digest_info = tlv(0x30, &[algorithm, tlv(0x04, &[0; 32])].concat());
        let salt = tlv(0x04, &[0; 8]);
        let iterations = tlv(0x02, &[&[0], &iterations.to_be_bytes()[..]].concat());
        tlv(0x30, &[digest_info, salt, iterations].concat())
    }

    fn pfx(authenticated_safe: &[u8], mac_data: &[u8]) -> Vec<u8> {
        tlv(0x30, &[VERSION_BER, authenticated_safe, mac_data].concat())
    }

    /// A file without MAC and encryption.
    fn pfx_of_bags(bags: &[u8]) -> Vec<u8> {
        let contents = tlv(0x30, &content_info(OID_DATA, &tlv(0x04, bags)));
        pfx(&content_info(OID_DATA, &tlv(0x04, &contents)), &[])
    }
}
