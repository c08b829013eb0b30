# shellcheck shell=bash
# A dnsmasq as the resolver of some commands, at a loopback address of its own: they see another /etc/resolv.conf.

# names_begin RECORDS: the name server, with options of dnsmasq that are its records; $NAMES is its address.  Skips the file where that cannot be.
names_begin() {
	local port
	unshare -m true 2>/dev/null || skip "no namespaces here"
	port=$(lab_port)
	export NAMES="127.$((port >> 8)).$((port & 255)).53"
	namespaced names.nspid -m
	printf '#!/bin/sh\nexec nsenter -t %s -m --wd=%s -- "$@"\n' "$(cat names.nspid)" "$PWD" >with_names
	chmod +x with_names
	names_at "$NAMES"
	with_names mount --bind "$PWD/resolv.conf" /etc/resolv.conf
	printf 'hosts: files dns\n' >nsswitch.conf
	with_names mount --bind "$PWD/nsswitch.conf" /etc/nsswitch.conf
	dnsmasq --keep-in-foreground --no-resolv --no-hosts --listen-address="$NAMES" --bind-interfaces --pid-file --user=root "$@" >dnsmasq.log 2>&1 3>&- &
	echo $! >dnsmasq.nspid
	until_true names_bound
}

names_bound() {
	ss -Hlun "src $NAMES and sport = :53" | grep -q .
}

# names_at ADDRESS...: who is asked from now on.
names_at() {
	printf 'nameserver %s\n' "$@" >"$BATS_FILE_TMPDIR/resolv.conf"
}

# with_names COMMAND: it asks that name server.  The program ./with_names is the same.
with_names() {
	"$BATS_FILE_TMPDIR/with_names" "$@"
}

names_end() {
	local file
	cd "$BATS_FILE_TMPDIR" || return 1
	for file in dnsmasq.nspid names.nspid; do
		[ ! -f "$file" ] || kill -TERM "$(cat "$file")" || true
	done 2>/dev/null
}
