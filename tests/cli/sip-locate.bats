#!/usr/bin/env bats
# Where SIP requests go by the records of a real name server (RFC 3263): what is decided from them is in test_dns_locate.c.

load lab
load nameserver

setup_file() {
	lab_begin
	local many=() i
	for i in $(seq 40); do many+=("--srv-host=_sip._udp.many.test,h$i.many.test,5060,$i,1" "--address=/h$i.many.test/127.0.1.$i"); done
	ODD=$(lab_port)
	python3 "$BATS_TEST_DIRNAME/odd_names.py" "$ODD" 2>odd.log 3>&- &
	echo $! >odd.pid
	names_begin --local=/test/ --edns-packet-max=512 "--server=/loop.test/127.0.0.1#$ODD" "--server=/long.test/127.0.0.1#$ODD" "--server=/silent.test/127.0.0.1#$ODD" \
		--naptr-record='naptr.test,10,1,s,SIPS+D2T,,_sips._tcp.naptr.test' --naptr-record='naptr.test,20,1,s,SIP+D2U,,_sip._udp.naptr.test' \
		--srv-host=_sips._tcp.naptr.test,one.test,5071,1,1 --srv-host=_sip._udp.naptr.test,two.test,5072,1,1 \
		--srv-host=_sip._tcp.three.test,one.test,5081,1,1 --srv-host=_sip._tcp.three.test,two.test,5082,2,1 --srv-host=_sip._tcp.three.test,gone.test,5083,3,1 \
		--srv-host=_sip._udp.none.test --host-record=none.test,127.0.0.9 --host-record=six.test,::1 --host-record=one.test,127.0.0.2 --host-record=two.test,127.0.0.3,::1 \
		--cname=alias.test,one.test --srv-host=_sip._udp.quiet.test,silent.test,5060,1,1 --srv-host=_sip._udp.quiet.test,one.test,5060,2,1 "${many[@]}"
}

teardown_file() {
	names_end
	kill "$(cat odd.pid)"
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# locate URI...: standard output without the milliseconds, sorted; none took longer than a caller waits.
locate() {
	R with_names timeout 30 "$RELOAD_BIN/tests/lab/sip-locate" "$@"
	[ "$status" -eq 0 ]
	awk '$2 >= 3000 { print "slow: " $0; bad = 1 } END { exit bad }' <<<"$output"
	output=$(sed -E 's/^(\S+) [0-9]+ /\1 /' <<<"$output" | sort)
}

# located URI SERVERS
located() {
	locate "$1"
	[ "$output" = "$1 $2" ] || { echo "$output"; false; }
}

@test "NAPTR, SRV and address records lead to servers" {
	located sip:naptr.test "tls 127.0.0.2:5071"
	located "sip:naptr.test;transport=udp" "udp [::1]:5072 udp 127.0.0.3:5072"
	located sip:three.test "tcp 127.0.0.2:5081 tcp [::1]:5082 tcp 127.0.0.3:5082"
	located sip:alias.test:5090 "udp 127.0.0.2:5090"
	located sips:one.test "tls 127.0.0.2:5061"
}

@test "C25: names that do not resolve, lead in a circle or have IPv6 alone: an answer within 3 s" {
	located sip:absent.test "no_value: the name has no address that can be used from here"
	located sip:none.test "no_value: its domain says that it takes no calls: the target of its SRV record is ."
	located sip:six.test "udp [::1]:5060"
	located sip:long.test "udp 127.0.0.16:5060"
	located sip:silent.test "timeout: the name servers gave no answer"
	locate sip:loop.test
	matches "$output" '^sip:loop.test (no_value|timeout): '
	locate sip:loop.test:5060
	matches "$output" '^sip:loop.test:5060 (no_value|timeout): '
}

@test "C19: a target without an answer and fifty other calls do not wait for each other" {
	# the target that cannot be looked up is left out, the other one is found
	local uris=() i
	for i in $(seq 50); do uris+=("sip:h$((i % 40 + 1)).many.test:$((6000 + i))"); done
	R with_names timeout 30 "$RELOAD_BIN/tests/lab/sip-locate" sip:quiet.test "${uris[@]}" sip:silent.test
	[ "${#lines[@]}" -eq 52 ]
	[ "$(tail -n 2 <<<"$output" | cut -d' ' -f1 | sort | tr '\n' ' ')" = "sip:quiet.test sip:silent.test " ]
	matches "$output" 'sip:quiet.test [0-9]+ udp 127.0.0.2:5060'
	[ "$(head -n 50 <<<"$output" | grep -c ' udp 127.0.1.')" = 50 ]
	awk 'NR <= 50 && $2 >= 2000 { exit 1 }' <<<"$output"
}

@test "an answer that is too large for a datagram comes over TCP" {
	# B04: 40 records, of which 32 are used, and 16 of their targets asked for
	locate "sip:many.test;transport=udp"
	[ "$(grep -o 'udp 127.0.1.[0-9]*:5060' <<<"$output" | wc -l)" = 16 ]
	matches "$output" '^sip:many.test;transport=udp udp 127.0.1.1:5060 udp 127.0.1.2:5060 '
}

@test "without a name server it is said within 3 s that none answers" {
	names_at 127.0.0.77
	located sip:one.test "timeout: the name servers gave no answer"
	located sip:127.0.0.5 "udp 127.0.0.5:5060"
	names_at "$NAMES"
	located sip:one.test "udp 127.0.0.2:5060"
}
