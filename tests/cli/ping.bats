#!/usr/bin/env bats
# reload-ping: targets, counts, loss, JSON.

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_ring
	export RELOAD_AGENT=alice
	export CAROL BOB ALICE
	CAROL=$(node_of carol) BOB=$(node_of bob) ALICE=$(node_of alice)
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

ANSWER='^answer  seq 1  node:[0-9a-f]{8}  [0-9]+ hops?  rtt [0-9]+\.[0-9]{2} ms  one-way [0-9]+\.[0-9]{2} ms$'

@test "one ping prints as the contract says" {
	R reload-ping -c 1 "node:${CAROL:0:6}"
	ok
	matches "${lines[0]}" "^answer  seq 1  node:${CAROL:0:8}  1 hop  rtt [0-9]+\.[0-9]{2} ms  one-way [0-9]+\.[0-9]{2} ms$"
	matches "${lines[1]}" '^1 sent, 1 answered, 0% lost   min [0-9.]+  p50 [0-9.]+  p90 [0-9.]+  max [0-9.]+ ms$'
	[ "${#lines[@]}" -eq 2 ]
}

# A20
@test "-v says once which way the link to the node goes" {
	R reload-ping -c 3 -i 200ms -v "node:$CAROL"
	[ "$status" -eq 0 ]
	[ "$(grep -c "link to node:${CAROL:0:8}: host, TLS-TCP-FH-NO-ICE" <<<"$stderr")" = 1 ]
	R reload-ping -c 1 "node:$CAROL"
	ok
}

# R-6.5.3-01: to a Node-ID, a Resource-ID and the wildcard
@test "every form of target" {
	for target in "node:$BOB" self succ succ:2 pred:1 wildcard bob@calls.example sip:bob@calls.example name:anything \
		resource:00112233445566778899aabbccddeeff "reload://0110$CAROL@calls.example/" \
		"reload://0110$CAROL@CALLS.example" succ,pred "node:$BOB,node:$CAROL" name:a,b; do
		R reload-ping -c 1 "$target"
		ok || { echo "$target"; return 1; }
		matches "${lines[0]}" "$ANSWER" || { echo "$target"; return 1; }
	done
	R reload-ping -c 1 -j self
	[ "$(jq -r 'select(.type == "answer") | "\(.node_id) \(.hops)"' <<<"$output")" = "$ALICE 0" ]
	R reload-ping -c 1 -j "node:$BOB,node:$CAROL"
	[ "$(jq -r 'select(.type == "answer") | .node_id' <<<"$output")" = "$CAROL" ]
}

@test "what is no target is told apart from what nobody knows" {
	for target in nobody '' node:12 node:xyz0 succ:0 succ:x resource:0123 name: reload://zz@calls.example/ \
		"reload://0110$CAROL@other.example/" "bob@calls.example,succ" , ; do
		R reload-ping -c 1 -- "$target"
		[ "$status" -eq 2 ] || { echo "$target: $status $stderr"; return 1; }
	done
	R reload-ping -c 1 succ:9
	failed 5 'succ:9'
	R reload-ping -c 1 finger:999
	failed 5 'finger:999'
}

@test "several pings, their summary, histogram and JSON" {
	R reload-ping -c 3 -i 200ms -j --histogram succ
	ok
	[ "$(jq -r .type <<<"$output" | paste -sd ' ')" = "answer answer answer summary" ]
	[ "$(jq -s 'map(select(.type == "answer").seq) == [1, 2, 3]' <<<"$output")" = true ]
	# R-6.5.3-03: response_id is random, time is now in ms
	[ "$(jq -s 'map(select(.type == "answer").response_id) | unique | length' <<<"$output")" = 3 ]
	jq -s -e 'first.time | sub("\\.[0-9]+Z"; "Z") | fromdate - now | fabs < 60' <<<"$output"
	jq -s -e 'last | .sent == 3 and .answered == 3 and .lost_percent == 0 and .min_ms <= .p50_ms and .p50_ms <= .p90_ms and
		.p90_ms <= .max_ms and ([.histogram[].count] | add) == 3' <<<"$output"
	R reload-ping -c 2 -i 200ms -q succ
	ok
	[ "${#lines[@]}" -eq 1 ]
	matches "$output" '^2 sent, 2 answered'
}

@test "nobody answers: lost, exit 4, in time" {
	before=$SECONDS
	R reload-ping -c 2 -i 200ms -W 500ms node:0123456789abcdef0123456789abcdef
	[ "$status" -eq 4 ]
	matches "${lines[0]}" '^lost    seq 1  no answer'
	[ "${lines[2]}" = "2 sent, 0 answered, 100% lost" ]
	[ $((SECONDS - before)) -le 8 ] # without -W it takes 10 s and more
}

# R-6.5.3-02
@test "padding up to the largest message" {
	for size in 0 1 1400 4000; do
		R reload-ping -c 1 -s $size "node:$BOB"
		ok
	done
	R reload-ping -c 1 -s 65535 "node:$BOB"
	[ "$status" -eq 8 ]
	R reload-ping -c 1 -s 65536 "node:$BOB"
	failed 2 size
}

@test "-c 0 runs until it is stopped, and ends normally" {
	run --separate-stderr timeout --preserve-status -s INT 2 reload-ping -c 0 -i 200ms succ
	[ "$status" -eq 0 ]
	matches "${lines[-1]}" '^[0-9]+ sent, [0-9]+ answered, 0% lost'
}

@test "--timeout limits the whole command" {
	before=$SECONDS
	R reload-ping -c 100 -t 2s succ
	[ "$status" -eq 0 ]
	[ $((SECONDS - before)) -le 20 ] # without a limit it takes 99 s
}

@test "wrong use" {
	R reload-ping -c 1 -i 100ms succ
	failed 2 interval
	R reload-ping -c 2 -i 10ms --flood-ok succ
	ok
	R reload-ping -c x succ
	failed 2 count
	R reload-ping -W 0 succ
	failed 2 wait
	R reload-ping
	[ "$status" -eq 2 ]
	R reload-ping -a alice -n succ
	ok
	[ "$output" = "would ping succ" ]
}

@test "a target that is no text, and a list with a hole" {
	R reload-ping -a alice -c 1 $'\xff\xfe'
	failed 2 'not UTF-8'
	R reload-ping -a alice -c 1 succ,,pred
	failed 2 'not a target: succ,,pred'
	matches "${stderr_lines[1]}" 'empty'
}

# valid SCHEMA LINES: each line fits exactly one of the schema's alternatives, key by key.
valid() {
	jq -e -s --argjson s "$1" 'length > 0 and all(.[]; . as $o | [$s.oneOf[] | select(
		.required - ($o | keys) == [] and ($o | keys) - (.properties | keys) == [])] | length == 1)' <<<"$2" >/dev/null || {
		echo "schema: $1"
		echo "lines:  $2"
		return 1
	}
}

@test "every line of a stream fits one form of the schema" {
	schema=$(reload-ping --json-schema)
	R reload-ping -a alice -j -c 2 -i 200ms --histogram succ
	ok
	valid "$schema" "$output"
	R reload-ping -a alice -j -c 1 -W 1ms node:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
	valid "$schema" "$output"
	R reload-ping -a alice -j node:ffff
	valid "$schema" "$output"
	R reload-ping -a alice -j --frob
	valid "$schema" "$output"
	reload-agent events -a bob -j >events.json 3>&- &
	watching=$!
	unanswered() { # a Ping that nobody answers: an event
		reload-ping -a bob -q -c 1 -W 1ms node:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa >/dev/null || true
		[ -s events.json ]
	}
	until_true unanswered
	kill -INT $watching
	wait $watching
	valid "$(reload-agent events --json-schema)" "$(cat events.json)"
}
