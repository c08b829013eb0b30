#!/usr/bin/env bats
# Services by ReDiR (RFC 7374): reload-enroll init --services, reload-store --service, reload-fetch --service.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --services 100 >made
	for u in alice bob carol; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	lab_ring
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# another NAME: a further peer, joined.
another() {
	reload-enroll issue "$1@calls.example" --identity "$1" >/dev/null
	lab_start "$1" -l 127.0.0.1:0 --no-join
	reload-join -a "$1" -q
}

# finds AGENT SERVICE PROVIDER [NODE-ID]: what the agent finds for that node; "": nothing
finds() {
	[ "$(reload-fetch -a "$1" --service "$2" --for "${4:-self}" -q 2>/dev/null)" = "$3" ]
}

# service_is AGENT SERVICE FIELD VALUE: of store.renewals
service_is() {
	[ "$(reload-store -a "$1" --list-kept -j | jq -r --arg s "$2" ".services[] | select(.service == \$s) | .$3")" = "$4" ]
}

# R7374-26: the factor is in the Kind, and nodes have to know the extension
@test "init --services chooses factor and limits, and says them" {
	grep -q '^  services  *3 branches, 18 providers in the fullest node of the tree, messages of 38000 bytes$' made
	R reload-enroll config show calls.example
	ok
	matches "$output" '0x104  REDIR  DICTIONARY  NODE-ID-MATCH  max-count 72  max-size 384  branching-factor 3'
	grep -q '<mandatory-extension>urn:ietf:params:xml:ns:p2p:redir</mandatory-extension>' lab/etc/calls.example/overlay.xml
	R reload-enroll config show calls.example --json
	ok
	same_schema reload-enroll config show
	jq -e '.kinds[] | select(.kind == "REDIR") | .branching_factor == 3' <<<"$output"
	R reload-enroll config check calls.example
	[ "$status" -eq 0 ]
	export RELOAD_HOME=$PWD/others
	R reload-enroll init few.example --services 3 --json
	ok
	same_schema reload-enroll init
	jq -e '.services == {"providers": 3, "branching_factor": 2, "records": 8, "max_count": 32} and .max_message_size >= 18000' <<<"$output"
	R reload-enroll init many.example --services 5000 --json
	ok
	# a root of 32 records: no message has more certificates
	jq -e '.services.branching_factor == 4 and .services.records == 313 and .max_message_size == 66000' <<<"$output"
	R reload-enroll init own.example --services 100 --max-message-size 20K --json
	ok
	jq -e '.max_message_size == 20480' <<<"$output"
	R reload-enroll init none.example --json
	ok
	jq -e '.services == null' <<<"$output"
	for n in 0 -1 1000001 many; do
		R reload-enroll init bad.example --services "$n"
		[ "$status" -eq 2 ]
	done
	echo '<kind name="REDIR"><data-model>DICTIONARY</data-model><access-control>NODE-ID-MATCH</access-control>
		<max-count>9</max-count><max-size>300</max-size><branching-factor xmlns="urn:ietf:params:xml:ns:p2p:redir">4</branching-factor></kind>' >redir.kind
	R reload-enroll init bad.example --services 9 --kind redir.kind
	failed 2 'services 9 is not possible'
	matches "$stderr" 'limits of its own'
	R reload-enroll init kind.example --kind redir.kind
	ok
	R reload-enroll config show kind.example
	matches "$output" 'REDIR .* max-count 9  max-size 300  branching-factor 4'
	sed 's/>4</>1</' redir.kind >one.kind
	R reload-enroll init bad.example --kind one.kind
	failed 10 'one.kind cannot be used'
	matches "$stderr" 'must be a number from 2 to 65536'
	R reload-enroll kind X --id 0xf0000009 --model dictionary --access node-id-match
	failed 2 'node-id-match'
}

# R7374-7 R7374-16: the provider is found by those who look, at the places that the agent names
@test "a service is offered, listed, found and removed" {
	R reload-fetch -a bob --service example.calls.printer
	failed 5 'nobody provides example.calls.printer'
	matches "$stderr" 'levels of the tree that were asked: 2, 1, 0'
	R reload-store -a alice -n --service example.calls.printer -j
	ok
	same_schema reload-store --service x
	jq -e '.dry_run and (.places | length) == 3' <<<"$output"
	R reload-fetch -a bob --service example.calls.printer
	[ "$status" -eq 5 ]
	R reload-store -a alice --service example.calls.printer
	ok
	matches "${lines[0]}" "^offering example.calls.printer as node:$(node_of alice)$"
	matches "${lines[1]}" '^  level 0  node 0 .*resource:[0-9a-f]{32}$'
	R reload-store -a alice --service example.calls.printer --lifetime 5m --json # again: another lifetime
	ok
	jq -e '.lifetime_s == 300 and .last_error == null and (.places | length) >= 1 and .branching_factor == 3' <<<"$output"
	R reload-store -a alice --list-kept
	ok
	matches "$output" 'STATE +RECORDS +LIFETIME'
	matches "$output" 'kept +3 +300s .* example.calls.printer$'
	R reload-store -a alice --list-kept -j
	ok
	same_schema reload-store --list-kept
	jq -e '.services[0] | .service == "example.calls.printer" and .state == "kept" and .failures == 0' <<<"$output"
	for who in bob carol; do
		R reload-fetch -a $who --service example.calls.printer
		ok
		[ "${lines[0]}" = "node:$(node_of alice)" ]
		matches "${lines[2]}" "^  route +node:$(node_of alice)$"
		matches "${lines[3]}" '^  found +[123] fetch'
	done
	R reload-fetch -a bob --service example.calls.printer --check --for self -j
	ok
	same_schema reload-fetch --service x
	jq -e --arg key "$(node_of bob)" '.checked and .key == $key and .skipped == [] and .fetches == (.levels | length)' <<<"$output"
	R reload-fetch -a alice --service example.calls.printer # never itself
	[ "$status" -eq 5 ]
	# what lies there is shown as what it is
	at=$(reload-store -a alice -n --service example.calls.printer -j | jq -r '.places[0].resource_id')
	R reload-fetch -a carol -k REDIR "resource:$at" -j
	ok
	jq -e '.values[0].decoded.namespace == "example.calls.printer" and .values[0].valid' <<<"$output"
	R reload-store -a alice -n --service example.calls.printer --remove
	ok
	finds bob example.calls.printer "node:$(node_of alice)"
	# R7374-21 R7374-29
	R reload-store -a alice --service example.calls.printer --remove -j
	ok
	same_schema reload-store --service x --remove
	jq -e '.removed == 3 and .failed == 0' <<<"$output"
	R reload-fetch -a bob --service example.calls.printer
	[ "$status" -eq 5 ]
	R reload-store -a alice --service example.calls.printer --remove
	failed 5 'is not offered'
	[ "$(reload-store -a alice --list-kept -j | jq -c .services)" = '[]' ]
}

# R7374-12 R7374-13 R7374-14 R7374-15: records are renewed; those of a killed node end
@test "a killed provider is passed over, and gone when its records have ended" {
	another dave
	reload-store -a dave -q --service fax --lifetime 3s
	reload-store -a alice -q --service fax
	until_true service_is dave fax 'rounds >= 3' true # longer than its lifetime
	dave=$(node_of dave)
	until_true finds carol fax "node:$dave" "$dave"
	kill -9 "$(cat lab/dave.pid)"
	until_true finds carol fax "node:$(node_of alice)" "$dave"
	reload-store -a alice -q --service fax --remove
}

@test "--check passes over a provider that does not answer, and says so" {
	lab_whole alice bob carol # none of those that were killed is left
	another erin
	reload-store -a erin -q --service scan
	erin=$(node_of erin)
	kill -9 "$(cat lab/erin.pid)"
	R reload-fetch -a carol --service scan --check
	failed 5 'nobody provides scan'
	matches "$stderr" '1 provider did not answer'
	# carol remembers it, and tries it all the same, as there is no other
	R reload-fetch -a carol --service scan
	ok
	[ "${lines[0]}" = "node:$erin" ]
	reload-store -a alice -q --service scan
	R reload-fetch -a bob --service scan --for "node:$erin" --check
	[ "$status" -eq 0 ]
	matches "$stderr" "warning: node:$erin was passed over: "
	[ "${lines[0]}" = "node:$(node_of alice)" ]
	# E03: who knows that it does not answer takes the next at once
	for who in bob carol; do
		R reload-fetch -a $who --service scan --for "node:$erin" --check -j
		ok
		jq -e --arg n "$(node_of alice)" '.node_id == $n and .skipped == [] and .checked' <<<"$output"
	done
	reload-store -a alice -q --service scan --remove
}

# R7374-21: before it leaves, so that nobody finds it; it is offered again after a restart
@test "records are removed at a stop and a leave, and stored again afterwards" {
	lab_whole alice bob carol # none of those that were killed is left
	another frank
	reload-store -a frank -q --service mail
	frank=$(node_of frank)
	finds bob mail "node:$frank"
	reload-join -a frank --leave -q
	finds bob mail ''
	service_is frank mail state waiting
	reload-join -a frank -q
	until_true finds bob mail "node:$frank"
	reload-agent stop -a frank
	finds bob mail ''
	lab_start frank -l 127.0.0.1:0
	until_true finds bob mail "node:$frank"
	reload-store -a frank -q --service mail --remove
	[ "$(jq -c .services lab/state/frank/kept.json)" = '[]' ] || until_true kept_nothing frank
}

kept_nothing() {
	[ "$(jq -c .services "lab/state/$1/kept.json")" = '[]' ]
}

# R7374-2 R7374-10: three providers lie where their Node-IDs are; a dead one is marked until its records end
@test "--tree shows who is where, and who does not answer" {
	lab_whole alice bob carol # none of those that were killed is left
	another grace
	for who in alice bob grace; do
		reload-store -a $who -q --service tree
	done
	R reload-fetch -a carol --service tree --tree -j
	ok
	same_schema reload-fetch --service x --tree
	jq -e '.complete and (.providers | length) == 3 and .fetches >= 13 and ([.nodes[].entries[].fault] | all(. == null))' <<<"$output"
	jq -e '[.nodes[] | select(.level == 0) | .entries | length] == [3]' <<<"$output"
	jq -e --arg g "$(node_of grace)" '[.nodes[] | select(.entries | any(.node_id == $g)) | .level] | contains([0, 1, 2])' <<<"$output"
	R reload-fetch -a carol --service tree --tree --check
	ok
	matches "${lines[0]}" '^tree  3 providers, 3 branches, [0-9]+ tree nodes? looked at$'
	matches "${lines[1]}" '^  level 0  node 0  3 records$'
	matches "$output" "node:$(node_of bob)  since [0-9: -]+, [0-9]+s old, (600|5[0-9][0-9])s left  bob@calls.example"
	[[ $output != *'!'* ]]
	grace=$(node_of grace)
	kill -9 "$(cat lab/grace.pid)"
	R reload-fetch -a carol --service tree --tree --check
	ok
	matches "$output" "node:$grace  since [0-9: -]+, [0-9]+s old, (600|5[0-9][0-9])s left  grace@calls.example  ! it does not answer"
	# the same as a picture: a box for each tree node, a dot for each record, red where grace is
	reload-fetch -a carol --service tree --tree --check -j >tree.json
	reload-fetch -a carol --service tree --tree --check --format svg >tree.svg
	xmllint --noout tree.svg
	drawn() { xmllint --xpath "count(//*[local-name()='$1'][contains(concat(' ', @class, ' '), ' $2 ')]$3)" tree.svg; }
	[ "$(drawn rect node)" -eq "$(jq '.nodes | length' tree.json)" ]
	[ "$(drawn circle entry)" -eq "$(jq '[.nodes[].entries[]] | length' tree.json)" ]
	silent=$(jq --arg g "$grace" '[.nodes[].entries[] | select(.node_id == $g)] | length' tree.json)
	[ "$(drawn circle silent "[contains(., '$grace')][contains(., 'it does not answer')]")" -eq "$silent" ]
	[ "$(drawn line edge)" -eq $(($(drawn rect node) - 1)) ]
	[ "$silent" -ge 2 ]
	R reload-fetch -a carol --service tree --tree --format png
	failed 2 '--format is text or svg'
	R reload-fetch -a carol --service tree --format svg
	failed 2 'format without --tree'
	R reload-fetch -a carol --service nothing --tree
	ok
	matches "$output" '^nothing  0 providers'
	R reload-fetch -a carol --service tree --tree --for self
	failed 2 'tree and --for'
	reload-store -a alice -q --service tree --remove
	reload-store -a bob -q --service tree --remove
}

@test "what an agent answers about services steers no terminal" {
	reload-store -a bob -q --service tainted
	lab_tainter bob
	for form in "" -j --flat -vv; do
		tainted "$form" "fetch --service tainted" "fetch --service tainted --check --for self" "fetch --service tainted --tree --check" \
			"fetch --service tainted --tree --format svg" \
			"fetch --service nothing" "store --service tainted" "store -n --service tainted" "store --list-kept" "store -n --service tainted --remove"
	done
	harmless_all
	grep -q '\\x1b\[2J.*\\u202e' tainted.all
	lab_tainter_end
	reload-store -a bob -q --service tainted --remove
}

@test "wrong use of --service" {
	R reload-store -a alice --service x alice@calls.example
	failed 2 'takes no TARGET'
	R reload-store -a alice --service x --keep
	failed 2 'service and --keep'
	R reload-store -a alice --service x --remove --lifetime 5s
	failed 2 'remove and --lifetime'
	R reload-store -a alice --service ''
	failed 2 'namespace of a service'
	R reload-store -a alice --service "$(printf 'x%.0s' {1..256})"
	[ "$status" -ne 0 ]
	R reload-fetch -a alice --service x alice@calls.example
	failed 2 'takes no TARGET'
	R reload-fetch -a alice --service x -k REDIR
	failed 2 'service and --kind'
	R reload-fetch -a alice --check alice@calls.example
	failed 2 'without --service'
	R reload-fetch -a alice --tree alice@calls.example
	failed 2 'without --service'
	R reload-fetch -a alice --service x --for nobody
	[ "$status" -eq 2 ]
	reload-store -a alice -q --service "$(printf 'x%.0s' {1..255})"
	reload-store -a alice -q --service "$(printf 'x%.0s' {1..255})" --remove
}

@test "an overlay without the Kind says how to get one" {
	export RELOAD_HOME=$PWD/plain
	port=$(lab_port)
	reload-enroll init plain.example --bootstrap "127.0.0.1:$port" >/dev/null
	reload-enroll issue zoe@plain.example --identity zoe >/dev/null
	mkdir -p lab
	reload-agent -I zoe -l "127.0.0.1:$port" --first 2>zoe.log 3>&- &
	zoe=$!
	until_true reload-join -a zoe -q
	R reload-store -a zoe --service x
	store=$status refusal=$stderr
	R reload-fetch -a zoe --service x
	kill $zoe
	matches "$refusal" 'does not have the Kind REDIR'
	matches "$stderr" 'reload-enroll init --services'
	[ "$status" -ne 0 ]
	[ "$store" -eq "$status" ]
}

# sip.resolve of a number: the namespaces of its prefixes are asked at the same time
@test "gateways to a telephone number are found by the longest prefix, the closest first" {
	local a b c next
	R reload-sip-call -a alice lookup tel:+49301234
	failed 5 'there is no gateway to \+49301234'
	for pair in alice:+49 bob:+49 carol:+4930 carol:112; do
		reload-store -a "${pair%%:*}" --service "example.calls.pstn.${pair#*:}" -q
	done
	a=$(node_of alice) b=$(node_of bob) c=$(node_of carol)
	R reload-sip-call -a bob lookup 'tel:+49-30-1234;phone-context=x'
	ok
	# bob is no gateway for himself
	[ "$output" = "gateway    node:$c  +4930"$'\n'"gateway    node:$a  +49" ]
	R reload-sip-call -a carol lookup TEL:+49891 -j
	ok
	same_schema reload-sip-call lookup
	[ "$(jq -r '.targets[] | "\(.prefix) \(.node_id) \(.gruu)"' <<<"$output" | sort)" = "$(printf '+49 %s tel:+49891\n' "$a" "$b" | sort)" ]
	next=$(printf '%s\n' "$a" "$b" | sort | awk -v k="$c" '$1 > k' | head -n 1)
	[ -z "$next" ] || [ "$(jq -r '.targets[0].node_id' <<<"$output")" = "$next" ]
	R reload-sip-call -a alice lookup tel:112
	ok
	[ "$output" = "gateway    node:$c  112" ]
	R reload-sip-call -a alice lookup tel:+1555
	failed 5 'there is no gateway'
	R reload-sip-call -a alice lookup tel:1234567890123456
	failed 2 'no gateway can be looked for'
	R reload-sip-call -a alice lookup tel:
	failed 2 'no gateway can be looked for'
	for pair in alice:+49 bob:+49 carol:+4930 carol:112; do
		reload-store -a "${pair%%:*}" --service "example.calls.pstn.${pair#*:}" --remove -q
	done
}

# R7374-26, R7374-3: the tree is another one, and no record of the old one is left
@test "another branching factor: providers register anew, and are found" {
	local alice
	alice=$(node_of alice)
	reload-store -a alice -q --service changed
	echo '<kind name="REDIR"><data-model>DICTIONARY</data-model><access-control>NODE-ID-MATCH</access-control>
		<max-count>80</max-count><max-size>384</max-size><branching-factor xmlns="urn:ietf:params:xml:ns:p2p:redir">7</branching-factor></kind>' >seven.kind
	at=$(reload-store -a alice -n --service changed -j | jq -r '.places[] | select(.level == 2) | .resource_id')
	reload-fetch -a bob -k REDIR "resource:$at" -q >/dev/null
	reload-enroll config add-kind seven.kind -q
	reload-enroll config publish -a bob -q -y -t 30
	# not only at the end of the lifetime of the old ones
	until_true service_is alice changed 'rounds >= 2' true
	R reload-store -a alice -n --service changed -j
	jq -e '.branching_factor == 7' <<<"$output"
	until_true finds carol changed "node:$alice"
	R reload-fetch -a bob --service changed --tree -j
	ok
	jq -e --arg n "$alice" '.branching_factor == 7 and .complete and ([.nodes[].entries[].node_id] == [$n, $n, $n]) and ([.nodes[].entries[].fault] | all(. == null))' <<<"$output"
	R reload-fetch -a bob -k REDIR "resource:$at"
	[ "$status" -eq 5 ]
}
