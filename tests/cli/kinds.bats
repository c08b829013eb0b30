#!/usr/bin/env bats
# Kinds from the manual: reload-enroll kind, Kind files and their faults, limits that can never work, RELOAD_KIND.

load lab

setup() {
	bats_require_minimum_version 1.5.0
	PATH="${RELOAD_BIN:?directory of the binaries}:$PATH"
	export RELOAD_HOME="$BATS_TEST_TMPDIR/lab" TERM=dumb
	unset RELOAD_OVERLAY RELOAD_FORMAT RELOAD_TIMEOUT RELOAD_AGENT RELOAD_KIND
	cd "$BATS_TEST_TMPDIR" || return 1
}

K() {
	R reload-enroll kind "$@"
}

# kind_file [OLD NEW]: a Kind file with 6 lines, OLD made NEW.
kind_file() {
	reload-enroll kind LIST --id 0xf0000005 --model array --access user-match --max-count 4 --max-size 100 |
		sed "s/${1-none}/${2-none}/"
}

@test "kind writes a file that init takes, for each model and policy" {
	files=() n=2
	for pair in 'single user-match' 'array user-match' 'dictionary user-match' 'single node-match' 'array node-match' \
		'dictionary user-node-match' 'SINGLE NODE-MULTIPLE'; do
		read -r model access <<<"$pair"
		extra=()
		[ "${access,,}" != node-multiple ] || extra=(--max-node-multiple 3)
		K "KIND-$n" --id "$((0xf0000000 + n))" --model "$model" --access "$access" "${extra[@]}" --max-size 1K -o "$n.kind"
		ok
		[ "${lines[1]}" = "next: reload-enroll init OVERLAY --kind $n.kind" ]
		files+=(--kind "$n.kind")
		n=$((n + 1))
	done
	R reload-enroll init k.example "${files[@]}"
	ok
	R reload-enroll config check k.example
	[ "$status" -eq 0 ]
	R reload-enroll config show k.example --json
	# R-11.1-36, R-11.1-38
	[ "$(jq -r '[.kinds[] | select(.required and .kind_id > 4026531841) | "\(.data_model) \(.access_control) \(.max_count) \(.max_size_bytes)"] | join(",")' <<<"$output")" = \
		"SINGLE USER-MATCH 1 1024,ARRAY USER-MATCH 16 1024,DICTIONARY USER-MATCH 16 1024,SINGLE NODE-MATCH 1 1024,ARRAY NODE-MATCH 16 1024,DICTIONARY USER-NODE-MATCH 16 1024,SINGLE NODE-MULTIPLE 1 1024" ]
}

@test "kind: standard output, JSON, --dry-run and --quiet" {
	K LIST --id 4026531845 --model array --access user-match
	ok
	[ "${lines[0]}" = '<kind id="4026531845">' ]
	[ "${lines[1]}" = '  <name xmlns="urn:x-reload:config">LIST</name>' ]
	text=$output
	K LIST --id 0xF0000005 --model array --access user-match --json
	ok
	[ "$(jq -r .xml <<<"$output")" = "$text" ]
	same_schema reload-enroll kind
	K LIST --id 0xf0000005 --model array --access user-match -o dry.kind --dry-run
	ok
	[ ! -e dry.kind ]
	K LIST --id 0xf0000005 --model array --access user-match -o list.kind -q
	ok
	[ -z "$output" ]
	[ "$(cat list.kind)" = "$text" ]
}

@test "kind refuses what cannot be a Kind" {
	good=(--id 0xf0000005 --model array --access user-match)
	for name in '' 5 -a _a 'a b' a.b a/b ä TURN-SERVICE turn-service REDIR SIP-REGISTRATION '<x>' "$(printf 'x%.0s' {1..33})"; do
		K "$name" "${good[@]}"
		failed 2 'the name|not a name|unknown option'
	done
	# R-7.4.5-01, STO-13
	for id in 0 1 0xf0000000 0xfffffffe 4294967295 0x 12x -5 99999999999999999999; do
		K LIST "${good[@]}" --id "$id"
		failed 2 '--id is not possible'
	done
	K LIST --model array --access user-match
	failed 2 'no --id'
	K LIST --id 0xf0000005 --access user-match
	failed 2 'no --model'
	K LIST --id 0xf0000005 --model array
	failed 2 'no --access'
	K LIST "${good[@]}" --model tree
	failed 2 '--model is not possible'
	K LIST "${good[@]}" --access everybody
	failed 2 '--access is not possible'
	K LIST "${good[@]}" --access user-node-match
	failed 2 '--access user-node-match'
	[ "${stderr_lines[2]}" = '  try:  --model dictionary --access user-node-match' ]
	# R-11.1-39
	K LIST "${good[@]}" --access node-multiple
	failed 2 'no --max-node-multiple'
	K LIST "${good[@]}" --max-node-multiple 3
	failed 2 '--max-node-multiple is not possible'
	K LIST "${good[@]}" --model single --max-count 2
	failed 2 '--max-count is not possible'
	K LIST "${good[@]}" --max-size 3G
	failed 2 '--max-size is not possible'
	K LIST "${good[@]}" --max-size 16M --max-count 0
	failed 2 '--max-count 0'
	K LIST "${good[@]}" --max-size 17M
	failed 2 'the Kind LIST can never work'
	K LIST "${good[@]}" --model dictionary --max-count 4097
	failed 2 'the Kind LIST can never work'
	K LIST "${good[@]}" --model dictionary --max-count 4096
	ok
}

@test "faults of a Kind file name the file and the line" {
	while read -r line from to; do
		kind_file "$from" "$to" >bad.kind
		R reload-enroll init b.example --kind bad.kind
		failed 10 'the Kind file bad.kind cannot be used'
		matches "${stderr_lines[1]}" "^  why:  bad.kind, line $line: "
		matches "${stderr_lines[2]}" '^  try:  .'
	done <<-'EOF'
		3 ARRAY TREE
		4 USER-MATCH EVERYBODY
		1 USER-MATCH USER-MATCH<x\/>
		5 >4< >0<
		5 >4< >many<
		6 >100< >-1<
		6 max-size maximum
		1 4026531845 0
		1 4026531845 17
		1 id= number=
		2 LIST TURN-SERVICE
		2 LIST 5
		2 LIST a.b
	EOF
	kind_file | sed '/max-size/d' >bad.kind
	R reload-enroll init b.example --kind bad.kind
	failed 10 'bad.kind'
	matches "${stderr_lines[1]}" 'bad.kind, line 1: the kind has no max-size'
	# what is not one kind element
	for text in '' 'not xml' '<kind' '<a/><b/>' '</kind-block><kind-block>' '<kind-block/>'; do
		echo "$text" >bad.kind
		R reload-enroll init b.example --kind bad.kind
		failed 10 'the Kind file bad.kind cannot be used'
		matches "${stderr_lines[1]}" '^  why:  bad.kind, '
	done
	{ kind_file && kind_file; } >bad.kind
	R reload-enroll init b.example --kind bad.kind
	failed 10 'bad.kind'
	printf '<kind id="4026531845">\0' >bad.kind
	R reload-enroll init b.example --kind bad.kind
	failed 10 'bad.kind'
	[ ! -e lab/etc/b.example ]
}

@test "a Kind that is there already names the other file" {
	kind_file >one.kind
	kind_file LIST OTHER >two.kind
	R reload-enroll init b.example --kind one.kind --kind two.kind
	failed 10 'the Kind file two.kind'
	matches "${stderr_lines[1]}" 'two.kind, line 1: the Kind 0xf0000005 is defined by one.kind already'
	matches "${stderr_lines[2]}" 'kind OTHER --id 0xf0000006 --model ARRAY --access USER-MATCH -o two.kind$'
	${stderr_lines[2]#  try:  } -q
	R reload-enroll init b.example --kind one.kind --kind two.kind
	ok
	# the same with names
	kind_file LIST list >one.kind
	sed -i s/OTHER/LIST/ two.kind
	R reload-enroll init c.example --kind one.kind --kind two.kind
	failed 10 'the Kind file two.kind'
	matches "${stderr_lines[1]}" 'two.kind, line 1: the name LIST is that of the Kind in one.kind already'
	matches "${stderr_lines[2]}" 'kind KIND-f0000006 --id 0xf0000006 --model ARRAY --access USER-MATCH -o two.kind$'
	${stderr_lines[2]#  try:  } -q
	R reload-enroll init c.example --kind one.kind --kind two.kind
	ok
}

@test "a byte order mark, CRLF, an XML declaration and comments around the element" {
	{ printf '\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n<!-- ours -->\n' && kind_file && echo '<!-- end -->'; } |
		sed 's/$/\r/' >odd.kind
	R reload-enroll init odd.example --kind odd.kind
	ok
	R reload-enroll config check odd.example
	[ "$status" -eq 0 ]
	{ printf '\xef\xbb\xbf<?xml version="1.0"?>\n' && kind_file ARRAY TREE; } >odd.kind
	R reload-enroll init b.example --kind odd.kind
	failed 10 'odd.kind'
	matches "${stderr_lines[1]}" 'odd.kind, line 4: the data-model "TREE"'
}

@test "init and config check refuse limits that can never work, and say the way out" {
	kind_file '>100<' '>200000<' >large.kind
	R reload-enroll init large.example --kind large.kind
	failed 10 'the Kind file large.kind cannot be used'
	matches "${stderr_lines[1]}" 'large.kind, line 1: max-size of the Kind 0xf0000005 is 200000, but a whole message has [0-9]+ bytes'
	[ "${stderr_lines[2]}" = '  try:  reload-enroll init large.example --kind large.kind --max-message-size 202048' ]
	${stderr_lines[2]#  try:  } -q
	R reload-enroll config check large.example
	[ "$status" -eq 0 ]
	reload-enroll config show large.example --json | jq -e '.max_message_size == 202048'
	# the same in a document: the signatures go, so that the limits alone are wrong
	sed '/<signature>/d; s/>202048</>5000</' lab/etc/large.example/overlay.xml >small.xml
	R reload-enroll config check small.xml
	failed 10 'small.xml'
	matches "$stderr" 'line [0-9]+: max-size of the Kind 0xf0000005 is 200000, but a whole message has 5000 bytes at most'
	matches "$stderr" 'try:  lower max-size below 5000, or raise max-message-size above 200000'
	sed '/<signature>/d; s/>202048</>17039361</' lab/etc/large.example/overlay.xml >huge.xml
	R reload-enroll config check huge.xml
	failed 10 'huge.xml'
	matches "$stderr" 'max-message-size is 17039361'
	sed 's/17039361/17039360/' huge.xml >most.xml
	R reload-enroll config check most.xml
	[ "$status" -eq 0 ]
	kind_file ARRAY DICTIONARY | sed 's/>4</>4097</' >keys.kind
	R reload-enroll init keys.example --kind keys.kind
	failed 10 'keys.kind'
	matches "${stderr_lines[1]}" 'keys.kind, line 1: max-count of the Kind 0xf0000005 is 4097, but one message lists 4096 keys'
	matches "${stderr_lines[2]}" 'lower max-count to 4096'
	for size in 17039361 17M; do
		R reload-enroll init c.example --max-message-size $size
		failed 2 "--max-message-size $size"
		[ "${stderr_lines[2]}" = '  try:  --max-message-size 16M' ]
	done
	R reload-enroll init c.example --max-message-size 2K
	failed 2 '--max-message-size 2K'
	[ ! -e lab/etc/keys.example ]
	[ ! -e lab/etc/c.example ]
	R reload-enroll init c.example ${stderr_lines[2]#  try:  }
	ok
}

@test "RELOAD_KIND is the default of --kind" {
	# no agent: without a Kind it is wrong use, with one the agent is missing
	for command in 'reload-store alice@calls.example x' 'reload-fetch alice@calls.example' 'reload-store --drop alice@calls.example'; do
		RELOAD_KIND='' R $command
		failed 2 '.'
		matches "$stderr" '--kind'
		RELOAD_KIND=0xf0000001 R $command
		failed 3 '.'
	done
}
