#!/usr/bin/env bats
# reload-attach: connections of applications between two users, and how they end.

load lab

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
	export ALICE BOB CAROL MEGABYTES=${ATTACH_MEGABYTES:-20}
	ALICE=$(node_of alice) BOB=$(node_of bob) CAROL=$(node_of carol)
	chance $((MEGABYTES * 1048576)) "attach a" >a.bytes
	chance $((MEGABYTES * 1048576)) "attach b" >b.bytes
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	rm -f got.* ./*.err ./*.out ./*.pid ./*.status ./*.pipe
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

# background NAME COMMAND: its standard error is NAME.err, its exit status NAME.status in the end, its process NAME.pid.
background() {
	local name=$1
	shift
	{
		"$@" <&0 2>"$name.err" 3>&- 8>&- 9>&- &
		echo $! >"$name.pid"
		local status=0
		wait $! || status=$?
		echo "$status" >"$name.status"
	} <&0 3>&- 8>&- 9>&- & # else its standard input would be /dev/null
	until_true test -s "$name.pid"
}

# held NAME: a standard input for NAME that does not end before descriptor 8 (9 for b) is closed.
held() {
	mkfifo "$1.pipe"
	if [ "$1" = a ]; then exec 8<>"$1.pipe"; else exec 9<>"$1.pipe"; fi
}

ended() {
	until_true test -s "$1.status"
	[ "$(cat "$1.status")" -eq "$2" ] || { echo "$1 ended with $(cat "$1.status"), not $2"; cat "$1.err"; return 1; }
}

listens() { # APP [OPTIONS]: carol does, with what is in "b.in"
	background b reload-attach -a carol listen "$@" <"${B_IN:-/dev/null}" >got.b
	until_true says b.err listening
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

# fits FILE FORM: each object of FILE has the keys that the schema of that form promises.
fits() {
	jq -s -e --argjson s "$(reload-attach "$2" --json-schema)" 'all(.[]; keys as $k | any($s.oneOf[]; .required // [] | sort == $k))' "$1"
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
	background a reload-attach -a alice connect 61441 carol@calls.example </dev/null >got.a
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
	R reload-attach -a alice -n connect 5 carol@calls.example </dev/null
	[ "$status" -eq 0 ]
	matches "$stderr$output" 'would ask for a connection of application 5'
}

@test "a listener that is busy, and one that is there already" {
	held a
	listens 61441
	R reload-attach -a carol listen 61441 </dev/null
	failed 7 'cannot listen for application 61441'
	background a reload-attach -a alice connect 61441 carol@calls.example <a.pipe >got.a
	until_true says b.err connected
	R reload-attach -a bob connect 61441 carol@calls.example </dev/null
	failed 6 'no connection to name:carol'
	matches "$stderr" 'all places of the application are taken'
	exec 8>&-
	ended a 0
	ended b 0
}

# began: a and b are connected, and neither's input ends by itself.
began() {
	held a
	held b
	B_IN=b.pipe listens 61441
	background a reload-attach -a alice connect 61441 carol@calls.example <a.pipe >got.a
	until_true says b.err connected
	until_true says a.err connected
	echo first >&8
	until_true test -s got.b
}

# cut_off WHO: it has noticed that the other end was cut off, after it wrote what had come.
cut_off() {
	ended "$1" 4
	matches "$(tail -3 "$1.err")" 'was cut off'
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
	# a background process of a shell ignores SIGINT; this one is as in the foreground
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
	background b reload-attach -a dora listen 61441 <b.pipe >got.b
	until_true says b.err listening
	background a reload-attach -a alice connect 61441 dora@calls.example <a.pipe >got.a
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
	background w python3 -c '
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
	background b reload-attach -a carol listen 61441 <b.pipe >out.pipe 7>&-
	until_true says b.err listening
	background a reload-attach -a alice connect 61441 carol@calls.example <a.bytes >got.a 7>&-
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

five_ended() {
	[ "$(grep -c ^ended b.out)" -eq 5 ]
}

@test "local sockets: several connections at a time" {
	cat >echo.py <<-'END'
		import socket, sys, threading
		s = socket.socket(socket.AF_UNIX)
		s.bind("echo.sock")
		s.listen(16)
		print("ready", flush=True)
		def serve(c):
		    while data := c.recv(65536):
		        c.sendall(data)
		    c.shutdown(socket.SHUT_WR)
		while True:
		    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
	END
	cat >talk.py <<-'END'
		import socket, sys, threading
		def talk(n, out):
		    c = socket.socket(socket.AF_UNIX)
		    c.connect("near.sock")
		    text = bytes([65 + n]) * 200000
		    threading.Thread(target=lambda: (c.sendall(text), c.shutdown(socket.SHUT_WR))).start()
		    got = b""
		    while data := c.recv(65536):
		        got += data
		    out.append(got == text)
		out = []
		threads = [threading.Thread(target=talk, args=(n, out)) for n in range(5)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		print(out)
	END
	rm -f echo.sock
	background echo python3 echo.py >echo.out
	until_true says echo.out ready
	background b reload-attach -a carol listen 61441 --unix echo.sock >b.out
	until_true says b.out listening
	background a reload-attach -a alice connect 61441 carol@calls.example --unix near.sock >a.out
	until_true test -S near.sock
	[ "$(stat -c %a near.sock)" = 600 ]
	run -0 python3 talk.py
	[ "$output" = "[True, True, True, True, True]" ]
	until_true five_ended
	kill -TERM "$(cat a.pid)" "$(cat b.pid)"
	ended a 0
	ended b 0
	matches "$(tail -1 b.out)" '^5 connections, sent 1000000, received 1000000 bytes$'
	[ ! -e near.sock ]
}

@test "ssh through the overlay" {
	command -v ssh && [ -x /usr/sbin/sshd ] || skip "no ssh"
	[ "$(id -u)" -eq 0 ] || skip "sshd wants to be root here"
	ssh-keygen -q -t ed25519 -N '' -f host.key
	ssh-keygen -q -t ed25519 -N '' -f user.key
	printf '%s\n' "HostKey $PWD/host.key" "AuthorizedKeysFile $PWD/user.key.pub" 'StrictModes no' 'UsePAM no' 'PidFile none' >sshd.conf
	mkdir -p /run/sshd
	mkfifo b.pipe
	(reload-attach -a carol listen 61441 <b.pipe 2>b.err 3>&- | /usr/sbin/sshd -i -e -f sshd.conf >b.pipe 2>sshd.err 3>&-) &
	until_true says b.err listening
	R ssh -F none -i user.key -o IdentitiesOnly=yes -o UserKnownHostsFile=known -o StrictHostKeyChecking=no -o BatchMode=yes \
		-o ProxyCommand='reload-attach -qa alice connect 61441 %h@calls.example' "$(id -un)@carol" 'sha256sum; exit 7' <a.bytes
	[ "$status" -eq 7 ]
	matches "$output" "^$(sha256sum <a.bytes)$"
	wait
	[ "$(wc -l <b.err)" -eq 2 ]
}
