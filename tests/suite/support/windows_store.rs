//! Certificate stores of Windows that tests fill, each with a name of its own, and keys of CryptoAPI: wine 8
//! keeps no others.
#![expect(unsafe_code, reason = "functions of the operating system")]

use std::fs;
use std::ptr;

use rsa::PrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PrivateKeyParts;
use rsa::traits::PublicKeyParts;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use windows_sys::Win32::Security::Cryptography::*;

use crate::support::vectors;

/// A store of the user or the machine, which is deleted at the end.
pub(crate) struct WindowsStore {
    handle: HCERTSTORE,
    name: Vec<u16>,
    place: u32,
    containers: Vec<Vec<u16>>,
}

impl WindowsStore {
    pub(crate) fn of_user(name: &str) -> WindowsStore {
        WindowsStore::open(name, CERT_SYSTEM_STORE_CURRENT_USER)
    }

    pub(crate) fn of_machine(name: &str) -> WindowsStore {
        WindowsStore::open(name, CERT_SYSTEM_STORE_LOCAL_MACHINE)
    }

    fn open(name: &str, place: u32) -> WindowsStore {
        let name = wide(name);
        // Of an earlier run that was ended.
        open(&name, place | CERT_STORE_DELETE_FLAG);
        let handle = open(&name, place);
        assert!(!handle.is_null());
        WindowsStore {
            handle,
            name,
            place,
            containers: Vec::new(),
        }
    }

    /// Adds the certificates of a file of the vectors.
    pub(crate) fn certificates(&self, file: &str) {
        let path = vectors().join("pki").join(file);
        for der in CertificateDer::pem_file_iter(path).unwrap() {
            self.add(&der.unwrap(), None);
        }
    }

    /// Adds a certificate with its key, by a provider of CryptoAPI.
    pub(crate) fn pair(&mut self, certificate: &str, key: &str, provider: u32) {
        let pki = vectors().join("pki");
        let der = CertificateDer::from_pem_file(pki.join(certificate)).unwrap();
        let pem = fs::read_to_string(pki.join(key)).unwrap();
        let blob = private_key_blob(&PrivateKey::from_pkcs8_pem(&pem).unwrap());
        let name = format!("{:p}-{}", self.handle, std::process::id());
        let mut container = wide(&name);
        import(&container, &blob, provider);
        let info = CRYPT_KEY_PROV_INFO {
            pwszContainerName: container.as_mut_ptr(),
            dwProvType: provider,
            dwKeySpec: AT_SIGNATURE,
            ..CRYPT_KEY_PROV_INFO::default()
        };
        self.add(&der, Some(&info));
        self.containers.push(container);
    }

    fn add(&self, der: &[u8], key: Option<&CRYPT_KEY_PROV_INFO>) {
        let length = u32::try_from(der.len()).unwrap();
        // SAFETY: the pointers are to values that live during the calls; the certificate is freed once.
        unsafe {
            let certificate = CertCreateCertificateContext(X509_ASN_ENCODING, der.as_ptr(), length);
            assert!(!certificate.is_null());
            if let Some(key) = key {
                let value = ptr::from_ref(key).cast();
                let id = CERT_KEY_PROV_INFO_PROP_ID;
                assert_ne!(
                    CertSetCertificateContextProperty(certificate, id, 0, value),
                    0
                );
            }
            let way = CERT_STORE_ADD_ALWAYS;
            let added =
                CertAddCertificateContextToStore(self.handle, certificate, way, ptr::null_mut());
            assert_ne!(added, 0);
            CertFreeCertificateContext(certificate);
            // Wine writes to its registry on request only.
            let commit = CERT_STORE_CTRL_COMMIT;
            assert_ne!(CertControlStore(self.handle, 0, commit, ptr::null()), 0);
        }
    }
}

impl Drop for WindowsStore {
    fn drop(&mut self) {
        // SAFETY: the store is open, and closed once.
        unsafe { CertCloseStore(self.handle, 0) };
        open(&self.name, self.place | CERT_STORE_DELETE_FLAG);
        for container in &self.containers {
            let mut handle = 0;
            // SAFETY: the name ends in a zero and lives during the call.
            unsafe {
                CryptAcquireContextW(
                    &raw mut handle,
                    container.as_ptr(),
                    ptr::null(),
                    PROV_RSA_AES,
                    CRYPT_DELETEKEYSET,
                );
            }
        }
    }
}

/// Of the registry alone: a user's store is otherwise one with the machine's of the same name.
fn open(name: &[u16], flags: u32) -> HCERTSTORE {
    let provider = CERT_STORE_PROV_SYSTEM_REGISTRY_W;
    // SAFETY: the name ends in a zero and lives during the call.
    unsafe { CertOpenStore(provider, 0, 0, flags, name.as_ptr().cast()) }
}

fn import(container: &[u16], blob: &[u8], provider: u32) {
    let (mut handle, mut key) = (0, 0);
    let length = u32::try_from(blob.len()).unwrap();
    let name = container.as_ptr();
    let new = CRYPT_NEWKEYSET;
    // SAFETY: the pointers are to values that live during the calls; what is opened is closed once.
    unsafe {
        let opened = CryptAcquireContextW(&raw mut handle, name, ptr::null(), provider, new);
        assert_ne!(opened, 0, "{}", std::io::Error::last_os_error());
        let imported = CryptImportKey(handle, blob.as_ptr(), length, 0, 0, &raw mut key);
        assert_ne!(imported, 0, "{}", std::io::Error::last_os_error());
        CryptDestroyKey(key);
        CryptReleaseContext(handle, 0);
    }
}

/// `PRIVATEKEYBLOB`: all numbers begin with their last octet.
fn private_key_blob(key: &PrivateKey) -> Vec<u8> {
    let octets = key.size();
    let bits = u32::try_from(octets * 8).unwrap();
    let exponent = key.e().to_le_bytes();
    let [p, q] = key.primes() else {
        panic!("two primes");
    };
    let inverse = key.crt_coefficient().unwrap();
    let mut blob = vec![7, 2, 0, 0];
    blob.extend(CALG_RSA_SIGN.to_le_bytes());
    blob.extend(b"RSA2");
    blob.extend(bits.to_le_bytes());
    blob.extend(&exponent[..4]);
    let numbers = [
        (key.n().to_le_bytes().to_vec(), octets),
        (p.to_le_bytes().to_vec(), octets / 2),
        (q.to_le_bytes().to_vec(), octets / 2),
        (key.dp().unwrap().to_le_bytes().to_vec(), octets / 2),
        (key.dq().unwrap().to_le_bytes().to_vec(), octets / 2),
        (inverse.to_le_bytes().to_vec(), octets / 2),
        (key.d().to_le_bytes().to_vec(), octets),
    ];
    for (mut number, octets) in numbers {
        number.resize(octets, 0);
        blob.extend(number);
    }
    blob
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
