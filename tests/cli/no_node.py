#!/usr/bin/env python3
"""What is no RELOAD node: no_node.py http|closes|silent listens at a port of 127.0.0.1, prints its number, and answers so."""

import socket
import sys

mode = sys.argv[1]
while True:
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    tcp.bind(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.bind(tcp.getsockname())  # who answers nothing must not let the system refuse datagrams
        break
    except OSError:
        tcp.close()
        udp.close()
tcp.listen(64)
print(tcp.getsockname()[1], flush=True)
held = []
while True:
    connection, _ = tcp.accept()
    if mode == "silent":
        held.append(connection)
        continue
    if mode == "http":
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        held.append(connection)
        continue
    connection.close()
