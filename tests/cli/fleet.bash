# A ring of several peers of calls.example that runs from the first test to the last: what an authority changes reaches it.

DOC=lab/etc/calls.example/overlay.xml
CA=lab/etc/calls.example/ca

# fleet_begin NAME...: the first one is the bootstrap node; all of them have joined, and have links to each other.
fleet_begin() {
	local name
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	for name in "$@"; do
		reload-enroll issue "$name@calls.example" --identity "$name" >/dev/null
	done
	lab_start "$1" -l "127.0.0.1:$PORT" --first
	for name in "${@:2}"; do lab_start "$name" -l 127.0.0.1:0; done
	for name in "$@"; do reload-agent status -a "$name" --wait joined -q -t 20; done
	for name in "$@"; do until_true links_to "$name" $(($# - 1)); done
}

links_to() { # links_to NAME N: exactly N are up
	[ "$(reload-agent status -a "$1" -j | jq .links.up)" = "$2" ]
}

# fleet_connections WITHOUT NAME...: the connections of each of these, but for those to the Node-ID WITHOUT: their ports say which ones they are.
fleet_connections() {
	local name
	for name in "${@:2}"; do
		reload-agent status -a "$name" --links -j |
			jq -c --arg n "$name" --arg d "$1" '[$n, (.links.list | map(select(.node_id != $d) | .node_id + " " + .address) | sort)]'
	done
}

state() { # state NAME STATE
	[ "$(reload-agent status -a "$1" -j | jq -r .state)" = "$2" ]
}
