#!/usr/bin/env bats
# What the simulator says of traffic is what agents send: 16 of each follow one script of kills, restarts, Stores and Fetches, in an overlay of either
# algorithm.  `make soak` has a longer script.

load lab

ALGORITHMS="CHORD-RELOAD CHORD-SELF-TUNING"

setup_file() {
	lab_begin
	SIM_REAL=$BATS_TEST_DIRNAME/sim_real.py
	export SIM_REAL
	python3 "$SIM_REAL" script "${SIM_REAL_SECONDS:-22}" "${SIM_REAL_ROUNDS:-1}" >kills.script
	local a
	for a in $ALGORITHMS; do
		python3 "$SIM_REAL" agents "$PWD/$a" "$a" kills.script "${SIM_REAL_SECONDS:-22}" >"$a.out" 2>&1 3>&- &
		echo $! >"$a.pid"
	done
	for a in $ALGORITHMS; do
		within $((${SIM_REAL_SECONDS:-22} + 180)) gone "$(cat "$a.pid")"
		[ -s "$a/traffic.json" ] || { cat "$a.out"; return 1; }
	done
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	local a
	for a in $ALGORITHMS; do
		kill "$(cat "$a.pid")" 2>/dev/null || true
		within 20 gone "$(cat "$a.pid")"
	done
	[ -z "$(grep -l 'Sanitizer\|Assertion' ./*/n*.log)" ]
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# agree ALGORITHM [OPTION...]: messages and bytes of agents and simulated peers differ by 20% at most; the tables are printed
agree() {
	run python3 "$SIM_REAL" compare "$PWD/$1" "${@:2}"
	echo "$output"
	return "$status"
}

@test "CHORD-RELOAD: 16 agents and 16 simulated peers send as many messages and bytes, within 20%" {
	agree CHORD-RELOAD
	# it would be seen: the simulator without reactive Updates
	[ -n "${SIM_REAL_SECONDS-}" ] || run -1 python3 "$SIM_REAL" compare "$PWD/CHORD-RELOAD" --reactive no
}

@test "CHORD-SELF-TUNING: 16 agents and 16 simulated peers send as many messages and bytes, within 20%" {
	agree CHORD-SELF-TUNING
	# it would be seen: the simulator with the other algorithm; in a long run that costs about as much
	[ -n "${SIM_REAL_SECONDS-}" ] || run -1 python3 "$SIM_REAL" compare "$PWD/CHORD-SELF-TUNING" --algorithm chord-reload
}
