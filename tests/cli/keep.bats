#!/usr/bin/env bats
# reload-store --keep, --list-kept, --drop: values that the agent stores again until they are dropped.

load lab

# The authority as it was before it issued alice makes another alice: one user at two nodes.
setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" \
		--kind "$(lab_kind 4026531842 ARRAY USER-MATCH)" --kind "$(lab_kind 4026531843 DICTIONARY USER-NODE-MATCH)" >/dev/null
	cp -r lab twin
	RELOAD_HOME=$PWD/twin reload-enroll issue alice@calls.example --identity twin >/dev/null
	for u in alice bob carol; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	cp -r twin/etc/identity/twin lab/etc/identity/twin
	lab_ring
	lab_start twin -l 127.0.0.1:0 --no-join
	reload-join -a twin -q
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

K=0xf0000001
ARRAY=0xf0000002
DICT=0xf0000003

# kept AGENT FIELD: of the only value that the agent keeps.
kept() {
	reload-store -a "$1" -j --list-kept | jq -r ".kept[0].$2"
}

is_kept() {
	local now
	now=$(kept "$1" "$2")
	[ "$now" = "$3" ] || [[ $now =~ ^[0-9]+$ && $3 =~ ^[0-9]+$ && $now -gt $3 ]]
}

# until_kept AGENT FIELD VALUE: waits for it, a number: at least that.
until_kept() {
	until_true is_kept "$@" || {
		reload-store -a "$1" -j --list-kept
		return 1
	}
}

# nothing AGENT KIND NAME: no such value is found.
nothing() {
	R reload-fetch -a "$1" -k "$2" "$3"
	[ "$status" -eq 5 ]
}

# R-7-07: without --keep the value would be gone; R-13.5-04: each Store has a later storage_time
@test "a kept value outlives its lifetime" {
	R reload-store -a alice -k $ARRAY alice@calls.example here --index 3 --keep --lifetime 2s
	ok
	matches "$output" ', kept$'
	first=$(reload-fetch -a bob -j -k $ARRAY alice@calls.example | jq -r '.values[0].storage_time')
	reload-store -a bob -q -k $K bob@calls.example 'not kept' --lifetime 2s
	until_true nothing bob $K bob@calls.example
	until_kept alice renewals $(($(kept alice renewals) + 1)) # just now, so that it holds for 2 s
	until_kept alice renewals 2
	R reload-fetch -a bob -j -k $ARRAY alice@calls.example
	ok
	[ "$(jq -r '.values[0].text' <<<"$output")" = here ]
	[[ $(jq -r '.values[0].storage_time' <<<"$output") > $first ]]
	[ "$(jq -r '.values[0].lifetime_s <= 2' <<<"$output")" = true ]
}

@test "what is kept is listed, as text and as the schema says" {
	R reload-store -a alice --list-kept
	ok
	matches "${lines[1]}" "^$ARRAY +kept +4 +2s .* alice@calls.example \[3\]$"
	R reload-store -a alice -j --list-kept
	ok
	same_schema reload-store --list-kept
	[ "$(jq -r '.kept[0] | "\(.state) \(.index) \(.size_bytes) \(.failures)"' <<<"$output")" = 'kept 3 4 0' ]
	R reload-store -a carol -j --list-kept
	ok
	[ "$(jq -c .kept <<<"$output")" = '[]' ]
	R reload-store -a alice --list-kept alice@calls.example
	failed 2 list-kept
}

@test "dropped is not stored again; a dry run drops nothing" {
	R reload-store -a alice -n --drop -k $ARRAY alice@calls.example
	ok
	matches "$output" '^would drop alice@calls.example \[3\], stored until '
	R reload-store -a alice --drop -k $ARRAY alice@calls.example --index 4
	failed 5 'nothing of Kind'
	R reload-store -a alice -j --drop -k $ARRAY alice@calls.example --index 3
	ok
	same_schema reload-store --drop
	[ "$(jq -r '.dropped | length' <<<"$output")" = 1 ]
	[ "$(jq -c .kept lab/state/alice/kept.json)" = '[]' ]
	until_true nothing bob $ARRAY alice@calls.example
	R reload-store -a alice --drop -k $ARRAY alice@calls.example
	failed 5 'nothing of Kind'
}

@test "a Store without --keep, and a removal, end the keeping" {
	reload-store -a alice -q -k $K alice@calls.example one --keep
	[ "$(kept alice state)" = kept ]
	reload-store -a alice -q -k $K alice@calls.example two
	[ "$(kept alice state)" = null ]
	reload-store -a alice -q -k $DICT alice@calls.example one --keep
	[ "$(kept alice key)" = "$(node_of alice)" ]
	reload-store -a alice -q -k $DICT alice@calls.example --remove -y
	[ "$(kept alice state)" = null ]
}

@test "what cannot be kept is said before anything is stored" {
	R reload-store -a alice -k $ARRAY alice@calls.example x --append --keep
	failed 2 'alice@calls.example'
	matches "$stderr" 'needs a place'
	R reload-store -a alice -k $K alice@calls.example --remove -y --keep
	failed 2 'alice@calls.example'
	R reload-store -a alice -k $K alice@calls.example x --keep --list-kept
	failed 2 list-kept
	R reload-store -a alice -n -k $K alice@calls.example x --keep
	ok
	[ "$(kept alice state)" = null ]
	R reload-store -a bob -k $K alice@calls.example x --keep
	failed 6 'alice@calls.example'
	[ "$(kept bob state)" = null ]
}

# what is newer there stays
@test "a kept value gives way to a newer one of another node" {
	reload-store -a alice -q -k $K alice@calls.example 'from home' --keep --lifetime 2s
	reload-store -a twin -q -k $K alice@calls.example 'from work' --lifetime 1h
	until_kept alice state superseded
	[ "$(kept alice next)" = null ]
	grep -q 'value is no longer renewed: another writer stored a newer one' lab/alice.log
	R reload-fetch -a bob -q -k $K alice@calls.example
	[ "$output" = 'from work' ]
	reload-store -a alice -q --drop -k $K alice@calls.example
}

@test "kept values are stored again soon after the agent comes back" {
	reload-store -a carol -q -k $K carol@calls.example 'still here' --keep --lifetime 1h
	[ "$(stat -c %a lab/state/carol/kept.json)" = 600 ]
	kill -KILL "$(cat lab/carol.pid)"
	until_true gone "$(cat lab/carol.pid)"
	before=$(jq -r '.kept[0].stored_ms' lab/state/carol/kept.json)
	lab_start carol -l 127.0.0.1:0
	reload-agent status -a carol --wait joined -q -t 60s
	until_kept carol renewals 1
	R reload-store -a carol -j --list-kept
	[ "$(jq -r '.kept[0].state' <<<"$output")" = kept ]
	written() { [ "$(jq -r '.kept[0].stored_ms' lab/state/carol/kept.json)" -gt "$before" ]; }
	until_true written
	[ "$(reload-fetch -a bob -q -k $K carol@calls.example)" = 'still here' ]
}

@test "while the node is away its values wait" {
	reload-join -a carol --leave -q
	[ "$(kept carol state)" = waiting ]
	reload-join -a carol -q
	until_kept carol state kept
	until_kept carol renewals 2
}

ended() {
	kill "$(cat "lab/$1.pid")"
	until_true gone "$(cat "lab/$1.pid")"
}

# A table that is full; nothing of it is stored.
full_table() {
	jq -nc '{version: 1, overlay: "calls.example", kept: [range(1024) | {resource_id: ("%032d" | sub("%032d"; "00000000000000000000000000000001")),
		name: null, kind_id: 4026531842, data_model: 2, index: ., key: "", value: "", lifetime_s: 60, stored_ms: 1, generation: "1", superseded: true}]}'
}

@test "what an agent keeps has a limit; what it cannot read is put aside" {
	ended twin
	mkdir -p lab/state/twin
	full_table >lab/state/twin/kept.json
	lab_start twin -l 127.0.0.1:0
	reload-agent status -a twin --wait joined -q -t 60s
	[ "$(reload-store -a twin -j --list-kept | jq '.kept | length')" = 1024 ]
	R reload-store -a twin -k $K alice@calls.example more --keep
	failed 8 'no room to keep'
	R reload-fetch -a bob -q -k $K alice@calls.example
	[ "$output" != more ]
	ended twin
	head -c 1000 lab/state/twin/kept.json >cut
	cp cut lab/state/twin/kept.json
	lab_start twin -l 127.0.0.1:0
	reload-agent status -a twin --wait joined -q -t 60s
	[ "$(reload-store -a twin -j --list-kept | jq '.kept | length')" = 0 ]
	cmp cut lab/state/twin/kept.json.damaged
	grep -q 'kept values cannot be read' lab/twin.log
	reload-store -a twin -q -k $K alice@calls.example more --keep
	[ "$(jq '.kept | length' lab/state/twin/kept.json)" = 1 ]
}

# what is there may be all that is left of what was kept
@test "a file of kept values that cannot be read is not written over, and nothing is stored to be kept" {
	for what in large stuck; do
		ended twin
		rm -rf lab/state/twin/kept.json*
		case $what in
		large) truncate -s 1G lab/state/twin/kept.json ;;
		stuck) # makes no sense, and cannot be put aside
			echo nonsense >lab/state/twin/kept.json
			mkdir lab/state/twin/kept.json.damaged
			;;
		esac
		before=$(stat -c '%s %i' lab/state/twin/kept.json)
		lab_start twin -l 127.0.0.1:0
		reload-agent status -a twin --wait joined -q -t 60s
		grep -q 'error storage: kept values cannot be read' lab/twin.log
		reload-store -a twin -q -k $K alice@calls.example "not kept"
		R reload-store -a twin -k $K alice@calls.example "to be kept" --keep
		failed 1 'values cannot be kept'
		matches "${stderr_lines[1]}" 'kept.json could not be read and is not written over'
		matches "${stderr_lines[2]}" 'move that file away'
		[ "$(reload-fetch -a bob -q -k $K alice@calls.example)" = 'not kept' ]
		[ "$(stat -c '%s %i' lab/state/twin/kept.json)" = "$before" ]
	done
}

# alice hears that her value is stored only after another node has stored a newer one in its place
@test "a kept value gives way to one that came before the answer" {
	for u in alice twin; do # neither of them is the responsible peer then
		ended $u
		rm -rf "lab/state/$u/kept.json"*
		lab_start $u -l 127.0.0.1:0 --role client --bootstrap "$(reload-agent status -a bob -j | jq -r '.listen[0]')"
		reload-agent status -a $u --wait joined -q -t 60s
	done
	r=$(reload-store -a alice -j -k $K alice@calls.example before | jq -r .responsible)
	[ "$r" = "$(node_of bob)" ] && r=bob || r=carol
	kill -STOP "$(cat lab/$r.pid)"
	sent() { reload-agent status -a alice -j | jq -r .counters.sent; }
	before=$(sent)
	reload-store -a alice -q -k $K alice@calls.example 'first' --keep --lifetime 20s &
	first=$!
	on_its_way() { [ "$(sent)" -gt "$before" ]; }
	until_true on_its_way
	kill -STOP "$(cat lab/alice.pid)"
	kill -CONT "$(cat lab/$r.pid)"
	is_there() { [ "$(reload-fetch -a twin -q -k $K alice@calls.example 2>/dev/null)" = first ]; }
	until_true is_there
	reload-store -a twin -q -k $K alice@calls.example 'second' --lifetime 1h
	kill -CONT "$(cat lab/alice.pid)"
	wait $first
	until_kept alice state superseded
	[ "$(reload-fetch -a bob -q -k $K alice@calls.example)" = second ]
}
