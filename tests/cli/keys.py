"""Keys for a program at a terminal of its own: keys.py WORDS KEYS [WORDS KEYS]... -- COMMAND...

When the program has printed WORDS, KEYS are typed.  Prints how it ended, and whether the terminal is as it was before."""
import os
import pty
import signal
import sys
import termios

steps, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
signal.alarm(30)
shell, terminal = pty.openpty()
before = termios.tcgetattr(terminal)
pid = os.fork()
if not pid:
    os.setsid()
    for fd in range(3):
        os.dup2(terminal, fd)
    os.close(os.open(os.ttyname(terminal), os.O_RDWR))  # the terminal of this session from now on
    os.tcsetpgrp(0, os.getpid())
    os.execvp(command[0], command)
said = b""
for words, keys in zip(steps[::2], steps[1::2]):
    while words.encode() not in said:
        said += os.read(shell, 4096)
    said = b""
    os.write(shell, keys.encode().decode("unicode_escape").encode())
status = os.waitpid(pid, 0)[1]
print(f"status {os.WEXITSTATUS(status)}" if os.WIFEXITED(status) else "killed", "as before" if termios.tcgetattr(terminal) == before else "changed")
