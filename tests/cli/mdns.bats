#!/usr/bin/env bats
# Nodes that find each other on the local network, by DNS-SD over mDNS: hosts in network namespaces, each with a daemon of Avahi and a bus of its own.

load lab
load lan

setup_file() {
	lab_begin
	export DISCOVER=mdns
	lan_begin one two three
	# B21: interfaces of containers and tunnels
	for i in dock0:172.17.0.1 vpn0:10.9.0.1; do
		lan_interface one "${i%:*}"
		in_ns one ip addr add "${i#*:}/24" dev "${i%:*}"
	done
	reload-enroll init calls.example -q
	for u in alice bob carol; do reload-enroll issue $u@calls.example --identity $u -q; done
	for h in one two; do
		bus $h
		avahi $h
	done
}

teardown_file() {
	lan_end '*.avahi' '*.bus' '*.publish'
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

bus() {
	in_ns "$1" mkdir -p /run/dbus
	nsenter -t "$(cat "$1.ns")" -m -n -- dbus-daemon --config-file=/usr/share/dbus-1/system.conf --nofork --nopidfile --nosyslog 2>"$1.bus.log" 3>&- &
	echo $! >"$1.bus"
	until_true in_ns "$1" test -S /run/dbus/system_bus_socket
}

avahi() { # avahi HOST: its daemon
	printf '[server]\nhost-name=%s\nuse-ipv6=no\nallow-point-to-point=yes\n[publish]\npublish-workstation=no\npublish-hinfo=no\npublish-aaaa-on-ipv4=no\n' "$1" >"$1.conf"
	nsenter -t "$(cat "$1.ns")" -m -n --wd="$PWD" -- avahi-daemon -f "$PWD/$1.conf" --no-drop-root --no-chroot --no-rlimits >"$1.avahi.log" 2>&1 3>&- &
	echo $! >"$1.avahi"
	until_true grep -q 'Server startup complete' "$1.avahi.log"
}

# announced HOST PATTERN: somebody announces that there.
announced() {
	in_ns "$1" timeout 5 avahi-browse -rpt _reload._tcp 2>/dev/null | grep -q "$2"
}

name_of() {
	echo "$(node_of "$1" | cut -c1-8) calls.example"
}

@test "a node that knows nobody finds the overlay, and is announced when it is part of it" {
	agent one alice -l 0.0.0.0:6084 --first
	reload-agent status -a alice --wait joined -q -t 20
	until_true grep -q 'announced on the local network name="[0-9a-f]\{8\} calls.example"' lab/alice.log
	agent two bob -l 0.0.0.0:6084
	reload-agent status -a bob --wait joined -q -t 20
	until_true announced one '^=;lan0;IPv4;[^;]*;_reload._tcp;local;two.local;10.1.0.2;6084;"overlay=calls.example"'
	# a name that this host has not got from the configuration
	run -0 reload-enroll config show -j
	jq -e '.bootstrap == []' <<<"$output"
}

@test "each interface has its own address, and no other" {
	# B21
	in_ns one timeout 10 avahi-browse -rpt _reload._tcp >all
	grep '^=;' all | grep 'one.local' | awk -F';' '$2 != "lo" { print $2, $8 }' | sort -u >places
	diff - places <<-END
		dock0 172.17.0.1
		lan0 10.1.0.1
		vpn0 10.9.0.1
	END
	in_ns two timeout 10 avahi-browse -rpt _reload._tcp >all
	[ "$(grep '^=;.*one.local' all | cut -d';' -f8 | sort -u)" = 10.1.0.1 ]
}

@test "a daemon that is started again announces the node again" {
	# B20
	kill -KILL "$(cat one.avahi)"
	until_true gone "$(cat one.avahi)"
	in_ns one rm -f /run/avahi-daemon/pid
	avahi one
	within 10 announced one '^=;lan0;.*one.local;10.1.0.1;6084'
	# and a bus that is started again
	kill -KILL "$(cat two.bus)" "$(cat two.avahi)"
	until_true gone "$(cat two.avahi)"
	in_ns two rm -rf /run/avahi-daemon /run/dbus
	bus two
	avahi two
	within 10 announced two '^=;lan0;.*two.local;10.1.0.2;6084'
	reload-ping -a bob -c 1 -q succ >/dev/null
}

# takes_name NAME: host two announces it, when nobody else does.
takes_name() {
	# the daemon of alice withdraws what it announced when it has seen the end of the agent: until then the name is taken
	free() { ! announced two '^=;lan0;.*\(one.local;10.1.0.1;6084\|two.local;10.1.0.2;9\);'; }
	until_true free
	nsenter -t "$(cat two.ns)" -m -n -- avahi-publish -s "$1" _reload._tcp 9 overlay=other.example >publish.log 2>&1 3>&- &
	echo $! >two.publish
	until_true grep -q 'Established' publish.log
	until_true announced one ';lan0;.*;two.local;10.1.0.2;9;'
	run -1 grep -q 'collision' publish.log
}

# gives_name_back: ends that, if it goes on.
gives_name_back() {
	[ ! -e two.publish ] || kill "$(cat two.publish)"
	rm -f two.publish
}

@test "a name that is taken is changed, once" {
	# B20
	name=$(name_of alice)
	for _ in 1 2 3 4 5; do
		reload-agent stop -a alice
		takes_name "$name"
		: >lab/alice.log
		agent one alice -l 0.0.0.0:6084
		reload-agent status -a alice --wait joined -q -t 30
		until_true announced two ';lan0;.*\\0352;_reload._tcp;local;'
		# a daemon that hears the other one late may be the one to keep the name (RFC 6762 s9)
		grep -q 'collision' publish.log || break
		gives_name_back
	done
	# the line of the log that says so is not written when the daemon notices late, within a minute of the first name's line
	announced two ';lan0;.*\\0352;_reload._tcp;local;one.local;10.1.0.1;6084'
	[ "$(grep -c 'was taken, the next one is' lab/alice.log)" = 1 ]
	gives_name_back
}

@test "a node that moved is found at its new address" {
	# B20
	reload-agent stop -a alice
	in_ns one ip addr del 10.1.0.1/24 dev lan0
	in_ns one ip addr add 10.1.0.77/24 dev lan0
	agent one alice -l 0.0.0.0:6084 --first
	reload-agent status -a alice --wait joined -q -t 30
	# bob has lost everybody, and remembers the address that was
	grep -q '^10.1.0.1:' lab/state/bob/bootstrap-nodes
	reload-agent status -a bob --wait joined -q -t 30
	until_true at_new_address
}

at_new_address() {
	reload-agent status -a bob --links -j | jq -e '[.links.list[].address] | any(startswith("10.1.0.77:"))' >/dev/null
}

@test "among 50 forged announcements the true node is found, few at a time, in few lines" {
	# B22: a host that announces what is not there, and answers nothing
	in_ns three nft add table ip silent
	in_ns three nft 'add chain ip silent in { type filter hook input priority 0; }'
	in_ns three nft add rule ip silent in meta l4proto tcp th dport 7000-7100 drop
	in_ns three nft add rule ip silent in udp dport 7000-7100 drop
	in_ns three mount -t tmpfs tmpfs /etc/avahi/services
	for i in $(seq 50); do
		printf '<service-group><name>forged %s</name><service><type>_reload._tcp</type><port>%s</port><txt-record>overlay=calls.example</txt-record></service></service-group>' \
			"$i" $((7000 + i)) >forged.service
		in_ns three cp forged.service /etc/avahi/services/$i.service
	done
	bus three
	avahi three
	all_forged() { [ "$(in_ns two timeout 10 avahi-browse -rpt _reload._tcp 2>/dev/null | grep -c '^=;.*forged')" -ge 50 ]; }
	until_true all_forged
	agent two carol -l 0.0.0.0:6085
	began=$SECONDS
	reload-agent status -a carol --wait joined -q -t 30
	[ $((SECONDS - began)) -le 10 ]
	[ "$(wc -l <lab/carol.log)" -le 30 ]
}

@test "what is announced goes when the node leaves, and when the agent ends" {
	reload-join -a carol --leave
	gone_from() { ! announced one "two.local;10.1.0.2;$1"; }
	until_true gone_from 6085
	reload-agent stop -a bob
	until_true gone_from 6084
}

@test "without Avahi's daemon the agent goes on, and says it once" {
	reload-agent stop -a carol
	kill -KILL "$(cat three.avahi)" "$(cat three.bus)"
	agent three carol -l 0.0.0.0:6085 --bootstrap 10.1.0.77:6084
	reload-agent status -a carol --wait joined -q -t 30
	until_true grep -q 'the local network is not looked at: Avahi' lab/carol.log
	[ "$(grep -c 'is not looked at' lab/carol.log)" = 1 ]
	R reload-agent run -I bob --discover lan
	failed 2 'lan'
}
