#!/usr/bin/env bats
# reload-diag capture, and decode of what it wrote.

load lab

setup_file() {
	lab_begin
	lab_overlay
	lab_ring
	export RELOAD_AGENT=alice BOB
	BOB=$(node_of bob)
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# capturing FILE ARGS: a capture in the background that has begun: it has seen a Ping.  Its process is $pid.
capturing() {
	local file=$1
	shift
	reload-diag capture -q -o "$file" "$@" 2>"$file.err" 3>&- &
	pid=$!
	seen() {
		reload-ping -q -c 1 "node:$BOB" >/dev/null
		reload-diag decode -j "$file" 2>/dev/null | jq -s -e '[.[].message.message_code] | index("ping_req") and index("ping_ans")' >/dev/null
	}
	until_true seen
}

@test "lines: a Ping and its answer, and no other message" {
	reload-diag capture -c 4 ping >lines 3>&- &
	pid=$!
	pinged() {
		reload-ping -q -c 1 "node:$BOB" >/dev/null
		[ "$(wc -l <lines)" -ge 4 ]
	}
	until_true pinged
	wait "$pid"
	[ "$(wc -l <lines)" -eq 4 ]
	[ "$(awk '{ print $4 }' lines | sort -u | paste -sd ' ')" = "ping_ans ping_req" ]
	grep -Eq "^[0-9:.]{12}Z  out  ${BOB:0:8}  ping_req +[0-9a-f]{16}  [0-9]+ bytes$" lines
	# the request and its answer have one transaction
	awk '{ print $5 }' lines | sort | uniq -c | grep -q '^ *2 '
}

@test "JSON, and the filter of one node" {
	carol=$(node_of carol)
	reload-diag capture -c 2 -j "node:$carol" >json 3>&- &
	pid=$!
	pinged() {
		reload-ping -q -c 1 "node:$BOB" >/dev/null
		reload-ping -q -c 1 "node:$carol" >/dev/null
		gone "$pid"
	}
	until_true pinged
	[ "$(jq -r .node_id json | sort -u)" = "$carol" ]
	jq -e -s 'all(.type == "message" and (.message | length) > 100 and (.direction == "in" or .direction == "out"))' json
	R reload-diag capture node:1234
	failed 2 'not whole'
	# what no message is called would never come
	for name in pings pin '' ping_; do
		R timeout 10 reload-diag capture "$name"
		failed 2 'no message of that name'
	done
}

@test "a capture is read by tshark, capinfos and decode" {
	capturing cap.pcapng
	reload-store -k 0xf0000001 alice@calls.example hello -q
	reload-fetch -k 0xf0000001 alice@calls.example >/dev/null
	kill -INT "$pid"
	wait "$pid"
	[ "$(stat -c %a cap.pcapng)" = 600 ]
	n=$(reload-diag decode -j cap.pcapng | jq -s 'length')
	[ "$(reload-diag decode -j cap.pcapng | jq -s 'all(.fault == null)')" = true ]
	reload-diag decode -j cap.pcapng | jq -r '.message.message_code' | sort -u >codes
	grep -qx ping_req codes
	grep -qx ping_ans codes
	if command -v capinfos >/dev/null; then
		[ "$(capinfos -M -c cap.pcapng | sed -n 's/^Number of packets: *//p')" = "$n" ]
		capinfos -E cap.pcapng | grep -q 'Upper PDU'
	fi
	if command -v tshark >/dev/null; then
		tshark -r cap.pcapng 2>/dev/null >read
		[ "$(grep -c RELOAD read)" = "$n" ]
		tshark -r cap.pcapng -V 2>/dev/null | grep -q "out $BOB, link [0-9]*, transaction [0-9a-f]*, ping_req"
	fi
}

@test "every answer is in it" {
	capturing counted.pcapng
	received() { reload-diag decode -j counted.pcapng | jq -s '[.[] | select(.message.message_code == "ping_ans")] | length'; }
	before=$(received)
	reload-ping -q -c 3 -i 200ms "node:$BOB" >/dev/null
	three_more() { [ "$(received)" -ge $((before + 3)) ]; }
	until_true three_more
	kill -INT "$pid"
	wait "$pid"
}

@test "a capture that was cut off by kill -9 has whole blocks, and no key" {
	capturing killed.pcapng
	kill -KILL "$pid"
	wait "$pid" || true
	R reload-diag decode killed.pcapng
	ok
	python3 - lab/etc/identity/alice/key.pem killed.pcapng <<-'END'
		import base64, re, sys
		pem = open(sys.argv[1]).read()
		der = base64.b64decode("".join(re.sub("-----.*-----", "", pem).split()))
		secret = der[der.index(bytes.fromhex("0420")) + 2:][:32] if bytes.fromhex("0420") in der else der[-64:]
		data = open(sys.argv[2], "rb").read()
		assert secret not in data and b"PRIVATE KEY" not in data
	END
}

@test "broken captures: where, and exit 2" {
	capturing whole.pcapng
	kill -INT "$pid"
	wait "$pid"
	size=$(wc -c <whole.pcapng)
	for cut in 11 27 60 $((size - 1)) $((size - 40)); do
		head -c "$cut" whole.pcapng >cut.pcapng
		R reload-diag decode cut.pcapng
		[ "$status" -eq 2 ] || { echo "$cut: $status $output"; return 1; }
		matches "$stderr" 'the capture is broken at byte [0-9]+'
	done
	# lengths that lie
	python3 - <<-'END'
		data = bytearray(open("whole.pcapng", "rb").read())
		for at, v in ((4, 0xff), (7, 3), (20, 0xff)):
		    bad = bytearray(data); bad[at] = v
		    open(f"bad{at}.pcapng", "wb").write(bad)
		open("only.pcapng", "wb").write(data[:4])
	END
	for f in bad4 bad7 only; do
		R reload-diag decode $f.pcapng
		[ "$status" -eq 2 ] || { echo "$f: $status $output"; return 1; }
	done
}

# what is broken in a capture hides nothing else of it
@test "each cut and each wrong byte of a capture: what is whole is decoded, and the end is one of 0, 1 and 2" {
	python3 "$BATS_TEST_DIRNAME/pcapng_hostile.py" "$BATS_TEST_DIRNAME/../vectors/ping-req-unsigned.hex"
}

@test "what cannot be written, and no agent" {
	R reload-diag capture -o /nonexistent/x
	[ "$status" -eq 1 ]
	matches "$stderr" '/nonexistent/x'
	# a full disk is seen at once, and not when the first message comes
	R reload-diag capture -o /dev/full
	failed 1 /dev/full
	matches "$stderr" 'No space left on device'
	mkfifo -m 600 unread
	R reload-diag capture -o unread
	failed 1 unread
	R reload-diag capture -a nobody -c 1
	failed 3 .
	# an older capture is not lost when there is no agent, and is not for others when there is one
	echo older >older.pcapng
	chmod 644 older.pcapng
	R reload-diag capture -a nobody -o older.pcapng
	failed 3 .
	[ "$(cat older.pcapng)" = older ]
	R reload-diag capture -t 300ms -o older.pcapng
	[ "$status" -eq 0 ]
	[ "$(stat -c %a older.pcapng)" = 600 ]
	# the socket for readers does not show messages
	[ "$(printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"agent.capture"}' | python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read()); print(s.makefile().readline())' \
		lab/run/alice-ro.sock | jq -r 'has("error")')" = true ]
}
