#!/usr/bin/env bats
# reload-join and reload-agent: lives of real agents.

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_start alice -l "127.0.0.1:$PORT" --first
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "join waits for the socket, prints as the contract says, and is idempotent" {
	reload-join -a alice -q
	reload-join -a bob -v >joined.txt 2>steps.txt 3>&- &
	local joining=$!
	tried_twice() { [ "$(grep -c '^reload-join: connecting to ' steps.txt)" -ge 2 ]; }
	until_true tried_twice
	lab_start bob -l 127.0.0.1:0 --no-join
	wait "$joining"
	bob=$(node_of bob) alice=$(node_of alice)
	matches "$(cat joined.txt)" \
		"^joined calls.example as peer ${bob:0:8} in [0-9]+\.[0-9]{2} s  \(admitting peer ${alice:0:8}, 1 neighbour\)$"
	R reload-join -a bob
	ok
	[ "$output" = "joined calls.example as peer ${bob:0:8} already  (1 neighbour)" ]
	R reload-join -a bob -q
	ok
	[ -z "$output" ]
}

@test "JSON of a join has the keys of the schema and the phases" {
	lab_start carol -l 127.0.0.1:0 --no-join
	R reload-join -a carol -j
	ok
	same_schema reload-join
	[ "$(jq -r '.state, .role' <<<"$output" | paste -sd ' ')" = "joined peer" ]
	[ "$(jq -r '.phases[].name' <<<"$output" | paste -sd ' ')" = "bootstrap attach join neighbours" ]
	# it may be told before the last of its neighbours has answered
	[ "$(jq -r '.neighbors | length | . >= 1 and . <= 2' <<<"$output")" = true ]
	two() { [ "$(reload-join -a carol -j | jq -r '.neighbors | length')" = 2 ]; }
	until_true two
}

@test "leave, twice, and join again as a client" {
	carol=$(node_of carol)
	R reload-join -a carol --leave
	ok
	matches "$output" '^left calls.example in [0-9.]+ s$'
	R reload-join -a carol --leave
	ok
	matches "$output" '^not part of calls.example'
	R reload-agent status -a carol
	[ "$status" -eq 9 ]
	R reload-ping -a carol -c 1 self
	failed 9 "cannot send"
	[ "${stderr_lines[2]}" = "  try:  reload-join -a carol" ]
	R reload-join -a carol -n
	ok
	matches "$output" '^would join calls.example'
	R reload-join -a carol --as client
	ok
	matches "$output" "^joined calls.example as client ${carol:0:8} in .* \(attached to "
	# R-4.2.1-01: a client is reached by its Node-ID alone
	R reload-ping -a bob -c 1 "node:$carol"
	ok
	matches "${lines[0]}" "node:${carol:0:8}"
	R reload-join -a carol --as peer
	failed 7 "another role"
	R reload-join -a carol --leave --now
	ok
	R reload-join -a carol --as peer
	ok
}

@test "the form of a dry run, joining and leaving" {
	R reload-join -a alice -n -j
	ok
	same_schema reload-join
	R reload-join -a alice -n -j --leave
	ok
	same_schema reload-join --leave
}

@test "the agent's own --bootstrap counts for a later join" {
	local port
	port=$(lab_port)
	reload-enroll init away.example --bootstrap 127.0.0.1:1 >/dev/null
	for u in erin frank; do reload-enroll issue "$u@away.example" --identity "$u" >/dev/null; done
	lab_start erin -l "127.0.0.1:$port" --first
	lab_start frank -l 127.0.0.1:0 --no-join --bootstrap "127.0.0.1:$port"
	reload-agent status -a erin --wait joined -t 30s >/dev/null
	R reload-join -a frank -t 30s
	ok
	matches "$output" '^joined away.example as peer'
	reload-join -a frank --leave -q
	R reload-join -a frank -t 30s
	ok
	reload-agent stop -a frank -q >/dev/null
	reload-agent stop -a erin -q >/dev/null
}

# gina has met nobody yet, so no address that she remembers helps her
@test "a join that somebody ends says so" {
	reload-enroll issue gina@calls.example --identity gina >/dev/null
	lab_start gina -l 127.0.0.1:0 --no-join
	reload-agent status -a gina --wait enrolled -t 30s >/dev/null
	(reload-agent status -a gina --wait bootstrapping -t 20s && reload-join -a gina --leave --now -q) >/dev/null &
	R reload-join -a gina --bootstrap 127.0.0.1:1 -t 20s
	failed 1 'gina did not join'
	matches "$stderr" 'why:  another request made it leave or stop'
	wait $!
}

@test "a join that cannot work names its phase and ends in time" {
	before=$SECONDS
	R reload-join -a gina --bootstrap 127.0.0.1:1 -t 3s
	failed 4 "did not join"
	matches "$stderr" 'phase bootstrap: .*127.0.0.1:1'
	[ $((SECONDS - before)) -le 12 ] # the limit without an option is 30 s
	reload-join -a gina --leave --now -q
	R reload-join -a gina --bootstrap 'no sense'
	failed 2 'no sense'
	reload-join -a gina -q
}

@test "a peer that was met before helps when the bootstrap nodes do not" {
	reload-join -a gina --leave -q
	R reload-join -a gina --bootstrap 127.0.0.1:1 -t 30s
	ok
	reload-agent stop -a gina -q >/dev/null
}

@test "wrong use of options" {
	R reload-join -a carol --as king
	failed 2 'peer or client'
	R reload-join -a carol --now
	failed 2 '--now'
	R reload-join -a carol --leave --as peer
	failed 2 '--leave'
	R reload-join -a carol --bootstrp 127.0.0.1:1
	failed 2 'bootstrp'
	R reload-join -a carol operand
	[ "$status" -eq 2 ]
}
