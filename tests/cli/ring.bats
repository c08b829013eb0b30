#!/usr/bin/env bats
# Twenty-five real agents on loopback: join, agree, store, fetch, leave; and what tshark sees of it.

bats_require_minimum_version 1.5.0
load lab

setup_file() {
	export PATH="${RELOAD_BIN:?directory of the binaries}:$PATH"
	export HERE="$BATS_TEST_DIRNAME" RELOAD_HOME="$BATS_FILE_TMPDIR/lab"
	export SSLKEYLOGFILE="$BATS_FILE_TMPDIR/keys"
	unset RELOAD_AGENT RELOAD_OVERLAY
	cd "$BATS_FILE_TMPDIR" || return 1
	CAPTURE=
	if tshark -i lo -a duration:1 -w "$BATS_FILE_TMPDIR/probe.pcapng" >/dev/null 2>&1; then
		tshark -i lo -f tcp -B 64 -w "$BATS_FILE_TMPDIR/ring.pcapng" >/dev/null 2>tshark.log 3>&- &
		CAPTURE=$!
	fi
	export CAPTURE
	python3 "$HERE/ring.py" start "${RING_AGENTS:-25}" 3>&-
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	python3 "$HERE/ring.py" stop
	[ -z "$CAPTURE" ] || kill "$CAPTURE" 2>/dev/null || true
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# R-4.5-01: CHORD-RELOAD is implemented; R-10.1-02: three predecessors and successors; R-10.7-06
@test "25 agents, joined with up to 8 at a time, form one ring" {
	run python3 "$HERE/ring.py" join 8
	echo "$output"
	[ "$status" -eq 0 ]
	run python3 "$HERE/ring.py" agree
	echo "$output"
	[ "$status" -eq 0 ]
}

# R-10.4-01: two replicas are named
@test "200 values stored at random places are fetched by five other peers each" {
	run python3 "$HERE/ring.py" store 200
	echo "$output"
	[ "$status" -eq 0 ]
	run python3 "$HERE/ring.py" fetch 5
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "what tshark decodes of the links is what this project decodes" {
	[ -n "$CAPTURE" ] || skip "no right to capture"
	# a connection with words of its own comes behind all others: when it is in the file, so is everything before it
	python3 "$HERE/ring.py" mark 3>&-
	until_true grep -q 'the capture ends here' ring.pcapng
	kill "$CAPTURE"
	until_true gone "$CAPTURE"
	run python3 "$HERE/capture.py" ring.pcapng keys lab/etc/ring.example/overlay.xml
	echo "$output"
	[ "$status" -eq 0 ]
}

# R-6.4.2.2-05, R-10.9-03: a Leave closes the ring and data stays readable
@test "peers that are told to end take no value with them" {
	run python3 "$HERE/ring.py" term 3
	echo "$output"
	[ "$status" -eq 0 ]
}
