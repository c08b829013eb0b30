#!/usr/bin/env python3
"""A node of another kind: conform_node.py MODE NAME.  It prints the port at which it takes links, and serves until it is killed.

With MODE plain it answers Pings as RFC 6940 wants and everything else by Error_Invalid_Message, but looks at nothing: neither at headers nor at
signatures.  The other modes are hostile: they let a link in and then do what their names say.  Identities are those of hostile_wire.py.
"""
import socket, ssl, struct, sys, threading, time
from hostile_wire import ERROR, HOME, OVERLAY, PING, PING_ANS, Identity, chance, contents, message, node, security, vec

mode, who = sys.argv[1], Identity(sys.argv[2])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(who.cert, who.key)


def node_of_link(tls):
    """Who is at the other end; who shows nothing is let in as well."""
    der = tls.getpeercert(binary_form=True)
    at = der.find(b"reload://0110") if der else -1
    return bytes.fromhex(der[at + 13:at + 45].decode()) if at >= 0 else b"\1" * 16


def answer(m, peer):
    via, dest, options = struct.unpack(">HHH", m[32:38])
    at = 38 + via + dest + options
    code = struct.unpack(">H", m[at:at + 2])[0]
    if code & 1 == 0 or code == ERROR:
        return None
    if code == PING:
        what = contents(PING_ANS, chance.randbytes(8) + struct.pack(">Q", int(time.time() * 1000)))
    else:
        what = contents(ERROR, struct.pack(">H", 20) + vec(2, b"no such request"))
    return message(node(peer), what, security(who, m[20:28], what), m[20:28])


def frames(tls):
    """Serves one link: all that it reads are frames."""
    data, sequence, peer = b"", 0, node_of_link(tls)
    while part := tls.recv(1 << 16):
        data += part
        while data:
            if data[0] == 0x81 and len(data) >= 9:
                data = data[9:]
                continue
            size = int.from_bytes(data[5:8], "big") if len(data) >= 8 else 1 << 24
            if data[0] not in (0x80, 0x81):
                return
            if data[0] == 0x81 or len(data) < 8 + size:
                break
            number, m, data = data[1:5], data[8:8 + size], data[8 + size:]
            tls.sendall(b"\x81" + number + bytes(4))
            if len(m) >= 60 and (said := answer(m, peer)):
                tls.sendall(b"\x80" + struct.pack(">I", sequence) + vec(3, said))
                sequence += 1


def hostile(tls):
    tls.recv(1 << 16)
    if mode == "noise":
        tls.sendall(chance.randbytes(5000))
    elif mode == "huge":
        tls.sendall(b"\x80" + bytes(4) + b"\xff\xff\xff" + bytes(100000))
    elif mode == "acks":
        while True:
            tls.sendall(b"\x81\xff\xff\xff\xff\xff\xff\xff\xff" * 1000)
    elif mode == "empty":
        while True:
            tls.sendall(b"\x80" + bytes(7))
    elif mode == "half":
        tls.sendall(b"\x80" + bytes(4) + b"\x00\x10\x00" + b"\xd2\x45\x4c\x4f" + bytes(200))
    while tls.recv(1 << 16):
        pass


def serve(raw):
    try:
        with context.wrap_socket(raw, server_side=True) as tls:
            (frames if mode == "plain" else hostile)(tls)
    except OSError:
        pass


context.verify_mode = ssl.CERT_OPTIONAL
context.load_verify_locations(f"{HOME}/etc/{OVERLAY}/ca/cert.pem")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
