#!/usr/bin/env bats
# Finding the configuration of an overlay by DNS (RFC 6940 11.2): a name server and HTTPS servers in a network namespace.

load lab

setup_file() {
	lab_begin
	unshare -mn true 2>/dev/null || skip "no namespaces here"
	namespaced ns.pid -mn
	in_ns ip link set lo up
	echo "nameserver 127.0.0.1" >resolv.conf
	in_ns mount --bind "$PWD/resolv.conf" /etc/resolv.conf
	printf 'hosts: dns\n' >nsswitch.conf
	in_ns mount --bind "$PWD/nsswitch.conf" /etc/nsswitch.conf
	echo secret >password
	overlay calls.example calls.example
	overlay plain.example plain.example
	overlay named.example server.lab.test
	# zone A: the first target is dead; B: no record; C: no such service; D: the certificate is that of the target alone
	local srv=() i
	for i in $(seq 30); do srv+=(--srv-host="_reload-config._tcp.many.example,dead$i.lab.test,1,1,$i"); done
	nsenter -t "$(cat ns.pid)" -m -n -- dnsmasq --keep-in-foreground --no-resolv --no-hosts --listen-address=127.0.0.1 --bind-interfaces --pid-file --user=root \
		--address=/lab.test/127.0.0.1 --address=/plain.example/127.0.0.1 --local=/example/ --edns-packet-max=512 \
		--srv-host=_reload-config._tcp.calls.example,dead.lab.test,1,1,100 \
		--srv-host=_reload-config._tcp.calls.example,server.lab.test,8443,2,1 \
		--srv-host=_reload-config._tcp.none.example \
		--srv-host=_reload-config._tcp.named.example,server.lab.test,8445,1,1 \
		"${srv[@]}" --srv-host=_reload-config._tcp.many.example,server.lab.test,8443,2,0 2>dnsmasq.log 3>&- &
	echo $! >dnsmasq.pid
	serve calls.example 8443
	serve plain.example 443
	serve named.example 8445
	cat ./*.crt >all.pem
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	for file in lab/*.server dnsmasq.pid ns.pid; do
		[ ! -f "$file" ] || kill -TERM "$(cat "$file")" || true
	done 2>/dev/null
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

in_ns() {
	nsenter -t "$(cat "$BATS_FILE_TMPDIR/ns.pid")" -m -n --wd="$BATS_FILE_TMPDIR" -- "$@"
}

# overlay NAME HOST: an overlay, whose server has a certificate for HOST, and the account alice.
overlay() {
	reload-enroll init "$1" --enrollment-server "https://$1/enroll" -q
	reload-enroll user add "alice@$1" --password-file password -q
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -days 30 \
		-subj "/CN=$1" -addext "subjectAltName=DNS:$2" 2>/dev/null
}

serve() { # serve NAME PORT
	nsenter -t "$(cat ns.pid)" -m -n --wd="$PWD" -- reload-enroll serve --overlay "$1" -l "127.0.0.1:$2" --tls-cert "$1.crt" --tls-key "$1.key" >"lab/$2.out" 2>&1 3>&- &
	echo $! >"lab/$2.server"
	until_true grep -q '^serving' "lab/$2.out"
}

# look USER: what request would do on a machine that has nothing, and from where the configuration comes.
look() {
	R in_ns env RELOAD_HOME="$PWD/there" reload-enroll request "$1" --ca-file all.pem --password-file password -n -v "${@:2}"
}

@test "SRV records lead to the server; a dead target is followed by the next" {
	# R-11.2-01: the name of the overlay is that of the user who is given, and nothing else is known
	look alice@calls.example
	[ "$status" -eq 0 ]
	# R-11.2-03 R-11.2-04 R-14-02: the records are those of _reload-config._tcp, the path has reload-config, and the name stays that of the overlay
	[ "${stderr_lines[0]}" = "reload-enroll: fetching https://calls.example/.well-known/reload-config from dead.lab.test:1" ]
	[ "${stderr_lines[1]}" = "reload-enroll: fetching https://calls.example/.well-known/reload-config from server.lab.test:8443" ]
}

@test "without a record the name of the overlay is asked, on the port of HTTPS" {
	look alice@plain.example
	[ "$status" -eq 0 ]
	[ "${stderr_lines[0]}" = "reload-enroll: fetching https://plain.example/.well-known/reload-config" ]
	# and the certificate comes from there as well: nothing but a name, a password and whom to trust
	R in_ns env RELOAD_HOME="$PWD/there" reload-enroll request alice@plain.example --ca-file all.pem --password-file password
	ok
	matches "$output" '^obtained alice  alice@plain.example'
}

@test "the target . says that there is no such service" {
	look alice@none.example
	failed 5 'is not offered'
}

@test "a certificate for the target alone is refused" {
	# R-11.2-06
	look alice@named.example
	[ "$status" -eq 10 ]
	matches "$stderr" "no alternative certificate subject name matches target host name 'named.example'"
}

@test "an answer that is cut comes over TCP" {
	# B04: 31 records do not fit 512 bytes
	look alice@many.example -t 30
	[ "$status" -ne 4 ]
	[ "$(grep -c 'fetching .* from dead[0-9]*.lab.test:1$' <<<"$stderr")" -ge 25 ] || { echo "$stderr"; false; }
}

@test "silent name servers: one is passed over, and both are named" {
	# B05
	printf 'nameserver 127.0.0.77\nnameserver 127.0.0.1\n' >resolv.conf
	in_ns nft add table ip silent
	in_ns nft 'add chain ip silent in { type filter hook input priority 0; }'
	in_ns nft add rule ip silent in ip daddr 127.0.0.77 drop
	in_ns nft add rule ip silent in ip daddr 127.0.0.78 drop
	began=$SECONDS
	look alice@none.example
	failed 5 'is not offered'
	[ $((SECONDS - began)) -le 3 ]
	printf 'nameserver 127.0.0.77\nnameserver 127.0.0.78\n' >resolv.conf
	look alice@calls.example -t 3
	failed 4 'cannot be looked up'
	[ "${stderr_lines[1]}" = "  why:  no name server answers, asked: 127.0.0.77, 127.0.0.78" ]
	echo "nameserver 127.0.0.1" >resolv.conf
}

@test "aliases, circles of them, answers that are cut or make no sense" {
	nsenter -t "$(cat ns.pid)" -m -n -- python3 "$BATS_TEST_DIRNAME/srv_names.py" 127.0.0.2 8443 >srv.out 2>srv.err 3>&- &
	echo $! >lab/srv.server
	until_true grep -q ready srv.out
	echo "nameserver 127.0.0.2" >resolv.conf
	# B03: the name of the records is an alias
	look alice@alias.example
	matches "${stderr_lines[0]}" 'fetching https://alias.example/.well-known/reload-config from server.lab.test:8443$'
	# B04: the first connection over TCP ends inside the answer, the second one brings it in pieces
	look alice@cut.example
	matches "${stderr_lines[0]}" 'fetching https://cut.example/.well-known/reload-config from server.lab.test:8443$'
	for name in loop broken wrong; do
		began=$SECONDS
		look alice@$name.example -t 8
		[ "$status" -ne 0 ]
		[ $((SECONDS - began)) -le 9 ]
		run -1 grep 'from server.lab.test' <<<"$stderr"
		[ ! -e there/etc/identity/alice@$name.example ]
	done
	echo "nameserver 127.0.0.1" >resolv.conf
}

@test "what is no domain is asked nowhere" {
	look 'alice@a/b'
	failed 2 'no DNS name'
	look alice@calls.example --overlay 'x y'
	failed 2 'no DNS name'
}
