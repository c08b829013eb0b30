#!/usr/bin/env python3
"""A port of loopback that nobody has.  It lies below those that the kernel gives to whoever asks for any, so that nobody gets it
between now and the moment when an agent listens there, or while that agent is down."""
import random, socket


def free_port():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first = int(f.read().split()[0])
    while True:
        port = random.SystemRandom().randrange(10000, first) if first > 12000 else 0
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return s.getsockname()[1]


if __name__ == "__main__":
    print(free_port())
