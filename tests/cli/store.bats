#!/usr/bin/env bats
# reload-store and reload-fetch: the three data models, generations, removal, refusals.

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_ring
	export CAROL BOB ALICE
	CAROL=$(node_of carol) BOB=$(node_of bob) ALICE=$(node_of alice)
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

# R-7.4.1.1-20: the first Store gives generation 1
@test "store and fetch print as the contract says" {
	R reload-store -a alice -k $K alice@calls.example 'back at noon' --lifetime 1h
	ok
	matches "$output" '^stored at resource:8bdbc61b on [0-9a-f]{8}, replicas [0-9a-f]{8} [0-9a-f]{8}, generation 1, until ([0-9-]+ )?[0-9:]{8}$'
	for a in alice bob carol; do
		R reload-fetch -a $a -k $K alice@calls.example
		ok
		matches "$output" "^back at noon   signed by alice@calls.example \(${ALICE:0:8}\), valid, until ([0-9-]+ )?[0-9:]{8}$"
	done
}

@test "nothing there: the three lines of the contract, exit 5" {
	R reload-fetch -a carol -k $K nobody@calls.example
	failed 5 "no value of Kind $K at name:nobody@calls.example"
	matches "${stderr_lines[1]}" '^  why:  the responsible peer [0-9a-f]{8} answered exists = False after [0-9] hops?$'
	[ "${stderr_lines[2]}" = "  try:  reload-fetch -a carol --find -k $K nobody@calls.example" ]
	R reload-fetch -a carol -j -k $K nobody@calls.example
	[ "$status" -eq 5 ]
	[ "$(jq -r '.error | "\(.code) \(.name) \(.reload_error)"' <<<"$output")" = "5 not-found null" ]
	[ -z "$stderr" ]
}

@test "JSON of store, fetch, stat and find has the keys of the schemas" {
	R reload-store -a alice -j -k $K alice@calls.example 'again'
	ok
	same_schema reload-store
	R reload-fetch -a bob -j -k $K alice@calls.example
	ok
	same_schema reload-fetch
	jq -e --arg id "$ALICE" '.values[0] | .text == "again" and (.value | @base64d) == "again" and .valid and .exists and
		.signer.user == "alice@calls.example" and .signer.node_id == $id and .size_bytes == 5' <<<"$output"
	R reload-fetch -a bob --stat -j -k $K alice@calls.example
	ok
	same_schema reload-fetch --stat
	# R-7.4.3-03: the hash covers the 4 length bytes and the value
	[ "$(jq -r '.values[0].hash' <<<"$output")" = "$(printf '\0\0\0\5again' | sha256sum | cut -d' ' -f1)" ]
	R reload-fetch -a bob --find -j -k $K alice@calls.example
	ok
	same_schema reload-fetch --find
	# R-7.4.4-03: the closest Resource-ID that is held
	[ "$(jq -r .closest <<<"$output")" = 8bdbc61bdcab38baf75c1a9fb781bdfe ]
}

@test "--flat prints paths" {
	R reload-fetch -a bob --flat -k $K alice@calls.example
	ok
	matches "$output" 'data_model=.*SINGLE'
	matches "$output" 'values.*text=.*again'
}

# R-7.4.1.1-11: another counter than the present one is refused; R-7.4.1.2-04: the answer tells the present one;
# R-7.4.1.1-24: a Store of a single value overwrites
@test "a generation that is not the present one is exit 7, and the present one is told" {
	g=$(reload-fetch -a alice -j -k $K alice@calls.example | jq -r .generation)
	R reload-store -a alice -k $K -g "$g" alice@calls.example right
	ok
	matches "$output" "generation $((g + 1)),"
	R reload-store -a alice -k $K -g "$g" alice@calls.example wrong
	failed 7 generation
	matches "$stderr" "it is $((g + 1)), not $g"
	R reload-store -a alice -j -k $K -g "$g" alice@calls.example wrong
	[ "$(jq -r '.error | "\(.reload_error_name) \(.generation)"' <<<"$output")" = "Error_Generation_Counter_Too_Low $((g + 1))" ]
	[ "$(reload-fetch -a alice -q -k $K alice@calls.example)" = right ]
}

# R-7.3.1-01, R-7.4.1.1-08: USER-MATCH
@test "nobody writes what is another's: exit 6, also in a dry run" {
	R reload-store -a bob -k $K alice@calls.example mine
	failed 6 'alice@calls.example'
	matches "$stderr" Error_Forbidden
	R reload-store -a bob -n -k $K alice@calls.example mine
	failed 6 'alice@calls.example'
	R reload-store -a alice -n -k $K alice@calls.example 'not stored'
	ok
	matches "$output" '^would store at resource:8bdbc61b'
	[ "$(reload-fetch -a alice -q -k $K alice@calls.example)" = right ]
}

@test "values from files and standard input keep every byte" {
	chance 1500 value >value.bin
	R reload-store -a alice -k $K alice@calls.example -f value.bin
	ok
	reload-fetch -a carol -k $K alice@calls.example --raw >back.bin
	cmp value.bin back.bin
	reload-fetch -a carol -k $K alice@calls.example -o back2.bin
	cmp value.bin back2.bin
	printf 'a\0b' | reload-store -a alice -q -k $K alice@calls.example -
	[ "$(reload-fetch -a carol -k $K alice@calls.example --raw | xxd -p)" = 610062 ]
	: >empty
	R reload-store -a alice -k $K alice@calls.example -f empty
	ok
	[ "$(reload-fetch -a carol -j -k $K alice@calls.example | jq '.values[0].size_bytes')" = 0 ]
}

@test "control characters of a value do not reach the terminal" {
	reload-store -a alice -q -k $K alice@calls.example $'\e[2Jboo\nnext'
	R reload-fetch -a bob -q -k $K alice@calls.example
	ok
	[ "$output" = '\x1b[2Jboo\nnext' ]
	# C1 (CSI as one character) and a right-to-left override, in all three forms of output
	reload-store -a alice -q -k $K alice@calls.example $'a\xc2\x9b2J\xe2\x80\xaeb'
	R reload-fetch -a bob -q -k $K alice@calls.example
	ok
	[ "$output" = 'a\x9b2J\u202eb' ]
	R reload-fetch -a bob -j -k $K alice@calls.example
	ok
	[[ "$output" = *'"text":"a\u009b2J\u202eb"'* ]]
	R reload-fetch -a bob --flat -k $K alice@calls.example
	ok
	[[ "$output" = *'.text=a\u009b2J\u202eb'* ]]
}

@test "too large is exit 8, before anything is sent" {
	head -c 20000 /dev/zero >large
	R reload-store -a alice -k $K alice@calls.example -f large
	failed 8 'alice@calls.example'
}

@test "a removed place of an array is no value" {
	for text in one two three; do
		reload-store -a carol -q -k $ARRAY carol@calls.example --append $text
	done
	reload-store -a carol -q -k $ARRAY carol@calls.example --remove --index 1 -y
	R reload-fetch -a bob -k $ARRAY carol@calls.example
	ok
	[ "${#lines[@]}" -eq 2 ]
	matches "${lines[0]}" '^\[0\] one '
	matches "${lines[1]}" '^\[2\] three '
	R reload-fetch -a bob -k $ARRAY carol@calls.example --json
	jq -e '[.values[] | [.index, .exists, .text]] == [[0, true, "one"], [2, true, "three"]]' <<<"$output"
	R reload-fetch -a bob -k $ARRAY carol@calls.example --raw
	[ "$output" = onethree ]
	R reload-fetch -a bob -k $ARRAY carol@calls.example --index 1
	failed 5 'no value'
	# Stat tells what was there
	R reload-fetch -a bob -k $ARRAY carol@calls.example --stat
	matches "$output" '\[1\] \(removed\)'
	reload-fetch -a bob -k $ARRAY carol@calls.example --proof removed.proof -q
	R reload-fetch --check-proof removed.proof --config lab/etc/identity/bob/overlay.xml --json
	jq -e '[.values[].text] == ["one", "three"]' <<<"$output"
	for index in 0 2; do
		reload-store -a carol -q -k $ARRAY carol@calls.example --remove --index $index -y
	done
	R reload-fetch -a bob -k $ARRAY carol@calls.example
	failed 5 'no value'
}

# R-7.4.1.3-01: removing is storing exists = False
@test "removal asks, or takes --yes" {
	reload-store -a alice -q -k $K alice@calls.example there
	R reload-store -a alice -k $K --remove alice@calls.example
	failed 2 remove
	R reload-store -a alice -k $K --remove alice@calls.example -y
	ok
	matches "$output" '^removed at resource:8bdbc61b on '
	R reload-fetch -a bob -k $K alice@calls.example
	[ "$status" -eq 5 ]
	R reload-store -a alice -k $K --remove alice@calls.example value -y
	failed 2 '--remove takes no value'
}

# R-7.4.1.3-02: the lifetime of a removal is at least what is left of the removed value's
@test "a removal lives as long as what it removes would have" {
	reload-store -a alice -q -k $K alice@calls.example long --lifetime 9d
	R reload-store -a alice -j -k $K alice@calls.example --remove -y --lifetime 1h
	ok
	jq -e '.lifetime_s > 8 * 86400 and .lifetime_s <= 9 * 86400' <<<"$output"
	reload-store -a bob -q -k $ARRAY bob@calls.example short --index 7 --lifetime 1m
	reload-store -a bob -q -k $ARRAY bob@calls.example long --index 8 --lifetime 9d
	R reload-store -a bob -j -k $ARRAY bob@calls.example --remove -y --lifetime 1h --index 7
	ok
	[ "$(jq .lifetime_s <<<"$output")" = 3600 ]
	reload-store -a alice -q -k $DICT alice@calls.example long --lifetime 9d
	R reload-store -a alice -j -k $DICT alice@calls.example --remove -y --lifetime 1h
	ok
	jq -e '.lifetime_s > 8 * 86400' <<<"$output"
	R reload-store -a alice -j -k $K alice@calls.example --remove -y --lifetime 1h # nothing there: the removal stays
	ok
	jq -e '.lifetime_s > 8 * 86400' <<<"$output"
}

@test "who may not write is told what he may" {
	R reload-store -a bob -k $K alice@calls.example mine
	failed 6 'alice@calls.example'
	[ "${stderr_lines[2]}" = "  try:  the own name: reload-store -a bob -k $K bob@calls.example VALUE" ]
	R reload-store -a bob -n -k $DICT alice@calls.example mine
	failed 6 'alice@calls.example'
	matches "${stderr_lines[2]}" '  try:  the own name and key: .* bob@calls.example VALUE$'
	head -c 20000 /dev/zero >large
	R reload-store -a alice -k $K alice@calls.example -f large
	matches "${stderr_lines[2]}" '^  try:  at most 4096 bytes: reload-store '
}

@test "-o writes to a pipe, through a symbolic link, and keeps modes" {
	reload-store -a alice -q -k $K alice@calls.example 'for a file'
	mkfifo pipe
	timeout 60 cat pipe >from-pipe &
	R reload-fetch -a bob -k $K alice@calls.example -o pipe
	ok
	[ -p pipe ]
	wait $!
	[ "$(cat from-pipe)" = 'for a file' ]
	R reload-fetch -a bob -k $K alice@calls.example -t 3s -o pipe
	failed 4 'pipe cannot be written'
	(umask 077 && reload-fetch -a bob -k $K alice@calls.example -o private)
	[ "$(stat -c %a private)" = 600 ]
	echo old >target
	chmod 640 target
	ln -s target link
	R reload-fetch -a bob -k $K alice@calls.example -o link
	ok
	[ -L link ]
	[ "$(cat target)" = 'for a file' ]
	[ "$(stat -c %a target)" = 640 ]
	R reload-fetch -a bob -k $K alice@calls.example -o /dev/full
	failed 1 '/dev/full cannot be written'
	[ -c /dev/full ]
}

@test "standard input that is closed is no empty value" {
	reload-store -a alice -q -k $K alice@calls.example kept
	R bash -c "reload-store -a alice -k $K alice@calls.example - <&-"
	failed 1 'standard input cannot be read'
	[ "$(reload-fetch -a alice -q -k $K alice@calls.example)" = kept ]
}

@test "a disk that is full is named" {
	for f in '' -j --flat; do
		run bash -c "reload-fetch -a bob $f -k $K alice@calls.example 2>&1 >/dev/full"
		[ "$status" -eq 1 ]
		matches "$output" 'why:  No space left on device'
	done
}

# R-7.4.1.1-25: a Store behind the end leaves a gap; R-7.4.1.1-26: appending gives the next index
@test "arrays have places" {
	R reload-store -a alice -k $ARRAY alice@calls.example zero --index 0
	ok
	R reload-store -a alice -k $ARRAY alice@calls.example one --append
	ok
	R reload-store -a alice -k $ARRAY alice@calls.example five --index 5
	ok
	R reload-fetch -a bob -q -k $ARRAY alice@calls.example
	ok
	[ "$output" = $'[0] zero\n[1] one\n[5] five' ]
	R reload-fetch -a bob -q -k $ARRAY --index 1 alice@calls.example
	[ "$output" = '[1] one' ]
	R reload-fetch -a bob -q -k $ARRAY --index 1-9 alice@calls.example
	[ "$output" = $'[1] one\n[5] five' ]
	R reload-fetch -a bob -k $ARRAY --index 3 alice@calls.example
	[ "$status" -eq 5 ]
	R reload-store -a alice -k $ARRAY alice@calls.example nowhere
	failed 2 'alice@calls.example'
	R reload-fetch -a bob -k $ARRAY --index 9-1 alice@calls.example
	failed 2 index
	R reload-store -a alice -k $ARRAY alice@calls.example x --index 1 --append
	failed 2 index
}

# R-7.4.2.1-07: no key asks for all; R-7.3.3-02: USER-NODE-MATCH takes the own Node-ID as the key only
@test "dictionaries have keys, the own Node-ID where the policy asks for it" {
	R reload-store -a alice -k $DICT alice@calls.example 'by default'
	ok
	R reload-fetch -a bob -q -k $DICT alice@calls.example
	ok
	[ "$output" = "hex:$ALICE: by default" ]
	for key in "node:$ALICE" "node:${ALICE:0:8}" "hex:$ALICE"; do
		R reload-fetch -a bob -q -k $DICT --key "$key" alice@calls.example
		[ "$output" = "hex:$ALICE: by default" ]
	done
	R reload-fetch -a alice -q -k $DICT --key self alice@calls.example
	[ "$output" = "hex:$ALICE: by default" ]
	R reload-fetch -a bob -k $DICT --key other alice@calls.example
	[ "$status" -eq 5 ]
	R reload-store -a alice -k $DICT --key other alice@calls.example x
	failed 6 'alice@calls.example'
	R reload-fetch -a bob -k $DICT --key hex:xyz alice@calls.example
	failed 2 hex
}

# R-8-01
@test "certificates of joined nodes are found by user and shown as such" {
	until_true reload-fetch -a bob -q -k CERTIFICATE_BY_USER alice@calls.example >/dev/null 2>&1
	R reload-fetch -a bob -j -k CERTIFICATE_BY_USER alice@calls.example
	ok
	[ "$(jq -r '.values[0].decoded.node_ids[0]' <<<"$output")" = "$ALICE" ]
}

@test "wrong use" {
	R reload-store -a alice alice@calls.example x
	failed 2 Kind
	R reload-fetch -a alice alice@calls.example
	failed 2 Kind
	R reload-fetch -a alice -k NOSUCH alice@calls.example
	failed 2 NOSUCH
	R reload-store -a alice -k $K alice@calls.example
	failed 2 'no value'
	R reload-store -a alice -k $K alice@calls.example x -f value.bin
	failed 2 'two values'
	R reload-store -a alice -k $K alice@calls.example -f no/such
	failed 1 no/such
	R reload-store -a alice -k $K alice@calls.example x --lifetime 0
	failed 2 lifetime
	R reload-store -a alice -k $K alice@calls.example x --index 1
	failed 2 'alice@calls.example'
	R reload-store -a alice -k $K "node:$BOB" x
	failed 2 node:
	R reload-fetch -a alice -k $K alice@calls.example --stat --find
	failed 2 stat
	R reload-fetch -a alice -k $K alice@calls.example --raw -j
	[ "$status" -eq 2 ]
	R reload-fetch -a alice -k $K alice@calls.example --watch 1ms
	failed 2 watch
	R reload-fetch -a alice -k $K alice@calls.example --watch 1s --stat
	failed 2 watch
}

@test "generation 0 names no stored value" {
	R reload-store -a alice -k $K -g 0 alice@calls.example x
	failed 2 '--generation 0 is not possible'
	matches "${stderr_lines[2]}" 'try:'
}
