#!/usr/bin/env bats
# reload-sip-call register, unregister, lookup: registrations of SIP users (RFC 7904), and how the agent keeps them.

load lab
load calls

setup_file() {
	lab_begin
	PORT=$(lab_port)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --sip-domain 'calls[.]example' >/dev/null
	for u in alice bob carol dave; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	reload-enroll issue bob@calls.example --identity mobile --new-node-id >/dev/null
	reload-enroll issue erin@elsewhere.example --identity erin --overlay calls.example >/dev/null
	lab_ring
	# dave knows a second bootstrap node, as the first one may be the peer that a test kills
	other=$(reload-agent status -a bob -j | jq -r '.listen[0]')
	for u in mobile erin dave; do
		lab_start $u -l 127.0.0.1:0 --role client --no-join --bootstrap "$other"
		reload-join -a $u -q
	done
	export PORT
}

teardown_file() {
	lab_end
}

# targets AOR: the last Node-IDs of its devices, in order.
targets() {
	reload-sip-call -a alice lookup "$1" -j 2>/dev/null | jq -r '.targets[].node_id' | sort
}

finds() {
	[ "$(targets "$1")" = "$2" ]
}

absent() {
	run -5 reload-sip-call -a alice lookup "$1"
}

@test "register: a device is found under the AOR of its user" {
	R reload-sip-call -a bob register sip:bob@CALLS.example
	ok
	bob=$(node_of bob)
	matches "$output" "^registered bob@calls.example -> ${bob:0:8} \(SIP\), kept by the agent$"
	# R7904-33: the Resource Name is the AOR without a scheme, the key is the Node-ID; R7904-2
	R reload-fetch -a carol -k SIP-REGISTRATION bob@calls.example -j
	ok
	jq -e --arg n "$bob" '.values | length == 1 and .[0].key == $n and .[0].decoded.destination_list[0].node == $n and .[0].signer.user == "bob@calls.example"' <<<"$output"
	R reload-sip-call -a alice lookup bob@calls.example
	ok
	matches "$output" "^device     node:$bob  SIP or SIPS  bob@calls.example;gr=[A-Za-z0-9+/~]+$"
	# R7904-31: the GRUU leads to the device without a fetch
	gruu=${output##* }
	R reload-sip-call -a alice lookup "sip:$gruu" -j
	ok
	jq -e --arg n "$bob" '.targets | length == 1 and .[0].node_id == $n and .[0].from_gruu' <<<"$output"
	R reload-store -a bob --list-kept -j
	jq -e '.kept | length == 1 and .[0].kind == "SIP-REGISTRATION" and .[0].lifetime_s == 3600' <<<"$output"
}

@test "several devices of a user are all found, a client behind its peer" {
	reload-sip-call -a bob register bob@calls.example -q
	R reload-sip-call -a mobile register bob@calls.example --prefs 'schemes="SIPS"' -j
	ok
	mobile=$(node_of mobile)
	# R7904-4: preferences are stored as a predicate; a client is reached through its peer
	jq -e --arg n "$mobile" '.contact_prefs == "(sip.schemes=SIPS)" and (.destination_list | length == 2 and .[1] == $n)' <<<"$output"
	# R7904-3, R7904-18: the keys are not named, so all are found
	finds bob@calls.example "$(printf '%s\n' "$(node_of bob)" "$mobile" | sort)"
	R reload-sip-call -a alice lookup bob@calls.example -j
	# R7904-27
	jq -e --arg n "$mobile" '.targets[] | select(.node_id == $n) | .schemes == ["sips"]' <<<"$output"
	R reload-sip-call -a mobile unregister bob@calls.example
	ok
	[ "$output" = 'removed the registration of bob@calls.example' ]
	finds bob@calls.example "$(node_of bob)"
}

@test "forwarding is followed, a circle ends, another domain is named" {
	reload-sip-call -a bob register bob@calls.example -q
	R reload-sip-call -a carol register carol@calls.example --forward sip:bob@calls.example
	ok
	[ "$output" = 'registered carol@calls.example -> sip:bob@calls.example, kept by the agent' ]
	reload-sip-call -a alice register alice@calls.example --forward carol@calls.example -q
	# R7904-17
	R reload-sip-call -a bob lookup alice@calls.example
	ok
	[ "${lines[0]}" = 'forwarded  alice@calls.example -> carol@calls.example' ]
	[ "${lines[1]}" = 'forwarded  carol@calls.example -> bob@calls.example' ]
	matches "${lines[2]}" "^device     node:$(node_of bob) "
	reload-sip-call -a bob register bob@calls.example --forward alice@calls.example -q
	# R7904-35, C20: the circle ends
	R reload-sip-call -a carol lookup alice@calls.example
	failed 5 'alice@calls.example is not registered'
	reload-sip-call -a bob register bob@calls.example --forward bob@elsewhere.example -q
	# R7904-15
	R reload-sip-call -a carol lookup alice@calls.example
	failed 5 'no node of this overlay is reached at alice@calls.example'
	R reload-sip-call -a carol lookup someone@elsewhere.example
	failed 5 'no node of this overlay'
	for u in alice carol; do
		reload-sip-call -a $u unregister $u@calls.example -q
	done
	reload-sip-call -a bob register bob@calls.example -q
}

@test "a registration is removed when the node leaves, and there again when it is back" {
	reload-sip-call -a carol register carol@calls.example -q
	reload-join -a carol --leave -q
	absent carol@calls.example
	reload-join -a carol -q
	until_true finds carol@calls.example "$(node_of carol)"
	R reload-store -a carol --list-kept -j
	jq -e '.kept[0].state == "kept"' <<<"$output"
	# also when the agent ends, and it is registered by the next one of that name
	reload-agent stop -a carol -q
	absent carol@calls.example
	lab_start carol -l 127.0.0.1:0 --no-join
	reload-join -a carol -q
	until_true finds carol@calls.example "$(node_of carol)"
	reload-sip-call -a carol unregister carol@calls.example -q
	absent carol@calls.example
	lab_whole alice bob carol
}

@test "what nobody may register is refused before it is sent" {
	# R7904-7, R7904-38
	R reload-sip-call -a bob register carol@calls.example
	failed 6 'cannot register carol@calls.example'
	matches "${stderr_lines[1]}" 'certificate of this node is that of bob@calls.example'
	# R7904-5, R7904-36
	R reload-sip-call -a erin register erin@elsewhere.example
	failed 6 'cannot register erin@elsewhere.example'
	matches "${stderr_lines[1]}" 'allows no names of elsewhere.example'
	# R7904-6, R7904-9: and by the peers, when it is sent all the same
	R reload-store -a erin -k SIP-REGISTRATION erin@elsewhere.example -f <(printf '\001\000\007\000\005a@b.c')
	failed 6 erin@elsewhere.example
	# R7904-8
	R reload-store -a bob -k SIP-REGISTRATION bob@calls.example --key hex:00112233445566778899aabbccddeeff -f <(printf '\001\000\007\000\005a@b.c')
	failed 6 bob@calls.example
	R reload-store -a bob -k SIP-REGISTRATION bob@calls.example rubbish
	failed 1 SIP-REGISTRATION
	# C21: what is no AOR
	for aor in bob 'tel:+1' "bob@calls.example;gr=x" bob@127.0.0.1 'bob@[::1]' 'b%00b@calls.example'; do
		R reload-sip-call -a bob register "$aor"
		failed 2 'cannot register'
	done
	for aor in tel:+1 bob@127.0.0.1 'b%00b@calls.example'; do
		R reload-sip-call -a bob register bob@calls.example --forward "$aor"
		failed 2 'cannot register'
	done
	for aor in bob@127.0.0.1 'b%00b@calls.example'; do
		R reload-sip-call -a bob lookup "$aor"
		failed 2 'no AOR'
		R reload-sip-call -a bob call "$aor"
		failed 2 'no AOR'
	done
	R reload-sip-call -a bob register bob@calls.example --forward bob@calls.example
	failed 2 'cannot register'
	R reload-sip-call -a bob register bob@calls.example --prefs '(sip.schemes'
	failed 2 'cannot register'
	R reload-sip-call -a bob register bob@calls.example --prefs audio --forward carol@calls.example
	failed 2 'cannot register'
	R reload-sip-call -a bob register bob@calls.example --lifetime 0
	failed 2 lifetime
	R reload-sip-call -a alice lookup nobody
	failed 2 'no AOR'
}

@test "a dry run stores nothing" {
	reload-sip-call -a carol unregister carol@calls.example -q
	R reload-sip-call -a carol register carol@calls.example -n
	ok
	matches "$output" '^would register carol@calls.example'
	absent carol@calls.example
}

@test "without an overlay, an agent or the Kind" {
	R reload-sip-call -a nobody lookup bob@calls.example
	failed 3 .
	reload-join -a carol --leave -q
	R reload-sip-call -a carol lookup bob@calls.example
	failed 9 'cannot'
	R reload-sip-call -a carol register carol@calls.example
	failed 9 'cannot'
	reload-join -a carol -q
	lab_whole alice bob carol
}

@test "schemas" {
	for c in register unregister lookup; do
		reload-sip-call $c --json-schema | jq -e ".oneOf[0].properties.aor" >/dev/null
	done
}

# path_of AGENT USER: the first entry of the Destination List that is stored for the user's device.
path_of() {
	reload-fetch -a "$1" -k SIP-REGISTRATION "$2@calls.example" -j | jq -r '.values[0].decoded.destination_list[0].node'
}

moved() { # moved AGENT BEFORE
	local now
	now=$(path_of "$1" dave) && [ -n "$now" ] && [ "$now" != "$2" ] && [ "$now" != null ]
}

# gruu AGENT: its anonymous GRUU, or why it has none.
gruu() {
	PYTHONPATH=$BATS_TEST_DIRNAME python3 -c 'import media_path, sys
reply = media_path.Agent(sys.argv[1]).ask("sip.gruu")
print(reply["result"]["gruu"] if "result" in reply else reply["error"]["data"]["why"])' "$RELOAD_HOME/run/$1.sock"
}

# R7904-32, R-6.1.3-01, R-6.1.3-02
@test "an anonymous GRUU leads to its node as long as the link of the peer that made it stands" {
	for u in alice mobile; do # a peer and a client
		anonymous=$(gruu $u)
		R reload-sip-call -a carol lookup "$anonymous" -j
		ok
		jq -e '.targets | length == 1 and .[0].node_id == null and .[0].from_gruu' <<<"$output"
		target=$(jq -r '.targets[0].target' <<<"$output")
		[[ $target != *$(node_of $u)* ]]
		R reload-ping -a carol -c 1 -j "$target"
		ok
		jq -se --arg n "$(node_of $u)" '.[0].node_id == $n' <<<"$output"
	done
	listens mobile --answer -c 1
	R reload-sip-call -a carol "eve@${anonymous#*@}" --no-media -q
	[ "$status" = 12 ]
	matches "$stderr" 'the anonymous GRUU of eve@calls.example leads to a node of bob@calls.example'
	R reload-sip-call -a carol "$anonymous" --no-media --duration 100ms -q
	ok
	ended mobile 0
	reload-join --leave -a mobile -q
	matches "$(gruu mobile)" 'mobile is not part of calls.example'
	R reload-ping -a carol -c 1 -W 1s "$target"
	[ "$status" = 4 ]
	# with the next link it has another one
	reload-join -a mobile -q
	[ "$(gruu mobile)" != "$anonymous" ]
}

# The last test, as a peer is gone after it.
@test "a client registers anew when its peer has died" {
	reload-sip-call -a dave register dave@calls.example -q
	before=$(path_of alice dave)
	# a client calls, and is called
	listens dave --answer
	reload-sip-call -a bob register bob@calls.example -q
	listens bob --answer -c 1
	R reload-sip-call -a dave bob@calls.example --duration 100ms -q
	ok
	ended bob 0
	R reload-sip-call -a alice dave@calls.example --duration 100ms -q
	ok
	for u in alice bob carol; do
		if [ "$(node_of $u)" = "$before" ]; then peer=$u; else other=$u; fi
	done
	kill -KILL "$(cat lab/$peer.pid)"
	within 60 moved $other "$before"
	R reload-sip-call -a $other lookup dave@calls.example
	ok
	matches "$output" "node:$(node_of dave) "
	R reload-sip-call -a $other dave@calls.example --duration 100ms -q
	ok
}
