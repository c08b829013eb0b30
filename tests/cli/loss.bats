#!/usr/bin/env bats
# Links over DTLS on a network that loses datagrams, between hosts of tests/lab/nat-lab: losses at random, each datagram of a handshake
# once, certificates of many datagrams, and a partition.  `make soak` stores 1,000 values instead of 60.

load lab

NATLAB_DIR="$BATS_TEST_DIRNAME/../lab"
HOSTS="a b c d"
LOG=0xf0000004

setup_file() {
	lab_begin
	export PATH="$NATLAB_DIR:$PATH" NATLAB_STATE="$BATS_FILE_TMPDIR/nat-lab"
	[ "$(id -u)" = 0 ] || skip "no right to make network namespaces: not root"
	command -v nft ip >/dev/null || skip "no nft or no ip"
	NATLAB=$(nat-lab up a=public b=public c=public d=public) 2>nat-lab.log || skip "no right to make network namespaces: $(head -1 nat-lab.log)"
	export NATLAB
	A=$(nat-lab addr a):6084
	export A
	reload-enroll kind LOG --id $LOG --model array --access user-match --max-count 300 --max-size 100 -o log.kind -q
	reload-enroll init calls.example --bootstrap "$A" --kind log.kind >/dev/null
	for u in $HOSTS; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	lab_large_identity d 2>openssl.log
}

teardown_file() {
	lab_end
	[ -z "${NATLAB-}" ] || nat-lab down
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

host_start() { # NAME [OPTIONS]: an agent in the host of that name
	local name=$1
	shift
	nsenter --net="/run/netns/$(nat-lab ns "$name")" reload-agent -I "$name" -l "$(nat-lab addr "$name"):6084" --links dtls "$@" \
		2>"lab/$name.log" 3>&- &
	echo $! >"lab/$name.pid"
}

host_stop() {
	reload-agent stop -a "$1"
	until_true gone "$(cat "lab/$1.pid")"
}

# rule TEXT...: one more rule for what goes from one host to another
rule() {
	nat-lab exec inet nft add rule inet natlab loss "$@"
}

no_rules() {
	nat-lab exec inet nft flush chain inet natlab loss
}

# hits TEXT: packets of the counter of the rule with that text
hits() {
	nat-lab exec inet nft list chain inet natlab loss | grep -- "$1" | grep -o 'packets [0-9]*' | cut -d' ' -f2
}

linked() { # NAME LEAST: that many links over DTLS at least
	reload-agent status -a "$1" -j 2>/dev/null | jq -e --argjson n "$2" '.links.dtls >= $n' >/dev/null
}

ms_now() {
	echo $(($(date +%s%N) / 1000000))
}

# linked_within MS NAME: the agent, which has just been started, has a link within that time
linked_within() {
	local begin
	begin=$(ms_now)
	within 10 linked "$2" 1 || return 1
	echo "$2: link after $(($(ms_now) - begin)) ms"
	[ $(($(ms_now) - begin)) -le "$1" ]
}

# A04; RFC 6347 s4.2.4: a flight that was lost is repeated, the last one too when it is asked for again
@test "whichever datagram of a handshake is lost, and the last flight of it, there is a link within 3 s" {
	host_start a --first
	reload-agent status -a a --wait joined -t 60 -q >/dev/null
	for n in 0 1 2 3 4 5; do
		no_rules
		rule ip protocol udp numgen inc mod 1000000 "$n" counter drop
		host_start b --no-join
		reload-agent status -a b --wait enrolled -q >/dev/null
		reload-join -a b -q 3>&- &
		joining=$!
		linked_within 3000 b
		[ "$(hits numgen)" = 1 ]
		wait $joining
		host_stop b
	done
	# the flight of who listens begins with ChangeCipherSpec
	no_rules
	rule iifname h-a ip protocol udp @th,64,8 0x14 numgen inc mod 1000000 0 counter drop
	host_start b
	linked_within 3000 b
	reload-agent status -a b --wait joined -t 60 -q >/dev/null
	[ "$(hits numgen)" = 1 ]
	R reload-ping -a b -c 1 "node:$(node_of a)"
	ok
	no_rules
}

# A07
@test "certificates with keys of 4,096 bits and one between: no datagram above 1,200 bytes, and a link at 5% loss" {
	for n in 0 3 6 9; do
		no_rules
		# 8 bytes of UDP are in the length
		rule udp length '>' 1208 counter
		rule ip frag-off '&' 0x3fff '!=' 0 counter
		rule ip saddr "$(nat-lab addr d)" udp length '>' 800 counter
		rule ip protocol udp numgen inc mod 20 "$n" drop
		host_start d
		linked_within 3000 d
		reload-agent status -a d --wait joined -t 60 -q >/dev/null
		[ "$(hits 'udp length > 1208')" = 0 ]
		[ "$(hits frag-off)" = 0 ]
		[ "$(hits 'udp length > 800')" -ge 2 ]
		host_stop d
	done
	no_rules
}

# R-6.6.3: what was lost is sent again until it is acknowledged
@test "at 5% loss every Store is acknowledged and every value is fetched by others" {
	host_start c
	host_start d
	for a in b c d; do
		reload-agent status -a $a --wait joined -t 60 -q >/dev/null
	done
	until_true knows a 3
	nat-lab loss 5
	rule counter
	count=$((${LOSS_STORES:-60} / 4))
	for a in $HOSTS; do
		for ((i = 0; i < count; i++)); do
			printf '{"kind": "LOG", "index": %d, "text": "%s %d"}\n' $i $a $i
		done >$a.batch
		reload-store -a $a -j -t 0 $a@calls.example --batch $a.batch >$a.stored &
	done
	for job in $(jobs -p); do
		[ "$job" != "$(cat "lab/c.pid")" ] && [ "$job" != "$(cat "lab/d.pid")" ] || continue
		wait "$job"
	done
	for a in $HOSTS; do
		[ "$(jq -c 'select(.generation)' $a.stored | wc -l)" = $count ]
		for other in $HOSTS; do
			[ $other != $a ] || continue
			R reload-fetch -a $other -j -t 60 -k LOG $a@calls.example
			[ "$status" = 0 ]
			[ "$(jq -c '.values | map(.text)' <<<"$output")" = "$(jq -sc 'map(.text)' $a.batch)" ]
			break
		done
	done
	nat-lab loss 0
}

since_mark() {
	tail -n +$(($(cat mark) + 1)) lab/a.log
}

# cut_from_b NODE: the way from a to b is cut, with a Ping every 200 ms
cut_from_b() {
	wc -l <lab/a.log >mark
	rm -f pings
	reload-ping -a a -t 0 -c 0 -i 200ms "node:$1" >pings 2>&1 3>&- &
	echo $! >pinger
	until_true grep -qs 'seq 3' pings
	nat-lab partition a b
	BEGIN=$(ms_now)
}

# A03; R-6.6.3.1: several RTOs without an ACK, each of at most 500 ms at first
@test "a short partition is noticed while there is traffic, in one line, and is no end of a link" {
	until_true knows a 3
	node=$(node_of b)
	cut_from_b "$node"
	noticed() {
		since_mark | grep -q "link does not acknowledge node=$node"
	}
	within 10 noticed
	kill "$(cat pinger)"
	echo "noticed after $(($(ms_now) - BEGIN)) ms"
	[ $(($(ms_now) - BEGIN)) -le 4000 ]
	nat-lab heal
	R reload-ping -a a -c 2 -i 200ms "node:$node"
	ok
	matches "$output" '2 answered'
	[ "$(since_mark | grep -c "link does not acknowledge node=$node")" = 1 ]
	since_mark >told
	run ! grep "link down node=$node" told
}

@test "a long partition is the end of a link after 15 s, messages go another way, and afterwards it is back" {
	[ -n "${LOSS_STORES-}" ] || skip "make soak has it"
	node=$(node_of b)
	linked a 3
	cut_from_b "$node"
	lost_one() {
		if linked a 3; then return 1; fi
	}
	within 30 lost_one
	kill "$(cat pinger)"
	echo "closed after $(($(ms_now) - BEGIN)) ms"
	[ $(($(ms_now) - BEGIN)) -le 17000 ]
	R reload-ping -a a -c 1 "node:$node"
	ok
	matches "$output" '2 hops'
	nat-lab heal
	within 60 linked a 3
	within 60 linked b 3
	R reload-ping -a a -c 1 "node:$node"
	ok
	matches "$output" '1 hop'
}
