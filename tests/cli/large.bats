#!/usr/bin/env bats
# What does not fit one message: read in parts, listed by keys, or refused with advice that works.

load lab

K=0xf0000001
ARRAY=0xf0000002
DICT=0xf0000003
KEYS=60

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll kind LIST --id $ARRAY --model array --access user-match --max-count 70 --max-size 1000 -o list.kind -q
	reload-enroll kind BOOK --id $DICT --model dictionary --access user-match --max-count 70 --max-size 1000 -o book.kind -q
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --kind list.kind --kind book.kind \
		--max-message-size 13000 >/dev/null
	for u in alice bob carol dave; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	lab_ring
	python3 - $KEYS >many <<-'END'
		import json, sys
		for i in range(int(sys.argv[1])):
		    print(json.dumps({"kind": 0xf0000002, "index": i, "text": "value %d " % i + 900 * "x"}))
		    print(json.dumps({"kind": 0xf0000003, "key": "key %03d" % i, "text": "value %d " % i + 900 * "x"}))
		print(json.dumps({"kind": 0xf0000002, "index": 4000000000, "text": "far away"}))
	END
	sed -i 's/"kind": 4026531842/"kind": "LIST"/; s/"kind": 4026531843/"kind": "BOOK"/' many
	reload-store -a alice -q alice@calls.example --batch many
	python3 - >long <<-'END'
		import json
		for i in range(40):
		    print(json.dumps({"kind": "BOOK", "key": "%03d " % i + 300 * "k", "text": "value"}))
	END
	reload-store -a bob -q bob@calls.example --batch long
	# a client holds nothing
	lab_start dave -l 127.0.0.1:0 --role client --no-join
	reload-join -a dave -q
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# R-7.4.2.1-02 R-7.4.2.1-05: ranges of an array; each value once and in order, for who is responsible and for who is not
@test "an array larger than a message is read in parts" {
	for a in alice bob carol; do
		R reload-fetch -a $a -j -k LIST alice@calls.example
		ok
		[ "$(jq -c '.values | map(.index)' <<<"$output")" = "[$(seq -s , 0 $((KEYS - 1))),4000000000]" ]
		[ "$(jq -c '[.values[] | select(.valid and (.text | length) > 900)] | length' <<<"$output")" = $KEYS ]
		[ "$(jq -r .generation <<<"$output")" = $((KEYS + 1)) ]
	done
	R reload-fetch -a bob -j -k LIST alice@calls.example --index 3-40
	ok
	[ "$(jq -c '.values | map(.index)' <<<"$output")" = "[$(seq -s , 3 40)]" ]
	R reload-fetch -a bob -j --stat -k LIST alice@calls.example
	ok
	[ "$(jq -c '.values | map(.index)' <<<"$output")" = "[$(seq -s , 0 $((KEYS - 1))),4000000000]" ]
}

# R-7.4.2.1-07: keys of a dictionary
@test "a dictionary larger than a message is read by its keys" {
	for a in alice bob carol; do
		R reload-fetch -a $a -j -k BOOK alice@calls.example
		ok
		[ "$(jq -c '[.values[] | .key | @text] | unique | length' <<<"$output")" = $KEYS ]
	done
	args=()
	for i in $(seq 0 29); do
		args+=(--key "$(printf 'key %03d' "$i")")
	done
	R reload-fetch -a bob -j -k BOOK alice@calls.example "${args[@]}"
	ok
	[ "$(jq '.values | length' <<<"$output")" = 30 ]
}

@test "evidence of what was read in parts holds all of it" {
	for k in LIST BOOK; do
		R reload-fetch -a bob -q -k $k alice@calls.example --proof all.proof
		ok
		R reload-fetch --check-proof all.proof -j
		ok
		[ "$(jq '.values | length' <<<"$output")" -ge $KEYS ]
	done
}

@test "the time of the command holds for all parts together" {
	local node owner asker=bob
	node=$(reload-fetch -a bob -j -k LIST alice@calls.example | jq -r '.responsible')
	for owner in alice bob carol none; do
		[ $owner != none ]
		[ "$(node_of $owner)" != "$node" ] || break
	done
	[ $owner != bob ] || asker=alice
	kill -STOP "$(cat lab/$owner.pid)"
	R reload-fetch -a $asker -t 300ms -k LIST alice@calls.example
	kill -CONT "$(cat lab/$owner.pid)"
	[ "$status" -eq 4 ]
}

# advised: the command behind "try:".
advised() {
	sed -n 's/^  try: .*\(reload-[a-z]* .*\)/\1/p' <<<"$stderr"
}

@test "keys that do not fit a message: read from an own replica, else it is said" {
	for a in alice bob carol; do
		# a copy that is older than what the owner has is waited for; a replica that was not taken at once comes after a pause, which doubles
		within 60 reload-fetch -a $a -q -k BOOK bob@calls.example >/dev/null
		R reload-fetch -a $a -j -k BOOK bob@calls.example
		ok
		[ "$(jq '.values | length' <<<"$output")" = 40 ]
		R reload-fetch -a $a -j --stat -k BOOK bob@calls.example
		ok
		[ "$(jq '.values | length' <<<"$output")" = 40 ]
	done
	for mode in --stat ''; do
		R reload-fetch -a dave $mode -k BOOK bob@calls.example
		failed 8 'bob@calls.example'
		matches "${stderr_lines[1]}" 'no ranges of keys'
		command=$(advised)
		matches "$command" ' --key K$'
		R ${command% K} "007 $(printf 'k%.0s' $(seq 300))"
		ok
	done
	R reload-fetch -a dave -j -k LIST alice@calls.example
	ok
}

# Two values that change together are read in different parts: an answer has both of one Store, whatever is stored meanwhile.
@test "all parts are of one generation" {
	cat >race.py <<-'END'
		import json, socket, sys, threading
		def agent(path):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(path)
		    return s.makefile("rw")
		def ask(f, method, **params):
		    params.update(target="alice@calls.example", kind="LIST")
		    f.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
		    f.flush()
		    return json.loads(f.readline())
		writer, reader, over = agent(sys.argv[1]), agent(sys.argv[2]), threading.Event()
		def write():
		    n = 0
		    while not over.is_set():
		        text = "pair %d" % n + 900 * "y"
		        assert "result" in ask(writer, "store.put", values=[{"index": i, "text": text} for i in (0, 59)])
		        n += 1
		ask(writer, "store.put", values=[{"index": i, "text": "pair"} for i in (0, 59)])
		thread = threading.Thread(target=write)
		thread.start()
		try:
		    for _ in range(6):
		        a = ask(reader, "store.fetch", timeout_ms=500)
		        if "error" in a:
		            assert a["error"]["data"]["code"] in (4, 7), a # the time limit, or too many changes within it
		            continue
		        values = {v["index"]: v["text"] for v in a["result"]["values"]}
		        assert values[0] == values[59], (values[0][:8], values[59][:8])
		finally:
		    over.set()
		    thread.join()
	END
	# who is responsible reads at once
	responsible=$(reload-fetch -a alice -j -k LIST alice@calls.example --index 0 | jq -r .responsible)
	reader=bob
	[ "$responsible" != "$(node_of bob)" ] || reader=carol
	R python3 race.py "$RELOAD_HOME/run/alice.sock" "$RELOAD_HOME/run/$reader.sock"
	ok
	R reload-fetch -a bob -j -k LIST alice@calls.example
	ok
	[ "$(jq '[.values[] | select(.index == 0 or .index == 59) | .text] | unique | length' <<<"$output")" = 1 ]
}

# What changes while it is read in parts is read again, after a pause, as long as there is time: here until the writer has done.
@test "a reader of parts waits until what is stored no longer changes" {
	cat >wait.py <<-'END'
		import json, socket, sys, threading
		STORES = 300
		def agent(path):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(path)
		    return s.makefile("rw")
		def ask(f, method, **params):
		    params.update(target="alice@calls.example", kind="LIST")
		    f.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
		    f.flush()
		    return json.loads(f.readline())
		writer, reader, gone = agent(sys.argv[1]), agent(sys.argv[2]), socket.socket(socket.AF_UNIX)
		begun, half = threading.Event(), threading.Event()
		def write():
		    for n in range(STORES):
		        text = "round %d" % n + 900 * "z"
		        assert "result" in ask(writer, "store.put", values=[{"index": i, "text": text} for i in (0, 59)])
		        begun.set()
		        if n == STORES // 2:
		            half.set()
		thread = threading.Thread(target=write)
		thread.start()
		assert begun.wait(60)
		gone.connect(sys.argv[2])
		params = {"target": "alice@calls.example", "kind": "LIST", "timeout_ms": 120000}
		gone.send((json.dumps({"jsonrpc": "2.0", "id": 1, "method": "store.fetch", "params": params}) + "\n").encode())
		assert half.wait(60)
		gone.close() # while the agent waits for it
		a = ask(reader, "store.fetch", timeout_ms=120000)
		assert "result" in a, a
		values = {v["index"]: v["text"] for v in a["result"]["values"]}
		assert values[0] == values[59]
		thread.join()
	END
	responsible=$(reload-fetch -a alice -j -k LIST alice@calls.example --index 0 | jq -r .responsible)
	reader=bob
	[ "$responsible" != "$(node_of bob)" ] || reader=carol
	R python3 wait.py "$RELOAD_HOME/run/alice.sock" "$RELOAD_HOME/run/$reader.sock"
	ok
}
