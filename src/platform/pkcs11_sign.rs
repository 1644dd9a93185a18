//! The one function of PKCS#11 that its binding lacks: `C_Sign` for a signature that was begun before, so
//! that a PIN can be presented in between.

use std::path::Path;
use std::ptr;

use cryptoki_sys::CK_FUNCTION_LIST;
use cryptoki_sys::CK_RV;
use cryptoki_sys::CK_SESSION_HANDLE;
use cryptoki_sys::CK_ULONG;
use cryptoki_sys::CKR_CRYPTOKI_NOT_INITIALIZED;
use cryptoki_sys::CKR_OK;
use cryptoki_sys::Pkcs11;

/// Ends a signature with `input`, by the module that the session was opened with, which is loaded. The
/// error is the return value: [`NOT_INITIALISED`] from a module whose every caller has its own sessions.
#[expect(
    unsafe_code,
    reason = "the binding signs in one go, or in parts, which raw ECDSA does not"
)]
pub(crate) fn sign_begun(
    module: &Path,
    session: CK_SESSION_HANDLE,
    input: &[u8],
) -> Result<Vec<u8>, CK_RV> {
    let input_octets = CK_ULONG::try_from(input.len()).map_err(|_| NOT_INITIALISED)?;
    let mut signature = vec![0; SIGNATURE_OCTETS_MAX];
    let mut octets = CK_ULONG::try_from(signature.len()).map_err(|_| NOT_INITIALISED)?;
    // SAFETY: the library is in the process already, so that loading it runs no code but counts. Its
    // function list is static (PKCS#11, 5.4), and stays valid while `library` does.
    let code = unsafe {
        let library = Pkcs11::new(module.as_os_str()).map_err(|_| NOT_INITIALISED)?;
        let mut list: *mut CK_FUNCTION_LIST = ptr::null_mut();
        let get = library.C_GetFunctionList.as_ref();
        let get = get.map_err(|_| NOT_INITIALISED)?;
        if get(&mut list) != CKR_OK || list.is_null() {
            return Err(NOT_INITIALISED);
        }
        let sign = (*list).C_Sign.ok_or(NOT_INITIALISED)?;
        // SAFETY: the module reads `input_octets` octets, which it does not change, and writes `octets` at
        // most. A session that is not its own is an error.
        sign(
            session,
            input.as_ptr().cast_mut(),
            input_octets,
            signature.as_mut_ptr(),
            &mut octets,
        )
    };
    if code != CKR_OK {
        return Err(code);
    }
    signature.truncate(usize::try_from(octets).unwrap_or_default());
    Ok(signature)
}

/// The module knows neither session nor signature. p11-kit's proxy is such.
pub(crate) const NOT_INITIALISED: CK_RV = CKR_CRYPTOKI_NOT_INITIALIZED;

/// More than RSA of 16384 bits takes.
const SIGNATURE_OCTETS_MAX: usize = 8192;
