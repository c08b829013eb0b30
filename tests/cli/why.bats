#!/usr/bin/env bats
# reload-diag why: the cause of each of many faults, which this file makes on purpose (D16).

load lab
load why_faults

export K=0xf0000001 ARRAY=0xf0000002

setup_file() {
	lab_begin
	lab_overlay
	reload-enroll init other.example --bootstrap 127.0.0.1:1 >/dev/null
	reload-enroll config set clients-permitted=false --overlay other.example >/dev/null
	for u in erin hank; do
		reload-enroll issue "$u@other.example" --identity "$u" >/dev/null
	done
	for u in dave gina gus ivy; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	OTHER=$(lab_port)
	export PORT OTHER
	lab_ring
	lab_start erin -l "127.0.0.1:$OTHER" --first --store-limit 1K
	for u in dave gus hank; do
		lab_start "$u" -l 127.0.0.1:0 --no-join
	done
	lab_start ivy -l 127.0.0.1:0 --role client
	if lab_clock; then
		AHEAD=2592000 LD_PRELOAD=$PWD/clock.so lab_start gina -l 127.0.0.1:0 --role client
		reload-agent status -a gina -q --wait joined -t 30 >/dev/null
	else
		rm -f clock.so
	fi
	for u in erin ivy; do
		reload-agent status -a "$u" -q --wait joined -t 30 >/dev/null
	done
	for u in dave gus hank; do
		reload-agent status -a "$u" -q --wait enrolled -t 30 >/dev/null
	done
	reload-enroll revoke gus@calls.example --overlay calls.example >/dev/null
	reload-enroll config publish calls.example -a alice >/dev/null
}

teardown_file() {
	[ ! -e server.pid ] || server_end
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "why: nothing has failed, and what is no transaction" {
	R reload-diag why -a carol
	failed 5 'no request has failed'
	R reload-diag why -a carol 1234567890abcdef
	failed 5 'no request has this transaction'
	R reload-diag why -a carol xyz
	failed 2 'no transaction: xyz'
}

@test "why: a transaction that succeeded, the list, and one that failed with its timeline" {
	transaction=$(reload-ping -a carol -c 1 -j succ | jq -r 'select(.transaction) | .transaction' | head -1)
	R reload-diag why -a carol "$transaction" -j
	ok
	[ "$(jq -r '"\(.ok) \(.cause) \(.method) \(.target)"' <<<"$output")" = "true none overlay.ping succ" ]
	R reload-fetch -a carol -k $K nobody@calls.example
	[ "$status" -eq 5 ]
	R reload-diag why -a carol -j
	ok
	same_schema reload-diag why
	[ "$(jq -r '"\(.origin) \(.method) \(.cause) \(.error)"' <<<"$output")" = "user store.fetch no_value no_value" ]
	[ "$(jq -r .try <<<"$output")" = "reload-fetch -a carol --find -k 0xf0000001 nobody@calls.example" ]
	R reload-diag why -a carol
	matches "$output" 'cause   no_value: no value is stored there'
	R reload-diag why -a carol --list -j
	ok
	[ "$(jq -rs '.[0:2] | map(.cause) | join(",")' <<<"$output")" = "no_value,none" ]
	# what is asked of the agent itself is not kept, and no value
	reload-store -a carol -k $K carol@calls.example 'a secret value' -q
	! reload-diag why -a carol --list -j | grep -q 'agent\.\|secret' || false
}

# causes COUNT: that many faults in an order that is drawn; the fault is named after why has answered
causes() {
	local count=$1 right=0 fault agent answer
	for fault in $(chance 256 why | od -An -v -tu4 -w4 | paste - <(awk 'NF { print $1 }' <<<"$WHY_FAULTS") |
		sort -n | awk 'NF == 2 { print $2 }' | head -n "$count"); do
		[ "$fault" != ahead ] || [ -e clock.so ] || continue
		"$fault" >fault.log 2>&1 || { echo "$fault did not fail"; cat fault.log; return 1; }
		answer=$(reload-diag why -a "$agent" -j | jq -r .cause)
		if [ "$(awk -v f="$fault" '$1 == f { print $2 }' <<<"$WHY_FAULTS")" = "$answer" ]; then
			right=$((right + 1))
		else
			echo "# $fault: $answer" >&3
			cat fault.log
		fi
		! declare -F "heal_$fault" >/dev/null || "heal_$fault"
	done
	echo "# $right of $count causes are right" >&3
	[ "$right" -ge $((count * 9 / 10)) ]
}

@test "why names the cause of faults in joins, stores and calls" {
	causes "${WHY_FAULTS_COUNT:-8}"
}
