#!/usr/bin/env bats
# The units of systemd: what they say, and that their programs run as they say.

load lab

setup_file() {
	lab_begin
	lab_overlay
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls-key.pem -out tls-cert.pem -subj /CN=localhost -days 9 2>/dev/null
	make --no-print-directory -s -C "$BATS_TEST_DIRNAME/../.." -o programs install MODE=release O="$RELOAD_BIN" PREFIX="$PWD/root" >put.log 2>&1 3>&-
	mkdir -p sys/etc/default sys/var/lib sys/run
	cp -r lab/etc sys/etc/reload
	mkdir sys/var/lib/reload-enroll && cp -r lab/etc sys/var/lib/reload-enroll/etc
	export PORT UNITS=$PWD/root/lib/systemd/system SOURCE=$BATS_TEST_DIRNAME/../..
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	export RELOAD_AGENT=$PWD/sys/run/reload/alice.sock
}

# strace passes no signal on to what it runs
teardown() {
	local file pid
	for file in "$BATS_FILE_TMPDIR"/*.pid; do
		[ -f "$file" ] || continue
		pid=$(cat "$file")
		case $file in
		*.strace.pid) pid=$(pgrep -P "$pid") || pid= ;;
		esac
		[ -z "$pid" ] || { kill "$pid" 2>/dev/null && until_true gone "$pid"; } || true
		rm "$file"
	done
}

# manage NAME UNIT [INSTANCE]: starts the program of the unit in the background, as NAME, with a watchdog of a second; its system calls in NAME.calls, what
# it tells its manager in NAME.told
manage() {
	python3 "$BATS_TEST_DIRNAME/notified.py" "$1.notify" >"$1.told" 3>&- &
	echo $! >"$1.manager.pid"
	until_true test -S "$1.notify"
	NOTIFY_SOCKET=$PWD/$1.notify WATCHDOG_USEC=1000000 CREDENTIALS_DIRECTORY=$PWD \
		strace -f -qq -o "$1.calls" python3 "$BATS_TEST_DIRNAME/units.py" run "$UNITS/$2" "${3:-}" "$PWD/sys" >"$1.out" 2>"$1.err" 3>&- &
	echo $! >"$1.strace.pid"
}

# ends NAME UNIT: it is asked to end, as a manager does, says so, and its calls were all let through
ends() {
	local pid
	pid=$(pgrep -P "$(cat "$1.strace.pid")")
	kill "$pid"
	until_true gone "$pid"
	until_true grep -q '^STOPPING=1' "$1.told"
	sed -n '/execve(".*bin.reload-/,$p' "$1.calls" >"$1.own"
	python3 "$BATS_TEST_DIRNAME/units.py" outside "$UNITS/$2" "$1.own" >"$1.outside"
	[ ! -s "$1.outside" ] || { cat "$1.outside"; return 1; }
}

fed() {
	[ "$(grep -cx 'WATCHDOG=1' "$1.told")" -ge 3 ]
}

@test "systemd takes the units, and finds their exposure to be 1.3 at most" {
	local unit
	for unit in "$UNITS"/*; do
		R systemd-analyze verify --man=no "$unit"
		[ "$status" -eq 0 ] || { echo "$output $stderr"; return 1; }
		[ -z "$output$stderr" ] || { echo "$output $stderr"; return 1; }
	done
	for unit in "$UNITS"/*.service; do
		R systemd-analyze security --offline=yes --no-pager --threshold=13 "$unit"
		[ "$status" -eq 0 ] || { echo "$output"; return 1; }
		grep -q 'Overall exposure' <<<"$output"
	done
	[ "$(find "$UNITS" -name '*.service' | wc -l)" -eq 4 ]
	# the sockets that systemd opens are those of the agent, which runs as the same user and group
	for name in User Group; do
		[ "$(sed -n "s/^Socket$name=//p" "$UNITS/reload-agent@.socket")" = "$(sed -n "s/^$name=//p" "$UNITS/reload-agent@.service")" ]
	done
	# a unit that is not so is seen
	sed '/^ProtectSystem/d; /^PrivateUsers/d' "$UNITS/reload-agent@.service" >open@.service
	R systemd-analyze security --offline=yes --no-pager --threshold=13 "$PWD/open@.service"
	[ "$status" -ne 0 ]
	# both users of the units are made, and no other
	[ "$(sed -n 's/^u \([^ ]*\) .*/\1/p' root/lib/sysusers.d/*.conf | sort)" = "$(sed -n 's/^User=//p' "$UNITS"/*.service | sort -u)" ]
}

@test "the units of the node, of its devices and of its certificate do their work with the calls that they let through" {
	echo "OPTIONS=--listen 127.0.0.1:$PORT --first" >sys/etc/default/reload-agent-alice
	echo "OPTIONS=--listen udp:127.0.0.1:0 --listen tcp:127.0.0.1:0 --users $PWD/sys/users" >sys/etc/default/reload-sip-adapter-alice
	reload-sip-adapter passwd sys/users alice@calls.example --password-file - -q <<<secret
	manage alice reload-agent@.service alice
	until_true grep -qx 'READY=1' alice.told
	R reload-agent status -q
	ok
	R reload-store -k 0xf0000001 alice@calls.example here -q
	ok
	[ -f sys/var/lib/reload/alice/store.db ]
	# cli.md 2: mode 0660 and a group for the system service
	[ "$(stat -c %a sys/run/reload/alice.sock)" = 660 ]
	[ "$(stat -c %a sys/run/reload/alice-ro.sock)" = 660 ]
	manage devices reload-sip-adapter@.service alice
	until_true grep -qx 'READY=1' devices.told
	R python3 "$BATS_TEST_DIRNAME/units.py" run "$UNITS/reload-renew@.service" alice "$PWD/sys"
	ok
	matches "$output" 'not needed'
	R reload-agent refresh -q
	ok
	until_true fed alice
	until_true fed devices
	ends devices reload-sip-adapter@.service
	ends alice reload-agent@.service
}

@test "a socket unit starts the node when a program connects, again when it has ended, and keeps who waits" {
	local socket=$PWD/sys/run/reload/bob.sock pid
	export RELOAD_AGENT=$socket
	mkdir -p sys/run/reload
	echo "OPTIONS=--listen 127.0.0.1:0 --no-join --log-to $PWD/sys/bob.log" >sys/etc/default/reload-agent-bob
	python3 "$BATS_TEST_DIRNAME/units.py" activate "$UNITS/reload-agent@.socket" "$UNITS/reload-agent@.service" bob "$PWD/sys" >bob.out 2>&1 3>&- &
	echo $! >bob.pid
	until_true [ -S sys/run/reload/bob-ro.sock ]
	# whoever connects is answered, although nothing ran
	R reload-agent status -j
	[ "$(jq -r .instance <<<"$output")" = bob ]
	pid=$(jq .pid <<<"$output")
	[ "$(stat -c %a "$socket")" = 660 ]
	# logrotate puts the log aside, and the node opens it anew
	sed "s,/var/log/reload/\*.log,$PWD/sys/bob.log,; /^\tsu /d; s,systemctl reload .*,reload-agent refresh -a $socket -q," "$SOURCE/units/logrotate.conf" >logrotate.conf
	R logrotate -f -s "$PWD/logrotate.state" logrotate.conf
	ok
	[ -s sys/bob.log.1 ]
	until_true grep -q . sys/bob.log
	R reload-agent stop
	[ "$status" -eq 0 ]
	gone "$pid"
	[ -S "$socket" ]
	R reload-agent status -j -a "${socket%.sock}-ro.sock"
	[ "$(jq -r .instance <<<"$output")" = bob ]
	[ "$(jq .pid <<<"$output")" != "$pid" ]
	# what is no control socket of it is refused, and named
	R python3 -c '
import os, socket, sys
s = socket.socket()
s.listen()
os.dup2(s.fileno(), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), RELOAD_HOME=sys.argv[1])
os.execvp("reload-agent", ["reload-agent", "-I", "carol", "--no-join", "-l", "127.0.0.1:0", "-q"])' "$PWD/lab"
	failed 2 'socket 3 of the service manager cannot be used'
	matches "${stderr_lines[1]}" 'it is no Unix socket'
	R reload-agent stop
	[ "$status" -eq 0 ]
	until_true gone "$(cat bob.pid)"
	rm bob.pid
}

@test "the unit of the enrollment server serves the authority of its own place, with the TLS key of its credentials" {
	echo 'OPTIONS=--listen 127.0.0.1:0' >sys/etc/default/reload-enroll-serve
	manage server reload-enroll-serve.service
	until_true grep -qx 'READY=1' server.told
	url=$(sed -n 's/.* at \(https:[^ ]*\)$/\1/p' server.out)
	curl -sk "$url/.well-known/reload-config" | grep -q 'instance-name="calls.example"'
	until_true fed server
	ends server reload-enroll-serve.service
	grep -q '^issued 0' server.out
}

@test "a unit whose credential, identity or options are missing says which" {
	echo 'OPTIONS=--listen 127.0.0.1:0' >sys/etc/default/reload-enroll-serve
	mkdir -p nothing
	R env CREDENTIALS_DIRECTORY="$PWD/nothing" python3 "$BATS_TEST_DIRNAME/units.py" run "$UNITS/reload-enroll-serve.service" "" "$PWD/sys"
	failed "$status" 'tls-cert.pem'
	R env CREDENTIALS_DIRECTORY="$PWD" python3 "$BATS_TEST_DIRNAME/units.py" run "$UNITS/reload-agent@.service" nobody "$PWD/sys"
	failed 10 nobody
	rm -f sys/etc/default/reload-sip-adapter-alice
	R python3 "$BATS_TEST_DIRNAME/units.py" run "$UNITS/reload-sip-adapter@.service" alice "$PWD/sys"
	[ "$status" -ne 0 ]
	matches "$stderr" 'reload-sip-adapter-alice is missing'
}
