"""What the relay of reload-sip-adapter adds to audio: loss and jitter (RFC 3550 s6.4.1) of 50 calls at the same time, next to the same packets without it."""

import os
import selectors
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CALLS = 50
PACKET = b"\x80\x00" + bytes(170)


def rows():
    yield "relay_lost", "audio relayed, %d calls: packets lost" % CALLS, "%", 3, None, False
    yield "relay_jitter_ms", "  jitter", "ms", 3, None, False
    yield "relay_delay_ms", "  delay, mean", "ms", 3, None, False
    yield "direct_jitter_ms", "  jitter without the relay", "ms", 3, None, False
    yield "direct_delay_ms", "  delay without the relay, mean", "ms", 3, None, False
    yield "relay_cpu", "  processor time of the relay", "ms/s", 1, None, False


def pass_packets(pairs, seconds):
    """Sends from each first socket to its address, a packet every 20 ms; what comes at the second ones: part lost, jitter and delay in ms."""
    selector = selectors.DefaultSelector()
    last, jitter, delays, got, sent = {}, {}, 0.0, 0, 0
    for _, _, there in pairs:
        there.setblocking(False)
        selector.register(there, selectors.EVENT_READ)

    def take(until):
        nonlocal delays, got
        while (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                try:
                    data = key.fileobj.recv(300)
                except BlockingIOError:
                    continue
                delay = time.monotonic() - struct.unpack_from("d", data, 12)[0]
                fd = key.fd
                if fd in last:
                    jitter[fd] = jitter.get(fd, 0.0) + (abs(delay - last[fd]) - jitter.get(fd, 0.0)) / 16
                last[fd] = delay
                delays += delay
                got += 1

    begun = time.monotonic()
    for tick in range(int(seconds * 50)):
        for here, to, _ in pairs:
            here.sendto(PACKET[:12] + struct.pack("d", time.monotonic()) + PACKET[20:], to)
            sent += 1
        take(begun + (tick + 1) * 0.02)
    take(time.monotonic() + 0.3)
    return {"lost": 100 * (sent - got) / sent, "jitter_ms": 1000 * sum(jitter.values()) / max(len(jitter), 1), "delay_ms": 1000 * delays / max(got, 1)}


def measure(server, cpu_s, seconds):
    """server: an adapter that relays and asks for no password."""
    sys.path.insert(0, os.path.join(HERE, "..", "cli"))
    import adapter_cases as devices

    devices.DOMAIN = "bench.example"
    at = "127.0.0.1:%d" % server.port
    caller, callee = devices.Device("b1", at), devices.Device("b2", at)
    caller.known = True
    callee.send(callee.request("REGISTER", "sip:bench.example", {"id": "r"}, 1, "<sip:b2@bench.example>", "Contact: %s\r\n" % callee.contact()))
    callee.receive(200)
    relayed, direct = [], []
    for _ in range(CALLS):
        a, b = devices.Audio(), devices.Audio()
        call = caller.ask("INVITE", "b2", body=a.sdp())
        invite = callee.receive("INVITE")
        callee.answer(invite, 200, lines="Content-Type: application/sdp\r\n", body=b.sdp())
        answer = caller.receive(200)
        caller.within("ACK", call, answer, 2)
        callee.receive("ACK")
        relayed.append((a.rtp, ("127.0.0.1", devices.port_of(answer)), b.rtp))
        relayed.append((b.rtp, ("127.0.0.1", devices.port_of(invite)), a.rtp))
        direct.append((a.rtcp, ("127.0.0.1", b.port + 1), b.rtcp))
        direct.append((b.rtcp, ("127.0.0.1", a.port + 1), a.rtcp))
    before = cpu_s(server.pids())
    figures = {"relay_" + k: v for k, v in pass_packets(relayed, seconds).items()}
    figures["relay_cpu"] = 1000 * (cpu_s(server.pids()) - before) / seconds
    figures.update({"direct_" + k: v for k, v in pass_packets(direct, seconds).items() if k != "lost"})
    return figures
