#!/usr/bin/env bats
# reload-sip-call and another end of the call that follows no rules (sip_peer.py).

load lab
load calls

setup_file() {
	lab_begin
	lab_overlay --services 10
	lab_ring
	reload-sip-call -a bob register bob@calls.example -q
	until_true reload-fetch -a alice -k CERTIFICATE_BY_USER bob@calls.example -q
}

teardown_file() {
	lab_end
}

caller() {
	timeout 25 python3 "$BATS_TEST_DIRNAME/sip_peer.py" caller "$1" alice
}

# callee CASE [AGENT]: it is there when alice calls.
callee() {
	local name=${2:+$2-}callee
	background "$name" timeout 25 python3 "$BATS_TEST_DIRNAME/sip_peer.py" callee "$1" "${2:-bob}"
	until_true says "$name.err" listening
}

@test "a caller: its audio alone is heard, and nothing is sent to nowhere" {
	listens bob --answer --echo
	# packets of others are not heard
	[ "$(caller strangers)" = 2 ]
	until_true says bob.out '1 sent, 1 received, 0 lost'
	[ "$(caller nowhere)" = 200 ]
	until_true says bob.out '0 sent, 0 received, 0 lost'
	[ "$(caller held_without_an_address)" = 'recvonly sendrecv 2' ]
	[ "$(caller held_from_the_start)" = 200 ]
	R caller without_streams
	[ "$output" = $'False b\'m=audio 0 RTP/AVP 0\\r\'\n488' ]
	until_true says bob.out ' s, no media$'
	kill -INT "$(cat bob.pid)"
	ended bob 0
}

@test "a caller: a recording is as long as the call, whatever time stamps say" {
	listens bob --answer --record far.wav -c 1
	caller far_ahead
	ended bob 0
	matches "$(soxi -D far.wav)" '^0\.1[0-9]+$'
}

@test "a caller: requests that are out of order" {
	listens bob --answer
	[ "$(caller required)" = "420 b'one' b'two' b'three'" ]
	[ "$(caller other_version)" = '505 200' ]
	[ "$(caller injected)" = clean ]
	[ "$(caller not_utf8)" = '400 200' ]
	[ "$(caller no_ack)" = 200 ]
	# R7904-30
	[ "$(caller kept_open)" = '200 200 2' ]
	[ "$(caller stale)" = '500 481 200' ]
	[ "$(caller many)" = all ]
	# R7904-23: connections are for several calls, but not for ever, nor all places for one node
	[ "$(caller crowd)" = '200 200 200 200 closed' ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
}

@test "a caller: each torture message of RFC 4475 has its answer, and the connection goes on" {
	listens bob --reject 486
	R timeout 60 python3 "$BATS_TEST_DIRNAME/sip_torture.py" alice
	[ -z "$output" ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
}

@test "a connection without calls is closed" {
	[ -n "${SIP_IDLE-}" ] || skip "make soak has it"
	listens bob --answer
	[ "$(timeout 60 python3 "$BATS_TEST_DIRNAME/sip_peer.py" caller idle alice)" = closed ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
}

@test "a callee: its answers" {
	callee answered_without_audio
	R reload-sip-call -a alice bob@calls.example --wait 10s -q
	failed 12 'bob@calls.example was not reached'
	matches "${stderr_lines[1]}" 'no audio that can be played'
	ended callee 0
	callee answered_with_no_stream
	R reload-sip-call -a alice bob@calls.example --wait 10s -q
	failed 12 'bob@calls.example was not reached'
	ended callee 0
	callee audio_for_none
	R reload-sip-call -a alice bob@calls.example --wait 10s --no-media --duration 500ms
	ok
	matches "$output" $'\nanswered   setup [0-9]+ ms, no media\nended      [0-9]+\.[0-9] s, no media$'
	ended callee 0
	[ "$(cat callee.out)" = "False b'm=audio 0 RTP/AVP 0\\r'" ]
	callee no_branch
	R reload-sip-call -a alice bob@calls.example --wait 10s -j
	[ "$status" = 12 ]
	jq -se '[.[] | select(.type == "rejected")] == [{type: "rejected", node_id: .[0].nodes[0], sip_status: 603, phrase: "Decline"}]' <<<"$output"
	ended callee 0
	callee crossed
	R reload-sip-call -a alice bob@calls.example --wait 10s --ring 300ms -q
	failed 4 'was not reached'
	ended callee 0
	[ "$(cat callee.out)" = bye ]
}

@test "a callee: a call that is held" {
	callee no_such_call
	R reload-sip-call -a alice bob@calls.example --wait 10s --hold 100ms+10s -j
	ok
	jq -se '.[-1] | .type == "summary" and .ended_by == "callee"' <<<"$output"
	ended callee 0
	callee resumed_by_the_other
	R reload-sip-call -a alice bob@calls.example --wait 10s --hold 100ms+10s --duration 2s -q
	ok
	ended callee 0
	[ "$(cat callee.out)" = inactive ]
}

# faster OPTIONS...: alice calls bob, and for her time runs a hundred times as fast.
faster() {
	run --separate-stderr env FASTER=100 LD_PRELOAD="$BATS_FILE_TMPDIR/faster.so" reload-sip-call -a alice bob@calls.example --wait 1000s "$@"
}

@test "a caller: reliable responses, UPDATE, late offers, session timers" {
	gcc -shared -fPIC -o "$BATS_FILE_TMPDIR/faster.so" "$BATS_TEST_DIRNAME/faster.c"
	listens bob
	R caller required_reliable
	[ "${lines[0]}" = '481 200 1 100rel' ]
	[ "${lines[1]}" = 487 ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
	listens bob --answer --echo
	[ "$(caller repeated)" = same ]
	[ "$(caller offered_late)" = 3 ]
	[ "$(caller not_answered)" = bye ]
	R caller updated
	[ "${lines[0]}" = '200 200 sdp 422 90 488 405 INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, PRACK, UPDATE' ]
	[ "${lines[1]}" = 481 ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
	FASTER=40 LD_PRELOAD=$BATS_FILE_TMPDIR/faster.so listens bob --answer # the ACK has 32 s of that time
	[ "$(caller unacknowledged)" = 'repeated and ended' ]
	[ "$(caller vanished_caller)" = '100;refresher=uac timer bye' ]
	until_true says bob.out '^ended '
	# who refreshes who cannot: by INVITE, as UPDATE is not allowed; the third one finds no call
	[ "$(caller refreshed_caller)" = '100;refresher=uas 100;refresher=uac' ]
	[ "$(caller updated_caller)" = 'UPDATE 100;refresher=uac' ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
	sox -n -r 8000 -c 1 -b 16 short.wav synth 0.1 sine 600
	listens bob --answer --play short.wav
	R caller behind_proxies
	[ "${lines[0]}" = '<sip:one.example;lr> <sip:two.example;lr;x=1> <sip:three.example;lr>' ]
	[ "${lines[1]}" = '<sip:one.example;lr> <sip:two.example;lr;x=1> <sip:three.example;lr>' ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
}

@test "a callee: several answers, early audio, reliable responses" {
	# C05: the other one is hung up
	callee two_answers
	R reload-sip-call -a alice bob@calls.example --wait 10s --duration 1s -q
	ok
	ended callee 0
	[ "$(cat callee.out)" = 'own second ACK sip:bob@calls.example;x=second SIP/2.0 second own own' ]
	# C22: audio is that of who answered, with its codec
	callee early
	R reload-sip-call -a alice bob@calls.example --wait 10s --duration 300ms --record early.wav -q
	ok
	ended callee 0
	[ "$(cat callee.out)" = 0 ]
	callee reliable
	R reload-sip-call -a alice bob@calls.example --wait 10s --duration 300ms -q
	ok
	ended callee 0
	[ "$(cat callee.out)" = '5 1 INVITE x 6 1 INVITE x ACK sip:bob@calls.example;x=x SIP/2.0 <sip:two.example;lr> <sip:one.example;lr>' ]
}

@test "a callee: its redirections are followed, but not for ever" {
	reload-sip-call -a carol register carol@calls.example -q
	callee redirects
	listens carol --answer
	R reload-sip-call -a alice bob@calls.example --duration 100ms -j
	ok
	jq -se --arg n "$(node_of carol)" '(map(select(.type == "redirected").aor) == ["carol@calls.example"]) and .[-1].node_id == $n' <<<"$output"
	ended callee 0
	[ "$(cat callee.out)" = ack ]
	kill -INT "$(cat carol.pid)"
	ended carol 0
	callee redirects_to_itself
	R reload-sip-call -a alice bob@calls.example --wait 20s
	[ "$status" = 12 ]
	[ "$(grep -c '^redirected bob@calls.example;x=own$' <<<"$output")" = 5 ]
	# that it is looked up again and again is said once
	[ "$(grep -c ^resolving <<<"$output")" = 6 ]
	ended callee 0
}

@test "a callee: session timers, and two ends that hold at the same time" {
	gcc -shared -fPIC -o "$BATS_FILE_TMPDIR/faster.so" "$BATS_TEST_DIRNAME/faster.c"
	# C12: one 422, then a call of five minutes that is refreshed
	callee too_short
	faster --session 90s --duration 5m -j
	ok
	jq -se '.[-1] | .ended_by == "caller" and .duration_s >= 300' <<<"$output"
	ended callee 0
	matches "$(head -1 callee.out)" '^same 90 120 120 2 INVITE$'
	# R7904-29: two or three pings in five minutes
	matches "$(tail -1 callee.out)" 'BYE refreshed kept open$'
	callee vanished_callee
	faster -j
	ok
	jq -se '.[-1] | .ended_by == "time" and .duration_s >= 60 and .duration_s < 100' <<<"$output"
	ended callee 0
	callee both_hold
	R reload-sip-call -a alice bob@calls.example --wait 10s --hold 50ms+20s --duration 5s -j
	ok
	jq -se 'any(.type == "held" and .sip_status == 200)' <<<"$output"
	ended callee 0
	[ "$(cat callee.out)" = '491 inactive in time' ]
}

# C15: what was agreed on is shown, and a fingerprint that is not that of the certificate ends the call (RFC 5763 s5)
@test "a callee: audio is encrypted with who can, and with who it is" {
	for name in own other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.pem -subj "/CN=$name" 2>/dev/null
	done
	callee dtls_right
	R reload-sip-call -a alice bob@calls.example --wait 10s --tone 440 --duration 1s -j
	ok
	jq -se '.[-1] | .media.encrypted and .media.sent > 20' <<<"$output"
	ended callee 0
	[ "$(cat callee.out)" = 'actpass 1 True True' ]
	# who takes nothing else refuses the first offer, and takes the second of the same call
	callee dtls_alone
	R reload-sip-call -a alice bob@calls.example --wait 10s --tone 440 --duration 1s -j
	ok
	jq -se '.[-1] | .media.encrypted and .media.sent > 20' <<<"$output"
	ended callee 0
	[ "$(cat callee.out)" = 'actpass 1 False True' ]
	callee dtls_wrong
	R reload-sip-call -a alice bob@calls.example --wait 10s --tone 440 -j
	[ "$status" = 10 ]
	jq -se '.[-2] | .ended_by == "media" and (.media.encrypted | not) and .media.sent == 0' <<<"$output"
	jq -se '.[-1].error | .why | test("is not that of its fingerprint")' <<<"$output" || { echo "$output"; return 1; }
	ended callee 0
	callee plain
	R reload-sip-call -a alice bob@calls.example --wait 10s --duration 200ms
	ok
	matches "${lines[-1]}" ' 0 lost, not encrypted$'
	ended callee 0
	callee plain
	R reload-sip-call -a alice bob@calls.example --wait 10s --sips-media-only -q
	failed 12 'bob@calls.example had no audio'
	matches "${stderr_lines[1]}" 'does not encrypt'
	ended callee 0
}

@test "keys at a terminal hold the call and resume it; Ctrl-C ends it" {
	callee held_by_key
	R python3 "$BATS_TEST_DIRNAME/keys.py" answered h held h resumed '\x03' -- \
		reload-sip-call -a alice bob@calls.example --wait 10s
	[ "$output" = 'status 0 as before' ]
	ended callee 0
	[ "$(cat callee.out)" = 'inactive sendrecv BYE' ]
}

@test "who was called holds the call by a key, at the same time as the caller" {
	background keys python3 "$BATS_TEST_DIRNAME/keys.py" answered h held '\x03' -- reload-sip-call -a bob listen --answer
	until_true eval 'reload-attach -q -a alice connect 5060 bob@calls.example </dev/null >/dev/null 2>&1'
	background caller timeout 30 python3 "$BATS_TEST_DIRNAME/sip_peer.py" caller both_hold_the_call alice
	ended caller 0
	[ "$(cat caller.out)" = '491 inactive in time' ]
	ended keys 0
	[ "$(cat keys.out)" = 'status 0 as before' ]
}

@test "a telephone number: the longest prefix first, then the next gateway when it has no way or says nothing" {
	reload-store -a bob --service 'example.calls.pstn.+4930' -q
	reload-store -a carol --service 'example.calls.pstn.+49' -q
	callee unavailable_gateway
	callee gateway carol
	R reload-sip-call -a alice tel:+49-30-1234 --duration 100ms -j
	ok
	jq -se --arg n "$(node_of carol)" '.[-1].node_id == $n' <<<"$output"
	ended callee 0
	ended carol-callee 0
	[ "$(cat callee.out)" = 'INVITE tel:+49301234 SIP/2.0 <tel:+49301234>' ]
	[ "$(cat carol-callee.out)" = 'INVITE tel:+49301234 SIP/2.0' ]
	callee silent_gateway
	callee gateway carol
	R reload-sip-call -a alice tel:+49301234 --duration 100ms -q
	ok
	ended callee 0
	ended carol-callee 0
	[ "$(cat callee.out)" = 'CANCEL tel:+49301234 SIP/2.0' ]
	# when all refuse, the last status
	callee unavailable_gateway
	callee unavailable_gateway carol
	R reload-sip-call -a alice tel:+49301234 -q
	failed 12 'tel:.49301234 was not reached'
	matches "${stderr_lines[1]}" 503
	R reload-sip-call -a alice tel:+4930x
	failed 2 'no AOR, no GRUU and no number'
	R reload-sip-call -a alice tel:110
	failed 5 'no gateway'
}

@test "echo finds the service; what nobody answers is recorded by the mailbox" {
	R reload-sip-call -a alice echo -q
	failed 5 'nobody provides example.calls.voice-echo'
	listens bob --answer --echo --offer
	until_true says bob.out 'offered    example.calls.voice-echo'
	R reload-sip-call -a alice echo --duration 1s
	ok
	matches "$output" $'\nservice    bob@calls.example \\('"$(node_of bob | cut -c1-8)"
	matches "${lines[-1]}" '^ended      [1-9]\.[0-9] s, 50 sent, [0-9]+ received, 0 lost, jitter [0-9.]+ ms, .*MOS 4\.[34]$'
	kill -INT "$(cat bob.pid)"
	ended bob 0
	# it is offered as long as somebody listens
	R reload-fetch -a alice --service example.calls.voice-echo
	failed 5 .
	mkdir -p box
	rm -f box/*
	listens carol --voicemail box
	until_true says carol.out 'offered    example.calls.voice-mail'
	listens bob
	R reload-sip-call -a alice bob@calls.example --ring 300ms --tone 440 --duration 1s
	ok
	matches "$output" $'\nservice    carol@calls.example '
	until_true says bob.out 'not answered, 487'
	until_true says carol.out '^ended '
	matches "$(cat carol.out)" 'voicemail  alice@calls.example \([0-9a-f]{8}\)  for bob@calls.example  box/[0-9TZ]+-[0-9]+-bob@calls.example-from-alice@calls.example.wav'
	[ "$(soxi -D box/*.wav | cut -c1-3)" = 1.0 ]
	kill -INT "$(cat bob.pid)"
	ended bob 0
	# who does not even listen has one as well
	R reload-sip-call -a alice bob@calls.example --duration 100ms -q
	ok
	[ "$(find box -name '*.wav' | wc -l)" = 2 ]
	# there is nothing to record of a call without audio
	R reload-sip-call -a alice bob@calls.example --no-media -q
	failed 5 'bob@calls.example was not reached'
	until_true says carol.out 'not answered, 488'
	[ "$(find box -name '*.wav' | wc -l)" = 2 ]
	kill -INT "$(cat carol.pid)"
	ended carol 0
	R reload-sip-call -a alice bob@calls.example -q
	failed 5 'bob@calls.example was not reached'
}
