#!/usr/bin/env bats
# reload-diag decode: the vectors of tests/vectors, hostile input, forms of input.

load lab

setup_file() {
	lab_begin
	export V="$BATS_TEST_DIRNAME/../vectors"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

@test "every message and frame of the vectors decodes, as text and as JSON" {
	for name in $(jq -r '.[] | select(.form == "message" or .form == "frame") | .name' "$V/vectors.json"); do
		R reload-diag decode "$V/$name.hex"
		ok || { echo "$name"; return 1; }
		R reload-diag decode --json "$V/$name.hex"
		ok || { echo "$name"; return 1; }
		jq -e --argjson len "$(jq .length "$V/$name.json")" \
			'.fault == null and .size_bytes == $len' <<<"$output" >/dev/null || { echo "$name: $output"; return 1; }
	done
}

@test "text names the fields of the RFC" {
	R reload-diag decode "$V/ping-req-signed.hex"
	ok
	[ "${lines[0]}" = "message at 0, 1166 bytes: ping_req" ]
	matches "$output" 'transaction_id: 0x0123456789abcdef'
	matches "$output" 'padding: deadbeef'
}

@test "bytes, hex with white space, an operand and standard input are the same" {
	tr -d '\n' <"$V/ping-req-unsigned.hex" >one.hex
	xxd -r -p one.hex one.bin
	sed 's/\(....\)/\1 \t/g' "$V/ping-req-unsigned.hex" | tr 'a-f' 'A-F' >spaced.hex
	expected=$(reload-diag decode one.hex)
	[ "$(reload-diag decode one.bin)" = "$expected" ]
	[ "$(reload-diag decode spaced.hex)" = "$expected" ]
	[ "$(reload-diag decode "$(cat one.hex)")" = "$expected" ]
	[ "$(reload-diag decode <one.bin)" = "$expected" ]
	[ "$(reload-diag decode - <one.hex)" = "$expected" ]
	[ "$(reload-diag decode --binary one.bin)" = "$expected" ]
}

@test "what other tools print of a message is read, and what is none is named with its line" {
	tr -d '\n' <"$V/ping-req-signed.hex" | xxd -r -p >m.bin
	expected=$(reload-diag decode m.bin)
	xxd m.bin >xxd
	xxd m.bin | cut -c1-50 | tr -d : >cut
	hexdump -C m.bin >hexdump
	od -A x -t x1 m.bin >od-x1
	od m.bin >od
	xxd -p -c1 m.bin | paste -sd: >colons
	{ printf 0x; xxd -p m.bin; } >prefix
	xxd -i m.bin >array
	{ printf '\xef\xbb\xbf'; xxd -p m.bin; } >mark
	xxd -p m.bin | sed 's/$/\r/' >crlf
	for form in xxd cut hexdump od-x1 od colons prefix array mark crlf; do
		[ "$(reload-diag decode "$form")" = "$expected" ] || { echo "$form"; return 1; }
	done
	# lines that hexdump and od leave out, as they repeat the one before
	{ cat m.bin; head -c 200 /dev/zero; } >zeros.bin
	reload-diag decode zeros.bin >expected 2>&1 || true
	for tool in 'hexdump -C' 'od -A x -t x1' od; do
		$tool zeros.bin >form
		grep -q '^\*$' form
		reload-diag decode form >seen 2>&1 || true
		diff expected seen
	done
	printf 'd2454c4f\nnonsense here\n' >wrong
	run -2 --separate-stderr reload-diag decode wrong
	matches "$stderr" 'line 2: nonsense'
	matches "$stderr" 'xxd'
}

@test "several messages, frames and fragments may stand one behind the other" {
	cat "$V/ping-req-unsigned.hex" "$V/frame-ack.hex" "$V/frame-data.hex" "$V/fragment-1.hex" >all.hex
	R reload-diag decode -j all.hex
	ok
	[ "$(jq -r .type <<<"$output" | paste -sd ' ')" = "message ack data fragment" ]
	[ "$(jq -r .message.message_code <<<"$output" | head -1)" = ping_req ]
}

@test "JSON has the keys of its schema" {
	R reload-diag decode -j "$V/ping-req-signed.hex"
	same_schema reload-diag decode
}

@test "what is cut, no message, odd or empty is refused" {
	head -c 64 "$V/ping-req-signed.hex" >cut.hex
	R reload-diag decode cut.hex
	[ "$status" -eq 1 ]
	[ "${stderr_lines[0]}" = 'reload-diag: cannot decode the bytes at 0' ]
	matches "${stderr_lines[1]}" 'ends too early'
	R reload-diag decode --binary cut.hex
	failed 1 'cannot decode the bytes at 0'
	R reload-diag decode abc
	[ "$status" -eq 2 ]
	R reload-diag decode /dev/null
	failed 2 'nothing to decode'
	R reload-diag decode no/such/file
	failed 1 'no/such/file'
	R reload-diag decode -j cut.hex
	[ "$status" -eq 1 ]
	[ "$(jq -r '.error.code // empty' <<<"$output")" = 1 ]
}

@test "of a broken header: each field before the break, where it is and why" {
	tr -d '\n' <"$V/ping-req-unsigned.hex" >whole
	# the message ends in the middle of its length
	head -c 38 whole >cut.hex
	R reload-diag decode cut.hex
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = 'message at 0, 19 bytes, broken at 16: length has 4 bytes, 3 are left' ]
	[ "${lines[6]}" = '  fragment: 0xc0000000' ]
	[ "${#lines[@]}" -eq 7 ]
	# behind a whole message: offsets are those of the input, and what follows is decoded
	{ cat whole; head -c 78 whole; printf ff; tail -c +81 whole; cat whole; } >three.hex
	R reload-diag decode -j three.hex
	[ "$status" -eq 1 ]
	jq -se --argjson size "$(($(wc -c <whole) / 2))" 'length == 4 and .[0].fault == null and .[2].fault == null and
		(.[1].fault | startswith("destination_list[0]: ")) and .[1].fault_offset == $size + 38 and
		.[1].header.transaction_id != null and .[1].message == null' <<<"$output"
	same_keys=$(reload-diag decode --json-schema | jq -c '.oneOf[0].properties | keys')
	[ "$(sed -n 2p <<<"$output" | jq -c keys)" = "$same_keys" ]
	# a message that is whole up to its security block
	head -c 140 whole >body.hex
	R reload-diag decode body.hex
	[ "$status" -eq 1 ]
	matches "${lines[0]}" '^message at 0, 70 bytes, broken: .*ends too early'
	matches "$output" $'\n  max_response_length: '
}

# R-7.4.1.2-03, R-7.4.1.2-08
@test "an error shows the structure that it holds" {
	R reload-diag decode -j "$V/error-generation-too-low.hex"
	ok
	jq -e '.message.body.error_info == {kind_responses: [{kind: 4026531841, generation_counter: "9", replicas: []}]}' <<<"$output"
	R reload-diag decode "$V/error-generation-too-low.hex"
	matches "$output" $'\n    kind_responses\\[0\\]:\n      kind: 4026531841\n      generation_counter: 9'
	R reload-diag decode -j "$V/error-unknown-kind.hex"
	jq -e '.message.body.error_info == {unknown_kinds: [4026532094, 4026532095]}' <<<"$output"
	R reload-diag decode -j "$V/error-not-found.hex"
	jq -e '.message.body.error_info | type == "string"' <<<"$output"
}

@test "a message that is broken inside is told, the next one is decoded" {
	# the first byte of the PingReq's body length becomes ff
	sed 's/0017000000/0017ff0000/' <(tr -d '\n' <"$V/ping-req-unsigned.hex") >broken.hex
	cat "$V/ping-req-unsigned.hex" >>broken.hex
	run reload-diag decode -j broken.hex
	[ "$status" -eq 1 ]
	[ "$(head -1 <<<"$output" | jq -r '.fault == null')" = false ]
	[ "$(sed -n 2p <<<"$output" | jq -r '.fault')" = null ]
	[ "$(tail -1 <<<"$output" | jq -r '.error.what')" = "1 of 2 broken" ]
}

@test "random bytes never do harm" {
	for i in $(seq 30); do
		{ xxd -r -p <<<d2454c4f; chance $((i * 13)) "message $i"; } >random.bin
		run reload-diag decode random.bin
		[ "$status" -le 1 ]
	done
}

@test "--config gives private Kinds their data model" {
	cd "$BATS_FILE_TMPDIR"
	R reload-diag decode -j "$V/store-req-dict.hex"
	ok
	[ "$(jq '.message.body.kind_data[0].values[0].value | has("key")' <<<"$output")" = false ]
	lab_overlay # init defines the vector's Kind 0xf0000001 as a SINGLE: then its dictionary entry does not fit
	R reload-diag decode --overlay calls.example "$V/ping-req-unsigned.hex"
	ok
	run reload-diag decode --overlay calls.example -j "$V/store-req-dict.hex"
	[ "$status" -eq 1 ]
	matches "$(head -1 <<<"$output" | jq -r .fault)" 'ends too early'
	R reload-diag decode --overlay nowhere.example "$V/ping-req-unsigned.hex"
	matches "${stderr_lines[0]}" 'nowhere.example'
	[ "$status" -ne 0 ]
}

@test "options and help" {
	R reload-diag decode --frobnicate
	failed 2 frobnicate
	R reload-diag --help
	ok
	R reload-diag
	[ "$status" -eq 2 ]
	R reload-diag decode a b
	[ "$status" -eq 2 ]
}
