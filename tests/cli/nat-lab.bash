# Agents in the hosts of a nat-lab (tests/lab/nat-lab), and coturn beside some of them.  After `load lab`.

NATLAB_DIR="$BATS_TEST_DIRNAME/../lab"

# nat_begin HOST=NAT...: the lab; skips the file where that is not permitted
nat_begin() {
	local tool
	export PATH="$NATLAB_DIR:$PATH" NATLAB_STATE="$BATS_FILE_TMPDIR/nat-lab"
	[ "$(id -u)" = 0 ] || skip "no right to make network namespaces: not root"
	for tool in nft ip turnserver conntrack; do
		command -v $tool >/dev/null || skip "no $tool"
	done
	NATLAB=$(nat-lab up "$@" 2>nat-lab.log) || skip "no right to make network namespaces: $(head -1 nat-lab.log)"
	export NATLAB
}

host_start() { # NAME HOST [OPTIONS]: the agent NAME in that host
	local name=$1 host=$2
	shift 2
	nsenter --net="/run/netns/$(nat-lab ns "$host")" reload-agent -I "$name" --log-level debug "$@" 2>"lab/$name.log" 3>&- &
	echo $! >"lab/$name.pid"
}

host_stop() {
	[ -e "lab/$1.pid" ] || return 0
	reload-agent stop -a "$1" --now >/dev/null 2>&1 || true
	until_true gone "$(cat "lab/$1.pid")"
	rm "lab/$1.pid"
}

# turn_start NAME: coturn in the host of that name, as the example has it with what an operator changes
turn_start() {
	local at
	at=$(nat-lab addr "$1")
	rm -f "$1.turn.log"
	sed "s/192\.0\.2\.1/$at/; s/CHANGE-ME/$(cat turn-secret)/; s/^realm=.*/realm=calls.example/; s|^log-file=.*|log-file=$PWD/$1.turn.log|; /^proc-/d" \
		"$BATS_TEST_DIRNAME/../../examples/turnserver.conf" >"$1.turn.conf"
	nsenter --net="/run/netns/$(nat-lab ns "$1")" turnserver -c "$1.turn.conf" -v --pidfile "$PWD/$1.turn.pidfile" >"$1.turn.out" 2>&1 3>&- &
	echo $! >"lab/$1.turn.pid"
}

turn_stop() { # NAME: its log is complete when it has ended
	[ -e "lab/$1.turn.pid" ] || return 0
	kill "$(cat "lab/$1.turn.pid")" 2>/dev/null || true
	until_true gone "$(cat "lab/$1.turn.pid")"
	rm "lab/$1.turn.pid"
}

kept() { # NAME: all its records are stored
	[ "$(reload-store -a "$1" --list-kept -j | jq '[.kept[] | select(.kind == "TURN-SERVICE" and .state == "kept" and .renewals > 0)] | length')" = 10 ]
}

relay_start() { # NAME...: peers in the hosts of these names, with coturn beside them
	local name
	for name in "$@"; do
		turn_start "$name"
		host_start "$name" "$name" --turn-server "turn:$(nat-lab addr "$name")"
	done
	for name in "$@"; do
		reload-agent status -a "$name" --wait joined -t 60 -q >/dev/null
		until_true kept "$name"
	done
}

relay_stop() {
	local name
	for name in "$@"; do
		host_stop "$name"
		turn_stop "$name"
	done
}

path() { # NAME OTHER: which way the link between them goes, "none" without one
	local node
	node=$(node_of "$2")
	reload-agent status -a "$1" --links -j | jq -r --arg n "$node" '[(.links.list // [])[] | select(.node_id == $n) | .path][0] // "none"'
}

path_is() { # NAME OTHER PATH
	[ "$(path "$1" "$2")" = "$3" ]
}
