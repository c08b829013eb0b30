#!/usr/bin/env bats
# reload-attach: connections of applications between two users, and how they end.

load lab
load attach

# known USER: the others can find the user's node.
known() {
	reload-fetch -q -a alice -k CERTIFICATE_BY_USER "$1@calls.example" >/dev/null 2>&1
}

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_ring
	until_true known carol
	export ASKER=alice LISTENER=carol TARGET=carol@calls.example ALICE BOB CAROL MEGABYTES=${ATTACH_MEGABYTES:-20}
	ALICE=$(node_of alice) BOB=$(node_of bob) CAROL=$(node_of carol)
	chance $((MEGABYTES * 1048576)) "attach a" >a.bytes
	chance $((MEGABYTES * 1048576)) "attach b" >b.bytes
}

teardown_file() {
	lab_end
}

# R-6.5.2-03 R-6.5.2-04: bytes in both directions at once; R-5.4-01: the links of the overlay are as before
@test "a file each way, and who is there" {
	local links
	links=$(reload-agent status -a alice -j | jq .links.up)
	B_IN=b.bytes listens 61441
	reload-attach -a alice connect 61441 carol@calls.example <a.bytes >got.a 2>a.err
	ended b 0
	cmp got.a b.bytes
	cmp got.b a.bytes
	matches "$(cat a.err)" "^connected  node:$CAROL  carol@calls.example  application 61441  at 127.0.0.1:[0-9]+$"
	matches "$(sed 1d b.err)" "^connected  node:$ALICE  alice@calls.example  application 61441  at 127.0.0.1:[0-9]+$"
	[ "$(reload-agent status -a alice -j | jq .links.up)" -eq "$links" ]
}

@test "every form of target, and JSON" {
	reload-attach -j -n -a alice connect 61441 self >dry.out
	fits dry.out connect
	reload-attach -j -n -a alice listen 61441 >dry.out
	fits dry.out listen
	for target in "node:${CAROL:0:8}" "node:$CAROL" carol@calls.example name:carol@calls.example "resource:$CAROL"; do
		listens 61441 -j
		echo hello | reload-attach -j -a alice connect 61441 "$target" >got.a 2>a.err
		ended b 0
		[ "$(cat got.b)" = hello ]
		[ "$(jq -r .type a.err | paste -sd ' ')" = "connected summary" ]
		jq -s -e --arg carol "$CAROL" 'last | .node_id == $carol and .user == "carol@calls.example" and .sent_bytes == 6 and
			.received_bytes == 0 and .application == 61441' a.err
		[ "$(jq -r .type b.err | paste -sd ' ')" = "listening connected ended" ]
		jq -s -e --arg alice "$ALICE" '.[1].node_id == $alice and .[2].received_bytes == 6 and .[2].error == null' b.err
		fits a.err connect
		fits b.err listen
		rm b.*
	done
}

@test "one direction ends, the other goes on" {
	held b
	B_IN=b.pipe listens 61441
	beside a reload-attach -a alice connect 61441 carol@calls.example </dev/null >got.a
	until_true says b.err connected
	echo later >&9
	until_true test -s got.a
	[ ! -e a.status ]
	exec 9>&-
	ended a 0
	ended b 0
	[ "$(cat got.a)" = later ]
}

# R-6.5.2-05
@test "nobody listens, nobody is there, nobody of that name" {
	R reload-attach -a alice connect 61999 carol@calls.example </dev/null
	failed 5 'no connection to name:carol@calls.example'
	matches "$stderr" 'Error_Not_Found'
	matches "$stderr" 'try:  reload-attach listen 61999'
	R reload-attach -a alice connect 61999 dora@calls.example </dev/null
	failed 5 'no node of name:dora@calls.example is known'
	R reload-attach -a alice connect -W 500ms 61999 node:0123456789abcdef0123456789abcdef </dev/null
	failed 4 'no connection'
	R reload-attach -a alice connect 61999 self </dev/null
	failed 5 'no connection to node:'
	R reload-attach -a nobody connect 61999 self </dev/null
	failed 3 'no agent answers'
}

@test "wrong use" {
	for args in "listen" "listen x" "listen 65536" "listen -1" "listen 5 extra" "connect 5" "connect x self" "listen -c 2 5" \
		"listen --places 3 5" "connect -c 3 5 self" "connect -W 0 5 self" "talk 5"; do
		# shellcheck disable=SC2086
		R reload-attach -a alice $args </dev/null
		[ "$status" -eq 2 ] || { echo "$args: $status $stderr"; return 1; }
	done
	R reload-attach -a alice connect 5 self --datagram </dev/null
	failed 1 'no connection that carries packets'
	R reload-attach -a alice listen 5 --datagram </dev/null
	failed 1 'no connection that carries packets'
	R reload-attach -a alice -n connect 5 carol@calls.example </dev/null
	[ "$status" -eq 0 ]
	matches "$stderr$output" 'would ask for a connection of application 5'
}

@test "a listener that is busy, and one that is there already" {
	held a
	listens 61441
	R reload-attach -a carol listen 61441 </dev/null
	failed 7 'cannot listen for application 61441'
	beside a reload-attach -a alice connect 61441 carol@calls.example <a.pipe >got.a
	until_true says b.err connected
	R reload-attach -a bob connect 61441 carol@calls.example </dev/null
	failed 6 'no connection to name:carol'
	matches "$stderr" 'all places of the application are taken'
	exec 8>&-
	ended a 0
	ended b 0
}

@test "a program that is killed" {
	began
	kill -KILL "$(cat a.pid)"
	cut_off b
	[ "$(cat got.b)" = first ]
	listens 61441 # the place is free, and so is the application
}

@test "a listener that is killed" {
	began
	kill -KILL "$(cat b.pid)"
	cut_off a
	R reload-attach -a alice connect 61441 carol@calls.example </dev/null
	failed 5 'no connection'
}

@test "Ctrl-C and a hang-up" {
	began
	# a beside process of a shell ignores SIGINT; this one is as in the foreground
	kill -TERM "$(cat a.pid)"
	ended a 143
	cut_off b
	rm -f ./*.pipe ./*.status ./*.pid ./*.err
	began
	kill -HUP "$(cat a.pid)" # as ssh does: the end of the input
	exec 9>&-
	ended a 0
	ended b 0
}

# dora_started: a fourth agent, which a test may kill.
dora_started() {
	[ -e lab/etc/identity/dora ] || reload-enroll issue dora@calls.example --identity dora >/dev/null
	lab_start dora -l 127.0.0.1:0
	reload-join -a dora -q
	until_true known dora
	held a
	held b
	beside b reload-attach -a dora listen 61441 <b.pipe >got.b
	until_true says b.err listening
	beside a reload-attach -a alice connect 61441 dora@calls.example <a.pipe >got.a
	until_true says a.err connected
	echo first >&8
	until_true test -s got.b
}

@test "an agent that is killed" {
	dora_started
	kill -KILL "$(cat lab/dora.pid)"
	ended b 3
	[ "$(cat got.b)" = first ]
	cut_off a
}

# waiting: a connection of carol's for which no program comes yet; its socket is in $output.
waiting() {
	beside w python3 -c '
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("lab/run/alice.sock")
f = s.makefile("rw")
f.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "app.attach", "params": {"application": 61441, "target": "node:'"$CAROL"'"}}) + "\n")
f.flush()
print(json.loads(f.readline())["params"]["object"]["stream"], flush=True)
f.readline()
' >w.out
	until_true test -s w.out
}

@test "the socket of a connection is its user's alone, and goes with the request" {
	listens 61441
	waiting
	[ "$(stat -c %a "$(cat w.out)")" = 600 ]
	[ "$(stat -c %a "$(dirname "$(cat w.out)")")" = 700 ]
	kill -KILL "$(cat w.pid)"
	until_true test ! -e "$(cat w.out)"
	cut_off b
}

@test "an agent that is stopped ends its connections" {
	# what an earlier one left behind is removed
	mkdir -p lab/run/dora.apps
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("lab/run/dora.apps/99")'
	dora_started
	[ ! -e lab/run/dora.apps/99 ]
	reload-agent stop -a dora
	ended b 3
	cut_off a
	[ ! -e lab/run/dora.apps ]
}

@test "who does not read makes the other end wait, and nobody else" {
	held b
	mkfifo out.pipe
	exec 7<>out.pipe
	beside b reload-attach -a carol listen 61441 <b.pipe >out.pipe 7>&-
	until_true says b.err listening
	beside a reload-attach -a alice connect 61441 carol@calls.example <a.bytes >got.a 7>&-
	until_true says a.err connected
	# its agent answers all the same
	R reload-ping -a bob -c 3 -i 200ms "node:$CAROL"
	ok
	[ ! -e a.status ]
	exec 9>&-
	head -c $((MEGABYTES * 1048576)) <&7 | cmp - a.bytes
	exec 7>&-
	ended a 0
	ended b 0
}

@test "local sockets: several connections at a time" {
	several_at_a_time
}

@test "ssh through the overlay" {
	ssh_through_it a.bytes
}
