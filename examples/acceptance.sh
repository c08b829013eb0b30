#!/usr/bin/env bash
# The acceptance session: an overlay of five peers on loopback, made, joined, used and left with the real programs.
#
#   RELOAD_BIN=DIR examples/acceptance.sh       (make demo)
#
# See session.bash for what is printed and kept.
. "$(dirname "$0")/session.bash"

begin
session 0 '^created overlay calls\.example' "reload-enroll init calls.example --bootstrap 127.0.0.1:$port"
session 0 '^issued erin ' \
	'for u in alice bob carol dave erin; do reload-enroll issue $u@calls.example --identity $u; done'
agent alice -l 127.0.0.1:$port --first
agent bob -l 127.0.0.1:$((port + 1)) --no-join
agent carol -l 127.0.0.1:$((port + 2)) --no-join
session 0 '^joined calls\.example as peer' 'reload-join -a alice -q && reload-join -a bob && reload-join -a carol'
session 0 '^stored at resource:' \
	"reload-store -a alice -k 0xf0000001 alice@calls.example 'back at noon' --lifetime 1h"
session 0 '^back at noon +signed by alice@calls\.example .*valid' \
	'reload-fetch -a carol -k 0xf0000001 alice@calls.example'
session 5 '^reload-fetch: no value of Kind 0xf0000001' 'reload-fetch -a carol -k 0xf0000001 nobody@calls.example'
session 6 'reload-store: ' "reload-store -a bob -k 0xf0000001 alice@calls.example 'not mine to say'"
carol=$(node_of carol)
session 0 '1 sent, 1 answered, 0% lost' "reload-ping -a alice -c 1 node:${carol:0:8}"

printf '\n# a call: the tone comes back from bob, who has no server and needs none\n'
session 0 '^registered bob@calls\.example -> ' 'reload-sip-call -a bob register bob@calls.example'
printf '$ reload-sip-call -a bob listen --answer --echo -c 1 -q &\n'
reload-sip-call -a bob listen --answer --echo -c 1 -q >lab/listen.log 2>&1 </dev/null &
listener=$!
session 0 '^ended +3\.[0-9] s, 1[0-9]+ sent, 1[0-9]+ received' \
	'reload-sip-call -a alice bob@calls.example --tone 440 --duration 3s --wait 5s'
wait $listener || die "listen ended with status $?: $(cat lab/listen.log)"

printf '\n# two more peers; what was stored before they came is theirs to serve as well\n'
agent dave -l 127.0.0.1:$((port + 3)) --no-join
agent erin -l 127.0.0.1:$((port + 4)) --no-join
session 0 '^joined calls\.example as peer' 'reload-join -a dave && reload-join -a erin'
session 0 '^stored at resource:' "reload-store -a dave -k 0xf0000001 dave@calls.example 'from dave'"
session 0 '^stored at resource:' "reload-store -a erin -k 0xf0000001 erin@calls.example 'from erin'"
session 0 '^from dave +signed by dave@' 'reload-fetch -a erin -k 0xf0000001 dave@calls.example'
session 0 '^from erin +signed by erin@' 'reload-fetch -a bob -k 0xf0000001 erin@calls.example'
session 0 '^back at noon +signed by alice@' 'reload-fetch -a dave -k 0xf0000001 alice@calls.example'
session 0 '^dave +peer of calls\.example +joined' 'reload-agent status -a dave'

printf '\n# an agent that leaves hands over what it holds\n'
session 0 '' 'reload-agent stop -a alice'
session 0 '^back at noon +signed by alice@' 'reload-fetch -a erin -k 0xf0000001 alice@calls.example'
session 0 '' 'for u in dave erin carol bob; do reload-agent stop -a $u; done'
ended
