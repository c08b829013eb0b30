#!/usr/bin/env bats
# reload-fetch --proof and --check-proof: evidence of stored values, checked without an agent.

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_start alice -l "127.0.0.1:$PORT" --first
	lab_start bob -l 127.0.0.1:0 --no-join
	reload-join -a alice -q && reload-join -a bob -q
	export ALICE
	ALICE=$(node_of alice)
	reload-store -a alice -q -k $K alice@calls.example 'I was here'
	reload-store -a alice -q -k $DICT alice@calls.example 'at this node'
	reload-store -a alice -q -k $ARRAY alice@calls.example --batch - <<-'END'
		{"index":0,"text":"zero"}
		{"index":7,"text":"seven"}
	END
	reload-fetch -a bob -q -k $K alice@calls.example --proof one.proof >/dev/null
	reload-fetch -a alice -q -k $ARRAY alice@calls.example --proof several.proof >/dev/null
	reload-fetch -a bob -q -k $DICT alice@calls.example --proof key.proof >/dev/null
	lab_end # what follows asks no agent
	rm -f lab/*.pid
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

K=0xf0000001
ARRAY=0xf0000002
DICT=0xf0000003

@test "a proof shows value and signer without an agent" {
	R reload-fetch --check-proof one.proof
	ok
	matches "${lines[0]}" "^I was here   signed by alice@calls.example \(${ALICE:0:8}\), valid, until "
	matches "${lines[1]}" "^proof of alice@calls.example, Kind $K, in calls.example holds; said to be fetched "
	R reload-fetch --check-proof several.proof -q
	ok
	[ "$output" = $'[0] zero\n[7] seven' ]
	R reload-fetch --check-proof key.proof -q
	ok
	[ "$output" = "hex:$ALICE: at this node" ]
	R bash -c 'reload-fetch --check-proof - -q <one.proof'
	ok
	[ "$output" = 'I was here' ]
}

@test "JSON of a proof has the keys of the schema" {
	R reload-fetch -j --check-proof several.proof
	ok
	same_schema reload-fetch --check-proof x
	[ "$(jq -c '[.overlay, .data_model, (.values | map([.index, .text, .valid, .signer.user]))]' <<<"$output")" = \
		'["calls.example","ARRAY",[[0,"zero",true,"alice@calls.example"],[7,"seven",true,"alice@calls.example"]]]' ]
}

# R-7.4.2.2-04, R-7.4.2.2-05: as in a fetch, what is not signed so does not count
@test "no part of a proof may be lost or changed" {
	size=$(stat -c %s one.proof)
	for n in $(seq 0 97 "$size"); do
		[ "$n" -lt "$size" ] || continue
		head -c "$n" one.proof >broken
		R reload-fetch --check-proof broken
		failed 6 'broken: the proof cannot be read'
		python3 - "$n" <<-'END'
			import sys
			n = int(sys.argv[1])
			data = bytearray(open("one.proof", "rb").read())
			data[n] ^= 0x10
			open("broken", "wb").write(data)
		END
		R reload-fetch --check-proof broken
		failed 6 'broken: the proof cannot be read'
	done
	# a new checksum helps nobody: the value says something else than what was signed
	python3 - <<-'END'
		import hashlib
		body = open("one.proof", "rb").read()[:-32].replace(b"I was here", b"I was home")
		open("resealed", "wb").write(body + hashlib.sha256(body).digest())
	END
	R reload-fetch --check-proof resealed
	failed 6 'resealed: the proof does not hold'
	matches "$stderr" 'value 1 of 1: the signature does not verify'
	R reload-fetch -j --check-proof resealed
	[ "$(jq -r '.error | "\(.code) \(.name)"' <<<"$output")" = '6 forbidden' ]
}

@test "the proof of another authority does not hold" {
	export RELOAD_HOME=$PWD/other
	reload-enroll init calls.example >/dev/null
	R reload-fetch --check-proof one.proof
	failed 6 'one.proof: the proof does not hold'
	matches "$stderr" 'does not lead to a root-cert'
	R reload-fetch --check-proof one.proof --config "$BATS_FILE_TMPDIR/lab/etc/calls.example/overlay.xml" -q
	ok
}

@test "the document is needed, the rest is not" {
	RELOAD_HOME=$PWD/nowhere R reload-fetch --check-proof one.proof
	failed 10 'overlay.xml'
	matches "${stderr_lines[2]}" 'try:  --config FILE'
	R reload-fetch --check-proof no/such
	failed 1 no/such
	mkfifo pipe # that nobody writes to
	R timeout 10 reload-fetch --check-proof pipe -t 500ms
	failed 4 pipe
	R reload-fetch --check-proof /dev/null
	failed 6 '/dev/null'
	matches "$stderr" 'too short'
	R reload-fetch --check-proof one.proof alice@calls.example
	failed 2 check-proof
	R reload-fetch --check-proof one.proof -k $K
	failed 2 check-proof
	R reload-fetch -k $K alice@calls.example --config x
	failed 2 config
	R reload-fetch -k $K alice@calls.example --proof x --stat
	failed 2 proof
	R reload-fetch -k $K alice@calls.example --proof x --watch 1s
	failed 2 proof
}
