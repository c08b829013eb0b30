#!/usr/bin/env bats
# What a user is told of links: which types they have, how they are, and why there is none.

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_start alice -l "127.0.0.1:$PORT" --first --links dtls
	lab_start bob -l 127.0.0.1:0 --no-join
	reload-join -a alice -q && reload-join -a bob -q
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "status --links tells of a DTLS link what it sent, repeated and lost" {
	R reload-agent status -a bob --links
	ok
	matches "${lines[2]}" '^links  1 up \(TLS 0, DTLS 1\)'
	matches "${lines[4]}" "^[0-9a-f]{8} alice@calls.example  outgoing  DTLS-UDP-SR-NO-ICE DTLSv1.2 [A-Z0-9-]+  \
127.0.0.1:$PORT  host  (rtt [0-9.]+ ms  )?RTO [0-9]+ ms  queued [0-9]+  unacked [0-9]+  \
frames [0-9]+ sent, [0-9]+ repeated, [0-9]+ lost, window [0-9]+  good  up [0-9dhms]+$"
	R reload-agent status -a alice --links -j
	ok
	jq -e '.links.dtls == 1 and (.links.list[0] | .incoming and .link_type == "DTLS-UDP-SR-NO-ICE" and
		.version == "DTLSv1.2" and (.datagrams.sent | tonumber) > 0 and .datagrams.window >= 1)' <<<"$output"
}

@test "a join without a link names each address and link type that was tried, and why" {
	lab_start carol -l 127.0.0.1:0 --no-join
	nobody=$(lab_port)
	R reload-join -a carol --bootstrap "127.0.0.1:$nobody" -t 3s
	failed 4 carol
	matches "${stderr_lines[1]}" "^  why:  phase bootstrap: .*: TLS 127.0.0.1:$nobody: Connection refused; \
DTLS 127.0.0.1:$nobody: Connection refused"
	[ "${stderr_lines[2]}" = '  try:  start a bootstrap node, or name one: --bootstrap ADDR:PORT' ]
}
