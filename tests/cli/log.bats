#!/usr/bin/env bats
# The log never stops the agent: nobody reads it, it is full, it is moved away, somebody makes it grow.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	reload-enroll issue alice@calls.example --identity alice >/dev/null
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

teardown() {
	for file in lab/*.pid; do
		[ ! -f "$file" ] || kill -KILL "$(cat "$file")" || true
		rm -f "$file"
	done 2>/dev/null
}

joined() {
	reload-agent status -a alice --wait joined -q -t 20
}

# refused N: so many connections that say nothing of TLS.
refused() {
	python3 - "$PORT" "$1" <<-'EOF'
		import socket, sys
		for _ in range(int(sys.argv[2])):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
		    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
		    s.close()
	EOF
}

# ends PID: within the five seconds that SIGTERM is given, and some more for a busy machine.
ends() {
	local began=$SECONDS
	kill -TERM "$1"
	until_true gone "$1"
	[ $((SECONDS - began)) -le 8 ]
}

@test "standard error is a pipe that nobody reads" {
	mkfifo -m 600 pipe
	exec 5<>pipe # a reader that never reads
	dd if=/dev/zero of=pipe oflag=nonblock bs=1024 count=4096 2>/dev/null || true # full
	reload-agent -I alice -l "127.0.0.1:$PORT" --first 2>pipe 3>&- 5>&- &
	echo $! >lab/alice.pid
	joined
	refused 50
	reload-store -a alice -k 0xf0000001 alice@calls.example 'still here' -q
	# with room again what was dropped is counted
	dd if=pipe iflag=nonblock of=/dev/null bs=65536 count=64 2>/dev/null || true
	ends "$(cat lab/alice.pid)"
	dd if=pipe iflag=nonblock bs=65536 count=1 2>/dev/null | grep '[1-9][0-9]* lines\? of the log could not be written'
	exec 5>&-
}

@test "a FIFO without a reader does not hold the start up" {
	mkfifo -m 600 fifo
	lab_start alice -l "127.0.0.1:$PORT" --first --log-to fifo
	joined
	timeout 5 head -n 1 fifo | grep ' info '  # the first line waited for its reader
	ends "$(cat lab/alice.pid)"
}

@test "a full disk costs lines, and they are counted" {
	lab_start alice -l "127.0.0.1:$PORT" --first --log-to /dev/full
	joined
	ends "$(cat lab/alice.pid)"
}

@test "one line a minute and cause, with a count" {
	lab_start alice -l "127.0.0.1:$PORT" --first
	joined
	refused 60
	until_true sh -c 'reload-agent log --tail 1000 -a alice -j | jq -e "[.lines[] | select(.text | contains(\"refused peer=\")) | .repeated] | add >= 59"'
	[ "$(grep -c 'refused peer=' lab/alice.log)" = 1 ]
	ends "$(cat lab/alice.pid)"
	grep -q 'more since .* like: refused peer=' lab/alice.log # told at the end
}

@test "SIGHUP opens the file of the log again" {
	lab_start alice -l "127.0.0.1:$PORT" --first --log-to log.txt
	joined
	mv log.txt log.1
	kill -HUP "$(cat lab/alice.pid)"
	until_true test -s log.txt
	before=$(stat -c %s log.1)
	ends "$(cat lab/alice.pid)"
	[ "$(stat -c %s log.1)" = "$before" ]
}
