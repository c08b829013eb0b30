"""What bash, zsh and fish make of the Tab key: each runs by itself on a terminal, with the completion scripts as a user has them.

shells.py SCRIPTS LINE...   prints {"LINE": {"bash": [WORD...], "zsh": [...], "fish": [...]}, ...}: the whole words that are offered
shells.py --tab SCRIPTS LINE...   the same shape; the one WORD is what the line is after Tab, empty for fish
What a shell prints besides (an error of a script) ends this with 1.
"""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time

LIMIT_S = 60  # for one answer of a shell
CLEAR, ALL, TAB, SHOW = b"\x18k", b"\x18a", b"\t", b"\x18p"

BASH = r"""
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
bind '"\C-xk": kill-whole-line'
bind '"\C-xa": insert-completions'
bind -x '"\C-xp": printf "\1%s\2" "$READLINE_LINE"'
for f in "$SCRIPTS"/*; do [[ $f == *.fish || ${f##*/} == _* ]] || . "$f"; done
"""

ZSH = r"""
PS1= RPS1= PS2=
setopt no_beep no_prompt_cr
fpath+=("$SCRIPTS")
autoload -Uz compinit
compinit -u -d "$HOME/zcompdump"
zle -C every complete-word _generic
zstyle ':completion:every:*' completer _all_matches _complete
zstyle ':completion:every:*' insert yes
show() { printf '\1%s\2' "$BUFFER" }
clear() { BUFFER= }
zle -N show
zle -N clear
bindkey -e
bindkey '^Xk' clear '^Xa' every '^Xp' show '^I' complete-word
exec 2>"$HOME/zsh-errors"
"""


class Shell:
    """A shell on a terminal of its own; ask() types a line and keys, and returns what the line is then."""

    def __init__(self, argv, setup, home):
        path = os.path.join(home, f"{argv[0]}.setup")
        with open(path, "w") as f:
            f.write(setup)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=home, ZDOTDIR=home, TERM="dumb", PS1="")
            os.execvp(argv[0], argv)
        os.write(self.fd, f". {shlex.quote(path)}; stty cols 30000 -onlcr; printf '\\1%s\\2' ready\n".encode())
        self.noise = ""
        self.answer()

    def answer(self):
        seen, end = b"", time.monotonic() + LIMIT_S
        while not (found := re.search(rb"\x01([^\x02]*)\x02", seen)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                sys.exit(f"no answer in time; so far {seen!r}")
            seen += os.read(self.fd, 65536)
        self.noise += seen[: found.start()].decode(errors="replace")
        return found[1].decode()

    def ask(self, line, key):
        os.write(self.fd, CLEAR + line.encode() + key + SHOW)
        return self.answer()

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def typed_words(line):
    """The words of a line that is being typed, without their quotes, and the quote that is open; the last may be empty."""
    for quote in "", "'", '"':
        try:
            found = shlex.split(line + "X" + quote)
        except ValueError:
            continue
        return found[:-1] + [found[-1][:-1]], quote
    raise ValueError(line)


def words(line, after, in_bash):
    """The whole words that stand in after where line had one.  bash replaces only what follows : or =, and @ itself."""
    if after == line:
        return []
    (*before, typed), quote = typed_words(line)
    if quote == '"':
        after = re.sub(r"\\([`$])", r"\1", after)  # shlex knows no such escapes
    found = shlex.split(after.replace("$'\\n'", "'\n'"))[len(before) :]
    if not found:
        return [after]  # a command substitution: for the shell one word
    plain = re.search(r"\S*$", line.split(quote)[0] if quote else line)[0]
    kept = re.match("(.*[:=]|.*(?=@))?", plain)[0] if in_bash else ""
    return sorted(w.rstrip("/") for w in found[:1] + [kept + w for w in found[1:]])


def of_fish(line):
    script = 'for f in "$SCRIPTS"/*.fish; source $f; end; complete -C "$LINE"'
    out = subprocess.run(
        ["fish", "--no-config", "-c", script], env={**os.environ, "LINE": line, "HOME": os.environ["SHELLS_HOME"]}, capture_output=True, text=True, timeout=LIMIT_S
    )
    if out.stderr:
        sys.exit(f"fish: {line}: {out.stderr}")
    return sorted(w.split("\t")[0].rstrip("/") for w in out.stdout.splitlines())


def main(args):
    tab = args[0] == "--tab"
    scripts, *lines = args[tab:]
    home = os.environ["SHELLS_HOME"]
    os.environ["SCRIPTS"] = scripts
    os.environ["XDG_CONFIG_HOME"] = home
    bash = Shell(["bash", "--norc", "--noprofile", "-i"], BASH, home)
    zsh = Shell(["zsh", "-f", "-i"], ZSH, home)
    result = {}
    for line in lines:
        in_bash, in_zsh = (shell.ask(line, TAB if tab else ALL) for shell in (bash, zsh))
        result[line] = (
            {"bash": [in_bash], "zsh": [in_zsh], "fish": []}
            if tab
            else {"bash": words(line, in_bash, True), "zsh": words(line, in_zsh, False), "fish": of_fish(line)}
        )
    bash.close()
    zsh.close()
    with open(os.path.join(home, "zsh-errors")) as f:
        noise = f.read() + "\n".join(re.findall("bash: .*", bash.noise))
    if noise:
        sys.exit(f"printed besides: {noise}")
    json.dump(result, sys.stdout, indent=1)


main(sys.argv[1:])
