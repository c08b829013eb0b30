#!/usr/bin/env bats
# A certificate that is valid by the clock of one end of a link only: both ends name the dates, and the clock.

load lab

DAY=86400

# The overlay and the certificate of alice are 10 days old; that of bob is new, and ends in a day.
setup_file() {
	lab_begin
	lab_clock || return 0
	PORT=$(lab_port)
	export PORT
	ahead $((-10 * DAY)) reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	ahead $((-10 * DAY)) reload-enroll issue alice@calls.example --identity alice >/dev/null
	reload-enroll issue bob@calls.example --identity bob --validity 1d >/dev/null
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	[ -n "${PORT:-}" ] || skip "no clock that is ahead"
}

teardown() {
	lab_end
	rm -f lab/*.pid
	rm -rf lab/state
}

# ring NAME SECONDS: the agent is the overlay; joiner NAME SECONDS: another one, which has not joined.
ring() {
	ahead "$2" lab_start "$1" -l "127.0.0.1:$PORT" --first
	reload-agent status -a "$1" --wait joined -q -t 30s >/dev/null
}

joiner() {
	ahead "$2" lab_start "$1" -l 127.0.0.1:0 --no-join
	until_true test -S "lab/run/$1.sock"
}

# told NAME CAUSE: both commands that wait for the join of NAME name it, with advice that fits.
told() {
	R reload-join -a "$1" -t 30s
	failed 10 calls.example
	matches "${stderr_lines[1]}" "$2"
	matches "${stderr_lines[2]}" '^  try:  .*date -u, at both ends'
	R reload-agent status -a "$1" --wait joined -t 1s
	failed 10 "$1"
	matches "${stderr_lines[1]}" "$2"
	matches "${stderr_lines[2]}" '^  try:  .*date -u, at both ends'
}

@test "expired by the clock of the node that was asked" {
	# R-13.4-01: it believes nobody whose certificate is not valid
	ring alice $((40 * DAY))
	joiner bob 0
	told bob 'the other end refused our certificate: by the clock there it has expired'
	grep -q 'refused peer=.*its validity ended at 20.*Z; it is 20.*Z' lab/alice.log
}

@test "not valid yet by the clock of the node that was asked" {
	ring alice $((-5 * DAY))
	joiner bob 0
	told bob 'the other end refused our certificate: by the clock there .* not valid yet'
	grep -q 'refused peer=.*its validity begins at 20.*Z; it is 20.*Z' lab/alice.log
}

@test "expired by the clock of the node that joins" {
	ring bob 0
	joiner alice $((40 * DAY))
	told alice 'its validity ended at 20.*Z; it is 20.*Z'
	grep -q 'refused peer=.*the other end refused our certificate: by the clock there it has expired' lab/bob.log
}

@test "not valid yet by the clock of the node that joins" {
	ring bob 0
	joiner alice $((-5 * DAY))
	told alice 'its validity begins at 20.*Z; it is 20.*Z'
	grep -q 'refused peer=.*the other end refused our certificate: by the clock there .* not valid yet' lab/bob.log
}

@test "a clock of 1970, or behind the own certificate, is named at the start" {
	for behind in $((-5 * DAY)) $((-20000 * DAY)); do
		R ahead $behind reload-agent -I bob -l 127.0.0.1:0
		failed 10 ''
		matches "${stderr_lines[1]}" 'clock'
	done
}
