#!/usr/bin/env python3
"""units.py run UNIT INSTANCE ROOT: becomes the program of a systemd unit, with its environment, whose places are below ROOT.
units.py outside UNIT TRACE: system calls in a trace of strace that the filter of the unit does not let through."""

import os
import re
import shlex
import subprocess
import sys


def settings(path, name):
    with open(path, encoding="utf-8") as f:
        return [line.split("=", 1)[1].strip() for line in f if line.startswith(name + "=")]


def run(path, instance, root):
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
    if os.geteuid() == 0:
        # root has other places: another user there, as with PrivateUsers
        words = ["/usr/bin/unshare", "--map-user=1000", "--map-group=1000"] + words
    os.execve(words[0], words, environment)


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
    {"run": run, "outside": outside}[sys.argv[1]](*sys.argv[2:])
