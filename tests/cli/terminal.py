"""A program at a terminal of its own: terminal.py KEYS COMMAND...; KEYS are typed when it asks, then how it ended and whether the terminal
shows what is typed are printed."""
import os
import pty
import signal
import sys
import termios

keys, command = sys.argv[1], sys.argv[2:]
signal.alarm(30)
shell, terminal = pty.openpty()
pid = os.fork()
if not pid:
    os.setsid()
    os.close(os.open(os.ttyname(terminal), os.O_RDWR))  # the terminal of this session from now on
    os.execvp(command[0], command)
said = b""
while not said.endswith(b"password: ") and not said.endswith(b"again: "):
    said += os.read(shell, 1)
while termios.tcgetattr(terminal)[3] & termios.ECHO:
    pass
os.write(shell, keys.encode().decode("unicode_escape").encode())
status = os.waitpid(pid, 0)[1]
end = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
print(end, "echo" if termios.tcgetattr(terminal)[3] & termios.ECHO else "no echo")
