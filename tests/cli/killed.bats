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

# The client of an enrollment server, which has another home.
there() {
	RELOAD_HOME=$PWD/there "$@"
}

enrolled() {
	SERVE=$(lab_port)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.crt -days 30 \
		-subj "/CN=tls" -addext "subjectAltName=DNS:localhost" 2>/dev/null
	echo secret >password
	reload-enroll config set "enrollment-server=https://localhost:$SERVE/enroll" -q
	reload-enroll user add bob@calls.example --password-file password -q
	reload-enroll serve -l "127.0.0.1:$SERVE" --tls-cert tls.crt --tls-key tls.key >serve.out 2>&1 3>&- &
	echo $! >lab/serve.pid
	until_true grep -q '^serving' serve.out
	there reload-enroll request bob@calls.example --url "https://localhost:$SERVE/.well-known/reload-config" --ca-file tls.crt --password-file password -q
	cp there/etc/identity/bob/overlay.xml old.xml
	reload-enroll config set chord-update-interval=300 -q
}

# What is there can be used, and its document is one of the two that there are.
is_whole_there() {
	there reload-enroll show bob >shown || { cat shown; return 1; }
	grep -q '^  usable  *yes' shown
	cmp -s old.xml there/etc/identity/bob/overlay.xml || cmp lab/etc/calls.example/overlay.xml there/etc/identity/bob/overlay.xml
	there reload-enroll renew -I bob --if-left 1s -q # what it was made with can be read
}

# killed_everywhere COMMAND: at each of its last calls that change files; kills counts them.
killed_everywhere() {
	local call n all
	for call in openat write fsync rename unlink; do
		cp old.xml there/etc/identity/bob/overlay.xml
		there strace -f -o strace.log -e trace=$call "$@" >/dev/null 2>&1
		all=$(grep -c "$call(" strace.log)
		for ((n = all > 8 ? all - 7 : 1; n <= all; n++)); do
			cp old.xml there/etc/identity/bob/overlay.xml
			there killed_at $call $n "$@" && kills=$((kills + 1))
			is_whole_there || { echo "$call $n of $all"; return 1; }
		done
	done
}

# B12
@test "an identity is whole at whatever system call renew and config fetch are killed, and on a full disk" {
	strace -o strace.log -e trace=none true || skip "no right to trace"
	kills=0
	enrolled
	killed_everywhere reload-enroll config fetch -I bob -q
	[ $kills -ge 15 ]
	killed_everywhere reload-enroll renew -I bob -q
	echo "$kills kills"
	[ $kills -ge 30 ]
	# the disk is full
	for call in write fsync rename; do
		all=$(there strace -f -o strace.log -e trace=$call reload-enroll renew -I bob -q && grep -c "$call(" strace.log)
		cat there/etc/identity/bob/{cert,key}.pem >before
		R there strace -f -o strace.log -e trace=$call -e inject="$call:error=ENOSPC:when=$all" reload-enroll renew -I bob -q
		is_whole_there
	done
	[ -z "$(find there/etc -name '*.new' -o -name '*.old' -o -name '*.all')" ]
	# a terminal that changes its size, and a mask that hides nothing
	rm -r there/etc/identity
	(umask 0 && there reload-enroll request bob@calls.example --url "https://localhost:$SERVE/.well-known/reload-config" --ca-file tls.crt --password-file password -q) &
	pid=$!
	until gone $pid; do kill -WINCH $pid 2>/dev/null || true; done
	wait $pid
	[ "$(stat -c %a there/etc/identity/bob/{key.pem,enrollment.json} | sort -u)" = 600 ]
	there reload-enroll show bob | grep -q '^  usable  *yes'
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

@test "a plan of many files is completed as a whole" {
	local dir=$PWD/lab/etc/identity/alice dead many=1200
	sh -c 'echo $$' >pid
	dead=$(cat pid)
	for i in $(seq $many); do echo "$i" >"$dir/note-$i.$dead.new"; done
	{ for i in $(seq $many); do printf '%s\0' "$dir/note-$i"; done; printf '\0'; } >"$dir/note-1.$dead.all"
	[ "$(stat -c %s "$dir/note-1.$dead.all")" -gt 65536 ]
	is_whole
	[ "$(cat "$dir/note-$many")" = $many ]
	[ "$(find "$dir" -name 'note-*' | wc -l)" = $many ]
	rm "$dir"/note-*
}
