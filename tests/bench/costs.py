"""What running processes spend: processor time, wake-ups, system calls, allocations.

System calls are counted by strace, which slows the processes down; so processor time and wake-ups are measured in a run of
their own.  Allocations are counted by a library that is loaded before libc (count.c).  What the processes do without any
request is measured first and taken off.
"""

import os
import re
import signal
import struct
import subprocess
import tempfile
import time

WAITS = ("poll", "ppoll", "epoll_wait", "epoll_pwait", "select", "pselect6")
SENDS = ("sendto", "sendmsg", "sendmmsg")


def tasks(processes, name):
    for p in processes:
        for task in os.listdir("/proc/%d/task" % p.pid):
            with open("/proc/%d/task/%s/%s" % (p.pid, task, name)) as f:
                yield f.read()


def cpu_s(processes):
    return sum(int(text.split()[0]) for text in tasks(processes, "schedstat")) / 1e9


def wakeups(processes):
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1]) for text in tasks(processes, "status"))


def allocations(processes, counts):
    """The sum of what count.c has written so far."""
    total = 0
    for p in processes:
        with open(os.path.join(counts, str(p.pid)), "rb") as f:
            total += struct.unpack("Q", f.read(8))[0]
    return total


def system_calls(processes, run):
    """Calls by name while run() ran, the seconds that it took, and what it returned."""
    with tempfile.TemporaryDirectory(prefix="reload-bench-") as directory:
        out = os.path.join(directory, "calls")
        attach = [arg for p in processes for arg in ("-p", str(p.pid))]
        tracer = subprocess.Popen(["strace", "-f", "-c", "-U", "calls,name", "-o", out, *attach], stderr=subprocess.PIPE, text=True)
        left = {p.pid for p in processes}
        for line in tracer.stderr:
            attached = re.search(r"Process (\d+) attached", line)
            if not attached and "ttach" in line and "Process" not in line:
                raise RuntimeError("strace: " + line.strip())
            left.discard(int(attached[1]) if attached else 0)
            if not left:
                break
        begin = time.monotonic()
        result = run()
        took = time.monotonic() - begin
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
        with open(out) as f:
            calls = {m[2]: int(m[1]) for m in re.finditer(r"^ *(\d+) +(\w+)\s*$", f.read(), re.M)}
        calls.pop("total", None)
        return calls, took, result


class Costs:
    """Of requests to processes; counts is the directory of count.c, None when it is not loaded."""

    def __init__(self, processes, counts=None):
        self.processes, self.counts = processes, counts
        self.idle_calls, self.idle_s, _ = system_calls(processes, lambda: time.sleep(5))

    def taken(self):
        allocated = allocations(self.processes, self.counts) if self.counts else 0
        return cpu_s(self.processes), wakeups(self.processes), allocated

    def of(self, name, run):
        """Figures a request, their names beginning with name; run() makes requests and returns how many."""
        before = self.taken()
        requests = run()
        cpu, woken, allocated = ((now - then) / requests for now, then in zip(self.taken(), before))
        calls, took, traced = system_calls(self.processes, run)

        def each(names=None):
            total = sum(n for call, n in calls.items() if names is None or call in names)
            idle = sum(n for call, n in self.idle_calls.items() if names is None or call in names)
            return max(0, total - idle * took / self.idle_s) / traced

        figures = {"calls": each(), "sends": each(SENDS), "waits": each(WAITS), "wakeups": woken, "cpu_ms": cpu * 1000}
        if self.counts:
            figures["allocations"] = allocated
        return {"%s_%s" % (name, key): value for key, value in figures.items()}
