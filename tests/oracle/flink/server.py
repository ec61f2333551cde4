"""Answers jobs on a Unix socket, one after another, with one JVM; ends after a while without one.

Arguments: the socket's path and the idle seconds. A request is one line of JSON (see jobs.py), so is the reply.
"""

from __future__ import annotations

import json
import os
import socketserver
import sys
import time
import traceback

import jobs


class Request(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline()
        if not line.strip():
            return
        started = time.monotonic()
        try:
            job = json.loads(line)
            reply = {"results": jobs.run(job)} if "queries" in job else {"pid": os.getpid()}
        except Exception:
            reply = {"failed": traceback.format_exc()}
        reply["seconds"] = round(time.monotonic() - started, 2)
        self.wfile.write(json.dumps(reply).encode() + b"\n")


class Server(socketserver.UnixStreamServer):
    idle = False
    request_queue_size = 64

    def handle_timeout(self) -> None:
        self.idle = True


def main() -> None:
    path, idle = sys.argv[1], float(sys.argv[2])
    if os.path.exists(path):
        os.unlink(path)
    with Server(path, Request) as server:
        server.timeout = idle
        while not server.idle:
            server.handle_request()
    os.unlink(path)


if __name__ == "__main__":
    main()
