#!/usr/bin/env bats
# reload-sip-call call, listen, message, options: calls between users of an overlay, without a server.

load lab
load calls

setup_file() {
	lab_begin
	export SSLKEYLOGFILE="$BATS_FILE_TMPDIR/keys" # of one test
	lab_overlay
	export PORT
	lab_ring
	reload-enroll issue bob@calls.example --identity desk --new-node-id >/dev/null
	lab_start desk -l 127.0.0.1:0 --no-join
	reload-join -a desk -q
	lab_whole alice bob carol desk
	export BOB DESK
	BOB=$(node_of bob) DESK=$(node_of desk)
	reload-sip-call -a bob register bob@calls.example -q
}

teardown_file() {
	lab_end
}

# audio FILE SECONDS HZ: what the recording holds, to 0.2 s and 1.5%; HZ 0: silence.
audio() {
	sox "$1" -n stat 2>&1 | awk -v s="$2" -v hz="$3" '
		/^Length/ { length_ok = $3 > s - 0.2 && $3 < s + 0.2; len = $3 }
		/^Rough/ { f = $3 }
		/^Maximum amplitude/ { loud = $3 > 0.1 }
		END { ok = length_ok && (hz ? loud && f > hz * 0.985 && f < hz * 1.015 : !loud); print len " s, " f " Hz, loud " loud; exit !ok }'
}

@test "call: a tone is heard at the other end, and comes back" {
	listens bob --answer --echo -c 1
	R reload-sip-call -a alice bob@calls.example --tone 440 --duration 3s --wait 5s --record back.wav
	ok
	matches "${lines[0]}" "^resolving  bob@calls.example -> 1 device \(${BOB:0:8}\)$"
	matches "${lines[1]}" '^attaching  TLS, host candidate, [0-9]+ ms$'
	[ "${lines[2]}" = 'ringing    180' ]
	matches "${lines[3]}" '^answered   setup [0-9]+ ms, PCMU both ways$'
	matches "${lines[4]}" '^ended      [3-9]\.[0-9] s, 1[45][0-9] sent, 1[45][0-9] received, 0 lost$'
	audio back.wav 3.0 440
	ended bob 0
	matches "$(cat bob.out)" 'incoming   alice@calls.example'
	matches "$(tail -1 bob.out)" '^summary    1 call$'
}

@test "call: both ends record what the other plays, and the end of a file ends the call" {
	sox -n -r 8000 -c 1 -b 16 one.wav synth 1 sine 600
	sox -n -r 8000 -c 1 -b 16 two.wav synth 3 sine 300
	listens bob --answer --play two.wav --record bob-hears.wav -c 1
	R reload-sip-call -a alice call bob@calls.example --play one.wav --record alice-hears.wav -j
	ok
	jq -se '.[-1] | .type == "summary" and .sip_status == 200 and .ended_by == "caller" and .media.lost == 0 and .duration_s < 1.5' <<<"$output"
	ended bob 0
	audio bob-hears.wav 1.0 600
	audio alice-hears.wav 1.0 300
}

@test "call: digits arrive, Opus is taken when it comes first, and both ends know how the call was" {
	listens bob --answer --echo --record bob-hears.wav -c 1 -v
	R reload-sip-call -a alice bob@calls.example --codec opus --tone 440 --dtmf '7#' --duration 2s --record back.wav -v
	[ "$status" = 0 ]
	matches "$output" 'answered   setup [0-9]+ ms, opus both ways'
	matches "${lines[-1]}" '^ended .* 0 lost, jitter [0-9.]+ ms, round trip [0-9.]+ ms, 0 lost there, MOS 4\.[34]$'
	ended bob 0
	matches "$(cat bob.out)" 'digit      alice@calls.example \([0-9a-f]{8}\)  7'
	matches "$(cat bob.out)" 'digit      alice@calls.example \([0-9a-f]{8}\)  #'
	matches "$(grep ended bob.out)" ' 0 lost, jitter [0-9.]+ ms, .*MOS 4\.[34]$'
	audio bob-hears.wav 2.0 440 # the digits are silent
	R reload-sip-call -a alice bob@calls.example --dtmf 12x
	failed 2 dtmf
	R reload-sip-call -a alice bob@calls.example --codec silk
	failed 2 codec
}

@test "nothing is sent as SIP outside of the connection: who is at the other end is known by its certificate" {
	listens bob
	# R7904-22: SIP has a connection of its own
	[ "$(reload-agent status -a alice -j --links | jq '[.links.list[] | select(.user == "bob@calls.example")] | length > 0')" = true ]
	# R7904-28: the name of who calls has to be that of the certificate
	[ "$(python3 "$BATS_TEST_DIRNAME/sip_raw.py" wrong-from alice)" = '403 200' ]
	# R7904-24: sips asks for the other application
	[ "$(python3 "$BATS_TEST_DIRNAME/sip_raw.py" sips-at-5060 alice)" = '416 200' ]
}

# captured WORDS: a datagram with these has been captured, and so has what was there before it.
captured() {
	printf '%s' "$1" >/dev/udp/127.0.0.1/9
	grep -qa "$1" call.pcapng
}

@test "SIP is inside the connection that AppAttach made, and nowhere else" {
	tshark -i lo -a duration:1 -w probe.pcapng >/dev/null 2>&1 || skip "no right to capture"
	tshark -i lo -B 64 -w call.pcapng >/dev/null 2>tshark.log 3>&- &
	capture=$!
	until_true captured 'the capture begins here'
	listens bob --answer --record bob-hears.wav -c 1
	R reload-sip-call -a alice bob@calls.example --tone 440 --duration 3s -j
	ok
	call_id=$(jq -sr '.[-1].call_id' <<<"$output")
	ended bob 0
	until_true captured 'the capture ends here'
	kill "$capture"
	until_true gone "$capture"
	# R7904-22: nothing of the call is to be seen but for who has the keys; others may call on this host at the same time
	[ "${#call_id}" -gt 20 ]
	run -1 grep -ac "$call_id" call.pcapng
	count=$(tshark -r call.pcapng -T fields -e tcp.stream 2>/dev/null | sort -n | tail -1)
	mapfile -t follow < <(seq -f $'-z\nfollow,tls,ascii,%.0f' 0 "$count")
	tshark -r call.pcapng -o "tls.keylog_file:$SSLKEYLOGFILE" -q "${follow[@]}" >streams 2>/dev/null
	awk -v RS='Follow: tls,ascii' -v id="Call-ID: $call_id" 'index($0, id) { n++; text = $0 } END { print n; print text }' streams >stream
	[ "$(head -1 stream)" = 1 ]
	[ "$(sed -nE 's/^(INVITE|ACK|BYE) sip:bob@.*/\1/p' stream | xargs)" = 'INVITE ACK BYE' ]
	audio bob-hears.wav 3.0 440
	rm -f ./*.pcapng
}

# part FILE FROM SECONDS: "loud" or "silent"
part() {
	sox "$1" -n trim "$2" "$3" stat 2>&1 | awk '/^Maximum amplitude/ { print ($3 > 0.1 ? "loud" : "silent") }'
}

@test "call: --hold silences both ends until the call is resumed" {
	sox -n -r 8000 -c 1 -b 16 long.wav synth 9 sine 300
	listens bob --answer --play long.wav --record bob-hears.wav -c 1
	R reload-sip-call -a alice bob@calls.example --tone 440 --duration 3s --hold 1s+1s --record alice-hears.wav
	ok
	matches "$output" $'\nheld       200\nresumed    200\nended '
	ended bob 0
	for f in bob-hears.wav alice-hears.wav; do
		[ "$(part $f 0.3 0.4) $(part $f 1.3 0.4) $(part $f 2.4 0.4)" = 'loud silent loud' ]
	done
	R reload-sip-call -a alice bob@calls.example --hold 5s
	failed 2 hold
}

@test "call: --no-media is SIP alone" {
	listens bob --answer --echo -c 1 -j
	R reload-sip-call -a alice bob@calls.example --no-media --duration 200ms -j
	ok
	jq -se 'any(.type == "answered" and .codec == null) and (.[-1] | .type == "summary" and .sip_status == 200 and .media == null)' <<<"$output"
	ended bob 0
	jq -se 'any(.type == "ended" and .sip_status == 200 and .media == null)' bob.out
	R reload-sip-call -a alice bob@calls.example --no-media --tone 440
	failed 2 'no-media with --tone'
}

@test "call: nobody is registered, nobody listens, somebody is busy, nobody answers" {
	R reload-sip-call -a alice carol@calls.example
	failed 5 'carol@calls.example is not registered'
	R reload-sip-call -a alice bob@calls.example -q
	failed 5 'bob@calls.example was not reached'
	listens bob --reject 486 -c 1
	R reload-sip-call -a alice bob@calls.example -q
	failed 12 'bob@calls.example was not reached'
	matches "${stderr_lines[1]}" '486 Busy Here'
	ended bob 0
	listens bob --reject 486
	# R7904-23: a connection carries another call
	[ "$(WANTED=2 python3 "$BATS_TEST_DIRNAME/sip_raw.py" invite-twice alice)" = '486 486' ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
	listens bob
	R reload-sip-call -a alice bob@calls.example --ring 300ms -q
	failed 4 'bob@calls.example was not reached'
	matches "${stderr_lines[1]}" 'nobody answered'
	until_true says bob.out 'not answered, 487'
}

@test "call: --wait waits for who is not there yet" {
	background alice reload-sip-call -a alice bob@calls.example --tone 440 --duration 200ms --wait 30s
	until_true says alice.out resolving
	listens bob --answer -c 1
	ended alice 0
	ended bob 0
}

@test "Ctrl-C ends a call politely, at either end, before and after the answer" {
	listens bob
	background alice reload-sip-call -a alice bob@calls.example
	until_true says alice.out ringing
	kill -INT "$(cat alice.pid)"
	ended alice 130
	until_true says bob.out 'not answered, 487'
	kill -INT "$(cat bob.pid)"
	ended bob 0
	for who in alice bob; do
		listens bob --answer
		background alice reload-sip-call -a alice bob@calls.example
		until_true says bob.out answered
		kill -INT "$(cat $who.pid)"
		ended alice 0
		until_true says bob.out '^ended .* sent, .* 0 lost'
		matches "$(tail -1 alice.out)" '^ended'
		[ $who = bob ] || kill -INT "$(cat bob.pid)"
		ended bob 0
		rm -f ./*.out ./*.status
	done
}

@test "call: a program or an agent that is killed ends it" {
	listens bob --answer
	background alice reload-sip-call -a alice bob@calls.example
	until_true says bob.out answered
	until_true says alice.out answered
	kill -KILL "$(cat bob.pid)"
	ended alice 4
	matches "$(cat alice.err)" 'the call with bob@calls.example was cut off'
	until_true test -s bob.status
	rm -f bob.pid
}

@test "several devices ring, and the first that answers has the call" {
	reload-sip-call -a desk register bob@calls.example -q
	listens bob
	listens desk
	background alice reload-sip-call -a alice bob@calls.example
	until_true says bob.out incoming
	until_true says desk.out incoming
	kill -INT "$(cat alice.pid)"
	ended alice 130
	until_true says bob.out 'not answered, 487'
	until_true says desk.out 'not answered, 487'
	kill -INT "$(cat desk.pid)"
	ended desk 0
	kill -INT "$(cat bob.pid)"
	ended bob 0
	listens bob
	listens desk --answer -c 1
	R reload-sip-call -a alice bob@calls.example --tone 440 --duration 500ms -j
	ok
	jq -se --arg n "$DESK" '[.[] | select(.type == "answered") | .node_id] == [$n]' <<<"$output"
	ended desk 0
	# the other one was not called yet, or was cancelled
	if says bob.out incoming; then
		until_true says bob.out 'not answered, 487'
	fi
	# a device that is not there does not keep the others from being called
	kill -INT "$(cat bob.pid)"
	ended bob 0
	listens desk --answer -c 1
	R reload-sip-call -a alice bob@calls.example --duration 100ms -q
	ok
	ended desk 0
	reload-sip-call -a desk unregister bob@calls.example -q
}

@test "SIPS is taken where the callee wants it alone, and where the caller does" {
	reload-sip-call -a bob register bob@calls.example --prefs '(sip.schemes=SIPS)' -q
	listens bob --answer --sips
	# R7904-19, R7904-25, R7904-27
	R reload-sip-call -a alice bob@calls.example --duration 100ms -j
	ok
	jq -se '.[] | select(.type == "attached") | .application == 5061' <<<"$output"
	reload-sip-call -a bob register bob@calls.example -q
	# R7904-26: who listens for SIPS alone is not there for SIP
	R reload-sip-call -a alice bob@calls.example --duration 100ms -q
	failed 5 'was not reached'
	for sips in --sips sips:bob@calls.example; do
		R reload-sip-call -a alice ${sips%%*bob@calls.example} "$( [[ $sips = sips:* ]] && echo "$sips" || echo bob@calls.example)" --duration 100ms -j
		ok
		jq -se '.[] | select(.type == "attached") | .application == 5061' <<<"$output"
	done
}

@test "a GRUU leads to its device alone" {
	gruu=$(reload-sip-call -a alice lookup bob@calls.example -j | jq -r '.targets[0].gruu')
	listens bob --answer -c 1
	R reload-sip-call -a alice "$gruu" --duration 100ms -q -v
	[ "$status" = 0 ]
	# the ladder of the call
	rungs=$(sed -n 's/^reload-sip-call: *[0-9]* ms  |[-<]* *\([^->]*[^-> ]\) *[->]*|  '"${BOB:0:8}"'$/\1/p' <<<"$stderr" | tr '\n' '/')
	[ "$rungs" = 'INVITE, sdp/180 Ringing (INVITE)/200 OK (INVITE), sdp/ACK/BYE/200 OK (BYE)/' ]
	ended bob 0
}

@test "message and options" {
	listens bob
	R reload-sip-call -a alice message bob@calls.example 'hello $there ä'
	ok
	matches "$output" 'answered   200 OK'
	until_true says bob.out 'message    alice@calls.example (.*)  hello $there ä'
	printf 'from a pipe\033[1m' | reload-sip-call -a alice message bob@calls.example - -q
	until_true says bob.out 'from a pipe\\x1b'
	R reload-sip-call -a alice options bob@calls.example
	ok
	matches "$output" 'answered   200 OK  allows INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, PRACK, UPDATE'
	R reload-sip-call -a alice message bob@calls.example ''
	failed 2 'no message'
	# C26: a long message arrives whole, one that is too long is not sent
	head -c 60000 /dev/zero | tr '\0' x >long
	R reload-sip-call -a alice message bob@calls.example - -q <long
	ok
	until_true says bob.out xxx
	[ "$(grep -o 'x*$' bob.out | tr -d '\n' | wc -c)" = 60000 ]
	head -c 65537 /dev/zero | tr '\0' x >long
	R reload-sip-call -a alice message bob@calls.example - <long
	failed 8 .
}

@test "what another program may send: each request has its answer, and the connection goes on" {
	listens bob --answer
	# R7904-30: "several" has the empty lines that keep a connection open between its requests
	while read -r name want; do
		got=$(timeout 10 python3 "$BATS_TEST_DIRNAME/sip_raw.py" "$name" alice)
		[ "$got" = "$want" ] || { echo "$name: $got, not $want"; return 1; }
	done <<-'END'
		options 200
		pieces 200
		several 200 200
		body-of-blank-lines 200 200
		compact 200
		folded 200
		unknown-method 501 200
		not-allowed 405 200
		method-mismatch 400 200
		bye-of-nothing 481 200
		cancel-of-nothing 481 200
		ack-of-nothing 200
		other-callee 404 200
		no-contact 400 200
		no-offer 180 200 200
		offer-of-nothing 180 200 200
		bad-offer 488 200
		offer-of-names 488 200
		offer-of-video 488 200
		offer-of-other-codec 488 200
		offer-without-formats 488 200
		offer-without-protocol 488 200
		offer-of-many-streams 488 200
		offer-of-large-port 488 200
		offer-to-everybody 488 200
		message-of-another-type 415 200
		no-length 400 closed
		two-lengths 400 closed
		negative-length 400 closed
		large-length 413 closed
		endless-head closed
		rubbish closed
		no-fields 200
		invite-and-vanish 180 200
		invite-twice 180 200 486
	END
	# the next call is taken all the same
	R reload-sip-call -a alice bob@calls.example --duration 100ms -q
	ok
	kill -INT "$(cat bob.pid)"
	ended bob 0
}

# pair OVERLAY FIRST SECOND OPTIONS...: an overlay of two users, the second of whom is registered.
pair() {
	local port u
	port=$(lab_port)
	reload-enroll init "$1" --bootstrap "127.0.0.1:$port" "${@:4}" >/dev/null
	for u in "$2" "$3"; do
		reload-enroll issue "$u@$1" --identity "$u" >/dev/null
	done
	lab_start "$2" -l "127.0.0.1:$port" --first
	lab_start "$3" -l 127.0.0.1:0 --no-join
	reload-join -a "$2" -q
	reload-join -a "$3" -q
	reload-sip-call -a "$3" register "$3@$1" -q
}

@test "several agents: the one whose overlay hosts the domain of the AOR calls" {
	pair two.example yan zoe
	listens zoe --answer
	# R7904-15: the other agents are of an overlay that may have such names as well, and zoe is the own user
	R reload-sip-call zoe@two.example --duration 100ms -q
	ok
	matches "$(cat zoe.out)" 'incoming   yan@two.example'
	R reload-sip-call options zoe@two.example -q
	ok
	R reload-sip-call lookup zoe@two.example
	ok
	# three can call bob
	R reload-sip-call bob@calls.example
	failed 2 'several agents are running'
	reload-agent stop -a zoe -q
	reload-agent stop -a yan -q
	kill -INT "$(cat zoe.pid)" 2>/dev/null || true
	until_true test -s zoe.status
	rm -f zoe.pid
}

@test "wrong use" {
	for line in 'call' 'call bob' 'bob@calls.example --play nothing.wav' 'bob@calls.example --tone 9' 'bob@calls.example --tone 440 --play x' \
		'listen --answer --reject 486' 'listen --echo' 'listen --answer --record x.wav' 'listen --reject 200' 'message bob@calls.example'; do
		# shellcheck disable=SC2086
		run reload-sip-call -a alice $line
		[ "$status" -ne 0 ] && [ "$status" -lt 70 ] || { echo "$line: $status"; return 1; }
	done
	head -c 1000 /dev/zero >zero.wav
	R reload-sip-call -a alice bob@calls.example --play zero.wav
	failed 1 'WAV file'
	R reload-sip-call -a alice bob@calls.example -n
	ok
	matches "$output" "^device     node:$BOB"
	R reload-sip-call -a nobody listen
	failed 3 .
	R reload-sip-call -a alice bob@calls.example --anonymous
	failed 10 'no anonymous call'
	R reload-agent check -I alice --pseudonym
	failed 2 pseudonym
	listens bob
	R reload-sip-call -a bob listen
	failed 7 'cannot listen'
}

@test "in an overlay with ICE, too; the JSON is that of the schema" {
	export RELOAD_HOME=$BATS_FILE_TMPDIR/ice
	pair ice.example gina hugo --ice
	listens hugo --answer --echo -c 1
	R reload-sip-call -a gina hugo@ice.example --tone 440 --duration 500ms -j
	ok
	jq -se '.[-1] | .link == "DTLS" and .path == "host" and .media.path == "host" and .media.encrypted and .media.sent >= 5 and .media.received >= 5' <<<"$output" || { echo "$output"; return 1; }
	ended hugo 0
	# C15: who has neither ICE nor SRTP is called all the same
	background plain timeout 25 python3 "$BATS_TEST_DIRNAME/sip_peer.py" callee without_ice hugo
	json=$output
	R reload-sip-call -a gina hugo@ice.example --tone 440 --duration 1s --wait 10s -j
	ok
	jq -se '.[-1] | .media.path == null and (.media.encrypted | not) and .media.received == 5 and .media.sent > 20' <<<"$output" || { echo "$output"; return 1; }
	ended plain 0
	[ "$(cat plain.out)" = 'True True 172' ]
	output+=$'\n'$json
	# C22: of two devices behind the other end the one that answers has the call, with a path of its own
	background devices timeout 25 python3 "$BATS_TEST_DIRNAME/sip_peer.py" callee two_paths hugo "$(find "$RELOAD_HOME" -name hugo.sock)"
	R reload-sip-call -a gina hugo@ice.example --tone 440 --duration 1s --wait 10s -j
	ok
	jq -se '.[-1] | .media.path == "host" and .media.sent > 20' <<<"$output" || { echo "$output"; cat devices.err; return 1; }
	ended devices 0
	[ "$(cat devices.out)" = 'host host 172' ]
	output+=$'\n'$json
	# C26: what does not fit into a datagram arrives over DTLS all the same
	listens hugo -j
	head -c 60000 /dev/zero | tr '\0' x >long
	reload-sip-call -a gina message hugo@ice.example - -q <long
	until_true says hugo.out xxx
	jq -se 'any(.type == "message" and (.text | length == 60000))' <hugo.out
	schema=$(reload-sip-call call --json-schema)
	while read -r line; do
		jq -e --argjson o "$line" '[.oneOf[] | select((.required // [] | sort) == ($o | keys | sort))] | length >= 1' <<<"$schema" >/dev/null || {
			echo "not in the schema: $line"
			return 1
		}
	done <<<"$output"
}

@test "over IPv6 alone" {
	export RELOAD_HOME=$BATS_FILE_TMPDIR/six
	port=$(lab_port)
	reload-enroll init six.example --bootstrap "[::1]:$port" >/dev/null
	for u in ina jon; do
		reload-enroll issue $u@six.example --identity $u >/dev/null
	done
	lab_start ina -l "[::1]:$port" --first
	lab_start jon -l "[::1]:0" --no-join
	reload-join -a ina -q
	reload-join -a jon -q
	reload-sip-call -a jon register jon@six.example -q
	listens jon --answer --echo --record six.wav -c 1
	R reload-sip-call -a ina jon@six.example --tone 440 --duration 1s -j
	ok
	jq -se '.[-1] | .media.encrypted and .media.received > 30 and .media.lost == 0' <<<"$output" || { echo "$output"; return 1; }
	ended jon 0
	audio six.wav 1.0 440
}
