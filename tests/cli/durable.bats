#!/usr/bin/env bats
# What is stored survives the agent, and the agent a bad disk.

load lab

setup_file() {
	export REPOSITORY=$PWD
	lab_begin
	lab_overlay
	export PORT
	lab_clock || rm -f clock.so
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

teardown() {
	lab_end
	rm -f lab/*.pid
	rm -rf lab/state
	chmod -R u+w lab 2>/dev/null || true
}

K=0xf0000001
ARRAY=0xf0000002
DB=lab/state/alice/store.db

# start [OPTIONS]: alice, a ring of her own, joined when this returns.
start() {
	lab_start alice -l "127.0.0.1:$PORT" --first "$@"
	reload-agent status -a alice --wait joined -q -t 60s >/dev/null || { cat lab/alice.log; return 1; }
}

killed() {
	kill -KILL "$(cat "lab/$1.pid")"
	until_true gone "$(cat "lab/$1.pid")"
	wait "$(cat "lab/$1.pid")" 2>/dev/null || true
}

put() {
	reload-store -a alice -k $K alice@calls.example "$@"
}

got() {
	reload-fetch -a "${1:-alice}" -k $K alice@calls.example -j | jq -r '.values[0].text'
}

# STO-03: the generation of a Kind never goes back (durable-kill looks at that as well)
@test "killed in the middle of Stores, nothing acknowledged is missing" {
	run "$REPOSITORY/tests/cli/durable-kill" --rounds "${DURABLE_ROUNDS:-5}" --stores "${DURABLE_STORES:-200}"
	echo "$output"
	[ "$status" -eq 0 ]
	matches "${lines[-1]}" "^${DURABLE_ROUNDS:-5} rounds, [0-9]+ Stores acknowledged, [0-9]+ Fetches, 0 faults$"
}

# R-7-06: the lifetime runs on while the agent is down
@test "a restart keeps values, generation and lifetime" {
	[ -e clock.so ] || skip "no clock that is ahead"
	start
	put one --lifetime 1h
	put two --lifetime 1h
	before=$(reload-fetch -a alice -k $K alice@calls.example -j | jq -c '[.generation, .values[0].text, .values[0].storage_time, .values[0].signer.node_id]')
	[ "$(jq -r '.[0] + .[1]' <<<"$before")" = 2two ]
	killed alice
	ahead 60 start
	after=$(reload-fetch -a alice -k $K alice@calls.example -j)
	[ "$(jq -c '[.generation, .values[0].text, .values[0].storage_time, .values[0].signer.node_id]' <<<"$after")" = "$before" ]
	jq -e '.values[0].lifetime_s | . <= 3540 and . > 3400' <<<"$after"
	R reload-store -a alice -k $K alice@calls.example three --generation 1
	[ "$status" -eq 7 ]
	[ "$(put four -j | jq -r .generation)" = 3 ]
	# an orderly end keeps them as well
	reload-agent stop -a alice -q
	ahead 120 start
	[ "$(got)" = four ]
}

# R-7-07: what expired while the agent was down is as if it had not been stored
@test "what expired meanwhile is gone, from the file too" {
	[ -e clock.so ] || skip "no clock that is ahead"
	start
	put short --lifetime 10m
	put kept --lifetime 1h
	reload-store -a alice -k $ARRAY alice@calls.example --append short --lifetime 10m -q
	killed alice
	ahead 601 start
	[ "$(got)" = kept ]
	R reload-fetch -a alice -k $ARRAY alice@calls.example
	[ "$status" -eq 5 ]
	reload-agent stop -a alice -q
	[ "$(sqlite3 $DB "SELECT count(*) FROM value WHERE kind = $((ARRAY))")" = 0 ]
	[ "$(sqlite3 $DB 'PRAGMA integrity_check')" = ok ]
}

# Fills what the agent sees as its disk; room makes space again.
fill() {
	head -c 100M /dev/zero >"/proc/$1/root$2/filler" 2>/dev/null || true
}

room() {
	rm "/proc/$1/root$2/filler"
}

# fails_with REASON: a Store is refused for it.  The agent tries by itself whether it can write again, and may find room for a moment.
fails_with() {
	reload-store -a alice -k $ARRAY alice@calls.example --append "$(head -c 1500 /dev/zero | tr '\0' x)" -q 2>err.txt || true
	matches "$(reload-agent status -a alice)" 'store  cannot be written: ' &&
		matches "$(reload-agent status -a alice -j | jq -r .stored.failure)" "$1"
}

refused_and_serving() {
	local n=0
	until ! reload-store -a alice -k $ARRAY alice@calls.example --append "$(head -c 1500 /dev/zero | tr '\0' x)" -q 2>err.txt; do
		n=$((n + 1))
		[ $n -lt 15 ]
	done
	[ "$(got)" = before ]
	until_true fails_with "$1"
	grep -q "error storage: stored values cannot be written to the disk .*$1" lab/alice.log
}

taken_again() {
	local n=0
	until reload-store -a alice -k $K alice@calls.example again -q 2>err.txt; do
		n=$((n + 1))
		[ $n -lt 10 ] || { cat err.txt; return 1; }
	done
	[ "$(got)" = again ]
	[ "$(reload-agent status -a alice -j | jq -r .stored.failure)" = null ]
	grep -q 'info  storage: stored values can be written to the disk again' lab/alice.log
}

@test "a full disk: Stores are refused, what is held is served, and it goes on when there is space" {
	unshare -Urm true 2>/dev/null || skip "no namespaces"
	mkdir -p "$PWD/disk"
	unshare -Urm sh -c "mount -t tmpfs -o size=512k none '$PWD/disk' && exec reload-agent -I alice -l 127.0.0.1:$PORT --first \
		--store-path '$PWD/disk/store'" 2>lab/alice.log 3>&- &
	echo $! >lab/alice.pid
	reload-agent status -a alice --wait joined -q -t 60s >/dev/null
	put before --lifetime 1h
	fill "$(cat lab/alice.pid)" "$PWD/disk"
	refused_and_serving 'no space left on the device'
	room "$(cat lab/alice.pid)" "$PWD/disk"
	taken_again
}

@test "store files that are removed are made again, others in their place are named" {
	start
	put before --lifetime 1h
	rm -r lab/state/alice
	until_true grep -q 'warn  storage: the files of stored values were removed and are made again' lab/alice.log
	put after
	[ -e $DB ]
	rm $DB
	put again
	# what somebody else put there is neither written nor removed
	# in one step: a file of its own that the agent has made anew in between would be written over
	echo 'not ours' >theirs
	mv theirs $DB
	until_true grep -q 'error storage: stored values cannot be written to the disk .*another file' lab/alice.log
	R put never
	[ "$status" -ne 0 ]
	matches "$(reload-agent status -a alice)" 'store  cannot be written: another file .* move it away'
	[ "$(cat $DB)" = 'not ours' ]
	rm $DB
	taken_again
	killed alice
	start
	[ "$(got)" = again ]
}

@test "a limit of file sizes: the same, and what was acknowledged is there after a kill" {
	(
		ulimit -S -f 120
		exec reload-agent -I alice -l "127.0.0.1:$PORT" --first 2>lab/alice.log 3>&-
	) &
	echo $! >lab/alice.pid
	reload-agent status -a alice --wait joined -q -t 60s >/dev/null
	put before --lifetime 1h
	refused_and_serving 'disk I/O error'
	held=$(reload-fetch -a alice -k $ARRAY alice@calls.example -j | jq -c '[.generation, (.values | length)]')
	prlimit --pid "$(cat lab/alice.pid)" --fsize=unlimited:
	taken_again
	killed alice
	[ "$(sqlite3 $DB 'PRAGMA integrity_check')" = ok ]
	start
	[ "$(got)" = again ]
	[ "$(reload-fetch -a alice -k $ARRAY alice@calls.example -j | jq -c '[.generation, (.values | length)]')" = "$held" ]
}

@test "a directory that cannot be written: exit 1 and the three lines" {
	mkdir -p readonly
	if [ "$(id -u)" = 0 ]; then
		unshare -m true 2>/dev/null || skip "no namespaces"
		R unshare -m sh -c "mount -t tmpfs -o ro none readonly && exec reload-agent -I alice -l 127.0.0.1:0 --first --store-path readonly/store"
	else
		chmod 555 readonly
		R reload-agent -I alice -l 127.0.0.1:0 --first --store-path readonly/store
	fi
	failed 1 readonly
	matches "${stderr_lines[1]}" 'Read-only file system|Permission denied'
	# a file where the directory should be
	echo >file
	R reload-agent -I alice -l 127.0.0.1:0 --first --store-path file
	failed 1 file
	matches "${stderr_lines[1]}" 'Not a directory'
	R reload-agent check -I alice --store-path file
	failed 1 file
}

# change AT BYTES...: bytes of the store's file, in hex; AT below zero from its end.
change() {
	python3 - "$@" <<'EOF'
import os, sys
with open(os.environ["FILE"], "r+b") as f:
    size = f.seek(0, 2)
    at = int(sys.argv[1])
    f.seek(at if at >= 0 else size + at)
    f.write(bytes.fromhex(sys.argv[2]))
EOF
}

@test "a damaged row is told of, dropped and never served" {
	start
	put untouched
	reload-store -a alice -k $ARRAY alice@calls.example --append 'what is to be damaged' -q
	reload-agent stop -a alice -q
	python3 - $DB <<'EOF'
import sys
with open(sys.argv[1], "r+b") as f:
    text = f.read()
    assert text.count(b"to be damaged") == 1
    f.seek(text.index(b"to be damaged"))
    f.write(b"TO")
EOF
	[ "$(sqlite3 $DB 'PRAGMA integrity_check')" = ok ]
	start
	grep -q 'error storage: stored values were damaged on the disk and are dropped count=1' lab/alice.log
	R reload-fetch -a alice -k $ARRAY alice@calls.example
	[ "$status" -eq 5 ]
	[ "$(got)" = untouched ]
	reload-agent stop -a alice -q
	start
	[ "$(grep -c 'were damaged' lab/alice.log)" = 0 ]
}

@test "a damaged file is moved aside, told of, and a new one is begun" {
	export FILE=$DB
	for damage in garbage truncated pages; do
		start
		put before
		reload-agent stop -a alice -q
		case $damage in
		garbage) chance 40000 garbage >$DB ;;
		truncated) truncate -s 9000 $DB ;;
		pages) change 4096 "$(head -c 8192 /dev/zero | tr '\0' '\377' | xxd -p | tr -d '\n')" ;;
		esac
		start
		grep -q "error storage: stored values were damaged on the disk and are dropped reason=\".*/store.db.damaged-20[0-9T:-]*Z" lab/alice.log
		R reload-fetch -a alice -k $K alice@calls.example
		[ "$status" -eq 5 ]
		put after
		killed alice
		start
		[ "$(got)" = after ]
		reload-agent stop -a alice -q
		[ "$(find lab/state/alice -name 'store.db.damaged-*Z' | wc -l)" = 1 ]
		rm -r lab/state/alice
	done
}

@test "a store of a newer version, of another overlay, in use, elsewhere: refused, and left as it is" {
	start
	put value
	R reload-agent -I bob -l 127.0.0.1:0 --first --store-path lab/state/alice
	failed 7 lab/state/alice
	matches "${stderr_lines[1]}" 'another agent has this store'
	[ "$(got)" = value ]
	reload-agent stop -a alice -q
	sqlite3 $DB 'PRAGMA user_version = 77'
	cp $DB copy.db
	R reload-agent -I alice -l 127.0.0.1:0 --first
	failed 1 'store\.db'
	matches "${stderr_lines[1]}" 'version 77 of the store is newer than this program'
	matches "${stderr_lines[2]}" '^  try:  --store-path'
	cmp $DB copy.db
	sqlite3 $DB "PRAGMA user_version = 3; UPDATE meta SET value = 'other.example' WHERE name = 'overlay'"
	R reload-agent -I alice -l 127.0.0.1:0 --first
	failed 1 'store\.db'
	matches "${stderr_lines[1]}" 'another overlay than calls.example'
	# a link to a place that somebody else chose
	rm lab/state/alice/store.db*
	ln -s "$PWD/elsewhere" $DB
	R reload-agent -I alice -l 127.0.0.1:0 --first
	failed 1 'store\.db'
	matches "${stderr_lines[1]}" 'it is a symbolic link'
	[ ! -e elsewhere ]
}

@test "the quota holds before and after a restart" {
	start --store-limit 24K
	put before
	n=0
	while reload-store -a alice -k $ARRAY alice@calls.example --append "$(head -c 1500 /dev/zero | tr '\0' x)" -q 2>err.txt; do
		n=$((n + 1))
		[ $n -lt 16 ]
	done
	[ $n -ge 2 ]
	killed alice
	start --store-limit 24K
	R reload-store -a alice -k $ARRAY alice@calls.example --append "$(head -c 1500 /dev/zero | tr '\0' x)"
	failed 8 ''
	[ "$(got)" = before ]
	[ "$(reload-fetch -a alice -k $ARRAY alice@calls.example -j | jq '.values | length')" = $n ]
	[ "$(reload-agent status -a alice -j | jq '.stored | .size_bytes <= .limit_bytes')" = true ]
}

@test "a peer that comes back with an old store, or without one, shows what is newest" {
	lab_ring
	put old --lifetime 1h
	for damage in none garbage; do
		for peer in bob carol; do
			killed $peer
			put "new of $peer $damage" --lifetime 1h -t 30s
			[ $damage = none ] || chance 40000 garbage >lab/state/$peer/store.db
			lab_start $peer -l 127.0.0.1:0 --no-join
			reload-join -a $peer -q
			for a in alice bob carol; do
				[ "$(got $a)" = "new of $peer $damage" ] || { echo "$a: $(got $a)"; false; }
			done
		done
	done
}

@test "all peers are killed at once and started again: nothing is missing" {
	lab_ring
	for i in $(seq 12); do
		reload-store -a alice -k $ARRAY alice@calls.example --index "$i" "value $i" -q
	done
	for u in alice bob carol; do
		reload-store -a $u -k $K $u@calls.example "of $u" -q
	done
	for u in alice bob carol; do
		killed $u
	done
	lab_ring
	for a in alice bob carol; do
		for u in alice bob carol; do
			[ "$(reload-fetch -a $a -k $K $u@calls.example -j | jq -r '.values[0].text')" = "of $u" ]
		done
		[ "$(reload-fetch -a $a -k $ARRAY alice@calls.example -j | jq -r '[.values[] | select(.exists)] | length')" = 12 ]
	done
}
