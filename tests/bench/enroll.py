"""Enrollments a second: one server with SQLite, and two that share a PostgreSQL database; memory of a server after many."""

import glob
import http.client
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time

CLIENTS = 8
ACCOUNTS = 16


def run(env, *command):
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def csr(folder, name, *key):
    path = os.path.join(folder, name)
    subprocess.run(["openssl", "req", "-new", *key, "-nodes", "-keyout", os.devnull, "-subj", "/", "-outform", "DER", "-out", path],
                   check=True, capture_output=True)
    with open(path, "rb") as f:
        return f.read()


def form(fields, request):
    """The body of an enrollment and its type."""
    edge = "reload-bench-edge"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()]
    parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="csr"; filename="csr"\r\n'
                 "Content-Type: application/pkcs10\r\n\r\n".encode() + request + f"\r\n--{edge}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={edge}"


class Server:
    def __init__(self, build, folder, home, port, users=None):
        self.env = dict(os.environ, RELOAD_HOME=home)
        self.port = port
        command = [f"{build}/reload-enroll", "serve", "-q", "-l", f"127.0.0.1:{port}", "--tls-cert", f"{folder}/tls.crt", "--tls-key",
                   f"{folder}/tls.key"] + (["--users", users] if users else [])
        self.process = subprocess.Popen(command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while True:
            try:
                self.connect().request("GET", "/")
                return
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.02)

    def connect(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)

    def memory_mib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024

    def end(self):
        self.process.terminate()
        self.process.wait()


def load(servers, seconds, bodies):
    """Enrollments a second of CLIENTS clients over connections that last; bodies(client) are what each sends, until the time or they are over."""
    done, wrong = [0] * CLIENTS, []
    end = time.monotonic() + seconds

    def client(i):
        connection = servers[i % len(servers)].connect()
        for body, kind in bodies(i):
            if time.monotonic() >= end:
                return
            connection.request("POST", "/enroll", body, {"Content-Type": kind})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                wrong.append(answer.status)
                return
            done[i] += 1

    start = time.monotonic()
    threads = [threading.Thread(target=client, args=(i,)) for i in range(CLIENTS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if wrong:
        raise RuntimeError(f"enrollments were refused: {wrong[:3]}")
    return sum(done) / (time.monotonic() - start), sum(done)


def forever(request, i):
    k = 0
    while True:
        yield form({"username": f"u{(i + CLIENTS * k) % ACCOUNTS}@bench.example", "password": "secret"}, request)
        k += 1


def invited(secrets, request, i, count):
    for k in range(i, count, CLIENTS):
        yield form({"username": f"g{k}@bench.example", "password": f"invitation:{secrets[k // 1000]}"}, request)


class Database:
    """PostgreSQL as Debian ships it, in a folder of its own; None when it is not there."""

    def __init__(self):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.folder = tempfile.mkdtemp(prefix="reload-bench-pg-", dir="/tmp")
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        self.as_postgres("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "postgres")
        self.as_postgres("pg_ctl", "-D", f"{self.folder}/data", "-o", f"-k {self.folder} -c listen_addresses=", "-l",
                         f"{self.folder}/log", "-w", "start")
        self.as_postgres("createdb", "-h", self.folder, "-U", "postgres", "reload")
        self.url = f"postgresql:///reload?host={self.folder}&user=postgres"

    def as_postgres(self, program, *args):
        before = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        subprocess.run(before + [f"{self.bin}/{program}", *args], check=True, cwd="/", stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def end(self):
        self.as_postgres("pg_ctl", "-D", f"{self.folder}/data", "-m", "fast", "stop")
        shutil.rmtree(self.folder)


def measure(build, port, quick):
    """The figures of this part, by the names of ROWS."""
    out, folder = {}, tempfile.mkdtemp(prefix="reload-bench-")
    home = f"{folder}/home"
    env = dict(os.environ, RELOAD_HOME=home)
    seconds, many = (2, 500) if quick else (10, 10000)
    keys = {"p256": csr(folder, "p256.der", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            "rsa2048": csr(folder, "rsa.der", "-newkey", "rsa:2048")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    f"{folder}/tls.key", "-out", f"{folder}/tls.crt", "-days", "2", "-subj", "/CN=localhost"],
                   check=True, capture_output=True)
    with open(f"{folder}/password", "w") as f:
        f.write("secret\n")
    enroll = f"{build}/reload-enroll"
    run(env, enroll, "init", "bench.example", "-q")
    for i in range(ACCOUNTS):
        run(env, enroll, "user", "add", f"u{i}@bench.example", "--password-file", f"{folder}/password", "-q")
    secrets = [run(env, enroll, "invite", "--server", f"localhost:{port}", "--tls-cert", f"{folder}/tls.crt", "--uses", "1000")
               .split("/")[6].strip() for _ in range((many + 999) // 1000)]
    one = Server(build, folder, home, port)
    for name, request in keys.items():
        out[f"enroll_{name}_sqlite_per_s"], _ = load([one], seconds, lambda i, r=request: forever(r, i))
    rate, count = load([one], 600, lambda i: invited(secrets, keys["p256"], i, many))
    out["enroll_invited_sqlite_per_s"], out["enroll_memory_mib"], out["enroll_count"] = rate, one.memory_mib(), count
    one.end()
    if glob.glob("/usr/lib/postgresql/*/bin"):
        database = Database()
        first = Server(build, folder, home, port, database.url)
        shutil.copytree(f"{home}/etc", f"{folder}/other/etc")
        second = Server(build, folder, f"{folder}/other", port + 1)
        for name, request in keys.items():
            out[f"enroll_{name}_postgres_per_s"], _ = load([first, second], seconds, lambda i, r=request: forever(r, i))
        first.end()
        second.end()
        database.end()
    shutil.rmtree(folder)
    return out
