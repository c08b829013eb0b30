#!/usr/bin/env bats
# The metrics endpoint, what a service manager is told, and the fields of the journal.

load lab

setup_file() {
	lab_begin
	lab_overlay
	METRICS=$(lab_port)
	lab_start alice -l "127.0.0.1:$PORT" --first --metrics "127.0.0.1:$METRICS"
	reload-agent status -a alice -q --wait joined -t 30 >/dev/null
	RELOAD_INJECT=$PWD/lab/bob.orders "$RELOAD_BIN/tests/inject/reload-agent" -I bob -l 127.0.0.1:0 --metrics "$PWD/bob.metrics" 2>lab/bob.log 3>&- &
	echo $! >lab/bob.pid
	until_true reload-agent status -a bob -q --wait joined -t 1
	export PORT METRICS
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

scrape() {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/metrics.py" "$@"
}

sample() {
	curl -s "http://127.0.0.1:$METRICS/metrics" | grep "^$1" | head -n 1
}

@test "metrics: a strict parser takes them, and the examples ask for what there is (D10)" {
	reload-store -a alice -k 0xf0000001 alice@calls.example x -q
	R reload-fetch -a alice -k 0xf0000001 nobody@calls.example
	[ "$status" -eq 5 ]
	examples=$BATS_TEST_DIRNAME/../../examples
	scrape "127.0.0.1:$METRICS" "$examples/grafana-reload.json" "$examples/prometheus-alerts.yml" >names
	grep -qx reload_node_info names
	[ "$(sample reload_ready)" = 'reload_ready 1' ]
	[ "$(sample 'reload_node_state{reload_node_state="joined"}')" = 'reload_node_state{reload_node_state="joined"} 1' ]
	[ "$(sample 'reload_request_failures_total{cause="no_value"}')" = 'reload_request_failures_total{cause="no_value"} 1' ]
	# bob joined through alice: one answer to a Join, with its certificate and signature
	[ "$(sample 'reload_messages_sent_total{code="join_ans"}')" = 'reload_messages_sent_total{code="join_ans"} 1' ]
	[ "$(sample 'reload_messages_received_total{code="join_req"}')" = 'reload_messages_received_total{code="join_req"} 1' ]
	[ "$(sample 'reload_messages_sent_bytes_total{code="join_ans"}' | cut -d' ' -f2)" -gt 400 ]
	[ "$(sample 'reload_request_seconds_count{method="store.put"}')" = 'reload_request_seconds_count{method="store.put"} 1' ]
	[ "$(sample 'reload_links{type="tls"}')" = "reload_links{type=\"tls\"} $(reload-agent status -a alice -j | jq .links.tls)" ]
	jq -e '(.panels | length) > 8 and all(.panels[].targets[].expr; length > 0)' "$examples/grafana-reload.json" >/dev/null
}

@test "metrics: hostile names as labels, and a thousand peers, make neither a forged line nor a long list (D10)" {
	[ "$(stat -c %a bob.metrics)" = 600 ]
	scrape "$PWD/bob.metrics" >/dev/null
	python3 "$BATS_TEST_DIRNAME/hostile_strings.py" names >hostile.names
	printf 'names hostile.names\nlinks 1000\n' >lab/bob.new
	mv lab/bob.new lab/bob.orders
	reload-agent status -a bob -q >/dev/null
	scrape "$PWD/bob.metrics" >names
	! grep -q forged names || false
	curl -s --unix-socket bob.metrics http://agent/metrics >text
	[ "$(grep -c '^reload_link_good{' text)" = 64 ]
	[ "$(sed -n 's/^reload_links_not_shown //p' text)" -ge 936 ]
	grep -qF 'user="\"];} \\"' text
	grep -qF 'user="\\x1b[2J\\x07\\x08"' text
	grep -qF 'user="broken\\xff\\xfe\\xc0\\xaf"' text
	harmless text
}

@test "metrics: what is no request gets no answer, or an error, and takes no place for long" {
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$METRICS/")" = 404 ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$METRICS/metrics")" = 405 ]
	[ "$(curl -sI -o /dev/null -w '%{http_code} %{size_download}' "http://127.0.0.1:$METRICS/metrics")" = '200 0' ]
	python3 - "$METRICS" <<-'END'
		import socket, sys
		at = ("127.0.0.1", int(sys.argv[1]))
		# a head that is too large is cut off, and 40 connections that say nothing are bounded: those in excess are closed at once
		s = socket.create_connection(at, 20)
		try:
		    s.sendall(b"GET /metrics HTTP/1.1\r\n" + b"x: " + b"y" * 20000)
		    assert s.recv(100) == b""
		except ConnectionError:
		    pass
		held = [socket.create_connection(at, 20) for _ in range(40)]
		closed = 0
		for c in held[16:]:
		    closed += c.recv(1) == b""
		assert closed == 24, closed
		# the others end by themselves
		assert all(c.recv(1) == b"" for c in held[:16])
		s = socket.create_connection(at, 20)
		s.sendall(b"GET /metrics HTTP/1.0\n\n")
		assert s.recv(12) == b"HTTP/1.1 200"
	END
	R reload-agent check -I carol --metrics nonsense
	failed 2 'no metrics at nonsense'
	R reload-agent run -I carol --no-join -l 127.0.0.1:0 --metrics "127.0.0.1:$METRICS"
	failed 1 'no metrics at'
}

@test "metrics: a connection for which there is no descriptor costs no processor time, and others follow" {
	pid=$(cat lab/alice.pid)
	ticks() { echo $(($(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f12,13 | tr ' ' +))); }
	before=$(prlimit --pid "$pid" --nofile --noheadings -o SOFT,HARD | awk '{ print $1 ":" $2 }')
	prlimit --pid "$pid" --nofile=3:"${before#*:}"
	used=$(ticks)
	run -28 curl -s -m 3 "http://127.0.0.1:$METRICS/metrics"
	used=$(($(ticks) - used))
	prlimit --pid "$pid" --nofile="$before"
	# of 300 hundredths of a second
	[ "$used" -lt 60 ]
	within 20 curl -sf -o /dev/null "http://127.0.0.1:$METRICS/metrics"
}

@test "a service manager is told of states, and its watchdog is fed; a node that is cut off says so (D12)" {
	python3 "$BATS_TEST_DIRNAME/notified.py" notify.sock >notified 3>&- &
	listener=$!
	until_true test -S notify.sock
	NOTIFY_SOCKET=$PWD/notify.sock WATCHDOG_USEC=1000000 lab_start carol -l 127.0.0.1:0 --no-join --metrics "$PWD/carol.metrics"
	until_true grep -qx 'READY=1' notified
	reload-join -a carol -q
	lab_whole alice bob carol
	until_true grep -q '^STATUS=joined calls.example as peer' notified
	kill -STOP "$(cat lab/alice.pid)" "$(cat lab/bob.pid)"
	within 90 grep -qE '^STATUS=(cut off|isolated)' notified # a link lives for 30 s without an acknowledgment
	[ "$(curl -s --unix-socket carol.metrics http://agent/metrics | grep '^reload_ready')" = 'reload_ready 0' ]
	R reload-diag health -a carol
	[ "$status" -eq 13 ]
	kill -CONT "$(cat lab/alice.pid)" "$(cat lab/bob.pid)"
	[ "$(grep -cx 'WATCHDOG=1' notified)" -ge 2 ]
	reload-agent stop -a carol -q
	until_true grep -qx 'STOPPING=1' notified
	kill "$listener"
}

@test "the journal gets fields, and standard error the lines where there is no journal" {
	reload-agent run -I carol --no-join -l 127.0.0.1:0 --log-to journal 2>journal.log 3>&- &
	echo $! >lab/carol.pid
	until_true grep -q '^<6>agent: listening' journal.log
	reload-agent stop -a carol -q
	until_true gone "$(cat lab/carol.pid)"
	[ "$(id -u)" = 0 ] || skip "a place for a journal's socket needs root"
	cat >in_journal <<-END
		mount -t tmpfs none /run && mkdir -p /run/systemd/journal || exit 1
		python3 "$BATS_TEST_DIRNAME/notified.py" /run/systemd/journal/socket >journal 3>&- &
		listener=\$!
		while [ ! -S /run/systemd/journal/socket ]; do :; done
		reload-agent run -I carol --no-join -l 127.0.0.1:0 --log-to journal 2>journal.log 3>&- &
		agent=\$!
		# alice and bob have just gone on after a stop; the line of the link names one of them, the one that was first
		reload-join -a carol -q || reload-join -a carol -q
		reload-agent stop -a carol -q
		wait \$agent
		kill \$listener
	END
	timeout 60 unshare -m bash in_journal
	[ ! -s journal.log ]
	peer="\($(node_of alice)\|$(node_of bob)\)"
	for line in 'SYSLOG_IDENTIFIER=reload-agent' 'RELOAD_INSTANCE=carol' 'PRIORITY=6' 'RELOAD_PART=link' 'RELOAD_EVENT=link_up' \
		"RELOAD_NODE_ID=$peer" 'RELOAD_STATE=joined'; do
		grep -qx "$line" journal || { echo "$line"; cat journal; return 1; }
	done
	grep -q "^MESSAGE=link: link up node=$peer " journal
}
