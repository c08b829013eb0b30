"""Questions and answers of the DNS (RFC 1035 section 4), as the name servers of these tests read and write them."""
import struct


def read_name(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels).lower(), at + 1


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(name, kind, data):
    return name_bytes(name) + struct.pack("!HHIH", kind, 1, 0, len(data)) + data
