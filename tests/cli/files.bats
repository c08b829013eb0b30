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

# badly COMMAND...: a name that is none is wrong use, and nothing is read or written for it.
badly() {
	run -2 --separate-stderr "$@" || return 1
	[[ "$stderr" == *"not a name"* || "$stderr" == *"not the name"* || "$stderr" == *"instance name"* ]]
}

@test "no name leads out of its place" {
	mkdir -p lab/out lab/etc/identity/out
	cp lab/etc/calls.example/overlay.xml lab/out/
	cp -a saved/. lab/out/
	find lab | sort >before
	for name in ../out ../../lab/out ./calls.example calls.example/../../out calls.example//. .. .; do
		badly reload-diag decode --overlay "$name" 00
		for command in "config show" "issue bob@calls.example" "self bob@calls.example"; do
			# shellcheck disable=SC2086
			badly reload-enroll $command --overlay "$name"
			# shellcheck disable=SC2086
			RELOAD_OVERLAY=$name badly reload-enroll $command
		done
		badly reload-agent check -I alice --instance "$name"
		echo "instance = $name" >lab/etc/agent.conf
		badly reload-agent check -I alice
		rm lab/etc/agent.conf
	done
	# with a / these are paths that a person gives; without, names
	for name in .. . .hidden -x 'a b' a-ro $'a\nb'; do
		badly reload-agent status "--agent=$name"
		RELOAD_AGENT=$name badly reload-agent status
		[ "$name" = a-ro ] || badly reload-agent check "--identity=$name"
	done
	# of a document, too
	sed 's/instance-name="calls.example"/instance-name="..\/out"/' lab/etc/calls.example/overlay.xml >odd.xml
	run -10 --separate-stderr reload-enroll config check odd.xml
	find lab | sort | cmp before -
	rm -r lab/out lab/etc/identity/out
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
