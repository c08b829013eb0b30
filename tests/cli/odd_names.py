#!/usr/bin/env python3
"""A name server with what dnsmasq refuses to serve: odd_names.py PORT.

An address of loop.test leads in a circle of CNAME records, long.test through six of them to an address, and silent.test has
no answer; every other question gets "no such name".
"""

import socket
import struct
import sys

from dns_wire import name_bytes, read_name, record

CNAME, A = 5, 1


def answers(name, kind):
    if name == "loop.test":
        return [record("loop.test", CNAME, name_bytes("b.loop.test")), record("b.loop.test", CNAME, name_bytes("loop.test"))]
    if name == "long.test" and kind == A:
        chain = ["long.test"] + [f"c{i}.long.test" for i in range(6)]
        found = [record(a, CNAME, name_bytes(b)) for a, b in zip(chain, chain[1:])]
        return found + [record(chain[-1], A, bytes([127, 0, 0, 16]))]
    return []


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    question, client = server.recvfrom(2048)
    asked, end = read_name(question, 12)
    (wanted,) = struct.unpack("!H", question[end : end + 2])
    if asked.endswith("silent.test"):
        continue
    found = answers(asked, wanted)
    exists = asked in ("loop.test", "long.test")
    head = question[:2] + struct.pack("!HHHHH", 0x8180 if exists else 0x8183, 1, len(found), 0, 0)
    server.sendto(head + question[12 : end + 4] + b"".join(found), client)
