#!/usr/bin/env python3
"""Captures that reload-diag decode gets: pcapng_hostile.py MESSAGE.hex.  A small one, cut off at each byte, with each byte wrong, and others that
nobody writes by chance.  Ends with 1 at the first that is not decoded as far as it is whole, or without a clear error."""
import json, struct, subprocess, sys

MESSAGE = bytes.fromhex(open(sys.argv[1]).read())


def block(kind, body, order=">"):
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order=">", magic=0x1A2B3C4D, version=1):
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", magic, version, 0, -1), order)


def interface(order=">", link=252):
    return block(1, struct.pack(order + "HHI", link, 0, 0), order)


def packet(message, order=">", dissector=b"reload\0\0", number=0):
    pdu = struct.pack(">HH", 12, len(dissector)) + dissector + bytes(4) + message
    return block(6, struct.pack(order + "IIIII", number, 0, 0, len(pdu), len(pdu)) + pdu, order)


def decode(capture):
    """The exit status, the items, and what was said on standard error."""
    done = subprocess.run(["reload-diag", "decode", "-j", "-v"], input=capture, capture_output=True, timeout=20)
    said = done.stderr.decode()
    assert done.returncode in (0, 1, 2) and "Sanitizer" not in said, (capture.hex(), done.returncode, said)
    items = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode:
        assert "error" in items.pop() and "  why:  " in said and "  try:  " in said, (capture.hex(), said)
    return done.returncode, items, said


def faults(capture):
    status, items, _ = decode(capture)
    return status, ["%s" % (item["fault"] is not None) for item in items]


def main():
    head, one = section() + interface(), packet(MESSAGE)
    whole = head + one + one
    blocks = {len(section()): 0, len(head): 0, len(head) + len(one): 1, len(whole): 2}
    for cut in range(1, len(whole)):
        status, items, said = decode(whole[:cut])
        before = sum(1 for at, n in blocks.items() if n and at <= cut)
        assert len(items) == before and all(item["fault"] is None for item in items), (cut, items)
        assert status == (0 if before and cut in blocks else 2), (cut, status)
        assert cut in blocks or "the capture is broken at byte" in said or cut < 4, (cut, said)
    for at in range(len(whole)):
        for wrong in (0xFF, 1 << at % 8):
            decode(whole[:at] + bytes([whole[at] ^ wrong]) + whole[at + 1:])
    # the other byte order; a message that is none hides not the next one, wherever that is
    little = section("<") + interface("<") + packet(MESSAGE, "<")
    assert faults(little) == (0, ["False"])
    assert faults(whole + little) == (0, ["False"] * 3)
    for garbage in (b"", b"\0", b"GET / HTTP/1.0", MESSAGE[:4], MESSAGE[:-1], MESSAGE + b"\0"):
        status, found = faults(head + packet(garbage) + one)
        assert status == 1 and found[-1] == "False" and "True" in found, (garbage, status, found)
    # offsets are those of the file
    _, items, _ = decode(whole)
    assert [whole[i["offset"]:i["offset"] + i["size_bytes"]] for i in items] == [MESSAGE] * 2, items
    # a section that is none, packets for another dissector, of another link type or of no interface
    for bad in (section(magic=0x1A2B3C4E), section(version=2), section() + one, head + packet(MESSAGE, number=1),
                section() + interface() * 65):
        status, items, said = decode(bad)
        assert status == 2 and not items and "the capture is broken at byte" in said, (bad.hex(), said)
    for other in (head, head + packet(MESSAGE, dissector=b"sip\0"), section() + interface(link=1) + one):
        status, items, said = decode(other)
        assert status == 2 and not items and "no packet of the capture" in said, (other.hex(), said)


main()
