#!/usr/bin/env bats
# A configuration that changes under running agents: config set, add-kind, publish.

load lab
load fleet

NAMES="alice bob carol dave erin"

# All five have links to each other: a list of successors has three entries.
whole() {
	local name
	for name in $NAMES; do
		reload-agent status -a "$name" -j | jq -e '.links.up == 4 and (.successors | length) == 3' >/dev/null || return 1
	done
}

setup_file() {
	fleet_begin $NAMES
	until_true whole
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

sequence_of() {
	reload-agent status -a "$1" -j | jq .configuration_sequence
}

all_have() { # all_have SEQUENCE
	local name
	for name in $NAMES; do
		[ "$(sequence_of "$name")" = "$1" ] || return 1
	done
}

# The connections of each agent: their ports say which ones they are.
connections() {
	fleet_connections - $NAMES
}

@test "set: one command signs the next document, a dry run changes nothing" {
	before=$(sha256sum $DOC)
	R reload-enroll config set chord-update-interval=300 -n
	ok
	[ "${lines[0]}" = "would change calls.example: sequence 1 to 2, signed, until $(date -u -d '365 days' +%F)" ]
	[ "$(sha256sum $DOC)" = "$before" ]
	R reload-enroll config set chord-update-interval=300 initial-ttl=40 --json
	ok
	same_schema reload-enroll config set
	# R-6.3.2.1-02: the next number
	jq -e '.sequence == 2 and .previous_sequence == 1 and .in_place and
		(.changes | map([.what, .before, .after])) == [["chord-update-interval", null, "300"], ["initial-ttl", "30", "40"]]' <<<"$output"
	reload-enroll config check $DOC -q
	grep -q '<initial-ttl>40</initial-ttl>' $DOC
}

@test "publish: every agent uses the new document, and all links are the same" {
	before=$(connections)
	R reload-enroll config publish -a carol --json
	ok
	same_schema reload-enroll config publish
	jq -e '.taken and .complete and .peers == 4 and .sequence == 2 and .previous_sequence == 1' <<<"$output"
	# R-6.5.4-01 R-6.5.4-09: all are in reach of the walk, so that all have it now
	all_have 2
	for name in $NAMES; do
		reload-agent status -a "$name" -j | jq -e '.update_interval_s == 300'
		cmp $DOC "lab/etc/identity/$name/overlay.xml"
	done
	[ "$(connections)" = "$before" ]
}

@test "publish: again confirms that all have it" {
	R reload-enroll config publish -a bob
	ok
	matches "$output" '^confirmed sequence 2 of calls.example: this agent and 4 other peers have it, the whole ring, after [0-9.]+ s$'
}

@test "a peer that was away gets the document when it comes back" {
	reload-agent stop -a dave -q
	within 20 gone "$(cat lab/dave.pid)"
	reload-enroll config set initial-ttl=50 -q
	reload-enroll config publish -a alice -q -t 30
	lab_start dave -l 127.0.0.1:0
	reload-agent status -a dave --wait joined -q -t 20
	# R-6.3.2.1-05: whoever asks with an old number is sent the present document
	until_true all_have 3
	until_true whole
}

@test "add-kind: a Kind that is published can be stored at once, and its limits changed" {
	reload-enroll kind NOTE --id 0xf0000009 --model single --access user-match --max-size 5 -o note.xml -q
	R reload-enroll config add-kind note.xml
	ok
	[ "${lines[1]}" = "  Kind 0xf0000009  none to SINGLE USER-MATCH max-count 1 max-size 5" ]
	reload-enroll config publish -a erin -q -t 30
	reload-store -a bob -k NOTE bob@calls.example hello -q
	[ "$(reload-fetch -a dave -k NOTE bob@calls.example --raw)" = hello ]
	R reload-store -a bob -k NOTE bob@calls.example 'hello there'
	failed 8 ''
	reload-enroll kind NOTE --id 0xf0000009 --model single --access user-match --max-size 50 -o note.xml -q
	reload-enroll config add-kind note.xml -q
	reload-enroll config publish -a erin -q -t 30
	# R-11.1-50: the new limit holds, and what was stored is still there
	[ "$(reload-fetch -a dave -k NOTE bob@calls.example --raw)" = hello ]
	reload-store -a bob -k NOTE bob@calls.example 'hello there' -q
	reload-enroll kind NOTE --id 0xf0000009 --model array --access user-match -o note.xml -q
	R reload-enroll config add-kind note.xml
	failed 7 'the Kind 0xf0000009 is there with another meaning'
}

@test "what is wrong changes nothing" {
	before=$(sha256sum $DOC)
	check() { # check STATUS TEXT OPERAND...
		R reload-enroll config set "${@:3}"
		failed "$1" "$2"
		[ "$(sha256sum $DOC)" = "$before" ]
	}
	check 2 'foo is no parameter' foo=1
	check 2 'initial-ttl is no KEY=VALUE' initial-ttl
	check 2 'nothing is to be changed'
	check 2 'given twice' initial-ttl=3 initial-ttl=4
	check 10 'not changed' initial-ttl=256
	check 10 'not changed' node-id-length=20 -y
	check 10 'not changed' topology-plugin=OTHER -y
	check 10 'not changed' max-message-size=300
	check 2 'bootstrap-node is not possible' bootstrap-node=example.com:1
	# all would have to join again: that is asked
	check 2 'every peer will leave' no-ice=false
}

@test "publish refuses what peers would refuse, and says why" {
	cp $DOC newest.xml
	sequence=$(sequence_of alice)
	refused() { # refused STATUS TEXT
		R reload-enroll config publish -a alice ./doc.xml
		failed "$1" "$2"
		all_have "$sequence"
	}
	cp lab/etc/identity/alice/overlay.xml doc.xml
	sed -i "s/ sequence=\"$sequence\"/ sequence=\"$((sequence + 1))\"/" doc.xml
	refused 10 'not signed by a configuration-signer'
	sed -i '/<signature>/d' doc.xml
	# R-6.5.4-05
	refused 10 'the signature'
	sed -i "s/ sequence=\"$((sequence + 1))\"/ sequence=\"1\"/" doc.xml
	# R-6.5.4-04
	refused 10 'older'
}

@test "plan: what a change costs, and publish refuses it without --yes" {
	R reload-enroll config set chord-reactive=false
	ok
	R reload-enroll config plan -a bob --json
	ok
	same_schema reload-enroll config plan
	jq -e '.steps == 1 and .consent and .peers == [] and .complete and
		(.costs | map([.cost, .what, .consent])) == [["service", "chord-reactive true to false", true]]' <<<"$output"
	before=$(sequence_of alice)
	R reload-enroll config publish -a bob --no-input
	failed 2 'is not published without --yes'
	matches "${stderr_lines[1]}" 'chord-reactive true to false: after a peer has failed'
	all_have "$before"
	R reload-enroll config publish -a bob -y -t 30
	ok
	all_have $((before + 1))
	R reload-enroll config plan -a bob
	ok
	matches "$output" 'the agent has it already'
	# a change that peers take in place costs nothing
	reload-enroll config set chord-update-interval=310 -q
	R reload-enroll config plan -a erin
	ok
	matches "$output" 'every peer takes it in place, and no value is lost'
	R reload-enroll config publish -a erin -t 30
	ok
	for name in $NAMES; do
		reload-agent status -a "$name" -j | jq -e '.update_interval_s == 310'
	done
}

@test "publish: a document above max-message-size goes in two steps, or is refused with the number" {
	# CFG-15: an update that fits no message reaches nobody
	limit=$(sed -n 's|.*max-message-size>\([0-9]*\)<.*|\1|p' $DOC)
	sequence=$(sequence_of alice)
	for i in $(seq $((limit / 400))); do
		echo "<kind id=\"$((4026532000 + i))\"><data-model>SINGLE</data-model><access-control>USER-MATCH</access-control><max-count>1</max-count><max-size>9</max-size></kind>" >"k$i.xml"
	done
	R reload-enroll config add-kind k*.xml
	[ "$status" -eq 0 ]
	matches "$stderr" 'does not fit the max-message-size of the document before, '"$limit"
	# who signed it is not here
	cp $DOC doc.xml
	R reload-enroll config publish -a alice ./doc.xml -y
	failed 8 'too large to be published'
	matches "${stderr_lines[1]}" "has at most $limit\$"
	matches "${stderr_lines[2]}" 'config set max-message-size='
	R reload-enroll config plan -a alice -j
	ok
	jq -e --argjson l "$limit" '.steps == 2 and .max_message_size == $l and .update_bytes > $l and .consent and
		(.costs[0].what | startswith("max-message-size \($l) to "))' <<<"$output"
	before=$(connections)
	saved=$(sha256sum $DOC)
	R reload-enroll config publish -a alice --no-input
	failed 2 'is not published without --yes'
	[ "$(sha256sum $DOC)" = "$saved" ]
	all_have "$sequence"
	R reload-enroll config publish -a alice -y -t 40
	ok
	matches "${lines[0]}" "^published sequence $((sequence + 1)) .*the whole ring"
	matches "${lines[1]}" "^published sequence $((sequence + 2)) .*the whole ring"
	all_have $((sequence + 2))
	for name in $NAMES; do cmp $DOC "lab/etc/identity/$name/overlay.xml"; done
	[ "$(connections)" = "$before" ]
	reload-store -a bob -k $((4026532000 + 1)) bob@calls.example large -q
}

@test "publish: an agent that has not joined, or none, is named" {
	reload-enroll issue frank@calls.example --identity frank >/dev/null
	lab_start frank -l 127.0.0.1:0 --no-join
	reload-agent status -a frank --wait enrolled -q -t 20
	R reload-enroll config publish -a frank
	failed 9 'nothing can be published'
	R reload-enroll config publish -a nobody
	failed 3 nobody
	reload-agent stop -a frank -q
}

@test "the number after 65534 is 0, on a running ring" {
	# R-6.3.2.1-07 R-6.3.2.1-03: forward in steps that each node takes for newer
	step() { # step FROM TO: the document of FROM signed again as the predecessor of TO
		sed "s/ sequence=\"$1\"/ sequence=\"$2\"/; /<signature>/d" $DOC >jump.xml
		cp jump.xml $DOC
	}
	local now
	now=$(sequence_of alice)
	for next in 30000 60000 65533; do
		step "$now" "$next"
		now=$((next + 1))
		reload-enroll config set "initial-ttl=$((now % 90 + 20))" -q
		reload-enroll config publish -a bob -q -t 30
		all_have "$now"
	done
	reload-enroll config set initial-ttl=33 -q
	R reload-enroll config publish -a erin -t 30 -j
	ok
	jq -e '.previous_sequence == 65534 and .sequence == 0 and .complete and .peers == 4' <<<"$output"
	all_have 0
	# links carry requests both ways after it
	reload-store -a carol -k 0xf0000001 carol@calls.example 'after the turn' -q
	[ "$(reload-fetch -a alice -k 0xf0000001 carol@calls.example --raw)" = 'after the turn' ]
}

@test "clients-permitted and the reactive setting change in place" {
	reload-enroll config set clients-permitted=false -q
	R reload-enroll config publish -a alice -t 30
	ok
	reload-enroll config show -j | jq -e '.clients_permitted == false'
	all_have "$(reload-enroll config show -j | jq .sequence)"
}

@test "a change of the links makes every peer leave, and it says why" {
	reload-enroll config set no-ice=false -y -q
	R reload-enroll config plan -a carol -j
	ok
	# every peer is named
	jq -e '.complete and (.peers | map(.user | split("@")[0]) | sort) == ["alice", "bob", "carol", "dave", "erin"] and
		.costs[0].cost == "rejoin"' <<<"$output"
	R reload-enroll config publish -a alice -t 2 --no-input
	failed 2 'not published without --yes'
	R reload-enroll config publish -a alice -t 2 -y
	for name in $NAMES; do
		# R-11.1-49
		until_true grep -q 'cannot meet the new configuration and leaves the overlay.*join again' "lab/$name.log"
	done
}
