# shellcheck shell=bash
# Programs of calls in the background; their output is in the directory of the file's tests, each test begins with none.

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	rm -f ./*.out ./*.err ./*.pid ./*.status ./*.wav
}

teardown() {
	local f
	for f in ./*.pid; do
		[ -e "$f" ] || continue
		kill -TERM "$(cat "$f")" 2>/dev/null || true
		within 5 gone "$(cat "$f")"
	done
}

says() {
	grep -q "$2" "$1" 2>/dev/null
}

# background NAME COMMAND: its output is NAME.out and NAME.err, its exit status NAME.status in the end, its process NAME.pid.
background() {
	local name=$1
	shift
	rm -f "$name".{out,err,status,pid}
	{
		"$@" >"$name.out" 2>"$name.err" 3>&- </dev/null &
		echo $! >"$name.pid"
		local status=0
		wait $! || status=$?
		echo "$status" >"$name.status"
	} 3>&- &
	until_true test -s "$name.pid"
}

# listens AGENT [OPTIONS]: reload-sip-call listen, when it does.
listens() {
	local name=$1
	shift
	background "$name" reload-sip-call -a "$name" listen "$@"
	until_true says "$name.out" listening
}

# ended NAME STATUS: it has ended so.
ended() {
	until_true test -s "$1.status"
	[ "$(cat "$1.status")" = "$2" ] || { echo "$1: status $(cat "$1.status"), not $2"; cat "$1.out" "$1.err"; return 1; }
	rm -f "$1.pid"
}
