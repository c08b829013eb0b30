"""multicast_liar.py GROUP PORT ADDRESS: answers each question in a multicast group with lies: noise, and the question itself, sent back with
the code and the destination of an answer, with addresses in it that nobody has."""
import socket
import struct
import sys

group, port, address = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((group, port))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(address))
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.bind((address, 0))
print("ready", flush=True)
while True:
    question, asker = s.recvfrom(65535)
    lie = bytearray(question)
    lie = lie.replace(b"\xff" * 16, b"\x11" * 16, 1)  # to some node instead of all
    at = lie.find(struct.pack("!H", 0x17), 38)  # ping_req
    lie[at + 1] = 0x18
    for text in bytes(100), bytes(question), bytes(lie), lie[:200], lie + b"\x01\x06\x0a\x42\x00\x01\x17\xc4":
        out.sendto(bytes(text), asker)
