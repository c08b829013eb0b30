# shellcheck shell=bash
# A local network: hosts in network namespaces at one bridge, each with agents that know nobody at first.

# lan_begin HOST...: one after another 10.1.0.1, fd00:1::1 and so on, at lan0.
lan_begin() {
	local n=1
	unshare -mn true 2>/dev/null || skip "no namespaces here"
	namespace lan
	in_ns lan ip link add br0 type bridge mcast_snooping 0
	in_ns lan ip link set br0 up
	for h in "$@"; do
		namespace "$h"
		in_ns "$h" mount -t tmpfs tmpfs /run
		lan_interface "$h" lan0
		in_ns lan ip link set "lan0-$h" master br0
		in_ns "$h" ip addr add 10.1.0.$n/24 dev lan0
		in_ns "$h" ip addr add fd00:1::$n/64 dev lan0 nodad
		n=$((n + 1))
	done
}

# lan_interface HOST NAME: an interface of a host, whose other end nobody listens at.
lan_interface() {
	in_ns lan ip link add "$2-$1" type veth peer name "$2" netns "$(cat "$1.ns")"
	in_ns lan ip link set "$2-$1" up
	in_ns "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0"
	in_ns "$1" ip link set "$2" up
}

# lan_end PATTERN...: ends the hosts, and the processes whose ids are in such files.
lan_end() {
	lab_end
	cd "$BATS_FILE_TMPDIR" || return 1
	for file in $(compgen -G '*.ns') $(for p in "$@"; do compgen -G "$p"; done); do
		kill -KILL "$(cat "$file")" || true
	done 2>/dev/null
}

namespace() {
	namespaced "$1.ns" -mn
	in_ns "$1" ip link set lo up
}

in_ns() { # in_ns HOST COMMAND
	nsenter -t "$(cat "$BATS_FILE_TMPDIR/$1.ns")" -m -n --wd="$PWD" -- "${@:2}"
}

agent() { # agent HOST NAME OPTIONS: an agent that looks for others as $DISCOVER says, when that is set
	nsenter -t "$(cat "$1.ns")" -m -n --wd="$PWD" -- "$(command -v reload-agent)" -I "$2" ${DISCOVER:+--discover "$DISCOVER"} "${@:3}" 2>>"lab/$2.log" 3>&- &
	echo $! >"lab/$2.pid"
	until_true runs "$2"
}

runs() { # exit 9: it is not joined
	local code=0
	reload-agent status -a "$1" >/dev/null 2>&1 || code=$?
	[ $code = 0 ] || [ $code = 9 ]
}
