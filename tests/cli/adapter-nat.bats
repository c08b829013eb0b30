#!/usr/bin/env bats
# reload-sip-adapter in an overlay with ICE: the audio of a telephone without ICE behind a NAT, and of users behind NATs of tests/lab/nat-lab.
# `make soak` lets the tone sound for a minute.

load lab
load nat-lab
load calls
load adapter

setup_file() {
	lab_begin
	nat_begin s=public t=public sy=symmetric ph=port-restricted
	S=$(nat-lab addr s):6084
	T=$(nat-lab addr t)
	export S T
	openssl rand -hex 32 >turn-secret
	reload-enroll init calls.example --ice --bootstrap "$S" >/dev/null
	for u in s t alice bob; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
		cp turn-secret "lab/etc/identity/$u/turn-secret"
	done
	adapter_users bob@calls.example
	host_start s s --first
	reload-agent status -a s --wait joined -t 60 -q >/dev/null
	relay_start t
	host_start alice sy
	host_start bob s -l "$(nat-lab addr s):0"
	for u in alice bob; do
		reload-agent status -a $u --wait joined -t 60 -q >/dev/null
	done
}

teardown_file() {
	local name
	for name in bob alice t s; do
		host_stop $name
	done
	turn_stop t
	lab_end
	[ -z "${NATLAB-}" ] || nat-lab down
}

# C16: a proxy alone cannot mend this: neither end can send to the other, and one does not know how to find out
@test "a telephone without ICE behind a port-restricted NAT and a user behind a symmetric one hear each other, after hold too" {
	local seconds=${ADAPTER_SECONDS:-4} end
	background adapter nsenter --net="/run/netns/$(nat-lab ns s)" reload-sip-adapter -a bob --listen "udp:$(nat-lab addr s):0" --users users -j
	until_true adapter_serves 1
	UDP=$(socket_of udp)
	PHONE_IN="nsenter --net=/run/netns/$(nat-lab ns ph)" phone bob bob udp "$UDP"
	adapter_says '.type == "registered" and .aor == "bob@calls.example"'
	background alice reload-sip-call -a alice bob@calls.example --tone 300 --duration "${seconds}s" --hold 1s+1s --record heard.wav --wait 20s -j
	within $((seconds + 40)) test -s alice.status
	ended alice 0
	jq -se '.[-1] | .sip_status == 200 and .media.received > 50 and .media.encrypted' alice.out
	end=$((seconds - 1))
	heard heard.wav 0.5 0.4 440
	heard heard.wav 2.6 0.4 440
	heard heard.wav "$end" 0.5 440
	adapter_says '.type == "ended" and .media.from_caller > 50 and .media.from_callee > 50 and .media.encrypted'
	# what the phone has heard: the tone of the user
	until_true test -s "$(echo phone-bob/*-dec.wav)"
	heard "$(echo phone-bob/*-dec.wav)" 0.5 0.4 300
	kill "$(cat bob.pid)"
	adapter_ends
}
