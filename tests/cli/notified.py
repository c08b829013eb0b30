#!/usr/bin/env python3
"""Listens where a service manager or a journal would: notified.py PATH prints the lines of each datagram."""

import socket
import sys

s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(65536).decode(), flush=True)
