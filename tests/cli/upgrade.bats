#!/usr/bin/env bats
# What earlier versions wrote is read by this one (tests/upgrade has an archive for each, and the program that makes it), and two versions work
# together in a ring.  UPGRADE_LONG=1, as in make soak-upgrade, builds the older one beside.

load lab

setup() {
	lab_begin
	cd "$BATS_TEST_TMPDIR" || return 1
	SOURCE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export RELOAD_HOME=$PWD/lab
	# where lab_end looks
	BATS_FILE_TMPDIR=$PWD
}

teardown() {
	lab_end
}

# holds AGENT: what the fixtures store is fetched by the agent
holds() {
	[ "$(reload-fetch -a "$1" -k 0xf0000001 --raw alice@calls.example)" = 'back at one' ] || return 1
	[ "$(reload-fetch -a "$1" -k 0xf0000001 alice@calls.example -j | jq -r .generation)" = 2 ] || return 1
	[ "$(reload-fetch -a "$1" -k 0xf0000002 alice@calls.example -j | jq -c '[.values[] | select(.exists) | [.index, .text]]')" = '[[0,"zero"],[2,"two"]]' ] || return 1
	[ "$(reload-fetch -a "$1" -k 0xf0000003 bob@calls.example -j | jq -r '.values[0] | .text + " " + .signer.user')" = 'of this device bob@calls.example' ]
}

@test "state and configuration of each earlier version are read: values, what is kept, identities, accounts, settings" {
	local archive before sequence
	for archive in "$SOURCE"/tests/upgrade/*.tar.xz; do
		echo "${archive##*/}"
		tar -xf "$archive"
		before=$(openssl x509 -in lab/etc/identity/alice/cert.pem -noout -ext subjectAltName | grep -o '0110[0-9a-f]*' | cut -c 5-)
		R reload-enroll show
		ok
		R reload-enroll config check calls.example
		[ "$status" -eq 0 ]
		PORT=$(lab_port)
		lab_start alice -l "127.0.0.1:$PORT" --first
		R reload-agent status -a alice --wait joined -t 60
		ok
		lab_start bob -l 127.0.0.1:0 --bootstrap "127.0.0.1:$PORT"
		R reload-agent status -a bob --wait joined -t 60
		ok
		lab_whole alice bob
		[ "$(node_of alice)" = "$before" ]
		# agent.conf
		[ "$(reload-shell -a alice -c 'call agent.config' | jq -r '.settings[] | select(.key == "store-limit") | .value + " " + (.origin | split("/") | last)')" = '32M agent.conf' ]
		until_true holds alice
		until_true holds bob
		# what bob keeps, and his registration
		[ "$(reload-store -a bob --list-kept -j | jq -c '[.kept[] | .name] | unique')" = '["bob@calls.example"]' ]
		# (which he makes anew when he has come back)
		until_true reload-sip-call -a alice lookup bob@calls.example
		# values of before are written anew, as their own
		reload-store -a alice -k 0xf0000001 alice@calls.example 'and now' -q
		[ "$(reload-fetch -a bob -k 0xf0000001 --raw alice@calls.example)" = 'and now' ]
		# the authority goes on: its accounts, another certificate, the next document, which the ring takes over
		[ "$(reload-enroll user list -j | jq -r '.users[] | select(.user == "carol@calls.example") | .user')" = carol@calls.example ]
		R reload-enroll issue alice@calls.example --identity copy
		ok
		matches "$output" "Node-ID $before"
		sequence=$(reload-enroll config show calls.example -j | jq .sequence)
		reload-enroll config set chord-update-interval=200 -q
		R reload-enroll config publish -a alice
		[ "$status" -eq 0 ]
		[ "$(reload-enroll config show calls.example -j | jq .sequence)" = $((sequence + 1)) ]
		reload-agent stop -a bob -q
		reload-agent stop -a alice -q
		rm -r lab
	done
}

@test "an older program refuses newer state with words, and leaves it as it is" {
	local archive
	archive=$(ls -v "$SOURCE"/tests/upgrade/*.tar.xz | tail -n 1)
	tar -xf "$archive"
	sqlite3 lab/state/bob/store.db 'PRAGMA user_version = 77' # the whole -wal goes into it
	cp -r lab before
	R reload-agent -I bob -l 127.0.0.1:0 --first
	failed 1 'store\.db'
	matches "${stderr_lines[1]}" 'version 77 of the store is newer than this program'
	cmp lab/state/bob/store.db before/state/bob/store.db
	sqlite3 lab/etc/calls.example/ca/accounts.db "INSERT INTO meta(name, value) VALUES('version', '77')"
	cp lab/etc/calls.example/ca/accounts.db newer.db
	R reload-enroll issue carol@calls.example --identity carol
	failed 10 'the users are those of a newer program'
	matches "${stderr_lines[1]}" 'has version 77, this program knows 1'
	cmp lab/etc/calls.example/ca/accounts.db newer.db
	[ ! -e lab/etc/identity/carol/cert.pem ]
	# what it is to keep is put aside, not lost
	rm -r lab
	tar -xf "$archive"
	sed -i 's/"version":1/"version":77/; s/"version": 1/"version": 77/' lab/state/bob/kept.json
	cp lab/state/bob/kept.json newer.json
	lab_start bob -l "127.0.0.1:$(lab_port)" --first
	reload-agent status -a bob --wait joined -t 60 >/dev/null
	until_true grep -q 'kept.json' lab/bob.log
	grep -lr '"version": *77' lab/state/bob | grep -q .
	reload-agent stop -a bob -q
}

@test "two versions in one ring: joins, values, Pings, an upgrade of each node in turn" {
	[ -n "${UPGRADE_LONG-}" ] || skip 'UPGRADE_LONG=1, or make soak-upgrade'
	local commit old name
	commit=$(cat "$SOURCE/tests/upgrade/commit")
	git -C "$SOURCE" cat-file -e "$commit^{commit}" || {
		echo "the commit $commit of tests/upgrade/commit is not here: a shallow clone? git fetch --unshallow" >&2
		return 1
	}
	git -C "$SOURCE" archive "$commit" | (mkdir old && tar -x -C old)
	make -s -C old MODE=release programs >old.log 2>&1 3>&- || { tail old.log; return 1; }
	old=$PWD/old/build/release
	lab_overlay
	# alice and carol are of before, bob is of now
	PATH=$old:$PATH lab_start alice -l "127.0.0.1:$PORT" --first
	reload-agent status -a alice --wait joined -t 60 >/dev/null
	lab_start bob -l 127.0.0.1:0
	PATH=$old:$PATH lab_start carol -l 127.0.0.1:0
	for name in bob carol; do reload-agent status -a $name --wait joined -t 60 >/dev/null; done
	lab_whole alice bob carol
	[ "$(reload-agent status -a bob -j | jq -r .version)" != '' ]
	for name in alice bob carol; do
		reload-store -a $name -k 0xf0000001 $name@calls.example "of $name" --verify -q
	done
	everybody() {
		local reader owner
		for reader in alice bob carol; do
			for owner in alice bob carol; do
				[ "$(reload-fetch -a $reader -k 0xf0000001 --raw $owner@calls.example)" = "of $owner" ] || return 1
			done
			reload-ping -a $reader -c 1 succ -q || return 1
		done
	}
	everybody
	# programs of before with agents of now, and the other way round
	[ "$("$old/reload-fetch" -a bob -k 0xf0000001 --raw alice@calls.example)" = 'of alice' ]
	"$old/reload-diag" -a bob map >/dev/null
	reload-diag -a alice map >/dev/null
	reload-enroll config set chord-update-interval=200 -q
	R reload-enroll config publish -a alice
	[ "$status" -eq 0 ]
	# each in turn, and nothing is lost
	for name in alice carol; do
		reload-agent stop -a $name -q
		rm lab/$name.pid
		if [ $name = alice ]; then lab_start alice -l "127.0.0.1:$PORT" --bootstrap "$(reload-agent status -a bob -j | jq -r '.listen[0]')"; else lab_start carol -l 127.0.0.1:0; fi
		reload-agent status -a $name --wait joined -t 60 >/dev/null
		lab_whole alice bob carol
		until_true everybody
	done
}
