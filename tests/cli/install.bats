#!/usr/bin/env bats
# make install and uninstall; the programs that other programs run.

load lab

setup() {
	lab_begin
	cd "$BATS_TEST_TMPDIR" || return 1
	SOURCE=$BATS_TEST_DIRNAME/../..
}

# put GOAL [VARIABLE=...]: what is built goes to root/, or from there
put() {
	make --no-print-directory -s -C "$SOURCE" -o programs "$1" MODE=release O="$RELOAD_BIN" DESTDIR="$PWD/root" "${@:2}" >put.log 2>&1 3>&-
}

@test "installed programs find those that only they run, wherever the tree stands" {
	put install PREFIX=/usr
	[ -x root/usr/libexec/reload/reload-check-proof ]
	[ ! -e root/usr/bin/reload-check-proof ]
	[ -f root/usr/libexec/reload/reload-ice.so ]
	[ -f root/usr/libexec/reload/reload-mdns.so ]
	[ -f root/usr/share/man/man1/reload-fetch.1 ]
	[ -f root/usr/share/bash-completion/completions/reload-fetch ]
	R root/usr/bin/reload-fetch --check-proof /dev/null
	failed 6 'the proof cannot be read'
	mv root elsewhere
	R elsewhere/usr/bin/reload-fetch --check-proof /dev/null -j
	[ "$status" -eq 6 ]
	[ "$(jq -r .error.name <<<"$output")" = forbidden ]
}

@test "a program that is missing is named, with the place where it should be" {
	put install PREFIX=/usr
	rm root/usr/libexec/reload/reload-check-proof
	R root/usr/bin/reload-fetch --check-proof /dev/null
	failed 1 'reload-check-proof, which does this, cannot be run'
	matches "${stderr_lines[1]}" 'why: .*/libexec/reload/reload-check-proof: it is not there, nor beside reload-fetch'
	matches "${stderr_lines[2]}" 'try: +make install'
	touch root/usr/bin/reload-check-proof
	R root/usr/bin/reload-fetch --check-proof /dev/null
	failed 1 'cannot be run'
	matches "${stderr_lines[1]}" 'Permission denied'
	# without --check-proof nothing is missed
	R root/usr/bin/reload-fetch -a nobody -k 1 x@y
	failed 3 nobody
}

@test "uninstall removes what install has put there" {
	put install PREFIX=/usr
	[ "$(find root -type f | wc -l)" -gt 30 ]
	put uninstall PREFIX=/usr
	[ -z "$(find root -type f)" ]
	[ ! -d root/usr/libexec/reload ]
}
