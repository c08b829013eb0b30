# shellcheck shell=bash
# Programs in the background of a test, each with files of its name in the directory of the file's tests; each test begins with none.  After `load lab`.

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	rm -f got.* ./*.{out,err,pid,status,pipe,wav}
}

teardown() {
	local f
	exec 8>&- 9>&-
	for f in ./*.pid; do
		[ -e "$f" ] || continue
		kill -TERM "$(cat "$f")" 2>/dev/null || true
		within 5 gone "$(cat "$f")"
	done
}

says() {
	grep -q "$2" "$1" 2>/dev/null
}

# beside NAME COMMAND: its standard error is NAME.err, its exit status NAME.status in the end, its process NAME.pid; input and output are those here.
beside() {
	local name=$1
	shift
	rm -f "$name".{err,status,pid}
	{
		"$@" <&0 2>"$name.err" 3>&- 8>&- 9>&- &
		echo $! >"$name.pid"
		local status=0
		wait $! || status=$?
		echo "$status" >"$name.status"
	} <&0 3>&- 8>&- 9>&- & # else its standard input would be /dev/null
	until_true test -s "$name.pid"
}

# ended NAME STATUS: it has ended so.
ended() {
	until_true test -s "$1.status"
	[ "$(cat "$1.status")" = "$2" ] || { echo "$1 ended with $(cat "$1.status"), not $2"; cat "$1".{out,err} 2>/dev/null; return 1; }
	rm -f "$1.pid"
}
