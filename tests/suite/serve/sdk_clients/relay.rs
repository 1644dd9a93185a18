//! A relay between a client and a server, which sees when the server fails.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread;

use crate::serve::sdk_clients::WAIT_MAX;

/// Forwards bytes from its own port to another port of 127.0.0.1, until the test process ends.
pub(super) struct Relay {
    port: u16,
    failures: Receiver<()>,
}

impl Relay {
    pub(super) fn to(server: u16) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, failures) = channel();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let tell = tell.clone();
                // A side that goes away ends the connection, and that is all.
                thread::spawn(move || drop(pass_on(&client, server, &tell)));
            }
        });
        Relay { port, failures }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// True if an answer with status 500 has come since the last call; the client gets it next.
    pub(super) fn has_failed(&self) -> bool {
        self.failures.try_iter().count() > 0
    }

    /// Waits until an answer with status 500 has come; the client has it next.
    pub(super) fn wait_for_failure(&self) {
        self.failures.recv_timeout(WAIT_MAX).expect("a status 500");
    }
}

fn pass_on(client: &TcpStream, server: u16, tell: &Sender<()>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let copied = io::copy(&mut from, &mut to);
        let closed = to.shutdown(Shutdown::Write);
        drop((copied, closed));
    });
    let (mut from, mut to) = (server, client);
    let mut bytes = [0; 4096];
    loop {
        let length = from.read(&mut bytes)?;
        if length == 0 {
            return to.shutdown(Shutdown::Both);
        }
        to.write_all(&bytes[..length])?;
        // A server begins its answers in a write of their own.
        if bytes.starts_with(b"HTTP/1.1 500 ") {
            // The test may have seen enough.
            let _ = tell.send(());
        }
    }
}
