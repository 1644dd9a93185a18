//! Load: any number of connections that are kept, with one request at a time on each, from one thread
//! that does nothing but send, receive and call its [`Work`].

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::event::epoll::EventData;
use rustix::event::epoll::EventFlags;

/// The requests and the check of their answers. Clients are numbered from 0.
pub(crate) trait Work {
    /// The next request of a client; `None` if it has no more: then its connection is closed.
    fn request(&mut self, client: usize) -> Option<&[u8]>;

    /// It was answered after `time`; that of the first request counts from before the connection.
    fn answer(&mut self, client: usize, answer: &Answer<'_>, time: Duration);

    /// The connection was lost with its request. The client reconnects.
    fn lost(&mut self, client: usize, error: io::Error) {
        panic!("client {client}: {error}");
    }
}

/// An answer.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    /// Head and body as they came.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The answer that `bytes` are, if they are all of one.
    pub(crate) fn of(bytes: &'a [u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Response::new(&mut headers);
        let parsed = head.parse(bytes).map_err(io::Error::other)?;
        let httparse::Status::Complete(head_length) = parsed else {
            return Ok(None);
        };
        let length = head
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case("content-length"))
            .and_then(|field| str::from_utf8(field.value).ok()?.parse::<usize>().ok())
            .ok_or_else(|| io::Error::other("an answer without Content-Length"))?;
        Ok((bytes.len() >= head_length + length).then(|| Self {
            status: head.code.unwrap_or_default(),
            body: &bytes[head_length..head_length + length],
            bytes,
        }))
    }
}

/// Opens `clients` connections and does `work` on them until all of it is done.
pub(crate) fn run(server: SocketAddr, clients: usize, work: &mut impl Work) {
    drop(run_and_keep(server, clients, work));
}

/// The same, and leaves the connections open.
pub(crate) fn run_and_keep(
    server: SocketAddr,
    clients: usize,
    work: &mut impl Work,
) -> Vec<TcpStream> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let mut connections: Vec<Connection> = (0..clients)
        .map(|number| {
            let mut connection = Connection::open(server).unwrap();
            connection.watch(&epoll, number);
            connection.send(work.request(number).expect("each has a first one"));
            connection
        })
        .collect();
    let mut working = clients;
    let mut piece = vec![0; PIECE_BYTES];
    let mut events = Vec::with_capacity(clients);
    while working > 0 {
        epoll::wait(&epoll, spare_capacity(&mut events), None).unwrap();
        for event in events.drain(..) {
            let number = usize::try_from(event.data.u64()).unwrap();
            let connection = &mut connections[number];
            match connection.receive(&mut piece) {
                Ok(None) => continue,
                Ok(Some((answer, time))) => {
                    work.answer(number, &answer, time);
                    connection.begun = Instant::now();
                }
                Err(error) => {
                    work.lost(number, error);
                    *connection = Connection::open(server).unwrap();
                    connection.watch(&epoll, number);
                }
            }
            connection.received.clear();
            match work.request(number) {
                Some(request) => connection.send(request),
                None => {
                    epoll::delete(&epoll, &connection.stream).unwrap();
                    working -= 1;
                }
            }
        }
    }
    connections
        .into_iter()
        .map(|connection| connection.stream)
        .collect()
}

struct Connection {
    stream: TcpStream,
    /// When it was opened, or the latest answer came.
    begun: Instant,
    received: Vec<u8>,
}

impl Connection {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let begun = Instant::now();
        let stream = TcpStream::connect(server)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            begun,
            received: Vec::with_capacity(PIECE_BYTES),
        })
    }

    fn watch(&self, epoll: impl std::os::fd::AsFd, number: usize) {
        let number = EventData::new_u64(number as u64);
        epoll::add(epoll, &self.stream, number, EventFlags::IN).unwrap();
    }

    /// A request is far smaller than a socket's buffer. A lost connection shows at the next read.
    fn send(&mut self, request: &[u8]) {
        let _ = self.stream.write_all(request);
    }

    fn receive(&mut self, piece: &mut [u8]) -> io::Result<Option<(Answer<'_>, Duration)>> {
        let length = self.stream.read(piece)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.received.extend_from_slice(&piece[..length]);
        let answer = Answer::of(&self.received)?;
        Ok(answer.map(|answer| (answer, self.begun.elapsed())))
    }
}

const PIECE_BYTES: usize = 16 * 1024;
