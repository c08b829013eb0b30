#!/usr/bin/env python3
"""units.py run UNIT INSTANCE ROOT: becomes the program of a systemd unit, with its environment, whose places are below ROOT.
units.py inside CHROOT UNIT INSTANCE: becomes the program of a unit that is installed in a chroot, as the user of the unit and with its
directories.
units.py activate SOCKET UNIT INSTANCE ROOT: opens the sockets of a .socket unit, and runs the program with them, each time that
somebody connects while it does not run, twice in all.
units.py outside UNIT TRACE: system calls in a trace of strace that the filter of the unit does not let through."""

import os
import pwd
import re
import select
import shlex
import socket
import subprocess
import sys


def settings(path, name):
    with open(path, encoding="utf-8") as f:
        return [line.split("=", 1)[1].strip() for line in f if line.startswith(name + "=")]


def program(path, instance, root):
    """The words and the environment of the program of a unit."""
    environment = {"PATH": "/usr/bin:/bin"}
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY"):
        if name in os.environ:
            environment[name] = os.environ[name]
    for line in settings(path, "Environment"):
        for pair in shlex.split(line):
            name, value = pair.split("=", 1)
            environment[name] = root + value
    for name in settings(path, "EnvironmentFile"):
        file = root + name.lstrip("-").replace("%i", instance)
        if os.path.exists(file):
            with open(file, encoding="utf-8") as f:
                environment.update(line.rstrip("\n").split("=", 1) for line in f if "=" in line)
        elif not name.startswith("-"):
            sys.exit(file + " is missing")
    words = []
    for word in settings(path, "ExecStart")[0].replace("%i", instance).split():
        if re.fullmatch(r"\$\w+", word):
            words += environment.get(word[1:], "").split()
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda m: environment.get(m[1], ""), word))
    return words, environment


def run(path, instance, root, passed=0):
    words, environment = program(path, instance, root)
    if passed:
        environment.update(LISTEN_FDS=str(passed), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=":".join(["control"] * passed))
    if "--socket-group" in words:
        # no such group here: the only one in the namespace of users below
        words[words.index("--socket-group") + 1] = "1000" if os.geteuid() == 0 else str(os.getegid())
    if os.geteuid() == 0:
        # root has other places: another user there, as with PrivateUsers
        words = ["/usr/bin/unshare", "--map-user=1000", "--map-group=1000"] + words
    os.execve(words[0], words, environment)


def inside(root, path, instance):
    os.chroot(root)
    os.chdir("/")
    user = pwd.getpwnam(settings(path, "User")[0])
    for setting, base in (("StateDirectory", "/var/lib/"), ("RuntimeDirectory", "/run/"), ("LogsDirectory", "/var/log/")):
        for name in settings(path, setting):
            os.makedirs(base + name, exist_ok=True)
            os.chmod(base + name, int((settings(path, setting + "Mode") or ["0755"])[0], 8))
            os.chown(base + name, user.pw_uid, user.pw_gid)
    words, environment = program(path, instance, "")
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.umask(int(settings(path, "UMask")[0], 8))
    os.execve(words[0], words, environment)


def activate(listening, path, instance, root):
    sockets = []
    for name in settings(listening, "ListenStream"):
        name = name.replace("%t", root + "/run").replace("%i", instance)
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.bind(name)
        os.chmod(name, int(settings(listening, "SocketMode")[0], 8))
        one.listen()
        sockets.append(one)
    for _ in range(2):
        select.select(sockets, [], [])
        child = os.fork()
        if not child:
            for place, one in enumerate([os.dup(one.fileno()) for one in sockets], 3):
                os.dup2(one, place)
            run(path, instance, root, len(sockets))
        os.waitpid(child, 0)


def calls_of(group):
    out = set()
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], check=True, capture_output=True, text=True).stdout
    for word in (line.strip() for line in text.splitlines()[1:]):
        if word.startswith("@"):
            out |= calls_of(word)
        elif not word.startswith("#"):
            out.add(word)
    return out


def outside(path, trace):
    allowed = set()
    for line in settings(path, "SystemCallFilter"):
        calls = set().union(*(calls_of(group) for group in line.lstrip("~").split()))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    with open(trace, encoding="utf-8", errors="replace") as f:
        made = {m[1] for m in (re.match(r"\d+ +(\w+)\(", line) for line in f) if m}
    assert "execve" in made
    print("\n".join(sorted(made - allowed)), end="")


if __name__ == "__main__":
    {"run": run, "inside": inside, "activate": activate, "outside": outside}[sys.argv[1]](*sys.argv[2:])
