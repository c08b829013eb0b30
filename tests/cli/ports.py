#!/usr/bin/env python3
"""A port of loopback that nobody has.  It lies below those that the kernel gives to whoever asks for any, so that nobody gets it
between now and the moment when an agent listens there, or while that agent is down.  Ports are given in turn: tests that run at the
same time share the file that has the last one."""
import fcntl, os, socket, tempfile

LOWEST = 10000


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return 0
        return s.getsockname()[1]


def free_port():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        count = int(f.read().split()[0]) - LOWEST
    if count < 2000:
        return is_free(0)
    place = os.path.join(tempfile.gettempdir(), f"reload-test-port.{os.getuid()}")
    with os.fdopen(os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        last = int(f.read() or LOWEST - 1)
        port = next(p for n in range(count) if is_free(p := LOWEST + (last + 1 - LOWEST + n) % count))
        f.seek(0)
        f.truncate()
        f.write(str(port))
        return port


if __name__ == "__main__":
    print(free_port())
