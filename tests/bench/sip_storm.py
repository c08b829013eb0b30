"""1,000 devices of 10 users who register with reload-sip-adapter at once, as after a restart: until the last one has its answer, with digest authentication."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))


def rows():
    yield "storm_s", "1,000 devices register at once, all answered", "s", 2, 5, False


def measure(build):
    os.environ["RELOAD_BIN"] = build
    import adapter_hostile as hostile

    users = ["u%d" % n for n in range(10)]
    adapter = hostile.Adapter(*users)
    _, seconds = hostile.register_at_once([hostile.Device(users[n % 10], adapter.udp) for n in range(1000)])
    adapter.ends()
    return {"storm_s": seconds}
