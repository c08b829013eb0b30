#!/usr/bin/env python3
"""Sends the torture messages of tests/vectors/sip-torture (our words for the ideas of RFC 4475) to bob@calls.example.

    sip_torture.py AGENT [NAME...]

Each goes over a connection of reload-attach, which goes on to the next one while it lasts.  After each comes an OPTIONS: what is answered until
then is the verdict, statuses or "closed".  Prints the names whose verdict is not that of the file "verdicts" there, with both; nothing when all are
as they should be.
"""
import os, re, subprocess, sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vectors/sip-torture")
PROBE = ("OPTIONS sip:bob@calls.example SIP/2.0\r\nVia: SIP/2.0/TLS calls.example;branch=z9hG4bKprobe\r\nMax-Forwards: 70\r\n"
         "From: <sip:alice@calls.example>;tag=probe\r\nTo: <sip:bob@calls.example>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n").encode()


class Connection:
    def __init__(self, agent):
        self.process = subprocess.Popen(["reload-attach", "-qa", agent, "connect", "5060", "bob@calls.example"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.received = b""

    def send(self, data):
        try:
            self.process.stdin.write(data)
        except OSError:
            pass  # the other end has had enough

    def message(self):
        """The head of the next message, None at the end of the stream."""
        while True:
            head, blank, rest = self.received.partition(b"\r\n\r\n")
            if blank:
                length = int(re.search(rb"^Content-Length: *(\d+)", head, re.M).group(1))
                if len(rest) >= length:
                    self.received = rest[length:]
                    return head
            chunk = self.process.stdout.read(65536)
            if not chunk:
                return None
            self.received += chunk

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def verdict(connection, name):
    """What is answered; whether the connection lasts."""
    with open(os.path.join(HERE, name + ".sip"), "rb") as f:
        connection.send(f.read())
    if name == "clerr":
        connection.process.stdin.close()  # it says that more is to come: nothing behind it would be another message
    else:
        connection.send(PROBE)
    answers = []
    while (head := connection.message()) is not None:
        if re.search(rb"^Call-ID: probe\r?$", head, re.M):
            return " ".join(answers) or "nothing", True
        answers.append(head.split()[1].decode())
        copied = re.search(rb"^Call-ID: *(\S+)", head, re.M | re.I)
        assert name == "insuf" or copied and copied.group(1).endswith(b"torture"), head
    return " ".join(answers + ["closed"]), False


def main():
    agent, *names = sys.argv[1:]
    with open(os.path.join(HERE, "verdicts")) as f:
        wanted = dict(line.split(None, 1) for line in f if not line.startswith("#"))
    files = {f[:-4] for f in os.listdir(HERE) if f.endswith(".sip")}
    assert files == set(wanted), files ^ set(wanted)
    connection = None
    for name in names or sorted(files):
        connection = connection or Connection(agent)
        seen, lasts = verdict(connection, name)
        want = wanted[name].split("#")[0].strip()
        if seen != want:
            print(f"{name}: {seen}, not {want}")
        if not lasts:
            connection.close()
            connection = None
    if connection:
        connection.close()


main()
