"""What seeing costs: maps of a hundred agents and of ten thousand peers, questions that a peer answers, metrics and events under load, the first prompt of the
shell, and path --live beside mtr over as many hops.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import costs

PEERS = 10000
TERMINAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli", "shell_terminal.py")

ROWS = [
    ("map_agents", "map: agents on loopback", "", 0, None, True),
    ("map_s", "  time", "s", 2, None, False),
    ("map_requests", "  requests", "", 0, None, False),
    ("map_large_svg_s", "map of 10,000 peers as SVG: time", "s", 2, None, False),
    ("map_large_svg_mb", "  size", "MB", 2, None, False),
    ("map_large_html_s", "  as HTML: time", "s", 2, None, False),
    ("map_large_html_mb", "  size", "MB", 2, None, False),
    ("map_large_memory_mb", "  memory at most", "MB", 0, None, False),
    ("asked_per_s", "diagnostic Pings to one peer", "/s", 0, None, True),
    ("answered_per_s", "  answered with values (limit 10)", "/s", 1, None, False),
    ("limited_per_s", "  answered Error_Forbidden", "/s", 1, None, False),
    ("answer_cpu_ms", "  processor time of the peer, each question", "ms", 3, None, False),
    ("load_plain_us", "Ping, 32 in flight: processor time", "us", 0, None, False),
    ("load_seen_us", "  with events and a scrape a second", "us", 0, None, False),
    ("load_overhead_percent", "  overhead", "%", 1, 2, False),
    ("load_plain_instructions", "  instructions of both agents", "k", 0, None, False),
    ("load_seen_instructions", "  with events", "k", 0, None, False),
    ("load_instructions_percent", "  overhead", "%", 2, 2, False),
    ("scrape_ms", "one scrape", "ms", 2, None, False),
    ("prompt_ms", "reload-shell: first prompt", "ms", 1, 30, False),
    ("live_cpu_ms_per_s", "path --live, 5 rounds a second: processor time", "ms/s", 2, None, False),
    ("live_messages_per_s", "  messages", "/s", 1, None, False),
    ("mtr_cpu_ms_per_s", "mtr, 5 rounds a second: processor time", "ms/s", 2, None, False),
]


class Control:
    """A connection to a control socket; answers come in any order."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rb")
        self.last = 0

    def send(self, method, **params):
        self.last += 1
        self.socket.sendall(json.dumps({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}).encode() + b"\n")

    def take(self):
        while True:
            answer = json.loads(self.lines.readline())
            if "method" not in answer:
                return answer

    def call(self, method, **params):
        self.send(method, **params)
        return self.take()["result"]


def timed(argv, env):
    """Seconds, processor seconds and the most memory (MB) of a program."""
    begin = time.monotonic()
    process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, argv
    return time.monotonic() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def serve_map(path):
    """An agent that knows a ring of PEERS and nothing else."""
    step = 2**128 // PEERS
    ids = ["%032x" % (i * step) for i in range(PEERS)]
    peers = [{"node_id": n, "answered": True, "rtt_ms": 1.5, "successor": ids[(i + 1) % PEERS], "fingers": [ids[(i + PEERS // 2**k) % PEERS] for k in range(1, 5)],
              "responsible_percent": 100 / PEERS, "resources": 10, "uptime_s": 3600, "faults": []} for i, n in enumerate(ids)]
    result = {"peers": peers, "answered": PEERS, "unreachable": 0, "disagreeing": 0, "complete": True, "requests": 8 * PEERS}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)

    def run():
        while True:
            client, _ = listener.accept()
            for line in client.makefile("rb"):
                client.sendall(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": result}).encode() + b"\n")

    threading.Thread(target=run, daemon=True).start()


def large_map(build, home):
    path, figures = os.path.join(home, "large.sock"), {}
    serve_map(path)
    for form in ("svg", "html"):
        out = os.path.join(home, "large." + form)
        seconds, _, memory = timed([os.path.join(build, "reload-diag"), "map", "-a", path, "--max", str(PEERS), "--format", form, "-o", out], os.environ)
        figures["map_large_%s_s" % form] = seconds
        figures["map_large_%s_mb" % form] = os.path.getsize(out) / 1e6
        figures["map_large_memory_mb"] = max(memory, figures.get("map_large_memory_mb", 0))
    return figures


def hundred(fleet, build):
    agent = Control(os.path.join(fleet.run_dir(), "b1.sock"))
    begin = time.monotonic()
    result = agent.call("overlay.map", target="self", rate=1000)
    return {"map_agents": result["answered"], "map_s": time.monotonic() - begin, "map_requests": result["requests"]}


def questions(fleet, seconds):
    """One node asks another one as fast as it can."""
    agent = Control(os.path.join(fleet.run_dir(), "b1.sock"))
    target = "node:" + Control(os.path.join(fleet.run_dir(), "b2.sock")).call("agent.status")["node_id"]
    begin, cpu = time.monotonic(), costs.cpu_s(fleet.processes[1:2])
    answered = limited = flying = 0
    while flying or time.monotonic() - begin < seconds:
        while flying < 32 and time.monotonic() - begin < seconds:
            agent.send("overlay.ping", target=target, diagnostics=["STATUS_INFO", "APP_UPTIME"], timeout_ms=1000)
            flying += 1
        good = "result" in agent.take()
        flying -= 1
        answered += good
        limited += not good
    took = time.monotonic() - begin
    return {"asked_per_s": (answered + limited) / took, "answered_per_s": answered / took, "limited_per_s": limited / took,
            "answer_cpu_ms": (costs.cpu_s(fleet.processes[1:2]) - cpu) * 1000 / max(1, answered + limited)}


def scrape(path):
    begin = time.monotonic()
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    while s.recv(65536):
        pass
    return (time.monotonic() - begin) * 1000


def pings(fleet, count):
    """Requests that need no disk: the whole of the load is messages, signatures and the control socket."""
    agent = Control(os.path.join(fleet.run_dir(), "b1.sock"))
    flying = 0
    for i in range(count):
        agent.send("overlay.ping", target="succ")
        flying += 1
        if flying == 32:
            assert "result" in agent.take()
            flying -= 1
    for _ in range(flying):
        agent.take()


def overhead(fleet, metrics, rounds, count):
    """Processor time of all agents for a request of load, with and without somebody who watches; in turns, as a machine has its moods."""
    spent, scrapes = {False: [], True: []}, []
    for round_ in range(rounds):
        watched = bool(round_ % 2)
        done = threading.Event()
        watchers = []
        if watched:
            for i in range(1, fleet.count + 1):
                stream = Control(os.path.join(fleet.run_dir(), "b%d.sock" % i))
                stream.send("agent.events")
                watchers.append(stream)

            def look():
                while not done.wait(1):
                    scrapes.extend(scrape(m) for m in metrics)

            threading.Thread(target=look, daemon=True).start()
        before = costs.cpu_s(fleet.processes)
        pings(fleet, count)
        spent[watched].append((costs.cpu_s(fleet.processes) - before) / count)
        done.set()
        for stream in watchers:
            stream.socket.close()
    plain, seen = (sorted(spent[w])[len(spent[w]) // 2] * 1e6 for w in (False, True))
    scrapes = sorted(scrapes) or [scrape(metrics[0])]
    return {"load_plain_us": plain, "load_seen_us": seen, "load_overhead_percent": (seen / plain - 1) * 100, "scrape_ms": scrapes[len(scrapes) // 2]}


def counted(fleet):
    """Instructions of the agents since the last time, of which callgrind writes a file for each."""
    total = 0
    for p in fleet.processes:
        subprocess.run(["callgrind_control", "-d", str(p.pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name in os.listdir(fleet.home):
        if name.startswith("counts."):
            path = os.path.join(fleet.home, name)
            with open(path) as f:
                found = re.search(r"^(?:totals|summary): (\d+)", f.read(), re.M)
            total += int(found[1]) if found else 0
            os.unlink(path)
    return total


def instructions(fleet, build, count):
    """The same load with and without listeners, counted: of no other program, and of no mood of the machine."""
    fleet.under = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=" + os.path.join(fleet.home, "counts.%p")]
    for i in (1, 2):
        fleet.start(i, *(["--first"] if i == 1 else []))
        for _ in range(2):  # its socket is there after a while
            time.sleep(3)
            subprocess.run([os.path.join(build, "reload-agent"), "status", "-a", "b%d" % i, "--wait", "joined", "-t", "60s", "-q"], env=fleet.env, stdout=subprocess.DEVNULL)
    pings(fleet, 100)
    for p in fleet.processes:
        subprocess.run(["callgrind_control", "-i", "on", str(p.pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pings(fleet, 100)
    counted(fleet)
    pings(fleet, count)
    plain = counted(fleet) / count / 1000
    streams = [Control(os.path.join(fleet.run_dir(), "b%d.sock" % i)) for i in (1, 2)]
    for stream in streams:
        stream.send("agent.events")
    pings(fleet, count)
    seen = counted(fleet) / count / 1000
    for stream in streams:
        stream.socket.close()
    return {"load_plain_instructions": plain, "load_seen_instructions": seen, "load_instructions_percent": (seen / plain - 1) * 100}


def live(fleet, build, rounds):
    agent = Control(os.path.join(fleet.run_dir(), "b1.sock"))
    before = int(agent.call("agent.status")["counters"]["sent"])
    seconds, cpu, _ = timed([os.path.join(build, "reload-diag"), "path", "--live", "-c", str(rounds), "-i", "200ms", "-a", "b1", "succ"], fleet.env)
    sent = int(agent.call("agent.status")["counters"]["sent"]) - before
    figures = {"live_cpu_ms_per_s": cpu * 1000 / seconds, "live_messages_per_s": sent / seconds}
    if shutil.which("mtr") and not os.getuid():
        seconds, cpu, _ = timed(["mtr", "--report", "-n", "-c", str(rounds), "-i", "0.2", "127.0.0.1"], os.environ)
        figures["mtr_cpu_ms_per_s"] = cpu * 1000 / seconds
    return figures


def measure(fleet_of, build, quick, note):
    figures = {}
    note("maps")
    fleet = fleet_of(20 if quick else 100)
    try:
        fleet.start_all(first_alone=True)
        figures.update(hundred(fleet, build))
        figures.update(large_map(build, fleet.home))
    finally:
        fleet.stop()
    note("questions, metrics and events, path --live")
    fleet = fleet_of(3, options=("--diagnostics", "users"))
    try:
        metrics = [os.path.join(fleet.home, "b%d.metrics" % i) for i in range(1, 4)]
        start = fleet.start
        fleet.start = lambda i, *args: start(i, "--metrics", metrics[i - 1], *args)
        fleet.start_all(first_alone=True)
        time.sleep(1)
        figures.update(questions(fleet, 3 if quick else 10))
        figures.update(overhead(fleet, metrics, 4 if quick else 10, 1000 if quick else 5000))
        figures.update(live(fleet, build, 20 if quick else 100))
        samples = sorted(float(subprocess.run([sys.executable, TERMINAL, "prompt", os.path.join(build, "reload-shell")], env=dict(fleet.env, RELOAD_AGENT="b1", TERM="xterm"),
                                              stdout=subprocess.PIPE, check=True).stdout) for _ in range(9))
        figures["prompt_ms"] = samples[4]
    finally:
        fleet.stop()
    if shutil.which("callgrind_control"):
        note("instructions of a Ping, with and without listeners")
        fleet = fleet_of(2)
        try:
            figures.update(instructions(fleet, build, 200 if quick else 1000))
        finally:
            fleet.stop()
    return figures
