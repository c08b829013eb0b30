#!/usr/bin/env python3
"""udp.py stun HOST:PORT [new|old|elsewhere]     one STUN Binding request; prints the answer as JSON, exit 1 when none comes
   udp.py hellos HOST:PORT FROM:PORT COUNT        ClientHellos with a forged source (a raw socket); exit 77 when that is not allowed
   udp.py hello HOST:PORT                         one ClientHello from a socket of its own; prints what comes back
   udp.py hold HOST:PORT                          holds a UDP port until it is ended

What other programs send to the UDP port of an agent."""
import json, signal, socket, struct, sys


COOKIE = 0x2112A442
BINDING, ANSWER, ERROR = 0x0001, 0x0101, 0x0111
RESPONSE_ADDRESS, MAPPED, ERROR_CODE, UNKNOWN, XOR_MAPPED = 0x0002, 0x0001, 0x0009, 0x000A, 0x0020


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def attributes(data):
    while len(data) >= 4:
        kind, size = struct.unpack_from("!HH", data)
        yield kind, data[4:4 + size]
        data = data[4 + size + -size % 4:]


def place(value, mask=b"\0" * 6):
    port, host = bytes(a ^ b for a, b in zip(value[2:4], mask)), bytes(a ^ b for a, b in zip(value[4:8], mask[2:] or mask))
    return f"{socket.inet_ntoa(host)}:{int.from_bytes(port, 'big')}"


def stun(to, form="new"):
    """new: RFC 5389; old: RFC 3489, without its magic cookie; elsewhere: the answer is wanted at another socket."""
    own, other = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    for s in own, other:
        s.bind(("127.0.0.1" if to[0].startswith("127.") else "", 0))
        s.settimeout(5)
    body = b""
    if form == "elsewhere":
        host, port = other.getsockname()
        body = attribute(RESPONSE_ADDRESS, struct.pack("!BBH", 0, 1, port) + socket.inet_aton(host))
    first = 0x01020304 if form == "old" else COOKIE
    transaction = struct.pack("!I", first) + b"transaction."
    own.sendto(struct.pack("!HH", BINDING, len(body)) + transaction + body, to)
    try:
        data, sender = own.recvfrom(2048)
    except TimeoutError:
        print("no answer")
        return 1
    kind, size = struct.unpack_from("!HH", data)
    result = {"own": "%s:%d" % own.getsockname(), "from": "%s:%d" % sender, "kind": kind,
              "whole": size == len(data) - 20 and data[4:20] == transaction}
    magic = struct.pack("!I", COOKIE)
    for kind, value in attributes(data[20:]):
        if kind == XOR_MAPPED:
            result["xor_mapped"] = place(value, magic[:2] + magic)
        elif kind == MAPPED:
            result["mapped"] = place(value)
        elif kind == ERROR_CODE:
            result["code"] = 100 * (value[2] & 7) + value[3]
        elif kind == UNKNOWN:
            result["unknown"] = [int.from_bytes(value[i:i + 2], "big") for i in range(0, len(value), 2)]
    other.setblocking(False)  # what was sent there has come before the answer
    try:
        other.recv(2048)
        result["elsewhere"] = True
    except BlockingIOError:
        result["elsewhere"] = False
    print(json.dumps(result))
    return 0


def hello(n):
    """A ClientHello of DTLS 1.2 without a cookie, as any client begins; n makes its random."""
    body = b"\xfe\xfd" + n.to_bytes(32, "big") + b"\0" + b"\0" + b"\0\x04\xc0\x2b\xc0\x2f" + b"\x01\0"
    groups, signatures = b"\0\x02\0\x17", b"\0\x04\x04\x03\x08\x04"
    extensions = struct.pack("!HH", 10, len(groups)) + groups + struct.pack("!HH", 13, len(signatures)) + signatures
    body += struct.pack("!H", len(extensions)) + extensions
    size = len(body).to_bytes(3, "big")
    message = b"\x01" + size + b"\0\0" + b"\0\0\0" + size + body
    return b"\x16\xfe\xfd" + b"\0\0" + (n % 2 ** 48).to_bytes(6, "big") + struct.pack("!H", len(message)) + message


def hellos(to, sender, count):
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError:
        return 77
    for n in range(count):
        data = hello(n)
        udp = struct.pack("!HHHH", sender[1], to[1], 8 + len(data), 0) + data
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                           socket.inet_aton(sender[0]), socket.inet_aton(to[0]))
        raw.sendto(head + udp, (to[0], 0))
    return 0


def one_hello(to):
    data = hello(0)
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(data, to)
        answer = s.recv(2048)
    print(json.dumps({"verify_request": answer[0] == 0x16 and answer[13] == 3, "longer": len(answer) > len(data)}))
    return 0


def hold(at):
    s = socket.socket(type=socket.SOCK_DGRAM)
    s.bind(at)
    print(s.getsockname()[1], flush=True)
    signal.pause()


if __name__ == "__main__":
    what, at, rest = sys.argv[1], address(sys.argv[2]), sys.argv[3:]
    if what == "stun":
        sys.exit(stun(at, *rest))
    if what == "hello":
        sys.exit(one_hello(at))
    if what == "hellos":
        sys.exit(hellos(at, address(rest[0]), int(rest[1])))
    hold(at)
