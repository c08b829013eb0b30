#!/usr/bin/env python3
"""What others may write wherever they may write something.  The one table of it: tainter.py puts it into all that an agent says, and an agent with
faults on purpose (tests/inject) has it as names.

  hostile_strings.py names   a row a line, in hex digits
  hostile_strings.py check FILE...   fails when one of the files has a character that steers a terminal, is no UTF-8, or has a forged line
"""

import re
import sys

# name, bytes, whether JSON can carry it
ROWS = [
    ("C0: escape sequence, bell, backspace", b"\x1b[2J\x07\x08", True),
    ("C1: CSI, next line", "\u009b31m\u0085".encode(), True),
    ("bidi: override, isolate, marks", "\u202e\u2066\u200f\u061c".encode(), True),
    ("line and paragraph separator", "\u2028\u2029".encode(), True),
    ("DEL", b"\x7f", True),
    ("line feed, carriage return", b"\r\nforged line ", True),
    ("markup", b"\"'><script>&forged;</script>", True),
    ("end of a quoted name", b"\"];} \\", True),
    ("end of a label", b"\"} 1\nforged_metric 1\n# EOF\n", True),
    ("cell of a table", b"\",=forged()", True),
    ("not UTF-8", b"broken\xff\xfe\xc0\xaf", False),
    ("half of a character", b"\xe2\x80", False),
    ("surrogate", b"\xed\xa0\x80", False),
    ("NUL", b"\0nul", False),
    ("nothing", b"", True),
]

# what no output may have as it is: C0 but tab and line feed, DEL, C1, line separators, bidi
STEERS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def text():
    """All that JSON can carry, in one string."""
    return b"".join(row for _, row, in_json in ROWS if in_json).decode()


def fault(data):
    """What is wrong with an output; None: nothing."""
    try:
        seen = data.decode()
    except UnicodeDecodeError as e:
        return f"not UTF-8 at {e.start}"
    if found := STEERS.search(seen):
        return f"{found[0]!r} in {seen[max(0, found.start() - 60):found.end() + 20]!r}"
    if found := re.search("^forged.*", seen, re.M):
        return f"a line that was forged: {found[0]!r}"
    return None


def main():
    if sys.argv[1] == "names":
        for _, row, _ in ROWS:
            print(row.hex())
        return 0
    bad = 0
    for path in sys.argv[2:]:
        with open(path, "rb") as f:
            if why := fault(f.read()):
                print(f"{path}: {why}")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
