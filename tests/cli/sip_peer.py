#!/usr/bin/env python3
"""One end of a call that follows no rules, on standard input and output of reload-attach.

    sip_peer.py caller CASE AGENT    calls bob@calls.example, whose program is the one under test
    sip_peer.py callee CASE AGENT    is called by the program under test; says on standard error that it is "listening"

Each case prints what it saw.
"""
import os, re, socket, struct, subprocess, sys, time

import media_path

SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n")
NO_STREAM = SDP[:SDP.index("m=")].format(host="127.0.0.1")
WHO = {"caller": ("alice", "bob"), "callee": ("bob", "alice")}


class Peer:
    def __init__(self, role, agent):
        command = {"caller": ["connect", "5060", (os.environ.get("SIP_PEER") or "alice bob").split()[1] + "@calls.example"], "callee": ["listen", "5060"]}[role]
        self.own, self.other = os.environ.get("SIP_PEER", "").split() or WHO[role]
        self.process = subprocess.Popen(["reload-attach", "-a" if role == "callee" else "-qa", agent] + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.received = b""
        self.audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.audio.bind(("127.0.0.1", 0))
        self.audio.settimeout(20)
        self.tag, self.cseq, self.blank = "", 0, 0

    def sdp(self, host="127.0.0.1"):
        return SDP.format(host=host, port=self.audio.getsockname()[1])

    def send(self, message):
        self.process.stdin.write(message if isinstance(message, bytes) else message.encode())

    def request(self, method, body="", extra="", cseq=None, version="SIP/2.0"):
        if cseq is None:
            self.cseq += method not in ("ACK", "CANCEL")
            cseq = self.cseq
        tag = f";tag={self.tag}" if self.tag and method != "CANCEL" else ""
        self.send(f"{method} sip:{self.other}@calls.example {version}\r\nVia: SIP/2.0/TLS calls.example;branch=z9hG4bK{cseq}\r\n"
                  f"From: <sip:{self.own}@calls.example>;tag=own\r\nTo: <sip:{self.other}@calls.example>{tag}\r\nCall-ID: one\r\n"
                  f"CSeq: {cseq} {method}\r\nContact: <sip:{self.own}@calls.example>\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}")

    def respond(self, request, status, phrase=b"x", body="", change=lambda text: text, tag=b"own", extra=b""):
        """The answer to a request: its Via, From, To, Call-ID and CSeq; extra: more header fields."""
        fields = b"".join(re.search(rb"^%s:.*?\r\n" % name, request, re.M).group(0) for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq"))
        if b";tag=" not in re.search(rb"^To:.*", fields, re.M).group(0):
            fields = re.sub(rb"^(To:.*?)\r\n", rb"\1;tag=" + tag + rb"\r\n", fields, flags=re.M)
        self.send(change(b"SIP/2.0 %d %s\r\n" % (status, phrase) + fields + extra + b"Contact: <sip:bob@calls.example;x=%s>\r\n" % tag +
                         b"Content-Length: %d\r\n\r\n" % len(body) + body.encode()))

    def message(self):
        """The next message in full, None at the end of the stream."""
        while True:
            while self.received.startswith(b"\r\n"):  # what keeps the connection open
                self.received, self.blank = self.received[2:], self.blank + 1
            head, blank, rest = self.received.partition(b"\r\n\r\n")
            if blank:
                length = int(re.search(rb"^Content-Length: *(\d+)", head, re.M).group(1))
                if len(rest) >= length:
                    self.received = rest[length:]
                    return head + blank + rest[:length]
            chunk = self.process.stdout.read(65536)
            if not chunk:
                return None
            self.received += chunk

    def expect(self, what):
        """The next message that begins so; others before it are passed over."""
        while (message := self.message()) is not None:
            if message.startswith(what.encode()):
                return message
        raise SystemExit(f"no {what}")

    def ask_back(self, invite, method, body="", extra="", cseq=1):
        """A request of the callee, in the dialog of that INVITE."""
        head = invite.decode()
        turned = (re.search(r"^To:.*?\r\n", head, re.M).group(0).replace("To:", "From:").replace("\r\n", ";tag=own\r\n")
                  + re.search(r"^From:.*?\r\n", head, re.M).group(0).replace("From:", "To:") + re.search(r"^Call-ID:.*?\r\n", head, re.M).group(0))
        self.send(f"{method} sip:alice@calls.example SIP/2.0\r\nVia: SIP/2.0/TLS calls.example;branch=z9hG4bKo{cseq}\r\n{turned}"
                  f"CSeq: {cseq} {method}\r\nContact: <sip:bob@calls.example>\r\n{extra}Content-Length: {len(body)}\r\n\r\n" + body)

    def call(self, body=None, **more):
        """A call that is up; returns the address to which its audio goes."""
        self.request("INVITE", self.sdp() if body is None else body, **more)
        answer = self.expect("SIP/2.0 200")
        self.tag = re.search(rb"^To:.*;tag=(\w+)", answer, re.M).group(1).decode()
        self.request("ACK", cseq=self.cseq)
        return self.address(answer)

    def settle(self):
        """What was sent as audio has been read when the second of two requests is answered."""
        for _ in range(2):
            self.request("OPTIONS")
            self.expect("SIP/2.0 200")

    @staticmethod
    def address(answer):
        return "127.0.0.1", int(re.search(rb"m=audio (\d+)", answer).group(1))

    @staticmethod
    def direction(message):
        return re.search(rb"^a=(\w+)\r$", message[message.index(b"\r\n\r\n"):], re.M).group(1).decode()

    def status(self):
        message = self.message()
        return "closed" if message is None else message.split()[1].decode()


def rtp(number, fill):
    return struct.pack(">BBHII", 0x80, 0, number, 160 * number, 7) + bytes([fill]) * 160


# -- as the caller


def strangers(p):
    """Audio of others is not heard, from before the call was up and during it: the echo has that of the other end alone."""
    to = p.call()
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(5):
        stranger.sendto(rtp(number, 1), to)
    p.audio.sendto(rtp(9, 2), to)
    print(p.audio.recv(2048)[12])
    p.request("BYE")
    p.expect("SIP/2.0 200")


def far_ahead(p):
    """Time stamps that lie ten minutes ahead: a recording is not that long."""
    to = p.call()
    for number, at in enumerate((0, 160, 4800000, 480, 640, 800, 960, 1120), 1):
        p.audio.sendto(struct.pack(">BBHII", 0x80, 0, number, at, 7) + bytes([3]) * 160, to)
    p.settle()
    p.request("BYE")
    p.expect("SIP/2.0 200")


def nowhere(p):
    """An address of another family than the connection's: nothing can be sent there, and nobody is heard."""
    p.request("INVITE", p.sdp().replace("IP4 127.0.0.1\r\nt=", "IP6 ::1\r\nt="))
    answer = p.expect("SIP/2.0 200")
    p.tag = re.search(rb"^To:.*;tag=(\w+)", answer, re.M).group(1).decode()
    p.request("ACK", cseq=p.cseq)
    p.audio.sendto(rtp(1, 1), p.address(answer))
    p.settle()
    p.request("BYE")
    print(p.status())


def held_without_an_address(p):
    """RFC 3264 s8.4: nothing is sent to 0.0.0.0; afterwards the call goes on."""
    to = p.call()
    p.request("INVITE", p.sdp("0.0.0.0"))
    answer = p.expect("SIP/2.0 200")
    p.request("ACK", cseq=p.cseq)
    p.audio.sendto(rtp(1, 1), to)  # a listener that echoes does not echo this
    p.settle()
    p.request("INVITE", p.sdp())
    again = p.expect("SIP/2.0 200")
    p.request("ACK", cseq=p.cseq)
    p.audio.sendto(rtp(2, 2), to)
    print(p.direction(answer), p.direction(again), p.audio.recv(2048)[12])


def held_from_the_start(p):
    p.call(p.sdp("0.0.0.0"))
    p.request("BYE")
    print(p.status())


def required(p):
    """RFC 3261 s8.2.2.3: an extension that this end has not."""
    p.request("INVITE", p.sdp(), extra="Require: one, two\r\nRequire: three\r\n")
    answer = p.expect("SIP/2.0 4")
    print(answer.split()[1].decode(), *re.findall(rb"^Unsupported: (\w+)", answer, re.M))


def other_version(p):
    p.request("OPTIONS", version="SIP/7.0")
    p.request("OPTIONS")
    print(p.status(), p.status())


def injected(p):
    """What a Contact holds does not become a header field of the requests that go there."""
    p.request("INVITE", p.sdp(), extra="Contact: <sip:alice@calls.example;x=1\r\n X-Injected: 1>\r\n")
    answer = p.message()
    print("injected" if b"X-Injected" in (answer or b"") else "clean")


def not_utf8(p):
    p.send(b"INVITE sip:bob@calls.example SIP/2.0\r\nVia: SIP/2.0/TLS calls.example;branch=z9hG4bKx\r\nFrom: \"\xff\" <sip:alice@calls.example>;tag=own\r\n"
           b"To: <sip:bob@calls.example>\r\nCall-ID: \xff\xfe\r\nCSeq: 1 INVITE\r\nContact: <sip:\xff@calls.example>\r\nContent-Length: 0\r\n\r\n")
    p.request("OPTIONS")
    print(p.status(), p.status())


def no_ack(p):
    """BYE of a caller who has not acknowledged ends the call all the same."""
    p.request("INVITE", p.sdp())
    answer = p.expect("SIP/2.0 200")
    p.tag = re.search(rb"^To:.*;tag=(\w+)", answer, re.M).group(1).decode()
    p.request("BYE")
    print(p.status())


def stale(p):
    """Requests of the call with a number that is not higher, or with another tag."""
    p.call()
    p.request("INVITE", p.sdp(), cseq=1)
    first = p.status()
    tag, p.tag = p.tag, "another"
    p.request("BYE")
    second = p.status()
    p.tag = tag
    p.request("BYE")
    print(first, second, p.status())


def kept_open(p):
    """RFC 5626 s3.5.1: a CRLF for each CRLF CRLF, also for one in pieces, and for no other empty line."""
    for text in (b"\r\n\r\n", b"\r", b"\n\r", b"\n", b"\r\n"):
        p.send(text)
    p.request("OPTIONS")
    status = p.status()
    p.request("OPTIONS")
    print(status, p.status(), p.blank)


def many(p):
    """More calls on one connection than there are places."""
    for _ in range(50):
        p.tag = ""
        p.call()
        p.request("BYE")
        p.expect("SIP/2.0 200")
    print("all")


def crowd(p):
    """One node has four places, so that others have some."""
    all = [p] + [Peer("caller", sys.argv[3]) for _ in range(4)]
    seen = []
    for one in all:
        one.request("OPTIONS")
        seen.append(one.status())
    print(*sorted(seen))
    for one in all[1:]:
        one.process.kill()


def idle(p):
    """A connection on which nothing happens is closed."""
    print(p.status())


def field(message, name):
    """The values of a header field, in their order."""
    return [value.decode() for value in re.findall(rb"^%s: *(.*?)\r$" % name.encode(), message, re.M)]


def tag_of(message, name):
    return (re.search(rb"^%s:.*;tag=([^;\r]*)" % name.encode(), message, re.M) or [b"", b""])[1].decode()


def first_line(message):
    return message.split(b"\r\n")[0].decode()


def required_reliable(p):
    """RFC 3262: a response that nobody acknowledges is repeated, one that is acknowledged no more."""
    p.request("INVITE", p.sdp(), extra="Require: 100rel\r\n")
    first, second = p.expect("SIP/2.0 180"), p.expect("SIP/2.0 180")
    assert first == second
    p.tag = tag_of(first, "To")
    p.request("PRACK", extra="RAck: 7 1 INVITE\r\n")
    print(p.expect("SIP/2.0 4").split()[1].decode(), end=" ")
    p.request("PRACK", extra="RAck: 1 1 INVITE\r\n")
    print(p.status(), *field(first, "RSeq"), *field(first, "Require"))
    p.request("CANCEL", cseq=1)
    print(p.expect("SIP/2.0 487").split()[1].decode())


def repeated(p):
    """RFC 3261 s13.3.1.4: the 200 is repeated until there is an ACK."""
    p.request("INVITE", p.sdp())
    first, second = p.expect("SIP/2.0 200"), p.expect("SIP/2.0 200")
    p.tag = tag_of(first, "To")
    p.request("ACK", cseq=1)
    p.request("OPTIONS")
    while b"OPTIONS" not in (last := p.expect("SIP/2.0 200")):
        pass  # one more that was on its way
    p.request("BYE")
    print("same" if first == second and b"BYE" in p.expect("SIP/2.0 200") else "different")


def unacknowledged(p):
    """RFC 3261 s13.3.1.4: a call that nobody acknowledges is ended after 64 times T1."""
    p.request("INVITE", p.sdp())
    p.tag = tag_of(p.expect("SIP/2.0 200"), "To")
    repeated = 0
    while not (request := p.message()).startswith(b"BYE"):
        repeated += request.startswith(b"SIP/2.0 200")
    p.respond(request, 200)
    print("repeated and ended" if 5 <= repeated <= 10 else f"repeated {repeated} times")


def offered_late(p):
    """RFC 3261 s13.2.1: who sends no offer gets one, and answers in the ACK."""
    p.request("INVITE")
    answer = p.expect("SIP/2.0 200")
    p.tag = tag_of(answer, "To")
    p.request("ACK", p.sdp(), cseq=1)
    p.settle()
    p.audio.sendto(rtp(1, 3), p.address(answer))
    print(p.audio.recv(2048)[12])
    p.request("BYE")
    p.expect("SIP/2.0 200")


def not_answered(p):
    """... and who does not answer is hung up."""
    p.request("INVITE")
    p.tag = tag_of(p.expect("SIP/2.0 200"), "To")
    p.request("ACK", cseq=1)
    p.respond(p.expect("BYE"), 200)
    print("bye")


def updated(p):
    p.call(extra="Session-Expires: 100\r\nSupported: timer\r\n")
    seen = []
    for body, extra in (("", ""), (p.sdp("0.0.0.0"), ""), ("", "Session-Expires: 89\r\nSupported: timer\r\n"), ("v=7\r\n", "")):
        p.request("UPDATE", body, extra=extra)
        answer = p.message()
        seen += [answer.split()[1].decode(), *field(answer, "Min-SE")] + (["sdp"] if b"m=audio" in answer else [])
    p.request("REFER", extra="Refer-To: <sip:carol@calls.example>\r\n")
    answer = p.message()
    seen += [answer.split()[1].decode(), *field(answer, "Allow")]
    print(*seen)
    p.tag = "another"
    p.request("UPDATE")
    print(p.status())


def vanished_caller(p):
    """RFC 4028 s10: the refresher does not refresh."""
    p.request("INVITE", p.sdp(), extra="Session-Expires: 100\r\nSupported: timer\r\n")
    answer = p.expect("SIP/2.0 200")
    p.tag = tag_of(answer, "To")
    p.request("ACK", cseq=1)
    p.respond(p.expect("BYE"), 200)
    print(*field(answer, "Session-Expires"), *field(answer, "Require"), "bye")


def updated_caller(p):
    """... by UPDATE, where that is allowed."""
    p.request("INVITE", p.sdp(), extra="Session-Expires: 100\r\nAllow: ACK, UPDATE\r\n")
    p.tag = tag_of(p.expect("SIP/2.0 200"), "To")
    p.request("ACK", cseq=1)
    again = p.message()
    while again.startswith(b"SIP/2.0 200"):  # repeated before the ACK came
        again = p.message()
    p.respond(again, 481)
    p.respond(p.expect("BYE"), 481)
    print(again.split()[0].decode(), *field(again, "Session-Expires"))


def refreshed_caller(p):
    """Who does not know session timers is refreshed by the other end; it answers the first one, then it has no such call."""
    p.request("INVITE", p.sdp(), extra="Session-Expires: 100\r\n")
    answer = p.expect("SIP/2.0 200")
    p.tag = tag_of(answer, "To")
    p.request("ACK", cseq=1)
    again = p.expect("INVITE")
    p.respond(again, 200, body=p.sdp(), extra=b"Session-Expires: 100;refresher=uac\r\n")
    p.expect("ACK")
    p.respond(p.expect("INVITE"), 481)
    p.expect("ACK")
    p.respond(p.expect("BYE"), 481)
    print(*field(answer, "Session-Expires"), *field(answer, "Require"), *field(again, "Session-Expires"))


def held_again(p, hold, refused, least, most):
    """Refuses a hold, and takes the one that follows after so many seconds; refused: how the own one was answered."""
    begun = time.monotonic()
    p.respond(hold, 491)
    p.expect("ACK")
    again = p.expect("INVITE")
    waited = time.monotonic() - begun
    p.respond(again, 200, body=p.sdp("0.0.0.0"))
    p.expect("ACK")
    print(refused.split()[1].decode(), p.direction(again), "in time" if least <= waited < most else f"after {waited:.2f} s")
    p.respond(p.expect("BYE"), 200)


def both_hold_the_call(p):
    """C13: both ends hold the call at the same time; who was called tries again within 2 s (RFC 3261 s14.1)."""
    p.call()
    hold = p.expect("INVITE")
    p.request("INVITE", p.sdp("0.0.0.0"))
    refused = p.expect("SIP/2.0 4")
    p.request("ACK", cseq=p.cseq)
    held_again(p, hold, refused, 0, 2.5)


def behind_proxies(p):
    """Record-Route is copied, and the way back goes along it."""
    p.request("INVITE", p.sdp(), extra="Record-Route: <sip:one.example;lr>, <sip:two.example;lr;x=1>\r\nRecord-Route: <sip:three.example;lr>\r\n")
    answer = p.expect("SIP/2.0 200")
    p.tag = tag_of(answer, "To")
    p.request("ACK", cseq=1)
    bye = p.expect("BYE")
    p.respond(bye, 200)
    print(*field(answer, "Record-Route"))
    print(*field(bye, "Route"))


def offered_without_ice(p):
    """Who tells nobody its address has no audio with an end without ICE, and answers none."""
    p.request("INVITE", p.sdp())
    print(p.expect("SIP/2.0 4").split()[1].decode())


def without_streams(p):
    """RFC 3264 s5: a call without audio, to which none can be added; s8: from one with audio its stream is not taken away."""
    p.request("INVITE", NO_STREAM)
    answer = p.expect("SIP/2.0 200")
    p.tag = tag_of(answer, "To")
    p.request("ACK", cseq=p.cseq)
    p.request("INVITE", p.sdp())
    print(b"m=" in answer, *re.findall(rb"^m=.*", p.expect("SIP/2.0 200"), re.M))
    p.request("ACK", cseq=p.cseq)
    p.request("BYE")
    p.expect("SIP/2.0 200")
    p.tag = ""
    p.call()
    p.request("INVITE", NO_STREAM)
    print(p.expect("SIP/2.0 4").split()[1].decode())
    p.request("ACK", cseq=p.cseq)
    p.request("BYE")
    p.expect("SIP/2.0 200")


# -- as the callee


def audio_for_none(p):
    """Who is called without audio offers some in the call."""
    invite = p.expect("INVITE")
    p.respond(invite, 200, body=NO_STREAM)
    p.expect("ACK")
    p.ask_back(invite, "INVITE", p.sdp())
    print(b"m=" in invite, *re.findall(rb"^m=.*", p.expect("SIP/2.0 200"), re.M))
    p.ask_back(invite, "ACK")
    p.respond(p.expect("BYE"), 200)


def answered_with_no_stream(p):
    invite = p.expect("INVITE")
    p.respond(invite, 200, body=NO_STREAM)
    p.expect("ACK")
    p.respond(p.expect("BYE"), 200)


def answered_without_audio(p):
    invite = p.expect("INVITE")
    p.respond(invite, 200)
    p.expect("ACK")
    bye = p.expect("BYE")
    p.respond(bye, 200)


def crossed(p):
    """A 200 that crosses the CANCEL: it is acknowledged, and then the call is ended."""
    invite = p.expect("INVITE")
    p.respond(invite, 180)
    cancel = p.expect("CANCEL")
    p.respond(invite, 200, body=p.sdp())
    p.respond(cancel, 481)
    p.expect("ACK")
    p.respond(p.expect("BYE"), 200)
    print("bye")


def no_branch(p):
    """An answer to nothing is none to the INVITE."""
    invite = p.expect("INVITE")
    p.respond(invite, 200, change=lambda text: re.sub(rb"z9hG4bK\w+", b"z9hG4bK", text).replace(b" INVITE", b" OPTIONS"))
    p.respond(invite, 603, b"\xff\xfe")
    p.expect("ACK")
    p.message()


def twice(p):
    asked = p.expect("OPTIONS")
    p.respond(asked, 200)
    p.respond(asked, 200)
    p.message()


def no_such_call(p):
    """RFC 3261 s12.2.1.2: who has no such call says so to the INVITE that holds it."""
    invite = p.expect("INVITE")
    p.respond(invite, 200, body=p.sdp())
    p.expect("ACK")
    p.respond(p.expect("INVITE"), 481)
    p.expect("ACK")
    p.respond(p.expect("BYE"), 481)


def resumed_by_the_other(p):
    """What one end holds is not resumed by the other."""
    invite = p.expect("INVITE")
    p.respond(invite, 200, body=p.sdp())
    p.expect("ACK")
    p.respond(p.expect("INVITE"), 200, body=p.sdp())
    p.expect("ACK")
    p.ask_back(invite, "INVITE", p.sdp())
    print(p.direction(p.expect("SIP/2.0 200")))
    p.respond(p.expect("BYE"), 200)


def two_answers(p):
    """C05: two devices behind the other end answer at the same time; one has the call, the other one is hung up."""
    invite = p.expect("INVITE")
    p.respond(invite, 200, body=p.sdp())
    print(tag_of(p.expect("ACK"), "To"), end=" ")
    p.respond(invite, 200, body=p.sdp(), tag=b"second")
    ack, bye = p.expect("ACK"), p.expect("BYE")
    p.respond(bye, 200)
    print(tag_of(ack, "To"), first_line(ack), tag_of(bye, "To"), end=" ")
    p.respond(invite, 200, body=p.sdp())  # as if the ACK had been lost behind a proxy
    print(tag_of(p.expect("ACK"), "To"), end=" ")
    bye = p.expect("BYE")
    p.respond(bye, 200)
    print(tag_of(bye, "To"))


def early(p):
    """C22: audio from one device before the answer of another, which has another codec."""
    invite = p.expect("INVITE")
    first = p.audio
    p.respond(invite, 183, body=p.sdp().replace("AVP 0", "AVP 8"), tag=b"first")
    first.sendto(rtp(1, 0x80), p.address(invite))
    p.audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    p.audio.bind(("127.0.0.1", 0))
    p.audio.settimeout(20)
    p.respond(invite, 200, body=p.sdp(), tag=b"second")
    p.expect("ACK")
    print(p.audio.recv(2048)[1] & 0x7f)
    p.respond(p.expect("BYE"), 200)
    first.setblocking(False)
    try:
        first.recv(2048)
        print("sent to the first")
    except BlockingIOError:
        pass


def reliable(p):
    """RFC 3262: each reliable response is acknowledged once and in order; the answer in one of them is that of the 200."""
    invite = p.expect("INVITE")
    seen = []
    for rseq in (5, 5, 7, 6):
        p.respond(invite, 183, body=p.sdp(), tag=b"x", extra=b"Require: 100rel\r\nRSeq: %d\r\n" % rseq)
    for _ in range(2):
        prack = p.expect("PRACK")
        seen += [*field(prack, "RAck"), tag_of(prack, "To")]
        p.respond(prack, 200)
    p.respond(invite, 200, tag=b"x", extra=b"Record-Route: <sip:one.example;lr>, <sip:two.example;lr>\r\n")
    ack = p.expect("ACK")
    bye = p.expect("BYE")
    p.respond(bye, 200)
    print(*seen, first_line(ack), *field(bye, "Route"))


def too_short(p):
    """C12: the interval is longer at the second attempt, and the call is refreshed as long as it lasts."""
    invite = p.expect("INVITE")
    p.respond(invite, 422, extra=b"Min-SE: 120\r\n")
    p.expect("ACK")
    again = p.expect("INVITE")
    same = field(invite, "Call-ID") == field(again, "Call-ID") and not tag_of(again, "To")
    p.respond(again, 200, body=p.sdp(), extra=b"Session-Expires: 120;refresher=uac\r\nRequire: timer\r\nAllow: UPDATE\r\n")
    p.expect("ACK")
    print("same" if same else "another", *field(invite, "Session-Expires"), *field(again, "Session-Expires"), *field(again, "Min-SE"), *field(again, "CSeq"))
    refreshes = 0
    while not (request := p.message()).startswith(b"BYE"):
        assert request.startswith(b"UPDATE") and not b"m=audio" in request, request
        refreshes += 1
        if refreshes == 1:  # this end has one under way as well
            p.respond(request, 491)
        else:
            p.respond(request, 200, extra=b"Session-Expires: 120;refresher=uac\r\n")
    p.respond(request, 200)
    print(*field(request, "CSeq"), "refreshed" if refreshes > 2 else "not refreshed", "kept open" if p.blank in (4, 6) else p.blank)


def vanished_callee(p):
    invite = p.expect("INVITE")
    p.respond(invite, 200, body=p.sdp(), extra=b"Session-Expires: 90;refresher=uas\r\n")
    p.expect("ACK")
    p.respond(p.expect("BYE"), 200)


def held_by_key(p):
    """Prints the directions that the other end wants, until it hangs up."""
    p.respond(p.expect("INVITE"), 200, body=p.sdp())
    p.expect("ACK")
    while (request := p.message()).startswith(b"INVITE"):
        print(p.direction(request), end=" ")
        p.respond(request, 200, body=p.sdp())
        p.expect("ACK")
    print(request.split()[0].decode())
    p.respond(request, 200)


def redirects(p):
    invite = p.expect("INVITE")
    p.respond(invite, 302, extra=b"Contact: <sip:carol@calls.example>\r\n")
    p.expect("ACK")
    print("ack")


def redirects_to_itself(p):
    """As often as it is called: each call is a connection of its own."""
    for again in range(5, -1, -1):
        p.respond(p.expect("INVITE"), 302)
        p.expect("ACK")
        if again:
            p.process.stdin.close()
            p.process.wait(20)
            p = Peer("callee", sys.argv[3])


def unavailable_gateway(p):
    print(first_line(invite := p.expect("INVITE")), field(invite, "To")[0])
    p.respond(invite, 503)
    p.expect("ACK")


def silent_gateway(p):
    p.respond(p.expect("INVITE"), 100)
    print(first_line(cancel := p.expect("CANCEL")))
    p.respond(cancel, 200)


def gateway(p):
    print(first_line(invite := p.expect("INVITE")))
    p.respond(invite, 200, body=p.sdp())
    p.expect("ACK")
    p.respond(p.expect("BYE"), 200)


def both_hold(p):
    """C13: both ends hold the call at the same time; who made the call tries again after 2.1 to 4 s (RFC 3261 s14.1)."""
    invite = p.expect("INVITE")
    p.respond(invite, 200, body=p.sdp())
    p.expect("ACK")
    hold = p.expect("INVITE")
    p.ask_back(invite, "INVITE", p.sdp("0.0.0.0"))
    refused = p.expect("SIP/2.0")
    p.ask_back(invite, "ACK")
    held_again(p, hold, refused, 2.1, 5)


def without_ice(p):
    """It answers an offer with ICE and a fingerprint as a plain phone does: audio comes from the address that was offered, and a stranger is not heard there."""
    invite = p.expect("INVITE")
    offered = re.search(rb"c=IN IP4 (\S+)", invite).group(1).decode(), int(re.search(rb"m=audio (\d+) RTP/AVP ", invite).group(1))
    p.respond(invite, 200, body=p.sdp())
    p.expect("ACK")
    packet, source = p.audio.recvfrom(2048)
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.sendto(rtp(1, 1), offered)
    for number in range(5):
        p.audio.sendto(rtp(number, 2), offered)
    print("a=candidate" in invite.decode(), source == offered, len(packet))
    p.respond(p.expect("BYE"), 200)


def two_paths(p):
    """C22 with ICE: a device answers early, another one has the call; each has a path of its own (media_path.py)."""
    invite = p.expect("INVITE").decode()
    offered = {"ufrag": re.search(r"a=ice-ufrag:(\S+)", invite).group(1), "password": re.search(r"a=ice-pwd:(\S+)", invite).group(1), "candidates": [
        {"foundation": c[0], "type": c[4], "priority": int(c[1]), "address": f"[{c[2]}]:{c[3]}" if ":" in c[2] else f"{c[2]}:{c[3]}"}
        for c in re.findall(r"a=candidate:(\S+) 1 UDP (\d+) (\S+) (\d+) typ (host|srflx|relay)", invite)]}
    agent = media_path.Agent(sys.argv[4])
    for status, tag in ((183, b"first"), (200, b"second")):
        path = media_path.Path(agent, controlling=False)
        host, port = media_path.address_of(path)
        sdp = SDP.format(host=host, port=port) + "a=rtcp-mux\r\na=ice-ufrag:%(ufrag)s\r\na=ice-pwd:%(password)s\r\n" % path.own
        for c in path.own["candidates"]:
            at, _, number = c["address"].rpartition(":")
            sdp += f"a=candidate:{c['foundation']} 1 UDP {c['priority']} {at.strip('[]')} {number} typ {c['type']}\r\n"
        p.respond(invite.encode(), status, body=sdp, tag=tag)
        path.check(**offered)
        print(path.connected()["path"], end=" ")
    p.expect("ACK")
    print(len(path.socket.recv(2048)))
    p.respond(p.expect("BYE"), 200)


def plain(p):
    """A plain phone."""
    p.respond(p.expect("INVITE"), 200, body=p.sdp())
    p.expect("ACK")
    p.respond(p.expect("BYE"), 200)


def dtls(p, whose, strict=False):
    """It answers as the server of DTLS, which openssl is, with the fingerprint of the certificate in that file.  strict: it takes SRTP alone."""
    port = p.audio.getsockname()[1]
    p.audio.close()
    server = subprocess.Popen(["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-cert", "own.pem", "-key", "own.key",
                               "-use_srtp", "SRTP_AES128_CM_SHA1_80", "-Verify", "1", "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"],
                              stdin=subprocess.PIPE, stdout=open("s_server.out", "w"), stderr=subprocess.STDOUT)
    print_of = subprocess.run(["openssl", "x509", "-in", whose, "-noout", "-fingerprint", "-sha256"], capture_output=True, text=True, check=True)
    sdp = SDP.format(host="127.0.0.1", port=port) + "a=rtcp-mux\r\na=setup:passive\r\na=fingerprint:sha-256 " + print_of.stdout.strip().split("=")[1] + "\r\n"
    invite = p.expect("INVITE")
    if strict:
        p.respond(invite, 488)
        p.expect("ACK")
        invite = p.expect("INVITE")
        sdp = sdp.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")
    offered = re.search(rb"a=setup:(\w+)", invite).group(1).decode(), invite.count(b"a=fingerprint:sha-256"), b" RTP/AVP " in invite
    p.respond(invite, 200, body=sdp)
    p.expect("ACK")
    p.respond(p.expect("BYE"), 200)
    server.kill()
    server.wait()
    print(*offered, "SRTP" in open("s_server.out").read())


def dtls_right(p):
    dtls(p, "own.pem")


def dtls_alone(p):
    dtls(p, "own.pem", strict=True)


def dtls_wrong(p):
    dtls(p, "other.pem")


def main():
    role, case, agent = sys.argv[1:4]
    peer = Peer(role, agent)
    globals()[case](peer)
    peer.process.stdin.close()
    try:
        peer.process.wait(10)  # what was written has arrived
    except subprocess.TimeoutExpired:
        peer.process.kill()


main()
