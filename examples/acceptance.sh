#!/usr/bin/env bash
# The acceptance session: an overlay of five peers on loopback, made, joined, used and left with the real programs.
#
#   RELOAD_BIN=DIR examples/acceptance.sh       (make demo)
#
# Each command is printed as it would be typed, then what it said.  Everything is kept in ./lab: logs stay there to be read,
# the next run begins by removing it.  Exit 1 as soon as a command does not end or answer as it should.
set -u
[ -z "${RELOAD_BIN-}" ] || PATH=$RELOAD_BIN:$PATH
unset RELOAD_AGENT RELOAD_OVERLAY RELOAD_FORMAT RELOAD_TIMEOUT RELOAD_LOG RELOAD_KIND
export TERM=dumb RELOAD_HOME=$PWD/lab

declare -A pids=()
end() {
	local status=$?
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	[ "$status" = 0 ] || tail -n 5 lab/*.log 2>/dev/null
	exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

die() {
	printf 'acceptance: %s\n' "$*" >&2
	exit 1
}

# session STATUS REGEX COMMAND: runs a line of the session; "" as REGEX: it prints nothing.
session() {
	local expected=$1 regex=$2 line=$3 status
	printf '$ %s\n' "$line"
	said=$(eval "$line" 2>&1 </dev/null)
	status=$?
	[ -z "$said" ] || printf '%s\n' "$said"
	[ "$status" = 0 ] || printf '(exit status %s)\n' "$status"
	[ "$status" = "$expected" ] || die "exit status $status, expected $expected: $line"
	if [ -z "$regex" ]; then
		[ -z "$said" ] || die "printed something: $line"
	else
		grep -qE -- "$regex" <<<"$said" || die "does not say /$regex/: $line"
	fi
}

# agent NAME OPTIONS: starts an agent in the background, as a user would with "&".
agent() {
	local name=$1
	shift
	printf '$ reload-agent -I %s %s 2>lab/%s.log &\n' "$name" "$*" "$name"
	reload-agent -I "$name" "$@" 2>"lab/$name.log" </dev/null &
	pids[$name]=$!
}

node_of() {
	reload-agent status -a "$1" --flat | sed -n 's/^node_id=//p'
}

if [ -e lab ]; then
	[ -e lab/.acceptance ] || die "./lab is there and was not made by this script"
	rm -rf lab
fi
mkdir lab && : >lab/.acceptance || exit 1

# ports as in the manual, or the next ten that nobody listens at
port=7001
while for i in 0 1 2 3 4; do (: <"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null && break; done; do
	port=$((port + 10))
done

printf '$ export RELOAD_HOME=$PWD/lab\n'
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
for name in "${!pids[@]}"; do
	wait "${pids[$name]}" || die "the agent of $name ended with status $?"
	unset "pids[$name]"
done
