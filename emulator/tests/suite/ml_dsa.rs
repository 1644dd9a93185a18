//! ML-DSA, of requests and of certificates.

use rolesanywhere_emulator::PathFault;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::VerifiedRequest;
use rolesanywhere_emulator::verify;

use crate::ml_dsa_key::MlDsaKey;
use crate::ml_dsa_key::signed_anew;
use crate::support::Draft;
use crate::support::Identity;
use crate::support::NOW;
use crate::support::ca_params;
use crate::support::header;
use crate::support::header_mut;
use crate::support::intermediate;
use crate::support::leaf_params;
use crate::support::root;

const PARAMETER_SETS: [u8; 3] = [44, 65, 87];

/// A trust anchor, an intermediate and a leaf with the keys of one parameter set each.
struct Line {
    keys: [MlDsaKey; 3],
    root: Vec<u8>,
    middle: Vec<u8>,
    leaf: Vec<u8>,
}

impl Line {
    fn new(parameter_sets: [u8; 3]) -> Line {
        let (root, keys) = (root(ca_params("root")), [1, 2, 3]);
        let keys = keys.map(|number| {
            MlDsaKey::from_seed(parameter_sets[usize::from(number) - 1], [number; 32])
        });
        let middle = intermediate(ca_params("middle"), &root);
        let leaf = Identity::issued_by(&middle, leaf_params("leaf")).certificate;
        Line {
            root: keys[0].certified(root.der(), &keys[0]),
            middle: keys[1].certified(middle.der(), &keys[0]),
            leaf: keys[2].certified(&leaf, &keys[1]),
            keys,
        }
    }

    fn judge(self) -> Result<VerifiedRequest, Refusal> {
        let [_, _, key] = self.keys;
        let mut identity = Identity::ml_dsa(self.leaf, key);
        identity.chain = vec![self.middle];
        let request = Draft::new(&identity, NOW).sign(&identity);
        verify(&request, &[self.root], NOW)
    }

    /// Why the path was not found.
    fn fault(self) -> PathFault {
        match self.judge() {
            Err(Refusal::ChainUntrusted { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }
}

fn not_signed_by(certificate: &str, issuer: &str) -> PathFault {
    PathFault::SignatureInvalid {
        certificate: certificate.to_owned(),
        issuer: issuer.to_owned(),
    }
}

#[test]
fn any_parameter_set_signs_requests_and_certificates_of_any() {
    for parameter_sets in [[44, 65, 87], [65, 87, 44], [87, 44, 65], [87, 87, 87]] {
        let verified = Line::new(parameter_sets).judge().unwrap();
        assert_eq!(verified.subject, "CN=leaf");
    }
}

#[test]
fn flipped_bit_of_a_request_signature_is_refused() {
    for parameter_set in PARAMETER_SETS {
        let line = Line::new([44, 44, parameter_set]);
        let [_, _, key] = line.keys;
        let mut identity = Identity::ml_dsa(line.leaf, key);
        identity.chain = vec![line.middle];
        let request = Draft::new(&identity, NOW).sign(&identity);
        let (rest, signature) = header(&request, "authorization")
            .split_once("Signature=")
            .unwrap();
        let signature = hex::decode(signature).unwrap();
        let judge = |signature: &[u8]| {
            let mut request = request.clone();
            let changed = format!("{rest}Signature={}", hex::encode(signature));
            *header_mut(&mut request, "authorization") = changed;
            verify(&request, std::slice::from_ref(&line.root), NOW)
        };
        judge(&signature).unwrap();
        // Challenge, response, and to the last octet the hint.
        for index in (0..signature.len()).rev().step_by(97) {
            let mut flipped = signature.clone();
            flipped[index] ^= 1 << (index % 8);
            let refusal = judge(&flipped).unwrap_err();
            assert_eq!(refusal, Refusal::SignatureInvalid, "{index}");
        }
        let longer = [signature.as_slice(), &[0]].concat();
        let shorter = &signature[..signature.len() - 1];
        for other in [shorter, &longer, &vec![0xff; signature.len()], &[]] {
            assert_eq!(judge(other).unwrap_err(), Refusal::SignatureInvalid);
        }
    }
}

#[test]
fn ml_dsa_key_has_a_single_algorithm_name() {
    for parameter_set in PARAMETER_SETS {
        let line = Line::new([44, 44, parameter_set]);
        let [_, _, key] = line.keys;
        let identity = Identity::ml_dsa(line.leaf, key);
        for sent in ["AWS4-X509-RSA-SHA256", "AWS4-X509-ECDSA-SHA256"] {
            let mut draft = Draft::new(&identity, NOW);
            draft.algorithm = sent.to_owned();
            let expected = Refusal::AlgorithmMismatch {
                sent,
                expected: "AWS4-X509-MLDSA",
            };
            let refusal = verify(&draft.sign(&identity), &[], NOW).unwrap_err();
            assert_eq!(refusal, expected);
        }
    }
}

#[test]
fn a_wrong_signature_on_a_certificate_is_refused() {
    for parameter_set in PARAMETER_SETS {
        let sets = [parameter_set; 3];
        let mut line = Line::new(sets);
        // Of the response: what is behind it may be zeros of the hint.
        let index = line.leaf.len() - 1000;
        line.leaf[index] ^= 1;
        assert_eq!(line.fault(), not_signed_by("CN=leaf", "CN=middle"));
        let mut line = Line::new(sets);
        let index = line.middle.len() - 1000;
        line.middle[index] ^= 1;
        assert_eq!(line.fault(), not_signed_by("CN=middle", "CN=root"));
        // By a stranger of the same name.
        let mut line = Line::new(sets);
        let stranger = MlDsaKey::from_seed(parameter_set, [9; 32]);
        line.root = stranger.certified(&line.root, &stranger);
        assert_eq!(line.fault(), not_signed_by("CN=middle", "CN=root"));
    }
}

#[test]
fn parameter_set_matches_the_issuers_key() {
    for (parameter_set, said) in [(44, 65), (65, 87), (87, 44)] {
        let mut line = Line::new([44, parameter_set, 44]);
        line.leaf = signed_anew(&line.leaf, None, said, &line.keys[1]);
        assert_eq!(line.fault(), not_signed_by("CN=leaf", "CN=middle"));
    }
}

#[test]
fn a_context_makes_it_another_signature() {
    let mut line = Line::new([44, 44, 65]);
    line.keys[2].context = b"x".to_vec();
    assert_eq!(line.judge().unwrap_err(), Refusal::SignatureInvalid);
}

#[test]
fn a_key_of_another_length_is_refused() {
    for parameter_set in PARAMETER_SETS {
        let mut line = Line::new([44, 44, parameter_set]);
        let mut key = MlDsaKey::from_seed(parameter_set, [3; 32]);
        key.public.pop();
        line.leaf = key.certified(&line.leaf, &line.keys[1]);
        let algorithm = "a malformed ML-DSA key".to_owned();
        let expected = Refusal::PublicKeyUnsupported { algorithm };
        assert_eq!(line.judge().unwrap_err(), expected);
    }
}
