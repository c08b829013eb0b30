#!/usr/bin/env bats
# Host names where an address is asked for, and the default of --listen: agents in a network namespace with a name server of its own.

load lab

setup_file() {
	lab_begin
	unshare -mn true 2>/dev/null || skip "no namespaces here"
	namespaced ns.pid -mn
	in_ns ip link set lo up
	echo "nameserver 127.0.0.1" >resolv.conf
	in_ns mount --bind "$PWD/resolv.conf" /etc/resolv.conf
	printf '%s\n' "127.0.0.1 alice.lab.test" "224.0.0.1 group.lab.test" "255.255.255.255 all.lab.test" "0.0.0.0 none.lab.test" \
		"ff02::1 group6.lab.test" "::ffff:224.0.0.1 mapped.lab.test" >hosts
	nsenter -t "$(cat ns.pid)" -m -n -- dnsmasq --keep-in-foreground --no-resolv --no-hosts --addn-hosts="$PWD/hosts" --listen-address=127.0.0.1 \
		--bind-interfaces --local=/test/ --pid-file --user=root 2>dnsmasq.log 3>&- &
	echo $! >dnsmasq.pid
	# the document names a bootstrap node that nobody is
	reload-enroll init calls.example --bootstrap 127.0.0.9:7009 >/dev/null
	for u in alice bob carol; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	for file in lab/*.pid dnsmasq.pid ns.pid; do
		[ ! -f "$file" ] || kill -KILL "$(cat "$file")" || true
	done 2>/dev/null
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

in_ns() {
	nsenter -t "$(cat "$BATS_FILE_TMPDIR/ns.pid")" -m -n -- "$@"
}

start() {
	local name=$1
	shift
	nsenter -t "$(cat ns.pid)" -m -n -- reload-agent -I "$name" "$@" 2>"lab/$name.log" 3>&- &
	echo $! >"lab/$name.pid"
}

@test "with no --listen every address of both families takes links" {
	start alice --first
	reload-agent status -a alice --wait joined -t 60 -q
	run -0 reload-agent status -a alice -j
	# R-14-02
	[ "$(jq -r '.listen | sort | join(" ")' <<<"$output")" = "0.0.0.0:6084 [::]:6084" ]
	in_ns bash -c ': </dev/tcp/127.0.0.1/6084'
	in_ns bash -c ': </dev/tcp/::1/6084'
}

@test "--bootstrap takes a host name" {
	start bob -l 127.0.0.1:0 --bootstrap alice.lab.test
	reload-agent status -a bob --wait joined -t 60 -q
}

@test "reload-join takes a host name, and says why one leads nowhere" {
	start carol -l 127.0.0.1:0 --no-join
	reload-agent status -a carol --wait enrolled -q
	run -4 --separate-stderr reload-join -a carol --bootstrap nobody.lab.test -t 15
	[[ "$stderr" == *"nobody.lab.test: no such host name"* ]]
	[[ "$stderr" == *"try:  getent hosts nobody.lab.test"* ]]
	run -2 --separate-stderr reload-join -a carol --bootstrap 127.1 -t 15
	[[ "$stderr" == *"ADDR:PORT"* ]]
}

@test "an address from a name server is judged as one that a person gives" {
	for bad in group:multicast all:broadcast none:unspecified group6:multicast mapped:multicast; do
		run -4 --separate-stderr reload-join -a carol --bootstrap "${bad%:*}.lab.test:7001" -t 15
		[[ "$stderr" == *"${bad%:*}.lab.test: "*"${bad##*:}"* ]]
	done
	reload-join -a carol --bootstrap alice.lab.test:6084 -q
}

@test "addresses where nobody can be reached are errors at once" {
	reload-join -a carol --leave -q
	for bad in 0.0.0.0:unspecified '[::]:7001:unspecified' 255.255.255.255:7001:broadcast 224.0.0.1:7001:multicast '[ff02::1]:multicast' \
		127.0.0.1:0:port '[::ffff:224.0.0.1]:7001:multicast'; do
		run -2 --separate-stderr reload-join -a carol --bootstrap "${bad%:*}" -t 15
		[[ "$stderr" == *"${bad##*:}"* && "$stderr" == *"try: "*"ADDR:PORT"* ]]
		for option in --bootstrap --advertise; do
			run -2 --separate-stderr timeout 20 reload-agent check -I bob "$option" "${bad%:*}"
			[[ "$stderr" == *"$option cannot be"*"${bad##*:}"* && "$stderr" == *"try: "*"ADDR:PORT"* ]]
		done
	done
}

@test "a host name that moved is looked up again" {
	for name in carol bob alice; do
		reload-agent stop -a "$name" --now
		until_true gone "$(cat "lab/$name.pid")"
	done
	rm -rf lab/state # no remembered addresses
	start alice -l 127.0.0.2:7001 --first
	reload-agent status -a alice --wait joined -t 60 -q
	# the name still has the old address: bob fails, and finds alice once the name server knows her new one
	start bob -l 127.0.0.1:0 --bootstrap alice.lab.test:7001
	until_true grep -q "join failed" lab/bob.log
	echo "127.0.0.2 alice.lab.test" >hosts
	kill -HUP "$(cat dnsmasq.pid)"
	reload-agent status -a bob --wait joined -q -t 60
}

@test "a name that nobody knows at the start is waited for" {
	start carol -l 127.0.0.1:0 --bootstrap late.lab.test:7001
	until_true grep -q "late.lab.test" lab/carol.log
	kill -0 "$(cat lab/carol.pid)"
	run -9 reload-agent status -a carol -q
	echo "127.0.0.2 late.lab.test" >>hosts
	kill -HUP "$(cat dnsmasq.pid)"
	reload-agent status -a carol --wait joined -q -t 60
}
