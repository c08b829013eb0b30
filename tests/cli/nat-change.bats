#!/usr/bin/env bats
# Overlays with ICE, when the network below changes: other addresses, lines that are down, paths that are cut, NATs and TURN servers that are
# started anew.  `make soak` has the ring behind eight NATs.

load lab
load nat-lab
load nat

link_since() { # NAME OTHER: since when the newest link between them stands, "none" without one
	reload-agent status -a "$1" --links -j | jq -r --arg n "$(node_of "$2")" '[.links.list[] | select(.node_id == $n) | .since] | max // "none"'
}

newer_link() { # NAME OTHER SINCE: one stands since later than that, and carries
	local now
	now=$(link_since "$1" "$2")
	[ "$now" != none ] || return 1
	[ "$now" != "$3" ] || return 1
	reload-ping -a "$1" -c 1 "node:$(node_of "$2")" >/dev/null
}

readdress() { # HOST DEVICE OLD NEW: the host has the address NEW, the way out is the same
	local ns route
	ns=$(nat-lab ns "$1")
	route=$(ip -n "$ns" route show default)
	ip -n "$ns" addr del "$3" dev "$2"
	ip -n "$ns" addr add "$4" dev "$2"
	ip -n "$ns" route replace ${route}
}

@test "a host that gets another address has links from there, and stays a neighbour" {
	relay_start t
	pair pr pr2
	until_true path_is a b reflexive
	since=$(link_since a b)
	read -r device address < <(ip -n "$(nat-lab ns pr)" -4 -o addr show scope global | awk '{ print $2, $4 }')
	other="${address%.*}.99/${address#*/}"
	readdress pr "$device" "$address" "$other"
	until_true newer_link a b "$since"
	until_true path_is b a reflexive
	R reload-agent status -a a --wait joined -t 60 -q
	ok
	run ! grep -q 'a neighbour was lost' lab/a.log lab/b.log
	readdress pr "$device" "$other" "$address"
	relay_stop t
}

# A14
@test "a host whose line was down for a while has its links back" {
	relay_start t
	pair pr pr2
	until_true path_is a b reflexive
	since=$(link_since a b)
	nat-lab link pr down
	isolated() {
		[ "$(reload-agent status -a a -j | jq .links.up)" = 0 ]
	}
	within 60 isolated
	nat-lab link pr up
	within 120 newer_link a b "$since" # alone some 20 s
	within 60 newer_link b a "$since"
	R reload-agent status -a a --wait joined -t 60 -q
	ok
	for name in a b; do
		reload-agent stop -a $name
	done
}

# A03: frames that are not acknowledged end a link, in one line, and it is made anew another way
@test "a path that is cut in silence is given up, and the link is made anew through a relay" {
	relay_start t
	pair pr pr2
	until_true path_is a b reflexive
	node=$(node_of b)
	reload-ping -a a -t 0 -c 0 -i 200ms "node:$node" >pings 2>&1 3>&- &
	pinger=$!
	until_true grep -qs 'seq 3' pings
	: >lab/a.log
	nat-lab partition pr pr2
	begin=$SECONDS
	within 20 grep -q "link does not acknowledge node=$node" lab/a.log
	within 90 path_is a b relayed
	echo "relayed after $((SECONDS - begin)) s"
	kill $pinger
	[ "$(grep -c "link does not acknowledge node=$node" lab/a.log)" = 1 ]
	R reload-ping -a a -c 1 "node:$node"
	ok
	matches "$output" '1 hop '
	nat-lab heal
	for name in a b; do
		reload-agent stop -a $name
	done
}

# A11: the TURN server has its allocations still, and is asked from the same host
@test "an agent that is killed and started anew on its port has its links through the relay again" {
	relay_start t
	port=6084 # in a network of its own
	host_start a sy -l "0.0.0.0:$port"
	host_start b sy2
	reload-agent status -a a --wait joined -t 20 -q >/dev/null
	reload-agent status -a b --wait joined -t 20 -q >/dev/null
	until_true path_is a b relayed
	kill -KILL "$(cat lab/a.pid)"
	until_true gone "$(cat lab/a.pid)"
	host_start a sy -l "0.0.0.0:$port"
	within 60 path_is a b relayed
	within 60 path_is b a relayed
	reload-ping -a a -c 1 "node:$(node_of b)"
	relay_stop t
}

renumber() { # HOST ADDRESS: its NAT has another public address
	local nat inet old
	nat=$(nat-lab ns "$1" nat) inet=$(nat-lab ns inet) old=$(nat-lab addr "$1" nat)
	ip -n "$nat" addr add "$2/32" dev wan
	ip -n "$nat" route replace 198.51.100.1 dev wan scope link src "$2"
	ip -n "$nat" route replace default via 198.51.100.1 dev wan src "$2"
	ip -n "$nat" addr del "$old/32" dev wan
	ip -n "$inet" route add "$2" dev "n-$1"
	ip -n "$inet" route del "$old"
	nat-lab rebind "$1"
}

# all_fetched READER...: each reads what every peer of the ring has stored
all_fetched() {
	local reader i
	for reader in "$@"; do
		for ((i = 1; i <= 8; i++)); do
			[ "$(reload-fetch -a "$reader" -k 0xf0000001 "p$i@calls.example" --raw -t 10)" = "of p$i" ] || return 1
		done
	done
}

store_all() { # each peer stores its value anew
	local i
	for ((i = 1; i <= 8; i++)); do
		until_true reload-store -a "p$i" -k 0xf0000001 "p$i@calls.example" "of p$i" -q
	done
}

@test "eight peers, each behind its own NAT, lose no value with a bootstrap node, an address of a NAT and a TURN server" {
	[ -n "${NAT_RING-}" ] || skip "make soak has it"
	local hosts=(fc fc2 ar ar2 pr pr2 sy sy2) i second
	second=$(nat-lab addr u):6084
	relay_start t
	host_start u u
	for ((i = 1; i <= 8; i++)); do
		reload-enroll issue "p$i@calls.example" --identity "p$i" >/dev/null
		cp turn-secret "lab/etc/identity/p$i/turn-secret"
		host_start "p$i" "${hosts[i - 1]}" --bootstrap "$second"
	done
	for ((i = 1; i <= 8; i++)); do
		reload-agent status -a "p$i" --wait joined -q -t 60
	done
	store_all
	until_true all_fetched p1 p8
	kill -KILL "$(cat lab/u.pid)" # not asked to leave
	rm lab/u.pid
	until_true all_fetched p2 p7
	store_all
	renumber pr 203.0.113.200
	within 60 all_fetched p5 p1
	store_all
	turn_stop t
	turn_start t
	within 60 path_is p7 p8 relayed
	within 60 all_fetched p7 p8 p3
	for ((i = 1; i <= 8; i++)); do
		host_stop "p$i"
	done
	relay_stop t
}
