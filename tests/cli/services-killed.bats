#!/usr/bin/env bats
# Providers of a service (RFC 7374) are killed one after the other, each replaced by another agent: whoever looks gets one that lives.
#
# make soak: AGENTS=25 PROVIDERS=8 KILLS=10 EVERY=60 LIFETIME=600

load lab

NS=example.calls.fax

setup_file() {
	lab_begin
	export AGENTS=${AGENTS:-6} PROVIDERS=${PROVIDERS:-3} KILLS=${KILLS:-2} EVERY=${EVERY:-1} LIFETIME=${LIFETIME:-6}
	PORT=$(lab_port)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --services "$AGENTS" >/dev/null
	local n
	for ((n = 0; n < AGENTS; n++)); do
		reload-enroll issue "a$n@calls.example" --identity "a$n" >/dev/null
		lab_start "a$n" -l "127.0.0.1:$((n ? 0 : PORT))" "$( ((n)) && echo --no-join || echo --first)"
		reload-join -a "a$n" -q
		node_of "a$n" >"a$n.node"
	done
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# offer N: that agent provides the service, and is alive
offer() {
	reload-store -a "a$1" -q --service $NS --lifetime "${LIFETIME}s"
	ALIVE="$ALIVE $(cat "a$1.node")"
}

# look KEY: the last agent, which provides nothing, gets a provider that lives, at the third try at the latest; how many it tried is in `tries`.
look() {
	local found begun=${EPOCHREALTIME/./}
	found=$(reload-fetch -a "a$((AGENTS - 1))" --service $NS --for "node:$1" --check -j) || {
		echo "nothing for $1: $found"
		return 1
	}
	echo $(((${EPOCHREALTIME/./} - begun) / 1000)) >>took
	jq '.skipped | length + 1' <<<"$found" >>tries
	matches "$ALIVE " " $(jq -r .node_id <<<"$found") "
	jq -e '.skipped | length < 3' <<<"$found" >/dev/null
}

# part PERCENT: that percentile of the milliseconds of the lookups
part() {
	sort -n took | awk -v p="$1" '{ v[NR] = $1 } END { print v[int((NR - 1) * p / 100) + 1] }'
}

# left NODE-ID: the seconds that the longest of its records in the tree will last; 0: there is none
left() {
	reload-fetch -a "a$((AGENTS - 1))" --service $NS --tree -j >tree.json &&
		jq --arg n "$1" 'if .complete then [.nodes[].entries[] | select(.node_id == $n) | .lifetime_s] | max // 0 else error("incomplete") end' tree.json
}

unlisted() {
	[ "$(left "$1")" = 0 ]
}

# E03, R7374-12, R7374-16: a dead provider is passed over, and listed until its records end
@test "providers are killed in a row, and every lookup gets one that lives within three tries" {
	local n dead killed_at=() next key lasts listed=0
	ALIVE=
	for ((n = 0; n < PROVIDERS; n++)); do
		offer $((n + 1))
	done
	next=$SECONDS
	for ((n = 1; n <= KILLS; n++)); do
		dead=$(cat "a$n.node")
		lasts=$(left "$dead")
		killed_at[n]=$SECONDS
		kill -9 "$(cat "lab/a$n.pid")"
		ALIVE=${ALIVE/ $dead/}
		# it is listed as long as its records last
		if [ "$(left "$dead")" -gt 0 ]; then
			listed=$((listed + 1))
		else
			[ $((SECONDS - killed_at[n])) -ge $((lasts - 1)) ]
		fi
		look "$dead"
		offer $((PROVIDERS + n))
		for ((next += EVERY, key = 0; SECONDS < next || key < 3; key++)); do
			look "$(chance 16 "key $n $key" | xxd -p)"
		done
	done
	for ((n = 1; n <= KILLS; n++)); do
		dead=$(cat "a$n.node")
		# the records were made before the kill; some seconds for the lookups themselves
		within $((killed_at[n] + LIFETIME + 10 - SECONDS)) unlisted "$dead"
		look "$dead"
	done
	echo "# $(wc -l <tries) lookups, $(grep -c 2 tries || true) at the second try, $(grep -c 3 tries || true) at the third; $listed of $KILLS seen dead in the tree; p50 $(part 50) ms, p95 $(part 95) ms" >&3
	[ "$(sort -n tries | tail -1)" -le 3 ]
	# R7374-21: one that is stopped is gone at once
	dead=$(cat "a$((KILLS + 1)).node")
	[ "$(left "$dead")" -gt 0 ]
	reload-agent stop -a "a$((KILLS + 1))"
	unlisted "$dead"
}
