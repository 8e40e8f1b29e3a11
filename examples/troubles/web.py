"""Answers every request; when it is told to, only for so many seconds."""

import argparse
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

arguments = argparse.ArgumentParser()
arguments.add_argument("--hangs-after", type=float, default=float("inf"))
ends = time.monotonic() + arguments.parse_args().hangs_after


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        while time.monotonic() > ends:
            time.sleep(1)
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, *_):
        pass


HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
