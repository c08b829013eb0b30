"""Audio through reload-sip-adapter: what its relay adds to calls that go on at the same time, beside the same audio from one end straight to the other.

Two devices of one adapter make the calls, all on loopback; tests/bench/audio.c is both ends of the audio of all of them.
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from adapter_cases import SDP, Device

CALLS = 50
WAYS = [("direct", "straight"), ("relay", "relayed")]
FIGURES = [("lost_percent", "lost", "%", 3), ("jitter_ms", "jitter", "ms", 3), ("jitter_max_ms", "  the worst", "ms", 3),
           ("delay_p50_ms", "delay, p50", "ms", 3), ("delay_p99_ms", "  p99", "ms", 3)]


def rows():
    """Rows of a table: name, what it is, unit, digits, aim, whether more is better."""
    for way, words in WAYS:
        for name, what, unit, digits in FIGURES:
            yield "%s_%s" % (way, name), "audio of %d calls: %s, %s" % (CALLS, what, words) if not what.startswith(" ") else what, unit, digits, None, False
    yield "cpu_percent", "processor of the adapter", "%", 1, None, False


def sdp(port):
    return SDP.replace("4000", str(port))


def port_of(message):
    return int(re.search(r"m=audio (\d+)", message.body).group(1))


class Calls:
    """Calls of the device alice to the device s; the ports of the audio are first, first + 2 and so on."""

    def __init__(self, at, first):
        self.alice, self.other, self.ends = Device("alice", at), Device("s", at), []
        for device in (self.alice, self.other):
            device.register()
        for n in range(CALLS):
            self.add(first + 4 * n, first + 4 * n + 2)

    def add(self, caller, callee):
        call = self.alice.ask("INVITE", "s", body=sdp(caller))
        invite = self.other.receive("INVITE")
        self.other.answer(invite, 200, body=sdp(callee))
        answer = self.alice.receive(200)
        self.alice.within("ACK", call, answer, call["cseq"])
        self.other.receive("ACK")
        self.ends += [(caller, port_of(answer)), (callee, port_of(invite))]


def audio(build, seconds, ends):
    lines = "".join("%d %d\n" % end for end in ends)
    return json.loads(subprocess.run([os.path.join(build, "bench", "audio"), str(seconds)], input=lines, text=True, check=True, stdout=subprocess.PIPE).stdout)


def ticks(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def measure(build, port, quick, note):
    from calls import Overlay  # which has these figures among its own

    note("audio of %d calls through the adapter" % CALLS)
    seconds, first, figures = 3 if quick else 20, port + 1000, {}
    overlay = Overlay(build, "127.0.0.1:%d" % port)
    try:
        users = os.path.join(overlay.home, "users")
        for user in ("alice", "s"):
            subprocess.run([os.path.join(build, "reload-sip-adapter"), "passwd", users, user + "@calls.example", "--password-file", "-", "--digest", "md5", "-q"],
                           input="secret\n", text=True, check=True)
        adapter = overlay.start("alice", "reload-sip-adapter", "-a", "alice", "-a", "s", "--listen", "udp:127.0.0.1:0", "--users", users,
                                "--media", "relay", "-j", stdout=subprocess.PIPE, text=True)
        at, serving = None, 0
        while serving < 2:
            event = json.loads(adapter.stdout.readline())
            at = event["address"] if event["type"] == "listening" else at
            serving += event["type"] == "serving"
        ends = Calls(at, first).ends
        own = [own for own, _ in ends]
        for way, pairs in (("direct", [(port, own[i ^ 1]) for i, port in enumerate(own)]), ("relay", ends)):
            before = ticks(adapter.pid)
            for name, value in audio(build, seconds, pairs).items():
                figures["%s_%s" % (way, name)] = value
            figures["cpu_percent"] = 100 * (ticks(adapter.pid) - before) / os.sysconf("SC_CLK_TCK") / seconds
    finally:
        overlay.end()
    return figures
