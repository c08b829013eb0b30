#!/usr/bin/env bats
# Overlays of self-signed certificates (RFC 6940 11.3.1): no authority is asked, and Node-IDs are made of keys.

load lab

setup() {
	lab_begin
	PORT=$(lab_port)
}

teardown() {
	lab_end
	rm -rf lab
}

overlay() { # overlay DIGEST: three nodes, one of them with three Node-IDs
	reload-enroll init calls.example --self-signed "$1" --bootstrap "127.0.0.1:$PORT" -q
	reload-enroll self alice@calls.example -q
	reload-enroll self bob@calls.example --node-ids 3 -q
	reload-enroll self carol@calls.example --key rsa2048 --validity "${2:-90d}" -q
	lab_start alice -l "127.0.0.1:$PORT" --first
	lab_start bob -l 127.0.0.1:0
	lab_start carol -l 127.0.0.1:0
	for u in alice bob carol; do reload-agent status -a $u --wait joined -q -t 30; done
	lab_whole alice bob carol
}

everybody_stores() {
	for u in alice bob carol; do
		reload-store -a $u -k 0xf0000001 "$u@calls.example" "from $u" -q
		for v in alice bob carol; do
			[ "$(reload-fetch -a $v -k 0xf0000001 "$u@calls.example" --raw)" = "from $u" ]
		done
	done
}

@test "a ring by SHA-1, and one that renews itself" {
	# R-11.1-19 R-11.3.1-02 R-11.3.1-03
	overlay sha1 20s
	everybody_stores
	before=$(reload-agent status -a carol --links -j | jq -c '.links.list | map(.link)')
	node=$(reload-enroll show carol -j | jq -c '.items[0].node_ids')
	until_true grep -q 'new certificate taken' lab/carol.log
	[ "$(reload-enroll show carol -j | jq -c '.items[0].node_ids')" = "$node" ]
	[ "$(reload-agent status -a carol --links -j | jq -c '.links.list | map(.link)')" = "$before" ]
	run -1 grep -q 'certificate has ended' lab/carol.log
}

@test "a ring by SHA-256; renew keeps all Node-IDs, and is for the same key alone" {
	overlay sha256
	everybody_stores
	ids=$(reload-enroll show bob -j | jq -c '.items[0].node_ids')
	[ "$(jq length <<<"$ids")" = 3 ]
	until=$(reload-enroll show bob -j | jq -r '.items[0].fingerprint')
	R reload-enroll renew -I bob -j
	ok
	jq -e --argjson ids "$ids" '.obtained and .node_ids == $ids' <<<"$output"
	[ "$(reload-enroll show bob -j | jq -r '.items[0].fingerprint')" != "$until" ]
	run -0 reload-agent refresh -a bob
	matches "$output" 'certificate +taken'
	everybody_stores
	R reload-enroll renew -I bob --key p256
	failed 2 'goes with no self-signed certificate'
	R reload-enroll renew -I bob --if-left 1d
	ok
	matches "$output" '^not needed'
}
