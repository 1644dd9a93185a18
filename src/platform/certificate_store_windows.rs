//! The certificate stores of Windows, and the keys of their certificates, by CNG and CryptoAPI.
//!
//! Sources: [certificate stores](https://learn.microsoft.com/en-us/windows/win32/seccrypto/certificate-stores),
//! [CNG](https://learn.microsoft.com/en-us/windows/win32/seccng/cng-portal).
#![expect(unsafe_code, reason = "functions of the operating system")]

use std::io;
use std::ptr;
use std::slice;

use windows_sys::Win32::Foundation::NTE_BAD_ALGID;
use windows_sys::Win32::Foundation::NTE_SILENT_CONTEXT;
use windows_sys::Win32::Security::Cryptography::*;

use super::StoreLocation;
use super::StoreScheme;

/// The system has certificate stores.
pub(crate) const HAS_CERTIFICATE_STORES: bool = true;

/// A signature by ECDSA is both numbers side by side.
pub(crate) const STORE_SIGNATURES_ARE_DER: bool = false;

/// A certificate in a store.
pub(crate) struct StoredCertificate {
    pub(crate) der: Vec<u8>,
    context: Context,
}

/// The certificates of a store; none where there is no such store.
pub(crate) fn stored_certificates(
    name: &str,
    location: StoreLocation,
) -> io::Result<Vec<StoredCertificate>> {
    let store = match Store::open(name, location) {
        // A user who never had a certificate in it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        store => store?,
    };
    let mut found = Vec::new();
    let mut last: *const CERT_CONTEXT = ptr::null();
    loop {
        // SAFETY: the store is open, and `last` is null or its certificate before, which the call frees.
        let context = unsafe { CertEnumCertificatesInStore(store.0, last) };
        if context.is_null() {
            return Ok(found);
        }
        last = context;
        // SAFETY: `context` is a certificate until the next call, and its copy until that is dropped.
        found.push(unsafe { stored(context) });
    }
}

/// The DER of certificates that may belong to the chain of one in this store.
pub(crate) fn store_intermediates(name: &str, location: StoreLocation) -> io::Result<Vec<Vec<u8>>> {
    let mut found = stored_certificates(name, location)?;
    found.extend(stored_certificates(INTERMEDIATES, location)?);
    Ok(found.into_iter().map(|stored| stored.der).collect())
}

/// # Safety
///
/// `context` is a certificate.
unsafe fn stored(context: *const CERT_CONTEXT) -> StoredCertificate {
    // SAFETY: a certificate's DER has this length.
    let der = unsafe {
        let length = usize::try_from((*context).cbCertEncoded).unwrap_or_default();
        slice::from_raw_parts((*context).pbCertEncoded, length).to_vec()
    };
    StoredCertificate {
        der,
        // SAFETY: the count of references goes up by one, and down when it is dropped.
        context: Context(unsafe { CertDuplicateCertificateContext(context) }),
    }
}

impl StoredCertificate {
    /// Opens the certificate's key. Nothing is asked of a person.
    pub(crate) fn key(self) -> io::Result<StoreKey> {
        let mut handle = 0;
        let mut kind = 0;
        let mut is_ours = 0;
        let flags = CRYPT_ACQUIRE_SILENT_FLAG | CRYPT_ACQUIRE_PREFER_NCRYPT_KEY_FLAG;
        // SAFETY: the certificate lives as long as `self`, and the pointers are to values that live during the
        // call.
        let result = unsafe {
            CryptAcquireCertificatePrivateKey(
                self.context.0,
                flags,
                ptr::null(),
                &raw mut handle,
                &raw mut kind,
                &raw mut is_ours,
            )
        };
        check(result)?;
        Ok(StoreKey {
            handle,
            kind,
            is_ours: is_ours != 0,
            _context: self.context,
        })
    }
}

/// An open key.
pub(crate) struct StoreKey {
    handle: HCRYPTPROV_OR_NCRYPT_KEY_HANDLE,
    /// The mark of CNG, else which of a CryptoAPI container's two keys.
    kind: CERT_KEY_SPEC,
    is_ours: bool,
    /// Owns the handle where it is not ours.
    _context: Context,
}

impl StoreKey {
    /// Signs a hash of SHA-256, SHA-384 or SHA-512.
    pub(crate) fn sign(&self, scheme: StoreScheme, hash: &[u8]) -> io::Result<Vec<u8>> {
        match (self.is_cng(), scheme) {
            (true, scheme) => self.sign_by_cng(scheme, hash),
            (false, StoreScheme::RsaPkcs1) => self.sign_by_crypto_api(hash),
            (false, StoreScheme::Ecdsa) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn is_cng(&self) -> bool {
        self.kind == CERT_NCRYPT_KEY_SPEC
    }

    fn sign_by_cng(&self, scheme: StoreScheme, hash: &[u8]) -> io::Result<Vec<u8>> {
        let padding = BCRYPT_PKCS1_PADDING_INFO {
            pszAlgId: match hash.len() {
                32 => BCRYPT_SHA256_ALGORITHM,
                48 => BCRYPT_SHA384_ALGORITHM,
                _ => BCRYPT_SHA512_ALGORITHM,
            },
        };
        let (padding, flags) = match scheme {
            StoreScheme::RsaPkcs1 => ((&raw const padding).cast(), BCRYPT_PAD_PKCS1),
            StoreScheme::Ecdsa => (ptr::null(), 0),
        };
        let mut signature = vec![0; SIGNATURE_BYTES_MAX];
        let mut length = 0;
        // SAFETY: the key is open, the lengths are those of the buffers, and all of them live during the call.
        let result = unsafe {
            NCryptSignHash(
                self.handle,
                padding,
                hash.as_ptr(),
                length_of(hash)?,
                signature.as_mut_ptr(),
                length_of(&signature)?,
                &raw mut length,
                flags | NCRYPT_SILENT_FLAG,
            )
        };
        match result {
            0 => Ok(cut(signature, length)),
            code => Err(reason(code)),
        }
    }

    fn sign_by_crypto_api(&self, hash: &[u8]) -> io::Result<Vec<u8>> {
        let algorithm = match hash.len() {
            32 => CALG_SHA_256,
            48 => CALG_SHA_384,
            _ => CALG_SHA_512,
        };
        let mut object = Hash(0);
        // SAFETY: the provider is open, and the pointer is to a value that lives during the call.
        check(unsafe { CryptCreateHash(self.handle, algorithm, 0, 0, &raw mut object.0) })?;
        // SAFETY: the hash's object was created, for a hash of this length.
        check(unsafe { CryptSetHashParam(object.0, HP_HASHVAL, hash.as_ptr(), 0) })?;
        let mut signature = vec![0; SIGNATURE_BYTES_MAX];
        let mut length = length_of(&signature)?;
        // SAFETY: the length is that of the buffer, which lives during the call.
        check(unsafe {
            CryptSignHashW(
                object.0,
                self.kind,
                ptr::null(),
                0,
                signature.as_mut_ptr(),
                &raw mut length,
            )
        })?;
        let mut signature = cut(signature, length);
        // CryptoAPI writes numbers the other way round.
        signature.reverse();
        Ok(signature)
    }
}

impl Drop for StoreKey {
    fn drop(&mut self) {
        match (self.is_ours, self.is_cng()) {
            (false, _) => {}
            // SAFETY: the key is open, and closed once.
            (true, true) => _ = unsafe { NCryptFreeObject(self.handle) },
            // SAFETY: the provider is open, and closed once.
            (true, false) => _ = unsafe { CryptReleaseContext(self.handle, 0) },
        }
    }
}

/// A hash of CryptoAPI.
struct Hash(usize);

impl Drop for Hash {
    fn drop(&mut self) {
        if self.0 != 0 {
            // SAFETY: it was created, and is destroyed once.
            unsafe { CryptDestroyHash(self.0) };
        }
    }
}

/// An open store. Its certificates outlive it.
struct Store(HCERTSTORE);

impl Store {
    fn open(name: &str, location: StoreLocation) -> io::Result<Self> {
        let place = match location {
            StoreLocation::CurrentUser => CERT_SYSTEM_STORE_CURRENT_USER,
            StoreLocation::LocalMachine => CERT_SYSTEM_STORE_LOCAL_MACHINE,
        };
        let flags = place | CERT_STORE_OPEN_EXISTING_FLAG | CERT_STORE_READONLY_FLAG;
        let name: Vec<u16> = name.encode_utf16().chain([0]).collect();
        let provider = CERT_STORE_PROV_SYSTEM_W;
        // SAFETY: the name ends in a zero and lives during the call.
        let store = unsafe { CertOpenStore(provider, 0, 0, flags, name.as_ptr().cast()) };
        match store.is_null() {
            true => Err(io::Error::last_os_error()),
            false => Ok(Self(store)),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the store is open, and closed once.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

struct Context(*const CERT_CONTEXT);

// SAFETY: its count of references is changed atomically, and nothing else of it changes.
unsafe impl Send for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was counted as a reference, and is freed once.
        unsafe { CertFreeCertificateContext(self.0) };
    }
}

fn check(result: i32) -> io::Result<()> {
    match result {
        0 => Err(reason(
            io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or_default(),
        )),
        _ => Ok(()),
    }
}

fn reason(code: i32) -> io::Error {
    match code {
        NTE_SILENT_CONTEXT => io::Error::other(
            "the key asks a person for a PIN or for consent, which cannot be shown here",
        ),
        NTE_BAD_ALGID => io::Error::other(
            "the key's provider does not know SHA-2; import certificate and key once more, with the \
             Microsoft Software Key Storage Provider",
        ),
        code => io::Error::from_raw_os_error(code),
    }
}

fn length_of(buffer: &[u8]) -> io::Result<u32> {
    u32::try_from(buffer.len()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn cut(mut signature: Vec<u8>, length: u32) -> Vec<u8> {
    signature.truncate(usize::try_from(length).unwrap_or_default());
    signature
}

/// The store of intermediate certificates.
const INTERMEDIATES: &str = "CA";

/// RSA of 16384 bits.
const SIGNATURE_BYTES_MAX: usize = 2048;
