//! Paths from end-entity certificates to trust anchors: the few that hold and the many that
//! must not.

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CustomExtension;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::PublicKeyData;
use rcgen::SigningKey;
use ring::digest;
use rolesanywhere_emulator::PathFault;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::VerifiedRequest;
use rolesanywhere_emulator::verify;
use rsa::Pkcs1v15Sign;
use rsa::PrivateKey as RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use time::Duration;

use crate::support::Authority;
use crate::support::Draft;
use crate::support::Identity;
use crate::support::NOW;
use crate::support::ca_params;
use crate::support::fixture;
use crate::support::intermediate;
use crate::support::leaf_params;
use crate::support::root;
use crate::support::rsa_root;

fn judge(identity: &Identity, anchor: &[u8]) -> Result<VerifiedRequest, Refusal> {
    verify(
        &Draft::new(identity, NOW).sign(identity),
        &[anchor.to_vec()],
        NOW,
    )
}

/// Why the path was not found.
fn fault(identity: &Identity, anchor: &[u8]) -> PathFault {
    match judge(identity, anchor) {
        Err(Refusal::ChainUntrusted { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

/// Judges an end-entity certificate with these parameters, issued by the trust anchor.
fn leaf(change: impl FnOnce(&mut CertificateParams)) -> Result<VerifiedRequest, Refusal> {
    let root = root(ca_params("root"));
    let mut params = leaf_params("leaf");
    change(&mut params);
    judge(&Identity::issued_by(&root, params), root.der())
}

/// Judges a path over an intermediate with these parameters.
fn middle(change: impl FnOnce(&mut CertificateParams)) -> PathFault {
    let root = root(ca_params("root"));
    let mut params = ca_params("middle");
    change(&mut params);
    let middle = intermediate(params, &root);
    let identity = Identity::issued_by(&middle, leaf_params("leaf")).with_chain(&[&middle]);
    fault(&identity, root.der())
}

/// A root, and intermediates one below the other.
fn line(length: usize) -> Vec<Authority> {
    let mut line = vec![root(ca_params("root"))];
    for number in 1..=length {
        let params = ca_params(&format!("middle {number}"));
        line.push(intermediate(params, &line[number - 1]));
    }
    line
}

#[test]
fn up_to_five_intermediates_lead_to_the_trust_anchor() {
    for length in 0..=5 {
        let line = line(length);
        let chain: Vec<&Authority> = line[1..].iter().rev().collect();
        let identity = Identity::issued_by(&line[length], leaf_params("leaf")).with_chain(&chain);
        judge(&identity, line[0].der()).unwrap();
    }
}

#[test]
fn more_than_five_certificates_are_refused_whatever_they_are() {
    let line = line(6);
    let chain: Vec<&Authority> = line[1..].iter().rev().collect();
    let identity = Identity::issued_by(&line[6], leaf_params("leaf")).with_chain(&chain);
    let expected = Refusal::ChainTooLong {
        certificates: 6,
        limit: 5,
    };
    assert_eq!(judge(&identity, line[0].der()).unwrap_err(), expected);
    let chain = [&line[1]; 6];
    let identity = Identity::issued_by(&line[1], leaf_params("leaf")).with_chain(&chain);
    assert_eq!(judge(&identity, line[0].der()).unwrap_err(), expected);
}

#[test]
fn intermediates_come_in_any_order() {
    let line = line(3);
    for order in [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ] {
        let chain = order.map(|index| &line[index]);
        let identity = Identity::issued_by(&line[3], leaf_params("leaf")).with_chain(&chain);
        judge(&identity, line[0].der()).unwrap();
    }
}

#[test]
fn superfluous_certificates_do_no_harm() {
    let line = line(2);
    let stranger = root(ca_params("stranger"));
    let chain = [&stranger, &line[0], &line[1], &line[2], &line[2]];
    let identity = Identity::issued_by(&line[2], leaf_params("leaf")).with_chain(&chain);
    judge(&identity, line[0].der()).unwrap();
}

#[test]
fn an_intermediate_may_be_the_trust_anchor() {
    let line = line(2);
    let identity = Identity::issued_by(&line[2], leaf_params("leaf")).with_chain(&[&line[2]]);
    judge(&identity, line[1].der()).unwrap();
    let identity = Identity::issued_by(&line[2], leaf_params("leaf"));
    judge(&identity, line[2].der()).unwrap();
}

#[test]
fn a_certificate_authority_may_have_a_p_384_key() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let root = Authority::self_signed(ca_params("root"), key).unwrap();
    let mut identity = Identity::issued_by(&root, leaf_params("leaf"));
    judge(&identity, root.der()).unwrap();
    *identity.certificate.last_mut().unwrap() ^= 1;
    let found = fault(&identity, root.der());
    assert!(
        matches!(found, PathFault::SignatureInvalid { .. }),
        "{found:?}"
    );
}

#[test]
fn a_missing_intermediate_is_named() {
    let line = line(3);
    let identity =
        Identity::issued_by(&line[3], leaf_params("leaf")).with_chain(&[&line[3], &line[1]]);
    let expected = PathFault::IssuerMissing {
        issuer: "CN=middle 2".to_owned(),
    };
    assert_eq!(fault(&identity, line[0].der()), expected);
    let identity = Identity::issued_by(&line[3], leaf_params("leaf"));
    let expected = PathFault::IssuerMissing {
        issuer: "CN=middle 3".to_owned(),
    };
    assert_eq!(fault(&identity, line[0].der()), expected);
}

#[test]
fn trust_anchor_of_same_name_with_other_key_fails() {
    let (root, namesake) = (root(ca_params("root")), root(ca_params("root")));
    let identity = Identity::issued_by(&root, leaf_params("leaf"));
    let expected = PathFault::SignatureInvalid {
        certificate: "CN=leaf".into(),
        issuer: "CN=root".into(),
    };
    assert_eq!(fault(&identity, namesake.der()), expected);
}

#[test]
fn intermediate_of_same_name_with_other_key_fails() {
    let line = line(1);
    let namesake = intermediate(ca_params("middle 1"), &line[0]);
    let identity = Identity::issued_by(&line[1], leaf_params("leaf")).with_chain(&[&namesake]);
    assert!(matches!(
        fault(&identity, line[0].der()),
        PathFault::SignatureInvalid { .. }
    ));
    // Beside the right one, it does no harm, in either order.
    for chain in [[&namesake, &line[1]], [&line[1], &namesake]] {
        let identity = Identity::issued_by(&line[1], leaf_params("leaf")).with_chain(&chain);
        judge(&identity, line[0].der()).unwrap();
    }
}

#[test]
fn a_root_in_the_chain_is_not_trusted_for_that() {
    let (root, trusted) = (root(ca_params("root")), root(ca_params("trusted")));
    let identity = Identity::issued_by(&root, leaf_params("leaf")).with_chain(&[&root]);
    assert!(matches!(
        fault(&identity, trusted.der()),
        PathFault::IssuerMissing { .. }
    ));
}

#[test]
fn intermediates_that_certify_each_other_end_the_search() {
    let trusted = root(ca_params("trusted"));
    let keys = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
    let [first, second] = keys;
    let (a, b) = (ca_params("a"), ca_params("b"));
    let a_by_b = a
        .signed_by(&first, &rcgen::Issuer::from_params(&b, &second))
        .unwrap();
    let b_by_a = b
        .signed_by(&second, &rcgen::Issuer::from_params(&a, &first))
        .unwrap();
    let mut identity = Identity::issued_by(&rcgen::Issuer::new(a, first), leaf_params("leaf"));
    identity.chain = vec![a_by_b.der().to_vec(), b_by_a.der().to_vec()];
    assert!(matches!(
        fault(&identity, trusted.der()),
        PathFault::IssuerMissing { .. }
    ));
}

#[test]
fn namesakes_that_certify_each_other_use_up_the_budget() {
    // Five certificates of one name and one key: every one is an issuer of every other.
    let trusted = root(ca_params("trusted"));
    let same = root(ca_params("same"));
    let chain: Vec<Authority> = (0..5).map(|_| namesake(&same)).collect();
    let chain: Vec<&Authority> = chain.iter().collect();
    let identity = Identity::issued_by(&same, leaf_params("leaf")).with_chain(&chain);
    assert_eq!(
        fault(&identity, trusted.der()),
        PathFault::TooManySignatureChecks
    );
}

/// Another self-signed certificate of the same name and key.
fn namesake(authority: &Authority) -> Authority {
    let key = KeyPair::try_from(authority.key().serialized_der()).unwrap();
    Authority::self_signed(ca_params("same"), key).unwrap()
}

#[test]
fn an_expired_or_not_yet_valid_intermediate_is_refused() {
    let certificate = "CN=middle".to_owned();
    let not_after = NOW - Duration::seconds(1);
    let expected = PathFault::Expired {
        certificate: certificate.clone(),
        not_after,
    };
    assert_eq!(middle(|params| params.not_after = not_after), expected);
    let not_before = NOW + Duration::seconds(1);
    let expected = PathFault::NotYetValid {
        certificate,
        not_before,
    };
    assert_eq!(
        expected.to_string(),
        "\"CN=middle\" is not valid before 2026-03-04T05:06:08Z"
    );
    assert_eq!(middle(|params| params.not_before = not_before), expected);
}

#[test]
fn an_expired_trust_anchor_is_refused() {
    let mut params = ca_params("root");
    params.not_after = NOW - Duration::seconds(1);
    let root = root(params);
    let identity = Identity::issued_by(&root, leaf_params("leaf"));
    assert!(matches!(
        fault(&identity, root.der()),
        PathFault::Expired { .. }
    ));
}

#[test]
fn an_issuer_that_is_no_ca_is_refused() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let expected = PathFault::NotCa {
            certificate: "CN=middle".to_owned(),
        };
        assert_eq!(middle(|params| params.is_ca = is_ca), expected);
    }
}

#[test]
fn an_end_entity_that_issues_is_refused() {
    let root = root(ca_params("root"));
    let key = KeyPair::generate().unwrap();
    let params = leaf_params("honest");
    let honest = params.signed_by(&key, &root).unwrap();
    let mut identity = Identity::issued_by(&rcgen::Issuer::new(params, key), leaf_params("forged"));
    identity.chain = vec![honest.der().to_vec()];
    let expected = PathFault::NotCa {
        certificate: "CN=honest".to_owned(),
    };
    assert_eq!(fault(&identity, root.der()), expected);
}

#[test]
fn an_issuer_that_may_not_sign_certificates_is_refused() {
    for usages in [
        vec![KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature],
        vec![],
    ] {
        let expected = PathFault::KeyCertSignMissing {
            certificate: "CN=middle".to_owned(),
        };
        assert_eq!(middle(|params| params.key_usages = usages), expected);
    }
}

#[test]
fn a_path_length_is_kept_to_the_letter() {
    for (limit, length, is_accepted) in [
        (0, 0, true),
        (0, 1, false),
        (1, 1, true),
        (1, 2, false),
        (2, 2, true),
        (2, 3, false),
    ] {
        let mut params = ca_params("root");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(limit));
        let mut line = vec![root(params)];
        for number in 1..=length {
            let issuer = &line[number - 1];
            line.push(intermediate(ca_params(&format!("middle {number}")), issuer));
        }
        let chain: Vec<&Authority> = line[1..].iter().collect();
        let identity = Identity::issued_by(&line[length], leaf_params("leaf")).with_chain(&chain);
        if is_accepted {
            judge(&identity, line[0].der()).unwrap();
        } else {
            let limit = limit.into();
            let expected = PathFault::PathLengthExceeded {
                certificate: "CN=root".into(),
                limit,
            };
            assert_eq!(fault(&identity, line[0].der()), expected);
        }
    }
}

#[test]
fn self_issued_intermediate_does_not_count_for_path_length() {
    let mut params = ca_params("root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let old = root(params.clone());
    // The new key of the same authority, certified by the old one (RFC 5280 section 6.1).
    let new = intermediate(params, &old);
    let identity = Identity::issued_by(&new, leaf_params("leaf")).with_chain(&[&new]);
    judge(&identity, old.der()).unwrap();
}

#[test]
fn an_unknown_critical_extension_is_refused() {
    let extension = |is_critical| {
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        extension.set_criticality(is_critical);
        vec![extension]
    };
    let oid = "1.2.3.4".to_owned();
    let expected = PathFault::CriticalExtensionUnknown {
        certificate: "CN=middle".into(),
        oid: oid.clone(),
    };
    assert_eq!(
        middle(|params| params.custom_extensions = extension(true)),
        expected
    );
    let refusal = leaf(|params| params.custom_extensions = extension(true));
    assert_eq!(
        refusal.unwrap_err(),
        Refusal::CertificateExtensionUnknown { oid }
    );
    leaf(|params| params.custom_extensions = extension(false)).unwrap();
}

#[test]
fn an_end_entity_certificate_that_is_a_ca_is_refused() {
    let refusal = leaf(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(refusal.unwrap_err(), Refusal::CaAsLeaf);
    leaf(|params| params.is_ca = IsCa::NoCa).unwrap();
}

#[test]
fn the_end_entity_certificate_needs_the_key_usage_digital_signature() {
    let refusal = leaf(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    assert_eq!(refusal.unwrap_err(), Refusal::KeyUsageNotDigitalSignature);
    let refusal = leaf(|params| params.key_usages.clear());
    assert_eq!(refusal.unwrap_err(), Refusal::KeyUsageMissing);
}

#[test]
fn validity_includes_first_and_last_second() {
    leaf(|params| (params.not_before, params.not_after) = (NOW, NOW)).unwrap();
    let not_after = NOW - Duration::seconds(1);
    let refusal = leaf(|params| params.not_after = not_after);
    assert_eq!(
        refusal.unwrap_err(),
        Refusal::CertificateExpired { not_after }
    );
    let not_before = NOW + Duration::seconds(1);
    let refusal = leaf(|params| params.not_before = not_before);
    assert_eq!(
        refusal.unwrap_err(),
        Refusal::CertificateNotYetValid { not_before }
    );
}

#[test]
fn a_sha_1_signed_end_entity_certificate_is_refused() {
    let (issuer, anchor) = rsa_root();
    let mut identity = Identity::issued_by(&issuer, leaf_params("leaf"));
    judge(&identity, &anchor).unwrap();
    identity.certificate = signed_anew(&identity.certificate, Hash::Sha1, |_| {});
    let refusal = judge(&identity, &anchor).unwrap_err();
    assert_eq!(refusal, Refusal::CertificateHashWeak { hash: "SHA-1" });
}

#[test]
fn a_sha_1_signed_intermediate_is_refused() {
    let (issuer, anchor) = rsa_root();
    let middle =
        Authority::signed_by(ca_params("middle"), KeyPair::generate().unwrap(), &issuer).unwrap();
    let mut identity = Identity::issued_by(&middle, leaf_params("leaf")).with_chain(&[&middle]);
    judge(&identity, &anchor).unwrap();
    identity.chain = vec![signed_anew(&identity.chain[0], Hash::Sha1, |_| {})];
    let expected = PathFault::SignatureHashWeak {
        certificate: "CN=middle".to_owned(),
        hash: "SHA-1",
    };
    assert_eq!(fault(&identity, &anchor), expected);
}

#[test]
fn a_certificate_signed_with_something_else_is_refused() {
    let (issuer, anchor) = rsa_root();
    let mut identity = Identity::issued_by(&issuer, leaf_params("leaf"));
    identity.certificate = signed_anew(&identity.certificate, Hash::Sha256, |der| {
        // RSASSA-PSS, with parameters that are not read.
        replace(der, &SHA256_WITH_RSA, &RSASSA_PSS);
    });
    let expected = PathFault::SignatureAlgorithmUnsupported {
        certificate: "CN=leaf".to_owned(),
        algorithm: "1.2.840.113549.1.1.10".to_owned(),
    };
    assert_eq!(fault(&identity, &anchor), expected);
}

/// The key of a certificate authority that signs with RSA and says that it was ECDSA.
struct Liar(KeyPair);

impl PublicKeyData for Liar {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Liar {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}

#[test]
fn signature_algorithm_matches_the_issuers_key() {
    let (_, anchor) = rsa_root();
    let key = String::from_utf8(fixture("pki/root.key")).unwrap();
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(&key, &rcgen::PKCS_RSA_SHA256).unwrap();
    let issuer = rcgen::Issuer::new(crate::support::rsa_root_params(), Liar(key));
    let key = KeyPair::generate().unwrap();
    let certificate = leaf_params("leaf").signed_by(&key, &issuer).unwrap();
    let identity = Identity::of_key(certificate.der().to_vec(), &key);
    let found = fault(&identity, &anchor);
    assert!(
        matches!(found, PathFault::SignatureInvalid { .. }),
        "{found:?}"
    );
}

#[test]
fn two_different_signature_algorithms_in_one_certificate_are_refused() {
    let (issuer, anchor) = rsa_root();
    let mut identity = Identity::issued_by(&issuer, leaf_params("leaf"));
    let place = find_last(&identity.certificate, &SHA256_WITH_RSA);
    identity.certificate[place..place + SHA384_WITH_RSA.len()].copy_from_slice(&SHA384_WITH_RSA);
    let expected = Refusal::CertificateMalformed {
        reason: "two different signature algorithms",
    };
    assert_eq!(judge(&identity, &anchor).unwrap_err(), expected);
}

#[test]
fn a_certificate_of_version_2_is_refused() {
    let version_3 = [0xa0, 0x03, 0x02, 0x01, 0x02];
    let version_2 = [0xa0, 0x03, 0x02, 0x01, 0x01];
    let (issuer, anchor) = rsa_root();
    let mut identity = Identity::issued_by(&issuer, leaf_params("leaf"));
    identity.certificate = signed_anew(&identity.certificate, Hash::Sha256, |der| {
        replace(der, &version_3, &version_2);
    });
    assert_eq!(
        judge(&identity, &anchor).unwrap_err(),
        Refusal::CertificateNotVersion3
    );

    let middle =
        Authority::signed_by(ca_params("middle"), KeyPair::generate().unwrap(), &issuer).unwrap();
    let mut identity = Identity::issued_by(&middle, leaf_params("leaf")).with_chain(&[&middle]);
    identity.chain = vec![signed_anew(&identity.chain[0], Hash::Sha256, |der| {
        replace(der, &version_3, &version_2);
    })];
    let expected = PathFault::NotVersion3 {
        certificate: "CN=middle".to_owned(),
    };
    assert_eq!(fault(&identity, &anchor), expected);
}

#[test]
fn malformed_certificate_in_the_chain_is_refused() {
    let (anchors, identity) = crate::support::simple();
    for (value, position, reason) in [
        ("", 1, "no DER certificate"),
        ("!", 1, "no base64"),
        ("AAAA", 1, "no DER certificate"),
        (&"A".repeat(22_000), 1, "longer than 16 KiB"),
    ] {
        let mut draft = Draft::new(&identity, NOW);
        draft.set("X-Amz-X509-Chain", value);
        let refusal = verify(&draft.sign(&identity), &anchors, NOW).unwrap_err();
        assert_eq!(refusal, Refusal::ChainMalformed { position, reason });
    }
}

#[test]
fn a_chain_is_sent_signed_or_not_at_all() {
    let line = line(1);
    let identity = Identity::issued_by(&line[1], leaf_params("leaf")).with_chain(&[&line[1]]);
    let anchors = [line[0].der().to_vec()];
    let mut draft = Draft::new(&identity, NOW);
    draft.unsigned_headers.push("x-amz-x509-chain".to_owned());
    let refusal = verify(&draft.sign(&identity), &anchors, NOW).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::HeaderUnsigned {
            name: "x-amz-x509-chain"
        }
    );

    let mut request = Draft::new(&identity, NOW).sign(&identity);
    let mut headers = request.headers.iter();
    let copy = headers
        .find(|(name, _)| name == "X-Amz-X509-Chain")
        .unwrap()
        .clone();
    // Signed as what it is, two headers joined by a comma, it is refused all the same.
    request.headers.push(copy);
    let refusal = verify(&request, &anchors, NOW).unwrap_err();
    assert_eq!(refusal, Refusal::SignatureInvalid);
}

/// The hash with which [`signed_anew`] signs.
#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
}

/// A certificate of the RSA root, changed and then signed by it again.
fn signed_anew(der: &[u8], hash: Hash, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut der = der.to_vec();
    change(&mut der);
    let (prefix, algorithm): (&[u8], _) = match hash {
        Hash::Sha1 => {
            replace(&mut der, &SHA256_WITH_RSA, &SHA1_WITH_RSA);
            (&SHA1_PREFIX, &digest::SHA1_FOR_LEGACY_USE_ONLY)
        }
        Hash::Sha256 => (&SHA256_PREFIX, &digest::SHA256),
    };
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
    let digest = digest::digest(algorithm, parsed.tbs_certificate.as_ref());
    let length = parsed.signature_value.data.len();
    let key = String::from_utf8(fixture("pki/root.key")).unwrap();
    let key = RsaPrivateKey::from_pkcs8_pem(&key).unwrap();
    let scheme = Pkcs1v15Sign {
        hash_len: Some(digest.as_ref().len()),
        prefix: prefix.into(),
    };
    let signature = key.sign(scheme, digest.as_ref()).unwrap();
    assert_eq!(signature.len(), length);
    let start = der.len() - length;
    der.splice(start.., signature);
    der
}

fn replace(der: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let mut count = 0;
    for start in 0..=der.len() - from.len() {
        if &der[start..start + from.len()] == from {
            der[start..start + from.len()].copy_from_slice(to);
            count += 1;
        }
    }
    assert!(count > 0, "nothing to replace");
}

fn find_last(der: &[u8], what: &[u8]) -> usize {
    der.windows(what.len())
        .rposition(|window| window == what)
        .unwrap()
}

/// 1.2.840.113549.1.1.11
const SHA256_WITH_RSA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
/// 1.2.840.113549.1.1.12
const SHA384_WITH_RSA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
/// 1.2.840.113549.1.1.10
const RSASSA_PSS: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
/// 1.2.840.113549.1.1.5
const SHA1_WITH_RSA: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];

/// The encodings in front of the hash, RFC 8017 section 9.2.
const SHA1_PREFIX: [u8; 15] = [
    0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 0x14,
];
const SHA256_PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20,
];
