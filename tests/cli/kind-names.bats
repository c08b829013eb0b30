#!/usr/bin/env bats
# Names of Kinds in a running overlay, and the examples of reload-enroll(1) about Kinds as they stand there.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	# the commands of the manual: those that write Kinds, and those that store
	sed -n '/^\.Sh KINDS/,/^\.Sh ENV/p' "$BATS_TEST_DIRNAME/../../man/reload-enroll.1" >section
	sed -n '/^\$ /,/[^\\]$/p' section | sed 's/^\$ //' >commands
	sed -n '/^reload-enroll kind/,/[^\\]$/p' commands >write
	grep '^reload-store' commands >store
	bash -eu write >written
	files=(call-list.xml status.xml contact.xml relay.xml)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" "${files[@]/#/--kind=}" -q
	reload-enroll issue alice@calls.example --identity alice -q
	lab_start alice -l "127.0.0.1:$PORT" --first
	until_true reload-agent status -a alice --wait joined
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "the manual: each access policy has an example, each example works" {
	[ "$(grep -c '^wrote Kind' written)" -eq 4 ]
	for policy in user-match node-match user-node-match node-multiple; do
		grep -q -e "--access $policy" write
	done
	[ "$(wc -l <store)" -eq 4 ]
	bash -eu store >stored
	[ "$(grep -c '^stored at resource:' stored)" -eq 4 ]
	# the element as it is printed there is what is written, but for white space
	sed -n '/^<kind id/,/^<\/kind>/p' section >shown
	diff -bB <(tr -d ' \n' <shown) <(tr -d ' \n' <call-list.xml)
}

@test "a name stands for the number: store, fetch, RELOAD_KIND, JSON, config show" {
	R reload-store -k STATUS self 'fine'
	ok
	R reload-fetch -k 0xf0000006 self --raw
	[ "$output" = fine ]
	R reload-fetch -k 4026531846 self --json
	ok
	jq -e '.kind == "STATUS" and .kind_id == 4026531846' <<<"$output"
	RELOAD_KIND=STATUS R reload-fetch self --raw
	[ "$output" = fine ]
	R reload-store --batch - <<<'{"target":"self","kind":"STATUS","text":"again"}'
	[ "$status" -eq 0 ]
	R reload-fetch -k STATUS self --stat --json
	ok
	jq -e '.kind == "STATUS"' <<<"$output"
	R reload-enroll config show calls.example
	matches "$output" '0xf0000006  STATUS  SINGLE  NODE-MATCH'
	R reload-enroll config show calls.example --json
	jq -e '.kinds | any(.kind == "STATUS" and .kind_id == 4026531846)' <<<"$output"
	# proofs are judged by the document, names in it too
	reload-fetch -k STATUS self --proof proof -q
	R reload-fetch --check-proof proof --config lab/etc/identity/alice/overlay.xml
	[ "$status" -eq 0 ]
	matches "$output" 'Kind STATUS'
}

@test "an unknown name is wrong use, with the nearest one" {
	for pair in STATSU:STATUS status:STATUS CALL-LSIT:CALL-LIST TURN-SERVCE:TURN-SERVICE; do
		for program in 'reload-fetch self' 'reload-store self x' 'reload-store --remove -y self' 'reload-store --drop self'; do
			R $program -k "${pair%:*}"
			failed 2 "unknown Kind ${pair%:*}"
			[ "${stderr_lines[2]}" = "  try:  -k ${pair#*:}" ]
		done
	done
	R reload-fetch self -k 0xf0000099
	failed 2 'unknown Kind 0xf0000099'
}
