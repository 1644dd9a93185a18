//! The TPM of Windows, by the TPM Base Services.
//!
//! Source: [TBS](https://learn.microsoft.com/en-us/windows/win32/tbs/tpm-base-services-portal).
#![expect(unsafe_code, reason = "functions of the operating system")]

use std::ffi::c_void;
use std::io;
use std::io::Read;
use std::io::Write;
use std::ptr;

use windows_sys::Win32::System::TpmBaseServices::TBS_COMMAND_LOCALITY_ZERO;
use windows_sys::Win32::System::TpmBaseServices::TBS_COMMAND_PRIORITY_NORMAL;
use windows_sys::Win32::System::TpmBaseServices::TBS_CONTEXT_PARAMS2;
use windows_sys::Win32::System::TpmBaseServices::TBS_CONTEXT_PARAMS2_0;
use windows_sys::Win32::System::TpmBaseServices::Tbsi_Context_Create;
use windows_sys::Win32::System::TpmBaseServices::Tbsip_Context_Close;
use windows_sys::Win32::System::TpmBaseServices::Tbsip_Submit_Command;

use super::Channel;

/// Opens the machine's TPM.
pub(crate) fn open_tpm() -> io::Result<Box<dyn Channel>> {
    let parameters = TBS_CONTEXT_PARAMS2 {
        version: VERSION_2,
        Anonymous: TBS_CONTEXT_PARAMS2_0 {
            asUINT32: INCLUDE_TPM_2,
        },
    };
    let mut context = ptr::null_mut();
    // SAFETY: both pointers are to values that live during the call; a version 2 structure begins as one of
    // version 1.
    let result = unsafe { Tbsi_Context_Create((&raw const parameters).cast(), &raw mut context) };
    check(result)?;
    Ok(Box::new(Tbs {
        context: Context(context),
        answer: Vec::new(),
    }))
}

/// An open TPM. A command is one write, its answer is read afterwards.
struct Tbs {
    context: Context,
    /// What was not read yet.
    answer: Vec<u8>,
}

struct Context(*mut c_void);

// SAFETY: a context is a handle, which any thread may use; this one is used by one at a time.
unsafe impl Send for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context was created, and is closed once.
        unsafe { Tbsip_Context_Close(self.0) };
    }
}

impl Write for Tbs {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        let length = u32::try_from(command.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut answer = vec![0; ANSWER_BYTES_MAX];
        let mut filled = u32::try_from(answer.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the lengths are those of the buffers, which live during the call.
        let result = unsafe {
            Tbsip_Submit_Command(
                self.context.0,
                TBS_COMMAND_LOCALITY_ZERO,
                TBS_COMMAND_PRIORITY_NORMAL,
                command.as_ptr(),
                length,
                answer.as_mut_ptr(),
                &raw mut filled,
            )
        };
        check(result)?;
        answer.truncate(usize::try_from(filled).unwrap_or_default());
        self.answer = answer;
        Ok(command.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Tbs {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.answer.len().min(buffer.len());
        let rest = self.answer.split_off(length);
        for (byte, read) in buffer.iter_mut().zip(&self.answer) {
            *byte = *read;
        }
        self.answer = rest;
        Ok(length)
    }
}

fn check(result: u32) -> io::Result<()> {
    match result {
        0 => Ok(()),
        TPM_NOT_FOUND => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "this machine has no TPM 2.0",
        )),
        result => Err(io::Error::other(format!("TBS error {result:#010x}"))),
    }
}

/// `TBS_CONTEXT_VERSION_TWO`
const VERSION_2: u32 = 2;
/// The flag `includeTpm20`.
const INCLUDE_TPM_2: u32 = 1 << 2;
/// `TBS_E_TPM_NOT_FOUND`
const TPM_NOT_FOUND: u32 = 0x8028_400f;
const ANSWER_BYTES_MAX: usize = 4096;
