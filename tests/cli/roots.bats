#!/usr/bin/env bats
# Whom nodes trust changes on a running ring: an authority is replaced, a signer is, an authority is taken away from its users.

load lab
load fleet

NAMES="alice bob carol dave"

setup_file() {
	fleet_begin $NAMES
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

fingerprint() {
	openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f
}

# The connections among those that stay.
connections() {
	fleet_connections "$DAVE" alice bob carol
}

# The peers have dropped it: nobody answers with a value that cannot be verified.
no_value() {
	run reload-fetch -a "$1" -k 0xf0000001 dave@calls.example -t 5
	[ "$status" -eq 5 ]
}

@test "an authority is replaced in two documents, and nobody who has a new certificate is cut off" {
	old=$(fingerprint $CA/cert.pem)
	DAVE=$(node_of dave)
	R reload-enroll config remove-root "${old:0:16}"
	failed 2 'the root-cert is in use'
	R reload-enroll config add-root
	ok
	matches "${lines[1]}" '^  root-cert  none to [0-9a-f]{64} CN = calls.example authority 2$'
	# until every peer trusts it the old one issues
	[ "$(fingerprint $CA/cert.pem)" = "$old" ]
	R reload-enroll config add-root
	failed 7 'there already'
	R reload-enroll config plan -a bob
	ok
	matches "$output" 'every peer takes it in place'
	R reload-enroll config publish -a bob -t 30
	ok
	matches "${lines[1]}" 'is in use now'
	new=$(fingerprint $CA/cert.pem)
	[ "$new" != "$old" ]
	[ "$(fingerprint "$CA/old/${old:0:16}/cert.pem")" = "$old" ]
	[ ! -e $CA/next ]
	for name in $NAMES; do reload-store -a "$name" -k 0xf0000001 "$name@calls.example" "of $name" -q; done
	before=$(connections)
	for name in alice bob carol; do
		reload-enroll issue "$name@calls.example" --identity "$name" >/dev/null
		openssl verify -no_check_time -CAfile $CA/cert.pem "lab/etc/identity/$name/cert.pem"
		reload-agent refresh -a "$name" -q
		# what it stored was signed with the certificate by the old one
		reload-store -a "$name" -k 0xf0000001 "$name@calls.example" "of $name again" -q
	done
	R reload-enroll config remove-root "${old:0:16}"
	ok
	matches "$output" "root-cert  $old CN = calls.example authority to none"
	R reload-enroll config plan -a carol -j
	ok
	# B14: whose certificates go is said first
	jq -e --arg d "$DAVE" '.consent and .costs[0].cost == "nodes" and (.peers | map(.node_id)) == [$d] and .peers[0].user == "dave@calls.example"' <<<"$output"
	R reload-enroll config publish -a carol -t 30 --no-input
	failed 2 'not published without --yes'
	R reload-enroll config publish -a carol -t 30 -y
	ok
	# R-11.1-14: dave has no certificate by a root-cert of the document, the others keep their links
	until_true state dave enrolled
	until_true grep -q 'cannot meet the new configuration and leaves the overlay' lab/dave.log
	for name in alice bob carol; do
		reload-agent status -a "$name" -j | jq -e '.state == "joined" and .links.up == 2 and .configuration_sequence == 3'
		[ "$(reload-fetch -a "$name" -k 0xf0000001 bob@calls.example --raw)" = 'of bob again' ]
		within 10 no_value "$name"
	done
	[ "$(connections)" = "$before" ]
	# Kinds are signed by the new signer, so that they are still there; and the next document can be signed
	reload-enroll config check $DOC -q
	reload-enroll config set initial-ttl=50 -q
	reload-enroll config publish -a alice -q -t 30
	# with a certificate by the new one dave is back
	reload-enroll issue dave@calls.example --identity dave >/dev/null
	reload-agent refresh -a dave -q
	reload-join -a dave -q
	[ "$(node_of dave)" = "$DAVE" ]
}

@test "a signer is replaced, and the Kinds stay" {
	before=$(reload-enroll config show -j | jq -r '.configuration_signers[0]')
	R reload-enroll config remove-signer "$before"
	failed 2 'the signer is in use'
	R reload-enroll config add-signer
	ok
	R reload-enroll config publish -a alice -t 30
	ok
	matches "${lines[1]}" 'is in use now'
	R reload-enroll config remove-signer "$before"
	ok
	R reload-enroll config publish -a bob -t 30
	ok
	# R-11.1-51: values of Kinds that the old one had signed are there
	[ "$(reload-fetch -a carol -k 0xf0000001 bob@calls.example --raw)" = 'of bob again' ]
	reload-enroll config show -j | jq -e --arg b "$before" '(.configuration_signers | length) == 1 and .configuration_signers == .kind_signers and .configuration_signers[0] != $b'
	# the name is that of no user
	R reload-enroll issue configuration-signer@calls.example
	failed 7 'the user name is taken'
}

@test "roots of others are added and removed by their fingerprints" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -subj '/CN=Another authority' -days 9 -out other.pem 2>/dev/null
	R reload-enroll config add-root other.pem
	ok
	R reload-enroll config add-root other.pem
	failed 7 'nothing would change'
	R reload-enroll config add-root lab/etc/identity/alice/cert.pem
	failed 10 'cannot be a root-cert'
	R reload-enroll config remove-root 0123456
	failed 2 'names no root-cert'
	R reload-enroll config remove-root 0123456789
	failed 2 'names no root-cert'
	print=$(fingerprint other.pem)
	reload-enroll config show -j | jq -e --arg p "$print" '.roots | map(.fingerprint) | index($p)'
	R reload-enroll config remove-root "$print"
	ok
}

@test "keys of an authority are encrypted with a passphrase, and nobody is asked without a terminal" {
	echo 'correct horse' >pass
	echo 'wrong' >wrong
	export RELOAD_HOME=$BATS_TEST_TMPDIR/sealed
	R reload-enroll init sealed.example --passphrase-file pass
	ok
	for key in $RELOAD_HOME/etc/sealed.example/ca/key.pem $RELOAD_HOME/etc/sealed.example/ca/signer/key.pem; do
		grep -q 'BEGIN ENCRYPTED PRIVATE KEY' "$key"
		# what openssl makes of it
		openssl pkey -in "$key" -passin file:pass -noout
		R openssl pkey -in "$key" -passin file:wrong -noout
		[ "$status" -ne 0 ]
		openssl asn1parse -in "$key" | grep -q ':scrypt'
	done
	R reload-enroll issue alice@sealed.example --no-input
	failed 2 'a passphrase is needed'
	R setsid reload-enroll config set initial-ttl=40
	failed 2 'a passphrase is needed'
	R reload-enroll issue alice@sealed.example --passphrase-file wrong
	failed 10 'key.pem'
	matches "$stderr" 'this is not its passphrase'
	R reload-enroll issue alice@sealed.example --passphrase-file pass
	ok
	# no passphrase is asked for where no key is used
	R reload-enroll user list
	ok
	mkdir creds
	cp pass creds/reload-passphrase
	CREDENTIALS_DIRECTORY=$PWD/creds R reload-enroll config set initial-ttl=40
	ok
	# what comes next is encrypted as well
	R reload-enroll config add-root --passphrase-file pass
	ok
	grep -q 'BEGIN ENCRYPTED PRIVATE KEY' $RELOAD_HOME/etc/sealed.example/ca/next/key.pem
	# a key that was encrypted by others
	openssl pkey -in $RELOAD_HOME/etc/sealed.example/ca/key.pem -passin file:pass -aes128 -passout file:wrong -out old.pem
	cp old.pem $RELOAD_HOME/etc/sealed.example/ca/key.pem
	R reload-enroll issue bob@sealed.example --passphrase-file wrong
	ok
}

@test "an authority below another one issues, and its removal takes its users" {
	export RELOAD_HOME=$BATS_TEST_TMPDIR/below
	openssl req -x509 -newkey rsa:2048 -nodes -keyout top.key -subj '/O=Company/CN=Top' -days 99 -out top.pem 2>/dev/null
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout middle.key -subj '/O=Company/CN=Calls' -out middle.csr 2>/dev/null
	printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n' >middle.ext
	openssl x509 -req -in middle.csr -CA top.pem -CAkey top.key -set_serial 7 -days 50 -extfile middle.ext -out middle.pem 2>/dev/null
	R reload-enroll init below.example --ca-cert middle.pem
	failed 2 'go together'
	R reload-enroll init below.example --ca-cert middle.pem --ca-key top.key
	failed 2 'is not possible'
	R reload-enroll init below.example --ca-cert middle.pem --ca-key middle.key
	ok
	R reload-enroll issue alice@below.example --validity 365d -j
	ok
	# R-13.3-03: no certificate outlives its authority
	end=$(date -u -d "$(openssl x509 -in middle.pem -noout -enddate | cut -d= -f2)" +%FT%T.000Z)
	[ "$(jq -r .expires <<<"$output")" = "$end" ]
	openssl verify -CAfile top.pem -untrusted middle.pem $RELOAD_HOME/etc/identity/alice/cert.pem
	reload-enroll show alice -q
	reload-enroll config add-root top.pem -q
	R reload-enroll config remove-root "$(fingerprint top.pem)"
	failed 2 'the root-cert is in use'
	R reload-enroll config remove-root "$(fingerprint middle.pem)"
	failed 2 'the root-cert is in use'
}
