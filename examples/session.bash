# What the sessions of this directory share: commands that are printed as they would be typed, then what they said.
#
# A script sources this and calls begin.  Everything is kept in ./lab: logs stay there to be read, the next run begins by removing
# it.  Exit 1 as soon as a command does not end or answer as it should.
set -u
[ -z "${RELOAD_BIN-}" ] || PATH=$RELOAD_BIN:$PATH
unset RELOAD_AGENT RELOAD_OVERLAY RELOAD_FORMAT RELOAD_TIMEOUT RELOAD_LOG RELOAD_KIND
export TERM=dumb RELOAD_HOME=$PWD/lab

declare -A pids=()
end() {
	local status=$? pid
	# a session that failed leaves no agent behind: each is told to end, and has a while for it
	[ ${#pids[@]} = 0 ] || kill -CONT "${pids[@]}" 2>/dev/null
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null
	for pid in "${pids[@]}"; do
		timeout 20 tail --pid="$pid" -s 0.1 -f /dev/null || kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	[ "$status" = 0 ] || tail -n 5 lab/*.log 2>/dev/null
	exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

die() {
	printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
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

# begin: an empty ./lab, and $port: 7001 as in the manual, or the next ten that nobody listens at.
begin() {
	local i
	if [ -e lab ]; then
		[ -e lab/.session ] || die "./lab is there and was not made by a script of examples/"
		rm -rf lab
	fi
	mkdir lab && : >lab/.session || exit 1
	port=7001
	while for i in 0 1 2 3 4; do (: <"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null && break; done; do
		port=$((port + 10))
	done
	printf '$ export RELOAD_HOME=$PWD/lab\n'
}

# ended: all agents, which were told to stop, have ended well.
ended() {
	local name
	for name in "${!pids[@]}"; do
		wait "${pids[$name]}" || die "the agent of $name ended with status $?"
		unset "pids[$name]"
	done
}
