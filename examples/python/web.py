"""Counts visits. Listens where podctl says: HOST and PORT."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VISITS = os.path.join(os.environ["DATA"], "visits")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health":
            self.answer("ok\n")
        elif self.path == "/visits":
            with open(VISITS, "ab") as visits:
                visits.write(b".")
                self.answer(f"{visits.tell()} visits\n")
        else:
            self.send_error(404)

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


server = ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("goodbye")))
server.serve_forever()
