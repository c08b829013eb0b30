#!/usr/bin/env python3
"""reload-shell at a terminal of its own, where tmux is not strict enough: shell_terminal.py CASE PROGRAM ARGUMENT...

  prompt    milliseconds from the start to the first prompt
  signals   a watcher in the group of the shell gets no signal that the shell gets; the prompt is back
  closed    the terminal is closed: the shell ends
  resized   hundreds of changes of size while a line is typed: it is not lost
  live      a program that draws again and again: hundreds of changes of size, down to 20 columns and 5 lines, and a signal that ends it
  hung_up   such a program that does not end with its terminal (nohup) ends because nobody sees it
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

LIMIT = 30


class Terminal:
    def __init__(self, argv, watcher=False, nohup=False):
        self.begun = time.monotonic()
        self.pid, self.fd = pty.fork()
        if not self.pid:
            if nohup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
            if watcher:
                watch(argv)
            os.execvp(argv[0], argv)
        self.said = b""

    def until(self, text):
        end = time.monotonic() + LIMIT
        while text not in self.said:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            assert ready, (text, self.said)
            self.said += os.read(self.fd, 65536)
        self.said = self.said[self.said.index(text) + len(text):]

    def type(self, text):
        os.write(self.fd, text)

    def end(self):
        """Reads to the end: what is written to a terminal has to be taken before its modes can be changed."""
        try:
            while taken := os.read(self.fd, 65536):
                self.said += taken
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def watch(argv):
    """A parent that starts the shell in its own process group and says which signals it gets."""
    signal.signal(signal.SIGINT, lambda *_: print("watcher got a signal", flush=True))
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.read(told, 1)  # its prompt comes behind the line of the watcher
        os.execvp(argv[0], argv)
    print(f"shell is {child}", flush=True)
    os.write(tell, b"x")
    while True:
        try:
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        except InterruptedError:
            pass


def prompt(argv):
    t = Terminal(argv)
    t.until(b"> ")
    print(round((time.monotonic() - t.begun) * 1000, 1))
    t.type(b"exit\r")
    assert t.end() == 0


def signals(argv):
    t = Terminal(argv, watcher=True)
    t.until(b"shell is ")
    t.until(b"\r\n")
    t.until(b"> ")
    shell = int(os.popen(f"pgrep -P {t.pid}").read().split()[0])
    t.type(b"half a line")
    t.until(b"half a line")
    os.kill(shell, signal.SIGINT)
    t.until(b"> ")
    # and Ctrl-C in a command ends the command alone
    t.type(b"ping -c 0 succ\r")
    t.until(b"answer  seq 2")
    t.type(b"\x03")
    t.until(b"sent, ")
    t.until(b"> ")
    t.type(b"exit\r")
    status = t.end()
    assert b"watcher got" not in t.said, t.said
    print("status", status)


def closed(argv):
    t = Terminal(argv)
    t.until(b"> ")
    t.type(b"watch 100ms status -q\r")
    t.until(b"every 100ms")
    os.close(t.fd)
    t.fd = -1
    print("ended", t.end() != 0)


def resize(t, lines, columns):
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def storm(t):
    for i in range(300):
        resize(t, 5 + i % 40, 20 + i % 90)
        while select.select([t.fd], [], [], 0.002)[0]:  # what it draws must not fill the terminal
            os.read(t.fd, 65536)


def live(argv):
    t = Terminal(argv)
    t.until(b"hop  node")
    storm(t)
    resize(t, 5, 20)
    t.until(b"\x1b[J")
    t.until(b"\x1b[J")  # drawn in the last size from here on
    t.until(b"\x1b[J")
    picture = t.said.split(b"\x1b[")[0]
    os.kill(t.pid, signal.SIGINT)
    status = t.end()
    assert all(len(line) <= 19 for line in picture.split(b"\r\n")), picture
    assert b" round" in t.said, t.said
    print("status", status)


def hung_up(argv):
    t = Terminal(argv, nohup=True)
    t.until(b"hop  node")
    os.close(t.fd)
    end = time.monotonic() + LIMIT
    pidfd = os.pidfd_open(t.pid)
    assert select.select([pidfd], [], [], max(0, end - time.monotonic()))[0], "it goes on"
    _, status, used = os.wait4(t.pid, 0)
    assert used.ru_utime + used.ru_stime < 2, used
    print("ended", os.waitstatus_to_exitcode(status) >= 0)


def resized(argv):
    t = Terminal(argv)
    t.until(b"> ")
    t.type(b"help wat")
    t.until(b"help wat")
    storm(t)
    resize(t, 30, 100)
    t.type(b"ch\r")
    t.until(b"watch TIME COMMAND")
    t.type(b"exit\r")
    print("status", t.end())


globals()[sys.argv[1]](sys.argv[2:])
