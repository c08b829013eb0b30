#!/usr/bin/env bats
# A program that is killed while it changes files: all of them are old or all are new.

load lab

setup_file() {
	lab_begin
	reload-enroll init calls.example --bootstrap 127.0.0.1:1 -q
	reload-enroll issue alice@calls.example --identity alice -q
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# killed_at CALL N COMMAND...: it is killed as it comes to that system call for the Nth time; false: it did not come to it
killed_at() {
	local status=0
	strace -f -o strace.log -e trace="$1" -e inject="$1:signal=KILL:when=$2" -- "${@:3}" >/dev/null 2>&1 || status=$?
	[ "$status" = 137 ]
}

is_whole() {
	reload-enroll show alice >shown || { cat shown; return 1; }
	grep -q '^  usable  *yes' shown
	reload-enroll config show calls.example >/dev/null
}

# B12: certificate, key, configuration and the ledger of the authority
@test "a certificate and its key are of one another, at whatever system call reload-enroll issue is killed" {
	strace -o strace.log -e trace=none true || skip "no right to trace"
	local call n kinds=(p256 rsa2048) kills=0
	for call in openat write fsync link rename unlink; do
		# the last calls are those that change files; there are about twenty of each at most
		n=1
		[ $call != openat ] && [ $call != write ] || n=$(($(calls $call) - 12))
		while killed_at $call $n reload-enroll issue alice@calls.example --identity alice --key ${kinds[n % 2]} -q -y; do
			is_whole || { echo "$call $n"; return 1; }
			n=$((n + 1)) kills=$((kills + 1))
		done
		is_whole
	done
	echo "$kills kills"
	[ $kills -ge 30 ]
	# nothing is left behind by the next change
	reload-enroll issue alice@calls.example --identity alice -q -y
	[ -z "$(find lab/etc -name '*.new' -o -name '*.old' -o -name '*.all')" ]
}

# calls CALL: how often the whole command makes it
calls() {
	strace -f -o strace.log -e trace="$1" reload-enroll issue alice@calls.example --identity alice -q -y
	grep -c "$1(" strace.log
}

@test "a plan that is not whole, or not of this user, changes nothing" {
	local dir=$PWD/lab/etc/identity/alice dead
	sh -c 'echo $$' >pid
	dead=$(cat pid)
	cp "$dir/cert.pem" before
	echo other >"$dir/cert.pem.$dead.new"
	printf '%s\0' "$dir/cert.pem" >"$dir/cert.pem.$dead.all"
	is_whole
	cmp before "$dir/cert.pem"
	[ ! -e "$dir/cert.pem.$dead.all" ]
	ln -s "$PWD/elsewhere" "$dir/cert.pem.$dead.all"
	printf '%s\0\0' "$dir/cert.pem" >elsewhere
	is_whole
	cmp before "$dir/cert.pem"
	rm "$dir/cert.pem.$dead.all"
	if [ "$(id -u)" = 0 ]; then
		printf '%s\0\0' "$dir/cert.pem" >"$dir/cert.pem.$dead.all"
		chown 1 "$dir/cert.pem.$dead.all"
		is_whole
		cmp before "$dir/cert.pem"
		rm "$dir/cert.pem.$dead.all"
	fi
}
