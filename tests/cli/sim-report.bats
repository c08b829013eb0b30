#!/usr/bin/env bats
# The report on overlays that set their own pace: its short form, and verdicts that a planted fault turns.

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	SIM=${RELOAD_BIN:?directory of the binaries}/reload-sim
}

# R7363-29, R7363-12: the interval of a quiet ring is long, that of a busy one short
@test "a ring that tunes itself is busy when peers come and go, and quiet when they do not" {
	run tests/sim/report --short --only 1 --sim "$SIM"
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q '^\* a quiet ring costs less than a quarter of a busy one: \*\*yes' <<<"$output"
	grep -q '^\* the interval of a quiet ring is more than three times that of a busy one: \*\*yes' <<<"$output"
}

@test "with a fixed interval planted in its place the verdicts turn" {
	run tests/sim/report --short --only 1 --sim "$SIM" --plant "--algorithm chord-reload --reactive no --update-interval 60s"
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q '^\* a quiet ring costs less than a quarter of a busy one: \*\*no' <<<"$output"
	grep -q '^\* the interval of a quiet ring is more than three times that of a busy one: \*\*no' <<<"$output"
}

# The formula of reload_estimate_loss() with the measured time of a repair: 3 U^3 W^2 in a second; a value is as old as the last Store of it.  Who
# joins meanwhile brings a fourth copy for a while, which the formula does not count
@test "no more values are lost than reload-diag tuning expects, and not far fewer" {
	"$SIM" --peers 60 --churn exponential --session 5m --graceful 0% --disk 0% --machine 100% --duration 1h --stores 10 --fetches 0 \
		--lost-limit 100% --seeds 3..5 --shrink 0 --json | jq -s 'map(select(.type == "run")) | {
			lost: (map(.values_lost) | add),
			expected: (map(3 / pow(300; 3) * pow(.repair_ms.mean / 1000; 2) * 3600 * .values / .stores * .values) | add)}' >"$BATS_TEST_TMPDIR/lost.json"
	cat "$BATS_TEST_TMPDIR/lost.json"
	jq -e '.expected > 10 and .lost > .expected / 4 and .lost < .expected * 1.5' "$BATS_TEST_TMPDIR/lost.json"
}

# E10, E13, section 14: one of five peers tells the largest numbers that are believed
@test "liars move the interval within its bounds, and half of the peers may fail" {
	run tests/sim/report --short --only 2,3 --sim "$SIM"
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q 'half of the own estimates of N are within a quarter of what 12 neighbours tell (19%): \*\*yes' <<<"$output"
	grep -q 'with liars the interval stays within 15 s and chord-update-interval: \*\*yes' <<<"$output"
	grep -q 'with 20% liars success falls by 2 points at most: \*\*yes' <<<"$output"
	grep -q '^\* every ring that tunes itself becomes whole again: \*\*yes' <<<"$output"
}

# R7374-6 R7374-19: over a map, with the sizes and the start levels of the tables
@test "services: lookups and rounds cost what is on paper, and an adaptive start makes them cheap" {
	run tests/sim/services-report --short --tool "${SIM%/*}/tests/sim/services"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^\* .*: \*\*yes\*\*$' <<<"$output")" -eq 8 ]
	[ "$(grep -c '^\* ' <<<"$output")" -eq 8 ]
}
