#!/usr/bin/env python3
"""SIP as somebody writes it who is not our program, on standard input and output of reload-attach (RFC 4475 has the ideas).

    sip_raw.py NAME AGENT    sends the case NAME to bob@calls.example and prints the status of each answer, "closed" at the end of the stream;
                             it ends after WANTED of them, by default as many as are to be expected of somebody who answers

Each case is bytes; {H} stands for the header fields that every request has.
"""
import os, re, subprocess, sys, threading

FIELDS = ("Via: SIP/2.0/TLS calls.example;branch=z9hG4bK{b}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@calls.example>;tag=a{b}\r\n"
          "To: <sip:bob@calls.example>\r\nCall-ID: c{b}\r\n")
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"


def request(method, b="1", fields=None, body="", extra="", uri="sip:bob@calls.example", cseq=None, length=None):
    head = f"{method} {uri} SIP/2.0\r\n" + (fields or FIELDS).format(b=b) + f"CSeq: {cseq or '1 ' + method}\r\n{extra}"
    return (head + f"Content-Length: {len(body) if length is None else length}\r\n\r\n{body}").encode()


CONTACT = "Contact: <sip:alice@calls.example>\r\n"
INVITE = request("INVITE", extra=CONTACT + "Content-Type: application/sdp\r\n", body=SDP)
OPTIONS = request("OPTIONS", b="9")
CASES = {
    # name: pieces that are written one after the other
    "options": [OPTIONS],
    "pieces": [OPTIONS[i:i + 1] for i in range(len(OPTIONS))],
    "several": [b"\r\n\r\n" + request("OPTIONS", b="1") + b"\r\n" + request("OPTIONS", b="2")],
    "body-of-blank-lines": [request("OPTIONS", body="\r\n\r\n\r\n") + OPTIONS],
    "compact": [OPTIONS.replace(b"Via:", b"v  :").replace(b"From:", b"f:").replace(b"To:", b"t:").replace(b"Call-ID:", b"i:")
                .replace(b"Content-Length:", b"l:")],
    "folded": [OPTIONS.replace(b"Max-Forwards: 70", b"Max-Forwards:\r\n\t70")],
    "unknown-method": [request("NEWMETHOD") + OPTIONS],
    "not-allowed": [request("SUBSCRIBE") + OPTIONS],
    "wrong-from": [request("OPTIONS", fields=FIELDS.replace("alice@", "mallory@")) + OPTIONS],
    "sips-at-5060": [request("OPTIONS", uri="sips:bob@calls.example") + OPTIONS],
    "method-mismatch": [request("OPTIONS", cseq="1 INVITE") + OPTIONS],
    "cseq-too-large": [request("OPTIONS", cseq="36893488147419103232 OPTIONS") + OPTIONS],
    "bye-of-nothing": [request("BYE") + OPTIONS],
    "cancel-of-nothing": [request("CANCEL") + OPTIONS],
    "ack-of-nothing": [request("ACK") + OPTIONS],
    "other-callee": [request("INVITE", uri="sip:carol@calls.example", extra=CONTACT, body=SDP) + OPTIONS],
    "no-contact": [request("INVITE", body=SDP) + OPTIONS],
    "no-offer": [request("INVITE", extra=CONTACT) + OPTIONS],  # RFC 3261 s13.2.1: the answer has one
    "bad-offer": [request("INVITE", extra=CONTACT + "Content-Type: application/sdp\r\n", body="v=7\r\nrubbish\r\n") + OPTIONS],
    "offer-of-names": [request("INVITE", extra=CONTACT, body=SDP.replace("127.0.0.1", "localhost")) + OPTIONS],
    "offer-of-video": [request("INVITE", extra=CONTACT, body=SDP.replace("audio", "video")) + OPTIONS],
    "offer-of-other-codec": [request("INVITE", extra=CONTACT, body=SDP.replace("AVP 0", "AVP 96")) + OPTIONS],
    "offer-without-formats": [request("INVITE", extra=CONTACT, body=SDP.replace(" RTP/AVP 0", " RTP/AVP")) + OPTIONS],
    "offer-without-protocol": [request("INVITE", extra=CONTACT, body=SDP.replace(" RTP/AVP 0", "")) + OPTIONS],
    "offer-of-many-streams": [request("INVITE", extra=CONTACT, body=SDP + 9 * "m=audio 4000 RTP/AVP 0\r\n") + OPTIONS],
    "offer-of-large-port": [request("INVITE", extra=CONTACT, body=SDP.replace("40000", "4294967296")) + OPTIONS],
    "offer-of-nothing": [request("INVITE", extra=CONTACT, body=SDP[:SDP.index("m=")]) + OPTIONS],
    "offer-to-everybody": [request("INVITE", extra=CONTACT, body=SDP.replace("127.0.0.1", "255.255.255.255")) + OPTIONS],
    "message-of-another-type": [request("MESSAGE", extra="Content-Type: image/png\r\n", body="x") + OPTIONS],
    "no-fields": [b"OPTIONS sip:bob@calls.example SIP/2.0\r\nContent-Length: 0\r\n\r\n" + OPTIONS],  # nothing that an answer could repeat
    # what ends the stream, as nothing behind it can be found
    "no-length": [OPTIONS.replace(b"Content-Length: 0\r\n", b"") + OPTIONS],
    "two-lengths": [OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 0\r\nContent-Length: 5") + OPTIONS],
    "negative-length": [request("OPTIONS", length=-1) + OPTIONS],
    "large-length": [request("OPTIONS", length=99999999999999999999) + OPTIONS],
    "endless-head": [b"OPTIONS sip:bob@calls.example SIP/2.0\r\n" + b"X: y\r\n" * 4000],
    "rubbish": [b"\x00\xff\x16\x03 rubbish\r\n\r\n"],
    # a caller that is not polite
    "invite-and-vanish": [INVITE],
    "invite-twice": [INVITE + request("INVITE", b="2", extra=CONTACT, body=SDP)],
}
WANTED = {"invite-and-vanish": 2, "invite-twice": 3, "several": 2, "no-fields": 1, "no-offer": 3, "offer-of-nothing": 3}


def main():
    name, agent = sys.argv[1:]
    peer = subprocess.Popen(["reload-attach", "-qa", agent, "connect", "5060", "bob@calls.example"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    received = b""

    def write():
        try:
            for piece in CASES[name]:
                peer.stdin.write(piece)
        except OSError:
            pass  # the other end has had enough

    threading.Thread(target=write, daemon=True).start()
    wanted = int(os.environ.get("WANTED", 0)) or WANTED.get(name, b"".join(CASES[name]).count(b" SIP/2.0\r\n") - (name == "ack-of-nothing"))
    while True:
        answers = re.findall(rb"^SIP/2\.0 (\d+)", received, re.M)
        if wanted and len(answers) >= wanted:
            break
        chunk = peer.stdout.read(65536)
        if not chunk:
            answers.append(b"closed")
            break
        received += chunk
    print(" ".join(a.decode() for a in answers))
    peer.kill()
    peer.wait()


main()
