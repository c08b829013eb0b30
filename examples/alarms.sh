#!/usr/bin/env bash
# Alarms by ping and path: what a timer runs on a node to say when something is wrong, by exit status.  A peer is stopped, is noticed, and
# comes back.
#
#   RELOAD_BIN=DIR examples/alarms.sh
#
# See session.bash for what is printed and kept.
. "$(dirname "$0")/session.bash"

begin
session 0 '^created overlay' "reload-enroll init calls.example --bootstrap 127.0.0.1:$port"
session 0 '^issued carol' 'for u in alice bob carol; do reload-enroll issue $u@calls.example; done'
agent alice -l 127.0.0.1:$port --first
agent bob -l 127.0.0.1:$((port + 1))
agent carol -l 127.0.0.1:$((port + 2))
session 0 '' 'for u in alice bob carol; do reload-agent status -a $u --wait joined >/dev/null; done'
carol=$(node_of carol)

printf '\n# all is well: a Ping with a limit for losses, the way there, and what the node knows itself\n'
session 0 '0% lost' "reload-ping -a alice -c 3 -i 200ms --max-loss 20 node:$carol"
session 0 "${carol:0:8}" "reload-diag -a alice path node:$carol"
session 0 '' 'reload-diag -a alice health -q'

printf '\n# carol stands still: nobody answers (4), and the path says where it ends\n'
session 0 '' "kill -STOP ${pids[carol]}"
session 4 '100% lost' "reload-ping -a alice -c 1 -W 2s node:$carol"
session 4 '' "reload-diag -a alice path node:$carol -t 4s >lab/path.out 2>&1"
session 0 '.' 'cat lab/path.out'

printf '\n# and goes on\n'
session 0 '' "kill -CONT ${pids[carol]}"
session 0 '' "until reload-ping -a alice -c 1 -W 2s -q node:$carol; do :; done >/dev/null 2>&1"
session 0 '' 'for u in carol bob alice; do reload-agent stop -a $u; done'
ended
