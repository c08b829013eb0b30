#!/usr/bin/env python3
"""Real agents and simulated peers follow one script (reload-sim(1) has its form): do they send as much?

    sim_real.py script SECONDS [ROUNDS]               writes one: values are stored, then peers are killed and started, under Stores and Fetches
    sim_real.py agents DIR ALGORITHM SCRIPT SECONDS   agents follow it; DIR/traffic.json has what they sent, DIR/script their Node-IDs as well
    sim_real.py compare DIR [OPTION...]               runs of reload-sim, with these options, follow DIR/script; exit 1 when messages or bytes of
                                                      both differ by more than a fifth

The agents are as the simulator has its peers: user0@sim.example and so on, on one machine.  What they send is read from their metrics: at `count`,
before one is killed, and at the end.
"""
import http.client, json, os, re, signal, socket, subprocess, sys

sys.dont_write_bytecode = True
from chance import draw
from ports import free_port
from waiting import Timetable, wait_for

PEERS = 16
KIND = "0xf0000001"    # SINGLE, USER-MATCH: of every overlay
VALUE = 100            # bytes, as value-size of the simulator
UPDATE, PING = 10, 30  # seconds: chord-update-interval and chord-ping-interval
SEEDS = 8              # of the simulator, whose mean counts
MOST = 0.2             # difference of the sums
# by the classes of the simulator
CLASSES = {"update": "update", "attach": "attach", "join": "join", "leave": "join", "ping": "ping", "probe": "ping", "route_query": "ping",
           "path_track": "ping", "store": "store", "fetch": "fetch", "stat": "fetch", "find": "fetch"}
ROUND = "store kill fetch store kill fetch start store kill start fetch kill store start fetch start".split()
CALM = 5               # seconds from the first Stores until nothing is left to do but what is periodic


# -- the script ----------------------------------------------------------------------------------------------------------------


def script(seconds, rounds=1):
    chance, down = draw("sim_real script"), []
    words = ROUND * int(rounds)
    print("# Values, then kills and restarts under Stores and Fetches.")
    for i in range(PEERS):
        print(f"100ms store {i}")
    print(f"{CALM}s count")
    step = (1000 * int(seconds) - 1000 * CALM - 2000) // len(words)  # the last one is over before the end
    for turn, word in enumerate(words, 1):
        up = [i for i in range(1, PEERS) if i not in down]
        peer = down.pop(0) if word == "start" else chance.choice(range(PEERS) if word == "fetch" else up)
        if word == "kill":
            down.append(peer)
        print(f"{1000 * CALM + turn * step}ms {word} {peer}")


def read(path):
    """The orders of a script as (seconds, word, peer)."""
    with open(path) as f:
        for line in f:
            if (fields := line.split("#")[0].split()) and fields[0] != "id":
                at = fields[0]
                yield int(at[:-2]) / 1000 if at.endswith("ms") else int(at.removesuffix("s")), fields[1], int([*fields, 0][2])


# -- agents --------------------------------------------------------------------------------------------------------------------


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


class Agent:
    def __init__(self, place, i, port):
        self.place, self.i, self.port, self.process, self.stored = place, i, port, None, 0
        self.name, self.user = f"n{i}", f"user{i}@sim.example"

    def start(self):
        with open(f"{self.place}/{self.name}.log", "a") as log:
            self.process = subprocess.Popen(
                ["reload-agent", "-I", self.name, "-l", f"127.0.0.1:{self.port}", "--metrics", f"{self.place}/{self.name}.metrics"]
                + (["--first"] if self.i == 0 else []), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def order(self, method, **params):
        """Sends an order and returns the socket, on which the answer will come."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(f"{os.environ['RELOAD_HOME']}/run/{self.name}.sock")
        s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        return s

    def status(self):
        try:
            return answer(self.order("agent.status"))
        except OSError:
            return None  # it has only just been started

    def store(self):
        self.stored += 1
        return self.order("store.put", target=self.user, kind=KIND, values=[{"text": f"{self.stored:0{VALUE}}"}])

    def fetch(self, user):
        return self.order("store.fetch", target=user, kind=KIND)

    def sent(self):
        """What it has sent since its start, by class: [messages, bytes]."""
        connection, counts = Unix(f"{self.place}/{self.name}.metrics", timeout=30), {}
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        for family, which in (("reload_messages_sent", 0), ("reload_messages_sent_bytes", 1)):
            for code, value in re.findall(rf'^{family}_total{{code="(\w+)"}} (\d+)$', text, re.M):
                word = CLASSES.get(re.sub("_(req|ans)$", "", code), "other")
                counts.setdefault(word, [0, 0])[which] += int(value)
        return counts


def answer(s):
    with s, s.makefile() as lines:
        told = json.loads(lines.readline() or '{"error": "the connection was closed"}')
    if "error" in told:
        raise RuntimeError(told["error"])
    return told["result"]


def disagreement(agents):
    told = {}
    for a in agents:
        s = a.status()
        if not s or s["state"] != "joined":
            return f"{a.name} has not joined"
        told[s["node_id"]] = s
    ring = sorted(told)
    for i, node in enumerate(ring):
        after = [ring[(i + k) % len(ring)] for k in (1, 2, 3)]
        before = [ring[i - k] for k in (1, 2, 3)]
        if told[node]["successors"][:3] != after or told[node]["predecessors"][:3] != before:
            return f"{told[node]['instance']} has other neighbours than the ring"
    return None


def overlay(place, algorithm):
    def enroll(*args):
        subprocess.run(["reload-enroll", *args, "-q"], check=True, stdin=subprocess.DEVNULL)

    ports = [free_port() for _ in range(PEERS)]
    enroll("init", "sim.example", "--algorithm", algorithm, "--bootstrap", f"127.0.0.1:{ports[0]}")
    enroll("config", "set", f"chord-update-interval={UPDATE}", f"chord-ping-interval={PING}")
    for i in range(PEERS):
        enroll("issue", f"user{i}@sim.example", "--identity", f"n{i}")
    return [Agent(place, i, ports[i]) for i in range(PEERS)]


def add(total, counts, sign=1):
    for word, (messages, size) in counts.items():
        row = total.setdefault(word, {"messages": 0, "size_bytes": 0})
        row["messages"] += sign * messages
        row["size_bytes"] += sign * size


def follow(agents, path, seconds):
    """Carries the script out and returns what was sent from `count` on, by class, and the failures of Stores and Fetches."""
    chance, total, pending, failures = draw("sim_real"), {}, [], []
    times, running = Timetable(), list(agents)
    for at, word, i in read(path):
        times.until(at)
        a = agents[i]
        if word == "count":
            total = {}
            for other in running:
                add(total, other.sent(), -1)
        elif word == "kill":
            add(total, a.sent())  # the counters end with it
            a.kill()
            running.remove(a)
        elif word == "start":
            a.start()
            running.append(a)
        elif word == "store":
            pending.append((word, a, a.store()))
        else:
            pending.append((word, a, chance.choice(running).fetch(a.user)))
    times.until(seconds)
    for a in running:
        add(total, a.sent())
    for word, a, s in pending:
        try:
            answer(s)
        except (OSError, RuntimeError) as e:
            failures.append(f"{word} {a.user}: {e}")
    return total, failures


def agents_run(place, algorithm, path, seconds):
    os.makedirs(place)
    os.environ["RELOAD_HOME"] = f"{place}/lab"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    agents = overlay(place, algorithm)
    try:
        for a in agents:
            a.start()
            if a.i == 0:
                wait_for(lambda: (s := a.status()) and s["state"] == "joined", 60, "the first agent has joined")
        wait_for(lambda: disagreement(agents) is None, 90, lambda: disagreement(agents) or "the ring is closed, it took longer")
        with open(path) as f, open(f"{place}/script", "w") as out:
            out.writelines(f"id {a.i} {a.status()['node_id']}\n" for a in agents)
            out.write(f.read())
        total, failures = follow(agents, path, float(seconds))
        with open(f"{place}/traffic.json", "w") as f:
            json.dump({"algorithm": algorithm, "seconds": seconds, "traffic": total, "failures": failures}, f)
    finally:
        for a in agents:
            if a.process and a.process.poll() is None:
                a.process.terminate()
        for a in agents:
            if a.process:
                try:
                    a.process.wait(10)
                except subprocess.TimeoutExpired:
                    a.process.kill()


# -- and simulated peers -------------------------------------------------------------------------------------------------------


def simulated(place, real, options):
    command = ["reload-sim", "--script", f"{place}/script", "--algorithm", real["algorithm"].lower(), "--peers", PEERS, "--duration", f"{real['seconds']}s",
               "--update-interval", f"{UPDATE}s", "--ping-interval", f"{PING}s", "--value-size", VALUE, "--growth", "mass", "--latency", "lan", "--stores", 0,
               "--fetches", 0, "--seeds", SEEDS, "--jobs", 1, "--json", *options]
    out = subprocess.run(list(map(str, command)), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    runs = [r["load_traffic"] for r in map(json.loads, out.splitlines()) if r["type"] == "run"]
    assert len(runs) == SEEDS, len(runs)
    return runs


def compare(place, *options):
    with open(f"{place}/traffic.json") as f:
        real = json.load(f)
    runs, differ = simulated(place, real, options), False
    for what in ("messages", "size_bytes"):
        def of(traffic, word=None):
            return sum(row[what] for w, row in traffic.items() if word in (None, w))
        print(f"{real['algorithm']} {what:12} {'agents':>9} {'peers':>9} {'of seeds':>19}")
        for word in [*sorted({*runs[0], *real["traffic"]}), None]:
            a, all_b = of(real["traffic"], word), [of(r, word) for r in runs]
            b = sum(all_b) / len(all_b)
            change = f"{100 * (b / a - 1):+.0f}%" if a else ""
            print(f"  {word or 'sum':12} {a:19} {b:9.0f} {min(all_b):9} {max(all_b):9} {change:>6}")
        differ |= abs(b / a - 1) > MOST
    print(*(f"failed: {f}" for f in real["failures"]), sep="\n")
    sys.exit(differ)


if __name__ == "__main__":
    {"script": script, "agents": agents_run, "compare": compare}[sys.argv[1]](*sys.argv[2:])
