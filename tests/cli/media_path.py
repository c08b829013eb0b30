#!/usr/bin/env python3
"""Paths for audio as programs get them from agents: media.open and media.check of the control protocol.

    media_path.py both CALLER.sock CALLEE.sock     datagrams both ways over a path that ICE has found; a stranger sends as well
    media_path.py another CALLER.sock CALLEE.sock  two devices answer, the second has the call
    media_path.py refused AGENT.sock               wrong parameters
    media_path.py gone AGENT.sock                  who has opened it goes away
    media_path.py short CALLER.sock CALLEE.sock    the caller's agent has no descriptor for who connects, here and to a connection

Each prints what it saw.
"""
import json, os, resource, socket, sys

from waiting import wait_for


class Agent:
    """A control socket; progress notifications and replies are kept until they are asked for."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(30)
        self.lines, self.number, self.seen = self.socket.makefile("r"), 0, []

    def send(self, method, **params):
        self.number += 1
        line = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.socket.sendall(json.dumps(line).encode() + b"\n")
        return self.number

    def wait(self, fits):
        while True:
            for n, message in enumerate(self.seen):
                if fits(message):
                    return self.seen.pop(n)
            line = self.lines.readline()
            if not line:
                raise SystemExit("the agent has closed the connection")
            self.seen.append(json.loads(line))

    def event(self, kind):
        message = self.wait(lambda m: "error" in m or m.get("params", {}).get("object", {}).get("type") == kind)
        if "error" in message:
            raise SystemExit(json.dumps(message))
        return message["params"]["object"]

    def reply(self, number):
        return self.wait(lambda m: m.get("id") == number)

    def ask(self, method, **params):
        return self.reply(self.send(method, **params))


class Path:
    """A path that was opened, and its socket of packets."""

    def __init__(self, agent, **params):
        self.agent, self.request = agent, agent.send("media.open", **params)
        self.own = agent.event("gathered")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(self.own["stream"])
        self.socket.settimeout(30)

    def check(self, **params):
        return self.agent.ask("media.check", media=self.own["media"], **params)

    def connect(self, other):
        reply = self.check(**{name: other.own[name] for name in ("ufrag", "password", "candidates")})
        if "error" in reply:
            raise SystemExit(json.dumps(reply))

    def connected(self):
        return self.agent.event("connected")

    def end(self):
        self.socket.close()
        return self.agent.reply(self.request)["result"]


def address_of(path):
    """Of its host candidate on loopback."""
    at = [c["address"] for c in path.own["candidates"] if c["type"] == "host" and c["address"].startswith("127.")][0]
    host, _, port = at.rpartition(":")
    return host, int(port)


def both(caller, callee):
    a, b = Path(Agent(caller)), Path(Agent(callee), controlling=False)
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.sendto(b"\x80from a stranger", address_of(a))
    a.connect(b)
    b.connect(a)
    print(a.connected()["path"], b.connected()["path"])
    stranger.sendto(b"\x80from a stranger", address_of(a))
    for n in range(50):
        a.socket.send(b"a%d" % n)
        b.socket.send(bytes(1200) + b"b%d" % n)
    wait_for(lambda: a.socket.recv(2048)[1200:] == b"b49", 30, "the last of the callee")
    wait_for(lambda: b.socket.recv(2048) == b"a49", 30, "the last of the caller")
    summary = a.end()
    print(summary["sent"], summary["received"], summary["dropped"])
    b.end()


def another(caller, callee):
    a, b, c = Path(Agent(caller)), Path(Agent(callee), controlling=False), Path(Agent(callee), controlling=False)
    for callee in (b, c):
        a.connect(callee)
        callee.connect(a)
        a.connected(), callee.connected()
        callee.socket.send(b"first")
        wait_for(lambda: a.socket.recv(2048) == b"first", 30, "the callee is heard")
        a.socket.send(b"to you")
        print(callee.socket.recv(2048).decode())
    a.end(), b.end(), c.end()


def refused(path):
    agent = Agent(path)
    good = {"foundation": "1", "type": "host", "priority": 1, "address": "127.0.0.1:9"}
    whose = {"ufrag": "abcd", "password": "0123456789012345678901"}
    for params in ({"media": 77}, {"media": 0}, {}):
        print(agent.ask("media.check", candidates=[good], **whose, **params)["error"]["data"]["name"])
    a = Path(agent)
    for params in ({}, {"candidates": [dict(good, address="x")]}, {"candidates": [dict(good, type="prflx")]},
                   {"candidates": [good] * 26}):
        print(a.check(**whose, **params)["error"]["data"]["name"])
    a.check(ufrag="a", password="b", candidates=[good])  # too short: no credentials of ICE
    print(agent.reply(a.request)["error"]["data"]["name"])


def gone(path):
    a = Path(Agent(path))
    b = Path(Agent(path))
    left = Agent(path)
    left.send("media.open")
    file = left.event("gathered")["stream"]
    for agent in (a.agent, b.agent, left):
        agent.socket.shutdown(socket.SHUT_RDWR)
    print(len(a.socket.recv(10)), len(b.socket.recv(10)))
    wait_for(lambda: not os.path.exists(file), 30, "the socket is removed")


def without_descriptors(pid, connect):
    """The program that connects meanwhile, and what the process uses, in hundredths, in a second in which it cannot accept it."""
    def used():
        return sum(int(n) for n in open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13])

    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    began, program = used(), connect()
    program.settimeout(1)
    try:
        program.recv(1)
    except TimeoutError:
        pass
    took = used() - began
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    program.settimeout(30)
    return program, "idle" if took < 10 else took


def connected(path, kind=socket.SOCK_STREAM):
    program = socket.socket(socket.AF_UNIX, kind)
    program.connect(path)
    program.settimeout(30)
    return program


def short(caller, callee):
    agent, other = Agent(caller), Agent(callee)
    pid = agent.ask("agent.status")["result"]["pid"]
    opened = agent.send("media.open")
    path = agent.event("gathered")["stream"]
    program, took = without_descriptors(pid, lambda: connected(path, socket.SOCK_SEQPACKET))
    program.close()
    print("served" if "result" in agent.reply(opened) else "lost", took)
    other.send("app.listen", application=61441)
    other.event("listening")
    agent.send("app.attach", application=61441, target="node:" + other.ask("agent.status")["result"]["node_id"])
    path, far = agent.event("connected")["stream"], connected(other.event("connected")["stream"])
    program, took = without_descriptors(pid, lambda: connected(path))
    program.sendall(b"x")
    print("served" if far.recv(1) == b"x" else "lost", took)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
