#!/usr/bin/env bats
# reload-agent status, stop, log, events, check, and the control socket itself.

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_ring
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	SOCK=lab/run/alice.sock
}

# ask SOCKET LINE...: each line is sent, all that comes back is printed.
ask() {
	local socket=$1
	shift
	python3 - "$socket" "$@" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
for line in sys.argv[2:]:
    s.sendall(line.encode() + b"\n")
s.shutdown(socket.SHUT_WR)
while True:
    data = s.recv(65536)
    if not data:
        break
    sys.stdout.write(data.decode())
PY
}

@test "status prints the four lines of the contract" {
	R reload-agent status -a alice
	ok
	alice=$(node_of alice)
	matches "${lines[0]}" "^alice  peer of calls.example  joined [0-9dhms]+   Node-ID $alice$"
	matches "${lines[1]}" "^ring   pred [0-9a-f]{8}  self ${alice:0:8}  succ [0-9a-f]{8}   about 3 peers   updates every 10m$"
	matches "${lines[2]}" '^links  2 up \(TLS 2, DTLS 0\)   stored [0-9]+ values?, [0-9.]+K? of 64M$'
	matches "${lines[3]}" '^until  certificate [0-9-]{10} \([0-9]+ days\)   configuration sequence 1, [0-9-]{10}$'
	[ "${#lines[@]}" -eq 4 ]
}

@test "status --links has a line a link, with the type, the other end and how it is" {
	R reload-agent status -a alice --links
	ok
	matches "${lines[2]}" '^links  2 up \(TLS 2, DTLS 0\)'
	[ "${#lines[@]}" -eq 6 ]
	bob=$(node_of bob)
	matches "$(grep "^${bob:0:8} " <<<"$output")" "^${bob:0:8} bob@calls.example  (incoming|outgoing)  TLS-TCP-FH-NO-ICE TLSv1.3 \
TLS_[A-Z0-9_]+  127.0.0.1:[0-9]+  host  rtt [0-9.]+ ms  RTO [0-9]+ ms  queued [0-9]+  unacked [0-9]+  good  up [0-9dhms]+$"
	R reload-agent status -a alice --links -j
	ok
	jq -e --arg bob "$bob" '.links.list | length == 2 and (map(select(.node_id == $bob))[0] |
		.user == "bob@calls.example" and .link_type == "TLS-TCP-FH-NO-ICE" and .path == "host" and .good and
		.datagrams == null and (.since | endswith("Z")) and .rto_ms > 0)' <<<"$output"
	R reload-agent status -a alice -j
	jq -e '.links.list == null' <<<"$output"
}

@test "status as JSON has the keys of its schema" {
	R reload-agent status -a alice -j
	ok
	same_schema reload-agent status
	jq -e '(.counters.received | tonumber) > 0 and .links.up == 2 and (.listen | length) == 1 and
		.estimated_peers == 3 and .about_peers == 3' <<<"$output"
	# the former names of counters
	jq -e '.counters | .drop_repeat == .requests_duplicate and
		(.refused_forbidden | tonumber) == (.errors_forbidden | tonumber) + (.drop_no_node_id | tonumber)' <<<"$output"
}

@test "status --wait waits for a state, and gives up in time" {
	R reload-agent status -a alice --wait joined
	ok
	R reload-agent status -a alice --wait isolated -t 2s
	failed 4 'alice is not isolated'
	[ "${stderr_lines[2]}" = '  try:  reload-agent status -a alice, or a longer --timeout' ]
	R reload-agent status -a alice --wait sleeping
	failed 2 state
	R reload-agent status -a nobody
	failed 3 nobody.sock
	[ "${stderr_lines[2]}" = '  try:  reload-agent -I nobody' ]
	R reload-agent status -a "$PWD/lab/run/nobody.sock"
	[ "${stderr_lines[2]}" = '  try:  reload-agent -I nobody' ]
	R reload-agent status -a nobody --wait joined -t 300ms
	failed 3 nobody.sock
}

@test "several agents and none named: the list" {
	R reload-agent status
	failed 2 several
	matches "$stderr" 'alice, bob, carol'
	RELOAD_AGENT=bob R reload-agent status
	ok
	matches "$output" '^bob '
	R reload-agent status -a "$PWD/lab/run/bob.sock"
	ok
}

@test "the limit holds when the agent hangs" {
	kill -STOP "$(cat lab/bob.pid)"
	before=$SECONDS
	R reload-fetch -a bob -k 16 alice@calls.example -t 1s
	kill -CONT "$(cat lab/bob.pid)"
	failed 4 'no answer in time'
	[ "${stderr_lines[2]}" = '  try:  reload-agent status -a bob, or a longer --timeout' ]
	[ $((SECONDS - before)) -le 8 ] # the limit without an option is 15 s
	kill -STOP "$(cat lab/bob.pid)"
	R reload-ping -a bob -c 1 -W 500ms self
	kill -CONT "$(cat lab/bob.pid)"
	[ "$status" -eq 4 ]
	R reload-agent status -a bob
	ok
}

@test "log levels are told, set and refused" {
	R reload-agent log -a carol
	ok
	[ "$output" = info ]
	R reload-agent log -a carol warn,link=debug
	ok
	[ "$output" = warn,link=debug ]
	R reload-agent log -a carol loud
	failed 2 loud
	R reload-agent log -a carol info,nosuch=debug
	failed 2 nosuch
	R reload-agent log -a carol
	[ "$output" = warn,link=debug ]
	R reload-agent log -a carol info
	[ "$output" = info ]
	R reload-agent log -a carol --tail 3
	ok
	[ "${#lines[@]}" -eq 3 ]
	matches "${lines[0]}" '^20[0-9-]+T[0-9:.]+Z (debug|info |warn |error) [a-z]+: '
}

@test "events stream until they are stopped, and end with a summary" {
	reload-agent events -a alice -v -j >events.json 3>&- &
	pid=$!
	pinged() {
		reload-ping -a bob -c 1 "node:$(node_of alice)" -q >/dev/null
		[ -s events.json ]
	}
	until_true pinged
	kill -INT $pid
	wait $pid
	[ "$(tail -1 events.json | jq -r .type)" = summary ]
	head -1 events.json | jq -e '.type | test("^[a-z_]+$")'
	R reload-agent events -a alice --type nosuch -t 1s
	failed 2 nosuch
	R reload-agent events -a alice --type state -t 2s
	ok
}

@test "events: a type may be asked for by the name it had before" {
	reload-agent events -a alice -j --type tables --type config_behind --type kept_superseded >events.json 3>&- &
	pid=$!
	changed() {
		reload-join --leave -a carol -q && reload-join -a carol -q
		grep -q '"type":"routing_changed"' events.json
	}
	until_true changed
	kill -INT $pid
	wait $pid
	[ "$(jq -r .type events.json | sort -u | tr '\n' ' ')" = 'routing_changed summary ' ]
}

@test "events: details for debugging only for those who ask" {
	types() { # OPTIONS: the types that are told while somebody pings alice until there is one
		reload-agent events -a alice -j "$@" >events.json 3>&- &
		pid=$!
		told() {
			reload-ping -a bob -c 1 "node:$(node_of alice)" -q >/dev/null
			reload-join --leave -a carol -q && reload-join -a carol -q
			grep -q '"level":"\(info\|debug\)"' events.json
		}
		until_true told
		kill -INT $pid
		wait $pid
		grep -v '"summary"' events.json | jq -r .level | sort -u | tr '\n' ' '
	}
	[[ $(types) =~ ^(info )(warn )?$ ]]
	[[ $(types -v) =~ debug ]]
	[ "$(types --type received)" = 'debug ' ]
}

@test "check reads everything and starts nothing" {
	R reload-agent check -I alice
	ok
	matches "$output" "Node-ID $(node_of alice)"
	matches "$output" $'\nruns    already: run would end with exit 7; reload-agent refresh -a alice takes what is new'
	R reload-agent check -I alice --json
	ok
	jq -e .running <<<"$output"
	same_schema reload-agent check
	R reload-agent check -I alice --instance other
	ok
	[[ $output != *already* ]]
	R reload-agent check -I nobody
	failed 10 nobody
}

@test "settings are printed one a line" {
	R reload-agent --print-config -I alice
	ok
	matches "${lines[0]}" '^identity +alice +option$'
	matches "$output" $'\nlog-level +info +default'
	# all that run can be told, whether or not it was, in the order of --help; --print-config is no setting
	R reload-agent --print-config -I alice -l 127.0.0.1:1 -l 127.0.0.1:2 --first
	[ "$(awk '{ print $1 }' <<<"$output" | uniq)" = "$(reload-agent run --help |
		sed -n '/^Options of run/,/^Common/s/^ .* --\([a-z-]*\) .*/\1/p' | grep -v print-config)" ]
	[ "$(grep -c '^listen ' <<<"$output")" -eq 2 ]
	matches "$output" $'\nfirst +true +option\n'
	matches "$output" $'\nno-join +false +default\n'
	matches "$output" $'\nbootstrap +- +default\n'
	RELOAD_LOG=debug R reload-agent --print-config -j
	jq -e '.settings | any(.key == "log-level" and .value == "debug" and .origin == "environment") and
		any(.key == "store-path" and .value == null and .origin == "default")' <<<"$output"
	mkdir -p "$BATS_TEST_TMPDIR/other/etc" && echo 'print-config = true' >"$BATS_TEST_TMPDIR/other/etc/agent.conf"
	RELOAD_HOME=$BATS_TEST_TMPDIR/other R reload-agent --print-config
	failed 2 agent.conf
	matches "$stderr" 'no such setting: print-config'
}

@test "a subcommand that does not exist names the nearest" {
	R reload-agent statsu -a alice
	failed 2 'no subcommand statsu'
	[ "${stderr_lines[2]}" = '  try:  reload-agent status' ]
}

@test "an identity that is missing: the one that is like it, or how it is made" {
	R reload-agent check -I alcie
	failed 10 'alcie/cert.pem cannot be read'
	[ "${stderr_lines[2]}" = '  try:  --identity alice' ]
	R reload-agent check -I somebody
	failed 10 'somebody/cert.pem cannot be read'
	[ "${stderr_lines[2]}" = '  try:  reload-enroll issue USER@OVERLAY --identity somebody' ]
	# R-11.3-01: nobody joins an overlay with an enrollment-server without credentials
	reload-enroll init enrolled.example --enrollment-server https://enroll.example/ -q
	document=$(find lab/etc -path '*enrolled.example*' -name '*.xml')
	R reload-agent -I nobody --config "$document" -l 127.0.0.1:0
	failed 10 'nobody/cert.pem cannot be read'
	# R-11.2-10: without a configuration server the document is handed over as a file
	cp "$(find lab/etc -path '*calls.example*' -name '*.xml')" handed-over.xml
	R reload-agent check -I alice --config handed-over.xml
	[ "$status" -eq 0 ]
}

@test "a port that is taken is told as such" {
	R reload-agent -I alice --instance other -l "127.0.0.1:$PORT"
	[ "$status" -eq 1 ]
	matches "$stderr" "cannot listen on 127.0.0.1:$PORT"
	matches "$stderr" 'why:  TCP port: Address already in use'
	matches "$stderr" 'try:  another address or port'
}

@test "stop --dry-run stops nothing and has the form of its schema" {
	R reload-agent stop -n -a alice
	ok
	[ "$output" = 'would stop the agent' ]
	R reload-agent stop -n -j -a alice
	ok
	same_schema reload-agent stop
	[ "$(jq -r .state <<<"$output")" = joined ]
}

@test "errors of the agent and of the program have the same keys" {
	keys='["code","generation","name","reason","reload_error","reload_error_name","retry","transaction","try","values","what","why"]'
	for c in "status -a nobody" "status --frob" "events --type frob -a alice"; do
		[ "$(reload-agent $c -j | jq -c '.error | keys')" = "$keys" ]
	done
	[ "$(reload-agent status --json-schema | jq -c '.oneOf[-1].properties.error.properties | keys')" = "$keys" ]
	[ "$(RELOAD_FORMAT=json reload-agent status --frob | jq -r .error.name)" = usage ]
}

@test "an instance that runs cannot be started twice" {
	R timeout 10 reload-agent -I alice -l 127.0.0.1:0 --no-join
	[ "$status" -eq 7 ]
}

@test "sockets are private, the reading one changes nothing" {
	[ "$(stat -c %a "$SOCK")" = 600 ]
	[ "$(stat -c %a lab/run/alice-ro.sock)" = 600 ]
	run ask lab/run/alice-ro.sock '{"jsonrpc":"2.0","id":1,"method":"agent.stop"}' '{"jsonrpc":"2.0","id":2,"method":"agent.status"}'
	[ "$(sed -n 1p <<<"$output" | jq .error.code)" = -32023 ]
	[ "$(sed -n 2p <<<"$output" | jq -r .result.state)" = joined ]
	R reload-agent status -a "$PWD/lab/run/alice-ro.sock"
	ok
}

@test "broken requests get errors, and the agent lives" {
	run ask "$SOCK" 'nonsense' '[]' '{}' '{"jsonrpc":"2.0","id":1,"method":"no.such"}' \
		'{"jsonrpc":"2.0","id":2,"method":"overlay.ping","params":{"target":5}}' \
		'{"jsonrpc":"2.0","id":3,"method":"overlay.ping","params":{"target":"self","x":1}}' \
		'{"jsonrpc":"2.0","id":4,"id":5,"method":"overlay.ping"}'
	[ "$(jq .error.code <<<"$output" | paste -sd ' ')" = "-32700 -32600 -32600 -32601 -32602 -32602 -32700" ]
	head -c 3000000 /dev/zero | tr '\0' 'x' | timeout 10 python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
try: s.sendall(sys.stdin.buffer.read())
except BrokenPipeError: pass' "$SOCK"
	R reload-agent status -a alice
	ok
}

@test "every method of the table is in reload-control(7), with its parameters" {
	run ask "$SOCK" '{"jsonrpc":"2.0","id":1,"method":"rpc.methods"}'
	page=$(mandoc -T utf8 -O width=200 "$BATS_TEST_DIRNAME/../../man/reload-control.7" | col -bx)
	for m in $(jq -r '.result.methods[] | .method, ((.params.properties // {}) | keys[])' <<<"$output"); do
		grep -q "^ *$m\( \|$\)" <<<"$page" || { echo "reload-control(7) lacks $m"; return 1; }
	done
}

@test "program and agent agree on a version of the protocol, or say that there is none" {
	run ask "$SOCK" '{"jsonrpc":"2.0","id":1,"method":"rpc.negotiate","params":{"versions":[7,1,2]}}'
	[ "$(jq .result.protocol <<<"$output")" = 1 ]
	run ask "$SOCK" '{"jsonrpc":"2.0","id":1,"method":"rpc.negotiate","params":{"versions":[2,3]}}'
	[ "$(jq -r .error.data.name <<<"$output")" = agent ]
	matches "$(jq -r .error.data.why <<<"$output")" 'speaks version 1'
	R reload-shell -a alice -c 'call rpc.negotiate '\''{"versions":[2]}'\'''
	failed 3 'no version of the control protocol in common'
	# a program of this release says so when an agent answers in another protocol
	python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.bind("lab/run/future.sock")
s.listen()
while True:
    one = s.accept()[0]
    if one.recv(9999):
        one.sendall(b"HELLO 2\n")
    one.close()' 3>&- &
	echo $! >lab/future.pid
	until_true [ -S lab/run/future.sock ]
	R reload-agent status -a future
	[ "$status" -ne 0 ]
	matches "$stderr" 'something else than version 1 of the protocol'
	kill "$(cat lab/future.pid)"
	rm lab/future.pid lab/run/future.sock
}

@test "other programs of the socket: kinds, nodes, settings" {
	run ask "$SOCK" '{"jsonrpc":"2.0","id":1,"method":"config.kinds"}' '{"jsonrpc":"2.0","id":2,"method":"node.list"}' \
		'{"jsonrpc":"2.0","id":3,"method":"agent.config"}'
	[ "$(jq -r 'select(.id == 1) | .result.kinds[] | select(.kind_id == 4026531842) | .data_model' <<<"$output")" = ARRAY ]
	[ "$(jq -r 'select(.id == 2) | .result.nodes | length' <<<"$output")" = 3 ]
	[ "$(jq -r 'select(.id == 3) | .result.settings[] | select(.key == "first") | .origin' <<<"$output")" = option ]
	RELOAD_AGENT=alice run reload-fetch --complete --kind ''
	matches "$output" '0xf0000001'
}

@test "stop ends the process; its socket and place are free again" {
	pid=$(cat lab/carol.pid)
	R reload-agent stop -a carol
	ok
	[ -z "$output" ]
	gone "$pid"
	[ ! -e lab/run/carol.sock ]
	R reload-agent stop -a carol
	failed 3 carol.sock
	R reload-agent status -a carol --wait stopped
	[ "$status" -eq 0 ]
	lab_start carol -l 127.0.0.1:0
	# attempts to join are repeated after growing pauses
	R reload-agent status -a carol --wait joined -t 60
	ok
}

# fake NAME CASE: an agent that is not one, its requests in fake.NAME; FAKE is its process.
fake() {
	python3 "$BATS_TEST_DIRNAME/fake_agent.py" "lab/run/$1.sock" "$2" >"fake.$1" 2>&1 3>&- &
	FAKE=$!
	echo $FAKE >lab/fake.pid
	until_true [ -S "lab/run/$1.sock" ]
}

@test "status names in words that a node is isolated, and what has expired" {
	reload-agent status -a alice -j | jq '.state = "isolated" | .certificate_until = "2026-01-01T00:00:00.000Z" |
		.configuration_until = "2026-01-02T00:00:00.000Z"' >status.json
	fake ill status:status.json
	R reload-agent status -a ill
	[ "$status" -eq 9 ]
	matches "$output" $'\nstate  isolated: it was joined, and no neighbour answers now'
	matches "$output" $'\nuntil  certificate 2026-01-01 \\(expired: the node is out of the overlay\\)'
	matches "$output" ', 2026-01-02 \(expired\)'
	wait $FAKE
	rm -f lab/run/ill.sock
}

@test "an agent of another protocol is called that, whatever it did not understand" {
	fake strange newer
	for command in 'reload-agent status' 'reload-ping self'; do
		# shellcheck disable=SC2086
		R $command -a strange
		[ "$status" -eq 3 ]
		matches "$stderr" "why:  this agent speaks version 9, not \\[1\\]"
		matches "$stderr" 'try:  a program of the same release'
		wait $FAKE || true
		rm -f lab/run/strange.sock
		fake strange newer
	done
	# what is wrong by itself stays that
	R reload-ping -a alice 'node:zz'
	[ "$status" -eq 2 ]
	[[ $stderr != *version* ]]
	kill $FAKE
	wait $FAKE || true
	rm -f lab/run/strange.sock
}

@test "a session of examples/ that fails leaves no agent behind" {
	mkdir -p failing && cd failing
	cat >session.sh <<'EOS'
. "$EXAMPLES/session.bash"
begin
session 0 '^created overlay' "reload-enroll init calls.example --bootstrap 127.0.0.1:$port"
session 0 '' 'reload-enroll issue alice@calls.example --identity alice -q'
agent alice -l "127.0.0.1:$port" --first
session 0 joined 'reload-agent status -a alice --wait joined'
echo "${pids[alice]}" >pid
kill -STOP "${pids[alice]}"
session 0 '' false
EOS
	EXAMPLES=$BATS_TEST_DIRNAME/../../examples R bash session.sh
	[ "$status" -eq 1 ]
	gone "$(cat pid)"
	grep -q 'stopping on signal 15' lab/alice.log # it was told, and has left
}

@test "waiting goes on with the next agent when this one ends before it answers" {
	reload-agent stop -a carol -q
	for how in deaf quits; do
		fake carol $how
		reload-agent status -a carol --wait joined -t 60s >waited 2>&1 3>&- &
		waiting=$!
		wait $FAKE
		lab_start carol -l 127.0.0.1:0
		wait $waiting || { cat waited; return 1; }
		matches "$(head -1 waited)" '^carol  peer of calls.example  joined '
		reload-agent stop -a carol -q
	done
	fake carol deaf # a join that nobody has read
	reload-join -a carol -t 60s >waited 2>&1 3>&- &
	waiting=$!
	wait $FAKE
	lab_start carol -l 127.0.0.1:0 --no-join
	wait $waiting || { cat waited; return 1; }
	matches "$(cat waited)" '^joined calls.example as peer '
}

@test "waiting for another agent ends in time; what may have had an effect is not asked twice" {
	fake dave deaf
	R reload-agent status -a dave --wait joined -t 400ms
	failed 3 dave.sock
	fake dave quits
	R reload-join -a dave -t 20s
	failed 3 'the agent is gone'
	[ "${stderr_lines[2]}" = '  try:  reload-agent status -a dave' ]
	[ "$(jq -r .method fake.dave)" = overlay.join ]
	fake dave deaf
	R reload-agent status -a dave -t 20s # nobody said to wait
	failed 3 'the agent is gone'
}

@test "an agent that answers nothing any more is not stopped before its process has ended" {
	fake dave ending
	R reload-agent status -a dave --wait stopped -t 300ms
	failed 4 'the agent is still there'
	reload-agent status -a dave --wait stopped -t 20s >waited 2>&1 3>&- &
	waiting=$!
	holds_a_process() { ls -l /proc/$waiting/fd | grep -q '\[pidfd\]'; }
	until_true holds_a_process # the connection was closed: what is left is to wait for the end
	kill -0 $waiting
	kill -KILL $FAKE
	wait $waiting
	rm lab/run/dave.sock
}

@test "a signal is an orderly end from the first sight of the agent on" {
	reload-agent stop -a carol -q
	rm -f lab/run/carol.sock
	reload-agent -I carol -l 127.0.0.1:0 2>lab/carol.log &
	pid=$!
	until_true [ -S lab/run/carol.sock ]
	kill -TERM $pid
	wait $pid
	[ ! -e lab/run/carol.sock ]
	lab_start carol -l 127.0.0.1:0
	R reload-agent status -a carol --wait joined
	ok
}

@test "SIGTERM is a leave; what SIGKILL leaves behind is replaced" {
	kill -TERM "$(cat lab/carol.pid)"
	R reload-agent status -a carol --wait stopped
	[ "$status" -eq 0 ]
	gone "$(cat lab/carol.pid)"
	lab_start carol -l 127.0.0.1:0 --no-join
	reload-agent status -a carol --wait enrolled >/dev/null
	kill -KILL "$(cat lab/carol.pid)"
	R reload-agent status -a carol --wait stopped
	[ -e lab/run/carol.sock ]
	until_true gone "$(cat lab/carol.pid)"
	lab_start carol -l 127.0.0.1:0
	R reload-agent status -a carol --wait joined
	ok
}
