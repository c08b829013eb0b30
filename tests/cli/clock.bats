#!/usr/bin/env bats
# Writers whose clocks are, or were, ahead of everybody's (RFC 6940 s7, STO-26).

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_clock || rm -f clock.so
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	[ -e clock.so ] || skip "no clock that is ahead"
}

teardown() {
	lab_end
	rm -f lab/*.pid
	rm -rf lab/state
}

K=0xf0000001
ARRAY=0xf0000002

# bob AHEAD: bob as a client whose clock is that many seconds ahead.
bob() {
	ahead "$1" lab_start bob -l 127.0.0.1:0 --role client
	reload-agent status -a bob --wait joined -q -t 60s >/dev/null
}

bob_ends() {
	reload-agent stop -a bob -q
	until_true gone "$(cat lab/bob.pid)"
}

put() {
	reload-store -a bob -k $K bob@calls.example "$@"
}

got() {
	reload-fetch -a alice -k $K bob@calls.example -j
}

@test "an owner whose clock ran ahead stores and removes again once it is right" {
	lab_start alice -l "127.0.0.1:$PORT" --first
	reload-agent status -a alice --wait joined -q -t 60s >/dev/null
	bob 43200
	put ahead
	reload-store -a bob -k $ARRAY bob@calls.example --index 3 ahead -q
	ahead=$(got | jq -r '.values[0].storage_time')
	bob_ends
	bob 0
	put now
	[ "$(got | jq -r '.values[0].text')" = now ]
	# R-7-05: one more than what stands there
	later=$(got | jq -r '.values[0].storage_time')
	[[ $later > $ahead ]]
	[ "${later:0:16}" = "${ahead:0:16}" ]
	reload-store -a bob -k $ARRAY bob@calls.example --index 3 --remove --yes -q
	R reload-fetch -a alice -k $ARRAY bob@calls.example
	[ "$status" -eq 5 ]
	reload-store -a bob -k $K bob@calls.example --remove --yes -q
	R got
	[ "$status" -eq 5 ]
	put again
	[ "$(got | jq -r '.values[0].text')" = again ]
}

@test "more than a day ahead: refused, and the clock is named" {
	lab_start alice -l "127.0.0.1:$PORT" --first
	reload-agent status -a alice --wait joined -q -t 60s >/dev/null
	bob 2592000
	R put ahead
	failed 6 bob@calls.example
	matches "${stderr_lines[1]}" "storage_time is more than a day ahead of this node's clock"
	matches "${stderr_lines[2]}" '^  try:  compare the clocks: reload-ping '
	bob_ends
	bob 0
	put now
	[ "$(got | jq -r '.values[0].text')" = now ]
}
