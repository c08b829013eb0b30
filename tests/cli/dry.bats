#!/usr/bin/env bats
# reload-store --dry-run ends as the Store would; what is refused names a command that works.

load lab

K=0xf0000001
ARRAY=0xf0000002
DICT=0xf0000003

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll kind LIST --id $ARRAY --model array --access user-match --max-count 3 --max-size 100 -o list.kind -q
	reload-enroll kind BOOK --id $DICT --model dictionary --access user-node-match --max-count 3 --max-size 100 -o book.kind -q
	reload-enroll kind BULK --id 0xf0000004 --model array --access user-match --max-count 20 --max-size 2000 -o bulk.kind -q
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --kind list.kind --kind book.kind --kind bulk.kind >/dev/null
	for u in alice bob carol dave; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	lab_ring
	lab_start dave -l 127.0.0.1:0 --no-join
	until_true reload-agent status -a dave -j >dave.status || [ $? -eq 1 ]
	for i in 0 1 2; do
		reload-store -a alice -q -k LIST alice@calls.example --index $i "value $i"
	done
	reload-store -a alice -q -k $K alice@calls.example first
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# same STATUS ARGUMENTS...: a dry run and the Store end alike; a good one stores nothing while it is dry.
same() {
	local expected=$1 dry before
	shift
	before=$(reload-fetch -a alice -j -k $K alice@calls.example | jq -r .generation)
	R reload-store "$@" -j -n -y
	dry="$status $(jq -r '.error.reason' <<<"$output")"
	[ "$status" -eq "$expected" ] || {
		echo "dry: $output"
		return 1
	}
	[ "$(reload-fetch -a alice -j -k $K alice@calls.example | jq -r .generation)" = "$before" ]
	R reload-store "$@" -j -y
	[ "$dry" = "$status $(jq -r '.error.reason' <<<"$output")" ] || {
		echo "dry: $dry, else: $output"
		return 1
	}
}

# advised: runs the command behind "try:" with a value in the place of VALUE.
advised() {
	local command
	command=$(sed -n 's/^  try: .*\(reload-[a-z]* .*\)/\1/p' <<<"$stderr")
	[ -n "$command" ] || {
		echo "no advice: $stderr"
		return 1
	}
	R bash -c "${command/VALUE/short}"
}

long=$(printf 'x%.0s' {1..101})

@test "a dry run ends as the Store does" {
	same 0 -a alice -k $K alice@calls.example again
	same 0 -a alice -k $K alice@calls.example -g 2 once
	# R-7.4.1.1-11: another generation
	same 7 -a alice -k $K alice@calls.example -g 77 never
	same 7 -a alice -k LIST alice@calls.example --append -g 77 never
	# R-7.4.1.1-08: who may not write
	same 6 -a bob -k $K alice@calls.example never
	same 6 -a bob -k BOOK bob@calls.example --key text never
	# R-7.4.1.1-17 R-7.4.1.1-18: too large, too many
	same 8 -a alice -k LIST alice@calls.example --index 0 "$long"
	same 8 -a alice -k LIST alice@calls.example --append never
	same 8 -a alice -k LIST alice@calls.example --index 9 never
	same 0 -a alice -k LIST alice@calls.example --index 2 'in its place'
	same 0 -a alice -k LIST alice@calls.example --index 1 --remove
	same 2 -a alice -k NOSUCH alice@calls.example never
	same 2 -a alice -k LIST alice@calls.example never
	same 2 -a alice -k $K alice@calls.example --key k never
	same 9 -a dave -k $K dave@calls.example never
	same 0 -a bob -k BOOK bob@calls.example 'own place'
}

@test "a message that is too large: dry and not, with advice that works" {
	socket=$RELOAD_HOME/run/alice.sock
	python3 - "$socket" >answers <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		for dry in True, False:
		    f.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "store.put", "params": {"target": "alice@calls.example",
		        "kind": "BULK", "dry_run": dry, "values": [{"index": i, "text": 2000 * "v"} for i in range(9)]}}) + "\n")
		    f.flush()
		    print(f.readline(), end="")
	END
	[ "$(jq -r '.error.data | "\(.code) \(.reason)"' answers | sort -u)" = '8 message_too_large' ]
	stderr="  try:  $(jq -r .error.data.try answers | tail -1)"
	advised
	ok
}

@test "every refusal by size has advice that works" {
	for n in -n -q; do
		R reload-store -a alice $n -k LIST alice@calls.example --index 0 "$long"
		failed 8 'cannot store'
		advised
		ok
		R reload-store -a alice $n -k LIST alice@calls.example --append never
		failed 8 'cannot store'
		matches "$stderr" 'max-count'
		advised
		ok
		# and the place that it lists takes another value
		R reload-store -a alice -k LIST alice@calls.example --index "$(sed -n 's/^\[\{0,1\}\([0-9]*\).*/\1/p' <<<"${lines[0]}")" other
		ok
	done
}

# R-7.4.1.2-05: what is there is fetched and told
@test "a generation that is another one: the counter and the values are told, and the advice works" {
	reload-store -a alice -q -k $K alice@calls.example 'here now'
	g=$(reload-fetch -a bob -j -k $K alice@calls.example | jq -r .generation)
	for n in -n -q; do
		R reload-store -a alice $n -k $K alice@calls.example -g $((g + 5)) never
		failed 7 'another generation'
		matches "$stderr" "it is $g, not $((g + 5)); there is 'here now' of alice@calls.example"
	done
	R reload-store -a alice -j -k $K alice@calls.example -g $((g + 5)) never
	[ "$(jq -r '.error | "\(.generation) \(.values[0].text)"' <<<"$output")" = "$g here now" ]
	R reload-store -a alice -k $K alice@calls.example -g $((g + 5)) never
	advised
	ok
	[ "$(reload-fetch -a bob -q -k $K alice@calls.example)" = short ]
}
