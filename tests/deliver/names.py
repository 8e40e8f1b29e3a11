"""Runs ./podinit-deliver in namespaces of its own, beside a nameserver and receivers of HTTP and HTTPS; says how each
attempt ended, and who was asked for."""

import fcntl, http.server, json, os, socket, ssl, struct, subprocess, threading

# The loopback interface of a new network is down: SIOCSIFFLAGS, IFF_UP.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, 0x8914, struct.pack("16sh22x", b"lo", 1))

for name, text in ("hosts", "127.0.0.1 in-hosts.test\n"), ("resolv.conf", "nameserver 127.0.0.1\n"):
    with open(name, "w") as file:
        file.write(text)
    subprocess.run(["mount", "--bind", name, os.path.realpath("/etc/" + name)], check=True)

requests = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        requests.append(self.headers["Host"])
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_):
        pass


subprocess.run(
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca;"
    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out request.pem -subj /CN=receiver;"
    "echo subjectAltName=DNS:by-dns.test >names;"
    "openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out certificate.pem",
    shell=True, check=True, capture_output=True)
plain = http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Receiver)
secure = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Receiver)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("certificate.pem", "key.pem")
secure.socket = tls.wrap_socket(secure.socket, server_side=True)
# A client that breaks off is no failure.
secure.handle_error = lambda *_: None
nameserver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
nameserver.bind(("127.0.0.1", 53))


def answer():
    while True:
        question, client = nameserver.recvfrom(512)
        is_known, is_ipv4 = b"\x06by-dns\x04test\x00" in question, question[-3] == 1
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if is_known and is_ipv4 else b""
        flags = b"\x81\x80" if is_known else b"\x81\x83"
        count = b"\0\1" if record else b"\0\0"
        nameserver.sendto(question[:2] + flags + b"\0\1" + count + b"\0\0\0\0" + question[12:] + record, client)


for serve in plain.serve_forever, secure.serve_forever, answer:
    threading.Thread(target=serve, daemon=True).start()

alert = {"id": "1", "key": "k", "time": "2026-01-01T00:00:00.000Z", "kind": "test", "status": "firing", "severity": "info",
         "summary": "s", "pod": "p", "host": "h"}
for url in ("http://in-hosts.test:8080/", "http://by-dns.test:8080/", "https://by-dns.test:8443/",
            "http://nobody.test:8080/", "https://in-hosts.test:8443/"):
    target = {"method": "POST", "url": url, "body": "{{ alert | tojson }}", "resolves": True, "ca": os.path.abspath("ca.pem")}
    delivery = {"to": {"http": target}, "alert": alert, "timeout_ms": 30000}
    done = subprocess.run(["./podinit-deliver"], input=json.dumps(delivery), capture_output=True, text=True)
    print(" ".join([url, str(done.returncode), done.stderr.strip()]).strip())
print("requests:", *requests)
