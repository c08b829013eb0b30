#!/usr/bin/env python3
"""Bad clients of the control socket of a real agent: control_hostile.py CASE.  Steps of hostile.bats."""
import json, os, select, socket, sys, threading, time
from hostile_wire import *

PARSE, REQUEST, METHOD, PARAMS = -32700, -32600, -32601, -32602


class Client:
    def __init__(self, instance="a2", read_only=False):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(30)
        self.s.connect(f"{HOME}/run/{instance}{'-ro' if read_only else ''}.sock")
        self.data = b""

    def send(self, line):
        self.s.sendall(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")

    def line(self):
        while b"\n" not in self.data:
            part = self.s.recv(1 << 20)
            if not part:
                raise EOFError
            self.data += part
        first, self.data = self.data.split(b"\n", 1)
        return json.loads(first)

    def closed(self, seconds=PATIENCE):
        self.s.settimeout(seconds)
        try:
            while self.s.recv(1 << 20):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False


def rpc(method, id_=1, **params):
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


def refused(c, line, code, words):
    c.send(line)
    answer = c.line()
    must("error" in answer, f"{words}: {answer}")
    e = answer["error"]
    must(e["code"] == code, f"{words}: code {code} expected, {e}")
    must(e["message"] and e["data"]["what"] and e["data"]["why"], f"{words}: an error without words: {e}")


def lines():
    c = Client()
    refused(c, b"{\n", PARSE, "half an object")
    refused(c, b"nonsense\n", PARSE, "a word")
    refused(c, b'{"jsonrpc":"2.0","id":1,"id":2,"method":"agent.status"}\n', PARSE, "a key twice")
    refused(c, b"\xff\xfe\x00{\n", PARSE, "not UTF-8")
    refused(c, b'{"jsonrpc":"2.0","id":1,"method":"agent\\u0000status"}\n', PARSE, "NUL in a string")
    refused(c, b"[" * 100000 + b"\n", PARSE, "100,000 brackets")
    refused(c, b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"\n", PARSE, "5000 levels")
    refused(c, b"1e99999\n", PARSE, "a number beyond all")
    refused(c, b"[]\n", REQUEST, "an empty batch")
    refused(c, [rpc("agent.status")] * 3, REQUEST, "a batch")
    refused(c, 7, PARSE, "a number")
    refused(c, {"id": 1, "method": "agent.status"}, REQUEST, "no version")
    refused(c, {"jsonrpc": "1.0", "id": 1, "method": "agent.status"}, REQUEST, "version 1.0")
    refused(c, {"jsonrpc": "2.0", "id": 1}, REQUEST, "no method")
    refused(c, {"jsonrpc": "2.0", "id": 1, "method": 9}, REQUEST, "method is a number")
    refused(c, {"jsonrpc": "2.0", "id": [1], "method": "agent.status"}, REQUEST, "id is a list")
    refused(c, {"jsonrpc": "2.0", "id": "x" * 5000, "method": "agent.status"}, REQUEST, "a long id")
    refused(c, {"jsonrpc": "2.0", "id": 1, "method": "agent.status", "params": [1]}, REQUEST, "params is a list")
    refused(c, rpc("agent.statu"), METHOD, "unknown method")
    refused(c, rpc("%s%n" * 1000), METHOD, "a long unknown method")
    refused(c, rpc(""), METHOD, "an empty method")
    refused(c, rpc("overlay.ping"), PARAMS, "a parameter is missing")
    refused(c, rpc("overlay.ping", target=5), PARAMS, "a wrong type")
    refused(c, rpc("overlay.ping", target=None), PARAMS, "null")
    refused(c, rpc("overlay.ping", target="self", colour="red"), PARAMS, "an unknown parameter")
    refused(c, rpc("overlay.ping", target="self", size_bytes=65536), PARAMS, "too large a number")
    refused(c, rpc("overlay.ping", target="self", size_bytes=-1), PARAMS, "a negative number")
    refused(c, rpc("overlay.ping", target="self", size_bytes=1.5), PARAMS, "a fraction")
    refused(c, rpc("store.put", target="self", kind="1", values="x"), PARAMS, "text for a list")
    refused(c, rpc("store.put", target="self", kind="1", values=[{"value": "!!"}]), PARAMS, "not base64")
    refused(c, rpc("store.put", target="self", kind="1", values=[{"text": "x"}] * 257), PARAMS, "257 values")
    refused(c, rpc("log.tail", lines=10001), PARAMS, "more lines than there are")
    refused(c, rpc("overlay.wait", state="happy"), PARAMS, "an unknown word")
    for target in ("node:zz", "resource:", "name:", "node:", "succ:99", "reload://x@y/", "a,b,c" * 100, "\n", "self,self", "x" * 5000):
        c.send(rpc("overlay.ping", target=target, timeout_ms=300))
        answer = c.line()
        must("error" in answer and answer["error"]["data"]["name"] != "bug" or target == "self,self", f"target {target[:40]}: {answer}")
    # the connection that bore all this still works; blank lines and CRLF are nothing
    c.send(b"\n\r\n  \n" + json.dumps(rpc("agent.status")).encode() + b"\r\n")
    must("result" in c.line(), "status after errors")
    # notifications get no answer, known or not
    c.send({"jsonrpc": "2.0", "method": "agent.status"})
    c.send({"jsonrpc": "2.0", "method": "no.such"})
    c.send({"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": {}}})
    c.send(rpc("agent.status", "last"))
    must(c.line()["id"] == "last", "a notification was answered")


def oversized():
    c = Client()
    try:
        c.send(b"x" * (3 << 20))
    except OSError:
        pass
    answer = c.line()
    must(answer["error"]["code"] == REQUEST, f"{answer}")
    must(c.closed(), "an oversized line: connection not closed")
    c = Client()  # just below the limit it is only wrong
    refused(c, b" " * 1000000 + b"{\n", PARSE, "a million spaces")


def many():
    """1000 requests at once over one connection: all are answered, some with a limit."""
    c = Client()
    other = node_of("a0").hex()
    c.send(b"".join(json.dumps(rpc("overlay.ping", i, target=f"node:{other}", timeout_ms=30000)).encode() + b"\n" for i in range(1000)))
    ids, limits = set(), 0
    for _ in range(1000):
        answer = c.line()
        ids.add(answer["id"])
        if "error" in answer:
            must(answer["error"]["data"]["name"] == "limit", f"{answer}")
            limits += 1
    must(ids == set(range(1000)), "answers are missing")
    print(f"1000 requests: {limits} refused for the limit")
    # and a client that leaves in the middle of them
    c.send(b"".join(json.dumps(rpc("overlay.ping", i, target=f"node:{other}")).encode() + b"\n" for i in range(50)))
    c.s.close()
    wait_for(lambda: status("a2")["requests"] == 0, 30, "requests of a client that left are gone")


def deaf():
    """A client that follows everything and never reads, while others are served."""
    before = rss_kb("a2")
    c = Client()
    c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c.send(rpc("agent.events", level="trace"))
    c.send(rpc("log.tail", 2, follow=True))
    other = Client()
    for i in range(1500):
        other.send(rpc("overlay.ping", i, target=f"node:{node_hex}"))
        other.line()
    # one that asks for large replies, again and again, and reads none
    greedy = Client()
    greedy.s.settimeout(0.5)
    try:
        while True:
            greedy.send(rpc("log.tail", lines=10000))
    except OSError:
        pass
    began = time.monotonic()
    status("a2")
    took = time.monotonic() - began
    grown = rss_kb("a2") - before
    print(f"clients that never read: {grown} kB more, status took {took * 1000:.1f} ms")
    must(took < 5, "another client waits")
    must(grown < 64 * 1024, f"memory grew by {grown} kB")


def crowd():
    """100 connections, each with half a line and then silence."""
    clients, refusals = [Client()], 0
    for _ in range(2):  # after the second answer the agent has seen the end of whoever was connected before
        clients[0].send(rpc("agent.status"))
        must("result" in clients[0].line(), "the first of 100")
    clients[0].send(b'{"jsonrpc":"2.0","id":1,"method":"agent.st')
    for _ in range(99):
        try:
            c = Client()
            c.send(b'{"jsonrpc":"2.0","id":1,"method":"agent.st')
            clients.append(c)
        except OSError:
            refusals += 1
    heard = lambda: select.select([c.s for c in clients], [], [], 0)[0]
    wait_for(lambda: refusals + len(heard()) >= 36, 30, "100 connections are taken or refused")
    for c in clients:
        if c.s in heard():
            answer = c.line()
            must(answer["error"]["data"]["name"] in ("limit", "agent"), f"{answer}")
            refusals += 1
    must(refusals == 36, f"{refusals} of 100 were refused")
    # another node's traffic goes on while the socket is full
    call("a0", "overlay.ping", target=f"node:{node_hex}")
    first = clients[0]  # whoever finishes the line is served
    first.send(b'atus"}\n')
    must("result" in first.line(), "a line in two halves")
    for c in clients:
        c.s.close()
    wait_for(lambda: answers(), 30, "the socket is free again")


def answers():
    try:
        c = Client()
        c.send(rpc("agent.status"))
        return "result" in c.line()
    except (OSError, EOFError):
        return False


def read_only():
    c = Client(read_only=True)
    c.send(rpc("agent.status"))
    must("result" in c.line(), "status of the read-only socket")
    methods = call("a2", "rpc.methods")["methods"]
    writes = [m["method"] for m in methods if m["access"] == "write"]
    must("agent.stop" in writes and len(writes) >= 4, f"{writes}")
    for m in writes:
        c.send(rpc(m))
        answer = c.line()
        must("error" in answer and answer["error"]["data"]["name"] in ("agent", "forbidden") and
             "read-only" in answer["error"]["data"]["what"], f"{m}: {answer}")


def stranger():
    """As another user: neither the file mode nor, were it open, the agent lets him in."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    c = socket.socket(socket.AF_UNIX)
    try:
        c.connect(f"{HOME}/run/a2.sock")
    except PermissionError:
        print("refused")
        return
    try:
        c.sendall(b'{"jsonrpc":"2.0","id":1,"method":"agent.status"}\n')
    except BrokenPipeError:
        pass
    print(c.recv(1 << 16).decode())


if __name__ == "__main__":
    if sys.argv[1] not in ("stranger",):
        node_hex = node_of("a2" if sys.argv[1] == "crowd" else "a0").hex()
    globals()[sys.argv[1]]()
