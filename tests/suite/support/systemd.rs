//! Messages to systemd.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::support::helper::Helper;

/// The socket of a unit of `Type=notify`.
pub(crate) struct NotifySocket(UnixDatagram);

impl NotifySocket {
    /// A helper with a notification socket in its home.
    pub(crate) fn of(helper: Helper) -> (Helper, NotifySocket) {
        let path = helper.home().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let patience = Duration::from_secs(240);
        socket.set_read_timeout(Some(patience)).unwrap();
        let helper = helper.env("NOTIFY_SOCKET", &path.display().to_string());
        (helper, NotifySocket(socket))
    }

    /// True if no message has arrived.
    pub(crate) fn is_silent(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let is_silent = self.0.recv(&mut [0; 100]).is_err();
        self.0.set_nonblocking(false).unwrap();
        is_silent
    }

    /// The next message.
    pub(crate) fn message(&self) -> String {
        let mut message = [0; 100];
        let length = self.0.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length])
            .trim_end()
            .to_owned()
    }
}
