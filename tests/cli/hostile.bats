#!/usr/bin/env bats
# Bad peers, bad clients, bad files: three real agents on loopback and what is thrown at them.  After each case the ring is
# whole, Pings, Stores and Fetches of all agents work, and at the end each agent ends by itself without a word of a sanitizer.

bats_require_minimum_version 1.5.0
load lab

setup_file() {
	export PATH="${RELOAD_BIN:?directory of the binaries}:$PATH"
	export HERE="$BATS_TEST_DIRNAME" RELOAD_HOME="$BATS_FILE_TMPDIR/lab" TERM=dumb PYTHONDONTWRITEBYTECODE=1
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=4"
	unset RELOAD_AGENT RELOAD_OVERLAY RELOAD_LOG SSLKEYLOGFILE
	cd "$BATS_FILE_TMPDIR" || return 1
	python3 "$HERE/hostile_peer.py" start 3>&-
	python3 "$HERE/hostile_peer.py" slow >/dev/null 2>&1 3>&- &
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

teardown() {
	[ -z "${pid:-}" ] || kill -KILL "$pid" 2>/dev/null || true
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	[ -e ended ] || python3 "$HERE/hostile_peer.py" stop
}

# for_others: other users reach lab.
for_others() {
	local dir=$BATS_FILE_TMPDIR/lab dirs=
	until [ "$dirs" = / ]; do
		dirs=${dir:-/}
		chmod o+x "$dirs"
		dir=${dir%/*}
	done
}

# step PROGRAM CASE: the case, then a look at the agents.
step() {
	run timeout 150 python3 "$HERE/$1.py" "$2"
	echo "$output"
	[ "$status" -eq 0 ]
	run timeout 100 python3 "$HERE/hostile_peer.py" calm "after $2"
	echo "after $2: $output"
	[ "$status" -eq 0 ]
}

@test "plaintext at the TLS port" {
	step hostile_peer plaintext
}

@test "certificates: none, of another overlay, expired, revoked, self-signed, malformed" {
	step hostile_peer certificates
}

@test "frames: unknown types, too large, cut, in single bytes" {
	step hostile_peer frames
}

@test "headers: each field spoilt, ttl, options, configuration sequence" {
	step hostile_peer headers
}

@test "misrouted messages" {
	step hostile_peer misrouted
}

@test "signatures: none, wrong, of others" {
	step hostile_peer signatures
}

@test "replayed messages" {
	step hostile_peer replays
}

@test "requests that lie or are malformed" {
	step hostile_peer requests
}

@test "Stores that may not be" {
	step hostile_peer stores
}

@test "Updates that tell of nodes that do not exist" {
	step hostile_peer lies
}

@test "10,000 messages a second over one link, while others fetch" {
	step hostile_peer flood
}

@test "paths: a hop that lies, is garbage, limits, or says nothing" {
	step hostile_peer pathtrack
}

@test "600 connections that say nothing" {
	step hostile_peer half_open
}

@test "1000 connections that are refused, and the log" {
	step hostile_peer refusals
}

@test "100 links with one certificate" {
	step hostile_peer links
}

@test "a link that is never read" {
	step hostile_peer deaf
}

@test "fragments: overlapping, contradicting, never completed" {
	step hostile_peer fragments
}

@test "a neighbour is killed while others store" {
	step hostile_peer neighbour
}

@test "control socket: broken lines, unknown methods, wrong types" {
	step control_hostile lines
}

@test "control socket: a line without an end" {
	step control_hostile oversized
}

@test "control socket: 1000 requests at a time" {
	step control_hostile many
}

@test "control socket: clients that never read" {
	step control_hostile deaf
}

@test "control socket: 100 connections with half a line" {
	step control_hostile crowd
}

@test "control socket: the read-only one refuses what writes" {
	step control_hostile read_only
}

@test "control socket: other users are refused" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	run --separate-stderr python3 "$HERE/control_hostile.py" stranger
	echo "$output $stderr"
	[ "$output" = refused ]
	for_others
	chmod o+rx lab/run
	chmod 666 lab/run/a2.sock # were the mode wrong, the agent would still ask who is there
	run python3 "$HERE/control_hostile.py" stranger
	chmod 600 lab/run/a2.sock
	echo "$output"
	[[ $output == *"own user and root"* ]]
	chmod 700 lab/run
	step hostile_peer calm
}

@test "a handshake of one byte at a time is thrown out in time" {
	step hostile_peer slow_end
}

@test "all agents end by themselves, without errors or leaks" {
	run python3 "$HERE/hostile_peer.py" stop
	echo "$output"
	[ "$status" -eq 0 ]
	: >ended
}

# -- files -----------------------------------------------------------------------------------------------------------------

# failed STATUS TEXT: the exit status, empty stdout, the error form, and TEXT in it.
failed() {
	echo "status $status, expected $1: $stderr"
	[ "$status" -eq "$1" ]
	[ -z "$output" ]
	[[ ${stderr_lines[0]} == "reload-agent: "* ]]
	[[ ${stderr_lines[1]} == "  why:  "?* ]]
	[ "${#stderr_lines[@]}" -le 3 ]
	[ "${#stderr_lines[@]}" -eq 2 ] || [[ ${stderr_lines[2]} == "  try:  "?* ]]
	[[ $stderr == *"$2"* ]]
}

A() {
	run --separate-stderr timeout -s KILL 60 reload-agent "$@"
}

# fresh: identity x, a copy of a good one.
fresh() {
	chmod -R u+rwX lab/etc/identity/x 2>/dev/null || true
	rm -rf lab/etc/identity/x
	cp -R lab/etc/identity/a1 lab/etc/identity/x
	X=lab/etc/identity/x
}

# bad FILE: run and check refuse identity x, naming FILE; then x is whole again.
bad() {
	A check -I x
	failed 10 "$1"
	A run -I x -l 127.0.0.1:0 --no-join
	failed 10 "$1"
	[ ! -e lab/run/x.sock ]
	fresh
}

@test "identity: files that are truncated, empty, of another kind, too large, no files" {
	fresh
	for file in cert.pem key.pem overlay.xml; do
		size=$(stat -c %s $X/$file)
		for cut in 1 $((size / 2)) $((size - 60)); do
			head -c $cut lab/etc/identity/a1/$file >$X/$file
			bad $file
		done
		: >$X/$file
		bad $file
		rm $X/$file
		bad $file
		rm $X/$file && mkdir $X/$file
		bad $file
		head -c 20000000 /dev/zero >$X/$file
		bad $file
		chance 3000 "$file" >$X/$file
		bad $file
		ln -sf /dev/null $X/$file
		bad $file
	done
	cp $X/key.pem $X/cert.pem
	bad cert.pem
	cp $X/cert.pem $X/key.pem
	bad key.pem
	cp $X/cert.pem $X/overlay.xml
	bad overlay.xml
	cp lab/etc/identity/mallory/key.pem $X/key.pem
	bad key.pem
	cp lab/etc/identity/mallory/cert.pem $X/cert.pem
	bad key.pem
	rm -r $X
	A check -I x
	failed 10 "x"
	A check -I ./no/such/dir
	failed 10 "no/such/dir"
	A check -I "../x y"
	[ "$status" -eq 10 ]
	A check -I "a b"
	failed 2 "a b"
}

@test "identity: forged, expired, of another overlay, revoked, of another Node-ID length" {
	fresh
	# R-11.1-45: a changed byte, a changed signature
	sed -i 's/<bad-node>/<bad-node> /' $X/overlay.xml
	bad overlay.xml
	sed -i 's/<signature>A/<signature>B/' $X/overlay.xml
	bad overlay.xml
	cp lab/etc/identity/eve/overlay.xml $X/overlay.xml
	bad .
	cp lab/etc/identity/eve/cert.pem lab/etc/identity/eve/key.pem $X
	bad other.example
	cp lab/etc/identity/old/cert.pem lab/etc/identity/old/key.pem $X
	bad cert.pem
	cp lab/etc/identity/banned/cert.pem lab/etc/identity/banned/key.pem $X
	bad cert.pem
	cp forged-self/cert.pem forged-self/key.pem $X
	bad cert.pem
	cp forged-short/cert.pem forged-short/key.pem $X
	bad cert.pem
	cp forged-noid/cert.pem forged-noid/key.pem $X
	bad cert.pem
	# an unsigned document that says what it likes: still within its rules
	unsigned() { sed '/<signature>/d; s/ sequence="1"/ sequence="2"/'"$1" lab/etc/identity/a1/overlay.xml >$X/overlay.xml; }
	unsigned ';s/<node-id-length>16/<node-id-length>20/'
	sed -i '/<required-kinds>/,/<\/required-kinds>/d' $X/overlay.xml
	bad .
	unsigned ';s/expiration="[^"]*"/expiration="2020-01-01T00:00:00Z"/'
	bad overlay.xml
	unsigned ';s/CHORD-RELOAD/OTHER-RING/'
	bad overlay.xml
	unsigned ';s/<configuration /<configuration x="/'
	bad overlay.xml
	unsigned ';s/instance-name="[^"]*"/instance-name="elsewhere.example"/'
	bad .
	A check -I a1 --config $BATS_FILE_TMPDIR/nothing.xml
	failed 10 nothing.xml
	A check -I a1 --config lab/etc/identity/eve/overlay.xml
	failed 10 .
}

@test "identity: files that may not be read" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	fresh
	for_others
	chmod o+x lab/etc lab/etc/identity
	chown -R 65534 lab/etc/identity/x
	cp "$(command -v reload-agent)" ./agent-copy && chmod 755 agent-copy
	for file in cert.pem key.pem overlay.xml; do
		chown 0 $X/$file && chmod 600 $X/$file
		run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups -- ./agent-copy check -I x
		failed 10 "$file"
		[[ $stderr == *"ermission denied"* ]]
		chown 65534 $X/$file
	done
	rm agent-copy
}

answers() {
	local got=0
	reload-agent status -a "$1" >/dev/null 2>&1 || got=$?
	[ $got -ne 3 ]
}

# wait_sock NAME: until the agent answers.
wait_sock() {
	until_true answers "$1"
}

# ends PID STATUS: the agent ends with it.
ends() {
	local got=0
	wait "$1" || got=$?
	pid=
	echo "ended with $got: $(cat x.log)"
	[ "$got" -eq "$2" ]
	[ -z "$(grep -E 'Sanitizer|runtime error' x.log)" ]
}

@test "run: names, ports and addresses that cannot be" {
	fresh
	reload-agent -I x -l 127.0.0.1:0 --first 2>x.log 3>&- &
	pid=$!
	wait_sock x
	A run -I x -l 127.0.0.1:0
	failed 7 x
	A run -I a0 --instance x -l 127.0.0.1:0
	failed 7 x
	port=$(reload-agent status -a x --json | jq -r '.listen[0]')
	A run -I x --instance y -l "$port"
	[ "$status" -ne 0 ]
	failed "$status" "$port"
	[ ! -e lab/run/y.sock ]
	for address in nonsense 127.0.0.1:99999 127.0.0.1:-1 '[::1' ':::' 1.2.3.4.5:1 127.0.0.1:80x '' ' '; do
		A run -I x --instance y -l "$address"
		failed 2 --listen
	done
	A run -I x --instance y -l 192.0.2.7:0
	failed "$status" 192.0.2.7
	A run -I x --instance ../y
	failed 2 instance
	A run -I x --instance y-ro # y-ro.sock is the one of y that only reads
	failed 2 y-ro
	A run -I x --instance y --role king
	failed 2 king
	A run -I x --instance y --store-limit much
	failed 2 much
	A run -I x --instance y --ready-fd x
	failed 2 ready-fd
	A run -I x --instance y --log-level loud -l 127.0.0.1:0
	failed 2 loud
	A run -I x --instance y --log-to /no/such/dir/log -l 127.0.0.1:0
	failed "$status" /no/such/dir/log
	[ "$status" -ne 0 ]
	A run -I x --instance "$(head -c 100 /dev/zero | tr '\0' n)"
	failed 2 nnn
	kill -TERM $pid
	ends $pid 0
}

@test "run: SIGINT once and twice, SIGTERM, SIGHUP, kill -9 and again" {
	fresh
	for signals in INT TERM "INT INT" "TERM INT TERM" "HUP TERM"; do
		(trap - INT; exec reload-agent -I x -l 127.0.0.1:0 --first 2>x.log 3>&-) &
		pid=$!
		wait_sock x
		for s in $signals; do kill -$s $pid 2>/dev/null || true; done
		ends $pid 0
		[ ! -e lab/run/x.sock ]
	done
	reload-agent -I x -l 127.0.0.1:0 --first 2>x.log 3>&- &
	pid=$!
	wait_sock x
	kill -KILL $pid
	ends $pid 137
	[ -e lab/run/x.sock ] # left over, and no obstacle
	reload-agent -I x -l 127.0.0.1:0 --first 2>x.log 3>&- &
	pid=$!
	wait_sock x
	kill -TERM $pid
	ends $pid 0
}

@test "run: closed descriptors, full disks, logs nobody takes" {
	fresh
	# the ready descriptor is closed: it would become one of the agent's own
	run --separate-stderr reload-agent -I x -l 127.0.0.1:0 --first --ready-fd 9 9>&-
	[ "$status" -eq 2 ]
	[[ $stderr == *'--ready-fd takes the number of an open descriptor'* ]]
	# it is a pipe that nobody reads
	reload-agent -I x -l 127.0.0.1:0 --first --ready-fd 9 2>x.log 3>&- 9> >(exit) &
	pid=$!
	wait_sock x
	kill -TERM $pid
	ends $pid 0
	# standard streams are closed
	reload-agent -I x -l 127.0.0.1:0 --first --log-to x.log <&- >&- 2>&- 3>&- &
	pid=$!
	wait_sock x
	kill -TERM $pid
	ends $pid 0
	# the log goes to a full disk, into a pipe that nobody reads
	reload-agent -I x -l 127.0.0.1:0 --first --log-to /dev/full --log-level debug 2>x.log 3>&- &
	pid=$!
	wait_sock x
	kill -TERM $pid
	ends $pid 0
	reload-agent -I x -l 127.0.0.1:0 --first --log-level debug 2> >(exit) 3>&- &
	pid=$!
	wait_sock x
	kill -TERM $pid
	ends $pid 0
}

@test "init and issue: a full disk and directories that cannot be written leave nothing behind" {
	# no file may grow above LIMIT blocks: the error form through a pipe, and a status that says no
	limited() {
		run bash -c 'ulimit -f "$1"; trap "" XFSZ; shift; reload-enroll "$@" 2>&1 | cat; exit "${PIPESTATUS[0]}"' limited "$@"
		echo "$output"
		[ "$status" -eq 1 ]
		[[ ${lines[0]} == "reload-enroll: $PWD/lab/etc/"*" cannot be written" || ${lines[0]} == "reload-enroll: the users in "*" cannot be used" ]]
		[[ ${lines[1]} == "  why:  "* ]]
		[[ ${lines[2]} == "  try:  "* ]]
	}
	# but for the files beside a database, which whoever opens it next uses
	tree() { find "$1" -type f ! -name 'accounts.db-*' -exec sha256sum {} + | sort; }
	before=$(tree lab/etc)
	for limit in 0 1; do
		limited $limit issue new@hostile.example --identity new
		[ "$(tree lab/etc)" = "$before" ]
		limited $limit init new.example
		[ "$(tree lab/etc)" = "$before" ]
		[ ! -e lab/etc/new.example ]
	done
	RELOAD_HOME=/proc/nowhere run --separate-stderr reload-enroll init new.example
	[ "$status" -ne 0 ]
	[[ $stderr == *"/proc/nowhere"* ]]
	[ -z "$(find lab -name '*.new' -o -name '*.old')" ]
}
