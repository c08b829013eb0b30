#!/usr/bin/env bats
# Nodes that ask the local network for a bootstrap node, in the groups that the configuration names: hosts in network namespaces.

load lab
load lan

setup_file() {
	lab_begin
	lan_begin one two
	# B21: an interface of containers
	lan_interface one dock0
	in_ns one ip addr add 172.17.0.1/24 dev dock0
	reload-enroll init calls.example --multicast-bootstrap 239.255.60.84:6090 --multicast-bootstrap '[ff02::6084]:6091' -q
	for u in alice bob carol; do reload-enroll issue $u@calls.example --identity $u -q; done
}

teardown_file() {
	lan_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

counted() { # counted NAME KEY
	reload-agent status -a "$1" -j | jq ".discovery.$2"
}

address_of_link() { # address_of_link NAME
	reload-agent status -a "$1" --links -j | jq -r '.links.list[0].address'
}

@test "a node that knows nobody asks the groups of the document, over IPv4 and IPv6" {
	# CFG-12
	run -0 reload-enroll config show -j
	jq -e '.bootstrap == [] and .multicast_bootstrap == ["239.255.60.84:6090", "[ff02::6084]:6091"]' <<<"$output"
	agent one alice -l 0.0.0.0:6084 -l '[::]:6084' --discover multicast --first --log-level debug
	reload-agent status -a alice --wait joined -q -t 30
	agent two bob -l 0.0.0.0:6084 --discover multicast
	reload-agent status -a bob --wait joined -q -t 30
	[ "$(counted alice answered)" -ge 1 ]
	[ "$(counted bob found)" -ge 1 ]
	# B21: the address of the interface on which it was asked
	matches "$(address_of_link bob)" '^(10.1.0.1|\[fd00:1::1\]):6084$'
	R reload-agent status -a bob
	matches "$output" 'local  multicast 239.255.60.84:6090 \[ff02::6084\]:6091  asked [1-9]'
	reload-agent stop -a bob -q
	# the answer to a question of IPv6, whose source is a link-local address, names one that links can come by
	in_ns two ip addr del 10.1.0.2/24 dev lan0
	rm -rf lab/state/bob
	agent two bob -l '[::]:6084' --discover multicast
	reload-agent status -a bob --wait joined -q -t 30
	[ "$(address_of_link bob)" = '[fd00:1::1]:6084' ]
	in_ns two ip addr add 10.1.0.2/24 dev lan0
	reload-agent stop -a bob -q
}

@test "without --discover multicast nothing is asked or answered, and in the group no other is answered" {
	rm -rf lab/state/bob
	agent two bob -l 0.0.0.0:6084 --no-join
	run -9 reload-agent status -a bob -j
	jq -e '.discovery == null' <<<"$output"
	before=$(counted alice answered)
	# what is no question; what comes from another network
	in_ns two ip addr add 192.0.2.9/24 dev lan0
	in_ns two python3 - <<-'PYTHON'
		import socket
		for source in "10.1.0.2", "192.0.2.9":
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.bind((source, 0))
		    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
		    for size in 0, 1, 38, 1400, 9000:
		        s.sendto((b"\xd2ELO" + bytes(size))[:size], ("239.255.60.84", 6090))
	PYTHON
	until_true refused_some
	[ "$(counted alice answered)" = "$before" ]
	in_ns two ip addr del 192.0.2.9/24 dev lan0
	reload-agent stop -a bob -q
}

refused_some() { # the largest is not even read
	[ "$(counted alice refused)" -ge 6 ]
}

@test "forged answers lead nowhere, and the true node is reached all the same" {
	# B22: somebody on the local network answers each question with what he has seen before, changed, and with garbage
	in_ns one python3 "$BATS_TEST_DIRNAME/multicast_liar.py" 239.255.60.84 6090 10.1.0.1 >liar.out 3>&- &
	echo $! >lab/liar.pid
	until_true grep -q ready liar.out
	rm -rf lab/state/bob
	agent two bob -l 0.0.0.0:6084 --discover multicast --log-level debug
	reload-agent status -a bob --wait joined -q -t 30
	until_true grep -q 'multicast answer of 10.1.0.1:[0-9]* not taken' lab/bob.log
	[ "$(counted bob refused)" -ge 1 ]
	run -1 grep -q 'found on the local network: 10.66' lab/bob.log
	kill "$(cat lab/liar.pid)"
}

@test "a node that lost everybody asks again, and finds who came meanwhile" {
	reload-agent stop -a alice -q
	agent one carol -l 0.0.0.0:6085 --discover multicast
	# bob is alone, and remembers an address where nobody is: carol finds him, or he her
	reload-agent status -a carol --wait joined -q -t 60
	reload-ping -a carol -c 1 -q succ >/dev/null
	[ "$(address_of_link carol)" = 10.1.0.2:6084 ]
}

@test "groups are checked where they are given" {
	for bad in 224.0.1.1:6090 239.255.60.84 192.0.2.1:6090 '[ff0e::1]:6090' group.example:1; do
		R reload-enroll init other.example --multicast-bootstrap "$bad"
		failed 2 multicast-bootstrap
	done
	R reload-enroll config set multicast-bootstrap=224.0.1.1:6090
	failed 10 ''
	matches "$stderr" 'multicast-bootstrap'
	reload-enroll config set multicast-bootstrap= -q
	reload-enroll config show -j | jq -e '.multicast_bootstrap == []'
	R reload-agent run -I bob --discover lan
	failed 2 'lan'
}
