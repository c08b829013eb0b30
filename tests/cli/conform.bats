#!/usr/bin/env bats
# reload-diag conform: an agent of our own keeps all that is asked, a node of another kind is told what it does not keep, and a hostile one
# takes neither time nor memory.

load lab

setup_file() {
	lab_begin
	export PYTHONDONTWRITEBYTECODE=1 PORT
	PORT=$(lab_port)
	# many places for each identity: nearly always one is at each peer
	echo '<kind id="4026531843"><data-model>SINGLE</data-model><access-control>NODE-MULTIPLE</access-control><max-node-multiple>60</max-node-multiple><max-count>1</max-count><max-size>500</max-size></kind>' >kind.xml
	reload-enroll init hostile.example --bootstrap "127.0.0.1:$PORT" --kind kind.xml >/dev/null
	for u in alice bob carol tester other; do
		reload-enroll issue "$u@hostile.example" --identity "$u" >/dev/null
	done
	lab_ring
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	export RELOAD_HOME=$BATS_FILE_TMPDIR/lab
}

teardown() {
	[ -z "${pid:-}" ] || kill "$pid"
}

teardown_file() {
	lab_end
}

# conform OPTIONS: with the sanitizers if there is a build with them.
conform() {
	timeout 100 "$RELOAD_BIN/reload-diag" conform -I tester "$@"
}

# foreign MODE: a node that is not ours, at $foreign.
foreign() {
	rm -f port
	python3 "$BATS_TEST_DIRNAME/conform_node.py" "$1" other >port 2>node.err 3>&- &
	pid=$!
	until_true [ -s port ]
	foreign=127.0.0.1:$(cat port)
}

@test "our own agents: all hold, and nothing is left behind" {
	for agent in alice bob carol; do
		conform -j "$(reload-agent status -a $agent -j | jq -r '.listen[0]')" >checks || { cat checks; return 1; }
		# a peer with a very short range may be responsible for none of the places
		jq -e 'select(.type == "check" and .verdict != "holds") | select(.verdict != "not judged" or (.evidence | test("responsible for (no|a) place") | not))' checks && return 1
		jq -e 'select(.type == "sum") | .violated == 0 and .complete' checks
		cat checks >>all
	done
	jq -se 'map(select(.verdict == "holds")) | (map(.section) | unique | length >= 20) and (map(.requirement) | unique | length >= 110) and
		all(.evidence | length > 0) and all(.requirement | test("^R-[0-9]+([.][0-9]+)*-[0-9][0-9]$"))' all
	# each is judged at one of them
	jq -r 'select(.type == "check") | .requirement' all | sort -u >asked
	jq -r 'select(.verdict == "holds") | .requirement' all | sort -u | diff asked -
	# what it stored was removed, and nobody lost a neighbour
	run -0 reload-diag health -a alice
	lab_whole alice bob carol
	conform self -a alice -q
	run -0 conform "$(node_of alice)" -a carol -q # who made the link to the bootstrap node knows where it listens
	run -0 conform "$(node_of carol)" -a alice    # and who was dialled asks for it
	matches "$output" "$(reload-agent status -a carol -j | jq -r '.listen[0]') $(node_of carol)"
	lab_whole alice bob carol
}

@test "read-only: nothing is stored; TAP; a part; a list" {
	before=$(reload-agent status -a alice -j | jq -c '.stored, .counters.requests_store_req')
	run -0 conform --read-only -j "127.0.0.1:$PORT"
	jq -se 'map(select(.type == "check")) | all(.verdict == (if .writes then "not judged" else "holds" end)) and any(.writes)' <<<"$output"
	[ "$(reload-agent status -a alice -j | jq -c '.stored, .counters.requests_store_req')" = "$before" ]
	run -0 conform --tap --only R-6.3.2-,R-7-02 --read-only "127.0.0.1:$PORT"
	[ "${lines[0]}" = "TAP version 13" ]
	[ "${lines[1]}" = "1..$(grep -c '^ok ' <<<"$output")" ]
	matches "$output" 'ok [0-9]+ - R-7-02 .* # SKIP --read-only'
	[ -z "$(grep -v '^TAP\|^1\.\.\|^ok [0-9]* - R-6.3.2-\|^ok [0-9]* - R-7-02\|^# ' <<<"$output")" ]
	run -0 conform -n "127.0.0.1:1"
	[ "$(grep -c '^not judged' <<<"$output")" -ge 110 ]
}

@test "another implementation: what it does not keep is named, and what it keeps is not" {
	foreign plain
	# it looks at no header, no signature, no option, and lets in who shows no certificate
	broken='R-6.5.1.13-02 R-6.3.2-01 R-6.3.2-02 R-6.3.2-11 R-6.3.2.1-04 R-6.1.1-07 R-6.1.2-11 R-6.3.2.3-05 R-6.3.3-04 R-6.3.4-16 R-6.3.4-20 R-6.4.2.5-03 R-7.4.1.1-06 R-7.4.4-05'
	kept='R-6.6.2-03 R-6.6.2-04 R-6.3.2-17 R-6.3.2-04 R-6.3.2-13 R-6.3.2-19 R-6.3.3-07 R-6.3.3.1-03 R-6.3.4-03 R-6.3.4-18 R-6.5.3-02 R-6.5.3-03 R-3-02'
	run -13 conform -j --only "$(tr ' ' , <<<"$broken $kept")" "$foreign"
	for verdict in violated holds; do
		jq -r --arg v $verdict 'select(.verdict == $v) | .requirement' <<<"$output" | sort >"$verdict"
	done
	diff violated <(tr ' ' '\n' <<<"$broken" | sort)
	diff holds <(tr ' ' '\n' <<<"$kept" | sort)
	run -13 conform --tap --only R-6.3.4-20,R-6.6.2-03 "$foreign"
	matches "$output" '
not ok 2 - R-6.3.4-20 .*
# answered with '
}

@test "a hostile node: an end in time, with the cause" {
	for mode in noise huge half empty acks silent; do
		foreign $mode
		began=$SECONDS
		case $mode in
		noise | huge) limit=20s ;;
		*) limit=400ms ;;
		esac
		run -4 conform -W $limit "$foreign"
		[ $((SECONDS - began)) -lt 30 ]
		case $mode in
		noise) matches "$output" 'a frame of the node begins with' ;;
		huge) matches "$output" 'a frame of the node announces 16777223 bytes' ;;
		empty | acks) matches "$output" 'no answer|takes no bytes' ;;
		*) matches "$output" 'no answer' ;;
		esac
		[[ $output != *Sanitizer* ]]
		kill "$pid"
		wait "$pid" || true
		pid=
	done
}

@test "who cannot ask is told why" {
	run -7 conform -I alice "127.0.0.1:$PORT"
	matches "$output" 'an agent runs with this identity'
	run -4 conform 127.0.0.1:1
	matches "$output" 'Connection refused'
	run -10 conform -I nobody 127.0.0.1:1
	run -2 conform --only R-99 "127.0.0.1:$PORT"
	run -2 conform --tap -j "127.0.0.1:$PORT"
	run -2 conform 0.0.0.0:7
	# the certificate of another overlay is not let in
	reload-enroll init elsewhere.example >/dev/null
	reload-enroll issue eve@elsewhere.example --identity eve >/dev/null
	run -4 conform -I eve "127.0.0.1:$PORT"
	matches "$output" 'why: .*certificate'
}
