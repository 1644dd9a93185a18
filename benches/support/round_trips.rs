//! A distance between client and endpoint: every flight takes its time, and is counted.
//!
//! The proxy hands bytes on a one-way delay after they came. On loopback the TCP handshake is over
//! before a program sees any of it, so its round trip is waited for before the first bytes are handed
//! on. A round trip is counted for each connection, and for each time that the client got something
//! after it had sent something: that it could not have had sooner.

use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// The way to the endpoint.
pub(crate) struct Distance {
    address: SocketAddr,
    flights: Arc<Mutex<Vec<Flight>>>,
}

/// The data sent in one direction without waiting for the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flight {
    pub(crate) direction: Direction,
    pub(crate) bytes: usize,
    /// When the client sent the first of them, or got it.
    pub(crate) begin: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Connect,
    ToEndpoint,
    ToClient,
}

impl Distance {
    /// Puts `ONE_WAY` between its address and `endpoint`.
    pub(crate) fn to(endpoint: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let flights = Arc::new(Mutex::new(Vec::new()));
        let log = Log(Arc::clone(&flights));
        thread::spawn(move || {
            for client in listener.incoming() {
                log.add(Direction::Connect, 0);
                hand_on(client.unwrap(), endpoint, &log);
            }
        });
        Self { address, flights }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The flights since the last time that they were taken.
    pub(crate) fn take_flights(&self) -> Vec<Flight> {
        std::mem::take(&mut self.flights.lock().unwrap())
    }
}

/// Number of times that the client had to wait for the endpoint.
pub(crate) fn round_trips(flights: &[Flight]) -> usize {
    let waits = |flight: &&Flight| flight.direction != Direction::ToEndpoint;
    flights.iter().filter(waits).count()
}

fn hand_on(client: TcpStream, endpoint: SocketAddr, log: &Log) {
    let server = TcpStream::connect(endpoint).unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let connected = Instant::now() + 2 * ONE_WAY;
    let copy = |socket: &TcpStream| socket.try_clone().unwrap();
    let (to_client, to_server) = (copy(&client), copy(&server));

    let log_sent = log.clone();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        read(client, &send, connected, |bytes| {
            log_sent.add(Direction::ToEndpoint, bytes)
        });
    });
    thread::spawn(move || write(to_server, &receive, |_| {}));

    let log_got = log.clone();
    let (send, receive) = mpsc::channel();
    thread::spawn(move || read(server, &send, connected, |_| {}));
    thread::spawn(move || {
        write(to_client, &receive, |bytes| {
            log_got.add(Direction::ToClient, bytes)
        })
    });
}

/// Bytes and the moment at which they are to arrive.
type Parcel = (Instant, Vec<u8>);

fn read(
    mut from: TcpStream,
    parcels: &mpsc::Sender<Parcel>,
    connected: Instant,
    note: impl Fn(usize),
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        note(count);
        let arrival = Instant::now().max(connected) + ONE_WAY;
        if parcels.send((arrival, buffer[..count].to_vec())).is_err() {
            break;
        }
    }
}

fn write(mut to: TcpStream, parcels: &mpsc::Receiver<Parcel>, note: impl Fn(usize)) {
    for (arrival, bytes) in parcels {
        thread::sleep(arrival.saturating_duration_since(Instant::now()));
        note(bytes.len());
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[derive(Clone)]
struct Log(Arc<Mutex<Vec<Flight>>>);

impl Log {
    fn add(&self, direction: Direction, bytes: usize) {
        let mut flights = self.0.lock().unwrap();
        match flights.last_mut() {
            Some(flight) if flight.direction == direction && direction != Direction::Connect => {
                flight.bytes += bytes;
            }
            _ => flights.push(Flight {
                direction,
                bytes,
                begin: Instant::now(),
            }),
        }
    }
}

/// Half of a round trip from one side of an ocean to the other.
pub(crate) const ONE_WAY: Duration = Duration::from_millis(50);
