# shellcheck shell=bash
# A network namespace whose resolver is a dnsmasq of its own, for tests that look up names.

# ns_begin: the namespace, with loopback up; skips the file where there are none.
ns_begin() {
	unshare -mn true 2>/dev/null || skip "no namespaces here"
	unshare -mn sleep infinity 3>&- &
	echo $! >ns.pid
	until in_ns ip link set lo up 2>/dev/null; do kill -0 "$(cat ns.pid)"; done
	echo "nameserver 127.0.0.1" >resolv.conf
	in_ns mount --bind "$PWD/resolv.conf" /etc/resolv.conf
	printf 'hosts: dns\n' >nsswitch.conf
	in_ns mount --bind "$PWD/nsswitch.conf" /etc/nsswitch.conf
}

in_ns() {
	nsenter -t "$(cat "$BATS_FILE_TMPDIR/ns.pid")" -m -n --wd="$BATS_FILE_TMPDIR" -- "$@"
}

# ns_run NAME COMMAND: in the namespace, in the background; its process is NAME.nspid, its output NAME.log.
ns_run() {
	nsenter -t "$(cat "$BATS_FILE_TMPDIR/ns.pid")" -m -n --wd="$BATS_FILE_TMPDIR" -- "${@:2}" >"$1.log" 2>&1 </dev/null 3>&- &
	echo $! >"$1.nspid"
}

# ns_names RECORDS: the name server, with options of dnsmasq that are its records.
ns_names() {
	ns_run dnsmasq dnsmasq --keep-in-foreground --no-resolv --no-hosts --listen-address=127.0.0.1 --bind-interfaces --pid-file --user=root "$@"
	until_true in_ns bash -c 'ss -Hlun sport = :53 | grep -q .'
}

ns_end() {
	local file
	cd "$BATS_FILE_TMPDIR" || return 1
	for file in ./*.nspid ns.pid; do
		[ ! -f "$file" ] || kill -TERM "$(cat "$file")" || true
	done 2>/dev/null
}
