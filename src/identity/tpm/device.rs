//! [`TpmDevice`]: where a TPM is. A connection to it takes one command after another.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::error::TpmError;
use super::message::Command;
use super::message::CommandCode;
use super::message::HEADER_BYTES;
use super::message::Response;
use crate::environment::Environment;
use crate::identity::watch::Watch;
use crate::platform;
use crate::platform::Channel;
use crate::text::ShownName;

/// Where a TPM is: a character device, a unix socket, or `host:port` of a simulator that takes raw commands.
#[derive(Debug, Clone, Default)]
pub struct TpmDevice {
    /// `None` is the operating system's.
    name: Option<PathBuf>,
    watch: Watch,
}

impl TpmDevice {
    /// `TPM_DEVICE`, else the operating system's.
    pub fn resolve(environment: &Environment) -> Self {
        Self {
            name: environment.raw("TPM_DEVICE").map(PathBuf::from),
            watch: Watch::default(),
        }
    }

    /// With what takes note of each command.
    pub fn watched(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }

    /// Opens it. Nothing is sent.
    pub(super) fn connect(&self) -> Result<Connection, TpmError> {
        let opened = self.watch.call(
            || format!("tpm: open {self}"),
            io::Error::to_string,
            || {
                in_turn(PASSING_TIME_MAX, || match &self.name {
                    Some(name) => open(name),
                    None => platform::open_tpm(),
                })
            },
        );
        Ok(Connection {
            channel: Some(opened.map_err(|source| self.failed(source))?),
            device: self.clone(),
            is_hanging: false,
        })
    }

    fn failed(&self, source: io::Error) -> TpmError {
        TpmError::Device {
            device: self.to_string(),
            source,
        }
    }
}

/// Opens a device that one process at a time can have: another, which has it now, needs it for a moment only.
fn in_turn<T>(time_max: Duration, open: impl Fn() -> io::Result<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        match open() {
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && begun.elapsed() < time_max =>
            {
                thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

fn open(name: &Path) -> io::Result<Box<dyn Channel>> {
    match name
        .to_str()
        .filter(|name| !name.contains('/') && name.contains(':'))
    {
        None => platform::open_channel(name),
        Some(address) => {
            let stream = connect_to_any(address.to_socket_addrs()?)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(ANSWER_TIME_MAX))?;
            stream.set_write_timeout(Some(ANSWER_TIME_MAX))?;
            Ok(Box::new(stream))
        }
    }
}

/// A name may have an address of each family, and a simulator listen at one.
fn connect_to_any(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut failure = io::ErrorKind::NotFound.into();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIME_MAX) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

impl fmt::Display for TpmDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => ShownName::of(name).fmt(f),
            None => f.write_str(platform::TPM),
        }
    }
}

/// An open TPM.
pub(super) struct Connection {
    /// `None` after an answer that did not come whole: the next one may be its rest.
    channel: Option<Box<dyn Channel>>,
    device: TpmDevice,
    is_hanging: bool,
}

impl Connection {
    /// Sends a command and waits for its answer; again, if the TPM asks for that.
    pub(super) fn send(
        &mut self,
        command: &Command,
        authorization: Option<&[u8]>,
    ) -> Result<Response, TpmError> {
        let bytes = command.to_bytes(authorization);
        // Parts of a key file may have any length.
        if bytes.len() > COMMAND_BYTES_MAX {
            return Err(TpmError::Malformed);
        }
        let begun = Instant::now();
        loop {
            let watch = self.device.watch.clone();
            let name = || format!("tpm: {}", command.code);
            match watch.call(name, outcome, || self.send_once(&bytes)) {
                Err(TpmError::Refused { code })
                    if code.is_passing() && begun.elapsed() < PASSING_TIME_MAX =>
                {
                    thread::sleep(PAUSE);
                }
                Ok(response) if authorization.is_some() && !response.has_sessions => {
                    return Err(TpmError::Forged);
                }
                response => return response,
            }
        }
    }

    fn send_once(&mut self, bytes: &[u8]) -> Result<Response, TpmError> {
        let answer = match &mut self.channel {
            Some(channel) => exchange(channel.as_mut(), bytes),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        match answer {
            Ok(answer) => Response::from_bytes(&answer),
            Err(error) => {
                self.is_hanging = error.kind() == io::ErrorKind::TimedOut;
                self.channel = None;
                Err(self.device.failed(error))
            }
        }
    }

    /// Removes an object or a session from the TPM. If that fails, nothing more can be done.
    pub(super) fn flush(&mut self, handle: u32) {
        if self.is_hanging {
            return;
        }
        // The kernel's shared device has nothing left then. Others keep what a connection leaves.
        if self.channel.is_none()
            && let Ok(connection) = self.device.connect()
        {
            *self = connection;
        }
        let command = Command::new(CommandCode::FlushContext, &[]).u32(handle);
        let _ = self.send(&command, None);
    }
}

/// Sends a command and reads its answer.
fn exchange(channel: &mut dyn Channel, command: &[u8]) -> io::Result<Vec<u8>> {
    // A device takes a command by one write, and gives its answer by one read.
    channel.write_all(command)?;
    channel.flush()?;
    let begun = Instant::now();
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    let mut filled = 0;
    loop {
        let free = answer.get_mut(filled..).unwrap_or_default();
        let length = channel.read(free).map_err(no_answer)?;
        if begun.elapsed() > ANSWER_TIME_MAX {
            return Err(no_answer(io::ErrorKind::TimedOut.into()));
        }
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += length;
        let Some(size) = size(answer.get(..filled).unwrap_or_default()) else {
            continue;
        };
        if !(HEADER_BYTES..=ANSWER_BYTES_MAX).contains(&size) || filled > size {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if filled == size {
            answer.truncate(size);
            return Ok(answer);
        }
    }
}

/// What is said of a command that failed.
fn outcome(error: &TpmError) -> String {
    match error {
        TpmError::Refused { code } => code.to_string(),
        TpmError::Device { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// A read that times out is called by other names.
fn no_answer(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} s", ANSWER_TIME_MAX.as_secs()),
        ),
        _ => error,
    }
}

/// The size that a response gives, once that has come.
fn size(response: &[u8]) -> Option<usize> {
    let size = response.get(2..6)?;
    let size = size
        .iter()
        .fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
    usize::try_from(size).ok()
}

/// `MAX_COMMAND_SIZE` and `MAX_RESPONSE_SIZE` of the reference implementation, and of Linux.
const COMMAND_BYTES_MAX: usize = 4096;
const ANSWER_BYTES_MAX: usize = 4096;

/// Making an RSA key takes a slow TPM that long.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(40);

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// A TPM that is testing itself, or another process that signs with an RSA key.
const PASSING_TIME_MAX: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn busy_device_is_waited_for_and_no_other_error() {
        let tries = Cell::new(0);
        let open = |kind: io::ErrorKind| {
            tries.set(tries.get() + 1);
            match tries.get() {
                3 => Ok(()),
                _ => Err(io::Error::from(kind)),
            }
        };
        let busy = || open(io::ErrorKind::ResourceBusy);
        in_turn(Duration::MAX, busy).unwrap();
        assert_eq!(tries.take(), 3);
        assert!(in_turn(Duration::ZERO, busy).is_err());
        assert_eq!(tries.take(), 1);
        let denied = || open(io::ErrorKind::PermissionDenied);
        assert!(in_turn(Duration::MAX, denied).is_err());
        assert_eq!(tries.take(), 1);
    }

    #[test]
    fn second_address_of_a_name_is_tried() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        // The near end of a connection: no other process gets its port, and nothing listens there.
        let closed = TcpStream::connect(open.local_addr().unwrap()).unwrap();
        let addresses = [closed.local_addr(), open.local_addr()].map(Result::unwrap);
        let stream = connect_to_any(addresses.into_iter()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
        assert!(connect_to_any(addresses.into_iter().take(1)).is_err());
    }
}
