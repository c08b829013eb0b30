"""An overlay of real agents, and what a hostile node needs to speak to them: frames, headers, signed messages.

Used by hostile_peer.py and control_hostile.py.  Everything is kept in the present directory: lab/ (RELOAD_HOME), logs.
"""
import base64, glob, hashlib, json, os, re, socket, ssl, struct, subprocess, sys, tempfile, time
from chance import draw
from ports import free_port
from waiting import wait_for, words

HOME = os.environ["RELOAD_HOME"]
OVERLAY = "hostile.example"
HASH = hashlib.sha1(OVERLAY.encode()).digest()[-4:]
KIND_NODE, KIND_USER = 0xF0000002, 0xF0000001
AGENTS = ("a0", "a1", "a2")
PING, PING_ANS, ERROR = 0x17, 0x18, 0xFFFF
FORBIDDEN, TTL_EXCEEDED, TOO_LARGE, INVALID = 2, 10, 11, 20
chance = draw(" ".join([os.path.basename(sys.argv[0]), *sys.argv[1:]]))  # a process for each case: what an agent remembers of one is not met again in the next
PATIENCE = 8              # s, on a busy machine; less than an agent has with a handshake that does not end


def fail(text):
    print(text)
    sys.exit(1)


def must(condition, what):
    if not condition:
        fail(words(what))


# -- the control socket ------------------------------------------------------------------------------------------------


def ask(instance, method, timeout=45, **params):
    """The whole answer, result or error; progress before it is passed over."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(f"{HOME}/run/{instance}.sock")
        s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        data = b""
        while not data.endswith(b"\n") or b'"method":"progress"' in (data := data[data.rfind(b"\n", 0, -1) + 1:]):
            part = s.recv(1 << 16)
            if not part:
                raise OSError(f"{instance} closed the connection")
            data += part
    try:
        return json.loads(data)
    except ValueError:
        fail(f"{instance} {method}: not JSON: {data[:2000]}")


def call(instance, method, timeout=45, **params):
    answer = ask(instance, method, timeout, **params)
    must("result" in answer, f"{instance} {method}: {answer}")
    return answer["result"]


def status(instance):
    return call(instance, "agent.status", timeout=20)


def counter(instance, name):
    return int(status(instance)["counters"][name])


def joined(instance):
    """Also while it starts: the socket's file is there before anybody listens."""
    try:
        return status(instance)["state"] == "joined"
    except (FileNotFoundError, ConnectionRefusedError):
        return False


def rss_kb(instance):
    with open(f"/proc/{status(instance)['pid']}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def ring_closed():
    all_status = [status(n) for n in AGENTS]
    nodes = {s["node_id"] for s in all_status}
    return all(s["state"] == "joined" and set(s["successors"]) == nodes - {s["node_id"]} for s in all_status)


# -- files ---------------------------------------------------------------------------------------------------------------


def enroll(*args):
    subprocess.run(["reload-enroll", *args, "-q"], check=True, stdin=subprocess.DEVNULL)


def pem(path):
    with open(path) as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout


def sign(key, data):
    return openssl("dgst", "-sha256", "-sign", key, data=data)


def resign(text):
    """The document with the signature that its signer gives to what its configuration element says now."""
    element = re.search(r"<configuration .*</configuration>", text, re.S).group(0)
    block = base64.b64decode(re.search(r"</configuration>\s*<signature[^>]*>([^<]*)<", text).group(1))
    certs = 2 + struct.unpack(">H", block[:2])[0]
    head = block[:certs + 5 + struct.unpack(">H", block[certs + 3:certs + 5])[0]]
    signature = sign(glob.glob(f"{HOME}/etc/{OVERLAY}/ca/signer/key.pem")[0], element.encode())
    fresh = base64.b64encode(head + vec(2, signature)).decode()
    return re.sub(r"(</configuration>\s*<signature[^>]*>)[^<]*", lambda m: m.group(1) + fresh, text)


class Identity:
    def __init__(self, name, folder=None):
        self.folder = folder or f"{HOME}/etc/identity/{name}"
        self.key, self.cert = f"{self.folder}/key.pem", f"{self.folder}/cert.pem"
        self.der = pem(self.cert)
        uri = re.search(rb"reload://0110([0-9a-f]{32})@", self.der)
        self.node = bytes.fromhex(uri.group(1).decode()) if uri else b""

    def signer(self):
        return b"\x01" + vec(2, b"\x04" + vec(1, hashlib.sha256(self.der).digest()))


# -- the wire --------------------------------------------------------------------------------------------------------------


def vec(width, data):
    return len(data).to_bytes(width, "big") + data


def node(id_):
    return b"\x01\x10" + id_


def resource(id_):
    return b"\x02\x11" + vec(1, id_)


def new_id():
    return chance.randbytes(8)


def body_of_ping(size=0):
    return vec(2, bytes(size))


def contents(code, body, extensions=b""):
    return struct.pack(">H", code) + vec(4, body) + vec(4, extensions)


def security(who, transaction, what, overlay=HASH, key=None):
    value = sign(key or who.key, overlay + transaction + what + who.signer())
    return vec(2, b"\x00" + vec(2, who.der)) + b"\x04\x03" + who.signer() + vec(2, value)


NO_SIGNATURE = vec(2, b"") + b"\x00\x00\x03\x00\x00" + vec(2, b"")


def message(dest, what, block, transaction, via=b"", options=b"", token=0xD2454C4F, overlay=HASH, sequence=1,
            version=0x0A, ttl=30, fragment=0xC0000000, length=None, most=0, via_len=None, dest_len=None):
    """One message as bytes; every field of the header may be spoilt."""
    size = 38 + len(via) + len(dest) + len(options) + len(what) + len(block)
    return (struct.pack(">I", token) + overlay + struct.pack(">HBBII", sequence, version, ttl, fragment,
                                                             size if length is None else length)
            + transaction + struct.pack(">IHHH", most, len(via) if via_len is None else via_len,
                                        len(dest) if dest_len is None else dest_len, len(options))
            + via + dest + options + what + block)


def request(who, dest, code=PING, body=None, extensions=b"", transaction=None, **header):
    transaction = transaction or new_id()
    what = contents(code, body_of_ping() if body is None else body, extensions)
    return message(dest, what, security(who, transaction, what), transaction, **header)


def transaction_of(m):
    return m[20:28]


class Answer:
    def __init__(self, m):
        self.bytes, self.transaction = m, m[20:28]
        v, d, o = struct.unpack(">HHH", m[32:38])
        at = 38 + v + d + o
        self.code, size = struct.unpack(">HI", m[at:at + 6])
        self.body = m[at + 6:at + 6 + size]
        self.error = struct.unpack(">H", self.body[:2])[0] if self.code == ERROR else 0

    def __repr__(self):
        return f"code {self.code:#x} error {self.error} {self.body[:80]}"


class Link:
    """A TLS link of a hostile node.  Frames are acknowledged as they are read; passed has all that came, by transaction."""

    def __init__(self, agent, who=None, timeout=PATIENCE, version=None, buffer=0):
        self.agent, self.who, self.passed = agent, who, {}
        raw = socket.socket()
        if buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        raw.settimeout(timeout)
        raw.connect(port_of(agent))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if version:
            context.minimum_version = context.maximum_version = version
            context.set_ciphers("ALL:@SECLEVEL=0")
        if who:
            context.load_cert_chain(who.cert, who.key)
        self.tls = context.wrap_socket(raw)
        self.sequence, self.input, self.acked = 0, b"", set()

    def close(self):
        self.tls.close()

    def raw(self, data):
        self.tls.sendall(data)

    def frame(self, m):
        f = b"\x80" + struct.pack(">I", self.sequence) + vec(3, m)
        self.sequence += 1
        return f

    def send(self, m):
        self.raw(self.frame(m))
        return transaction_of(m)

    def next_frame(self, until):
        """(type, sequence, message), None when nothing came, EOFError when the link was closed."""
        while True:
            if self.input[:1] == b"\x81" and len(self.input) >= 9:
                self.acked.add(struct.unpack(">I", self.input[1:5])[0])
                self.input = self.input[9:]
                continue
            if self.input[:1] == b"\x80" and len(self.input) >= 8:
                size = int.from_bytes(self.input[5:8], "big")
                if len(self.input) >= 8 + size:
                    sequence, m = self.input[1:5], self.input[8:8 + size]
                    self.input = self.input[8 + size:]
                    try:
                        self.raw(b"\x81" + sequence + bytes(4))
                    except OSError:
                        pass
                    return m
            left = until - time.monotonic()
            if left <= 0:
                return None
            self.tls.settimeout(left)
            try:
                part = self.tls.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError as e:
                raise EOFError(str(e))
            if not part:
                raise EOFError("closed")
            self.input += part

    def answer(self, transaction, seconds=PATIENCE):
        """The answer of a transaction, or None."""
        until = time.monotonic() + seconds
        while (m := self.next_frame(until)) is not None:
            a = self.passed[m[20:28]] = Answer(m)
            if a.transaction == transaction and (a.code == ERROR or a.code & 1 == 0):
                return a
        return None

    def closed(self, seconds=PATIENCE):
        """True when the other end closes within seconds."""
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                self.next_frame(until)
        except EOFError:
            return True
        return False


def port_of(agent):
    host, port = status(agent)["listen"][0].rsplit(":", 1)
    return host, int(port)


def node_of(agent):
    return bytes.fromhex(status(agent)["node_id"])


# -- the overlay -------------------------------------------------------------------------------------------------------------


def lines_of(path):
    with open(path, errors="replace") as f:
        return f.read()


def start():
    port = free_port()
    with open("kind.xml", "w") as f:
        f.write(f'<kind id="{KIND_NODE}"><data-model>SINGLE</data-model><access-control>NODE-MULTIPLE</access-control>'
                "<max-count>1</max-count><max-size>4000</max-size><max-node-multiple>50</max-node-multiple></kind>")
    enroll("init", OVERLAY, "--bootstrap", f"127.0.0.1:{port}", "--kind", "kind.xml")
    for name in (*AGENTS, "mallory", "banned"):
        enroll("issue", f"{name}@{OVERLAY}", "--identity", name)
    enroll("issue", f"old@{OVERLAY}", "--identity", "old", "--validity", "1s")
    enroll("init", "other.example")
    enroll("issue", "eve@other.example", "--identity", "eve")
    banned = Identity("banned").node.hex()
    for path in (f"{HOME}/etc/{OVERLAY}/overlay.xml", *(f"{HOME}/etc/identity/{n}/overlay.xml" for n in (*AGENTS, "mallory"))):
        text = open(path).read().replace("    <required-kinds>", "    <overlay-reliability-timer>1000</overlay-reliability-timer>\n"
                                         f"    <bad-node>{banned}</bad-node>\n    <required-kinds>")
        with open(path, "w") as f:
            f.write(resign(text))
    for name in AGENTS:
        listen = port if name == "a0" else 0
        args = f"reload-agent -I {name} -l 127.0.0.1:{listen} --log-level debug {'--first' if name == 'a0' else ''}"
        subprocess.Popen(["sh", "-c", f"{args} 2>{name}.log >{name}.out; echo $? >{name}.end; mv {name}.end {name}.exit"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=True)
        wait_for(lambda: joined(name), 60, f"{name} joined")
    wait_for(ring_closed, 60, "the ring is closed")


def stop():
    """Ends all agents; fails unless each ended by itself with 0 and without a word of a sanitizer."""
    pids = []
    for name in AGENTS:
        try:
            pids.append(status(name)["pid"])
            os.kill(pids[-1], 15)
        except OSError:
            pass
    try:
        wait_for(lambda: all(os.path.exists(f"{n}.exit") for n in AGENTS), 40, "all agents end")
    finally:
        for pid in pids:
            if os.path.exists(f"/proc/{pid}"):
                os.kill(pid, 9)
    for name in AGENTS:
        must(lines_of(f"{name}.exit").strip() == "0", f"{name}: exit {lines_of(f'{name}.exit')} {lines_of(f'{name}.log')[-3000:]}")
        text = lines_of(f"{name}.log")
        must("Sanitizer" not in text and "runtime error" not in text, f"{name}: {text[-6000:]}")


def calm():
    """The agents serve as if nothing had been."""
    wait_for(ring_closed, 40, lambda: f"the ring is whole: {[(s['instance'], s['state'], s['successors']) for s in map(status, AGENTS)]}")
    for n in AGENTS:
        for m in AGENTS:
            if n != m:
                call(n, "overlay.ping", target=f"node:{node_of(m).hex()}")
    text, place = chance.randbytes(6).hex(), chance.randint(1, 50)
    where = hashlib.sha1(node_of("a1") + bytes([place])).digest()[:16].hex()
    call("a1", "store.put", target=f"resource:{where}", kind=str(KIND_NODE), values=[{"text": text}])
    found = call("a2", "store.fetch", target=f"resource:{where}", kind=str(KIND_NODE))["values"]
    must([v["text"] for v in found] == [text], f"stored {text}, fetched {found}")
