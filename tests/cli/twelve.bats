#!/usr/bin/env bats
# Twelve peers, each a host of its own (tests/lab/nat-lab): one whose datagrams are lost, one whose processor has too much to do, one that limits
# diagnostics.  An operator at another peer sees which is which.  `make soak` follows each path 20 times instead of 8.

load lab

NATLAB_DIR="$BATS_TEST_DIRNAME/../lab"
HOSTS="a b c d e f g h i j k l"
LOSSY=d OVERLOADED=g LIMITING=k

setup_file() {
	lab_begin
	export PATH="$NATLAB_DIR:$PATH" NATLAB_STATE="$BATS_FILE_TMPDIR/nat-lab"
	[ "$(id -u)" = 0 ] || skip "no right to make network namespaces: not root"
	command -v nft ip >/dev/null || skip "no nft or no ip"
	# shellcheck disable=SC2086
	NATLAB=$(nat-lab up $(printf '%s=public ' $HOSTS)) 2>nat-lab.log || skip "no right to make network namespaces: $(head -1 nat-lab.log)"
	export NATLAB RELOAD_AGENT=a
	local u
	reload-enroll init calls.example --bootstrap "$(nat-lab addr a):6084" --bootstrap "$(nat-lab addr b):6084" --diagnostics users >/dev/null
	for u in $HOSTS; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	host_start a --first
	reload-agent status -a a -q --wait joined -t 30 >/dev/null
	for u in ${HOSTS#a }; do
		if [ "$u" = $LIMITING ]; then host_start "$u" --diagnostics-rate 1; else host_start "$u"; fi
	done
	for u in $HOSTS; do
		reload-agent status -a "$u" -q --wait joined -t 60 >/dev/null
	done
	until_true all_there
}

teardown_file() {
	lab_end
	[ -z "${NATLAB-}" ] || nat-lab down
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

host_start() { # NAME [OPTIONS]: an agent that takes orders, in the host of that name
	local name=$1
	shift
	RELOAD_INJECT=$PWD/lab/$name.orders nsenter --net="/run/netns/$(nat-lab ns "$name")" "$RELOAD_BIN/tests/inject/reload-agent" \
		-I "$name" -l "$(nat-lab addr "$name"):6084" --links dtls "$@" 2>"lab/$name.log" 3>&- &
	echo $! >"lab/$name.pid"
}

all_there() {
	reload-diag map -j | jq -e '(.peers | length) == 12 and .answered == 12 and .disagreeing == 0' >/dev/null
}

order() {
	echo "${*:2}" >"lab/$1.new"
	mv "lab/$1.new" "lab/$1.orders"
	reload-agent status -a "$1" -q >/dev/null
}

# row NAME EXPRESSION: of the row of that host in its summary
row() {
	jq -r --arg n "$(node_of "$1")" "select(.type == \"summary\").rows[] | select(.node_id == \$n) | $2" "$1.path"
}

lossy_shows() {
	[ "$(row $LOSSY '.lost > 0 or .max_ms >= 190')" = true ] ||
		{ reload-diag path --live -c "${TWELVE_ROUNDS:-8}" -i 300ms -k STATUS_INFO --json "node:$(node_of $LOSSY)" >$LOSSY.path 2>$LOSSY.err || true; false; }
}

@test "path --live points at the peer that loses, the one that is overloaded and the one that limits, and at no other (D02)" {
	local u rounds=${TWELVE_ROUNDS:-8}
	nat-lab loss 40 $LOSSY
	order $OVERLOADED slow 150
	for u in ${HOSTS#a }; do
		timeout 120 reload-diag path --live -c "$rounds" -i 300ms -k STATUS_INFO --json "node:$(node_of "$u")" >"$u.path" 2>"$u.err" 3>&- &
		echo $! >"$u.path.pid"
	done
	for u in ${HOSTS#a }; do
		within 110 gone "$(cat "$u.path.pid")"
		[ -s "$u.path" ] || { cat "$u.err"; return 1; }
	done
	# which packets are lost is chance: until one was that TCP had to repeat after its 200 ms
	within 60 lossy_shows
	nat-lab loss 0 $LOSSY
	order $OVERLOADED slow 0
	for u in ${HOSTS#a }; do
		# nothing is pending: what was sent is in one of these
		row "$u" '"\(.sent) \(.answered + .refused + .limited + .silent + .lost)"' | { read -r sent ended && [ "$sent" = "$ended" ]; }
		echo "# $u: $(row "$u" '"\(.sent) sent, \(.limited) limited, \(.lost) lost, p50 \(.p50_ms) p90 \(.p90_ms) max \(.max_ms) ms"')"
	done
	[ "$(row $LIMITING ".limited >= $rounds / 4 and .lost == 0")" = true ]
	[ "$(row $OVERLOADED '.min_ms >= 300 and .limited == 0 and .lost == 0')" = true ]
	[ "$(row $LOSSY '.limited == 0 and .min_ms < 190 and (.lost > 0 or .max_ms >= 190)')" = true ]
	for u in ${HOSTS#a }; do
		case $u in
		$LOSSY | $OVERLOADED | $LIMITING) ;;
		*) [ "$(row "$u" '.limited == 0 and .lost == 0 and .p50_ms < 200')" = true ] ;;
		esac
	done
}

@test "audit and health find a lost replica in a ring of twelve" {
	local at resource owner replica u
	reload-store -a c -k 0xf0000001 c@calls.example value --verify -q
	at=$(reload-fetch --stat -k 0xf0000001 c@calls.example -j)
	resource=$(jq -r .resource_id <<<"$at")
	owner=$(jq -r .responsible <<<"$at")
	replica=$(reload-diag map -j | jq -r --arg o "$owner" '[.peers[].node_id] as $p | $p[(($p | index($o)) + 2) % 12]')
	for u in $HOSTS; do
		[ "$(node_of "$u")" != "$replica" ] || order "$u" drop "$resource"
	done
	R reload-diag audit --rate 500 --sample 48 -j
	[ "$status" -eq 13 ]
	[ "$(jq -r '[.findings[] | select(.check == "copies" and .kind == "0xf0000001") | .node_id + " " + .resource_id] | unique | .[]' <<<"$output")" = "$replica $resource" ]
}
