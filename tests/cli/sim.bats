#!/usr/bin/env bats
# reload-sim: settings, scenario files, output, pictures, violations and how to see them again.

bats_require_minimum_version 1.5.0
load lab

setup() {
	export PATH="${RELOAD_BIN:?directory of the binaries}:$PATH" TERM=dumb TZ=UTC
	unset RELOAD_FORMAT RELOAD_TIMEOUT
	cd "$BATS_TEST_TMPDIR" || return 1
}

SMALL=(--peers 12 --duration 30s --latency lan)
# A neighbour that fell silent is noticed after 30 s: after these crashes nobody can have healed by then.
SICK=(--peers 20 --duration 30s --crashes 90% --restarts 0% --machine 100% --quiet-time 30s)

# refused WHAT: exit 2, and what is wrong stands in the first line.
refused() {
	failed 2 "$1" || return 1
	matches "${stderr_lines[2]}" '^  try:  .'
}

@test "a run prints its figures, and the same ones again" {
	R reload-sim "${SMALL[@]}" --seed 5
	ok
	matches "${lines[0]}" '^seed 5  ok  digest [0-9a-f]{16}$'
	[ "${lines[1]}" = "scenario  --peers 12 --duration 30s --latency lan" ]
	matches "$output" $'\nlookups   100.00% of [0-9]+ '
	first=$output
	R reload-sim --seed 5 "${SMALL[@]}" --jobs 3
	[ "$output" = "$first" ]
	R reload-sim "${SMALL[@]}" --seed 6
	ok
	[ "${lines[0]}" != "${first%%$'\n'*}" ]
}

@test "several seeds: a line each, in order, and a summary" {
	R reload-sim "${SMALL[@]}" --seeds 3..8 --jobs 4
	ok
	[ "${#lines[@]}" -eq 8 ]
	[ "$(awk 'NR > 1 && NR < 8 { print $1, $2, $3 }' <<<"$output" | paste -sd ' ')" = \
		"3 ok 12 4 ok 12 5 ok 12 6 ok 12 7 ok 12 8 ok 12" ]
	matches "${lines[7]}" '^6 runs, 0 violations; lookups 100.00% good, '
	R reload-sim "${SMALL[@]}" --seeds 2 -q
	ok
	[ "${#lines[@]}" -eq 1 ]
}

@test "JSON is what the schema says; CSV has the same figures" {
	R reload-sim "${SMALL[@]}" --seeds 2 --json
	ok
	[ "$(jq -r .type <<<"$output" | paste -sd ' ')" = "run run summary" ]
	digest=$(jq -r 'select(.seed == 2).digest' <<<"$output")
	hops=$(jq -r 'select(.seed == 2).hops.mean * 1000 | round' <<<"$output")
	output=$(head -n 1 <<<"$output")
	same_schema reload-sim
	jq -e '.ok and .violation.check == null and .samples == [] and .settings.peers == 12 and .settings.duration_s == 30 and
		.settings.loss_percent == 0 and .repeat == "reload-sim --peers 12 --duration 30s --latency lan --seed 1"' <<<"$output"
	R reload-sim "${SMALL[@]}" --seed 2 --json --series
	jq -s -e 'first.samples | length > 5 and all(.peers <= 12) and (last.joined == 12)' <<<"$output"
	R reload-sim "${SMALL[@]}" --seeds 2 --csv
	ok
	[ "${#lines[@]}" -eq 3 ]
	python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
assert rows[1]["digest"] == sys.argv[1] and round(float(rows[1]["hops_mean"]) * 1000) == int(sys.argv[2]), rows[1]
assert rows[0]["settings_peers"] == "12" and rows[0]["violation_check"] == ""' "$digest" "$hops" <<<"$output"
	R reload-sim "${SMALL[@]}" --flat
	ok
	matches "$output" $'\nsettings.peers=12\n'
}

@test "final reads that fail where peers lie are counted" {
	local liars=(--peers 40 --duration 3m --byzantine 10% --lies 1)
	R reload-sim "${liars[@]}" --seeds 30 --json
	ok
	jq -s -e 'map(select(.type == "run")) | any(.reads_failed > 0) and
		all(.reads >= .reads_apart and .reads_failed >= .reads_apart_failed)' <<<"$output"
	words=$(jq -r 'select(.type == "run" and .seed == 4) | "\(.reads_failed) of \(.reads) final reads failed"' <<<"$output")
	R reload-sim "${liars[@]}" --seed 4
	ok
	matches "$output" $'\n'"lies      [0-9]+ told, [0-9]+ messages refused, [0-9]+ answers believed; $words\$"
}

@test "a sweep runs every value for every seed" {
	R reload-sim "${SMALL[@]}" --sweep peers=5,10 --seeds 2 --json
	ok
	[ "$(jq -r 'select(.type == "run") | "\(.settings.peers)/\(.seed)"' <<<"$output" | paste -sd ' ')" = "5/1 5/2 10/1 10/2" ]
	R reload-sim "${SMALL[@]}" --sweep latency=lan,wan
	ok
	[ "${lines[1]}" = "latency = lan" ]
	[ "${lines[3]}" = "latency = wan" ]
}

@test "scenario files: read, and options win over them" {
	printf '# small\npeers = 9   # nine\n\nduration=20s\n' >a.scenario
	R reload-sim --scenario a.scenario --json
	ok
	jq -s -e 'first.settings | .peers == 9 and .duration_s == 20' <<<"$output"
	R reload-sim --scenario - --peers 7 --dry-run <a.scenario
	ok
	[ "$output" = "would run 1 simulation: reload-sim --peers 7 --duration 20s" ]
}

@test "faults of scenario files name file and line" {
	while IFS='|' read -r text what; do
		printf "$text" >bad.scenario
		R reload-sim --scenario bad.scenario
		refused "$what" || { echo "$text"; return 1; }
	done <<-'END'
		peers = 9\npears = 9\n|bad.scenario:2: no setting pears
		\n\nloss = 99%%\n|bad.scenario:3: loss = 99% is not possible
		peers = 5\npeers = 6\n|bad.scenario:2: peers is set twice
		peers\n|bad.scenario:1: no = in this line
		peers = 5\001\n|bad.scenario:1: the line is no text
		duration = never|bad.scenario:1: duration = never is not possible
	END
	printf 'peers = 9\npears = 9\n' >bad.scenario
	R reload-sim --scenario bad.scenario
	[ "${stderr_lines[2]}" = "  try:  peers" ]
	head -c 70000 /dev/zero | tr '\0' '#' >long.scenario
	R reload-sim --scenario long.scenario
	failed 8 'long.scenario:1: the file is too long'
	R reload-sim --scenario nowhere.scenario
	failed 1 'nowhere.scenario'
}

@test "wrong use is refused before anything runs" {
	while IFS='|' read -r words what; do
		# shellcheck disable=SC2086
		R reload-sim $words
		refused "$what" || { echo "$words"; return 1; }
	done <<-'END'
		--partition 3|no option --partition
		--peers 0|peers = 0 is not possible
		--loss 5|loss = 5 is not possible
		--seeds 9..2|--seeds 9..2 is not possible
		--seeds 2000000|too many runs
		--seed 1 --seeds 2|--seed and --seeds are given
		--sweep peers|--sweep has no values
		--sweep pears=1,2|no setting pears
		--sweep peers=5,x|peers = x is not possible
		--only-faults a/b|the list of faults
		--series|--series belongs to --json
		--seeds 2 --trace t|--trace belongs to one run
		--plot x.svg|--plot x.svg names no picture
		--plot a --sweep latency=lan,wan|--plot cannot draw over this setting
		--crashes 100% --restarts 0%|no peer would be left
		--crashes 5% --quiet-time 5s|quiet-time is too short to heal
		--jobs 0|--jobs 0 is not possible
		word|too many operands
	END
	R reload-sim --csv --json
	[ "$status" -eq 2 ]
	[ "$(jq -r .error.what <<<"$output")" = "--csv and another format are given" ]
	R reload-sim "${SMALL[@]}" --session 5m -n
	[ "$status" -eq 0 ]
	matches "$stderr" 'warning: session, absence and graceful have no effect without churn'
}

@test "settings and checks are listed" {
	R reload-sim --list-settings
	ok
	matches "${lines[0]}" '^peers  +100  +1 to 1000000  +peers at the end of the growth$'
	R reload-sim --list-settings --json
	[ "$(jq -r .key <<<"$output" | sort)" = "$(sed -n 's/^[A-Z]*([a-z_]*, "\([a-z-]*\)".*/\1/p' \
		"$BATS_TEST_DIRNAME/../../libcore/sim/scenario.def" | sort)" ]
	R reload-sim --list-checks
	ok
	matches "$output" $'\nlost-value   an acknowledged value'
}

@test "a violation: exit 13, a command that repeats it, and a smaller run that shows it too" {
	R reload-sim "${SICK[@]}" --seed 3 --shrink 12
	[ "$status" -eq 13 ]
	violation=$(grep '^seed 3 violates' <<<"$output" | head -n 1)
	matches "$violation" '^seed 3 violates [a-z-]+ at [0-9.]+ s: .'
	repeat=$(sed -n 's/^  repeat:  //p' <<<"$output")
	[ "$(wc -l <<<"$repeat")" -eq 2 ]
	read -ra again <<<"$(head -n 1 <<<"$repeat")"
	R "${again[@]}" --shrink 0
	[ "$status" -eq 13 ]
	[ "$(grep '^seed 3 violates' <<<"$output")" = "$violation" ]
	read -ra again <<<"$(tail -n 1 <<<"$repeat")"
	R "${again[@]}"
	[ "$status" -eq 13 ]
	[ "$(grep '^seed 3 violates' <<<"$output" | cut -d ' ' -f 4)" = "$(cut -d ' ' -f 4 <<<"$violation")" ]
}

@test "violations in JSON and beside CSV" {
	R reload-sim "${SICK[@]}" --seed 3 --shrink 3 --json
	[ "$status" -eq 13 ]
	[ "$(jq -r .type <<<"$output" | paste -sd ' ')" = "run shrunk summary" ]
	jq -s -e '.[0].ok == false and (.[0].violation.check | length > 0) and .[1].smaller_runs <= 3 and .[2].violations == 1 and
		(.[1].trace | length > 0)' <<<"$output"
	R reload-sim "${SICK[@]}" --seed 3 --shrink 0 --csv
	[ "$status" -eq 13 ]
	[ "${#lines[@]}" -eq 2 ]
	matches "$stderr" 'seed 3 violates [a-z-]+ at '
}

@test "the trace has each happening; -o takes the results" {
	R reload-sim "${SMALL[@]}" --trace t.txt -o r.json --json
	ok
	[ -z "$output" ]
	[ "$(jq -r .type r.json | paste -sd ' ')" = "run summary" ]
	[ "$(wc -l <t.txt)" -gt 100 ]
	R reload-sim "${SMALL[@]}" -o missing/r.json
	failed 1 'missing/r.json cannot be written'
}

@test "pictures: well-formed, light and dark, the same bytes again" {
	R reload-sim "${SMALL[@]}" --sweep peers=4,8,16,100 --plot hops.svg
	ok
	xmllint --noout hops.svg
	grep -q '<title id="title">Hops of a lookup over peers</title>' hops.svg
	grep -q '0.5 log2 N + 0.5' hops.svg
	grep -q 'prefers-color-scheme:dark' hops.svg
	[ "$(grep -c '<circle' hops.svg)" -eq 10 ] # two measured curves of four points, and their legend
	R reload-sim "${SMALL[@]}" --sweep peers=4,8,16,100 --plot hops2.svg
	cmp hops.svg hops2.svg
	R reload-sim "${SMALL[@]}" --seeds 2 --plot all
	ok
	[ "$(cd all && echo *)" = "peers-over-time.svg repair-over-time.svg success-over-time.svg traffic-over-time.svg" ]
	xmllint --noout all/*.svg
	R reload-sim "${SMALL[@]}" --sweep session=1m,10m --churn exponential --plot all -q
	[ "$status" -eq 0 ]
	xmllint --noout all/traffic-over-session.svg
}

@test "the experiments of two papers, small: shorter sessions cost more, and so do shorter intervals" {
	examples=$BATS_TEST_DIRNAME/../../examples
	R reload-sim --scenario "$examples/short-sessions.scenario" --peers 60 --duration 4m --sweep session=121s,1039s --jobs 1 --json --plot latency.svg
	ok
	jq -s -e 'map(select(.type == "run")) | all(.ok and .lookups_percent > 98) and
		.[0].maintenance_bytes_per_peer_hour > 2 * .[1].maintenance_bytes_per_peer_hour and .[0].join_ms.count > 60' <<<"$output"
	grep -q '<title id="title">Time of a lookup over session</title>' latency.svg
	R reload-sim --scenario "$examples/cost-of-upkeep.scenario" --peers 60 --duration 4m --sweep update-interval=10s,1m,10m --jobs 1 --json --plot cost.svg
	ok
	jq -s -e 'map(select(.type == "run")) | all(.ok and .lookups_percent > 98) and
		.[0].maintenance_bytes_per_peer_hour > 2 * .[1].maintenance_bytes_per_peer_hour and
		.[1].maintenance_bytes_per_peer_hour > 2 * .[2].maintenance_bytes_per_peer_hour' <<<"$output"
	xmllint --noout cost.svg
	grep -q 'upkeep (bytes per peer and hour)' cost.svg
	# two curves of three points by their upkeep, from the least on, and their legend
	[ "$(grep -c '<circle' cost.svg)" -eq 8 ]
	least=$(jq -s -r 'map(select(.type == "run")) | last.maintenance_bytes_per_peer_hour' <<<"$output")
	grep -q "median: from [0-9]* at $(printf '%.6g' "$least") to" cost.svg
}

@test "a limit in real time: what has ended is printed, exit 4" {
	R reload-sim --peers 2000 --duration 1d --timeout 1s
	[ "$status" -eq 4 ]
	matches "$stderr" 'warning: out of time: 0 of 1 run ended'
}

@test "an interrupt ends the children and prints what is done" {
	reload-sim --peers 3000 --duration 1d --seeds 2 --jobs 2 >out 2>err 3>&- &
	pid=$!
	two() { [ "$(pgrep -c -P "$pid")" = 2 ]; }
	until_true two
	children=$(pgrep -P "$pid")
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 130 ]
	for child in $children; do gone "$child"; done
	matches "$(cat out)" '^0 runs, 0 violations'
	matches "$(cat err)" 'stopped: 0 of 2 runs ended'
}

@test "help and manual page are about the same settings" {
	R reload-sim --help
	ok
	while read -r key; do
		matches "$output" " --$key " || return 1
	done < <(reload-sim --list-settings | cut -d ' ' -f 1)
}

@test "a script is followed, named in the command that repeats the run, and refused with file and line" {
	printf '%s\n' '# two' '1s store 3' '2s kill 4' '4s fetch 3' '6s start 4' >kills.script
	R reload-sim "${SMALL[@]}" --stores 0 --fetches 0 --script kills.script --json
	ok
	jq -s -e 'first | .ok and .faults == "script" and .faults_count == 2 and .stores == 1 and .load_traffic.join.messages == 2 and
		.repeat == "reload-sim --peers 12 --duration 30s --latency lan --stores 0 --fetches 0 --script kills.script --seed 1"' <<<"$output"
	R reload-sim "${SMALL[@]}" --script - --dry-run <kills.script
	ok
	[ "$output" = "would run 1 simulation: reload-sim --peers 12 --duration 30s --latency lan --script -" ]
	echo '7s kill 99' >>kills.script
	R reload-sim "${SMALL[@]}" --script kills.script
	refused 'the script:6: there is no such peer'
	echo '8s kill' >>kills.script
	R reload-sim "${SMALL[@]}" --script kills.script
	refused 'kills.script:7: this is no order'
}
