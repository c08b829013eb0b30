#!/usr/bin/env bats
# Real agents in two network namespaces: kill -9, a restart, SIGSTOP, a full disk, a clock that is ahead, and a partition long
# enough that links are lost.  `make soak` is the large version.


bats_require_minimum_version 1.5.0

@test "eight agents through kill -9, SIGSTOP, a full disk and a partition: one ring, nothing acknowledged is lost" {
	run "$BATS_TEST_DIRNAME/../soak/soak" --agents 8 --minutes 0 --kill 2 --restart 1 --stop 1 --clocks 1 --partition 40 --calm 12 --seed 11
	echo "$output"
	[ "$status" -ne 77 ] || skip "no right to make network namespaces"
	[ "$status" -eq 0 ]
}
