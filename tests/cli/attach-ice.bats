#!/usr/bin/env bats
# reload-attach in an overlay with ICE: connections of applications between users behind NATs of tests/lab/nat-lab, relayed and not.
# `make soak` sends 100 MB each way through a TURN server, and leaves a connection idle for ten minutes.

load lab
load nat-lab
load attach

# known ASKER USER: the asker can find the user's node.
known() {
	reload-fetch -q -a "$1" -k CERTIFICATE_BY_USER "$2@calls.example" >/dev/null 2>&1
}

# call ASKER LISTENER [OPTIONS]: a call with a tone, recorded at the far end and, echoed, here; the summary is SUMMARY.  The processes are outside of the lab: SIP and audio
# go through the agents.
call() {
	rm -f b.out b.err ./*.wav
	reload-sip-call -a "$2" register "$2@calls.example" -q
	beside b reload-sip-call -a "$2" listen --answer --echo --record far.wav -c 1 </dev/null >b.out
	until_true says b.out listening
	R reload-sip-call -a "$1" "$2@calls.example" --tone 440 --duration 2s --hold 1s+300ms --wait 20s --record near.wav -j "${@:3}"
	ok
	SUMMARY=$(tail -1 <<<"$output")
	echo "$SUMMARY"
	ended b 0
	for f in far.wav near.wav; do
		sox $f -n trim 0.1 0.5 stat 2>&1 | awk '/^Rough/ { f = $3 } /^Maximum amplitude/ { loud = $3 > 0.1 } END { print f; exit !(loud && f > 433 && f < 447) }'
	done
	# what is late on a busy machine counts as lost
	jq -e '.sip_status == 200 and .media.received > 25 and .media.lost <= 3' <<<"$SUMMARY"
}

setup_file() {
	lab_begin
	nat_begin s=public t=public sy=symmetric sy2=symmetric pr=port-restricted pr2=port-restricted ev=port-restricted ev2=symmetric \
		ev3=symmetric "sh=symmetric,ttl=${ATTACH_TTL:-12}" "sh2=full-cone,ttl=${ATTACH_TTL:-12}"
	S=$(nat-lab addr s):6084
	T=$(nat-lab addr t)
	openssl rand -hex 32 >turn-secret
	reload-enroll init calls.example --ice --bootstrap "$S" >/dev/null
	for u in s t alice bob carol dora eve fay gus hal iva jan kim; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
		[[ $u == [hij]* ]] || cp turn-secret "lab/etc/identity/$u/turn-secret"
	done
	host_start s s --first
	reload-agent status -a s --wait joined -t 60 -q >/dev/null
	relay_start t
	host_start alice sy
	host_start bob sy2
	host_start carol pr
	host_start dora pr2
	for u in alice bob carol dora; do
		reload-agent status -a $u --wait joined -t 60 -q >/dev/null
	done
	until_true known alice bob
	until_true known carol dora
	# of the relay: one session may carry 500 KB/s (examples/turnserver.conf)
	export S T RELAYED_MEGABYTES=${ATTACH_MEGABYTES:-1} MEGABYTES=${ATTACH_MEGABYTES:-8}
	ALICE=$(node_of alice) BOB=$(node_of bob)
	export ALICE BOB
	chance $((MEGABYTES * 1048576)) "attach a" >a.bytes
	chance $((MEGABYTES * 1048576)) "attach b" >b.bytes
	head -c $((RELAYED_MEGABYTES * 1048576)) a.bytes >a.less
	head -c $((RELAYED_MEGABYTES * 1048576)) b.bytes >b.less
}

teardown_file() {
	local name
	for name in kim jan iva hal gus fay eve dora carol bob alice t s; do
		host_stop $name
	done
	turn_stop t
	lab_end
	[ -z "${NATLAB-}" ] || nat-lab down
}

relayed() {
	export ASKER=alice LISTENER=bob TARGET=bob@calls.example
}

direct() {
	export ASKER=carol LISTENER=dora TARGET=dora@calls.example
}

# minutes of patience for what a relay carries
all_ended() {
	within $((60 + RELAYED_MEGABYTES * 6)) test -s b.status
	ended b 0
}

# R-6.5.2-03 R-6.5.2-04: both directions at once; R-5.4-01: the links of the overlay are as before
@test "a file each way between two behind symmetric NATs, relayed by TURN" {
	relayed
	B_IN=b.less listens 61441
	reload-attach -a alice connect 61441 bob@calls.example <a.less >got.a 2>a.err
	all_ended
	cmp got.a b.less
	cmp got.b a.less
	matches "$(cat a.err)" "^connected  node:$BOB  bob@calls.example  application 61441  at $T:[0-9]+  relayed by $T:[0-9]+$"
	matches "$(sed 1d b.err)" "^connected  node:$ALICE  alice@calls.example  application 61441  at $T:[0-9]+  relayed by $T:[0-9]+$"
}

@test "a file each way between two behind port-restricted NATs, without a relay, and JSON" {
	direct
	B_IN=b.bytes listens 61441 -j
	reload-attach -j -a carol connect 61441 dora@calls.example <a.bytes >got.a 2>a.err
	ended b 0
	cmp got.a b.bytes
	cmp got.b a.bytes
	[ "$(jq -r .type a.err | paste -sd ' ')" = "connected summary" ]
	jq -s -e --argjson n $((MEGABYTES * 1048576)) '.[0].path == "reflexive" and .[0].relay == null and .[1].sent_bytes == $n and .[1].received_bytes == $n' a.err
	fits a.err connect
	fits b.err listen
}

@test "one direction ends, the other goes on" {
	direct
	held b
	B_IN=b.pipe listens 61441
	beside a reload-attach -a carol connect 61441 dora@calls.example </dev/null >got.a
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
@test "nobody listens there" {
	R reload-attach -a carol connect 61999 dora@calls.example </dev/null
	failed 5 'no connection to name:dora@calls.example'
	matches "$stderr" 'try:  reload-attach listen 61999'
}

@test "a program that is killed" {
	direct
	began
	kill -KILL "$(cat a.pid)"
	cut_off b
	[ "$(cat got.b)" = first ]
	listens 61441 # the place is free, and so is the application
}

@test "a listener that is killed" {
	direct
	began
	kill -KILL "$(cat b.pid)"
	cut_off a
	R reload-attach -a carol connect 61441 dora@calls.example </dev/null
	failed 5 'no connection'
}

@test "who does not read makes the other end wait, and nobody else" {
	direct
	held b
	mkfifo out.pipe
	exec 7<>out.pipe
	beside b reload-attach -a dora listen 61441 <b.pipe >out.pipe 7>&-
	until_true says b.err listening
	beside a reload-attach -a carol connect 61441 dora@calls.example <a.bytes >got.a 7>&-
	until_true says a.err connected
	R reload-ping -a carol -c 3 -i 200ms "node:$(node_of dora)"
	ok
	[ ! -e a.status ]
	exec 9>&-
	head -c $((MEGABYTES * 1048576)) <&7 | cmp - a.bytes
	exec 7>&-
	ended a 0
	ended b 0
}

@test "local sockets: several connections at a time" {
	direct
	several_at_a_time
}

@test "ssh through the overlay" {
	direct
	ssh_through_it a.bytes
}

@test "packets stay apart, and the end of one program's is the end" {
	direct
	cat >packets.py <<-'END'
		import os, socket, sys
		far = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		far.bind("far.sock")
		far.listen(1)
		print("ready", flush=True)
		sys.stdin.readline()
		near = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		near.connect("near.sock")
		there = far.accept()[0]
		for text in (b"one", b"two" * 300, b"three"):
		    near.send(text)
		    assert there.recv(65536) == text
		    there.send(text[::-1])
		    assert near.recv(65536) == text[::-1]
		near.close()
		assert there.recv(65536) == b""
		print("done", flush=True)
	END
	rm -f far.sock near.sock
	mkfifo go.pipe
	exec 8<>go.pipe
	beside p python3 packets.py <go.pipe >p.out
	until_true says p.out ready
	beside b reload-attach -a dora listen 61441 --datagram --unix far.sock >b.out
	until_true says b.out listening
	beside a reload-attach -a carol connect 61441 dora@calls.example --datagram --unix near.sock >a.out
	until_true test -S near.sock
	echo go >&8
	ended p 0
	says p.out done
	until_true says b.out '^ended .* sent 908  received 908 bytes$'
	matches "$(cat b.out)" 'packets of 1[01][0-9][0-9] bytes at most'
	kill -TERM "$(cat a.pid)" "$(cat b.pid)"
	ended a 0
	ended b 0
}

@test "packets of standard input, and an end that speaks of streams" {
	direct
	held a
	held b
	B_IN=b.pipe listens 61441 --datagram
	beside a reload-attach -a carol connect 61441 dora@calls.example --datagram <a.pipe >got.a
	until_true says b.err connected
	printf one >&8
	until_true test -s got.b
	[ "$(cat got.b)" = one ]
	kill -HUP "$(cat a.pid)" # the end of the input
	ended a 0
	ended b 0
	rm -f ./*.pipe ./*.status ./*.pid ./*.err
	listens 61441 --datagram
	R reload-attach -a carol connect 61441 dora@calls.example </dev/null
	failed 1 'no connection to '
	matches "$stderr" 'does not speak reload-stream/1'
	R reload-attach -a carol connect 61441 --stream --datagram dora@calls.example </dev/null
	failed 2 '--stream and --datagram'
}

# started NAME HOST [OPTIONS]: one more agent, which a test may stop or kill
started() {
	local name=$1
	host_start "$@"
	reload-agent status -a "$name" --wait joined -t 60 -q >/dev/null
	until_true known carol "$name"
}

carol_connected() { # NAME
	started "$1" ev
	held a
	held b
	beside b reload-attach -a "$1" listen 61441 <b.pipe >got.b
	until_true says b.err listening
	beside a reload-attach -a carol connect 61441 "$1@calls.example" <a.pipe >got.a
	until_true says a.err connected
	echo first >&8
	until_true test -s got.b
}

@test "an agent that is stopped ends its connections" {
	carol_connected eve
	reload-agent stop -a eve
	ended b 3
	cut_off a
	until_true gone "$(cat lab/eve.pid)"
}

# R-6.5.1.5-01
@test "with --relay-only no host or reflexive candidate is sent, and no related address" {
	started gus ev2 --relay-only
	export ASKER=gus LISTENER=dora TARGET=dora@calls.example
	B_IN=b.less listens 61441
	reload-attach -j -a gus connect 61441 dora@calls.example <a.less >got.a 2>a.err
	ended b 0
	cmp got.b a.less
	jq -s -e --arg t "$T" '.[0].path == "relayed" and (.[0].relay | startswith($t + ":"))' a.err
	# what was gathered last, for this connection
	reload-diag nat -a gus -j | jq -e '[.candidates[] | select(.left_out == null) | [.type, .related]] == [["relayed", null]]'
	# the audio of a call is relayed as well, and there is none with an end without ICE, which would be told an address
	call gus dora
	jq -e '.media.path == "relayed" and .media.encrypted' <<<"$SUMMARY"
	reload-diag nat -a gus -j | jq -e '[.candidates[] | select(.left_out == null) | [.type, .related]] == [["relayed", null]]'
	beside b reload-sip-call -a gus listen --answer </dev/null >b.out
	until_true says b.out listening
	until_true known dora gus
	[ "$(SIP_PEER="dora gus" timeout 25 python3 "$BATS_TEST_DIRNAME/sip_peer.py" caller offered_without_ice dora)" = 480 ]
	host_stop gus
}

unregistered() { # NAME USER
	[ "$(reload-store -a "$1" --list-kept -j | jq '[.kept[] | select(.kind == "SIP-REGISTRATION")] | length')" = 0 ] &&
		run -5 reload-sip-call -a dora lookup "$2@calls.example"
}

# R7904-32: dora learns neither who calls nor from where, and calls back
@test "an anonymous call has another certificate, relayed candidates alone, and a GRUU without a Node-ID" {
	reload-enroll issue n4x7@calls.example --identity ned >/dev/null
	cp turn-secret lab/etc/identity/ned/turn-secret
	R reload-agent check -I ned --pseudonym --discover mdns
	failed 2 'pseudonym with --discover'
	host_start ned ev2 --role client
	reload-agent status -a ned --wait joined -t 60 -q >/dev/null
	reload-sip-call -a ned register n4x7@calls.example -q
	host_stop ned
	host_start ned ev2 --pseudonym --role client
	reload-agent status -a ned --wait joined -t 60 -q >/dev/null
	until_true known dora n4x7
	# it is not registered any more, nor will be
	until_true unregistered ned n4x7
	R reload-sip-call -a ned register n4x7@calls.example
	failed 6 'cannot register'
	R reload-sip-call -a carol dora@calls.example --anonymous
	failed 10 'no anonymous call'
	call ned dora --anonymous
	jq -e '.media.path == "relayed" and .path == "relayed"' <<<"$SUMMARY"
	reload-diag nat -a ned -j | jq -e '[.candidates[] | select(.left_out == null) | [.type, .related]] == [["relayed", null]]'
	# of the agents that run the one with the pseudonym is taken; what the callee is told
	beside b reload-attach -a dora listen 5060 </dev/null >invite
	until_true says b.err listening
	R reload-sip-call dora@calls.example --anonymous --no-media
	[ "$status" = 4 ]
	ended b 0
	contact=$(sed -nE 's/^Contact: <sip:(.*)>\r$/\1/p' invite)
	matches "$contact" '^n4x7@calls\.example;gr=AR[A-Za-z0-9+/]{24,26}~*$'
	base64 -d <<<"$(tr '~' = <<<"${contact#*gr=}")" | od -An -tx1 -v | tr -d ' \n' >list
	[ "$(wc -c <list)" = 40 ] # a Node-ID, and an opaque ID of two bytes
	run -1 grep -q "$(node_of ned)" list
	run -1 grep -aiE "^(user-agent|server):|$(nat-lab addr ev2)|$(nat-lab addr ev2 nat)|$(node_of ned)" invite
	beside b reload-sip-call -a ned listen --answer --echo -c 1 </dev/null >b.out
	until_true says b.out listening
	R reload-sip-call -a dora "$contact" --tone 440 --duration 500ms -j
	ok
	jq -se '.[0].nodes == [null] and (.[-1] | .sip_status == 200 and .path == "relayed" and .media.received > 5)' <<<"$output"
	ended b 0
	# it was good as long as the link of that peer
	host_stop ned
	R reload-sip-call -a dora "$contact" -t 30
	[ "$status" -ne 0 ]
}

@test "where there is no way, the pairs that were tried are named" {
	host_start hal ev2 --role client
	host_start iva ev3 --role client
	reload-agent status -a hal --wait joined -t 60 -q >/dev/null
	reload-agent status -a iva --wait joined -t 60 -q >/dev/null
	beside b reload-attach -a iva listen 61441 </dev/null >got.b
	until_true says b.err listening
	# who is responsible for iva may be behind a symmetric NAT: then s alone has a link to it
	R reload-attach -a hal connect 61441 "node:$(node_of s),node:$(node_of iva)" </dev/null
	failed 4 'no connection to '
	matches "$stderr" 'why:  peer [0-9a-f]+ answered, but .*'
	matches "$stderr" 'host 10\.0\.[0-9]*\.2:[0-9]+ > reflexive 203\.0\.113\.[0-9]+:[0-9]+: no answer'
	matches "$stderr" 'this node needs a relay \(.*\), and has no --turn-credentials'
	matches "$stderr" 'try:  reload-diag nat -a hal'
	host_stop hal
	host_stop iva
}

@test "a file each way while every twentieth packet is lost" {
	direct
	nat-lab loss 5
	B_IN=b.less listens 61441
	reload-attach -a carol connect 61441 dora@calls.example <a.less >got.a 2>a.err
	ended b 0
	nat-lab loss 0
	cmp got.a b.less
	cmp got.b a.less
}

# 50 ms and 1 Mbit/s each way: links, checks, and what a program sends, all at once over the same line
@test "a slow line" {
	direct
	for host in pr pr2; do
		beside "slow-$host" slow-way $host 50 1000 >"slow-$host.out"
		until_true says "slow-$host.out" ready
	done
	head -c 300000 a.bytes >a.few
	head -c 300000 b.bytes >b.few
	B_IN=b.few listens 61441
	reload-attach -j -a carol connect 61441 dora@calls.example <a.few >got.a 2>a.err
	ended b 0
	cmp got.a b.few
	cmp got.b a.few
	jq -s -e '.[0].path == "reflexive"' a.err
	R reload-ping -a carol -c 2 -j "node:$(node_of dora)"
	ok
	jq -s -e '[.[] | select(.rtt_ms) | .rtt_ms] | min >= 100' <<<"$output"
}

@test "the audio of a call: direct between two behind port-restricted NATs, relayed between two behind symmetric ones" {
	call carol dora
	jq -e '.media.path == "reflexive" and .path == "reflexive"' <<<"$SUMMARY"
	call alice bob
	jq -e '.media.path == "relayed" and .path == "relayed"' <<<"$SUMMARY"
}

# iva, behind a symmetric NAT and without a secret, is reached by a relay of the other end alone, which has no need of one otherwise.
@test "who finds no way without a relay tries once more with one" {
	host_start iva ev3 --role client
	reload-agent status -a iva --wait joined -t 60 -q >/dev/null
	beside b reload-attach -a iva listen 61441 </dev/null >got.b
	until_true says b.err listening
	reload-attach -a dora connect 61441 "node:$(node_of s),node:$(node_of iva)" <a.less >got.a 2>a.err
	ended b 0
	cmp got.b a.less
	matches "$(cat a.err)" "relayed by $T:[0-9]+$"
	host_stop iva
}

# A17: a symmetric NAT that has forgotten a mapping has another port for the next packet
@test "a connection that is idle for longer than its NATs keep mappings" {
	host_start jan sh --role client
	host_start kim sh2 --role client
	reload-agent status -a jan --wait joined -t 60 -q >/dev/null
	reload-agent status -a kim --wait joined -t 60 -q >/dev/null
	export ASKER=jan LISTENER=kim TARGET="node:$(node_of s),node:$(node_of kim)"
	began
	until_true test -s got.b
	# as many seconds, counted by Pings that go another way
	R reload-ping -a jan -c "${ATTACH_IDLE:-30}" -i 1s "node:$(node_of s)"
	ok
	echo second >&8
	until_true says got.b second
	echo third >&9
	until_true says got.a third
	exec 8>&- 9>&-
	ended a 0
	ended b 0
	[ "$(grep -c ^connected a.err)" = 1 ]
	matches "$(cat a.err)" 'application 61441  at 203\.0\.113\.[0-9]+:[0-9]+$'
	host_stop jan
	host_stop kim
}

# The last one: the ring needs a while to get over it.
@test "an agent that is killed" {
	carol_connected fay
	kill -KILL "$(cat lab/fay.pid)"
	ended b 3
	# nothing says so: it is silence that ends it, 15.5 s after the first byte that nobody acknowledges
	echo more >&8
	within 40 test -s a.status
	cut_off a
}
