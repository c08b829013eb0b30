#!/usr/bin/env bats
# reload-sip-adapter: ordinary SIP devices call, and are called by, users of an overlay.

load lab
load calls
load adapter

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_ring
	adapter_users alice@calls.example bob@calls.example
	reload-sip-call -a carol register carol@calls.example -q
}

teardown_file() {
	lab_end
}

@test "passwd writes hashes, which are never the password" {
	R reload-sip-adapter passwd other Dave@CALLS.example --password-file - <<<'pass word'
	ok
	[ "$output" = 'set the password of Dave@calls.example in other' ]
	[ "$(stat -c %a other)" = 600 ]
	[ "$(cat other)" = "Dave@calls.example SHA-256=$(printf 'Dave:calls.example:pass word' | sha256sum | cut -d' ' -f1) MD5=$(printf 'Dave:calls.example:pass word' | md5sum | cut -d' ' -f1)" ]
	R reload-sip-adapter passwd other Dave@calls.example --password-file - --digest md5 -j <<<again
	ok
	same_schema reload-sip-adapter passwd
	[ "$(cat other)" = "Dave@calls.example MD5=$(printf 'Dave:calls.example:again' | md5sum | cut -d' ' -f1)" ]
	R reload-sip-adapter passwd other 192.0.2.1 --password-file - <<<x
	failed 2 '192.0.2.1 is no user'
	echo 'eve@calls.example MD5=12' >>other
	R reload-sip-adapter passwd other eve@calls.example --password-file - <<<x
	failed 1 'line 2 cannot be read'
}

@test "serve refuses what cannot be served" {
	R reload-sip-adapter -a alice --users users
	failed 2 'no --listen'
	R reload-sip-adapter -a alice --listen udp:localhost:5060 --users users
	failed 2 '--listen udp:localhost:5060'
	R reload-sip-adapter -a alice --listen udp:0.0.0.0:0
	failed 2 'no --users'
	R reload-sip-adapter -a alice --listen tls:127.0.0.1:0 --users users
	failed 2 'without --certificate'
	R reload-sip-adapter -a alice -a alice --listen udp:127.0.0.1:0 --users users
	failed 2 'the agents alice and alice'
	R reload-sip-adapter -a nobody --listen udp:127.0.0.1:0 --users users
	failed 3 'no agent answers'
	R reload-sip-adapter -a alice --listen udp:127.0.0.1:0 --users users -n
	[ "$status $output" = '0 would-serve    alice@calls.example' ]
}

@test "devices call each other, a user of the overlay, and are called: over UDP, TCP and both" {
	local port
	adapter
	port=$(lab_port)
	device_registers bob "$port"
	# C09: what the device wrote as its Contact comes back unchanged
	grep -qF "Contact: <sip:bob@127.0.0.1:$port;x-line=1>;q=0.5;expires=" register-bob.msg
	adapter_says '.type == "registered" and .aor == "bob@calls.example"'
	# two devices of the adapter; C10: the transport changes on the way, and the ACK and BYE of each end arrive
	device_answers bob "$port"
	device_calls alice bob
	device_ended bob
	device_answers bob "$port"
	device alice call "$TCP" -t t1 -s bob -key from alice -au alice -d 100
	device_ended alice
	device_ended bob
	[ "$(grep -c '^Record-Route: <sip:.*;lr;' bob.msg)" -ge 2 ]
	# a user of the overlay is called, whose certificate says who it is
	listens carol --answer -c 1
	device_calls alice carol
	ended carol 0
	matches "$(cat carol.out)" 'answered   alice@calls.example'
	# R7904-28: other nodes never see addresses of devices as the Contact
	# a device is called by a user of the overlay
	device_answers bob "$port"
	R reload-sip-call -a carol bob@calls.example --duration 200ms --wait 20s
	ok
	matches "$output" 'ringing    180'
	device_ended bob
	adapter_says '.type == "ended" and .from == "carol@calls.example" and .ended_by == "caller"'
	# a user of the overlay forwards to one who is served: the call goes out by one agent and comes in by another of the same adapter
	reload-sip-call -a carol register carol@calls.example --forward bob@calls.example -q
	device_answers bob "$port"
	device_calls alice carol
	device_ended bob
	reload-sip-call -a carol register carol@calls.example -q
	adapter_ends
	jq -e '.type == "summary" and .calls == 6 and .answered == 6 and .rubbish == 0 and .looped == 0' <<<"$output"
	# what stands for devices in the overlay goes with them
	R reload-sip-call -a carol lookup bob@calls.example
	failed 5 'not registered'
}

# cases NAME...: those of adapter_cases.py, with devices that do what sipp cannot
cases() {
	local name
	for name in "$@"; do
		timeout 50 python3 "$BATS_TEST_DIRNAME/adapter_cases.py" "$name" "$UDP" "$TCP" || { echo "case $name"; return 1; }
	done
}

@test "registrar: replays, refreshes beyond the life of a nonce, devices that move (C06, C07, C09)" {
	adapter
	cases registrar
	adapter_ends
	jq -e '.registers > 20 and .challenges > 10' <<<"$output"
	adapter --nonce-lifetime 300ms
	cases refresh
	adapter_ends
}

@test "proxy: forks, dialogs, limits, loops (C04, C05, C08, C10, C11, C20, C24, C26)" {
	adapter
	cases forks dialogs limits
	adapter_ends
	jq -e '.forged == 1 and .looped == 0' <<<"$output"
	background adapter reload-sip-adapter -a alice -a bob --listen udp:127.0.0.1:0 -j
	until_true adapter_serves 2
	UDP=$(socket_of udp)
	cases loops
	adapter_ends
	jq -e '.looped == 1' <<<"$output"
}

# scrape LINE...: the metrics have these lines, and a strict parser takes them
scrape() {
	local line
	curl -s --unix-socket metrics http://adapter/metrics >metrics.text
	for line in "$@"; do
		grep -qxF "$line" metrics.text || { echo "no line $line"; cat metrics.text; return 1; }
	done
	/usr/bin/python3 "$BATS_TEST_DIRNAME/metrics.py" "$PWD/metrics" >/dev/null
}

@test "relay: audio goes through the adapter, and that of a stranger does not (C17)" {
	adapter --media relay --media-ports 41000-41099 --metrics "$PWD/metrics"
	cases relay
	scrape 'reload_sip_calls_total 3' 'reload_sip_answered_total 2' 'reload_sip_failed_total 1' 'reload_sip_relays 0' \
		'reload_sip_devices{aor="bob@calls.example"} 0' 'reload_sip_serving{aor="alice@calls.example"} 1'
	adapter_ends
	[ "$(jq -s '[.[] | select(.type == "ended")] | map(.media.strangers)' -c adapter.out)" = '[4,0]' ]
	R reload-sip-adapter -a alice --listen udp:127.0.0.1:0 --users users --media sometimes
	failed 2 '--media'
	R reload-sip-adapter -a alice --listen udp:127.0.0.1:0 --users users --media-ports 5-4
	failed 2 '--media-ports'
}

@test "bad input: the torture messages of RFC 4475, streams in pieces, floods" {
	adapter
	cases torture streams flood users
	adapter_ends
	jq -e '.rubbish > 50' <<<"$output"
}

@test "baresip over TLS calls a user of the overlay, is called, holds and resumes; calls in a row" {
	local at
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=adapter -keyout tls.key -out tls.crt 2>/dev/null
	# C16: the phone names an address from which its audio does not come
	adapter --media relay --listen tls:127.0.0.1:0 --certificate tls.crt --key tls.key
	phone bob bob tls "$(socket_of tls)"
	adapter_says '.type == "registered" and .aor == "bob@calls.example"'
	# the phone calls; its tone is heard, and is not while it holds
	background carol reload-sip-call -a carol listen --answer --record heard.wav -c 1 -j
	until_true says carol.out listening
	order bob dial sip:carol@calls.example
	until_true says carol.out answered
	until_true says bob.out 'Call established'
	until_true recorded heard.wav 1.2
	order bob hold
	at=$(wc -c <heard.wav)
	reload-ping -q -a carol alice@calls.example -c 6 -i 200ms >/dev/null # a second goes by
	order bob resume
	until_true recorded heard.wav $(awk -v at="$at" 'BEGIN { print at / 16000 + 2 }')
	order bob hangup
	ended carol 0
	# DTLS-SRTP ends in the adapter: the phone knows nothing of it
	adapter_says '.type == "ended" and .from == "bob@calls.example" and .media.from_caller > 60 and .media.encrypted and .media.fault == null'
	jq -se 'any(.type == "ended" and .media.encrypted)' carol.out
	at=$(awk -v at="$at" 'BEGIN { print at / 16000 }')
	heard heard.wav 0.4 0.5 440
	heard heard.wav $(awk -v at="$at" 'BEGIN { print at + 0.3 }') 0.4 0
	heard heard.wav -0.6 0.3 440
	# C10: a user of the overlay calls the phone over TLS
	R reload-sip-call -a carol bob@calls.example --tone 300 --duration 1s --record heard.wav -j
	ok
	jq -se '.[-1] | .media.encrypted and .media.lost == 0' <<<"$output"
	heard heard.wav 0.3 0.5 440
	# a device over UDP calls the phone over TLS, and hangs up; then the other way around
	device_calls alice bob
	adapter_says '.type == "ended" and .from == "alice@calls.example" and .ended_by == "caller"'
	# it refuses an offer without a stream, and takes one in which nobody sends
	R reload-sip-call -a carol bob@calls.example --no-media --duration 100ms -v
	[ "$status" = 0 ]
	[ "$(grep -c -- '-- INVITE, sdp' <<<"$stderr")" = 2 ]
	matches "${lines[-1]}" '^ended      [0-9]+\.[0-9] s, no media$'
	# calls in a row: none is lost
	for ((n = 0; n < ${ADAPTER_CALLS:-20}; n++)); do
		reload-sip-call -a carol bob@calls.example --duration 50ms -q || { echo "call $n"; return 1; }
	done
	adapter_ends
	jq -e --argjson n "${ADAPTER_CALLS:-20}" '.calls == 5 + $n and .answered == .calls - 1 and .refused == 1' <<<"$output"
}

# recorded FILE SECONDS: so much of a recording is on the disk
recorded() {
	[ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$(awk -v s="$2" 'BEGIN { print int(s * 16000) }')" ]
}

# C15: keys pass the relay, which is then deaf; the phone refuses the first offer, and takes the second of the same call
@test "baresip encrypts its audio with a user of the overlay, whoever calls" {
	adapter --media relay
	cat >encrypting <<-END
		#!/bin/sh
		sed -i 's/^module account.so/module srtp.so\\nmodule dtls_srtp.so\\nmodule account.so/' phone-bob/config
		sed -i 's/>/>;mediaenc=dtls_srtp/' phone-bob/accounts
		sed -i "s/0.0.0.0/127.0.0.1/" phone-bob/config
		exec "\$@"
	END
	chmod +x encrypting
	PHONE_IN=./encrypting phone bob bob udp "$UDP"
	R reload-sip-call -a carol bob@calls.example --tone 300 --duration 1500ms --record heard.wav -j
	ok
	jq -se '.[-1] | .media.encrypted and .media.lost == 0' <<<"$output"
	heard heard.wav 0.5 0.5 440
	background carol reload-sip-call -a carol listen --answer --record called.wav -c 1 -j
	until_true says carol.out listening
	order bob dial sip:carol@calls.example
	until_true recorded called.wav 1.2
	order bob hangup
	ended carol 0
	jq -se 'any(.type == "ended" and .media.encrypted)' carol.out
	heard called.wav 0.5 0.5 440
	kill -TERM "$(cat bob.pid)" # it unregisters
	until_true gone "$(cat bob.pid)"
	rm bob.pid
	adapter_ends
}
