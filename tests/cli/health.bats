#!/usr/bin/env bats
# reload-diag health: each check, well and not.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	for u in alice bob carol; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	lab_ring
	export RELOAD_AGENT=alice PORT
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# found CHECK: its level and its text, of the JSON in $output
found() {
	jq -r --arg c "$1" '.checks[] | select(.check == $c) | "\(.level) \(.text)"' <<<"$output"
}

@test "all is well: 0, and nothing with -q" {
	R reload-diag health
	ok
	[ "$(cut -c1-2 <<<"$output" | sort -u)" = ok ]
	matches "$output" 'round trip +[0-9.]+ ms to [0-9a-f]{8} and back'
	R reload-diag health -q
	ok
	[ -z "$output" ]
	R reload-diag health -j
	ok
	same_schema reload-diag health
	[ "$(jq -r '[.checks[].check] | join(",")' <<<"$output")" = "overlay,neighbours,partition,links,round trip,clock,replicas,certificate,configuration,store,bootstrap" ]
	[ "$(jq -r .level <<<"$output")" = ok ]
}

@test "a peer that does not answer: no green without a message that came back" {
	kill -STOP "$(cat lab/bob.pid)" "$(cat lab/carol.pid)"
	R reload-diag health -j
	kill -CONT "$(cat lab/bob.pid)" "$(cat lab/carol.pid)"
	[ "$status" -eq 13 ]
	matches "$(found 'round trip')" '^fail no message came back from another peer'
	[ "$(jq -r '.checks[] | select(.check == "round trip").try' <<<"$output")" = "reload-diag path succ -a alice" ]
	lab_whole alice bob carol
}

@test "a bootstrap node that is not there" {
	reload-enroll init other.example --bootstrap 127.0.0.1:1 >/dev/null
	reload-enroll issue erin@other.example --identity erin >/dev/null
	lab_start erin -l 127.0.0.1:0 --first
	reload-agent status -a erin --wait joined -q -t 20
	R reload-diag health -a erin -j
	[ "$status" -eq 13 ]
	[ "$(found bootstrap)" = "warn 127.0.0.1:1 does not accept connections by TCP" ]
	# and a peer that is alone says so
	matches "$(found neighbours)" '^warn this peer is alone'
	[ "$(found 'round trip')" = "" ]
	# what it says helps: another address in the configuration
	matches "$(jq -r '.checks[] | select(.check == "bootstrap").try' <<<"$output")" 'reload-enroll config set bootstrap-node=ADDR:PORT'
	reload-enroll config set "bootstrap-node=127.0.0.1:$PORT" --overlay other.example >/dev/null
	reload-enroll config publish other.example -a erin >/dev/null
	R reload-diag health -a erin -j
	matches "$(found bootstrap)" '^ok'
	reload-agent stop -a erin
}

@test "a certificate that ends soon, and a node that is not joined" {
	reload-enroll issue dave@calls.example --identity dave --validity 3d >/dev/null
	lab_start dave -l 127.0.0.1:0 --no-join
	until_true reload-agent status -a dave -q --wait enrolled -t 1
	R reload-diag health -a dave -j
	[ "$status" -eq 13 ]
	matches "$(found certificate)" '^warn ends at .*, in [23] days$'
	matches "$(jq -r '.checks[] | select(.check == "certificate").try' <<<"$output")" '^reload-enroll issue dave@calls.example --identity dave'
	[ "$(found overlay)" = "fail not joined: the state is enrolled" ]
	R reload-diag health -a dave
	[ "$status" -eq 13 ]
	matches "$output" $'\n      try:  reload-join -a dave\n|try:  reload-join -a dave'
	# what it says helps
	reload-join -a dave -q
	R reload-diag health -a dave -j
	matches "$(found overlay)" '^ok joined'
	reload-enroll issue dave@calls.example --identity dave >/dev/null
	reload-agent refresh -a dave -q
	R reload-diag health -a dave -j
	matches "$(found certificate)" '^ok'
	reload-agent stop -a dave
	lab_whole alice bob carol
}

@test "a clock that is wrong" {
	# R7851-52: an overlay with diagnostics needs clocks that agree
	lab_clock || skip "needs a compiler, and an agent without sanitizers"
	reload-enroll issue frank@calls.example --identity frank >/dev/null
	AHEAD=60 LD_PRELOAD=$PWD/clock.so reload-agent -I frank -l 127.0.0.1:0 2>lab/frank.log 3>&- &
	echo $! >lab/frank.pid
	reload-agent status -a frank --wait joined -q -t 30
	R reload-diag health -a frank -j
	[ "$status" -eq 13 ]
	matches "$(found clock)" '^fail the clock of [0-9a-f]{8} differs by -?(59|60)\.[0-9] s$'
	reload-agent stop -a frank
	lab_whole alice bob carol
}

@test "no agent" {
	R reload-diag health -a nobody
	failed 3 .
}
