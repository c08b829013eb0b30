#!/usr/bin/env python3
"""A name server with what dnsmasq refuses to serve: srv_names.py ADDRESS PORT-OF-THE-SERVER.

Questions for SRV records of _reload-config._tcp.NAME:

    loop.example    a circle of aliases
    alias.example   an alias of the name that has the record
    cut.example     truncated over UDP; over TCP the first connection ends inside the answer, the next ones bring it in pieces
    broken.example  an answer whose names point behind its end
    wrong.example   an answer to another question

Every other name does not exist, and server.lab.test is 127.0.0.1.
"""

import select
import socket
import struct
import sys

from dns_wire import name_bytes, read_name, record

A, CNAME, SRV = 1, 5, 33
SERVICE = "_reload-config._tcp."
PORT = int(sys.argv[2])
connections = 0


def srv(name):
    return record(name, SRV, struct.pack("!HHH", 1, 1, PORT) + name_bytes("server.lab.test"))


def found(name):
    """The records of an answer; None: there is no such name."""
    if name == "server.lab.test":
        return [record(name, A, bytes([127, 0, 0, 1]))]
    short = name.removeprefix(SERVICE)
    if short == "loop.example":
        return [record(name, CNAME, name_bytes("b." + short)), record("b." + short, CNAME, name_bytes(name))]
    if short == "alias.example":
        return [record(name, CNAME, name_bytes("elsewhere.example")), srv("elsewhere.example")]
    if short == "cut.example":
        return [srv(name)]
    if short == "broken.example":
        return [b"\xc1\xff" + struct.pack("!HHIH", SRV, 1, 0, 8) + struct.pack("!HHH", 1, 1, PORT) + b"\xc3\xff"]
    if short == "wrong.example":
        return [srv(SERVICE + "other.example")]
    return None


def answer(question, over_udp):
    name, end = read_name(question, 12)
    (wanted,) = struct.unpack("!H", question[end : end + 2])
    records = found(name)
    cut = over_udp and name == SERVICE + "cut.example"
    if records and wanted == A and name.startswith(SERVICE):
        records = []
    if cut:
        records = []
    code = 3 if records is None else 0
    flags = 0x8180 | (0x0200 if cut else 0) | code
    asked = question[12 : end + 4]
    if name == SERVICE + "wrong.example":
        asked = name_bytes(SERVICE + "other.example") + question[end : end + 4]
    return question[:2] + struct.pack("!HHHHH", flags, 1, len(records or []), 0, 0) + asked + b"".join(records or [])


def serve_tcp(listener):
    global connections
    client, _ = listener.accept()
    (size,) = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))
    reply = answer(client.recv(size, socket.MSG_WAITALL), False)
    connections += 1
    framed = struct.pack("!H", len(reply)) + reply
    if connections == 1:
        framed = framed[:20]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(0, len(framed), 7):
        client.sendall(framed[i : i + 7])
    client.close()


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((sys.argv[1], 53))
tcp = socket.create_server((sys.argv[1], 53))
print("ready", flush=True)
while True:
    for ready in select.select([udp, tcp], [], [])[0]:
        if ready is tcp:
            serve_tcp(tcp)
        else:
            question, asker = udp.recvfrom(2048)
            udp.sendto(answer(question, True), asker)
