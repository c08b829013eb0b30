# Overlays with ICE: agents behind NATs of tests/lab/nat-lab, a public bootstrap node s, and a public peer t with coturn beside it, which has
# examples/turnserver.conf.  After `load lab` and `load nat-lab`.

setup_file() {
	lab_begin
	nat_begin s=public t=public u=public pub=public pub2=public fc=full-cone fc2=full-cone ar=address-restricted \
		ar2=address-restricted pr=port-restricted pr2=port-restricted sy=symmetric,mtu=1280 sy2=symmetric,mtu=1280 ub=udp-blocked ub2=udp-blocked ubn=@ub prn=@pr
	S=$(nat-lab addr s):6084
	T=$(nat-lab addr t)
	export S T
	openssl rand -hex 32 >turn-secret
	reload-enroll init calls.example --ice --bootstrap "$S" >/dev/null
	for u in s t u a b; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
		cp turn-secret "lab/etc/identity/$u/turn-secret"
	done
	host_start s s --first
	reload-agent status -a s --wait joined -t 60 -q >/dev/null
}

teardown_file() {
	lab_end
	turn_stop t
	turn_stop u
	[ -z "${NATLAB-}" ] || nat-lab down
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

teardown() {
	for name in a b t u; do
		host_stop $name
	done
	turn_stop t
	turn_stop u
}

# watch_begin [HOST HOST]: payload-watch in the middle, of the TURN server t and of what these two send each other
watch_begin() {
	local ends=()
	[ $# = 0 ] || ends=("$(nat-lab addr "$1" nat)" "$(nat-lab addr "$2" nat)")
	rm -f watched
	nsenter --net="/run/netns/$(nat-lab ns inet)" "$NATLAB_DIR/payload-watch" "$T" "${ends[@]}" >watched 3>&- &
	WATCH=$!
	until_true grep -qs watching watched
}

watch_end() { # WATCHED is the object that it prints
	kill "$WATCH"
	until_true gone "$WATCH"
	WATCHED=$(tail -1 watched)
	echo "$WATCHED"
}

# pair HOST HOST: a and b there are members of the overlay
pair() {
	host_start a "$1"
	host_start b "$2"
	reload-agent status -a a --wait joined -t 20 -q >/dev/null
	reload-agent status -a b --wait joined -t 20 -q >/dev/null
}

# fresh NAME: another user with another Node-ID, as nodes that come and go all the time are not neighbours for a while
fresh() {
	rm -rf "lab/state/$1" "lab/etc/identity/$1"
	FRESH=$((${FRESH-0} + 1))
	reload-enroll issue "$1$BATS_TEST_NUMBER-$FRESH@calls.example" --identity "$1" >/dev/null
	cp turn-secret "lab/etc/identity/$1/turn-secret"
}

candidates() { # NAME: "TYPE sent" or "TYPE left out: WHY", sorted
	reload-diag nat -a "$1" -j | jq -r '.candidates[] | .type + (if .left_out then " left out: " + .left_out else " sent" end)' | sort -u
}
