#!/usr/bin/env bats
# media.open and media.check: paths for audio by ICE, which agents find for programs of SIP.  tests/cli/attach-ice.bats has calls behind NATs.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	reload-enroll init calls.example --ice --bootstrap "127.0.0.1:$PORT" >/dev/null
	for u in alice bob; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	lab_start alice -l "127.0.0.1:$PORT" --first
	lab_start bob -l 127.0.0.1:0 --no-join
	reload-join -a alice -q
	reload-join -a bob -q
	SOCKETS=$(dirname "$(find "$PWD/lab" -name alice.sock)")
	export SOCKETS
}

teardown_file() {
	lab_end
}

path() {
	run timeout 60 python3 "$BATS_TEST_DIRNAME/media_path.py" "$@"
	[ "$status" = 0 ] || { echo "$output"; return 1; }
}

# C17
@test "datagrams pass both ways over the path that ICE has found, and nothing of a stranger" {
	path both "$SOCKETS/alice.sock" "$SOCKETS/bob.sock"
	[ "${lines[0]}" = 'host host' ]
	[ "${lines[1]}" = '50 50 0' ]
}

# C22
@test "of two devices that answer, the second takes the place of the first" {
	path another "$SOCKETS/alice.sock" "$SOCKETS/bob.sock"
	[ "$output" = $'to you\nto you' ]
}

@test "wrong parameters are refused, and candidates of nobody fail" {
	path refused "$SOCKETS/alice.sock"
	echo "$output"
	[ "$(sort <<<"$output" | uniq -c | awk '{ print $1, $2 }' | paste -sd,)" = '1 timeout,7 usage' ]
}

@test "a path ends with the program that has opened it" {
	path gone "$SOCKETS/alice.sock"
	[ "$output" = '0 0' ]
}

@test "an agent without descriptors does not turn around who waits for its socket, and serves it later" {
	path short "$SOCKETS/alice.sock" "$SOCKETS/bob.sock"
	echo "$output"
	[ "$output" = $'served idle\nserved idle' ]
}
