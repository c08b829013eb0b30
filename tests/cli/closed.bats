#!/usr/bin/env bats
# Programs that run until they are stopped end when nobody reads what they print, also when there is nothing to print.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	reload-enroll issue alice@calls.example --identity alice >/dev/null
	lab_start alice -l "127.0.0.1:$PORT" --first
	reload-agent status -a alice --wait joined -q -t 20
	reload-store -a alice -k 0xf0000001 alice@calls.example here -q
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	reload-agent stop -a alice -q
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# unread COMMAND...: its output has a reader, then none; it ends.
unread() {
	rm -f pipe
	mkfifo pipe
	"$@" >pipe 2>/dev/null 3>&- &
	local pid=$!
	exec 7<pipe
	head -c 1 <&7 >/dev/null # it has begun
	exec 7<&-
	until_true gone "$pid" || { kill -KILL "$pid"; return 1; }
}

@test "reload-ping -c 0" {
	unread reload-ping -a alice -c 0 -i 60s self
}

@test "reload-fetch --watch" {
	unread reload-fetch -a alice -k 0xf0000001 alice@calls.example --watch 1h
}

@test "reload-agent log --follow" {
	unread reload-agent log -a alice --tail 3 --follow
}

@test "no core dumps while a key is held" {
	grep -Eq '^Max core file size +0 +0 ' "/proc/$(cat lab/alice.pid)/limits"
}
