# SPDX-License-Identifier: Apache-2.0
"""An agent's trace API as a process, strict about what a client may send: `agent.py --port N PLAY`.

PLAY is a JSON object:
  node, containers        as GET /v1/containers answers
  steps                   what a stream brings: {"wait": s}, {"lines": [[ms from now, text], ...]} ({} in the text
                          is whose the Trace is, NAMESPACE/NAME),
                          {"container": {...}}, {"dropped": n}, {"raw": text}, {"end": [reason, text]}, {"cut": true}
  last, summary           lines, and {text, containers}, that come after .../end
  refuse                  [status, error, help] of each POST /v1/traces
  room                    so many POST /v1/traces are taken, and those after them are refused as there
  patience                s without an acknowledgement after which a trace is ended (15)
It prints what happens as JSON, one object a line; the first is {"port": N}. It needs the standard library alone, since
it also runs in a pod whose file system is a node's.
"""

import argparse
import http.server
import json
import os
import re
import threading
import time
import typing

HEARTBEAT = 0.2


class Trace:
    def __init__(self):
        self.position = 0
        self.acknowledged = -1
        self.heard = time.monotonic()
        self.ending = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    play: typing.ClassVar[dict] = {}
    traces: typing.ClassVar[dict] = {}

    def log_message(self, *_):
        """Said by tell()."""

    def tell(self, what, **more):
        # In one piece: there is a thread for each connection.
        os.write(1, (json.dumps({"what": what, "time": time.time(), **more}) + "\n").encode())

    def refuse(self, status, error, help_=""):
        body = json.dumps({"error": error, "help": help_}).encode()
        self.tell("refused", status=status, error=error)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def checked(self):
        """The body; None: refused."""
        of = self.headers.get("Stracelet-Trace", "")
        key = re.fullmatch(r"Bearer ([0-9a-f]{64})", self.headers.get("Authorization", ""))
        if not re.fullmatch(r"[a-z0-9][-a-z0-9]*/[a-z0-9][-.a-z0-9]*", of) or key is None:
            self.refuse(401, "no trace and key, or not as they have to be")
            return None
        self.tell("request", method=self.command, path=self.path, trace=of, key=key[1], headers=dict(self.headers))
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        if self.checked() is None:
            return
        if self.path != "/v1/containers":
            self.refuse(404, f"{self.path}: there is no such path")
            return
        body = json.dumps({"node": self.play["node"], "containers": self.play.get("containers", [])}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.checked()
        if body is None:
            return
        if self.path == "/v1/traces":
            if body or self.headers.get("Content-Length") != "0":
                self.refuse(400, "POST /v1/traces takes no body")
            elif self.play.get("refuse") and len(self.traces) >= self.play.get("room", 0):
                self.refuse(*self.play["refuse"])
            else:
                self.stream()
            return
        found = re.fullmatch(r"/v1/traces/([a-z0-9]+)/(ack|end)", self.path)
        trace = self.traces.get(found[1]) if found else None
        if trace is None:
            self.refuse(404, f"{self.path}: there is no such trace")
        elif found[2] == "end":
            self.end(trace, body)
        else:
            self.acknowledge(trace, body)

    def end(self, trace, body):
        if body:
            self.refuse(400, "end takes no body")
            return
        trace.ending.set()
        self.nothing()

    def acknowledge(self, trace, body):
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if not isinstance(document, dict) or set(document) != {"position"} or type(document["position"]) is not int:
            self.refuse(400, f"an acknowledgement is an object with a position, not {body!r}")
        elif not max(trace.acknowledged, 0) <= document["position"] <= trace.position:
            self.refuse(400, f"position {document['position']} after {trace.acknowledged}, of {trace.position} lines")
        else:
            trace.acknowledged, trace.heard = document["position"], time.monotonic()
            self.tell("acknowledged", position=document["position"])
            self.nothing()

    def nothing(self):
        self.send_response(204)
        self.end_headers()

    def put(self, message):
        data = message.encode() if isinstance(message, str) else json.dumps(message).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def stream(self):
        trace = Trace()
        id_ = f"t{len(self.traces)}"
        self.traces[id_] = trace
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.put({"type": "started", "id": id_, "node": self.play["node"], "time": now()})
            if self.steps(trace):
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.tell("hung up")
        self.close_connection = True
        self.tell("over", acknowledged=trace.acknowledged, position=trace.position)

    def steps(self, trace):
        """Whether it came to its last message."""
        for step in self.play.get("steps", []):
            if trace.ending.is_set():
                break
            match step:
                case {"wait": seconds}:
                    self.beat(trace, time.monotonic() + seconds)
                case {"lines": lines}:
                    self.lines(trace, lines)
                case {"container": container}:
                    self.put({"type": "container", "text": "", "time": now(), **container})
                case {"dropped": count}:
                    self.put({"type": "dropped", "count": count, "time": now()})
                case {"raw": text}:
                    self.put(text)
                case {"end": [reason, text]}:
                    self.put({"type": "end", "reason": reason, "text": text})
                    return True
                case {"cut": _}:
                    return False
        if self.beat(trace, None):
            self.lines(trace, self.play.get("last", []))
            if self.play.get("summary"):
                self.put({"type": "summary", **self.play["summary"]})
            self.put({"type": "end", "reason": "client", "text": ""})
        else:
            self.put({"type": "end", "reason": "unacknowledged", "text": "the client has acknowledged nothing"})
        return True

    def lines(self, trace, lines):
        if lines:
            trace.position += len(lines)
            of = self.headers["Stracelet-Trace"]
            timed = [[now(ms), text.replace("{}", of)] for ms, text in lines]
            self.put({"type": "lines", "position": trace.position, "lines": timed})

    def beat(self, trace, until):
        """Until that moment, or the client's end; False: its patience is at an end."""
        while not trace.ending.wait(HEARTBEAT if until is None else max(min(HEARTBEAT, until - time.monotonic()), 0)):
            if until is not None and time.monotonic() >= until:
                break
            self.put({"type": "heartbeat", "time": now()})
            if time.monotonic() - trace.heard > self.play.get("patience", 15):
                return False
        return True


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that is killed resets its connections."""


def now(ms=0):
    return str(time.time_ns() + round(ms * 1e6))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("play", type=json.loads)
    args = parser.parse_args()
    Handler.play = args.play
    with Server(("127.0.0.1", args.port), Handler) as server:
        print(json.dumps({"port": server.server_port}), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
