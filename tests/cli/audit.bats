#!/usr/bin/env bats
# reload-diag audit, and what health says of copies: an agent with faults on purpose (tests/inject) makes what they have to find.

load lab

K=0xf0000001

# start NAME [OPTIONS]: an agent that takes orders from lab/NAME.orders
start() {
	local name=$1
	shift
	RELOAD_INJECT=$PWD/lab/$name.orders "$RELOAD_BIN/tests/inject/reload-agent" -I "$name" "$@" 2>"lab/$name.log" 3>&- &
	echo $! >"lab/$name.pid"
}

# order NAME WORDS: and it has been carried out
order() {
	echo "${*:2}" >"lab/$1.new"
	mv "lab/$1.new" "lab/$1.orders"
	reload-agent status -a "$1" -q >/dev/null
	[ ! -e "lab/$1.orders" ]
}

setup_file() {
	lab_begin
	local first second u
	first=$(lab_port) second=$(lab_port)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$first" --bootstrap "127.0.0.1:$second" >/dev/null
	for u in alice bob carol dave; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	start alice -l "127.0.0.1:$first" --first
	reload-agent status -a alice -q --wait joined -t 30 >/dev/null
	start bob -l "127.0.0.1:$second" --no-join
	start carol -l 127.0.0.1:0 --no-join
	start dave -l 127.0.0.1:0 --no-join
	for u in alice bob carol dave; do
		reload-join -a "$u" -q
	done
	lab_whole alice bob carol dave
	for u in alice bob carol; do
		reload-store -a "$u" -k $K "$u@calls.example" "of $u" --verify -q
	done
	export RELOAD_AGENT=alice
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# called NODE-ID: the agent that has it
called() {
	local u
	for u in alice bob carol dave; do
		[ "$(node_of "$u")" != "$1" ] || echo "$u"
	done
}

# follow NAME TRY: what the finding says, at that peer
follow() {
	[ "$2" = "at that peer: reload-join --leave, then reload-join" ] &&
		reload-join -a "$1" --leave -q && reload-join -a "$1" -q && lab_whole alice bob carol dave
}

fine() {
	reload-diag audit -q >audit.out || { cat audit.out; return 1; }
	[ ! -s audit.out ]
}

@test "audit: a ring that is well" {
	R reload-diag audit -j
	ok
	same_schema reload-diag audit
	[ "$(jq -r '"\(.level) \(.peers) \(.answered) \(.complete) \(.findings | length)"' <<<"$output")" = "ok 4 4 true 0" ]
	# three names with a value and the certificates of four users, each at three peers
	[ "$(jq .resources <<<"$output")" -ge 7 ]
	[ "$(jq '.copies == 3 * .resources' <<<"$output")" = true ]
	R reload-diag audit --sample 0
	ok
	matches "$output" '^4 of 4 peers answered; 0 resources, 0 copies looked at; 0 findings$'
	R reload-diag audit --sample x
	failed 2 sample
}

@test "audit and health: a replica that has lost a value; what they say helps" {
	at=$(reload-fetch --stat -k $K bob@calls.example -j)
	resource=$(jq -r .resource_id <<<"$at")
	owner=$(jq -r .responsible <<<"$at")
	replica=$(reload-diag map -j | jq -r --arg o "$owner" '[.peers[].node_id] as $p | $p[(($p | index($o)) + 1) % 4]')
	order "$(called "$replica")" drop "$resource"
	R reload-diag audit -j
	[ "$status" -eq 13 ]
	finding=$(jq -c --arg r "$resource" --arg n "$replica" \
		'.findings[] | select(.check == "copies" and .resource_id == $r and .node_id == $n and (.kind | startswith("0xf")))' <<<"$output")
	matches "$(jq -r .text <<<"$finding")" "^replica ${replica:0:8} has no copy of Kind $K at resource:${resource:0:8}$"
	# the peer that is responsible says so in its own health
	R reload-diag health -a "$(called "$owner")" -j
	[ "$status" -eq 13 ]
	matches "$(jq -r '.checks[] | select(.check == "replicas") | .level + " " + .text' <<<"$output")" "^fail replica ${replica:0:8} has no copy of Kind"
	follow "$(called "$replica")" "$(jq -r .try <<<"$finding")"
	until_true fine
	R reload-diag health -a "$(called "$owner")" -j
	[ "$(jq -r '.checks[] | select(.check == "replicas") | .level' <<<"$output")" = ok ]
}

@test "audit: a peer whose list of successors lacks the first; what it says helps" {
	id=$(node_of carol)
	order carol blind
	# what is asked of the values may be lost in such a ring: its time ends
	R reload-diag audit --sample 4 -t 6s
	[ "$status" -eq 13 ]
	matches "$output" "fail  neighbours  ${id:0:8} has another successor: "
	R reload-diag audit --sample 0 -j
	[ "$status" -eq 13 ]
	[ "$(jq -r '.findings[] | select(.check == "neighbours").node_id' <<<"$output")" = "$id" ]
	follow carol "$(jq -r '.findings[0].try' <<<"$output")"
	until_true fine
}

@test "audit: a peer that does not answer" {
	id=$(node_of dave)
	kill -STOP "$(cat lab/dave.pid)"
	R reload-diag audit --sample 0
	kill -CONT "$(cat lab/dave.pid)"
	[ "$status" -eq 13 ]
	matches "$output" "warn  answer      ${id:0:8} is known to others and does not answer"
	lab_whole alice bob carol dave
}

conflicts_known() {
	reload-diag audit -a "$1" --merged -j | jq -s -e 'any(.kind_id == 4026531841)' >/dev/null
}

@test "audit --merged: a value that was written in two rings which became one" {
	local port first=mia second=other resource
	port=$(lab_port)
	R reload-diag audit --merged
	ok
	[ -z "$output" ]
	reload-enroll init merge.example --bootstrap "127.0.0.1:$port" >/dev/null
	reload-enroll issue mia@merge.example --identity mia >/dev/null
	reload-enroll issue mia@merge.example --identity other --new-node-id >/dev/null
	# each forms a ring of its own, as neither finds the other
	lab_start other -l 127.0.0.1:0 --first
	reload-agent status -a other -q --wait joined -t 30 >/dev/null
	lab_start mia -l "127.0.0.1:$port" --first
	reload-agent status -a mia -q --wait joined -t 30 >/dev/null
	# the later version is that of the ring whose peer is not responsible in the end
	resource=$(reload-store -a mia -k $K mia@merge.example 'the first' -j | jq -r .resource_id)
	next=$(printf '%s\n' "$resource" "$(node_of mia)" "$(node_of other)" | sort | awk -v r="$resource" '{ at[NR] = $1 } END { for (i = 1; i <= 3; i++) if (at[i] == r) print at[i % 3 + 1] }')
	[ "$next" = "$(node_of mia)" ] || { first=other second=mia; }
	reload-store -a $first -k $K mia@merge.example 'the earlier one' -q
	reload-store -a $second -k $K mia@merge.example 'the later one' -q
	reload-join -a other --leave --now -q
	reload-join -a other -q
	until_true conflicts_known $first
	R reload-diag audit -a $first --merged
	[ "$status" -eq 13 ]
	# the certificate of that user, which is at the same place, may have come with it, and has a line of its own
	matches "$output" 'Kind 0xf0000001  1 value, the other version came from [0-9a-f]{8}: the other one is kept: it was stored later'
	[ "$(reload-fetch -a mia -k $K mia@merge.example --raw)" = 'the later one' ]
	reload-agent stop -a other -q
	reload-agent stop -a mia -q
}
