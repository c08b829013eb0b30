#!/usr/bin/env bats
# An authority in one file, and back.

load lab

setup_file() {
	lab_begin
	echo 'correct horse' >pass
	echo wrong >wrong
	echo secret >password
	reload-enroll init calls.example -q
	for u in alice bob; do reload-enroll issue "$u@calls.example" -q; done
	reload-enroll user add carol@calls.example --password-file password -q
	reload-enroll revoke bob@calls.example -q
	reload-enroll config add-root -q
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

there() {
	RELOAD_HOME=$PWD/there "$@"
}

@test "backup and restore: keys, document and users are as before, and the authority goes on" {
	R reload-enroll backup saved --passphrase-file pass -j
	ok
	same_schema reload-enroll backup
	jq -e '.overlay == "calls.example" and .users == 4' <<<"$output"
	[ "$(stat -c %a saved)" = 600 ]
	# nothing of it can be read
	run -1 grep -a 'PRIVATE\|calls.example\|carol' saved
	R reload-enroll backup saved --passphrase-file pass
	failed 7 .
	R there reload-enroll restore saved --passphrase-file pass
	ok
	here=lab/etc/calls.example
	for f in $(cd $here && find . -type f ! -name 'accounts.db*' ! -name lock); do
		cmp "$here/$f" "there/etc/calls.example/$f"
		[ "$(stat -c %a "$here/$f")" = "$(stat -c %a "there/etc/calls.example/$f")" ]
	done
	[ "$(stat -c %a there/etc/calls.example/ca)" = 700 ]
	[ "$(there reload-enroll user list -j)" = "$(reload-enroll user list -j)" ]
	[ "$(lab_ledger there/etc/calls.example/ca/accounts.db)" = "$(lab_ledger)" ]
	[ ! -e there/etc/calls.example/ca/restored.json ]
	R there reload-enroll issue alice@calls.example
	ok
	R there reload-enroll issue bob@calls.example
	failed 6 'the user is disabled'
	R there reload-enroll config set initial-ttl=40
	ok
}

@test "another passphrase, a changed byte, a cut file and what exists are refused, and nothing is left" {
	R there reload-enroll restore saved --passphrase-file pass
	failed 7 'exists already'
	rm -r there
	R there reload-enroll restore saved --passphrase-file wrong
	failed 10 'cannot be restored'
	R there reload-enroll restore saved --no-input
	failed 2 'a passphrase is needed'
	size=$(stat -c %s saved)
	for at in 20 40 60 $((size / 2)) $((size - 1)); do
		python3 -c 'import sys; d = bytearray(open("saved", "rb").read()); d[int(sys.argv[1])] ^= 1; open("broken", "wb").write(d)' "$at"
		R there reload-enroll restore broken --passphrase-file pass
		failed 10 'cannot be restored'
		head -c "$at" saved >broken
		R there reload-enroll restore broken --passphrase-file pass
		failed 10 'cannot be restored'
	done
	[ ! -e there/etc/calls.example ]
	R there reload-enroll restore saved --passphrase-file pass -n
	ok
	[ ! -e there/etc/calls.example ]
}

@test "a backup has all that it was made of, whatever the names, or there is none" {
	ca=lab/etc/calls.example/ca
	# as an editor leaves it; a key that is kept elsewhere
	echo draft >"$ca/notes of 1..2 (é).txt~"
	mv "$ca/key.pem" elsewhere.pem
	ln -s "$PWD/elsewhere.pem" "$ca/key.pem"
	R reload-enroll backup whole --passphrase-file pass
	ok
	R there reload-enroll restore whole --passphrase-file pass
	ok
	cmp elsewhere.pem there/etc/calls.example/ca/key.pem
	cmp "$ca/notes of 1..2 (é).txt~" "there/etc/calls.example/ca/notes of 1..2 (é).txt~"
	rm -r there
	mv elsewhere.pem away.pem
	R reload-enroll backup lacking --passphrase-file pass
	failed 10 'cannot be in a backup'
	[ ! -e lacking ]
	mv away.pem elsewhere.pem
	mkfifo "$ca/pipe"
	R reload-enroll backup lacking --passphrase-file pass
	failed 10 'cannot be in a backup'
	rm "$ca/pipe"
	: >"$ca/$(printf '\377')"
	R reload-enroll backup lacking --passphrase-file pass
	failed 10 'cannot be in a backup'
	rm "$ca/$(printf '\377')"
	[ ! -e lacking ]
}
