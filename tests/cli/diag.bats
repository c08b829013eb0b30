#!/usr/bin/env bats
# reload-diag ping, path, node, tables: overlay diagnostics (RFC 7851) between real agents.

load lab

new_id() {
	rm -r "$RELOAD_HOME/etc/identity/$1"
	reload-enroll issue "$1@calls.example" --identity "$1" --new-node-id -j | jq -r '.node_ids[0]'
}

# far A X FROM TO: X is that part of the ring behind A, in sixteenths of it.
far() {
	python3 -c 'import sys; a, x, lo, hi = (int(x, 16) for x in sys.argv[1:]); sys.exit(not lo << 124 <= (x - a) % 2**128 < hi << 124)' "$@"
}

# alice, bob and carol are the ring, in this order, and may all read all values; dave is a client of bob.
setup_file() {
	lab_begin
	PORT=$(lab_port)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --diagnostics users >/dev/null
	for u in alice bob carol dave; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	# what is between carol and alice is more than all else
	alice=$(new_id alice)
	within 120 eval 'far "$alice" "$(new_id bob)" 0 4'
	within 120 eval 'far "$alice" "$(new_id carol)" 4 8'
	lab_ring
	export RELOAD_AGENT=alice CAROL BOB ALICE DAVE
	CAROL=$(node_of carol) BOB=$(node_of bob) ALICE=$(node_of alice)
	lab_start dave -l 127.0.0.1:0 --no-join --bootstrap "$(reload-agent status -a bob -j | jq -r '.listen[0]')"
	reload-join -a dave --as client -q
	DAVE=$(node_of dave)
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "ping: the values that are asked for, with units" {
	R reload-diag ping -k STATUS_INFO,routing_table_size,0x6,8 "node:$BOB"
	ok
	matches "${lines[0]}" "^answer  node:${BOB:0:8}  1 hop  rtt [0-9]+\.[0-9]{2} ms"
	matches "$output" $'\n  STATUS_INFO +[0-9]+ of 15\n'
	matches "$output" $'\n  ROUTING_TABLE_SIZE +2 peers\n'
	matches "$output" $'\n  SOFTWARE_VERSION +reload/[0-9.]+ \(Unix; Linux\)\n'
	matches "$output" $'\n  APP_UPTIME +[0-9]+ s$'
	[ "${#lines[@]}" -eq 5 ]
}

@test "ping: all values are measured, and JSON has them" {
	has_certificates() { reload-diag ping -j -k INSTANCES_STORED "node:$BOB" | jq -e '[.diagnostics.values.INSTANCES_STORED[] | select(.kind_id == 3)] | length == 1'; }
	until_true has_certificates # which are stored a moment after the join
	R reload-diag ping -j "node:$BOB"
	ok
	same_schema reload-diag ping
	jq -e '.diagnostics.overlay_hops == 1 and .hops == 1' <<<"$output"
	jq -e '.diagnostics.values | .STATUS_INFO <= 15 and .ROUTING_TABLE_SIZE == 2 and (.MEMORY_FOOTPRINT | tonumber) > 1000 and
		(.DATASIZE_STORED | tonumber) > 0 and ([.INSTANCES_STORED[] | select(.kind_id == 3)] | length) == 1 and
		any(.MESSAGES_SENT_RCVD[]; .name == "join_req" and (.sent | tonumber) >= 1)' <<<"$output"
	# uptime of the machine is the kernel's own
	up=$(jq -r .diagnostics.values.MACHINE_UPTIME <<<"$output")
	now=$(cut -d. -f1 /proc/uptime)
	[ "$up" -le "$now" ]
	[ "$up" -ge $((now - 60)) ]
	# what bob counted grows with what is asked
	pings() { reload-diag ping -j -k 12 "node:$BOB" | jq -r '.diagnostics.values.MESSAGES_SENT_RCVD[] | select(.name == "ping_req").received'; }
	before=$(pings)
	[ "$(pings)" -gt "$before" ]
}

@test "ping: a plain Ping has none" {
	R reload-ping -c 1 -j "node:$BOB"
	ok
	[ "$(jq -c 'select(.type == "answer").diagnostics' <<<"$output")" = null ]
}

@test "wrong words" {
	for words in "ping -k FOO self" "path -k 17 self" "path -k 0 self" "ping -k ,,1 self" "path wildcard" "path self,$BOB"; do
		R reload-diag $words
		failed 2 . || { echo "$words"; return 1; }
	done
	# none of them is taken for another question
	bad=$(printf '\xff\xfe')
	for words in "ping $bad" "path $bad" "node $bad" "ping -k $bad self" "path -k $bad self" "map --from $bad" "capture $bad"; do
		R timeout 10 reload-diag $words
		failed 2 'not UTF-8' || { echo "$words"; return 1; }
	done
	R reload-diag path succ:9
	failed 5 'succ:9'
	R reload-diag ping wildcard
	failed 2 'cannot send'
}

@test "path: each hop, its times, and the end" {
	R reload-diag path "node:$BOB"
	ok
	matches "${lines[0]}" "^  0  ${ALICE:0:8}  this node$"
	matches "${lines[1]}" "^  1  ${BOB:0:8}  rtt [0-9]+\.[0-9]{2} ms  one-way [0-9]+\.[0-9]{2} ms$"
	[ "${lines[2]}" = "reached node:$BOB after 1 hop" ]
	R reload-diag path self
	ok
	[ "${lines[1]}" = "reached node:$ALICE after 0 hops" ]
	R reload-diag path -q bob@calls.example
	ok
	matches "$output" '^reached name:bob@calls.example after [0-2] hops?$'
}

@test "path: to a client there is one hop more" {
	# a client has a link to its bootstrap peer or to the peer that is responsible for its Node-ID
	peer=$(reload-agent status -a dave -j --links | jq -r '.links.list[0].user | sub("@.*"; "")')
	R reload-diag path -a "$peer" -j "node:$DAVE"
	ok
	[ "$(jq -r 'select(.type == "hop").node_id' <<<"$output" | paste -sd ' ')" = "$(node_of "$peer") $DAVE" ]
	[ "$(jq -r 'select(.type == "summary").outcome' <<<"$output")" = reached ]
	R reload-diag path -a dave "node:$CAROL"
	ok
	matches "${lines[-1]}" "^reached node:$CAROL after [12] hops?$"
}

@test "path: values of each hop" {
	R reload-diag path -j -k STATUS_INFO,SOFTWARE_VERSION "node:$BOB"
	ok
	[ "$(jq -s -c '[.[] | select(.type == "hop") | .values | keys] | unique' <<<"$output")" = '[["SOFTWARE_VERSION","STATUS_INFO"]]' ]
	jq -s -e '.[1] | .overlay_hops == 1 and .state == "answered" and .next_hop == .node_id' <<<"$output"
}

@test "path: a Node-ID that no node has" {
	R reload-diag path -j node:00000000000000000000000000000001
	[ "$status" -eq 5 ]
	[ "$(jq -r 'select(.type == "summary").outcome' <<<"$output")" = absent ]
}

@test "path --live: rows, rounds, JSON" {
	R reload-diag path --live -c 3 -i 200ms -k STATUS_INFO "node:$BOB"
	ok
	matches "${lines[0]}" '^hop  node       sent  answ limit  lost '
	matches "${lines[1]}" "^  0  ${ALICE:0:8}      3     3     0     0 "
	matches "${lines[2]}" "^  1  ${BOB:0:8}      3     3     0     0 +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+  "
	[ "${lines[3]}" = "3 rounds; the last one: reached node:$BOB after 1 hop" ]
	R reload-diag path --live -c 2 -i 200ms -j "node:$BOB"
	ok
	[ "$(jq -r 'select(.type == "hop") | "\(.round) \(.hop)"' <<<"$output" | paste -sd ,)" = "1 0,1 1,2 0,2 1" ]
	jq -s -e 'last | .type == "summary" and .rounds == 2 and .outcome == "reached" and (.rows | length) == 2 and
		(.rows[1] | .sent == 2 and .answered == 2 and .lost == 0 and .on_path and .min_ms <= .p50_ms and .p50_ms <= .max_ms)' <<<"$output"
	R reload-diag path -c 3 "node:$BOB"
	failed 2 'for --live'
	R reload-diag path --live -i 10ms "node:$BOB"
	failed 2 'too short'
}

@test "path --live: a signal ends it with the summary" {
	reload-diag path --live -j -i 200ms "node:$BOB" >live.out 3>&- &
	pid=$!
	until_true grep -q '"round":2' live.out
	kill -INT "$pid"
	wait "$pid"
	jq -s -e 'last | .type == "summary" and .rounds >= 1 and .rows[1].lost == 0' live.out
}

@test "path --live: a hop that is lost, and one that comes back" {
	kill -STOP "$(cat lab/carol.pid)"
	reload-diag path --live -j -i 200ms "node:$CAROL" >live.out 3>&- &
	pid=$!
	lost() { jq -s -e 'any(.state == "lost")' live.out; }
	until_true lost
	kill -CONT "$(cat lab/carol.pid)"
	back() { jq -s -e 'last.state == "answered" and last.hop > 0' live.out; }
	until_true back
	kill -INT "$pid"
	wait "$pid"
	jq -s -e --arg n "$CAROL" 'last | .rows[] | select(.node_id == $n) | .lost >= 1 and .answered >= 1 and .limited == 0' live.out
	until_true knows carol 2
}

# D17
@test "path --live on a terminal: redrawn, cut to its width" {
	command -v script >/dev/null || skip "needs script"
	TERM=xterm script -qc "stty cols 40; reload-diag path --live -c 2 -i 200ms node:$BOB" live.term >/dev/null </dev/null
	# one picture takes the place of the other: three lines up, and all behind them cleared
	grep -q $'\033\\[3A\033\\[J' live.term
	[ "$(sed 's/\x1b\[[0-9]*[A-Z]//g; s/\r//' live.term | grep '^ *1  ' | awk '{ if (length > 39) print }')" = "" ]
	# a picture that has more rows than the terminal: cut, so that the next one takes its place, and whole at the end
	TERM=xterm script -qc "stty cols 80 rows 3; reload-diag path --live -c 2 -i 200ms node:$BOB" low.term >/dev/null </dev/null
	[ "$(grep -c '^2 more rows' low.term)" -eq 2 ]
	grep -q $'\033\\[2A\033\\[J' low.term
	[ "$(sed 's/\x1b\[[0-9]*[A-Z]//g' low.term | grep -c '^ *[01]  ')" -eq 2 ]
	# a terminal that understands no escapes gets none
	TERM=dumb script -qc "reload-diag path --live -c 2 -i 200ms node:$BOB" dumb.term >/dev/null </dev/null
	! grep -q $'\033' dumb.term || false
	[ "$(grep -c '^ *1  ' dumb.term)" -eq 1 ]
}

@test "path --live: a storm of sizes, 20 columns and 5 lines, and a terminal that is closed (D17)" {
	terminal() {
		TERM=xterm timeout 60 python3 "$BATS_TEST_DIRNAME/shell_terminal.py" "$1" reload-diag path --live -i 200ms "node:$BOB" 3>&-
	}
	[ "$(terminal live)" = "status 0" ]
	[ "$(terminal hung_up)" = "ended True" ]
}

@test "map: every peer once, neighbours agree, the same bytes again" {
	R reload-diag map
	ok
	[ "$(cut -c1-8 <<<"$output" | head -3 | paste -sd ' ')" = "$(printf '%s\n' "$ALICE" "$BOB" "$CAROL" | sort | cut -c1-8 | paste -sd ' ')" ]
	[ "${lines[-1]}" = "peers: 3 answered, 0 unreachable, 0 disagreeing" ]
	R reload-diag map -j
	ok
	same_schema reload-diag map
	jq -e '.complete and .disagreeing == 0 and ([.peers[].responsible_percent] | add | . > 99.9 and . < 100.1) and
		([.peers[].node_id] | . == sort) and ([.peers[] | .successor] | sort) == [.peers[].node_id]' <<<"$output"
	# each is followed by the next one
	jq -e '.peers as $p | all(range($p | length); $p[.].successor == $p[(. + 1) % ($p | length)].node_id)' <<<"$output"
	for format in dot svg; do
		reload-diag map --format $format >one
		reload-diag map --format $format -o two
		cmp one two
	done
	R reload-diag map --describe
	ok
	matches "$output" 'All of them agree about their neighbours.$'
}

# D17: 40 columns, no UTF-8
@test "map: pictures are whole, and text keeps to the width" {
	reload-diag map --format svg -o ring.svg
	python3 -c 'import xml.dom.minidom, sys; d = xml.dom.minidom.parse("ring.svg"); sys.exit(len([c for c in d.getElementsByTagName("circle") if "peer" in c.getAttribute("class")]) != 3 or not d.getElementsByTagName("desc"))'
	reload-diag map --format html -o ring.html
	python3 - <<-'END'
		import html.parser, json, re
		text = open("ring.html").read()
		class P(html.parser.HTMLParser):
		    open_ = []
		    def handle_starttag(self, tag, attrs):
		        assert not any(k in ("src", "href") and not v.startswith("#") for k, v in attrs), attrs  # nothing from elsewhere
		        if tag not in ("meta", "input"): self.open_.append(tag)
		    def handle_endtag(self, tag):
		        assert self.open_.pop() == tag, tag
		p = P(); p.feed(text); p.close()
		assert not p.open_, p.open_
		data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S).group(1))
		assert len(data["peers"]) == 3
	END
	grep -q '<p>3 peers answered, 0 do not answer, 0 disagree\.</p>' ring.html
	COLUMNS=40 LC_ALL=C reload-diag map >forty
	[ "$(awk 'length > 40' forty)" = "" ]
	grep -q '#' forty
	LC_ALL=C.UTF-8 reload-diag map | grep -q $'\u2588'
}

@test "map: the page in a browser: search, selection, no error of its script" {
	# heavy: make soak installs it, and here it is used where it is
	command -v chromedriver >/dev/null || skip "chromium-driver is not here"
	kill -STOP "$(cat lab/carol.pid)"
	reload-diag map --format html -o silent.html || true
	kill -CONT "$(cat lab/carol.pid)"
	until_true knows carol 2
	grep -q '<p>2 peers answered, 1 does not answer, ' silent.html
	timeout 90 /usr/bin/python3 "$BATS_TEST_DIRNAME/map_browser.py" silent.html ring.png "$CAROL" 3>&-
	[ "$(head -c 4 ring.png | tail -c 3)" = PNG ]
}

@test "map: a part of the ring, and words that are wrong" {
	R reload-diag map --max 2 -j
	[ "$status" -eq 11 ]
	jq -e '(.complete | not) and (.peers | length) == 2 and .disagreeing == 0' <<<"$output"
	R reload-diag map --depth 17
	failed 2 .
	R reload-diag map --format png
	failed 2 .
	R reload-diag map --from bob@calls.example
	failed 2 'begins with one node'
	R reload-diag map --from "node:$CAROL" -j
	ok
	[ "$(jq '.peers | length' <<<"$output")" = 3 ]
}

# bob's successor and fingers are what alice cannot learn from him, and what is between bob and her is more than half of the ring
@test "map: a peer that does not answer is marked, and what is behind it is found" {
	kill -STOP "$(cat lab/bob.pid)"
	R reload-diag map -j
	kill -CONT "$(cat lab/bob.pid)"
	[ "$(jq -c --arg n "$BOB" '[.answered, .unreachable, (.peers[] | select(.node_id == $n).answered)]' <<<"$output")" = "[2,1,false]" ]
	until_true reload-ping -q -c 1 "node:$BOB"
	lab_whole alice bob carol
}

@test "map: a file that is none is written to, not replaced" {
	mkfifo -m 600 picture
	cat picture >seen 3>&- &
	R reload-diag map --format svg -o picture
	ok
	wait $!
	[ -p picture ]
	grep -q '^</svg>$' seen
	R reload-diag map --format svg -o /dev/full
	failed 1 /dev/full
	[ -c /dev/full ]
}

# D14: whatever an agent answers, in all forms of output, in pictures and on standard error, and at the prompt of the shell
@test "what an agent answers is no markup, and steers no terminal" {
	lab_tainter bob
	for form in "" -j --flat -vv; do
		tainted "$form" "diag map" "diag map --describe" "diag map --format svg" "diag map --format dot" "diag map --format html" \
			"diag path -k all node:$ALICE" "diag path --live -c 1 -k all node:$ALICE" "diag ping -k all node:$ALICE" "diag ping wildcard" \
			"diag node node:$ALICE" "diag tables" "diag nat" "diag health" "diag capture -t 300ms" "diag audit --sample 2" "diag why" \
			"diag why --past last" "diag why --list" "sip-call lookup bob@calls.example" "sip-call message bob@calls.example x" \
			"sip-call register -n bob@calls.example" "attach connect 4000 bob@calls.example"
	done
	for line in 'agent status' 'diag tables' 'why' 'call agent.status' 'call node.list'; do
		timeout 30 reload-shell -a tainted -c "$line" >"tainted.d/shell $line" 2>&1 || [ $? -ne 124 ]
	done
	# words to complete are written to a terminal, too
	for words in "2 path" "2 ping"; do
		# shellcheck disable=SC2086
		reload-diag --complete $words -a tainted node: >"tainted.d/complete $words" 2>&1 || true
	done
	harmless_all
	# no picture of what has no Node-IDs, and what is said instead
	for format in text svg dot html; do
		R reload-diag map -a tainted --format $format
		failed 1 'cannot be drawn'
		R reload-diag map -a tainted --format $format -o tainted.picture
		failed 1 'cannot be drawn'
		[ ! -e tainted.picture ]
	done
	grep -q 'forged' tainted.all
	lab_tainter_end
	# what is no JSON any more: an error, which has none of it
	lab_tainter bob raw
	mkdir tainted.d
	for command in "map -j" "tables" "why --list" "node self" "health --flat" "audit --sample 2"; do
		# shellcheck disable=SC2086
		R timeout 30 reload-diag $command -a tainted -t 5s
		[ "$status" -ne 0 ]
		[ "$status" -ne 124 ]
		[ "$status" -lt 128 ]
		printf '%s\n' "$output" "$stderr" >"tainted.d/$command"
	done
	harmless_all
	lab_tainter_end
}

@test "node and tables" {
	R reload-diag node -j succ
	ok
	same_schema reload-diag node
	jq -e '.responsible_percent > 0 and .responsible_percent < 100 and (.places | index("succ:1")) != null and .values.ROUTING_TABLE_SIZE == 2' <<<"$output"
	R reload-diag node
	ok
	matches "${lines[0]}" "^node       $ALICE  0 hops"
	matches "$output" $'\nuser       alice@calls.example\n'
	R reload-diag tables
	ok
	matches "$output" "self         $ALICE"
	matches "$output" "$BOB  TLS-TCP-FH-NO-ICE  .*  good .* bob@calls.example"
	R reload-diag tables -j
	ok
	same_schema reload-diag tables
	jq -e '[.links[].user] | contains(["bob@calls.example", "carol@calls.example"])' <<<"$output"
	# R7851-51: the delay of one hop is measured by the link itself, without a diagnostic message
	jq -e 'all(.links[]; .rtt_ms > 0 and .rtt_ms < 5000)' <<<"$(reload-diag tables -j)"
}

@test "a node that does not answer is lost, in time" {
	kill -STOP "$(cat lab/carol.pid)"
	R reload-diag path -j -t 3s "node:$CAROL"
	kill -CONT "$(cat lab/carol.pid)"
	[ "$status" -eq 4 ]
	[ "$(jq -r 'select(.hop == 1).state' <<<"$output")" = lost ]
	matches "$(jq -r 'select(.type == "summary").outcome' <<<"$output")" '^(lost|late)$'
	until_true reload-ping -q -c 1 "node:$CAROL"
}

@test "a node that asks too often is limited, and is told so" {
	limited() {
		python3 - "$RELOAD_HOME/run/carol.sock" "node:$BOB" <<-'END'
			import json, socket, sys
			s = socket.socket(socket.AF_UNIX)
			s.connect(sys.argv[1])
			f = s.makefile("rw")
			for n in range(40):
			    f.write(json.dumps({"jsonrpc": "2.0", "id": n, "method": "overlay.ping", "params":
			        {"target": sys.argv[2], "diagnostics": ["STATUS_INFO"], "timeout_ms": 2000}}) + "\n")
			f.flush()
			replies = [json.loads(f.readline()) for n in range(40)]
			told = [r for r in replies if "limits how often" in r.get("error", {}).get("data", {}).get("why", "")]
			sys.exit(not (told and len(told) < 10 and any("result" in r for r in replies)))
		END
	}
	until_true limited
	# a plain Ping is answered meanwhile
	R reload-ping -a carol -q -c 1 "node:$BOB"
	ok
}

@test "path --live: a path that changes (D04)" {
	reload-enroll issue erin@calls.example --identity erin >/dev/null
	lab_start erin -l 127.0.0.1:0 --no-join
	reload-agent status -a erin --wait enrolled -q -t 20
	erin=$(node_of erin)
	# it joins, and takes the place that a path leads to, while that is followed from a peer that does not have the place now
	from=alice
	[ "$(reload-diag path -j "resource:$erin" | jq -s last.hops)" -gt 0 ] || from=bob
	reload-diag path --live -a $from -j -i 200ms "resource:$erin" >changed.out 3>&- &
	pid=$!
	reload-diag path --live -a $from -i 200ms "resource:$erin" >changed.txt 3>&- &
	text=$!
	until_true grep -q '"round":2' changed.out
	reload-join -a erin -q
	lab_whole alice bob carol erin
	arrived() { jq -s -e --arg n "$erin" '[.[] | select(.node_id == $n and .hop == 1)] | length > 2' changed.out; }
	until_true arrived
	kill -INT "$pid" "$text"
	wait "$pid" "$text"
	# who had the place has a row of its own, which says so; each round counts in one row of a hop, and nowhere else (the last one may be cut short)
	jq -s -e --arg n "$erin" 'last | . as $all | .path_changes >= 1 and (.rows | map(select(.hop == 1)) | length >= 2 and map(.sent) == map(.answered + .lost + .limited + .silent)
		and (map(select(.node_id == $n)) | length == 1 and .[0].on_path) and any(.on_path | not)) and (
		.rounds as $n | [0, 1 | . as $hop | [$all.rows[] | select(.hop == $hop).sent] | add - $n] | all(. == 0 or . == 1))' changed.out
	grep -q 'path changed: not on it any more$' changed.txt
	matches "$(tail -1 changed.txt)" "^[0-9]+ rounds, path changed [0-9]+ times?; the last one: reached "
	reload-agent stop -a erin
	lab_whole alice bob carol
}

@test "a peer that limits questions to one a second is shown as that, and is not lost" {
	R reload-agent -I erin --diagnostics-rate 0
	failed 2 0
	lab_start erin -l 127.0.0.1:0 --diagnostics-rate 1
	reload-agent status -a erin --wait joined -q -t 20
	lab_whole alice bob carol erin
	erin=$(node_of erin)
	limited() {
		reload-diag path --live -c 5 -i 200ms -j "node:$erin" >live.out
		jq -s -e --arg n "$erin" 'last.rows[] | select(.node_id == $n) | .limited >= 1 and .answered >= 1 and .lost == 0' live.out
	}
	until_true limited
	# the path ends at it all the same
	[ "$(jq -s -r 'last.outcome' live.out)" = reached ]
	reload-agent stop -a erin
	lab_whole alice bob carol
}

# sequence N: all agents have that document.
have_sequence() {
	local name
	for name in alice bob carol dave; do
		[ "$(reload-agent status -a "$name" -j | jq .configuration_sequence)" = "$1" ] || return 1
	done
}

@test "what is granted and taken back counts when it is published" {
	R reload-enroll config grant --remove STATUS_INFO,6 users -j
	ok
	same_schema reload-enroll config grant
	[ "$(jq -r '.changes[].what' <<<"$output" | paste -sd ,)" = "STATUS_INFO for every node,SOFTWARE_VERSION for every node" ]
	R reload-enroll config publish -a alice
	ok
	until_true have_sequence 2
	R reload-diag ping -k STATUS_INFO,APP_UPTIME "node:$BOB"
	failed 6 'no values of'
	matches "${stderr_lines[1]}" "peer ${BOB:0:8} answered Error_Forbidden: denied STATUS_INFO$"
	# what it advises works, for this node alone
	matches "${stderr_lines[2]}" "reload-enroll config grant STATUS_INFO $ALICE"
	reload-enroll config grant STATUS_INFO "$ALICE" -q
	reload-enroll config publish -a bob -q
	until_true have_sequence 3
	R reload-diag ping -k STATUS_INFO "node:$BOB"
	ok
	R reload-diag ping -a carol -k STATUS_INFO "node:$BOB"
	failed 6 .
	# `all` is what this node may read: one more for alice than for carol
	[ "$(reload-diag ping -j "node:$BOB" | jq '.diagnostics.values | has("STATUS_INFO")')" = true ]
	[ "$(reload-diag ping -a carol -j "node:$BOB" | jq '.diagnostics.values | has("STATUS_INFO")')" = false ]
	# on a path the hop is shown, with what it denied
	R reload-diag path -a carol -k STATUS_INFO "node:$BOB"
	ok
	grep -Eq "^  1  ${BOB:0:8}  rtt .*  refused  denied: STATUS_INFO$" <<<"$output"
	[ "${lines[-1]}" = "reached node:$BOB after 1 hop" ]
	# D03: which is reached all the same
	R reload-diag path -a carol -k STATUS_INFO -j "node:$BOB"
	ok
	[ "$(jq -s -c '[.[1].state, last.reached, last.outcome]' <<<"$output")" = '["refused",true,"reached"]' ]
	R reload-enroll config grant STATUS_INFO "$ALICE"
	failed 7 'nothing would change'
	for words in "FOO users" "STATUS_INFO 1234" "STATUS_INFO nobody" ", users" "0x11 users"; do
		R reload-enroll config grant $words
		failed 2 . || { echo "$words"; return 1; }
	done
}

@test "path: more hops than a message may take: not reached (D03)" {
	for far in alice bob carol; do
		[ "$(reload-diag path -a dave -j "node:$(node_of "$far")" | jq -s last.hops)" = 1 ] || break
	done
	now=$(reload-agent status -a alice -j | jq .configuration_sequence)
	reload-enroll config set initial-ttl=1 --overlay calls.example -q
	reload-enroll config publish -a alice -q
	until_true have_sequence $((now + 1))
	R reload-diag path -a dave -j "node:$(node_of "$far")"
	[ "$status" -eq 8 ] || { echo "$status $output $stderr"; return 1; }
	[ "$(jq -s -c 'last | [.reached, .outcome, .hops]' <<<"$output")" = '[false,"limit",1]' ]
	R reload-diag path --live -c 2 -i 200ms -a dave -j "node:$(node_of "$far")"
	[ "$status" -eq 8 ] || { echo "$status $output $stderr"; return 1; }
	[ "$(jq -s -c 'last | [.reached, .outcome, .path_changes]' <<<"$output")" = '[false,"limit",0]' ]
	reload-enroll config set initial-ttl=100 --overlay calls.example -q
	reload-enroll config publish -a alice -q
	until_true have_sequence $((now + 2))
}

@test "not joined, no agent" {
	reload-join -a dave --leave
	# a node may ask itself as long as a link is there; nobody else
	R reload-diag path -a dave "node:$BOB"
	failed 9 .
	# its links end a moment later
	no_link() {
		R reload-diag ping -a dave -t 2 "node:$BOB"
		[ "$status" -eq 9 ]
	}
	until_true no_link
	failed 9 .
	R reload-diag path -a nobody self
	failed 3 .
}
