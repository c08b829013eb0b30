#!/usr/bin/env bats
# reload-enroll: init, issue, self, show, config show, config check.  Real binaries from $RELOAD_BIN, files only.

bats_require_minimum_version 1.5.0

setup() {
	PATH="${RELOAD_BIN:?directory of the binaries}:$PATH"
	export RELOAD_HOME="$BATS_TEST_TMPDIR/lab" TERM=dumb
	unset RELOAD_OVERLAY RELOAD_FORMAT RELOAD_TIMEOUT RELOAD_AGENT
	cd "$BATS_TEST_TMPDIR" || return 1
	OVERLAY=lab/etc/calls.example/overlay.xml
	CA=lab/etc/calls.example/ca
}

R() {
	run --separate-stderr reload-enroll "$@"
}

# shellcheck disable=SC1090
eval "$(sed -n '/^lab_ledger()/,/^}/p' "$BATS_TEST_DIRNAME/lab.bash")"

founded() {
	reload-enroll init calls.example --bootstrap 127.0.0.1:7001 "$@" >/dev/null
}

# matches TEXT REGEX: like [[ =~ ]], but says what differs.
matches() {
	[[ $1 =~ $2 ]] || {
		printf 'text:    %s\npattern: %s\n' "$1" "$2"
		return 1
	}
}

# failed STATUS WHAT: exit status, empty stdout, the three-line form on stderr.
failed() {
	[ "$status" -eq "$1" ] || { echo "status $status, expected $1: $stderr"; return 1; }
	[ -z "$output" ]
	matches "${stderr_lines[0]}" "^reload-enroll: .*$2"
	matches "${stderr_lines[1]}" '^  why:  .'
}

pem_body() {
	sed '/-----/d' "$1" | tr -d '\n'
}

# doc BODY [ATTRIBUTES]: an unsigned document of calls.example.
doc() {
	local ice='<no-ice>true</no-ice>'
	[[ $1 != *no-ice* ]] || ice=
	printf '<?xml version="1.0" encoding="UTF-8"?>\n<overlay xmlns="urn:ietf:params:xml:ns:p2p:config-base">\n'
	printf '<configuration instance-name="calls.example" %s>\n%s%s\n</configuration>\n</overlay>\n' \
		"${2-sequence=\"7\" expiration=\"2099-01-01T00:00:00Z\"}" "$ice" "$1"
}

root() {
	printf '<root-cert>%s</root-cert>' "$(pem_body "$CA/cert.pem")"
}

# ca_sign NAME SAN [SUBJECT] [EXTENSION]: a certificate of the authority for a new key, as openssl makes it.
ca_sign() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "${3:-/}" 2>/dev/null
	printf 'subjectAltName=critical,%s\n%s\n' "$2" "${4:-basicConstraints=CA:FALSE}" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$CA/cert.pem" -CAkey "$CA/key.pem" -set_serial 77 -days 30 \
		-extfile "$1.ext" -out "$1.pem" 2>/dev/null
}

uri() {
	echo "URI:reload://0110$1@calls.example/"
}

NODE=00112233445566778899aabbccddeeff

@test "the acceptance session's first commands print as the contract says" {
	R init calls.example --bootstrap 127.0.0.1:7001
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${lines[0]}" = "created overlay calls.example: CHORD-RELOAD, 128-bit Node-IDs, links TLS" ]
	[ "${lines[1]}" = "  configuration  lab/etc/calls.example/overlay.xml  sequence 1, signed, until $(date -u -d '365 days' +%F)" ]
	[ "${lines[2]}" = "  authority      lab/etc/calls.example/ca           until $(date -u -d '1825 days' +%F)" ]
	[ "${lines[3]}" = "next: reload-enroll issue USER@calls.example" ]
	[ "${#lines[@]}" -eq 4 ]
	until=$(date -u -d '90 days' +%F)
	R issue alice@calls.example --identity alice
	[ "$status" -eq 0 ]
	matches "$output" "^issued alice  alice@calls.example  Node-ID [0-9a-f]{32}  until $until$"
	R issue bob@calls.example --identity bob
	matches "$output" "^issued bob    bob@calls.example    Node-ID [0-9a-f]{32}  until $until$"
	[ -z "$stderr" ]
	# it begins earlier, for nodes whose clocks are behind
	begin=$(date -d "$(openssl x509 -in lab/etc/identity/bob/cert.pem -noout -startdate | cut -d= -f2)" +%s)
	[ "$begin" -le $(($(date +%s) - 300)) ]
}

@test "init: keys are private, files as promised, the document holds by the grammar" {
	umask 022
	founded
	[ "$(stat -c %a $CA)" = 700 ]
	[ "$(stat -c %a $CA/key.pem $CA/signer/key.pem $CA/accounts.db | sort -u)" = 600 ]
	[ "$(stat -c %a $OVERLAY)" = 644 ]
	openssl verify -CAfile $CA/cert.pem $CA/cert.pem $CA/signer/cert.pem
	[ -z "$(find lab -name '*.new' -o -name '*.old')" ]
	sed -n 's/^"\(.*\)\\n"[;,]*$/\1/p; s/^"\(.*\)"$/\1/p' "$BATS_TEST_DIRNAME/../../libcore/config/overlay.rng.inc" |
		sed 's/\\"/"/g' >overlay.rng
	# R-11.1.1-01 R-14-06 R-11.1-01 R-11.1-02: what is written is valid by the grammar, in declared UTF-8
	xmllint --noout --relaxng overlay.rng $OVERLAY
	[ "$(head -1 $OVERLAY)" = '<?xml version="1.0" encoding="UTF-8"?>' ]
	sed 's/<node-id-length>/<node-length>/; s/<\/node-id-length>/<\/node-length>/' $OVERLAY >bad.xml
	run ! xmllint --noout --relaxng overlay.rng bad.xml
	R config check bad.xml
	failed 10 bad.xml
}

@test "init: the document says what the options said" {
	R init calls.example --bootstrap 192.0.2.1 --bootstrap '[2001:db8::1]:7000' --self-signed sha256 \
		--enrollment-server https://a.example/enroll --enrollment-server https://b.example/enroll --validity 30d --json
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	echo "$output" | jq -e '.overlay == "calls.example" and .configuration.signed and .configuration.sequence == 1 and
		.node_id_length == 16 and .links == ["TLS"] and (.signer.node_id | test("^[0-9a-f]{32}$")) and .dry_run == false'
	[ "$(echo "$output" | jq -r '.configuration.expires[:10]')" = "$(date -u -d '30 days' +%F)" ]
	R config show --json
	[ "$status" -eq 0 ]
	# R-11.1-20 R-11.1-21: addresses of both families, the port's default is 6084
	echo "$output" | jq -e '.bootstrap == ["192.0.2.1:6084", "[2001:db8::1]:7000"]'
	# R-11.1-16: several enrollment-servers
	echo "$output" | jq -e '.enrollment_servers == ["https://a.example/enroll", "https://b.example/enroll"]'
	# R-11.1-24 R-11.1-07 R-11.1-12 R-11.1-13: no-ice, the overlay's name, algorithm and length
	echo "$output" | jq -e '.no_ice and .overlay == "calls.example" and .algorithm == "CHORD-RELOAD" and .node_id_length == 16'
	# R-11.1-32: signers are Node-IDs
	echo "$output" | jq -e '(.configuration_signers | length == 1 and (.[0] | test("^[0-9a-f]{32}$"))) and .kind_signers == .configuration_signers'
	# R-11.1-31: no overlay-link-protocol means TLS
	echo "$output" | jq -e '.links == ["TLS"]'
	# R-11.1-29 R-11.1-30 R-11.1-22: defaults
	echo "$output" | jq -e '(.initial_ttl == 30) and .overlay_reliability_timer_ms == 3000 and .turn_density == 1'
	echo "$output" | jq -e '.kinds | map(select(.kind_id == 4026531841)) |
		length == 1 and .[0].data_model == "SINGLE" and .[0].access_control == "USER-MATCH" and .[0].required'
	# a ConfigUpdate of this document fits a message
	echo "$output" | jq -e '.max_message_size > .size_bytes + 2048'
	echo "$output" | jq -e '.warnings == []'
}

@test "init: --dry-run tells and changes nothing" {
	R init calls.example -n
	[ "$status" -eq 0 ]
	matches "${lines[0]}" '^would create overlay calls.example'
	[ ! -e lab ]
	R init calls.example -n -j
	echo "$output" | jq -e .dry_run
}

@test "init: an overlay that exists is never overwritten" {
	founded
	before=$(find lab -type f -exec sha256sum {} + | sort)
	R init calls.example -y
	failed 7 'the overlay calls.example exists already'
	[ "${stderr_lines[2]}" = "  try:  reload-enroll show calls.example" ]
	[ "$(find lab -type f -exec sha256sum {} + | sort)" = "$before" ]
	R init calls.example --json
	[ "$status" -eq 7 ]
	[ -z "$stderr" ]
	echo "$output" | jq -e '.error.code == 7 and .error.name == "conflict" and .error.retry == false and
		(.error | has("reload_error") and has("transaction")) and .error.try == "reload-enroll show calls.example"'
}

@test "init: two at once found one overlay, whole" {
	reload-enroll init calls.example -q 2>/dev/null & a=$!
	reload-enroll init calls.example -q 2>/dev/null & b=$!
	x=0; wait $a || x=$?
	y=0; wait $b || y=$?
	[ $((x + y)) -eq 7 ]
	R issue alice@calls.example
	[ "$status" -eq 0 ]
}

@test "init: wrong options say which value and exit with 2" {
	for args in "bad_name" "UPPER.example" "identity" "x.example --algorithm FOO" "x.example --node-id-length 15" \
		"x.example --node-id-length 21" "x.example --node-id-length 20" "x.example --self-signed md5" \
		"x.example --bootstrap host.example:1" "x.example --bootstrap 224.0.0.1:1" "x.example --bootstrap 1.2.3.4:0" \
		"x.example --enrollment-server http://a.example/" "x.example --validity 10x" "x.example --validity 1ms" \
		"x.example --validity -5" "x.example --node-ids 2"; do
		R init $args
		failed 2 .
	done
	# where nobody can be reached; R-11.4-06
	for args in 0.0.0.0:unspecified [::]:7001:unspecified 255.255.255.255:7001:broadcast [ff02::1]:7001:multicast \
		1.2.3.4:0:port [::ffff:224.0.0.1]:7001:multicast; do
		R init x.example --bootstrap "${args%:*}"
		failed 2 'not possible'
		matches "$stderr" "${args##*:}"
		matches "$stderr" 'try:  --bootstrap ADDR:PORT'
	done
	# R-11.1-15: http is refused
	R init x.example --enrollment-server http://a.example/
	failed 2 http://a.example/
	[ ! -e lab/etc/x.example ]
}

@test "init: --diagnostics says who may read them, by default nobody" {
	founded
	grep -q config-diagnostics $OVERLAY && return 1
	R config show calls.example --json
	[ "$(jq -c .diagnostics <<<"$output")" = '[]' ]
	# R7851-53, R7851-55: the extension is declared, and each Kind names its nodes
	R init users.example --diagnostics users
	[ "$status" -eq 0 ]
	grep -q '<mandatory-extension>urn:ietf:params:xml:ns:p2p:config-diagnostics<' lab/etc/users.example/overlay.xml
	R config show users.example --json
	[ "$(jq -r '.diagnostics | length' <<<"$output")" = 16 ]
	[ "$(jq -r '.diagnostics[0] | "\(.kind) \(.kind_id) \(.nodes[])"' <<<"$output")" = "STATUS_INFO 1 $(printf 'f%.0s' {1..32})" ]
	R config show users.example
	matches "$output" 'diagnostics +0x0001  STATUS_INFO  every node'
	R init signers.example --diagnostics signers
	[ "$status" -eq 0 ]
	R config show signers.example --json
	[ "$(jq -r '[.diagnostics[].nodes[]] | unique[]' <<<"$output")" = "$(jq -r '.configuration_signers[]' <<<"$output")" ]
	R config check signers.example
	[ "$status" -eq 0 ]
	R init all.example --diagnostics all
	failed 2 '--diagnostics all is not possible'
	[ ! -e lab/etc/all.example ]
}

@test "init: --kind adds checked Kinds" {
	kind='<kind name="SIP-REGISTRATION"><data-model>DICTIONARY</data-model><access-control>USER-NODE-MATCH</access-control><max-count>20</max-count><max-size>1000</max-size></kind>'
	part() { echo "<kind id=\"4026531845\">$1</kind>"; }
	model='<data-model>ARRAY</data-model>' access='<access-control>NODE-MATCH</access-control>'
	count='<max-count>4</max-count>' size='<max-size>100</max-size>'
	part "$model$access$count$size" >good.kind
	R init a.example --kind good.kind
	[ "$status" -eq 0 ]
	R config show a.example --json
	# R-11.1-36: several kind-blocks, each with id, model, access and limits
	echo "$output" | jq -e '[.kinds[] | select(.required)] | length == 3'
	echo "$output" | jq -e '.kinds[] | select(.kind_id == 4026531845) | .data_model == "ARRAY" and .access_control == "NODE-MATCH" and .max_count == 4 and .max_size_bytes == 100'
	# R-11.1-38: each part missing in turn
	for body in "$access$count$size" "$model$count$size" "$model$access$size" "$model$access$count"; do
		part "$body" >bad.kind
		R init b.example --kind bad.kind
		failed 10 .
	done
	# R-11.1-39: NODE-MULTIPLE needs max-node-multiple above 0
	for multiple in '' '<max-node-multiple>0</max-node-multiple>'; do
		part "$model<access-control>NODE-MULTIPLE</access-control>$count$size$multiple" >bad.kind
		R init b.example --kind bad.kind
		failed 10 .
	done
	part "$model<access-control>NODE-MULTIPLE</access-control>$count$size<max-node-multiple>3</max-node-multiple>" >good.kind
	R init c.example --kind good.kind
	[ "$status" -eq 0 ]
	# R-11.1-37: an unknown data model
	part "<data-model>TREE</data-model>$access$count$size" >bad.kind
	R init b.example --kind bad.kind
	failed 10 .
	# R-14-04: Kind-IDs that are never used, and the one of the overlay itself twice
	for id in 0 2147483647 4294967295 4294967294 4026531841; do
		echo "<kind id=\"$id\">$model$access$count$size</kind>" >bad.kind
		R init b.example --kind bad.kind
		failed 10 .
	done
	for text in '' 'not xml' '<kind' '<a/><b/>'; do
		echo "$text" >bad.kind
		R init b.example --kind bad.kind
		failed 10 .
	done
	R init b.example --kind /nonexistent
	failed 1 '/nonexistent cannot be read'
	R init b.example --kind .
	failed 1 'cannot be read'
	[ ! -e lab/etc/b.example ]
}

@test "init: SIP-REGISTRATION is defined, and --sip-domain restricts its domains" {
	R init calls.example
	[ "$status" -eq 0 ]
	R config show calls.example --json
	# R7904-33, R7904-11
	echo "$output" | jq -e '.kinds[] | select(.kind_id == 1) | .kind == "SIP-REGISTRATION" and .data_model == "DICTIONARY" and .access_control == "USER-NODE-MATCH" and .domains == null'
	R init a.example --sip-domain 'a[.]example' --sip-domain '.*[.]a[.]example'
	[ "$status" -eq 0 ]
	R config show a.example --json
	# R7904-10, R7904-14
	echo "$output" | jq -e '.kinds[] | select(.kind_id == 1) | .domains == ["a[.]example", ".*[.]a[.]example"]'
	R config show a.example
	matches "$output" 'domains  a\[\.\]example'
	for pattern in '(' '' 'a b' '(a)\1' '(a{9}){9}'; do
		R init b.example --sip-domain "$pattern"
		failed 2 sip-domain
	done
	echo '<kind name="SIP-REGISTRATION"><data-model>DICTIONARY</data-model><access-control>USER-NODE-MATCH</access-control><max-count>3</max-count><max-size>99</max-size></kind>' >own.kind
	R init c.example --kind own.kind
	[ "$status" -eq 0 ]
	R config show c.example --json
	echo "$output" | jq -e '[.kinds[] | select(.kind_id == 1) | .max_count] == [3]'
	R init d.example --kind own.kind --sip-domain x
	failed 2 sip-domain
}

@test "issue: the certificate is what RFC 6940 asks for" {
	founded
	R issue alice@calls.example --json
	[ "$status" -eq 0 ]
	id=$(echo "$output" | jq -r '.node_ids[0]')
	cert=lab/etc/identity/alice/cert.pem
	# R-13.3-02 R-11.3-26: it leads to the authority, whose certificate has BasicConstraints CA
	openssl verify -CAfile $CA/cert.pem $cert
	openssl x509 -in $CA/cert.pem -noout -ext basicConstraints | grep -q 'CA:TRUE'
	# R-11.3-22: empty subject
	[ "$(openssl x509 -in $cert -noout -subject)" = "subject=" ]
	# R-11.3-16 R-11.3-18 R-11.3-21 R-14-05: one reload URI, one rfc822Name, nothing else
	[ "$(openssl x509 -in $cert -noout -ext subjectAltName | tail -1 | tr -d ' ')" = \
		"URI:reload://0110$id@calls.example/,email:alice@calls.example" ]
	openssl x509 -in $cert -noout -ext subjectAltName | grep -q critical
	[ "$(openssl x509 -in $cert -noout -pubkey)" = "$(openssl pkey -in lab/etc/identity/alice/key.pem -pubout)" ]
	openssl pkey -in lab/etc/identity/alice/key.pem -noout -text | grep -q prime256v1
	[ "$(stat -c %a lab/etc/identity/alice/key.pem)" = 600 ]
	[ "$(stat -c %a lab/etc/identity/alice)" = 700 ]
	cmp lab/etc/identity/alice/overlay.xml $OVERLAY
	echo "$output" | jq -e '.identity == "alice" and .user == "alice@calls.example" and .overlay == "calls.example" and
		.self_signed == false and (.serial | length == 32) and (.certificate | startswith("-----BEGIN CERTIFICATE"))'
	[ "$(echo "$output" | jq -r .fingerprint)" = "$(openssl x509 -in $cert -outform DER | sha256sum | cut -d' ' -f1)" ]
}

@test "issue: Node-IDs are random, and the same user's again" {
	founded
	ids() { reload-enroll issue "$@" --json | jq -r '.node_ids | join(" ")'; }
	a=$(ids alice@calls.example)
	b=$(ids bob@calls.example)
	# R-11.3-14 R-13.6-01: nothing in common
	[ "${a:0:8}" != "${b:0:8}" ]
	# R-11.3-17: users keep their Node-IDs, in whatever identity
	[ "$(ids alice@calls.example)" = "$a" ]
	[ "$(ids alice@calls.example --identity second)" = "$a" ]
	three=$(ids alice@calls.example --node-ids 3)
	[ "${three%% *}" = "$a" ]
	[ "$(echo "$three" | wc -w)" -eq 3 ]
	[ "$(ids alice@calls.example)" = "$three" ]
	[ "$(ids alice@calls.example --node-ids 1)" = "$a" ]
	R issue carol@calls.example --node-ids 2
	matches "$output" '  Node-IDs [0-9a-f]{32} [0-9a-f]{32}  until '
	lab_ledger $CA/accounts.db | jq -e --arg a "$a" '.users["alice@calls.example"].node_ids[0] == $a and (.users["alice@calls.example"].certificates | length == 6)'
}

@test "issue: each device of a user has Node-IDs of its own, and keeps them" {
	founded
	ids() { reload-enroll issue "$@" --json | jq -r '.node_ids | join(" ")'; }
	a=$(ids alice@calls.example)
	b=$(ids alice@calls.example --identity phone --new-node-id)
	c=$(ids alice@calls.example --identity tablet --new-node-id --node-ids 2)
	[ "$a" != "$b" ]
	[ "$(echo "$a $b $c" | tr ' ' '\n' | sort -u | wc -l)" -eq 4 ]
	# R-11.3-17 ENR-06: issued again, each identity has its own again
	[ "$(ids alice@calls.example)" = "$a" ]
	[ "$(ids alice@calls.example --identity phone)" = "$b" ]
	[ "$(ids alice@calls.example --identity tablet)" = "$c" ]
	# more for one device are new ones, not those of another
	more=$(ids alice@calls.example --identity phone --node-ids 2)
	[ "${more%% *}" = "$b" ]
	[[ "$a $c" != *"${more##* }"* ]]
	lab_ledger $CA/accounts.db | jq -e --arg a "$a" --arg b "$b" '.users["alice@calls.example"].node_ids | index($a) == 0 and index($b) == 1 and length == 5'
	# the same command again does not use up Node-IDs, and nothing changes
	ledger=$(lab_ledger $CA/accounts.db)
	R issue alice@calls.example --identity phone --new-node-id
	failed 7 'identity phone has a Node-ID already'
	[ "$(lab_ledger $CA/accounts.db)" = "$ledger" ]
	R show phone
	[ "$status" -eq 0 ]
}

@test "issue: a user name is never a path" {
	founded
	mkdir -p lab/etc/x
	before=$(find lab | sort)
	for user in '../../x@calls.example' './x@calls.example' '/tmp/x@calls.example' 'a/b@calls.example' \
		'..@calls.example' '-x@calls.example'; do
		R issue -- "$user"
		failed 2 'cannot be the name of an identity'
		matches "${stderr_lines[2]}" '^  try:  .*--identity NAME'
	done
	[ "$(find lab | sort)" = "$before" ]
	R issue '../../x@calls.example' --identity odd
	[ "$status" -eq 0 ]
	[ -f lab/etc/identity/odd/cert.pem ]
}

@test "issue: the key stays, unless another is asked for" {
	founded
	reload-enroll issue alice@calls.example -q
	key=$(sha256sum lab/etc/identity/alice/key.pem)
	reload-enroll issue alice@calls.example -q
	[ "$(sha256sum lab/etc/identity/alice/key.pem)" = "$key" ]
	R issue alice@calls.example --key rsa2048
	failed 2 'replace it by a new one'
	[ "$(sha256sum lab/etc/identity/alice/key.pem)" = "$key" ]
	R issue alice@calls.example --key rsa2048 --yes
	[ "$status" -eq 0 ]
	openssl rsa -in lab/etc/identity/alice/key.pem -noout -check
	echo rubbish >lab/etc/identity/alice/key.pem
	R issue alice@calls.example --no-input
	failed 2 'cannot be used'
	R issue alice@calls.example -y
	[ "$status" -eq 0 ]
	R show alice
	[ "$status" -eq 0 ]
	R issue x@calls.example --key dsa
	failed 2 '--key'
}

@test "issue: user names" {
	founded
	# R-11.3-19: control characters, blanks and other scripts are username_not_available
	for user in $'a\tb@calls.example' 'a b@calls.example' $'caf\xc3\xa9@calls.example' ''; do
		R issue "$user"
		failed 7 'cannot be a user name'
		matches "${stderr_lines[1]}" username_not_available
	done
	for user in alice @calls.example alice@ a@b@calls.example; do
		R issue "$user"
		failed 2 'cannot be a user name'
	done
	# R-13.3-01: the name of the signer is taken
	R issue configuration-signer@calls.example
	failed 7 taken
	matches "${stderr_lines[1]}" username_not_available
	R issue Alice@calls.example
	[ "$status" -eq 0 ]
	matches "$stderr" 'warning: Alice@calls.example has upper case'
}

@test "issue: another user's identity is refused" {
	founded
	reload-enroll issue alice@calls.example -q
	before=$(sha256sum lab/etc/identity/alice/*)
	R issue bob@calls.example --identity alice -y
	failed 7 'identity alice is taken'
	[ "${stderr_lines[1]}" = "  why:  it belongs to alice@calls.example in the overlay calls.example" ]
	[ "$(sha256sum lab/etc/identity/alice/*)" = "$before" ]
	run jq -e '.users | has("bob@calls.example")' <<<"$(lab_ledger $CA/accounts.db)"
	[ "$status" -eq 1 ]
	echo rubbish >lab/etc/identity/alice/cert.pem
	R issue alice@calls.example
	failed 7 'identity alice is taken'
	R issue bob@calls.example --identity ./elsewhere
	[ "$status" -eq 0 ]
	[ "$(stat -c %a elsewhere/key.pem)" = 600 ]
	R issue bob@calls.example --identity .hidden
	failed 2 identity
}

@test "issue: validity by default and by option" {
	founded
	# R-13.3-03: 90 days, or what is asked for, never longer than the authority
	reload-enroll issue alice@calls.example -q
	openssl x509 -in lab/etc/identity/alice/cert.pem -noout -checkend $((90 * 86400 - 60))
	run ! openssl x509 -in lab/etc/identity/alice/cert.pem -noout -checkend $((90 * 86400 + 60))
	reload-enroll issue bob@calls.example -q --validity 1h30m
	openssl x509 -in lab/etc/identity/bob/cert.pem -noout -checkend 5300
	run ! openssl x509 -in lab/etc/identity/bob/cert.pem -noout -checkend 5500
	R issue carol@calls.example --validity 9999d
	matches "$output" "until $(date -u -d '1825 days' +%F)"
	R issue carol@calls.example --validity 99999d
	failed 2 '--validity'
}

@test "issue: --csr certifies the key of the request" {
	founded
	openssl req -new -newkey rsa:2048 -nodes -keyout dave.key -subj / -addext subjectAltName=email:dave@calls.example -out dave.csr 2>/dev/null
	R issue dave@calls.example --csr dave.csr
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	echo "$output" >dave.pem
	# R-11.3-13: for the request's key and user, signed by the authority
	openssl verify -CAfile $CA/cert.pem dave.pem
	[ "$(openssl x509 -in dave.pem -noout -pubkey)" = "$(openssl pkey -in dave.key -pubout)" ]
	openssl x509 -in dave.pem -noout -email | grep -qx dave@calls.example
	[ ! -e lab/etc/identity/dave ]
	R issue dave@calls.example --csr - <dave.csr
	[ "$status" -eq 0 ]
	openssl req -in dave.csr -outform DER -out dave.der
	R issue dave@calls.example --csr dave.der --identity dave
	[ "$status" -eq 0 ]
	[ ! -e lab/etc/identity/dave/key.pem ]
	[ -e lab/etc/identity/dave/overlay.xml ]
	R issue eve@calls.example --csr dave.csr
	failed 10 'another user'
	matches "$stderr" bad_CSR
	head -c 300 dave.der >cut.der
	: >empty
	for file in cut.der empty $CA/cert.pem; do
		R issue dave@calls.example --csr $file
		failed 10 .
	done
	# a request whose signature does not verify
	python3 -c 'b=bytearray(open("dave.der","rb").read()); b[-5]^=1; open("flip.der","wb").write(b)'
	R issue dave@calls.example --csr flip.der
	failed 10 .
	R issue dave@calls.example --csr missing
	failed 1 'missing cannot be read'
	R issue dave@calls.example --csr dave.csr --key p256
	failed 2 exclude
}

@test "issue: --dry-run leaves everything as it was" {
	founded
	before=$(find lab -type f -exec sha256sum {} + | sort)
	R issue alice@calls.example --dry-run
	[ "$status" -eq 0 ]
	matches "$output" '^would issue alice  alice@calls.example  Node-ID '
	[ "$(find lab -type f -exec sha256sum {} + | sort)" = "$before" ]
}

@test "issue: which overlay" {
	R issue alice@calls.example
	failed 10 'no authority is here'
	[ "${stderr_lines[2]}" = "  try:  reload-enroll init OVERLAY" ]
	founded
	reload-enroll init other.example -q
	R issue alice@calls.example
	[ "$status" -eq 0 ]
	R issue alice@third.example
	failed 2 'several overlays'
	matches "${stderr_lines[1]}" 'calls.example, other.example'
	R issue alice@third.example --overlay other.example --identity x --json
	echo "$output" | jq -e '.overlay == "other.example"'
	RELOAD_OVERLAY=other.example R issue alice@third.example --identity y --json
	echo "$output" | jq -e '.overlay == "other.example"'
	R issue alice@calls.example --overlay missing.example
	failed 10 'no authority of missing.example'
	R issue alice@calls.example --overlay ../etc
	failed 2 'name of an overlay'
}

# R-11.3-20: a user name need not be of the overlay's domain, but that has to be meant
@test "issue and self: a user of another domain" {
	founded --self-signed sha256
	for command in issue self; do
		R $command dave@other.example
		failed 2 'dave@other.example is of another domain than calls.example'
		[ "${stderr_lines[2]}" = "  try:  the same command with --overlay calls.example, if the name is meant" ]
		[ ! -e lab/etc/identity/dave ]
		R $command dave@other.example --overlay calls.example --identity $command
		[ "$status" -eq 0 ]
		matches "$stderr" 'warning: dave@other.example is of another domain than the overlay calls.example'
		RELOAD_OVERLAY=calls.example R $command dave@other.example --identity "$command-2"
		[ "$status" -eq 0 ]
		R $command dora@Calls.Example --identity "$command-3" --json
		[ "$status" -eq 0 ]
		[[ $stderr != *"another domain"* ]]
	done
}

@test "issue: many at once keep the ledger whole" {
	founded
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		reload-enroll issue user$i@calls.example -q &
		pids="$pids $!"
	done
	for p in $pids; do wait "$p"; done
	lab_ledger $CA/accounts.db | jq -e '.users | length == 9'
	[ "$(lab_ledger $CA/accounts.db | jq -r '.users[].node_ids[]' | sort -u | wc -l)" -eq 9 ]
	R show
	[ "$status" -eq 0 ]
}

@test "issue: a lock that stays taken ends in a timeout" {
	founded
	exec 9>$CA/lock
	flock 9
	R issue alice@calls.example --timeout 300ms
	exec 9>&-
	failed 4 'stays locked'
}

@test "issue: a damaged authority is named" {
	founded
	cp -r lab good
	check() {
		R issue alice@calls.example
		failed 10 "$1"
		[ ! -e lab/etc/identity/alice ]
		rm -rf lab && cp -r good lab
	}
	head -c 100 good/etc/calls.example/ca/cert.pem >$CA/cert.pem; check ca/cert.pem
	: >$CA/key.pem; check ca/key.pem
	cp $CA/signer/key.pem $CA/key.pem; check 'does not fit'
	rm $CA/key.pem; check key.pem
	echo '{' >$CA/issued.json; check 'ledger is damaged'
	echo '{"users":{"a":{"node_ids":["xyz"],"certificates":[]}}}' >$CA/issued.json; check 'ledger is damaged'
	head -c 1000 good/etc/calls.example/overlay.xml >$OVERLAY; check overlay.xml
	rm $OVERLAY; check overlay.xml
}

@test "a full disk or a file size limit leaves nothing half done" {
	# the limit counts blocks of 1024 bytes: the first configuration is larger
	run --separate-stderr bash -c 'ulimit -f 1; reload-enroll init calls.example'
	failed 1 'cannot be written'
	[ -z "$(find lab -type f 2>/dev/null)" ]
	founded
	reload-enroll issue alice@calls.example -q
	state() { lab_ledger $CA/accounts.db; find lab -type f ! -name 'accounts.db*' -exec sha256sum {} + | sort; }
	before=$(state)
	run --separate-stderr bash -c 'ulimit -f 1; reload-enroll issue bob@calls.example'
	failed 1 'the users in'
	run --separate-stderr bash -c 'ulimit -f 1; reload-enroll issue alice@calls.example'
	failed 1 'the users in'
	[ "$(state)" = "$before" ]
	[ ! -e lab/etc/identity/bob ]
}

@test "a full file system leaves nothing half done" {
	mkdir tiny
	[ "$(id -u)" = 0 ] && mount -t tmpfs -o size=32k tiny "$PWD/tiny" 2>/dev/null || skip "no tmpfs can be mounted"
	dd if=/dev/zero of=tiny/fill bs=4k count=3 2>/dev/null
	RELOAD_HOME=$PWD/tiny R init calls.example
	left=$(find tiny -type f ! -name fill)
	umount tiny
	failed 1 'cannot be'
	[ -z "$left" ]
}

@test "a directory that cannot be written is named" {
	: >file
	RELOAD_HOME=$PWD/file R init calls.example
	failed 1 'file'
	RELOAD_HOME=$PWD/file R init calls.example --dry-run
	failed 1 'file'
	closed=$(mktemp -d)
	if [ "$(id -u)" = 0 ]; then
		nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
		chmod 755 "$closed"
		if ! (cd / && $nobody "$RELOAD_BIN/reload-enroll" --version >/dev/null 2>&1); then
			rmdir "$closed"
			skip "the binaries are closed to others"
		fi
		RELOAD_HOME=$closed run --separate-stderr $nobody "$RELOAD_BIN/reload-enroll" init calls.example
	else
		chmod 555 "$closed"
		RELOAD_HOME=$closed R init calls.example
	fi
	rmdir "$closed" # it is empty
	failed 1 'cannot be made'
	[ "${stderr_lines[2]}" = "  try:  choose a directory that is yours: export RELOAD_HOME=DIR" ]
}

@test "self: only where the overlay permits it" {
	founded
	R self alice@calls.example
	failed 6 'does not permit self-signed'
	[ "${stderr_lines[2]}" = "  try:  reload-enroll issue alice@calls.example" ]
	[ ! -e lab/etc/identity/alice ]
	R self alice@calls.example -j
	[ "$status" -eq 6 ]
	echo "$output" | jq -e '.error.name == "forbidden" and .error.reload_error == null'
}

@test "self: Node-IDs are the digest of the key" {
	for digest in sha1 sha256; do
		reload-enroll init $digest.example --self-signed $digest -q
		# R-11.3.1-01: a node makes its own certificate, the user name is free
		R self anything@$digest.example --identity $digest --json
		[ "$status" -eq 0 ]
		dir=lab/etc/identity/$digest
		# R-11.3.1-02 R-11.1-19: both digests over the DER SubjectPublicKeyInfo
		want=$(openssl pkey -in $dir/key.pem -pubout -outform DER | openssl $digest -r | cut -c1-32)
		[ "$(echo "$output" | jq -r '.node_ids[0]')" = "$want" ]
		echo "$output" | jq -e .self_signed
		openssl verify -CAfile $dir/cert.pem $dir/cert.pem
		[ "$(stat -c %a $dir/key.pem)" = 600 ]
		R self anything@$digest.example --identity $digest --json
		[ "$(echo "$output" | jq -r '.node_ids[0]')" = "$want" ]
		R show $digest
		[ "$status" -eq 0 ]
		# R-11.3.1-03: an index of four bytes from 1 stands in front of the key
		R self anything@$digest.example --identity $digest --node-ids 2 --json
		want=$({ printf '\0\0\0\2'; openssl pkey -in $dir/key.pem -pubout -outform DER; } | openssl $digest -r | cut -c1-32)
		[ "$(echo "$output" | jq -r '.node_ids[1]')" = "$want" ]
		R show $digest
		[ "$status" -eq 0 ]
	done
}

@test "self: a chosen Node-ID is refused by everybody else" {
	reload-enroll init calls.example --self-signed sha1 -q
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out k.csr -subj / 2>/dev/null
	echo "subjectAltName=critical,$(uri $NODE),email:eve@calls.example" >k.ext
	openssl x509 -req -in k.csr -signkey k.pem -days 10 -extfile k.ext -out chosen.pem 2>/dev/null
	# R-11.3.1-04
	R show ./chosen.pem
	[ "$status" -eq 10 ]
	matches "$output" '  error  '
	matches "$output" '  usable     no'
}

@test "self: a document without authority" {
	mkdir -p lab
	doc '<self-signed-permitted digest="sha1">true</self-signed-permitted>' >own.xml
	# R-11.1-17: neither root-cert nor enrollment-server
	R self alice@calls.example --config own.xml
	[ "$status" -eq 0 ]
	R show alice
	[ "$status" -eq 0 ]
}

@test "a document with a setting that is not kept is refused by every program" {
	founded
	reload-enroll issue alice@calls.example -q
	# R-11.1-27 R-14-07: links could not be made with that secret, which is not shown to anybody
	doc "$(root)<shared-secret>$(printf 'hush%.0s' $(seq 65))</shared-secret>" >secret.xml
	for command in 'config check' 'config show'; do
		R $command secret.xml
		failed 10 "secret.xml"
		matches "$stderr" 'shared-secret has 260 bytes, and may have 1 to 256'
		matches "${stderr_lines[2]}" '^  try:  .*sign the document again'
		[[ $stderr != *hush* ]]
	done
	run --separate-stderr reload-agent check -I alice --config secret.xml
	[ "$status" -eq 10 ]
	matches "$stderr" 'may have 1 to 256'
}

@test "init --ice: links by ICE, with what TURN servers are found by" {
	R init ice.example --ice --bootstrap 192.0.2.1
	[ "$status" -eq 0 ]
	matches "${lines[0]}" '^created overlay ice.example: CHORD-RELOAD, 128-bit Node-IDs, links ICE$'
	# R-11.1-24 R-11.1-22: no no-ice; turn-density, and the Kind among the required ones
	run ! grep no-ice lab/etc/ice.example/overlay.xml
	R config show ice.example --json
	echo "$output" | jq -e '.no_ice == false and .turn_density == 10'
	echo "$output" | jq -e '.kinds | map(select(.kind == "TURN-SERVICE")) | length == 1 and .[0].required and
		.[0].data_model == "SINGLE" and .[0].access_control == "NODE-MULTIPLE" and .[0].max_count == 1 and .[0].max_size_bytes == 64'
	echo "$output" | jq -e '.kinds | any(.kind_id == 4026531841)'
	R config check ice.example
	[ "$status" -eq 0 ]
	R config show ice.example
	matches "$output" 'Node-IDs, ICE'
	matches "$output" 'turn-density   10 records of each server'
	R show ice.example
	matches "$output" '  links      ICE'
	R show ice.example --json
	echo "$output" | jq -e '.items[0].no_ice == false and .usable'
	R issue alice@ice.example
	[ "$status" -eq 0 ]
	R show alice
	[ "$status" -eq 0 ]
	# R-9-04: not more than the RFC has, and the file of an operator wins
	echo '<kind name="TURN-SERVICE"><data-model>SINGLE</data-model><access-control>NODE-MULTIPLE</access-control>
		<max-count>1</max-count><max-size>32</max-size><max-node-multiple>5</max-node-multiple></kind>' >turn.kind
	R init own.example --ice --kind turn.kind --json
	[ "$status" -eq 0 ]
	echo "$output" | jq -e '.no_ice == false'
	R config show own.example --json
	echo "$output" | jq -e '.kinds | map(select(.kind == "TURN-SERVICE")) | length == 1 and .[0].max_size_bytes == 32'
	# without it, all is as it was
	R init plain.example --json
	echo "$output" | jq -e '.no_ice and .links == ["TLS"]'
	R config show plain.example --json
	echo "$output" | jq -e '.no_ice and .turn_density == 1 and (.kinds | map(select(.kind == "TURN-SERVICE" and .required)) == [])'
	R show plain.example
	matches "$output" '  links      no ICE'
}

@test "a document without no-ice, or with false, is one of ICE" {
	founded
	reload-enroll issue alice@calls.example -q
	# R-11.1-24
	doc "$(root)<no-ice>false</no-ice>" >ice.xml
	doc "$(root)" | sed 's|<no-ice>true</no-ice>||' >absent.xml
	for file in ice absent; do
		R config show $file.xml --json
		[ "$status" -eq 0 ]
		echo "$output" | jq -e '.no_ice == false'
		run --separate-stderr reload-agent check -I alice --config $file.xml
		[ "$status" -eq 0 ]
	done
}

@test "config check: an initial-ttl that does not cross the ring" {
	founded
	R config show --json
	# R-13.6-03: log2 of the number of peers + 5
	echo "$output" | jq -e '.initial_ttl == 30'
	doc "$(root)<initial-ttl>9</initial-ttl>" >small.xml
	R config check small.xml
	[ "$status" -eq 0 ]
	matches "$stderr" 'initial-ttl 9 is safe in rings of 16 peers at most .*: 30 is proposed'
	doc "$(root)<initial-ttl>15</initial-ttl>" >enough.xml
	R config check enough.xml
	[ "$status" -eq 0 ]
	[[ $stderr != *initial-ttl* ]]
}

@test "self and issue: changing from one to the other asks" {
	founded --self-signed sha1
	reload-enroll issue alice@calls.example -q
	R self alice@calls.example
	failed 2 'self-signed'
	R self alice@calls.example -y
	[ "$status" -eq 0 ]
	R issue alice@calls.example </dev/null
	failed 2 'self-signed'
}

@test "show: an identity, an overlay, everything" {
	founded
	reload-enroll issue alice@calls.example -q
	R show alice
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${lines[0]}" = "identity alice  lab/etc/identity/alice" ]
	[ "${lines[1]}" = "  user       alice@calls.example" ]
	# R-11.3-27: Node-IDs are read from the certificate
	matches "${lines[2]}" '^  Node-ID    [0-9a-f]{32}$'
	matches "$output" "  valid      $(date -u +%F) until $(date -u -d '90 days' +%F) \((89|90) days\)" # 89 from the next second on
	matches "$output" 'chain      alice@calls.example < CN ?= ?calls.example authority'
	[ "${lines[-1]}" = "  usable     yes" ]
	R show alice --json
	echo "$output" | jq -e '.usable and (.items | length == 1) and (.items[0] | .type == "identity" and .key_fits and
		.problems == [] and (.days_left == 90 or .days_left == 89))'
	R show --flat alice
	matches "$output" 'items\.0\.user=alice@calls\.example'
	R show
	[ "$status" -eq 0 ]
	[ "$(echo "$output" | grep -c '^[a-z]')" -eq 2 ]
	R show lab/etc/identity/alice
	[ "$status" -eq 0 ]
	R show $CA/cert.pem
	[ "$status" -eq 0 ]
	R show - <lab/etc/identity/alice/cert.pem
	[ "$status" -eq 0 ]
	matches "$output" 'user       alice@calls.example'
	R show - <$OVERLAY
	[ "$status" -eq 0 ]
	R show calls.example
	[ "$status" -eq 0 ]
	matches "$output" '  sequence   1, signed'
}

@test "show: what cannot be found or is ambiguous" {
	R show
	failed 10 'nothing to show'
	founded
	R show nobody
	failed 10 'nothing is called nobody'
	R show ./missing.pem
	failed 10 'missing.pem cannot be read'
	reload-enroll issue alice@calls.example --identity calls.example -q
	R show calls.example
	failed 2 'calls.example is an identity and an overlay'
	matches "${stderr_lines[1]}" ambiguous
	R show one two
	failed 2 'too many operands: two'
}

@test "show: problems of an identity end in 10" {
	founded
	reload-enroll issue alice@calls.example -q
	reload-enroll issue bob@calls.example -q
	dir=lab/etc/identity/alice
	cp -r $dir good
	bad() {
		R show alice
		[ "$status" -eq 10 ]
		matches "$output" "$1"
		[ "${lines[-1]}" = "  usable     no" ]
		R show alice --json
		[ "$status" -eq 10 ]
		echo "$output" | jq -e '.usable == false and ([.items[0].problems[] | select(.severity == "error")] | length > 0) and
			all(.items[0].problems[]; .severity != "error" or (.try != null and (.try | startswith("reload-enroll show") | not)))'
		rm -rf $dir && cp -r good $dir
	}
	head -c 200 good/cert.pem >$dir/cert.pem; bad cert.pem
	echo text >$dir/cert.pem; bad cert.pem
	: >$dir/cert.pem; bad cert.pem
	head -c 100 good/key.pem >$dir/key.pem; bad key.pem
	cp lab/etc/identity/bob/key.pem $dir/key.pem; bad 'does not belong'
	rm $dir/key.pem; bad key.pem
	sed -i 's/<node-id-length>16/<node-id-length>17/' $dir/overlay.xml; bad overlay.xml
	sed -i 's/max-message-size>1/max-message-size>2/' $dir/overlay.xml; bad 'signature'
	head -c 2000 good/overlay.xml >$dir/overlay.xml; bad overlay.xml
	cp $dir/cert.pem $dir/overlay.xml; bad overlay.xml
	reload-enroll init other.example -q
	cp lab/etc/other.example/overlay.xml $dir/overlay.xml; bad overlay.xml
	chmod 644 $dir/key.pem
	R show alice
	[ "$status" -eq 0 ]
	matches "$output" '  warning    others may read key.pem'
	matches "$output" 'try:  chmod 600'
}

@test "show: certificates that no node would take" {
	founded
	mail=email:eve@calls.example
	refused() {
		R show ./$1.pem
		[ "$status" -eq 10 ]
		matches "$output" "$2"
	}
	ca_sign good "$(uri $NODE),$mail"
	R show ./good.pem
	[ "$status" -eq 0 ]
	# R-11.3-21: other identities in subjectAltName
	ca_sign dns "$(uri $NODE),$mail,DNS:calls.example"
	refused dns error
	# R-11.3-22: a subject that is not empty
	ca_sign subject "$(uri $NODE),$mail" /CN=eve
	refused subject 'subject'
	# R-11.3-18: no user name, two of them
	ca_sign nomail "$(uri $NODE)"
	refused nomail error
	ca_sign two "$(uri $NODE),$mail,email:mallory@calls.example"
	refused two error
	# wrong length of the Node-ID, another overlay
	ca_sign short "URI:reload://010e${NODE:0:28}@calls.example/,$mail"
	refused short error
	ca_sign other "URI:reload://0110$NODE@other.example/,$mail"
	R show ./other.pem --config $OVERLAY
	[ "$status" -eq 10 ]
	# R-11.3-26: signed by somebody who is no authority, by another root
	ca_sign middle "$(uri $NODE),$mail"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj / 2>/dev/null
	printf 'subjectAltName=critical,%s,%s\n' "$(uri $NODE)" "$mail" >leaf.ext
	openssl x509 -req -in leaf.csr -CA middle.pem -CAkey middle.key -set_serial 5 -days 9 -extfile leaf.ext -out leaf.pem 2>/dev/null
	cat leaf.pem middle.pem >chain.pem
	refused chain error
	mv lab first && founded
	mv good.pem stranger.pem
	refused stranger error
}

@test "show: an expired certificate" {
	founded
	reload-enroll issue alice@calls.example -q --validity 1s
	for i in $(seq 100); do
		R show alice
		[ "$status" -eq 0 ] || break
		read -r -t 0.05 <> <(:) || true
	done
	[ "$status" -eq 10 ]
	matches "$output" 'expired'
}

@test "config check: an expired configuration serves nobody" {
	founded --validity 1s
	for i in $(seq 100); do
		R config check
		[ "$status" -eq 0 ] || break
		read -r -t 0.05 <> <(:) || true
	done
	# R-11.1-08
	failed 10 expired
	R issue alice@calls.example
	failed 10 expired
}

@test "config check: signed, unsigned, forged" {
	founded
	R config check $OVERLAY
	[ "$status" -eq 0 ]
	matches "$output" "^$OVERLAY: valid: calls.example, sequence 1, signed, until "
	R config check calls.example -q
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	# R-11.1-06: without a signature element it is accepted with a warning
	sed '/<signature>/d' $OVERLAY >unsigned.xml
	R config check unsigned.xml
	[ "$status" -eq 0 ]
	matches "$output" 'not signed'
	matches "$stderr" 'warning: unsigned.xml: .*not signed'
	# R-11.1-45 R-11.1-47 R-14-08: a changed element, a changed signature
	sed 's/127.0.0.1/127.0.0.2/' $OVERLAY >forged.xml
	R config check forged.xml
	failed 10 .
	sed 's/<signature>A/<signature>B/' $OVERLAY >forged.xml
	R config check forged.xml
	failed 10 .
	# R-11.1-44: the bytes count, not their meaning
	sed 's/^    <no-ice>/      <no-ice>/' $OVERLAY >indented.xml
	run ! cmp -s indented.xml $OVERLAY
	R config check indented.xml
	failed 10 .
	# R-11.1-42 R-11.1-43: the Kind's signature
	sed 's/<max-size>4096/<max-size>4097/; /<signature>/d' $OVERLAY >kind.xml
	R config check kind.xml
	failed 10 .
	# signed by another authority
	mv lab first && founded
	python3 - <<-'END'
	import re
	a = open("first/etc/calls.example/overlay.xml").read()
	b = open("lab/etc/calls.example/overlay.xml").read()
	sig = re.search(r"<signature>.*</signature>", b).group(0)
	open("mixed.xml", "w").write(re.sub(r"<signature>.*</signature>", lambda m: sig, a))
	END
	R config check mixed.xml
	failed 10 .
}

@test "config check: values out of range name the line" {
	founded
	bad() {
		doc "$(root)$1" ${2+"$2"} >bad.xml
		R config check bad.xml
		failed 10 bad.xml
		R config check bad.xml --json
		[ "$status" -eq 10 ]
		[ -z "$stderr" ]
		echo "$output" | jq -e '.error.code == 10 and .error.name == "credentials"'
	}
	good() {
		doc "$(root)$1" ${2+"$2"} >good.xml
		R config check good.xml
		[ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
	}
	good ''
	# R-11.1-10: other offsets than Z; R-11.1-11: 65535
	bad '' 'expiration="2099-01-01T00:00:00+01:00"'
	good '' 'sequence="65534"'
	bad '' 'sequence="65535"'
	# R-11.1-12 R-11.1-13
	bad '<topology-plugin>FOO</topology-plugin>'
	bad '<node-id-length>15</node-id-length>'
	bad '<node-id-length>21</node-id-length>'
	# R-11.1-15
	bad '<enrollment-server>http://a.example/</enrollment-server>'
	# R-11.1-18: false is accepted with a warning
	good '<self-signed-permitted digest="sha1">false</self-signed-permitted>'
	matches "$stderr" 'self-signed-permitted false'
	# R-11.1-04: four forms of a boolean, white space around it
	for form in true 1 ' true '; do good "<no-ice>$form</no-ice>"; done
	for form in false 0 ' false '; do good "<clients-permitted>$form</clients-permitted>"; done
	bad '<no-ice>yes</no-ice>'
	# R-11.1-30
	good '<overlay-reliability-timer>200</overlay-reliability-timer>'
	bad '<overlay-reliability-timer>199</overlay-reliability-timer>'
	# R-11.1-31: one known protocol is enough
	good '<overlay-link-protocol>TLS</overlay-link-protocol><overlay-link-protocol>FOO</overlay-link-protocol>'
	bad '<overlay-link-protocol>FOO</overlay-link-protocol>'
	# R-11.1-34 R-11.1-35: several extensions, of which each has to be known
	chord='<mandatory-extension>urn:ietf:params:xml:ns:p2p:config-chord</mandatory-extension>'
	good "$chord<mandatory-extension>urn:ietf:params:xml:ns:p2p:config-base</mandatory-extension>"
	bad "$chord<mandatory-extension>urn:unknown</mandatory-extension>"
	# R-11.1-03: other namespaces are ignored
	good '<x:y xmlns:x="urn:x" a="b"/>'
	# a Node-ID of another length
	bad '<bad-node>00112233</bad-node>'
	bad '<max-message-size>0</max-message-size>'
	bad '<initial-ttl>256</initial-ttl>'
	doc "$(root)
<no-ice>maybe</no-ice>" >line.xml
	R config check line.xml
	failed 10 line.xml
	matches "$stderr" 'line 5'
}

@test "config check: what is no document" {
	founded
	head -c 1500 $OVERLAY >cut.xml
	echo 'plain text' >plain.xml
	: >empty.xml
	doc '' | sed '1s/UTF-8/ISO-8859-1/' >latin.xml
	{ doc '' | sed '$d'; printf '<!-- \xe9 --></overlay>\n'; } >bytes.xml
	printf '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>\n<overlay>&b;</overlay>\n' >entity.xml
	head -c 3000000 /dev/zero | tr '\0' ' ' >huge.xml
	# R-11.1-01: not well-formed, not UTF-8
	for file in cut plain empty latin bytes entity huge; do
		R config check $file.xml
		failed 10 $file.xml
	done
	R config check missing.xml
	failed 10 missing.xml
	R config check .
	failed 10 .
	R config check no.such.overlay
	failed 10 'no.such.overlay is no file and no overlay'
	# R-11.1-02: the encoding should be declared
	doc "$(root)" | sed 1d >undeclared.xml
	R config check undeclared.xml
	[ "$status" -eq 0 ]
	matches "$stderr" 'encoding'
	R config check - <$OVERLAY
	[ "$status" -eq 0 ]
	mkfifo pipe
	exec 9<>pipe
	R config check pipe -t 200ms
	exec 9>&-
	failed 4 'pipe cannot be read'
}

@test "config show: defaults, roots, Kinds of the registry" {
	founded
	first=$(root)
	mv lab first && founded
	doc "$first$(root)" >two.xml
	R config show two.xml --json
	[ "$status" -eq 0 ]
	# R-11.1-28: 5000; R-11.1-14: two trust anchors
	echo "$output" | jq -e '.max_message_size == 5000 and (.roots | length == 2) and .signed == false and .sequence == 7'
	RELOAD_HOME=$PWD/first reload-enroll issue alice@calls.example -q
	reload-enroll issue bob@calls.example -q
	R show ./first/etc/identity/alice/cert.pem --config two.xml
	[ "$status" -eq 0 ]
	R show ./lab/etc/identity/bob/cert.pem --config two.xml
	[ "$status" -eq 0 ]
	# R-11.1-40 R-11.1-41: the registration wins over the document, and the checker tells
	echo '<kind name="TURN-SERVICE"><data-model>ARRAY</data-model><access-control>NODE-MULTIPLE</access-control><max-count>1</max-count><max-size>100</max-size><max-node-multiple>5</max-node-multiple></kind>' >turn.kind
	reload-enroll init turn.example --kind turn.kind -q
	R config show turn.example --json
	echo "$output" | jq -e '.kinds[] | select(.kind == "TURN-SERVICE") | .data_model == "SINGLE" and .max_size_bytes == 100'
	R config check turn.example
	[ "$status" -eq 0 ]
	matches "$stderr" 'TURN-SERVICE is registered as SINGLE'
	# a document that does not fit a ConfigUpdate: the checker proposes a size
	doc "$(root)<x:pad xmlns:x=\"urn:x\">$(head -c 6000 /dev/zero | tr '\0' a)</x:pad>" >large.xml
	R config check large.xml
	matches "$stderr" 'max-message-size [0-9]+ is proposed'
}

@test "config show: the overlay is chosen by its name" {
	founded
	reload-enroll init other.example -q
	{ sed '/<\/overlay>/d' $OVERLAY; sed '1,/chord:\?[^>]*>$/d' lab/etc/other.example/overlay.xml; } >both.xml
	xmllint --noout both.xml
	# R-11.1-05: several configuration elements in one document
	R config show both.xml --overlay other.example --json
	[ "$status" -eq 0 ]
	echo "$output" | jq -e '.overlay == "other.example" and .signed'
	R config show both.xml --overlay calls.example --json
	echo "$output" | jq -e '.overlay == "calls.example"'
	R config show both.xml
	failed 10 both.xml
	R config show
	failed 2 'several overlays'
}

@test "a bad-node is a certificate no more" {
	founded
	id=$(reload-enroll issue alice@calls.example --json | jq -r '.node_ids[0]')
	doc "$(root)<bad-node>$id</bad-node>" >bad.xml
	# R-11.1-33
	R show alice --config bad.xml
	[ "$status" -eq 10 ]
	matches "$output" 'bad-node'
}

@test "options: order, --, unknown, shortened, doubled" {
	R --json init calls.example --bootstrap=127.0.0.1:7001
	[ "$status" -eq 0 ]
	R issue --identity=a -- alice@calls.example
	[ "$status" -eq 0 ]
	R -vq issue -Ib bob@calls.example
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	matches "$stderr" '^reload-enroll: authority '
	R issue alice@calls.example --identi b
	failed 2 'no option --identi'
	[ "${stderr_lines[2]}" = "  try:  reload-enroll --identity" ]
	R issue alice@calls.example --bootstrap 1.2.3.4
	failed 2 'no option --bootstrap in reload-enroll issue'
	R issue alice@calls.example --identity
	failed 2 'option --identity needs NAME'
	R issue alice@calls.example --quiet=yes
	failed 2 'option --quiet takes no value'
	R issue -Z alice@calls.example
	failed 2 'no option -Z'
	R issue
	failed 2 'an operand is missing'
	R
	failed 2 'no subcommand was given'
	R isue
	failed 2 'no subcommand isue'
	[ "${stderr_lines[2]}" = "  try:  reload-enroll issue" ]
	R config chek
	failed 2 'no subcommand config chek'
	[ "${stderr_lines[2]}" = "  try:  reload-enroll config check" ]
	for later in purge "config delete"; do
		R $later
		failed 2 'no subcommand'
	done
	R show --color sometimes
	failed 2 '--color'
	R show --timeout soon
	failed 2 '--timeout'
	RELOAD_FORMAT=xml R show
	failed 2 RELOAD_FORMAT
	R show --jso --json
	[ "$status" -eq 2 ]
	[ -z "$stderr" ]
	echo "$output" | jq -e '.error.name == "usage"'
}

@test "help, version, schema: without files, on standard output" {
	unset RELOAD_HOME
	export HOME=/nonexistent
	for args in --help -h "issue --help" --version -V; do
		R $args
		[ "$status" -eq 0 ]
		[ -n "$output" ]
		[ -z "$stderr" ]
	done
	for command in init issue self show "config show" "config check"; do
		R $command --json-schema
		[ "$status" -eq 0 ]
		echo "$output" | jq -e --arg t "reload-enroll $command" '.title == $t and (.oneOf | length == 2) and (.oneOf[0].required | length > 1)'
	done
}

@test "what --json prints has exactly the keys of --json-schema" {
	keys() { reload-enroll $1 --json-schema | jq -c '.oneOf[0].properties | keys'; }
	[ -n "$(keys init)" ]
	[ "$(reload-enroll init calls.example --json | jq -c keys)" = "$(keys init)" ]
	[ "$(reload-enroll issue alice@calls.example --json | jq -c keys)" = "$(keys issue)" ]
	[ "$(reload-enroll show --json | jq -c keys)" = "$(keys show)" ]
	[ "$(reload-enroll show alice --json | jq -c '.items[0] | keys')" = \
		"$(reload-enroll show --json-schema | jq -c '.oneOf[0].properties.items.items.properties | keys')" ]
	[ "$(reload-enroll config show --json | jq -c keys)" = "$(keys 'config show')" ]
	[ "$(reload-enroll config check --json | jq -c keys)" = "$(keys 'config check')" ]
	[ "$(reload-enroll init calls.example --json | jq -c '.error | keys')" = \
		"$(reload-enroll init --json-schema | jq -c '.oneOf[1].properties.error.properties | keys')" ]
}

@test "streams: a full disk behind standard output, closed streams, colour" {
	founded
	run --separate-stderr bash -c 'reload-enroll config show >/dev/full'
	[ "$status" -eq 1 ]
	matches "$stderr" 'standard output could not be written'
	run --separate-stderr bash -c 'reload-enroll config show >&-'
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	run --separate-stderr bash -c 'reload-enroll config check <&-'
	[ "$status" -eq 0 ]
	run --separate-stderr bash -c 'set -o pipefail; for i in 1 2 3; do reload-enroll config show --json; done | true; exit 0'
	[ -z "$stderr" ]
	R show nobody --color always
	matches "$stderr" $'\033\\[31m'
	NO_COLOR=1 R show nobody
	[[ $stderr != *$'\033'* ]]
	R show nobody --json -v
	[ "$status" -eq 10 ]
	echo "$output" | jq -e .error
	matches "$stderr" 'nothing is called nobody'
}

@test "completion: scripts load, live words come" {
	founded
	reload-enroll issue alice@calls.example -q
	[ "$(reload-enroll --complete issue --overlay '')" = calls.example ]
	[ "$(reload-enroll --complete issue -I '')" = alice ]
	[[ $(reload-enroll --complete issue '') == alice@calls.example* ]]
	[ -z "$(reload-enroll --complete -a '')" ]
	reload-enroll --completion bash >c.bash && bash -n c.bash
	reload-enroll --completion zsh >c.zsh && zsh -n c.zsh
	reload-enroll --completion fish >c.fish && fish -n c.fish
	for shell in bash zsh fish; do
		case $shell in
		bash) file=reload-enroll ;;
		zsh) file=_reload-enroll ;;
		fish) file=reload-enroll.fish ;;
		esac
		cmp "$BATS_TEST_DIRNAME/../../completions/$file" c.$shell
	done
}

@test "the manual lists what --help lists" {
	"$BATS_TEST_DIRNAME/../lint/man-help" "$RELOAD_BIN/reload-enroll" "$BATS_TEST_DIRNAME/../../man/reload-enroll.1"
}
