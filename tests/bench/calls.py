"""Calls between two users: how long it is from the order to call until the 200 to the INVITE, with the lookup and the connection that is made for it.

On loopback in an overlay of TLS, then between two hosts behind port-restricted NATs in one with ICE; the latter needs root.  Calls are made one after
the other, each by a program of its own and over a connection of its own.
"""

import json
import os
import shutil
import subprocess
import tempfile

from ice import Lab

# name, what it is, aim in ms
PLACES = [("loopback", "loopback", 60), ("nats", "two port-restricted NATs", 600)]


def rows():
    """Rows of a table: name, what it is, unit, digits, aim, whether more is better."""
    for name, words, aim in PLACES:
        yield name + "_p50_ms", "call set-up, " + words, "ms", 0, aim, False
        yield name + "_p95_ms", "  p95", "ms", 0, None, False
        yield name + "_calls", "  answered", "", 0, None, True


class Overlay:
    """Agents s, alice and bob with a home of their own; where: the command that enters the host of a name, nothing on loopback."""

    def __init__(self, build, bootstrap, where=None, ice=False):
        self.build, self.where, self.running = build, where or (lambda name: []), []
        self.bootstrap, self.ice, self.loopback, self.listener = bootstrap, ice, not where, None
        self.home = tempfile.mkdtemp(prefix="reload-bench-")
        self.env = dict(os.environ, RELOAD_HOME=self.home)

    def begin(self):
        self.do("reload-enroll", "init", "calls.example", "--bootstrap", self.bootstrap, *(["--ice"] if self.ice else []))
        for name in ("s", "alice", "bob"):
            self.do("reload-enroll", "issue", name + "@calls.example", "--identity", name)
        self.agent("s", "--first", *(["-l", self.bootstrap] if self.loopback else []))
        for name in ("alice", "bob"):
            self.agent(name, *(["-l", "127.0.0.1:0"] if self.loopback else []))
        self.do("reload-sip-call", "-a", "bob", "register", "bob@calls.example")
        self.listener = self.start("bob", "reload-sip-call", "-a", "bob", "listen", "--answer", stdout=subprocess.PIPE, text=True)
        self.listener.stdout.readline()

    def command(self, name, program, *args):
        return [*self.where(name), os.path.join(self.build, program), *args]

    def start(self, name, *command, **more):
        process = subprocess.Popen(self.command(name, *command), env=self.env, stderr=subprocess.DEVNULL, **more)
        self.running.append(process)
        return process

    def do(self, program, *args, name=None):
        command = self.command(name, program, *args) if name else [os.path.join(self.build, program), *args]
        return subprocess.run(command, env=self.env, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    def agent(self, name, *options):
        self.start(name, "reload-agent", "-I", name, *options)
        self.do("reload-agent", "status", "-a", name, "--wait", "joined", "-t", "30")

    def set_up_ms(self):
        """Of one call."""
        out = self.do("reload-sip-call", "-a", "alice", "bob@calls.example", "--duration", "1ms", "--wait", "20s", "-j", name="alice")
        return next(o["setup_ms"] for o in map(json.loads, out.splitlines()) if o["type"] == "answered")

    def end(self):
        for process in reversed(self.running):
            process.terminate()
            process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def measured(overlay, name, times):
    try:
        overlay.begin()
        overlay.set_up_ms()  # the first one is that of agents which have just begun
        all = sorted(overlay.set_up_ms() for _ in range(times))
    finally:
        overlay.end()
    return {name + "_p50_ms": all[len(all) // 2], name + "_p95_ms": all[len(all) * 95 // 100], name + "_calls": len(all)}


def measure(build, port, quick, note):
    note("calls on loopback")
    figures = measured(Overlay(build, "127.0.0.1:%d" % port), "loopback", 10 if quick else 100)
    if os.geteuid() != 0:
        note("calls through NATs: needs root")
        return figures
    note("calls through NATs")
    lab = Lab(build)
    try:
        lab.do("up", "s=public", "alice=port-restricted", "bob=port-restricted")
        where = lambda name: ["nsenter", "--net=/run/netns/" + lab.do("ns", name)]
        figures.update(measured(Overlay(build, lab.do("addr", "s") + ":6084", where, ice=True), "nats", 5 if quick else 40))
    finally:
        subprocess.run([os.path.join(os.path.dirname(__file__), "..", "lab", "nat-lab"), "down"], env=lab.env, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    return figures
