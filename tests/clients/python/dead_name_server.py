"""A machine of its own, in a network namespace: the first name server is dead, the second says where the
service is, which listens at loopback. Runs the command that is given, with the service's port in place of
PORT, and prints how many requests there were.
"""

import http.server
import socket
import subprocess
import sys
import threading

SESSION = sys.argv[1].encode()
COMMAND = sys.argv[2:]


class Service(http.server.BaseHTTPRequestHandler):
    requests = 0

    def do_POST(self):
        Service.requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(SESSION)))
        self.end_headers()
        self.wfile.write(SESSION)

    def log_message(self, *_):
        pass


def answer(query):
    """The query with one address behind it, 127.0.0.1, or with none for another type than A."""
    name_end = query.index(b"\0", 12) + 1
    question = query[12 : name_end + 4]
    is_a = question[-4:-2] == b"\0\1"
    record = b"\xc0\x0c" + question[-4:] + b"\0\0\0\x3c\0\4\x7f\0\0\1"
    counts = b"\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0"
    return query[:2] + b"\x81\x80" + counts + question + (record if is_a else b"")


def serve_names(server):
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query), client)


def bound(address):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    return server


dead = bound("127.0.0.2")  # It takes queries and never answers.
threading.Thread(target=serve_names, args=(bound("127.0.0.3"),), daemon=True).start()
service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=service.serve_forever, daemon=True).start()
command = [word.replace("PORT", str(service.server_port)) for word in COMMAND]
outcome = subprocess.run(command, stdin=subprocess.DEVNULL)
print(f"requests: {Service.requests}")
sys.exit(outcome.returncode)
