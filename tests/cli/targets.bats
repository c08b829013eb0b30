#!/usr/bin/env bats
# Nodes as targets of Store and Fetch: NODE-MATCH, NODE-MULTIPLE, digits alone, and which target would do.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --kind "$(lab_kind 4026531842 SINGLE NODE-MATCH)" \
		--kind "$(lab_kind 4026531843 SINGLE NODE-MULTIPLE)" >/dev/null
	for u in alice bob; do reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null; done
	lab_start alice -l "127.0.0.1:$PORT" --first
	lab_start bob -l 127.0.0.1:0
	for u in alice bob; do reload-agent status -a "$u" --wait joined -q -t 20; done
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	for u in alice bob; do reload-agent stop -a "$u" -q || true; done
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "R-7.3.2-01: a NODE-MATCH value is stored at self and fetched from node:" {
	node=$(reload-agent status -a alice -j | jq -r .node_id)
	reload-store -a alice -k 0xf0000002 self 'of this node' -q
	[ "$(reload-fetch -a bob -k 0xf0000002 "node:$node" --raw)" = 'of this node' ]
	[ "$(reload-fetch -a bob -k 0xf0000002 "node:${node:0:8}" --raw)" = 'of this node' ]
	[ "$(reload-fetch -a bob -k 0xf0000002 "$node" --raw)" = 'of this node' ]
	[ "$(reload-fetch -a bob -k 0xf0000002 "0110$node" --raw 2>/dev/null)" = 'of this node' ]
	run -6 reload-store -a bob -k 0xf0000002 "node:$node" 'of another'
}

@test "R-7.3.4-01: a NODE-MULTIPLE value has places" {
	node=$(reload-agent status -a alice -j | jq -r .node_id)
	for n in 1 2 3; do reload-store -a alice -k 0xf0000003 "self#$n" "place $n" -q; done
	for n in 1 2 3; do [ "$(reload-fetch -a bob -k 0xf0000003 "node:$node#$n" --raw)" = "place $n" ]; done
	for wrong in self self#4 self#0 self#x; do
		run -2 --separate-stderr reload-store -a alice -k 0xf0000003 "$wrong" no
	done
	run -2 --separate-stderr reload-store -a alice -k 0xf0000003 self no
	[[ "$stderr" == *"self#1"* ]]
}

@test "a refusal says which target would do" {
	run -2 --separate-stderr reload-store -a alice -k 0xf0000001 self no
	[[ "$stderr" == *"USER-MATCH"*"USER@DOMAIN"* ]]
	run -2 --separate-stderr reload-store -a alice -k 0xf0000002 'self#1' no
	[[ "$stderr" == *"NODE-MATCH"*"self"* ]]
	run -2 --separate-stderr reload-ping -a alice -c 1 'self#1'
}

@test "an unknown Kind is wrong use, with the nearest name" {
	run -2 --separate-stderr reload-fetch -a alice -k CERTIFICATE_BY_NOD self
	[[ "$stderr" == *"-k CERTIFICATE_BY_NODE"* ]]
}

@test "SSLKEYLOGFILE is announced" {
	SSLKEYLOGFILE=$PWD/keys.log timeout 20 reload-agent -I bob --instance again -l 127.0.0.1:0 --no-join --ready-fd 4 4>ready 2>again.log &
	until_true grep -q 'SSLKEYLOGFILE is set' again.log
	kill %1
	wait || true
}
