//! The hop limit of packets that a server sends, as its client sees it.

use std::net::SocketAddr;
use std::process::Command;

use crate::support::program::is_there;

/// The hop limit of the packets in which a server answers `request`; `None` without python3 or the
/// socket options.
///
/// The option makes the client's side drop packets with less than so many hops left: the highest with
/// which an answer arrives is the hop limit.
pub(crate) fn hop_limit(server: SocketAddr, request: &str) -> Option<u8> {
    if !cfg!(target_os = "linux") || !is_there("python3", &["--version"]) {
        return None;
    }
    let output = Command::new("python3")
        .args(["-c", SCRIPT, &server.ip().to_string()])
        .args([&server.port().to_string(), request])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let number = String::from_utf8(output.stdout).unwrap();
    Some(number.trim().parse().unwrap())
}

/// 21 is `IP_MINTTL` and 73 `IPV6_MINHOPCOUNT`, for which Python has no names.
const SCRIPT: &str = "
import socket, sys
server, request = (sys.argv[1], int(sys.argv[2])), sys.argv[3].encode()
is_ipv6 = ':' in server[0]
option = (socket.IPPROTO_IPV6, 73) if is_ipv6 else (socket.IPPROTO_IP, 21)
def arrives(hops_min):
    with socket.create_connection(server) as client:
        client.settimeout(1)
        client.setsockopt(*option, hops_min)
        client.sendall(request)
        try:
            return len(client.recv(1)) == 1
        except TimeoutError:
            return False
low, high = 0, 256
while high - low > 1:
    middle = (low + high) // 2
    if arrives(middle):
        low = middle
    else:
        high = middle
print(low)
";

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::io::Write;
    use std::net::Ipv4Addr;
    use std::net::TcpListener;
    use std::thread;

    use crate::support::hop_limit::hop_limit;
    use crate::support::skip;

    #[test]
    fn hop_limit_of_an_answer_is_found() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = listener.local_addr().unwrap();
        // It ends with the process.
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_ttl(17).unwrap();
                stream.read_exact(&mut [0; 2]).unwrap();
                stream.write_all(b"x").unwrap();
                open.push(stream);
            }
        });
        match hop_limit(server, "hi") {
            Some(number) => assert_eq!(number, 17),
            None => skip("hop_limit_of_an_answer_is_found: no python3"),
        }
    }
}
