#!/usr/bin/env bats
# What an agent does in an overlay with ICE that no network of its own is needed for.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init ice.example --ice --bootstrap "127.0.0.1:$PORT" >/dev/null
	reload-enroll init plain.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	for u in alice bob carol; do
		reload-enroll issue "$u@ice.example" --identity "$u" >/dev/null
	done
	reload-enroll issue dave@plain.example --identity dave >/dev/null
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

maps() { # NAME: the libraries of the agent
	cat "/proc/$(cat "lab/$1.pid")/maps"
}

@test "three agents on loopback are a ring, with links by ICE" {
	lab_start alice -l "127.0.0.1:$PORT" --first
	lab_start bob -l 127.0.0.1:0 --no-join
	lab_start carol -l 127.0.0.1:0 --no-join
	reload-join -a alice -q
	reload-join -a bob -q
	reload-join -a carol -q
	lab_whole alice bob carol
	R reload-agent status -a carol --links -j
	ok
	# R-6.5.1.5-02: all but the link to the bootstrap node are made by ICE, and all go straight
	jq -e --arg bob "$(node_of bob)" '.links.list | any(.node_id == $bob and .link_type == "DTLS-UDP-SR" and .path == "host" and .relay == null)' <<<"$output"
	jq -e '.links.paths == {host: 2, reflexive: 0, relayed: 0} and .nat == "no NAT"' <<<"$output"
	R reload-agent status -a carol
	matches "$output" 'links  2 up \(TLS 1, DTLS 1\) \(host 2, reflexive 0, relayed 0\)'
	matches "$output" 'nat    no NAT'
	R reload-ping -a carol -c 1 "node:$(node_of bob)"
	ok
}

# D13
@test "reload-diag nat measures with a socket of its own, and leaves none" {
	sockets() {
		find "/proc/$(cat lab/carol.pid)/fd" -lname 'socket:*' | wc -l
	}
	before=$(sockets)
	for _ in {1..10}; do
		R reload-diag nat -a carol -j
		ok
		jq -e --arg at "127.0.0.1:$PORT" '.mapping == "no NAT" and (.relay_needed | not) and
			(.servers | any(.type == "STUN" and .address == $at and (.seen | startswith("127.0.0.1:")))) and
			(.candidates | any(.type == "host" and .left_out == null))' <<<"$output"
		# what was measured is what it says
		jq -e '(.socket | split(":") | last) == (.seen | split(":") | last)' <<<"$output"
	done
	[ "$(sockets)" = "$before" ]
	R reload-diag nat -a carol
	ok
	matches "${lines[0]}" '^mapping    no NAT$'
	matches "$output" 'measured   a socket of the agent for this alone, 0\.0\.0\.0:[0-9]+, closed again'
	matches "$output" "asked      STUN 127\.0\.0\.1:$PORT  sees 127\.0\.0\.1:"
}

@test "an agent of an overlay without ICE needs no libnice, and refuses the options of ICE" {
	lab_start dave -l 127.0.0.1:0 --no-join
	reload-agent status -a dave --wait enrolled -q >/dev/null
	maps alice | grep -q libnice
	run ! grep -q 'libnice\|reload-ice' <(maps dave)
	R reload-diag nat -a dave
	[ "$status" -eq 1 ]
	matches "$stderr" 'plain.example has links without ICE alone'
	reload-agent status -a dave -j | jq -e '.nat == null and .links.paths == null'
	reload-agent stop -a dave
	echo 0123456789abcdef >secret
	for option in '--relay-only' '--turn-credentials secret' '--turn-server turn:192.0.2.1'; do
		R reload-agent check -I dave $option
		[ "$status" -eq 2 ]
		matches "$stderr" 'plain.example has links without ICE alone'
	done
}

@test "without the plug-in, or without its library, an agent of an overlay with ICE says what is missing" {
	mkdir -p alone
	cp "$(command -v reload-agent)" alone/
	R alone/reload-agent -I alice --instance lonely -l 127.0.0.1:0 --no-join
	[ "$status" -eq 1 ]
	matches "$stderr" 'reload-ice.so'
	matches "$stderr" 'try:  make install'
	echo 'int none;' | cc -shared -fPIC -x c -o alone/reload-ice.so - 2>/dev/null || skip "no compiler"
	R alone/reload-agent -I alice --instance lonely -l 127.0.0.1:0 --no-join
	[ "$status" -eq 1 ]
	matches "$stderr" 'the ICE plug-in cannot be opened'
	matches "$stderr" 'try:  apt-get install libnice10'
}

@test "what --turn-server, --turn-credentials and --relay-only take" {
	for url in turn: stun:192.0.2.1 turn:192.0.2.1:0 turn:192.0.2.1?transport=sctp 'turn:192.0.2.1?x=1' 192.0.2.1 turn:0.0.0.0 turn:224.0.0.1; do
		R reload-agent check -I alice --turn-server "$url"
		[ "$status" -eq 2 ]
		matches "$stderr" 'why:  '
	done
	for url in turn:192.0.2.1 turn:192.0.2.1:3479 'turn:192.0.2.1?transport=udp' 'turn:[2001:db8::1]:3478?transport=tcp' 'turn:[2001:db8::1]' turn:turn.example; do
		R reload-agent check -I alice --turn-server "$url"
		ok
	done
	R reload-agent check -I alice --relay-only
	[ "$status" -eq 2 ]
	matches "$stderr" 'there is no secret'
	echo short >secret
	R reload-agent check -I alice --turn-credentials secret
	[ "$status" -eq 10 ]
	matches "$stderr" '16 to 256 bytes'
	matches "$stderr" 'try:  openssl rand -hex 32'
	R reload-agent check -I alice --turn-credentials /nonexistent
	[ "$status" -eq 1 ]
	printf '0123456789abcdef\n' >secret
	R reload-agent check -I alice --relay-only --turn-credentials secret
	ok
	# the file in the identity is the default
	cp secret lab/etc/identity/bob/turn-secret
	R reload-agent check -I bob --relay-only
	ok
	rm lab/etc/identity/bob/turn-secret
}

# R-9-01 R-9-02
@test "a TURN server that is not there, or not reached by others, is not offered" {
	for at in 10.0.0.1 192.168.1.1 "127.0.0.1:$(lab_port)"; do
		reload-agent stop -a bob
		until_true gone "$(cat lab/bob.pid)"
		lab_start bob -l 127.0.0.1:0 --no-join --turn-server "turn:$at"
		until_true grep -q 'the TURN server is not offered' lab/bob.log
		reload-store -a bob --list-kept -j | jq -e '.kept == []'
	done
	grep -q 'no answer to a STUN Binding request' lab/bob.log
}

@test "a bootstrap node that asks nobody but another one, which is down, is not taken for one that UDP does not reach" {
	for name in bob carol alice; do
		[ -e lab/$name.pid ] || continue
		reload-agent stop -a $name
		until_true gone "$(cat lab/$name.pid)"
	done
	lab_start alice -l "127.0.0.1:$PORT" --first --bootstrap "127.0.0.1:$(lab_port)"
	reload-agent status -a alice --wait joined -t 60 -q >/dev/null
	R reload-diag nat -a alice -j
	ok
	jq -e '.mapping == "not measured" and (.relay_needed | not) and (.servers | length == 1 and .[0].seen == null)' <<<"$output"
	lab_start bob -l 127.0.0.1:0
	reload-agent status -a bob --wait joined -t 60 -q >/dev/null
	lab_whole alice bob
	reload-agent status -a bob -j | jq -e '.role == "peer" and .links.up == 1'
}
