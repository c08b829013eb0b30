#!/usr/bin/env bats
# TURN servers that are found as a service, by ReDiR (RFC 7374 s10.4), in networks of tests/lab/nat-lab.

load lab
load nat-lab

setup_file() {
	lab_begin
	nat_begin s=public t=public u=public sy=symmetric sy2=symmetric
	S=$(nat-lab addr s):6084
	export S
	openssl rand -hex 32 >turn-secret
	reload-enroll init calls.example --ice --services 10 --bootstrap "$S" >/dev/null
	for u in s t u a b; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
		cp turn-secret "lab/etc/identity/$u/turn-secret"
	done
	host_start s s --first
	reload-agent status -a s --wait joined -t 60 -q >/dev/null
}

teardown_file() {
	lab_end
	turn_stop t
	turn_stop u
	[ -z "${NATLAB-}" ] || nat-lab down
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

offered() { # NAME
	reload-store -a "$1" --list-kept -j | jq -e '.services[] | select(.service == "turn-server") | .state == "kept" and .rounds > 0' >/dev/null
}

relay_of() { # NAME: the addresses of the relays that its links use
	reload-agent status -a "$1" --links -j | jq -r '[.links.list[].relay // empty | split(":")[0]] | unique | join(" ")'
}

uses_another() { # NAME OLD: it is connected through another relay
	local now
	now=$(relay_of "$1")
	path_is a b relayed && [ -n "$now" ] && [[ $now != *"$2"* ]]
}

# R7374-21
@test "an agent that no longer offers its TURN server is no longer found" {
	relay_start t
	until_true offered t
	R reload-fetch -a s --service turn-server -q
	ok
	[ "$output" = "node:$(node_of t)" ]
	reload-agent stop -a t
	until_true gone "$(cat lab/t.pid)"
	R reload-fetch -a s --service turn-server
	failed 5 'nobody provides turn-server'
	# it depends on --turn-server, not on what was kept
	[ "$(jq -c .services lab/state/t/kept.json)" = '[]' ]
	relay_stop t
}

# R7374-16
@test "behind symmetric NATs: a relay found by ReDiR, and the next one when it dies" {
	relay_start t u
	for name in t u; do
		until_true offered $name
	done
	R reload-fetch -a s --service turn-server --for "$(node_of t)" -q
	ok
	[ "$output" = "node:$(node_of t)" ]
	host_start a sy
	host_start b sy2
	reload-agent status -a a --wait joined -t 20 -q >/dev/null
	reload-agent status -a b --wait joined -t 20 -q >/dev/null
	until_true path_is a b relayed
	for name in a b; do
		grep -q 'TURN server found .* by=service' lab/$name.log
	done
	used=$(relay_of a)
	for name in t u; do
		[[ $used != *"$(nat-lab addr $name)"* ]] || dies=$name
	done
	kill -9 "$(cat lab/"$dies".pid)" "$(cat lab/"$dies".turn.pid)"
	within 90 uses_another a "$(nat-lab addr "$dies")"
}
