#!/usr/bin/env bats
# Files as others leave them: symbolic links, modes, marks of editors, order and labels of PEM, what a killed run left behind.

load lab

setup_file() {
	lab_begin
	reload-enroll init calls.example --bootstrap 127.0.0.1:7001 >/dev/null
	reload-enroll issue alice@calls.example --identity alice >/dev/null
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	id=lab/etc/identity/alice
	rm -rf saved
	cp -a "$id" saved
}

teardown() {
	rm -rf "$id"
	cp -a saved "$id"
	rm -f lab/etc/agent.conf
}

@test "a replaced file keeps its mode, and the links that lead to it" {
	mkdir vault
	mv "$id/cert.pem" "$id/key.pem" vault/
	ln -s "$PWD/vault/cert.pem" "$id/cert.pem"
	ln -s ../../../../vault/key.pem "$id/key.pem"
	chmod 640 vault/cert.pem
	before=$(cat vault/cert.pem)
	reload-enroll issue alice@calls.example --identity alice >/dev/null
	[ -L "$id/cert.pem" ]
	[ -L "$id/key.pem" ]
	[ "$(cat vault/cert.pem)" != "$before" ]
	[ "$(stat -c %a vault/cert.pem)" = 640 ]
	reload-agent check -I alice >/dev/null
	rm -r vault
}

@test "a file is replaced where there are no hard links" {
	cat >links.c <<'END'
#include <errno.h>
int link(const char *a, const char *b) { (void)a, (void)b; errno = EPERM; return -1; }
END
	cc -shared -fPIC -o links.so links.c || skip "no C compiler"
	! ldd "$(command -v reload-enroll)" | grep -q asan || skip "the sanitizer wants to be first"
	before=$(cat "$id/cert.pem")
	LD_PRELOAD=$PWD/links.so reload-enroll issue alice@calls.example --identity alice >/dev/null
	[ "$(cat "$id/cert.pem")" != "$before" ]
	reload-agent check -I alice >/dev/null
	[ -z "$(find "$id" -name '*.old')" ]
}

@test "what a killed run left behind goes with the next run" {
	echo secret >"$id/key.pem.999999999.new" # no process has this number
	echo secret >"$id/key.pem.999999999.old"
	echo mine >"$id/notes.new"
	reload-enroll issue alice@calls.example --identity alice >/dev/null
	[ ! -e "$id/key.pem.999999999.new" ]
	[ ! -e "$id/key.pem.999999999.old" ]
	[ -e "$id/notes.new" ]
}

@test "a user name is never a path" {
	run -2 --separate-stderr reload-enroll issue '../../x@calls.example'
	[[ "$stderr" == *"--identity NAME"* ]]
	[ -z "$(find . -name 'x*' -newer saved -path '*x@*')" ]
}

@test "the certificate of the node is found behind others, and under old labels" {
	ca=$(grep -l 'BEGIN CERTIFICATE' lab/etc/calls.example/ca/*.pem | head -n 1)
	cat "$ca" saved/cert.pem >"$id/cert.pem"
	reload-agent check -I alice >/dev/null
	for label in 'X509 CERTIFICATE' 'TRUSTED CERTIFICATE'; do
		sed "s/ CERTIFICATE-/ $label-/" saved/cert.pem >"$id/cert.pem"
		reload-agent check -I alice >/dev/null
	done
	printf '\xef\xbb\xbf' | cat - saved/cert.pem | sed 's/$/\r/' >"$id/cert.pem"
	printf '\xef\xbb\xbf' | cat - saved/key.pem | sed 's/$/\r/' >"$id/key.pem"
	reload-agent check -I alice >/dev/null
}

@test "a damaged block of PEM is named" {
	printf -- '-----BEGIN CERTIFICATE-----\nMIIB*z\n-----END CERTIFICATE-----\n' | cat saved/cert.pem - >"$id/cert.pem"
	run -10 --separate-stderr reload-agent check -I alice
	[[ "$stderr" == *"block 2 of its PEM is damaged"* ]]
}

@test "agent.conf with a byte order mark and CRLF is read; one that cannot be read is an error" {
	printf '\xef\xbb\xbfidentity = alice\r\nstore-limit = 1M\r\n' >lab/etc/agent.conf
	reload-agent check >/dev/null
	rm lab/etc/agent.conf
	mkdir lab/etc/agent.conf
	run -1 --separate-stderr reload-agent check -I alice
	[[ "$stderr" == *"agent.conf"*"directory"* ]]
	rmdir lab/etc/agent.conf
}

@test "a document that was changed after it was signed says so, and which line ends it has" {
	sed 's/$/\r/' saved/overlay.xml >"$id/overlay.xml"
	if cmp -s saved/overlay.xml "$id/overlay.xml"; then skip "no line ends in it"; fi
	run -10 --separate-stderr reload-agent check -I alice
	[[ "$stderr" == *"changed after they were signed"*"CRLF"* ]]
}

@test "overlay names of 253 characters work" {
	l=$(printf 'a%.0s' {1..60})
	long=$(printf '%s.%s.%s.%s.%s' "$l" "$l" "$l" "$l" "aaaaaaaaa")
	[ ${#long} = 253 ]
	reload-enroll init "$long" --bootstrap 127.0.0.1:7001 >/dev/null
	reload-enroll issue "u@$long" --identity long >/dev/null
	reload-agent check -I long >/dev/null
	rm -r "lab/etc/$long" lab/etc/identity/long
}
