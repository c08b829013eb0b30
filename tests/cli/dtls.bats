#!/usr/bin/env bats
# Links over DTLS alone, between real agents on loopback: the ring, fragments, restarts, strangers, STUN, and what tshark sees of it.

load lab

BULK=0xf0000004
UDP="$BATS_TEST_DIRNAME/udp.py"

setup_file() {
	lab_begin
	export SSLKEYLOGFILE="$BATS_FILE_TMPDIR/keys"
	PORT=$(lab_port)
	CAROL=$(lab_port)
	export PORT CAROL
	reload-enroll kind BULK --id $BULK --model array --access user-match --max-count 4 --max-size 20000 -o bulk.kind -q
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --kind bulk.kind --max-message-size 30000 >/dev/null
	for u in alice bob carol dave; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	CAPTURE=
	if tshark -i lo -a duration:1 -w probe.pcapng >/dev/null 2>&1; then
		tshark -i lo -f udp -B 64 -w links.pcapng >/dev/null 2>tshark.log 3>&- &
		CAPTURE=$!
	fi
	export CAPTURE
	lab_start alice -l "127.0.0.1:$PORT" --first --links dtls
	lab_start bob -l 127.0.0.1:0 --no-join --links dtls
	lab_start carol -l "127.0.0.1:$CAROL" --no-join --links dtls
	reload-join -a alice -q && reload-join -a bob -q && reload-join -a carol -q && lab_whole alice bob carol
}

teardown_file() {
	lab_end
	[ -z "$CAPTURE" ] || kill "$CAPTURE" 2>/dev/null || true
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

at() {
	reload-agent status -a "$1" -j | jq -r '.listen[0]'
}

# marks NAME: counts what the log of an agent says from now on
marked() {
	tail -n +"$(($(cat "$1.mark") + 1))" "lab/$1.log"
}

mark() {
	wc -l <"lab/$1.log" >"$1.mark"
}

links_are() { # NAME UP: that many links, all over DTLS
	reload-agent status -a "$1" -j | jq -e --argjson n "$2" '(.links | {up, tls, dtls}) == {up: $n, tls: 0, dtls: $n}' >/dev/null
}

# R-6.6.6-01: DTLS-UDP-SR-NO-ICE; LINK-15
@test "three agents join over DTLS alone, and no TCP port is open" {
	for a in alice bob carol; do
		until_true links_are $a 2
	done
	R reload-agent status -a bob
	ok
	matches "$output" 'links +2 up \(TLS 0, DTLS 2\)'
	run ! bash -c ": </dev/tcp/127.0.0.1/$PORT"
}

@test "the links of a join stand: none is lost while the ring forms" {
	run ! grep -h 'neighbour was lost\|without an answer' lab/alice.log lab/bob.log lab/carol.log
}

# R-6.7-01: what is longer than a datagram goes in fragments
@test "values of one datagram, of three, and near the limit of a message are stored and fetched" {
	reload-store -a alice -q -k BULK alice@calls.example --index 0 short
	chance 3000 three >three
	chance 19000 many >many
	reload-store -a alice -q -k BULK alice@calls.example --index 1 -f three
	reload-store -a alice -q -k BULK alice@calls.example --index 2 -f many
	for a in alice bob carol; do
		reload-fetch -a $a --raw -k BULK alice@calls.example --index 1 | cmp - three
		reload-fetch -a $a --raw -k BULK alice@calls.example --index 2 | cmp - many
	done
	R reload-store -a alice -k BULK alice@calls.example --index 3 -f <(chance 20001 above)
	[ "$status" -eq 8 ]
	R reload-ping -a bob -c 3 "node:$(node_of carol)"
	ok
}

# LINK-17; R-6.5.1.4-01
@test "an agent answers STUN Binding requests in both forms, and sends nothing to a third address" {
	for a in alice bob; do
		R "$UDP" stun "$(at $a)" new
		ok
		jq -e --arg at "$(at $a)" '.whole and .kind == 257 and .xor_mapped == .own and .from == $at' <<<"$output"
		R "$UDP" stun "$(at $a)" old
		ok
		jq -e '.whole and .kind == 257 and .mapped == .own and (has("xor_mapped") | not)' <<<"$output"
		R "$UDP" stun "$(at $a)" elsewhere
		ok
		jq -e '.whole and .kind == 273 and .code == 420 and .unknown == [2] and .elsewhere == false' <<<"$output"
	done
}

resident() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$(cat "lab/$1.pid")/status"
}

@test "a ClientHello costs a stranger's address nothing but a cookie that is no longer than it" {
	R "$UDP" hello "$(at bob)"
	ok
	jq -e '.verify_request and (.longer | not)' <<<"$output"
}

# A06; RFC 6347 s4.2.8
@test "1,000 forged ClientHellos from the address of a link that stands do it no harm" {
	mark bob
	R "$UDP" hellos "$(at bob)" "127.0.0.1:$CAROL" 1000
	[ "$status" -ne 77 ] || skip "no right to forge addresses"
	ok
	R reload-ping -a bob -c 1 "node:$(node_of carol)" # behind them in the same socket
	ok
	before=$(resident bob)
	R "$UDP" hellos "$(at bob)" "127.0.0.1:$CAROL" 1000
	ok
	R reload-ping -a bob -c 3 "node:$(node_of carol)"
	ok
	matches "$output" '3 answered'
	[ $(($(resident bob) - before)) -le 256 ]
	links_are bob 2
	marked bob >told
	run ! grep 'link down\|does not acknowledge' told
	for a in alice carol; do
		R reload-ping -a $a -c 1 "node:$(node_of bob)"
		ok
	done
}

@test "who ends says so: the other end sees the link down at once" {
	lab_start dave -l 127.0.0.1:0 --links dtls --role client --bootstrap "127.0.0.1:$PORT"
	reload-agent status -a dave --wait joined -t 60 -q >/dev/null
	until_true links_are alice 3
	kill -TERM "$(cat lab/dave.pid)"
	# a client sends no Leave; silence would be noticed after 15 s, and only with traffic
	within 5 links_are alice 2
	# a peer does
	kill -TERM "$(cat lab/carol.pid)"
	for a in alice bob; do
		within 5 links_are $a 1
	done
	until_true gone "$(cat lab/carol.pid)"
	lab_start carol -l "127.0.0.1:$CAROL" --links dtls
	until_true knows carol 2
	lab_whole alice bob carol
}

# A06; RFC 6347 s4.2.8: who was started anew on the same port is linked again although its former link stands at the other end
@test "an agent that was killed and started anew on its port is linked again within 5 s" {
	carol=$(node_of carol)
	for i in 1 2 3; do
		kill -KILL "$(cat lab/carol.pid)"
		until_true gone "$(cat lab/carol.pid)"
		lab_start carol -l "127.0.0.1:$CAROL" --links dtls
		within 5 knows carol 2
		for a in alice bob; do
			within 5 links_are $a 2
			R reload-ping -a $a -c 1 "node:$carol"
			ok
		done
	done
	lab_whole alice bob carol
	for a in alice bob carol; do
		R reload-fetch -a $a -q -k BULK alice@calls.example --index 0
		ok
	done
}

@test "port 0 takes a port; one that UDP has not free is named" {
	"$UDP" hold "127.0.0.1:$(lab_port)" >held 3>&- &
	holder=$!
	until_true test -s held
	port=$(cat held)
	R env -u SSLKEYLOGFILE reload-agent -I dave -l "127.0.0.1:$port" --links both
	kill $holder
	failed 1 "cannot listen on 127.0.0.1:$port"
	matches "$stderr" 'why:  UDP port: Address already in use'
	# its TCP port was given back
	lab_start dave -l "127.0.0.1:0" --no-join --links dtls
	reload-agent status -a dave --wait enrolled -q >/dev/null
	matches "$(at dave)" '^127\.0\.0\.1:[1-9][0-9]*$'
	R "$UDP" stun "$(at dave)"
	ok
	reload-agent stop -a dave
}

@test "--links takes tls, dtls or both; agent.conf likewise" {
	R reload-agent -I dave -l 127.0.0.1:0 --links quic
	failed 2 quic
	matches "$stderr" 'why:  --links is tls, dtls or both'
	R reload-agent -I dave -l 127.0.0.1:0 --links dtls --dry-run
	ok
	printf 'links = dtls\n' >lab/etc/agent.conf
	R reload-agent -I dave --print-config
	ok
	matches "$output" "links +dtls +[^ ]*/agent.conf"
	R reload-agent -I dave --links tls --print-config
	matches "$output" "links +tls +option"
	lab_start dave -l 127.0.0.1:0
	reload-agent status -a dave --wait joined -t 60 -q >/dev/null
	reload-agent status -a dave -j | jq -e '.links.dtls >= 1 and .links.tls == 0'
	reload-agent stop -a dave
	printf 'links = quic\n' >lab/etc/agent.conf
	R reload-agent -I dave -l 127.0.0.1:0
	rm lab/etc/agent.conf
	failed 2 quic
}

# LINK-15
@test "agents of both link types ring with one of TLS alone, and with one of DTLS alone" {
	for a in alice bob carol; do
		reload-agent stop -a $a
	done
	lab_start alice -l "127.0.0.1:$PORT" --first --links both
	lab_start carol -l "127.0.0.1:$CAROL" --links both
	chance 3000 mixed >mixed
	for links in tls dtls; do
		lab_start bob -l 127.0.0.1:0 --links $links
		lab_whole alice bob carol
		reload-agent status -a bob -j | jq -e --arg l $links '.links[$l] == .links.up'
		reload-store -a bob -q -k BULK bob@calls.example --index 0 -f mixed
		for a in alice bob carol; do
			reload-fetch -a $a --raw -k BULK bob@calls.example --index 0 | cmp - mixed
			R reload-ping -a bob -c 1 "node:$(node_of $a)"
			ok
		done
		reload-agent stop -a bob
	done
}

# LINK-03: each frame is one record; R-6.7-04: no datagram is longer than the MTU
@test "tshark decodes the links with the key log, down to RELOAD" {
	[ -n "$CAPTURE" ] || skip "no right to capture"
	# a datagram with words of its own comes behind all others: when it is in the file, so is everything before it
	printf 'the capture ends here' >"/dev/udp/127.0.0.1/$PORT"
	until_true grep -aq 'the capture ends here' links.pcapng
	kill "$CAPTURE"
	until_true gone "$CAPTURE"
	# others may use loopback too
	tshark -r links.pcapng -Y "udp.port==$PORT || udp.port==$CAROL" -o "tls.keylog_file:$SSLKEYLOGFILE" -d "udp.port==$PORT,dtls" -d "udp.port==$CAROL,dtls" -T fields -E occurrence=a \
		-e _ws.col.Protocol -e _ws.col.Info -e udp.length -e reload_framing.type -e _ws.malformed 2>/dev/null >decoded
	for what in 'Client Hello' 'Hello Verify Request' 'Change Cipher Spec' 'Store Request' 'Store Response' 'Fetch Response' \
		'Ping Request' 'Attach Request' 'Update Request' 'ACK'; do
		grep -q "$what" decoded || {
			echo "tshark shows no $what"
			return 1
		}
	done
	[ "$(awk -F '\t' '$1 ~ /RELOAD/' decoded | wc -l)" -ge 100 ]
	# 8 bytes of UDP are in its length
	awk -F '\t' '$1 ~ /RELOAD|DTLS/ && $3 > 1208' decoded >long
	cat long
	[ ! -s long ]
}
