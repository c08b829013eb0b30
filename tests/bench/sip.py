"""Calls through reload-sip-adapter between two devices, next to kamailio as registrar and proxy for the same sipp scenarios.

Neither asks for a password, both record their route.  The highest rate is the last one of a list at which, in one of two tries, no call failed and no more than one
message in a hundred calls was repeated; times from INVITE to 200 are those at half of it.  On few cores sipp itself is what ends first, and the processor time of
a call says more.  kamailio has one process for what comes in: with two, a 180 now and then comes after the 200 and sipp calls that a failure.  Memory is measured first: what calls have left behind as free would hide what others take.
"""

import csv
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import sip_audio
import sip_storm

HERE = os.path.dirname(os.path.abspath(__file__))
RATES = (100, 200, 400, 600, 800, 1000, 1250, 1500, 2000, 2500, 3000)
KAMAILIO = """
children=1
log_stderror=yes
debug=0
listen=udp:127.0.0.1:%d
disable_tcp=yes
alias="bench.example"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("usrloc", "db_mode", 0)
request_route {
	if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (has_totag()) {
		if (loose_route()) { t_relay(); exit; }
		if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
		sl_send_reply("404", "Not here");
		exit;
	}
	if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
	t_check_trans();
	if (is_method("REGISTER")) { save("location"); exit; }
	if (is_method("INVITE")) record_route();
	if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
	t_relay();
}
"""


def rows():
    """Rows of a table: name, what it is, unit, digits, aim, whether more is better."""
    for name, words in (("adapter", "reload-sip-adapter"), ("kamailio", "kamailio")):
        yield name + "_calls_per_s", words + ", highest rate", "calls/s", 0, None, True
        yield name + "_mean_ms", "  INVITE to 200 at half of it, mean", "ms", 2, None, False
        yield name + "_p99_ms", "    99 of 100", "ms", 2, None, False
        yield name + "_cpu_ms", "  processor time of a call", "ms", 3, None, False
        yield name + "_concurrent", "  calls at the same time, none lost", "", 0, None, True
        yield name + "_call_kb", "  memory of a call that is up", "kB", 1, None, False
        yield name + "_registration_kb", "  memory of a registration", "kB", 1, None, False
    yield from sip_audio.rows()
    yield from sip_storm.rows()
    yield "part", "highest rate, in parts of kamailio's", "", 2, 0.5, True


def pss_kb(pids):
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += int(re.search(r"^Pss: +(\d+) kB", f.read(), re.M)[1])
    return total


def cpu_s(pids):
    total = 0
    for pid in pids:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        found = [int(p) for p in f.read().split()]
    return [pid] + [p for c in found for p in children(c)]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One of both, where devices come to at 127.0.0.1:port."""

    def __init__(self, directory):
        self.dir, self.port, self.device = directory, free_port(), free_port()

    @staticmethod
    def scenario(name):
        here = os.path.join(HERE, "sipp", name + ".xml")
        return here if os.path.exists(here) else os.path.join(HERE, "..", "cli", "sipp", name + ".xml")

    def sipp(self, scenario, *args, to=True):
        return subprocess.Popen(["sipp", *(["127.0.0.1:%d" % self.port] if to else []), "-sf", self.scenario(scenario),
                                 "-i", "127.0.0.1", "-nostdin", "-timeout", "100", *map(str, args)], cwd=self.dir,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def register(self, count, user="b2", port=0):
        self.sipp("register", "-m", count, "-r", 200, "-s", user, "-key", "contact_port", port or self.device).wait()

    def calls(self, rate, count, duration_ms=0, most=20000):
        """Calls at that rate: whether all went well, and the times to the 200."""
        for old in glob.glob(os.path.join(self.dir, "call_*.csv")):
            os.remove(old)
        answers = self.sipp("answer", "-p", self.device, "-m", count, to=False)
        while not subprocess.run(["ss", "-lnuH", "sport = :%d" % self.device], stdout=subprocess.PIPE).stdout:
            time.sleep(0.02)
        before = cpu_s(self.pids())
        done = self.sipp("call", "-s", "b2", "-m", count, "-r", rate, "-l", most, "-d", duration_ms, "-trace_rtt", "-rtt_freq", 1,
                         "-trace_stat", "-fd", 1).wait()
        cpu = (cpu_s(self.pids()) - before) / count
        answers.terminate()
        answers.wait()
        with open(glob.glob(os.path.join(self.dir, "call_*_.csv"))[0]) as f:
            last = list(csv.DictReader(f, delimiter=";"))[-1]
        times = []
        for name in glob.glob(os.path.join(self.dir, "call_*_rtt.csv")):
            with open(name) as f:
                times += [float(row.split(";")[1]) for row in f.read().splitlines()[1:]]
        repeated = int(last["Retransmissions(C)"])
        return done == 0 and int(last["SuccessfulCall(C)"]) == count and repeated <= count / 100, sorted(times), cpu

    def measure(self, quick):
        figures = self.memory(quick)
        seconds = 2 if quick else 5
        best, cpu = 0, 0
        for rate in RATES[::2] if quick else RATES:
            tries = (self.calls(rate, rate * seconds) for _ in range(2))
            good, _, used = next((t for t in tries if t[0]), (False, [], 0))
            if not good:
                break
            best, cpu = rate, used
        figures["calls_per_s"], figures["cpu_ms"] = best, cpu * 1000
        _, times, _ = self.calls(max(best // 2, 10), max(best // 2, 10) * seconds)
        if times:
            figures["mean_ms"] = sum(times) / len(times)
            figures["p99_ms"] = times[min(len(times) - 1, len(times) * 99 // 100)]
        return figures

    def memory(self, quick):
        """Of registrations and of calls that are up at the same time."""
        figures, count = {}, 100
        self.register(1)
        before = pss_kb(self.pids())
        for i in range(count):
            self.register(1, "b1", 20000 + i)
        figures["registration_kb"] = (pss_kb(self.pids()) - before) / count
        calls = 500 if quick else 2000
        answers = self.sipp("answer", "-p", self.device, "-m", calls, "-l", calls, to=False)
        time.sleep(0.3)
        before = pss_kb(self.pids())
        asks = self.sipp("call", "-s", "b2", "-m", calls, "-r", 200, "-l", calls, "-d", calls * 5 + (15000 if quick else 40000))
        time.sleep(calls / 200 + (10 if quick else 34))  # until the transactions of the beginning have ended
        figures["call_kb"] = (pss_kb(self.pids()) - before) / calls
        figures["concurrent"] = calls if asks.wait() == 0 else 0
        answers.terminate()
        answers.wait()
        return figures


class Adapter(Server):
    def __init__(self, directory, build, fleet, *options):
        super().__init__(directory)
        self.process = subprocess.Popen([os.path.join(build, "reload-sip-adapter"), "-a", "b1", "-a", "b2", "--listen",
                                         "udp:127.0.0.1:%d" % self.port, "-q", *options], env=fleet.env, stdout=subprocess.DEVNULL)
        time.sleep(1)

    def pids(self):
        return [self.process.pid]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class Kamailio(Server):
    def __init__(self, directory):
        super().__init__(directory)
        with open(os.path.join(directory, "kamailio.cfg"), "w") as f:
            f.write(KAMAILIO % self.port)
        self.process = subprocess.Popen(["kamailio", "-DD", "-E", "-f", f.name, "-Y", directory, "-m", "512"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        time.sleep(2)
        if self.process.poll() is not None:
            raise RuntimeError("kamailio does not run")

    def pids(self):
        return children(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def measure(build, quick, note, fleet):
    """fleet: two agents, b1 and b2 of bench.example, which run."""
    figures = {}
    for name, make in (("adapter", lambda d: Adapter(d, build, fleet)), ("kamailio", Kamailio)):
        if name == "kamailio" and not shutil.which("kamailio"):
            note("no kamailio")
            continue
        note("calls through " + name)
        with tempfile.TemporaryDirectory(prefix="reload-bench-") as directory:
            server = make(directory)
            try:
                found = server.measure(quick)
            finally:
                server.stop()
        figures.update({name + "_" + k: v for k, v in found.items()})
    note("audio through a relay")
    with tempfile.TemporaryDirectory(prefix="reload-bench-") as directory:
        server = Adapter(directory, build, fleet, "--media", "relay")
        try:
            figures.update(sip_audio.measure(server, cpu_s, 5 if quick else 30))
        finally:
            server.stop()
    note("registrations at once")
    figures.update(sip_storm.measure(build))
    if figures.get("kamailio_calls_per_s"):
        figures["part"] = figures["adapter_calls_per_s"] / figures["kamailio_calls_per_s"]
    return figures
