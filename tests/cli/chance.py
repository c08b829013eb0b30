#!/usr/bin/env python3
"""The only source of chance in tests: chance.py BYTES NAME writes that many bytes.

RELOAD_TEST_SEED (6940 when it is not set) and the name of what draws are the whole input.  The seed is printed to standard
error, where it is seen when a test fails.
"""
import os, random, sys

SEED = os.environ.get("RELOAD_TEST_SEED", "6940")


def draw(name):
    """A random.Random() of its own for whatever is called name, so that one does not change what another one draws."""
    print(f"chance: RELOAD_TEST_SEED={SEED} for {name}", file=sys.stderr)
    return random.Random(f"{SEED} {name}")


if __name__ == "__main__":
    sys.stdout.buffer.write(draw(sys.argv[2]).randbytes(int(sys.argv[1])))
