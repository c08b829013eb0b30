#!/usr/bin/env bats
# A ring that is governed through its document: 8 peers, or as many as RELOAD_FLEET says (25 for the figures), with a small document and with one
# above 5,000 bytes.

load lab

setup_file() {
	lab_begin
	export N=${RELOAD_FLEET:-8}
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

names() {
	seq -f 'p%g' "$N"
}

# Every peer has its neighbours: three on each side, or all others.
settled() {
	local name
	for name in $(names); do
		reload-agent status -a "$name" -j 2>/dev/null | jq -e '.state == "joined" and (.successors | length) >= 3' >/dev/null || return 1
	done
}

# found OPTIONS: the overlay, its users and their agents.
found() {
	PORT=$(lab_port)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" "$@" -q
	for name in $(names); do reload-enroll issue "$name@calls.example" -q; done
	lab_start p1 -l "127.0.0.1:$PORT" --first
	for name in $(names | tail -n +2); do lab_start "$name" -l 127.0.0.1:0; done
	for name in $(names); do reload-agent status -a "$name" --wait joined -q -t 90; done
	within 120 settled
}

# end: all agents stop, and nothing of the overlay is left.
end() {
	for name in $(names); do kill -KILL "$(cat "lab/$name.pid")"; done
	for name in $(names); do within 20 gone "$(cat "lab/$name.pid")"; done
	rm -rf lab
}

# The links among those that stay, with the ports by which they are known.
connections() {
	local name
	for name in $(names | grep -vx "$1"); do
		reload-agent status -a "$name" --links -j | jq -c --arg n "$name" --arg x "$GONE" '[$n, (.links.list | map(select(.node_id != $x) | .node_id + " " + .address) | sort)]'
	done
}

# The ring is at rest: five looks in a row show the same links.
at_rest() {
	local now
	now=$(connections none)
	if [ "$now" = "$(cat seen 2>/dev/null)" ]; then looks=$((looks + 1)); else looks=0; fi
	echo "$now" >seen
	[ $looks -ge 5 ]
}

# kept BEFORE: each link of those that stay is there; others may have been made.
kept() {
	jq -ne --argjson b "[${1//$'\n'/,}]" --argjson a "[$(connections "$out" | paste -sd,)]" \
		'($a | map({(.[0]): .[1]}) | add) as $now | [$b[] | .[0] as $n | .[1] - $now[$n] | length] | add == 0'
}

# No TCP connection of a process leads to the one that is out.
no_connection() {
	[ "$(ss -Htnp state established | grep -c "pid=$(cat "lab/$1.pid"),")" = 0 ]
}

no_value() {
	run reload-fetch -a "$1" -k 0xf0000001 "$2@calls.example" -t 5
	[ "$status" -eq 5 ] || [ "$status" -eq 6 ]
}

all_have() { # all_have FIELD VALUE [EXCEPT]
	local name
	for name in $(names | grep -vx "${3:-none}"); do
		[ "$(reload-agent status -a "$name" -j | jq -r ".$1")" = "$2" ] || return 1
	done
}

publish() {
	R reload-enroll config publish -a p1 -t 90 -j "$@"
	ok
	jq -e --argjson n "$((N - ${OUT:-1}))" '.complete and .peers == $n' <<<"$output"
	echo "# published to $N peers in $(jq .took_ms <<<"$output") ms" >&3
}

govern() {
	# what takes effect in place
	GONE=none
	out=none
	looks=0
	within 120 at_rest
	reload-enroll config set chord-update-interval=900 -q
	before=$(connections none)
	publish
	all_have update_interval_s 900
	kept "$before"
	# CHORD-05: refused, also with --yes
	R reload-enroll config set node-id-length=20 -y
	failed 10 'not changed'
	# what costs something is said, and published only with --yes
	for change in chord-reactive=false max-message-size=40000; do
		reload-enroll config set "$change" -q
		R reload-enroll config plan -a p2 -j
		ok
		jq -e --arg c "${change%=*}" '.consent and (.costs | length) == 1 and (.costs[0].what | startswith($c)) and (.costs[0].why | length) > 20' <<<"$output"
		R reload-enroll config publish -a p1 --no-input
		failed 2 'not published without --yes'
		publish -y
	done
	sequence=$(reload-enroll config show -j | jq .sequence)
	all_have configuration_sequence "$sequence"
	# one user is out: within 10 s nobody has a link to it, its values are gone, and the others keep their links
	out=p$((N / 2))
	GONE=$(node_of "$out")
	reload-store -a "$out" -k 0xf0000001 "$out@calls.example" 'mine' -q
	before=$(connections "$out")
	reload-enroll revoke "$out@calls.example" -q
	since=$EPOCHREALTIME
	OUT=2 publish
	within 10 no_connection "$out"
	echo "# revoked: no link after $(((${EPOCHREALTIME/./} - ${since/./}) / 1000)) ms" >&3
	all_have configuration_sequence "$((sequence + 1))" "$out"
	kept "$before"
	for name in p1 p2 p3; do within 10 no_value "$name" "$out"; done
}

@test "a ring with a small document" {
	found
	govern
	end
}

@test "a ring with a document above 5,000 bytes" {
	mkdir -p kinds
	for i in $(seq 12); do
		echo "<kind id=\"$((4026532000 + i))\"><data-model>SINGLE</data-model><access-control>USER-MATCH</access-control><max-count>1</max-count><max-size>9</max-size></kind>" >"kinds/$i.xml"
	done
	found $(printf -- '--kind kinds/%d.xml ' $(seq 12))
	[ "$(stat -c %s lab/etc/calls.example/overlay.xml)" -gt 5000 ]
	govern
	end
}
