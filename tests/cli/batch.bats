#!/usr/bin/env bats
# reload-store --batch: JSON Lines of requests, many under way, one result each, in order.

load lab

setup_file() {
	lab_begin
	lab_overlay
	export PORT
	lab_ring
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

@test "one result line for each request, in order, with its line" {
	for i in $(seq 200); do
		printf '{"target":"alice@calls.example","kind":"%s","index":%d,"text":"value %d"}\n' $ARRAY $((i % 10)) "$i"
	done >many
	R reload-store -a alice -j --batch many
	ok
	[ "${#lines[@]}" -eq 200 ]
	[ "$(jq -s -c 'map(.line) == [range(1; 201)]' <<<"$output")" = true ]
	[ "$(jq -s -c 'all(.values == 1 and .exists and .error == null)' <<<"$output")" = true ]
	# lines that name one place are stored in their order: the last one stays
	R reload-fetch -a bob -q -k $ARRAY alice@calls.example
	[ "${lines[0]}" = '[0] value 200' ]
	[ "${lines[9]}" = '[9] value 199' ]
	R bash -c 'head -1 many | reload-store -a alice -j --batch -'
	ok
	same_schema reload-store --batch -
}

@test "target and Kind of the command line are the default of a line" {
	R reload-store -a alice --batch - -k $K alice@calls.example --lifetime 1h <<<'{"text":"by default"}'
	ok
	matches "$output" '^line 1: stored at resource:8bdbc61b on '
	R reload-fetch -a bob -j -k $K alice@calls.example
	[ "$(jq -r '.values[0] | .text == "by default" and .lifetime_s <= 3600' <<<"$output")" = true ]
	R reload-store -a alice -q --batch - -k $K <<<'{"target":"alice@calls.example","value":"AAE=","lifetime_s":7200}'
	ok
	[ -z "$output" ]
	[ "$(reload-fetch -a bob -k $K alice@calls.example --raw | xxd -p)" = 0001 ]
}

@test "lines that are wrong are named, and the others stored" {
	cat >mixed <<-'END'
		{"index":0,"text":"good"}
		not JSON

		{"index":1,"text":"good","bogus":1}
		{"index":2,"lifetime_s":0,"text":"x"}
		{"target":"bob@calls.example","index":3,"text":"not mine"}
		["index"]
		{"text":"no place"}
		{"index":4,"text":"good too"}
	END
	R reload-store -a alice -k $ARRAY alice@calls.example --batch mixed
	[ "$status" -eq 11 ]
	[ "${#lines[@]}" -eq 2 ]
	matches "${lines[0]}" '^line 1: stored '
	matches "${lines[1]}" '^line 9: stored '
	for n in 2 4 5 6 7 8; do matches "$stderr" "reload-store: line $n: "; done
	[[ $stderr != *'line 3:'* ]]
	matches "$stderr" 'bogus is unknown'
	matches "$stderr" '2 lines stored, 6 failed'
	R reload-store -a alice -j -k $ARRAY alice@calls.example --batch mixed
	[ "$status" -eq 11 ]
	[ -z "$stderr" ]
	[ "$(jq -s -c 'map([.line, .error.code])' <<<"$output")" = '[[1,null],[2,2],[4,2],[5,2],[6,6],[7,2],[8,2],[9,null]]' ]
}

# R-7.4.1.2-03: a generation that was overtaken by an earlier line is refused
@test "generations, removals and keeping by line" {
	g=$(reload-store -a alice -j -k $K alice@calls.example start | jq -r .generation)
	printf '{"text":"a","generation":"%s"}\n{"text":"b","generation":"%s"}\n{"exists":false}\n{"text":"c","keep":true}\n' "$g" "$g" >steps
	R reload-store -a alice -j -k $K alice@calls.example --batch steps
	[ "$status" -eq 11 ]
	[ "$(jq -s -c 'map([.line, .error.code, .exists, .kept])' <<<"$output")" = '[[1,null,true,false],[2,7,null,null],[3,null,false,false],[4,null,true,true]]' ]
	[ "$(reload-fetch -a bob -q -k $K alice@calls.example)" = c ]
	[ "$(reload-store -a alice -j --list-kept | jq '.kept | length')" = 1 ]
	reload-store -a alice -q --drop -k $K alice@calls.example
}

@test "a dry run stores nothing" {
	R reload-store -a alice -n -k $K alice@calls.example --batch - <<<'{"text":"never"}'
	ok
	matches "$output" '^line 1: would store'
	[ "$(reload-fetch -a bob -q -k $K alice@calls.example)" = c ]
}

@test "results come while more lines are awaited; a signal ends the batch" {
	mkfifo slow results
	exec 5<>slow # a writer that writes one line
	echo '{"index":0,"text":"first"}' >&5
	reload-store -a alice -k $ARRAY alice@calls.example --batch slow >results 2>stopped 5>&- &
	batch=$!
	exec 4<results
	read -r -t 30 line <&4
	matches "$line" '^line 1: stored '
	kill -INT $batch
	wait $batch && status=0 || status=$?
	exec 4<&- 5>&-
	[ "$status" -eq 11 ]
	matches "$(cat stopped)" '1 line stored, 0 failed, stopped before the end'
}

@test "the time limit holds" {
	mkfifo endless
	exec 5<>endless # a writer that writes nothing
	R reload-store -a alice -t 2s -k $ARRAY alice@calls.example --batch endless 5>&-
	[ "$status" -eq 4 ]
	matches "$stderr" 'no more lines in time'
	exec 5>&-
	kill -STOP "$(cat lab/alice.pid)"
	R reload-store -a alice -j -t 3s -k $ARRAY alice@calls.example --batch - <<<'{"index":0,"text":"x"}'
	kill -CONT "$(cat lab/alice.pid)"
	[ "$status" -eq 4 ]
	[ "$(jq -s -c 'map([.line, .error.code])' <<<"$output")" = '[[1,4],[null,4]]' ]
	# input that never ends, and a pipe that nobody writes to
	R bash -c "yes '' | timeout 20 reload-store -a alice -t 500ms --batch -"
	[ "$status" -eq 4 ]
	mkfifo nobody
	R timeout 20 reload-store -a alice -j -t 2s --batch nobody
	[ "$status" -eq 4 ]
	[ "$(jq -c '[.error.code, (.error.why | test("no more lines in time"))]' <<<"$output")" = '[4,true]' ]
}

@test "a line that is too long is an error of that line alone, and so is one of zeroes" {
	{
		echo '{"index":0,"text":"before"}'
		head -c 3000000 /dev/zero | tr '\0' x
		printf '\n\0\0\n'
		echo '{"index":1,"text":"behind"}'
		head -c 1100000 /dev/zero | tr '\0' x
	} >long
	R reload-store -a alice -j -k $ARRAY alice@calls.example --batch long
	[ "$status" -eq 11 ]
	[ -z "$stderr" ]
	[ "$(jq -s -c 'map([.line, .error.code])' <<<"$output")" = '[[1,null],[2,8],[3,2],[4,null],[5,8]]' ]
	R reload-fetch -a bob -q -k $ARRAY alice@calls.example --index 0-1
	[ "$output" = $'[0] before\n[1] behind' ]
}

@test "a batch that cannot be read is told of, also as JSON" {
	mkdir -p directory
	R reload-store -a alice -k $ARRAY alice@calls.example --batch directory
	failed 1 'given up before the end'
	matches "${stderr_lines[1]}" 'Is a directory'
	R reload-store -a alice -j -k $ARRAY alice@calls.example --batch directory
	[ "$status" -eq 1 ]
	[ "$(jq -c '[.error.code, (.error.why | test("Is a directory"))]' <<<"$output")" = '[1,true]' ]
}

@test "wrong use of --batch" {
	R reload-store -a alice --batch many -k $K alice@calls.example value
	failed 2 batch
	R reload-store -a alice --batch many --remove -k $K alice@calls.example
	failed 2 batch
	R reload-store -a alice --batch many --list-kept
	failed 2 batch
	R reload-store -a alice --batch no/such -k $K
	failed 1 no/such
	R reload-store -a nobody --batch many
	failed 3 nobody
	R reload-store -a alice -k $K --batch - <<<'{"text":"nowhere"}'
	[ "$status" -eq 11 ]
	matches "$stderr" 'no target or no kind'
	: >empty
	R reload-store -a alice --batch empty
	ok
	[ -z "$output" ]
}
