#!/usr/bin/env python3
"""Drives an overlay of real agents for ring.bats: ring.py STEP [ARGUMENT].

Everything is kept in the present directory: lab/ (RELOAD_HOME), agents.json, values.json, logs, capture and keys.
"""
import hashlib, json, os, signal, socket, subprocess, sys, time

sys.dont_write_bytecode = True
from chance import draw
from ports import free_port
from waiting import wait_for

KIND = 0xF0000002          # of init --kind: SINGLE, NODE-MULTIPLE
PER_NODE = 8
HOME = os.environ["RELOAD_HOME"]


def call(instance, method, timeout=60, **params):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(f"{HOME}/run/{instance}.sock")
        s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            part = s.recv(1 << 16)
            if not part:
                raise OSError(f"{instance} closed the connection")
            data += part
    answer = json.loads(data)
    if "error" in answer:
        raise RuntimeError(f"{instance} {method}: {answer['error']}")
    return answer["result"]


def load(name):
    with open(name) as f:
        return json.load(f)


def save(name, value):
    with open(name, "w") as f:
        json.dump(value, f)


def fail(text):
    print(text)
    sys.exit(1)


def enroll(*args):
    subprocess.run(["reload-enroll", *args, "-q"], check=True, stdin=subprocess.DEVNULL)


def start(count):
    port = free_port()
    with open("kind.xml", "w") as f:
        f.write(f'<kind id="{KIND}"><data-model>SINGLE</data-model><access-control>NODE-MULTIPLE</access-control>'
                "<max-count>1</max-count><max-size>2000</max-size>"
                f"<max-node-multiple>{PER_NODE}</max-node-multiple></kind>")
    enroll("init", "ring.example", "--bootstrap", f"127.0.0.1:{port}", "--kind", "kind.xml")
    agents = {}
    for i in range(count):
        name = f"n{i}"
        enroll("issue", f"{name}@ring.example", "--identity", name)
        listen = port if i == 0 else 0
        with open(f"{name}.log", "w") as log:
            args = ["reload-agent", "-I", name, "-l", f"127.0.0.1:{listen}", "--log-level", "info"]
            args.append("--first" if i == 0 else "--no-join")
            agents[name] = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=True).pid
        save("agents.json", agents)


def status(name):
    return call(name, "agent.status")


def answers(name):
    try:
        status(name)
        return True
    except OSError:
        return False


def join(at_once):
    agents = load("agents.json")
    names = list(agents)
    for n in names:
        wait_for(lambda: answers(n), 60, f"{n} has a socket")
    began = time.monotonic()
    for i in range(1, len(names), at_once):
        batch = names[i:i + at_once]
        for n in batch:
            call(n, "overlay.join", wait=False)
        for n in batch:
            wait_for(lambda: status(n)["state"] == "joined", 60, f"{n} joined")
    print(f"joined in {time.monotonic() - began:.1f} s")


def disagreement(names):
    all_status = {s["node_id"]: s for s in map(status, names)}
    ring = sorted(all_status)
    want = min(3, len(ring) - 1)
    for i, node in enumerate(ring):
        s = all_status[node]
        after = [ring[(i + k) % len(ring)] for k in range(1, want + 1)]
        before = [ring[i - k] for k in range(1, want + 1)]
        if s["state"] != "joined" or s["successors"][:want] != after or s["predecessors"][:want] != before:
            return f"{s['instance']} {s['state']}: successors {s['successors']}, ring has {after}"
    return None


def agree():
    names = list(load("agents.json"))
    wait_for(lambda: disagreement(names) is None, 90, lambda: disagreement(names) or "the ring is closed, it took longer")


def store(count):
    names = list(load("agents.json"))
    ids = {n: bytes.fromhex(status(n)["node_id"]) for n in names}
    places = [(n, i) for n in names for i in range(1, PER_NODE + 1)]
    values = []
    for n, i in chance.sample(places, count):
        resource = hashlib.sha1(ids[n] + bytes([i])).digest()[:16].hex()
        text = f"value {i} of {n} {chance.random()}"
        result = call(n, "store.put", target=f"resource:{resource}", kind=str(KIND), values=[{"text": text}])
        if result["generation"] != "1":
            fail(f"{resource}: generation {result['generation']}")
        if len(result["replicas"]) != 2:
            fail(f"{resource}: replicas {result['replicas']}")
        values.append({"resource": resource, "text": text, "writer": n})
    save("values.json", values)


def fetch(readers):
    names = list(load("agents.json"))
    lost = 0
    for v in load("values.json"):
        others = [n for n in names if n != v["writer"]]
        for n in chance.sample(others, readers):
            found = call(n, "store.fetch", target=f"resource:{v['resource']}", kind=str(KIND))["values"]
            good = [x for x in found if x["exists"] and x["valid"] and x["text"] == v["text"]]
            if len(good) != 1:
                lost += 1
                print(f"{n} misses {v['resource']}: {found}")
    if lost:
        fail(f"{lost} values not fetched")


def ended(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().split(")")[1].split()[0] == "Z"
    except OSError:
        return True


def term(count):
    agents = load("agents.json")
    for name in chance.sample(list(agents), count):
        pid = agents.pop(name)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: ended(pid), 60, f"{name} ended")
        save("agents.json", agents)
        agree()
        fetch(1)


def mark():
    """Sends words over loopback, for what captures there."""
    with socket.create_server(("127.0.0.1", free_port())) as listener, socket.create_connection(listener.getsockname()) as s:
        s.sendall(b"the capture ends here")
        listener.accept()[0].recv(100)


def stop():
    try:
        agents = load("agents.json")
    except OSError:
        return
    for pid in agents.values():
        try:
            os.kill(pid, signal.SIGTERM)
        except OSError:
            pass
    try:
        wait_for(lambda: all(map(ended, agents.values())), 10, "all agents end")
    finally:
        for pid in agents.values():
            if not ended(pid):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    step, args = sys.argv[1], [int(a) for a in sys.argv[2:]]
    chance = draw(f"ring {step}")
    {"start": start, "join": join, "agree": agree, "store": store, "fetch": fetch, "term": term, "mark": mark, "stop": stop}[step](*args)
