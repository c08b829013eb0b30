#!/usr/bin/env bats
# Links over ICE through NATs, without agents: the laboratory of tests/lab.

@test "pairs of NATs connect as they should, outlive a rebind, and give back a relay they do not need" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	run "$BATS_TEST_DIRNAME/../lab/ice-check" "$RELOAD_BIN" short
	echo "$output"
	[ "$status" -ne 77 ] || skip "$output"
	[ "$status" -eq 0 ]
}
