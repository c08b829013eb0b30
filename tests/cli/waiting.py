"""How tests wait: until something holds, with a limit; and how they make load at a steady rate.  No other file of the tests sleeps."""
import asyncio, sys, time

LOOK = 0.02  # seconds between two looks at something that does not say when it changes


def words(what):
    return what() if callable(what) else what


def wait_for(check, seconds, what):
    """The first result of check() that is true.  None within the limit ends the test; what: words, or a function that finds them."""
    end = time.monotonic() + seconds
    while not (result := check()):
        if time.monotonic() > end:
            print(f"not within {seconds} s: {words(what)}")
            sys.exit(1)
        time.sleep(LOOK)
    return result


async def until(check, seconds):
    """Like wait_for() where check() is a coroutine; raises TimeoutError."""
    end = time.monotonic() + seconds
    while not (result := await check()):
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(LOOK)
    return result


class Rate:
    """A load of so many a second: next() returns when another one is due, at once when it is late."""

    def __init__(self, per_second):
        self.period, self.due = 1 / per_second, time.monotonic()

    def next(self):
        time.sleep(max(0, self.due - time.monotonic()))
        self.due = max(self.due + self.period, time.monotonic())


class Timetable:
    """The times of a script, in seconds from now: until(T) returns when T has come, at once when that is over."""

    def __init__(self):
        self.began = time.monotonic()

    def until(self, seconds):
        time.sleep(max(0, self.began + seconds - time.monotonic()))
