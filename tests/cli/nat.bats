#!/usr/bin/env bats
# Overlays with ICE: which way the links of agents behind NATs go.  `make soak` tries all pairs of NATs.

load lab
load nat-lab
load nat

@test "two behind symmetric NATs are connected by a TURN server that they find in the overlay" {
	relay_start t
	pair sy sy2
	# R-9-06: an allocation of the server that a peer offers
	until_true path_is a b relayed
	until_true path_is b a relayed
	# the way to a public peer needs no relay
	[ "$(path a t)" = reflexive ]
	# A20: what is shown is the way of the data
	watch_begin sy sy2
	R reload-ping -a a -v -c 4 -i 200ms -s 3000 "node:$(node_of b)"
	[ "$status" -eq 0 ]
	matches "$stderr" "link to node:[0-9a-f]*: relayed by $T:[0-9]+, DTLS-UDP-SR"
	watch_end
	jq -e '.direct == 0 and .relayed > 12000 and .lost == 0' <<<"$WATCHED"
	R reload-ping -a a -c 2 "node:$(node_of b)"
	ok
	matches "$output" '1 hop '
	R reload-agent status -a a --links
	matches "$output" 'relayed 1\)'
	matches "$output" "nat    address-dependent; relay $T:3478"
	matches "$output" "  relayed by $T:[0-9]+  "
	# each with a name of its own, which ends with its Node-ID
	names="$(node_of a) $(node_of b)"
	relay_stop t
	for name in $names; do
		grep -q "user <[0-9]*:$name>.*ALLOCATE processed, success" t.turn.log
	done
}

@test "two behind port-restricted NATs are connected without a relay, which the TURN server shows" {
	relay_start t
	pair pr pr2
	# R-6.5.1.3-01
	until_true path_is a b reflexive
	until_true path_is b a reflexive
	# A20 R-6.5.1.3-01: through two NATs, by the candidates and checks of ICE
	watch_begin pr pr2
	R reload-ping -a a -v -c 4 -i 200ms -s 3000 "node:$(node_of b)"
	[ "$status" -eq 0 ]
	matches "$stderr" 'link to node:[0-9a-f]*: reflexive, DTLS-UDP-SR'
	watch_end
	jq -e '.direct > 12000 and .relayed == 0 and .lost == 0' <<<"$WATCHED"
	R reload-agent status -a a
	matches "$output" 'nat    endpoint-independent'
	names="$(node_of a) $(node_of b)"
	relay_stop t
	for name in $names; do
		run ! grep -q "user <[0-9]*:$name>" t.turn.log
	done
}

@test "where UDP does not pass a peer has links by TURN over TCP, and without a TURN server it is a client and says so" {
	relay_start t
	pair ub sy
	until_true path_is a b relayed
	[ "$(path a t)" = relayed ]
	R reload-agent status -a a
	matches "$output" 'a  peer of '
	matches "$output" "nat    udp-blocked; relay $T:3478"
	host_stop a
	relay_stop t
	host_start a ub --turn-credentials turn-secret
	R reload-join -a a -t 60
	ok
	matches "$output" 'as client'
	R reload-agent status -a a
	matches "$output" 'a  client of .* joined'
	matches "$output" 'nat    udp-blocked; no relay: no TURN server answers; a client, over TCP alone'
	grep -q 'UDP does not pass and no TURN server answers: joining as a client' lab/a.log
	R reload-ping -a a -c 1 "node:$(node_of b)"
	ok
}

# A07: what a relay adds fits, too
@test "certificates with keys of 4,096 bits and one between pass a relay and lines with an MTU of 1,280 bytes" {
	fresh a
	fresh b
	lab_large_identity a 2>openssl.log
	lab_large_identity b 2>openssl.log
	relay_start t
	# 8 bytes of UDP are in the length; an indication of TURN has 36 bytes of its own, and 8 of a fingerprint
	nat-lab exec inet nft add rule inet natlab loss udp length '>' 1252 counter
	nat-lab exec inet nft add rule inet natlab loss ip frag-off '&' 0x3fff '!=' 0 counter
	nat-lab exec inet nft add rule inet natlab loss udp dport 3478 udp length '>' 800 counter
	nat-lab exec inet nft add rule inet natlab loss ip protocol udp numgen inc mod 20 3 drop
	pair sy sy2
	until_true path_is a b relayed
	until_true path_is b a relayed
	nat-lab exec inet nft list chain inet natlab loss >counters
	[ "$(grep -o 'packets [0-9]*' counters | cut -d' ' -f2 | head -2 | sort -u)" = 0 ]
	[ "$(grep -o 'packets [0-9]*' counters | cut -d' ' -f2 | tail -1)" -ge 4 ]
	nat-lab exec inet nft flush chain inet natlab loss
	host_stop a
	host_stop b
	fresh a
	fresh b
}

# A16: nothing that they send to others comes back to them, no STUN server answers, and the way through their own network is found
@test "two behind one NAT are connected within it, also where UDP does not leave it" {
	relay_start t
	pair pr prn
	until_true path_is a b host
	until_true path_is b a host
	# a STUN server that has gone would not cost them seconds: how long one is waited for depends on how long the way to it was
	grep -h 'gathering link=.* server=STUN ' lab/a.log lab/b.log >gathering
	run ! grep -vqE ' for [0-9]{3,} ms$' gathering
	host_stop a
	host_stop b
	pair ub ubn
	until_true path_is a b host
	until_true path_is b a host
	[ "$(path a t)" = relayed ]
}

@test "a relay over TCP whose first segments are lost is asked for again" {
	relay_start t
	# the third SYN of a connection comes after 3 s, when its gathering has been given up
	nat-lab exec inet nft add rule inet natlab loss tcp dport 3478 tcp flags syn numgen inc mod 1000000 '<' 2 counter drop
	host_start a ub
	within 40 reload-agent status -a a --wait joined -t 1 -q
	until_true path_is a t relayed
	reload-agent status -a a -j | jq -e '.role == "peer"'
	grep -q 'no relay from TURN server' lab/a.log
	run ! grep -q 'as a client' lab/a.log
	nat-lab exec inet nft list chain inet natlab loss | grep -q 'packets 2 '
	nat-lab exec inet nft flush chain inet natlab loss
}

# R-6.5.1.5-01
@test "with --relay-only no other candidate is sent, and no related address; without a relay there is no link" {
	relay_start t
	host_start a pr --relay-only
	host_start b pub
	reload-agent status -a a --wait joined -t 60 -q >/dev/null
	reload-agent status -a b --wait joined -t 60 -q >/dev/null
	until_true path_is a b relayed
	[ "$(path a t)" = relayed ]
	[ "$(candidates a | grep -c sent)" = 1 ]
	candidates a | grep -qx 'relayed sent'
	reload-diag nat -a a -j | jq -e '[.candidates[] | select(.left_out == null) | .related] == [null]'
	host_stop a
	relay_stop t
	host_start a pr --relay-only --no-join
	R reload-join -a a -t 6s
	[ "$status" -ne 0 ]
	[ "$(path a s)" = host ]
}

@test "a TURN server that is down is passed over for the second known one" {
	relay_start t u
	pair sy sy2
	until_true path_is a b relayed
	host_stop a
	host_stop b
	turn_stop t
	pair sy sy2
	until_true path_is a b relayed
	relayed_by_u() {
		reload-agent status -a a --links -j | jq -e --arg u "$(nat-lab addr u)" '[.links.list[].relay // empty | select(startswith($u + ":"))] == [.links.list[].relay // empty]' >/dev/null
	}
	relayed_by_u
}

@test "who has no secret is told so, and a join that fails names the pairs that were tried" {
	host_start b pr
	reload-agent status -a b --wait joined -t 60 -q >/dev/null
	mv lab/etc/identity/a/turn-secret a.secret
	host_start a sy --no-join
	reload-agent status -a a --wait enrolled -q >/dev/null
	mv a.secret lab/etc/identity/a/turn-secret
	reload-agent events -a a --type ice_pair_failed >pairs 2>&1 3>&- &
	events=$!
	# a check ends after 8 s, and only then the next way is tried
	R reload-join -a a -t 12
	[ "$status" -eq 4 ]
	matches "$stderr" 'no pair of candidates leads to the other end'
	matches "$stderr" 'host 10\.0\.[0-9]*\.2:[0-9]+ > reflexive 203\.0\.113\.[0-9]+:[0-9]+: no answer'
	matches "$stderr" 'this node needs a relay \(.*\), and has no --turn-credentials'
	grep -q 'no --turn-credentials are given' lab/a.log
	grep -q 'a pair of candidates led nowhere' lab/a.log
	grep -q 'attach failed node=[0-9a-f]* link=[0-9]* .*reason="no pair of candidates connects"' lab/a.log # A15
	kill $events
	grep -q 'host 10.* > reflexive 203' pairs
	[ "$(path a b)" = none ]
}

# predicted HOST HOST WITH: which way the link of two such hosts goes, with a TURN server or without, as tests/lab/README.md has it
predicted() {
	local relay=relayed
	[ "$3" = with ] || relay=none
	case "$1-$2" in
	ub-* | *-ub | sy-sy | pr-sy) echo $relay ;;
	pub-pub) echo host ;;
	*) echo reflexive ;;
	esac
}

settled() { # PATH: a and b have that link, or have tried in vain
	if [ "$1" != none ]; then
		path_is a b "$1" && path_is b a "$1"
	else
		grep -q 'led nowhere\|joining as a client' lab/a.log lab/b.log
	fi
}

# row HOST HOST WITH: one line of the table; 1 when the link is not as predicted
row() {
	local other=$2 want
	[ "$1" != "$2" ] || other=${2}2
	want=$(predicted "$1" "$2" "$3")
	fresh a
	fresh b
	host_start a "$1"
	host_start b "$other"
	within 40 settled "$want" || true
	got=$(path a b)
	printf '%-4s %-4s  %-8s  %-10s  %s\n' "$1" "$2" "$3" "$got" "$([ "$got" = "$want" ] || echo "predicted: $want")" | tee -a table >&3
	if [ "$2" = ub ] && [ "$3" = without ]; then
		until_true grep -q 'joining as a client, over TCP alone' lab/b.log
	fi
	host_stop a
	host_stop b
	[ "$got" = "$want" ]
}

# rows WITH: those that `make check` has, or all
rows() {
	local kinds=(pub fc ar pr sy ub) i k bad=0
	if [ -z "${NAT_MATRIX-}" ]; then
		while read -r one other; do
			row "$one" "$other" "$1" </dev/null || bad=1
		done <<<"$2"
		return $bad
	fi
	for ((i = 0; i < ${#kinds[@]}; i++)); do
		for ((k = i; k < ${#kinds[@]}; k++)); do
			row "${kinds[i]}" "${kinds[k]}" "$1" || bad=1
		done
	done
	return $bad
}

@test "the link of each pair of NATs is as predicted, with a TURN server" {
	relay_start t
	[ -z "${NAT_LOSS-}" ] || nat-lab loss "$NAT_LOSS"
	rows with $'pub pub\nfc sy\nar sy\npr sy\npub ub'
	[ -z "${NAT_LOSS-}" ] || nat-lab loss 0
}

@test "the link of each pair of NATs is as predicted, without a TURN server" {
	[ -z "${NAT_LOSS-}" ] || nat-lab loss "$NAT_LOSS"
	rows without $'fc pr\nar sy\npr sy\npub ub'
	[ -z "${NAT_LOSS-}" ] || nat-lab loss 0
}

# measured_as NAME CONDITION: it holds of what is measured
measured_as() {
	reload-diag nat -a "$1" -j >measured.json && jq -e "$2" measured.json
}

@test "nat tells how a NAT filters, when a server that is known has two addresses" {
	host_start a pr
	reload-agent status -a a --wait joined -t 60 -q >/dev/null
	# peers have one
	until_true measured_as a '.filtering == "not measured" and (.servers | any(.seen))'
	host_stop a
	nat-lab turn t start >/dev/null # that of the laboratory has
	host_start t t --turn-server "turn:$T"
	reload-agent status -a t --wait joined -t 60 -q >/dev/null
	until_true kept t
	while read -r host filtering; do
		fresh a
		host_start a "$host"
		reload-agent status -a a --wait joined -t 60 -q >/dev/null
		until_true measured_as a '.filtering == "'"$filtering"'"'
		host_stop a
	done <<-END
		fc endpoint-independent
		ar address-dependent
		pr address and port-dependent
	END
	nat-lab turn t stop
}

# candidates_are_known: the routed address and three more, and what the NAT makes of it.  A server is waited for 200 ms, which may be too short
# on a machine with other work: what asks for a connection gathers again.
candidates_are_known() {
	R reload-diag nat -a a -j
	ok
	jq -e --arg at "$(nat-lab addr pr)" '[.candidates[] | select(.left_out == null)] |
		(map(.type) | sort) == ["host", "host", "host", "host", "reflexive"] and
		(map(select(.routed)) | map(.type) | sort) == ["host", "reflexive"] and
		any(.routed and (.address | startswith($at + ":")))' <<<"$output" && return
	reload-attach -a a connect 61999 b@calls.example </dev/null 2>attach.err
	return 1
}

# A19
@test "a host with 64 interfaces has candidates at the routed one and a few others, and nat has those that were left out" {
	host_start b pub
	reload-agent status -a b --wait joined -t 60 -q >/dev/null
	ns=$(nat-lab ns pr)
	for ((i = 1; i <= 32; i++)); do
		ip -n "$ns" link add "c$i" type veth peer name "d$i"
		for end in c d; do
			ip -n "$ns" addr add "10.$([ $end = c ] && echo 98 || echo 99).$i.1/24" dev "$end$i"
			ip -n "$ns" link set "$end$i" up
		done
	done
	host_start a pr
	reload-agent status -a a --wait joined -t 60 -q >/dev/null
	until_true path_is a b reflexive
	# where there is no NAT no server is asked, nor waited for at addresses from which no way leads to it
	grep -q 'gathering link=.* server=none' lab/b.log
	run ! grep 'gathering link=.* server=STUN' lab/b.log
	until_true candidates_are_known
	jq -e '[.candidates[] | select(.left_out) | .address] | length == 64 + 1 - 4 and length == (unique | length)' <<<"$output"
	R reload-diag nat -a a
	matches "$output" 'host +10\.9[89]\.[0-9.]+:0  left out: more addresses than candidates are gathered at'
	for ((i = 1; i <= 32; i++)); do
		ip -n "$ns" link del "c$i"
	done
}
