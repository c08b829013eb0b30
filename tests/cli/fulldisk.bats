#!/usr/bin/env bats
# A peer whose disk is full: responsible for nothing, and back when there is room.

load lab

setup_file() {
	lab_begin
	lab_overlay
	for u in dave erin frank; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	export PORT
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	unshare -Urm true 2>/dev/null || skip "no namespaces"
}

teardown() {
	lab_end
	rm -f lab/*.pid
	rm -rf lab/state
}

K=0xf0000001
EVERYBODY=(alice bob carol dave erin frank)

started() {
	[ -n "$(reload-agent status -a "$1" -j 2>/dev/null | jq -r .node_id)" ]
}

# small NAME [OPTIONS]: an agent whose store is on a disk of its own, of 2 MB.
small() {
	local name=$1
	shift
	mkdir -p "$PWD/disk"
	unshare -Urm sh -c "mount -t tmpfs -o size=2m none '$PWD/disk' && exec reload-agent -I $name --store-path '$PWD/disk/store' \"\$@\"" sh "$@" 2>"lab/$name.log" 3>&- &
	echo $! >"lab/$name.pid"
	until_true started "$name"
}

fill() {
	head -c 100M /dev/zero >>"/proc/$(cat "lab/$1.pid")/root$PWD/disk/filler" 2>/dev/null || true
}

room() {
	rm "/proc/$(cat "lab/$1.pid")/root$PWD/disk/filler"
}

# is NAME ROLE: it is joined, in that role.
is() {
	[ "$(reload-agent status -a "$1" -j | jq -r 'select(.state == "joined") | .role')" = "$2" ]
}

ms() {
	local now=${EPOCHREALTIME/./}
	echo $((now / 1000))
}

# put TEXT: every user's own agent stores it; each Store is acknowledged, and then nobody shows anything older.
put() {
	local u a got began
	for u in "${EVERYBODY[@]}"; do
		began=$(ms)
		reload-store -a "$u" -k $K "$u@calls.example" "$1" -q -t 30s 2>err.txt || { cat err.txt; return 1; }
		echo "$1 of $u acknowledged after $(($(ms) - began)) ms"
		for a in "${EVERYBODY[@]}"; do
			got=$(reload-fetch -a "$a" -k $K "$u@calls.example" -j -t 30s | jq -r '.values[0].text')
			[ "$got" = "$1" ] || { echo "$a shows '$got' of $u, not '$1'"; return 1; }
		done
	done
}

@test "six peers, one disk is full: nothing old is shown, all Stores are taken, and the peer comes back" {
	small alice -l "127.0.0.1:$PORT" --first
	for a in "${EVERYBODY[@]:1}"; do
		small "$a" -l 127.0.0.1:0 --no-join
		reload-join -a "$a" -q
	done
	for a in "${EVERYBODY[@]}"; do
		until_true knows "$a" 3
	done
	put 1
	node=$(reload-fetch -a bob -k $K alice@calls.example -j | jq -r .responsible)
	for a in "${EVERYBODY[@]}"; do
		[ "$(node_of "$a")" != "$node" ] || full=$a
	done
	echo "the disk of $full is full"
	for text in 2 3 4; do
		fill "$full" # again, as the log gives back what it took
		put $text
	done
	until_true is "$full" client
	matches "$(reload-agent status -a "$full" -j | jq -r .stored.failure)" 'no space left on the device'
	put 5
	room "$full"
	began=$(ms)
	until_true is "$full" peer
	echo "$full is back $(($(ms) - began)) ms after there was room"
	put 6
	[ "$(reload-agent status -a "$full" -j | jq -r .stored.failure)" = null ]
}

@test "a peer that joins with a full disk is not admitted until there is room" {
	lab_start alice -l "127.0.0.1:$PORT" --first
	small bob -l 127.0.0.1:0 --no-join
	lab_start carol -l 127.0.0.1:0 --no-join
	EVERYBODY=(alice carol)
	reload-join -a carol -q
	lab_whole alice carol
	put 1
	reload-join -a bob -q
	until_true is bob peer
	EVERYBODY=(alice carol bob)
	put 2
	reload-join -a bob --leave -q
	fill bob
	EVERYBODY=(alice carol)
	put 3
	fill bob
	reload-join -a bob -q
	EVERYBODY=(alice carol bob)
	fill bob
	put 4
	until_true is bob client
	room bob
	until_true is bob peer
	put 5
}
