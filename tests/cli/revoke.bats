#!/usr/bin/env bats
# Users and devices that are revoked, on a running ring.

load lab
load fleet

NAMES="alice bob carol dave erin"

setup_file() {
	fleet_begin $NAMES
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# The connections among those four that stay.
connections() {
	fleet_connections "$DAVE" alice bob carol erin
}

no_links_to_dave() {
	local name
	for name in alice bob carol erin; do
		reload-agent status -a "$name" --links -j | jq -e --arg d "$DAVE" '.links.list | all(.node_id != $d)' >/dev/null || return 1
	done
}

# Nobody gets a value of the user: it is not there, or it is refused because of its signer.
no_value() {
	run reload-fetch -a "$1" -k 0xf0000001 dave@calls.example -t 5
	[ "$status" -eq 5 ] || [ "$status" -eq 6 ] || return 1
	[[ "$output" != *'still here'* ]]
}

@test "revoke: peers drop the links to the user and the values, the others keep theirs" {
	DAVE=$(node_of dave)
	reload-store -a dave -k 0xf0000001 dave@calls.example 'still here' -q
	[ "$(reload-fetch -a bob -k 0xf0000001 dave@calls.example --raw)" = 'still here' ]
	before=$(connections)
	R reload-enroll revoke dave@calls.example
	ok
	[ "${lines[1]}" = "  bad-node  dave@calls.example to $DAVE" ]
	R reload-enroll config publish -a alice -t 30
	ok
	matches "$output" 'this agent and 3 other peers have it, the whole ring'
	# R-11.1-33: B13, within 10 s on all
	within 10 no_links_to_dave
	[ "$(connections)" = "$before" ]
	for name in alice bob carol erin; do
		within 10 no_value "$name"
	done
	# it was told so, and has left
	until_true state dave enrolled
	until_true grep -q 'cannot meet the new configuration.*cert_revoked' lab/dave.log
}

@test "a revoked user gets no certificate until it is enabled, and then another Node-ID" {
	DAVE=$(lab_ledger | jq -r '.users["dave@calls.example"].revoked[0]')
	before=$(lab_ledger; sha256sum lab/etc/identity/dave/*)
	# B16
	R reload-enroll issue dave@calls.example --identity dave
	failed 6 'the user is disabled'
	[ "${stderr_lines[2]}" = "  try:  reload-enroll user enable dave@calls.example" ]
	[ "$(lab_ledger; sha256sum lab/etc/identity/dave/*)" = "$before" ]
	R reload-enroll user enable dave@calls.example
	ok
	[ "$output" = "dave@calls.example: enabled" ]
	R reload-enroll issue dave@calls.example --identity dave --json
	ok
	new=$(jq -r '.node_ids[0]' <<<"$output")
	[ "$new" != "$DAVE" ]
	reload-agent stop -a dave -q
	within 20 gone "$(cat lab/dave.pid)"
	lab_start dave -l 127.0.0.1:0
	reload-agent status -a dave --wait joined -q -t 20
	[ "$(node_of dave)" = "$new" ]
	reload-store -a dave -k 0xf0000001 dave@calls.example 'here again' -q
	[ "$(reload-fetch -a bob -k 0xf0000001 dave@calls.example --raw)" = 'here again' ]
}

@test "one device is revoked, the other one stays" {
	reload-enroll issue erin@calls.example --identity phone --new-node-id >/dev/null
	phone=$(reload-enroll show phone -j | jq -r '.items[0].node_ids[0]')
	desk=$(node_of erin)
	R reload-enroll revoke "$phone"
	ok
	R reload-enroll user list -j
	ok
	same_schema reload-enroll user list
	jq -e --arg p "$phone" --arg d "$desk" '.users[] | select(.user == "erin@calls.example") |
		.node_ids == [$d] and .revoked == [$p] and .disabled == false' <<<"$output"
	R reload-enroll show phone --config lab/etc/calls.example/overlay.xml
	[ "$status" -eq 10 ]
	# neither the Node-ID that was revoked, nor that of the other device
	R reload-enroll issue erin@calls.example --identity phone -j
	ok
	jq -e --arg p "$phone" --arg d "$desk" '.node_ids | length == 1 and .[0] != $p and .[0] != $d' <<<"$output"
}

@test "disable refuses certificates and revokes none" {
	R reload-enroll user disable bob@calls.example -j
	ok
	same_schema reload-enroll user disable
	jq -e '.disabled and .revoked == []' <<<"$output"
	R reload-enroll issue bob@calls.example --identity bob
	failed 6 'the user is disabled'
	R reload-enroll user list
	ok
	matches "$output" $'\nbob@calls.example  1 Node-ID  until [-0-9]{10}  disabled\n'
	matches "$output" $'(^|\n)configuration-signer@calls.example  1 Node-ID  signer'
	reload-enroll user enable bob@calls.example -q
	reload-enroll issue bob@calls.example --identity bob -q
}

@test "what cannot be revoked changes nothing" {
	before=$(lab_ledger | cat - lab/etc/calls.example/overlay.xml | sha256sum)
	check() { # check STATUS TEXT OPERAND...
		R reload-enroll revoke "${@:3}"
		failed "$1" "$2"
		[ "$(lab_ledger | cat - lab/etc/calls.example/overlay.xml | sha256sum)" = "$before" ]
	}
	check 2 'cannot be revoked' 1234
	check 2 'cannot be revoked' alice@calls.example nobody@calls.example
	check 2 'the signer cannot be revoked' configuration-signer@calls.example
	check 2 'the signer cannot be revoked' "$(lab_ledger | jq -r '.users["configuration-signer@calls.example"].node_ids[0]')"
	check 7 'nothing is to be revoked' "$(lab_ledger | jq -r '.users["dave@calls.example"].revoked[0]')"
	R reload-enroll user enable nobody@calls.example
	failed 5 'is no user of this authority'
	R reload-enroll revoke alice@calls.example -n
	ok
	[ "$(lab_ledger | cat - lab/etc/calls.example/overlay.xml | sha256sum)" = "$before" ]
}

@test "a Node-ID that nobody was issued can be revoked, with a warning" {
	R reload-enroll revoke 00112233445566778899aabbccddeeff
	[ "$status" -eq 0 ]
	matches "$stderr" 'has issued no certificate for 00112233445566778899aabbccddeeff'
	grep -q '<bad-node>00112233445566778899aabbccddeeff</bad-node>' lab/etc/calls.example/overlay.xml
}
