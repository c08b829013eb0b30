# A lab for tests that need agents: three peers alice, bob and carol of calls.example on loopback.

lab_begin() {
	bats_require_minimum_version 1.5.0
	export PATH="${RELOAD_BIN:?directory of the binaries}:$PATH" TERM=dumb TZ=UTC
	export RELOAD_HOME="$BATS_FILE_TMPDIR/lab"
	unset RELOAD_OVERLAY RELOAD_FORMAT RELOAD_TIMEOUT RELOAD_AGENT RELOAD_LOG RELOAD_KIND
	cd "$BATS_FILE_TMPDIR" || return 1
}

# kind ID MODEL ACCESS: a file with a kind element.
lab_kind() {
	local extra=
	[ "$3" != NODE-MULTIPLE ] || extra='<max-node-multiple>3</max-node-multiple>'
	printf '<kind id="%s"><data-model>%s</data-model><access-control>%s</access-control>%s<max-count>16</max-count><max-size>2000</max-size></kind>\n' \
		"$1" "$2" "$3" "$extra" >"kind-$1.xml"
	echo "kind-$1.xml"
}

# A port that nobody has.
lab_port() {
	python3 "$BATS_TEST_DIRNAME/ports.py"
}

# lab_overlay [OPTIONS]: the overlay calls.example, made with these options, and three users of it.
lab_overlay() {
	PORT=$(lab_port)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" "$@" \
		--kind "$(lab_kind 4026531842 ARRAY USER-MATCH)" --kind "$(lab_kind 4026531843 DICTIONARY USER-NODE-MATCH)" >/dev/null
	for u in alice bob carol; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
}

# lab_ledger [FILE]: who has what at the authority, of its accounts, as JSON: {users: {NAME: {node_ids, revoked, certificates, disabled, reserved}}}.
lab_ledger() {
	sqlite3 -json "${1:-lab/etc/calls.example/ca/accounts.db}" "
		SELECT name, disabled, reserved, hash <> '' AS account,
			(SELECT coalesce(json_group_array(node_id), '[]') FROM (SELECT node_id FROM node_ids n WHERE n.name = u.name AND revoked = 0 ORDER BY id)) AS node_ids,
			(SELECT coalesce(json_group_array(node_id), '[]') FROM (SELECT node_id FROM node_ids n WHERE n.name = u.name AND revoked = 1 ORDER BY id)) AS revoked,
			(SELECT coalesce(json_group_array(json_object('serial', serial, 'node_ids', node_ids, 'expires', expires)), '[]')
				FROM (SELECT * FROM certificates c WHERE c.name = u.name ORDER BY id)) AS certificates
		FROM users u ORDER BY name" |
		jq -c '{users: (map({(.name): {node_ids: (.node_ids | fromjson), revoked: (.revoked | fromjson), disabled: (.disabled == 1), reserved: (.reserved == 1), account: (.account == 1),
			certificates: (.certificates | fromjson | map(.node_ids |= split(",")))}}) | add)}'
}

# start NAME [OPTIONS]: an agent in the background, its log in lab/NAME.log.
lab_start() {
	local name=$1
	shift
	reload-agent -I "$name" "$@" 2>"lab/$name.log" 3>&- &
	echo $! >"lab/$name.pid"
}

# lab_large_identity NAME: its certificate has a key of 4,096 bits and comes with that of a deputy of the authority, which has one too.
lab_large_identity() {
	local id=lab/etc/identity/$1 ca=lab/etc/calls.example/ca node
	node=$(openssl x509 -in "$id/cert.pem" -noout -ext subjectAltName | grep -o 'URI:[^,]*')
	openssl req -new -newkey rsa:4096 -nodes -keyout middle.key -subj "/CN=calls.example deputy" -out middle.csr
	printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n' >middle.ext
	openssl x509 -req -in middle.csr -CA "$ca/cert.pem" -CAkey "$ca/key.pem" -set_serial 77 -days 9 -extfile middle.ext -out middle.pem
	openssl req -new -newkey rsa:4096 -nodes -keyout leaf.key -subj / -out leaf.csr
	printf 'subjectAltName=critical,%s,email:%s@calls.example\n' "$node" "$1" >leaf.ext
	openssl x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -set_serial 78 -days 9 -extfile leaf.ext -out leaf.pem
	cat leaf.pem middle.pem >"$id/cert.pem"
	cat leaf.key >"$id/key.pem"
}

# lab_ring [OPTIONS]: all three agents have them.
lab_ring() {
	lab_start alice -l "127.0.0.1:$PORT" --first "$@"
	lab_start bob -l 127.0.0.1:0 --no-join "$@"
	lab_start carol -l 127.0.0.1:0 --no-join "$@"
	reload-join -a alice -q && reload-join -a bob -q && reload-join -a carol -q && lab_whole alice bob carol
}

# within LIMIT COMMAND: waits until it succeeds, LIMIT seconds at most.  The only place where a bats file waits with pauses.
within() {
	local limit=$1 end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || {
			echo "not within $limit s: $*"
			return 1
		}
		sleep 0.05
	done
}

until_true() {
	within 30 "$@"
}

# namespaced FILE OPTION...: starts a process that holds namespaces of its own, with the options of unshare; FILE has its id once it is in them.
# Before that a command for them would be carried out where the test runs.
namespaced() {
	unshare "${@:2}" sh -c 'echo $$ >"$1.new" && mv "$1.new" "$1" && exec sleep infinity' sh "$PWD/$1" 3>&- &
	until_true test -s "$1"
}

# chance BYTES NAME: that many bytes, the same each time for a name and a seed (see chance.py).
chance() {
	python3 "$BATS_TEST_DIRNAME/chance.py" "$@"
}

# lab_clock: makes the library of ahead; 1 when there is no compiler, or the sanitizer of the agent wants to be first.
lab_clock() {
	cc -D_GNU_SOURCE -shared -fPIC -o clock.so "$BATS_TEST_DIRNAME/ahead.c" -ldl &&
		! ldd "$(command -v reload-agent)" | grep -q asan
}

# ahead SECONDS COMMAND: the command, whose wall clock is that many seconds ahead.
ahead() {
	AHEAD=$1 LD_PRELOAD=$BATS_FILE_TMPDIR/clock.so "${@:2}"
}

# knows NAME N: the agent has links to N others, and they are its neighbours.
knows() {
	reload-agent status -a "$1" -j 2>/dev/null |
		jq -e --argjson n "$2" '.links.up >= $n and (.successors | length) >= $n' >/dev/null
}

# lab_whole NAME...: they are all there is, and each of them knows all others.  A join may end a little earlier.
lab_whole() {
	local name
	for name in "$@"; do
		until_true knows "$name" $(($# - 1)) || return 1
	done
}

# gone PID: the process has ended, whether or not somebody has collected its exit status.
gone() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	stat=${stat##*) }
	[ "${stat:0:1}" = Z ]
}

# lab_tainter NAME [raw]: an agent `tainted` that answers as NAME does, with strings that do harm where they are printed as they are.
lab_tainter() {
	python3 "$BATS_TEST_DIRNAME/tainter.py" lab/run/tainted.sock "lab/run/$1.sock" "${@:2}" 2>tainter.err 3>&- &
	echo $! >lab/tainter.pid
	until_true [ -S lab/run/tainted.sock ]
}

lab_tainter_end() {
	kill "$(cat lab/tainter.pid)"
	rm lab/tainter.pid lab/run/tainted.sock
}

# tainted FORM COMMAND...: the command (a string) with the agent `tainted`, in this form of output, in files that harmless_all looks at.
tainted() {
	local form=$1 command out
	shift
	mkdir -p tainted.d
	for command in "$@"; do
		out="tainted.d/${command//\// } $form"
		# shellcheck disable=SC2086
		timeout 30 reload-${command%% *} -a tainted $form -t 10s ${command#* } >"$out.out" 2>"$out.err" </dev/null || [ $? -ne 124 ] || return 1
	done
}

# harmless_all: what was written so is harmless; all of it is in tainted.all then.
harmless_all() {
	harmless tainted.d/* || return 1
	cat tainted.d/* >>tainted.all
	rm -r tainted.d
}

# harmless NAME...: what was written into the files steers no terminal, is UTF-8, and forges no line.
harmless() {
	python3 "$BATS_TEST_DIRNAME/hostile_strings.py" check "$@"
}

lab_end() {
	cd "$BATS_FILE_TMPDIR" || return 1
	for f in lab/*.pid; do
		[ -e "$f" ] || continue
		kill -CONT "$(cat "$f")" 2>/dev/null || true
		kill -TERM "$(cat "$f")" 2>/dev/null || true
	done
	for f in lab/*.pid; do
		[ -e "$f" ] || continue
		within 5 gone "$(cat "$f")" || kill -KILL "$(cat "$f")" 2>/dev/null || true
	done
	! grep -l 'Sanitizer\|Assertion' lab/*.log 2>/dev/null
}

node_of() {
	reload-agent status -a "$1" -j | jq -r .node_id
}

# matches TEXT REGEX: like [[ =~ ]], but says what differs.
matches() {
	[[ $1 =~ $2 ]] || {
		printf 'text:    %s\npattern: %s\n' "$1" "$2"
		return 1
	}
}

# R COMMAND: run with standard error apart.
R() {
	run --separate-stderr "$@"
}

# ok: exit 0 and nothing on standard error.
ok() {
	[ "$status" -eq 0 ] && [ -z "$stderr" ] || { echo "status $status: $output / $stderr"; return 1; }
}

# failed STATUS WHAT: exit status, empty standard output, the three-line form on standard error.
failed() {
	[ "$status" -eq "$1" ] || { echo "status $status, expected $1: $output / $stderr"; return 1; }
	[ -z "$output" ]
	matches "${stderr_lines[0]}" "^reload-[a-z-]+: .*$2"
	matches "${stderr_lines[1]}" '^  why:  .'
	[ "${#stderr_lines[@]}" -le 3 ]
}

# same_schema: the JSON in $output has all keys that --json-schema of COMMAND requires, and no other.
same_schema() {
	local schema
	schema=$("$@" --json-schema | jq -c '.oneOf[0]')
	jq -e --argjson s "$schema" '(keys - ($s.properties | keys) == []) and (($s.properties | keys) - keys == [])' <<<"$output" >/dev/null || {
		echo "keys of: $output"
		echo "schema:  $schema"
		return 1
	}
}
