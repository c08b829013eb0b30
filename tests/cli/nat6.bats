#!/usr/bin/env bats
# Overlays with ICE where IPv6 is: agents whose certificates are large, on lines with an MTU of 1,280 bytes, behind filters that let nothing in
# unasked, and behind symmetric NATs where IPv4 alone passes.

load lab
load nat-lab

setup_file() {
	lab_begin
	nat_begin -6 s=public p=public a=port-restricted,mtu=1280 b=symmetric,mtu=1280
	reload-enroll init calls.example --ice --bootstrap "[$(nat-lab addr s 6)]:6084" >/dev/null
	for u in s a b; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	lab_large_identity a 2>openssl.log
	lab_large_identity b 2>openssl.log
	host_start s s -l "[$(nat-lab addr s 6)]:6084" --first
	reload-agent status -a s --wait joined -t 60 -q >/dev/null
}

teardown_file() {
	lab_end
	[ -z "${NATLAB-}" ] || nat-lab down
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

teardown() {
	host_stop a
	host_stop b
	nat-lab exec inet nft flush chain inet natlab loss
}

rule() {
	nat-lab exec inet nft add rule inet natlab loss "$@"
}

# A07
@test "two behind filters of IPv6 are linked straight, and large certificates pass lines with an MTU of 1,280 bytes at 5% loss" {
	rule udp length '>' 1208 counter
	rule exthdr frag exists counter
	rule iifname n-a oifname n-b udp length '>' 800 counter
	rule meta l4proto udp numgen inc mod 20 3 drop
	host_start a a
	host_start b b
	reload-agent status -a a --wait joined -t 60 -q >/dev/null
	reload-agent status -a b --wait joined -t 60 -q >/dev/null
	until_true path_is a b host
	until_true path_is b a host
	R reload-agent status -a a --links -j
	jq -e --arg at "[$(nat-lab addr b 6)]:" --arg n "$(node_of b)" '.links.list[] | select(.node_id == $n) | .address | startswith($at)' <<<"$output"
	R reload-ping -a a -c 1 -s 3000 "node:$(node_of b)"
	ok
	nat-lab exec inet nft list chain inet natlab loss >counters
	packets=($(grep -o 'packets [0-9]*' counters | cut -d' ' -f2))
	[ "${packets[0]}" = 0 ]
	[ "${packets[1]}" = 0 ]
	[ "${packets[2]}" -ge 3 ]
}

@test "with IPv6 cut, the same two are linked over IPv4 where their NATs allow it" {
	rule meta nfproto ipv6 meta l4proto udp drop
	host_start a a
	host_start b p
	reload-agent status -a a --wait joined -t 60 -q >/dev/null
	reload-agent status -a b --wait joined -t 60 -q >/dev/null
	over_ipv4() {
		reload-agent status -a a --links -j | jq -e --arg at "$(nat-lab addr p):" --arg n "$(node_of b)" \
			'.links.list[] | select(.node_id == $n) | .address | startswith($at)' >/dev/null
	}
	until_true over_ipv4
	R reload-ping -a a -c 1 "node:$(node_of b)"
	ok
}
