"""Links over ICE between hosts behind NATs, each in a network namespace: how long one takes, how many come up at the first try, what idle ones cost.

Needs root and coturn; without them there are no figures.  The set-up time is from the first candidate to the end of the handshake, of links that are made one
after the other.
"""

import os
import re
import shutil
import subprocess

LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab", "nat-lab")

# name, what it is called, NATs of both hosts, server (None: none), options
PAIRS = [
    ("public", "no NAT", ("public", "public"), None, ()),
    ("port", "two port-restricted NATs", ("port-restricted", "port-restricted"), "stun", ()),
    ("turn", "two symmetric NATs, TURN", ("symmetric", "symmetric"), "turn", ()),
    ("turn_tcp", "UDP blocked, TURN over TCP", ("udp-blocked", "udp-blocked"), "turn-tcp", ()),
]
AIMS = {"port": 300, "turn": 500}
LOSS = 5
AT_ONCE = 100  # links that are made at the same time, and that are idle then
UP = re.compile(r"^asks +up=(\d+)/(\d+) gather_ms=-?\d+ up_ms=(\d+)/\d+/(\d+) ", re.M)


def rows():
    """Rows of a table: name, what it is, unit, digits, aim, whether more is better."""
    for name, words, _, _, _ in PAIRS:
        for lost in (0, LOSS):
            key = "ice_%s_%d" % (name, lost)
            yield key + "_median_ms", words + (", %d%% lost" % lost if lost else ""), "ms", 0, None, False
            yield key + "_worst_ms", "  slowest", "ms", 0, None if lost else AIMS.get(name), False
            yield key + "_first_try", "  came up at the first try", "%", 1, None, True
    yield "ice_attempts", "attempts in all", "", 0, None, True
    for name, words in (("port", "direct"), ("turn", "relayed")):
        yield "ice_idle_%s_kb" % name, "idle link of %d, %s" % (AT_ONCE, words), "kB", 0, None, False
        yield "ice_idle_%s_cpu_ms" % name, "  processor time a second", "ms", 2, None, False


class Lab:
    def __init__(self, build):
        self.build = build
        self.env = dict(os.environ, NATLAB="bench%d" % os.getpid())

    def do(self, *args):
        return subprocess.run([LAB, *map(str, args)], check=True, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout.strip()

    def links(self, server, *options):
        """Both ends' output; the links need not come up."""
        if server:
            options += ("%s=%s:3478" % (server, self.do("addr", "s")),)
        done = subprocess.run([os.path.join(self.build, "tests/lab/ice-links"), os.path.join(self.build, "reload-ice.so"),
                               self.do("ns", "a"), self.do("ns", "b"), self.do("addr", "a"), self.do("addr", "b"), "bytes=0",
                               *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.stdout


def idle(out, seconds):
    """kB and milliseconds of processor time a second of one link, the mean of both ends."""
    kb = [int(n) for n in re.findall(r"(\d+) kB for a link", out)]
    cpu = [int(n) for n in re.findall(r"links lost, (\d+) ms of CPU", out)]
    return sum(kb) / len(kb), sum(cpu) / len(cpu) / seconds / AT_ONCE


def measure(build, quick, note):
    if os.geteuid() != 0 or not shutil.which("turnserver"):
        note("links over ICE: needs root and coturn")
        return {}
    figures, attempts, lab = {}, 0, Lab(build)
    times, seconds = (5, 5) if quick else (40, 30)
    for name, words, nats, server, options in PAIRS:
        note("links over ICE, " + words)
        try:
            lab.do("up", "s=public", "a=" + nats[0], "b=" + nats[1])
            if server:
                lab.do("turn", "s")
            for lost in (0, LOSS):
                lab.do("loss", lost)
                alone = [UP.search(lab.links(server, *options)) for _ in range(times)]
                up_ms = sorted(int(m[3]) for m in alone if m and m[1] != "0")
                crowd = UP.search(lab.links(server, "links=%d" % AT_ONCE, *options))
                tries = times + AT_ONCE
                attempts += tries
                key = "ice_%s_%d" % (name, lost)
                figures[key + "_first_try"] = 100 * (len(up_ms) + int(crowd[1] if crowd else 0)) / tries
                if up_ms:
                    figures[key + "_median_ms"], figures[key + "_worst_ms"] = up_ms[len(up_ms) // 2], up_ms[-1]
            if name in ("port", "turn"):
                lab.do("loss", 0)
                out = lab.links(server, "links=%d" % AT_ONCE, "idle=%d" % seconds, *options)
                figures["ice_idle_%s_kb" % name], figures["ice_idle_%s_cpu_ms" % name] = idle(out, seconds)
        finally:
            subprocess.run([LAB, "down"], env=lab.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    figures["ice_attempts"] = attempts
    return figures
