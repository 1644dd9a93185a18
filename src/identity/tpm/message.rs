//! Commands and responses as bytes, big endian (TPM 2.0 Library, part 1, section 18).

use std::fmt;

use super::error::TpmError;
use super::response_code::ResponseCode;

/// A command under construction: code, handles and parameters.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) code: CommandCode,
    pub(super) handles: Vec<u32>,
    pub(super) parameters: Vec<u8>,
}

/// The commands that are sent, a `TPM_CC` each (part 2, section 6.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum CommandCode {
    CreatePrimary = 0x131,
    Load = 0x157,
    Sign = 0x15d,
    FlushContext = 0x165,
    ReadPublic = 0x173,
    StartAuthSession = 0x176,
}

impl CommandCode {
    pub(super) fn to_be_bytes(self) -> [u8; 4] {
        (self as u32).to_be_bytes()
    }
}

impl fmt::Display for CommandCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TPM2_{self:?}")
    }
}

impl Command {
    pub(super) fn new(code: CommandCode, handles: &[u32]) -> Self {
        Self {
            code,
            handles: handles.to_vec(),
            parameters: Vec::new(),
        }
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.parameters.extend(value.to_be_bytes());
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.parameters.extend(value.to_be_bytes());
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.parameters.extend_from_slice(bytes);
        self
    }

    /// A `TPM2B`: its length, and the bytes.
    pub(super) fn sized(self, bytes: &[u8]) -> Self {
        // Whatever is sent is a part of a command, which has at most 4096 bytes.
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.u16(length).bytes(bytes)
    }

    /// The whole command; `authorization` is its authorization area, without the length.
    pub(super) fn to_bytes(&self, authorization: Option<&[u8]>) -> Vec<u8> {
        let tag = match authorization {
            Some(_) => TAG_SESSIONS,
            None => TAG_NO_SESSIONS,
        };
        let mut body = Vec::new();
        for handle in &self.handles {
            body.extend(handle.to_be_bytes());
        }
        if let Some(authorization) = authorization {
            let length = u32::try_from(authorization.len()).unwrap_or(u32::MAX);
            body.extend(length.to_be_bytes());
            body.extend_from_slice(authorization);
        }
        body.extend_from_slice(&self.parameters);
        let size = u32::try_from(HEADER_BYTES + body.len()).unwrap_or(u32::MAX);
        let mut bytes = tag.to_be_bytes().to_vec();
        bytes.extend(size.to_be_bytes());
        bytes.extend(self.code.to_be_bytes());
        bytes.extend(body);
        bytes
    }
}

/// What a response holds behind its header.
#[derive(Debug)]
pub struct Response {
    /// A handle, if the command returns one, and the parameters.
    pub(super) body: Vec<u8>,
    /// Whether an authorization area ends it.
    pub(super) has_sessions: bool,
}

impl Response {
    /// Reads a whole response. Fails with the code that the TPM answers.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TpmError> {
        let mut reader = Reader::new(bytes);
        let tag = reader.u16()?;
        let size = reader.u32()?;
        let code = reader.u32()?;
        if usize::try_from(size).ok() != Some(bytes.len()) {
            return Err(TpmError::Malformed);
        }
        match code {
            0 => Ok(Self {
                body: reader.rest().to_vec(),
                has_sessions: tag == TAG_SESSIONS,
            }),
            BAD_TAG => Err(TpmError::Old),
            code => Err(TpmError::Refused {
                code: ResponseCode(code),
            }),
        }
    }
}

/// Reads the parts of a response, or of a key file; it never reads past the end.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, TpmError> {
        let bytes = self.take(2)?;
        Ok(bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u16::from(*byte)))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, TpmError> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// The bytes of a `TPM2B`.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], TpmError> {
        let length = self.u16()?;
        self.take(length.into())
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], TpmError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(TpmError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// `TPM_ST_NO_SESSIONS` and `TPM_ST_SESSIONS`.
const TAG_NO_SESSIONS: u16 = 0x8001;
const TAG_SESSIONS: u16 = 0x8002;

/// `TPM_BADTAG` of a TPM 1.2, which TPM 2.0 knows as `TPM_RC_BAD_TAG`.
const BAD_TAG: u32 = 0x01e;

/// Tag, size and code.
pub(super) const HEADER_BYTES: usize = 10;
