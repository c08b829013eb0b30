#!/usr/bin/env bash
# A session of the shell, from a script: the same lines could be typed at its prompt.
#
#   RELOAD_BIN=DIR examples/shell.sh
#
# See session.bash for what is printed and kept.
. "$(dirname "$0")/session.bash"

begin
session 0 '^created overlay' "reload-enroll init calls.example --bootstrap 127.0.0.1:$port"
session 0 '^issued bob' 'for u in alice bob; do reload-enroll issue $u@calls.example; done'
agent alice -l 127.0.0.1:$port --first
agent bob -l 127.0.0.1:$((port + 1))
session 0 '' 'for u in alice bob; do reload-agent status -a $u --wait joined >/dev/null; done'
cat >lab/script <<'LINES'
# which agent, and what a line may take
use alice
set timeout 20s
store -k 0xf0000001 alice@calls.example 'back at noon'
use bob
fetch -k 0xf0000001 alice@calls.example
ping -c 1 succ
call agent.config
LINES
session 0 '' 'reload-shell -e lab/script >lab/script.out'
session 0 '^back at noon +signed by alice@' 'cat lab/script.out'
session 5 'no value of Kind' "reload-shell -a bob -e -c 'fetch -k 0xf0000001 nobody@calls.example' -c 'ping succ'"
session 0 'fetch' "reload-shell -c help | head -n 4"
session 0 '' 'for u in bob alice; do reload-agent stop -a $u; done'
ended
