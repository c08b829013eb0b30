"""OpenDHT beside us: as many dhtnode processes (Debian package dhtnode), driven through their command lines."""

import os
import random
import re
import select
import subprocess
import time

PORT = 17500
VALUE = "v" * 1000
FOUND = re.compile(r"Get: found \d+ value\(s\) after ([0-9.e+-]+) (\w+)")
DONE = re.compile(r"(?:Get: completed|Put signed: success).*? \(?took ([0-9.e+-]+) (\w+)")
FAILED = re.compile(r"(?:Get|Put signed): fail")
READY = re.compile(r"type 'h' or 'help'")
READY_S = 600  # until all are there: an identity is an RSA key of 4096 bits, some seconds each to find
ANSWER_S, RUN_S = 30, 60  # for one request; for all of a run, which makes fewer of them when they take longer (under strace, for one)
UNITS = {"ns": 1e-6, "us": 1e-3, "ms": 1, "mss": 1, "s": 1e3, "ss": 1e3}


class Node:
    def __init__(self, *args):
        self.process = subprocess.Popen(["dhtnode", "-i", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.unread, self.last = b"", ""
        self.late = 0  # answers that were not waited for any longer

    def command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def line(self, limit_s):
        """None when the limit is over."""
        while b"\n" not in self.unread:
            if not select.select([self.process.stdout], [], [], limit_s)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise RuntimeError("dhtnode has ended: %s" % (self.unread.decode(errors="replace").strip() or self.last))
            self.unread += more
        line, self.unread = self.unread.split(b"\n", 1)
        self.last = line.decode(errors="replace")
        return self.last

    def answer(self):
        """Milliseconds until the first value, None when there was none, and until the end; None for a failure and for silence."""
        found = None
        while (line := self.line(ANSWER_S)) is not None:
            first, done, failed = FOUND.search(line), DONE.search(line), FAILED.search(line)
            if first and found is None:
                found = float(first[1]) * UNITS[first[2]]
            if not done and not failed:
                continue
            self.unread = line[(done or failed).end():].encode() + b"\n" + self.unread  # a line may have more than one
            if self.late:
                self.late, found = self.late - 1, None
                continue
            return (found, float(done[1]) * UNITS[done[2]]) if done else (None, None)
        self.late += 1
        return None, None


class Nodes:
    """Each with an identity, so that its values are signed; the first one is where the others begin."""

    def __init__(self, count):
        self.nodes = [Node("-p", str(PORT))]
        for i in range(1, count):
            self.nodes.append(Node("-p", str(PORT + i), "-b", "127.0.0.1:%d" % PORT))
        self.processes = [n.process for n in self.nodes]
        try:
            end = time.monotonic() + READY_S
            for i, n in enumerate(self.nodes):
                while not READY.search(line := n.line(max(0, end - time.monotonic())) or ""):
                    if not line:
                        raise RuntimeError("OpenDHT: %d of %d nodes are ready after %d s" % (i, count, READY_S))
        except RuntimeError:
            self.stop()
            raise
        time.sleep(10)

    def one_at_a_time(self, what, count):
        """
        How many there was time for, and the milliseconds of those that succeeded: until the first value of a Get, until all
        holders have answered of a Put.
        """
        chance = random.Random(1)
        samples, made, end = [], 0, time.monotonic() + RUN_S
        for i in range(count):
            if time.monotonic() > end:
                break
            made += 1
            writer = i % len(self.processes)
            reader = (writer + 1 + chance.randrange(len(self.processes) - 1)) % len(self.processes)
            if what == "fetch":
                self.nodes[reader].command("g key%d" % i)
                samples.append(self.nodes[reader].answer()[0])
            else:
                self.nodes[writer].command("s key%d %s" % (i, VALUE))
                samples.append(self.nodes[writer].answer()[1])
        return made, sorted(s for s in samples if s is not None)

    def in_flight(self, count, window):
        """Gets a second through the first node."""
        begin, sent, done, good = time.monotonic(), 0, 0, 0
        while not sent or (done < sent and time.monotonic() < begin + 2 * RUN_S):
            while sent < count and sent - done < window and time.monotonic() < begin + RUN_S:
                self.nodes[0].command("g key%d" % (sent % 256))
                sent += 1
            good += self.nodes[0].answer()[1] is not None
            done += 1
        return good / (time.monotonic() - begin)

    def memory_mb(self, name):
        total = 0
        for p in self.processes:
            with open("/proc/%d/smaps_rollup" % p.pid) as f:
                total += int(re.search(r"^%s: +(\d+) kB" % name, f.read(), re.M)[1])
        return total / 1024 / len(self.processes)

    def stop(self):
        for p in self.processes:
            p.kill()
        for p in self.processes:
            p.communicate()


def is_there():
    return any(os.access(os.path.join(d, "dhtnode"), os.X_OK) for d in os.environ["PATH"].split(":"))
