# A peer finds the overlay again through peers that it reached before (RFC 6940 s4.5, s11.4).
load lab

setup_file() {
	lab_begin
	lab_overlay
	lab_ring
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

kill_of() {
	kill -KILL "$(cat "lab/$1.pid")"
	until_true gone "$(cat "lab/$1.pid")"
}

@test "peers that were reached are kept, one in a line" {
	reload-agent stop -a carol
	R cat lab/state/carol/bootstrap-nodes
	ok
	[ "${#lines[@]}" -ge 1 ]
	for l in "${lines[@]}"; do matches "$l" '^127\.0\.0\.1:[0-9]+ [0-9a-f]{32}$'; done
	# R-11.4-05: peers that this one was connected to, no more than the ring has
	[ "${#lines[@]}" -le 3 ]
	# R-4.5-04: bob's address, which no configuration names
	matches "$output" "$(node_of bob)"
}

@test "a second start works with all configured bootstrap nodes down" {
	reload-enroll issue dave@calls.example --identity dave >/dev/null
	lab_start dave -l 127.0.0.1:0 --no-join
	reload-join -a dave -q
	kill_of alice
	reload-agent status -a bob --wait joined -t 60 >/dev/null
	lab_start carol -l 127.0.0.1:0
	# R-11.4-02 R-4.5-04
	reload-agent status -a carol --wait joined -t 60 >/dev/null
	grep -q 'a cached peer serves as bootstrap node' lab/carol.log
}

# A14
@test "addresses at which a peer was before are replaced by the one where it is" {
	reload-agent stop -a carol
	node=$(node_of bob)
	address=$(sed -n "s/ $node//p" lab/state/carol/bootstrap-nodes)
	for at in 127.0.0.1:1 127.0.0.1:2 127.0.0.1:3 "$address"; do
		echo "$at $node"
	done >lab/state/carol/bootstrap-nodes
	lab_start carol -l 127.0.0.1:0
	reload-agent status -a carol --wait joined -t 60 >/dev/null
	reload-agent stop -a carol
	R grep "$node" lab/state/carol/bootstrap-nodes
	[ "${#lines[@]}" -le 2 ]
	[ "${lines[0]}" = "$address $node" ]
	lab_start carol -l 127.0.0.1:0 --no-join
}

@test "a damaged file is told of and not used" {
	reload-agent stop -a carol
	printf '127.0.0.1:1 zz\n' >lab/state/carol/bootstrap-nodes
	lab_start carol -l 127.0.0.1:0 --no-join
	reload-agent status -a carol --wait enrolled -t 60 >/dev/null
	grep -q 'cached peers not used, the file is damaged' lab/carol.log
}

cached() { # cached NAME N: that many peers
	[ "$(cut -d' ' -f2 "lab/state/$1/bootstrap-nodes" | sort -u | wc -l)" -ge "$2" ]
}

@test "a client that knows one bootstrap node goes on, and starts again, when that one has died" {
	reload-agent stop -a carol
	reload-enroll issue erin@calls.example --identity erin >/dev/null
	port=$(ss -tlnp | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$(cat lab/bob.pid),.*/\1/p")
	lab_start erin -l 127.0.0.1:0 --role client --bootstrap "127.0.0.1:$port"
	reload-agent status -a erin --wait joined -t 60 >/dev/null
	# R-11.4-05: bob, and the peer that takes its place
	until_true cached erin 2
	kill_of bob
	reload-agent status -a dave --wait joined -t 60 >/dev/null
	until_true reload-ping -a erin -c 1 -q "node:$(node_of dave)"
	reload-agent stop -a erin
	lab_start erin -l 127.0.0.1:0 --role client --bootstrap "127.0.0.1:$port"
	# R-11.4-02: all bootstrap nodes that it is told are dead
	reload-agent status -a erin --wait joined -t 60 >/dev/null
}
