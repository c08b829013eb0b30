#!/usr/bin/env bats
# reload-fetch --stat, --find and --watch, the question to one node, and reload-store --verify.

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_ring
	export CAROL BOB ALICE
	CAROL=$(node_of carol) BOB=$(node_of bob) ALICE=$(node_of alice)
	reload-store -a alice -q -k $ARRAY alice@calls.example --batch - <<-'END'
		{"index":0,"text":"zero"}
		{"index":1,"text":"one"}
		{"index":5,"text":"five"}
	END
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

K=0xf0000001
ARRAY=0xf0000002
DICT=0xf0000003

# R-7.4.3-02: sizes, hashes and times, no values; R-7.4.3-04: ranges and wildcards as in a Fetch
@test "statistics of the values, also of a part of them" {
	R reload-fetch -a bob -j --stat -k $ARRAY alice@calls.example
	ok
	[ "$(jq -c '.values | map([.index, .size_bytes, .hash_algorithm, has("value")])' <<<"$output")" = \
		'[[0,4,"sha256",false],[1,3,"sha256",false],[5,4,"sha256",false]]' ]
	R reload-fetch -a bob -j --stat -k $ARRAY alice@calls.example --index 1-5
	ok
	[ "$(jq -c '.values | map(.index)' <<<"$output")" = '[1,5]' ]
	R reload-fetch -a bob --stat -k $ARRAY alice@calls.example --index 9
	failed 5 'no value'
	reload-store -a alice -q -k $DICT alice@calls.example own
	R reload-fetch -a bob -j --stat -k $DICT alice@calls.example
	ok
	[ "$(jq -c '.values | map(.key)' <<<"$output")" = "[\"$ALICE\"]" ]
	R reload-fetch -a bob -j --stat -k NOSUCH alice@calls.example
	[ "$status" -eq 2 ]
}

# plus_one HEX: the point behind it on the ring of 128 bits.
plus_one() {
	python3 -c 'import sys; print("%032x" % ((int(sys.argv[1], 16) + 1) % 2**128))' "$1"
}

# R-7.4.4-07: asking for closest + 1 again and again finds every resource; a peer that has no more is walked over
@test "the overlay can be walked" {
	for u in alice bob carol; do
		reload-store -a $u -q -k $K "$u@calls.example" "of $u"
	done
	stored=$(for u in alice bob carol; do reload-fetch -a alice -j -k $K "$u@calls.example" | jq -r .resource_id; done | sort)
	at=00000000000000000000000000000001 found=
	for _ in $(seq 12); do
		R reload-fetch -a bob -j --find -k $K "resource:$at"
		if [ "$status" -eq 0 ]; then
			closest=$(jq -r .closest <<<"$output")
			[[ $closest < $at ]] && break
			found+=$closest$'\n'
			at=$(plus_one "$closest")
		else
			[ "$status" -eq 5 ]
			# none from here to the end of this peer: on to the next one
			next=$(printf '%s\n' "$ALICE" "$BOB" "$CAROL" | sort | awk -v at="$at" '$0 >= at' | head -1)
			[ -n "$next" ] || break
			at=$(plus_one "$next")
		fi
	done
	[ "$(sort <<<"${found%$'\n'}")" = "$stored" ]
	R reload-fetch -a bob --find -k $K alice@calls.example --key x
	failed 2 find
}

# R-7.4.1.2-02: the replicas that the StoreAns names are checked by Stat
@test "--verify reads back from the responsible peer and from each replica" {
	R reload-store -a alice -k $K alice@calls.example 'everywhere' --verify
	ok
	matches "${lines[1]}" '^read back from [0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{8}$'
	R reload-store -a alice -j -k $ARRAY alice@calls.example 'everywhere' --append --verify
	ok
	same_schema reload-store --verify
	[ "$(jq -c '[.verified[] | .held] == [true, true, true] and (.verified | map(.node_id)) == [.responsible] + .replicas' <<<"$output")" = true ]
	R reload-store -a alice -k $DICT alice@calls.example 'everywhere' --verify
	ok
	R reload-store -a alice -k $DICT alice@calls.example --remove -y --verify
	ok
	matches "${lines[1]}" '^gone from '
}

# R-7.4.1.2-02
@test "a replica that does not answer is missing: exit 11, and it is named" {
	# a user whose resource has a replica that is neither his own peer, which is asked, nor the responsible one; best not the last: the one
	# behind it has its own time to answer
	for user in alice bob carol; do
		R reload-store -a $user -j -k $K $user@calls.example before
		self=$(node_of $user)
		replica=$(jq -r --arg self "$self" '.replicas[] | select(. != $self)' <<<"$output" | head -1)
		[ "$(jq -r '.replicas[0]' <<<"$output")" = "$self" ] || break
	done
	case $replica in
	"$ALICE") name=alice ;;
	"$BOB") name=bob ;;
	*) name=carol ;;
	esac
	kill -STOP "$(cat lab/$name.pid)"
	R reload-store -a $user -k $K $user@calls.example missing --verify
	kill -CONT "$(cat lab/$name.pid)"
	[ "$status" -eq 11 ]
	matches "${lines[0]}" '^stored at '
	matches "${stderr_lines[0]}" '1 of 3 peers cannot give it back'
	matches "${stderr_lines[1]}" "why:  replica ${replica:0:8}: "
}

# fake CASE: an agent that is not one, at lab/run/fake.sock, its requests in fake.requests
fake() {
	python3 "$BATS_TEST_DIRNAME/fake_agent.py" lab/run/fake.sock "$1" >fake.requests 2>&1 3>&- &
	FAKE=$!
	echo $FAKE >lab/fake.pid
	until_true [ -S lab/run/fake.sock ]
}

@test "values that failed a check are counted, and the first reason is named" {
	reload-fetch -a bob -j -k $ARRAY alice@calls.example >whole.json
	jq -e '.invalid_count == 0 and .invalid_reason == null and .dropped == 0 and .dropped_why == null' whole.json
	jq '.invalid_count = 2 | .invalid_reason = "bad signature"' whole.json >part.json
	fake status:part.json
	R reload-fetch -a fake -k $ARRAY alice@calls.example
	[ "$status" -eq 11 ]
	matches "$stderr" '2 values dropped: bad signature'
	wait $FAKE
}

# The agent's limit ends a question, not ours: the connection, and so what comes after it, would be lost.
@test "--verify goes on behind a replica that has used up its time" {
	fake slow
	R reload-store -a fake -j -k $K alice@calls.example x --verify
	[ "$status" -eq 11 ]
	[ "$(jq -c '[.verified[] | .held]' <<<"$output")" = '[true,false,true]' ]
	wait $FAKE
	jq -s -e 'map(select(.params.at) | .params.timeout_ms) | min >= 300 and max <= 5000' fake.requests
}

@test "--verify compares the value that each of them has" {
	fake other
	R reload-store -a fake -j -k $K alice@calls.example x --verify
	[ "$status" -eq 11 ]
	[ "$(jq -c '[.verified[] | .held]' <<<"$output")" = '[true,false,true]' ]
	matches "$(jq -r '.verified[1].why' <<<"$output")" 'another value'
	wait $FAKE
}

@test "--verify keeps to the limit of the program" {
	fake empty
	before=$(date +%s%N)
	R reload-store -a fake -j -k $K alice@calls.example x --verify -t 1s
	took=$((($(date +%s%N) - before) / 1000000))
	[ "$status" -eq 11 ]
	[ "$(jq -c '[.verified[] | .held]' <<<"$output")" = '[false,false,false]' ]
	[ $took -le 4000 ]
	jq -s -e 'map(select(.params.at) | .params.timeout_ms) | length > 0 and min >= 300 and max <= 700' fake.requests
	wait $FAKE
}

@test "--verify asks nobody when the agent is gone" {
	fake dies
	before=$SECONDS
	R reload-store -a fake -j -k $K alice@calls.example x --verify
	[ "$status" -eq 11 ]
	[ "$(jq -c '[.verified[] | .held]' <<<"$output")" = '[false,false,false]' ]
	[ "$(jq -r '.verified[2].why' <<<"$output")" = 'the agent is gone' ]
	[ $((SECONDS - before)) -le 4 ]
	wait $FAKE
}

# lines_of FILE COUNT: it has that many lines already.
lines_of() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

@test "changes are printed as they come, and a summary at the end" {
	reload-store -a carol -q -k $K carol@calls.example one
	reload-fetch -a bob -j -k $K carol@calls.example --watch 100ms >watched &
	watch=$!
	until_true lines_of watched 1
	reload-store -a carol -q -k $K carol@calls.example one # again: no change
	reload-store -a carol -q -k $K carol@calls.example two
	until_true lines_of watched 2
	reload-store -a carol -q -k $K carol@calls.example --remove -y
	until_true lines_of watched 3
	kill -TERM $watch
	wait $watch
	[ "$(jq -s -c 'map([.type, .change, .value.text, .before.text])' watched)" = \
		'[["change","initial","one",null],["change","changed","two","one"],["change","removed",null,"two"],["summary",null,null,null]]' ]
	[ "$(jq -s -c '.[-1] | [.changes, .failures]' watched)" = '[3,0]' ]
	R reload-fetch --watch 1s --json-schema
	ok
	jq -e --slurpfile seen watched '.oneOf[0].required as $r | $seen[0] | ($r - keys == []) and (keys - $r == [])' <<<"$output"
}

@test "a fetch that fails while watching is told, and the next one made" {
	reload-store -a bob -q -k $K bob@calls.example there
	reload-fetch -a carol -k $K bob@calls.example --watch 100ms >watched 2>failures &
	watch=$!
	until_true lines_of watched 1
	reload-join -a carol --leave -q
	until_true grep -q 'why:' failures
	reload-join -a carol -q
	reload-store -a bob -q -k $K bob@calls.example changed
	until_true lines_of watched 2
	kill -INT $watch
	wait $watch
	matches "$(cat failures)" 'why:  carol is not part of calls.example'
	matches "$(sed -n 1p watched)" '^[0-9:]+  initial  there   signed by bob@calls.example'
	matches "$(sed -n 2p watched)" '^[0-9:]+  changed  changed '
	matches "$(tail -1 watched)" '^[0-9]+ polls, 2 changes, [1-9][0-9]* failures?$'
}

@test "watching ends at --timeout; without any success the failure counts" {
	R reload-fetch -a bob -q -t 3s -k $K bob@calls.example --watch 100ms
	ok
	[ "$output" = changed ]
	R reload-fetch -a nobody -t 300ms -k $K bob@calls.example --watch 100ms
	[ "$status" -eq 3 ]
	matches "$stderr" 'no agent answers'
	# a question that is wrong is so the next time too
	R timeout 20 reload-fetch -a bob -k $K bob@calls.example --index 3 --watch 100ms
	[ "$status" -eq 2 ]
	matches "$stderr" 'only arrays have an index'
	[ "$output" = '1 poll, 0 changes, 1 failure' ]
}

@test "a proof for a pipe that nobody reads: the time limit holds" {
	mkfifo pipe
	R timeout 10 reload-fetch -a bob -k $K bob@calls.example --proof pipe -t 2s
	failed 4 pipe
}

# whatever stands in an answer, in all forms of output and on standard error
@test "what others wrote steers no terminal, wherever it stands" {
	lab_tainter bob
	for form in "" -j --flat -vv; do
		tainted "$form" "agent status" "agent log" "agent log --tail 50" "agent refresh -n" "agent stop -n" "ping -c 1 node:$ALICE" "ping -c 1 -i 1s nobody" \
			"join -n" "fetch -k $ARRAY alice@calls.example" "fetch --stat -k $ARRAY alice@calls.example" "fetch --find -k $ARRAY alice@calls.example" \
			"fetch -k 0x77 alice@calls.example" "fetch -k $K nobody@calls.example" "store -n -k $K bob@calls.example x" \
			"store --kept" "store -k $K alice@calls.example x"
	done
	harmless_all
	# what comes by itself: an event of each change, a line of the log
	reload-agent events -a tainted -v --type stored >tainted.out 2>tainted.err 3>&- &
	local watching=$!
	while ! [ -s tainted.out ]; do
		kill -0 "$watching"
		reload-store -a bob -k $K bob@calls.example once -q
	done
	kill -TERM "$watching"
	wait "$watching" || true
	cat tainted.out >>tainted.all
	harmless tainted.out tainted.err
	# the words came, and what is wrong with them is seen
	grep -q '\\x1b\[2J.*\\x9b31m.*\\u202e.*\\u2066' tainted.all
	grep -q '\\u001b\[2J.*\\u009b31m.*\\u202e\\u2066' tainted.all
	lab_tainter_end
}
