#!/usr/bin/env bats
# A handshake that one end refuses: whoever waits for the join hears why, at either end, and no ring is formed beside the other.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	for u in alice old; do reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null; done
	mkdir other copy
	# an overlay of the same name, of another authority
	RELOAD_HOME=$PWD/other reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	RELOAD_HOME=$PWD/other reload-enroll issue mallory@calls.example --identity mallory >/dev/null
	mkdir -p copy/etc/identity && cp -r lab/etc/identity/alice copy/etc/identity/
	lab_start alice -l "127.0.0.1:$PORT" --first
	reload-agent status -a alice --wait joined -q -t 20
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	for file in *.pid lab/*.pid; do kill -TERM "$(cat "$file")" || true; done 2>/dev/null
	for file in *.pid lab/*.pid; do until_true gone "$(cat "$file")" || kill -KILL "$(cat "$file")"; done 2>/dev/null
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# elsewhere HOME NAME OPTIONS...: an agent with files of its own.
elsewhere() {
	local home=$1 name=$2
	shift 2
	RELOAD_HOME=$PWD/$home reload-agent -I "$name" -l 127.0.0.1:0 "$@" 2>"$home.log" 3>&- &
	echo $! >"$home.pid"
	until_true test -S "$home/run/$name.sock"
}

@test "another authority: reload-join names it, and exits 10" {
	elsewhere other mallory --no-join
	export RELOAD_HOME=$PWD/other
	run -10 --separate-stderr reload-join -a mallory -t 20
	[[ "$stderr" == *"certificate of alice@calls.example"* ]]
	[[ "$stderr" != *"no bootstrap node answers"* ]]
	[[ "$stderr" == *"authority of that overlay"* ]]
	run -10 --separate-stderr reload-agent status -a mallory --wait joined -t 5
	[[ "$stderr" == *"try:"* ]]
	reload-agent stop -a mallory -q
}

@test "another authority: --first forms no ring beside the one that refused" {
	elsewhere other mallory --first
	export RELOAD_HOME=$PWD/other
	until_true grep -q 'join failed' other.log
	run -10 --separate-stderr reload-agent status -a mallory --wait joined -t 8
	run -1 grep -q 'forming a ring alone' other.log
	reload-agent stop -a mallory -q
}

@test "a copy of the bootstrap node's own identity" {
	elsewhere copy alice --no-join
	export RELOAD_HOME=$PWD/copy
	run -10 --separate-stderr reload-join -a alice -t 20
	[[ "$stderr" == *"own Node-ID"*"an identity runs once"* ]]
	reload-agent stop -a alice -q
}
