//! Access control lists of Windows.
#![expect(unsafe_code, reason = "functions of the operating system")]

use std::os::windows::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::slice;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::ConvertSecurityDescriptorToStringSecurityDescriptorW;
use windows_sys::Win32::Security::Authorization::GetNamedSecurityInfoW;
use windows_sys::Win32::Security::Authorization::SDDL_REVISION_1;
use windows_sys::Win32::Security::Authorization::SE_FILE_OBJECT;
use windows_sys::Win32::Security::DACL_SECURITY_INFORMATION;
use windows_sys::Win32::Security::GROUP_SECURITY_INFORMATION;
use windows_sys::Win32::Security::OWNER_SECURITY_INFORMATION;

/// Owner, group and access control list of a file or folder, in the language of security descriptors.
pub(crate) fn rights(path: &Path) -> String {
    let parts = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let name: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
    let (mut descriptor, mut text, mut length) = (ptr::null_mut(), ptr::null_mut(), 0);
    // SAFETY: the name ends in a zero, and all pointers are to values that live during the calls; what the
    // calls allocate is read before it is freed, once.
    unsafe {
        let error = GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            parts,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        );
        assert_eq!(error, 0, "{}", path.display());
        let converted = ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor,
            SDDL_REVISION_1,
            parts,
            &raw mut text,
            &raw mut length,
        );
        assert_ne!(converted, 0, "{}", path.display());
        let words = slice::from_raw_parts(text, usize::try_from(length).unwrap());
        let rights = String::from_utf16_lossy(words);
        LocalFree(text.cast());
        LocalFree(descriptor);
        rights.trim_end_matches('\0').to_owned()
    }
}
