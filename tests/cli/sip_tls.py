#!/usr/bin/env python3
"""A SIP server over TLS that is busy: sip_tls.py PORT CERTIFICATE KEY.  Prints "listening", and a line for each connection: the first line of the
request, or why there was none."""

import socket
import ssl
import sys

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    plain, _ = server.accept()
    plain.settimeout(20)
    try:
        link = context.wrap_socket(plain, server_side=True)
        request = link.recv(65536).decode()
        lines = request.split("\r\n")
        if not request:
            raise OSError("closed")
        kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
        to = next(line for line in lines if line.startswith("To:"))
        answer = ["SIP/2.0 486 Busy Here", *kept, to + ";tag=busy", "Content-Length: 0", "", ""]
        link.sendall("\r\n".join(answer).encode())
        print(lines[0], flush=True)
        link.recv(65536)
    except OSError as failure:
        print("refused:", failure, flush=True)
    plain.close()
