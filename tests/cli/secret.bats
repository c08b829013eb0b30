#!/usr/bin/env bats
# Overlays with a shared secret (RFC 6940 13.4): links by TLS-PSK.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	echo 'correct horse battery staple' >secret
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --shared-secret secret --self-signed sha256 -q
	for u in alice bob; do reload-enroll self $u@calls.example -q; done
	reload-enroll self carol@calls.example --node-ids 2 -q
	lab_start alice -l "127.0.0.1:$PORT" --first
	lab_start bob -l 127.0.0.1:0
	lab_start carol -l 127.0.0.1:0 --links dtls
	for u in alice bob carol; do reload-agent status -a $u --wait joined -q -t 30; done
	lab_whole alice bob carol
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "a ring by TLS-PSK, over TLS and DTLS: values, Pings, users" {
	# R-13.4-01 R-4.1.1-01: the secret keys the links, certificates sign messages and values
	for u in alice bob carol; do
		reload-store -a $u -k 0xf0000001 "$u@calls.example" "from $u" -q
		for v in alice bob carol; do
			[ "$(reload-fetch -a $v -k 0xf0000001 "$u@calls.example" --raw)" = "from $u" ]
		done
	done
	for u in alice bob carol; do
		reload-agent status -a $u --links -j >status.json
		jq -e '.links.list | length >= 2 and all(.cipher == "ECDHE-PSK-CHACHA20-POLY1305" and .user != null)' status.json
	done
	jq -e '.links.list | map(.version) | unique == ["DTLSv1.2"]' status.json
	reload-ping -a alice -c 2 -q "node:$(node_of carol)"
}

@test "connections of applications are by certificates: the user is named at once" {
	reload-attach -a bob listen 61441 </dev/null >got 2>bob.err 3>&- &
	listener=$!
	until_true grep -q listening bob.err
	echo hello | reload-attach -a alice connect 61441 "node:$(node_of bob)" 2>alice.err
	wait $listener
	[ "$(cat got)" = hello ]
	matches "$(cat bob.err)" 'connected  node:[0-9a-f]{32}  alice@calls.example'
	matches "$(cat alice.err)" 'connected  node:[0-9a-f]{32}  bob@calls.example'
}

@test "the secret is for its owner alone: in files, and not in the log or what is shown" {
	[ "$(stat -c %a lab/etc/calls.example/overlay.xml lab/etc/identity/*/overlay.xml | sort -u)" = 600 ]
	R reload-enroll config show -j
	jq -e .shared_secret <<<"$output"
	run -1 grep -l 'battery' lab/*.log <<<"$output"
	R reload-enroll serve --tls-cert x --tls-key y
	failed 10 'not for everybody'
}

# other SECRET: an overlay of the same name with another secret, and dave of it.
other() {
	mkdir -p there
	echo "$1" >other-secret
	RELOAD_HOME=$PWD/there reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" "${@:2}" --self-signed sha256 -q
	RELOAD_HOME=$PWD/there reload-enroll self dave@calls.example -q
}

@test "who has another secret, or none, makes no link" {
	# R-4.1.1-01; who has it joined, and values are signed all the same: the first test
	before=$(reload-agent status -a alice -j | jq .links.up)
	other 'another horse battery staple' --shared-secret other-secret
	R env RELOAD_HOME=$PWD/there reload-agent check -I dave
	[ "$status" -eq 0 ]
	RELOAD_HOME=$PWD/there lab_start dave -l 127.0.0.1:0 --no-join
	RELOAD_HOME=$PWD/there within 20 test -S there/run/dave.sock
	R env RELOAD_HOME=$PWD/there reload-join -a dave -t 5s
	[ "$status" -eq 4 ]
	RELOAD_HOME=$PWD/there reload-agent stop -a dave -q
	rm -r there
	other none
	RELOAD_HOME=$PWD/there lab_start dave -l 127.0.0.1:0 --no-join
	RELOAD_HOME=$PWD/there within 20 test -S there/run/dave.sock
	R env RELOAD_HOME=$PWD/there reload-join -a dave -t 5s
	[ "$status" -eq 4 ]
	RELOAD_HOME=$PWD/there reload-agent stop -a dave -q
	[ "$(reload-agent status -a alice -j | jq .links.up)" = "$before" ]
	# OpenSSL's own client, with the right secret and name, and with others
	key=$(printf 'correct horse battery staple' | xxd -p)
	R openssl s_client -connect "127.0.0.1:$PORT" -tls1_2 -cipher ECDHE-PSK-CHACHA20-POLY1305 -psk_identity calls.example -psk "$key" </dev/null
	matches "$output" 'Cipher is ECDHE-PSK-CHACHA20-POLY1305'
	R openssl s_client -connect "127.0.0.1:$PORT" -tls1_2 -cipher ECDHE-PSK-CHACHA20-POLY1305 -psk_identity other.example -psk "$key" </dev/null
	[ "$status" -ne 0 ]
	R openssl s_client -connect "127.0.0.1:$PORT" -tls1_2 -cipher ECDHE-PSK-CHACHA20-POLY1305 -psk_identity calls.example -psk "${key}00" </dev/null
	[ "$status" -ne 0 ]
	R openssl s_client -connect "127.0.0.1:$PORT" </dev/null
	[ "$status" -ne 0 ]
}

@test "a member that does not say who it is loses the link" {
	key=$(printf 'correct horse battery staple' | xxd -p)
	mkfifo hold
	openssl s_client -quiet -connect "127.0.0.1:$PORT" -tls1_2 -cipher ECDHE-PSK-CHACHA20-POLY1305 -psk_identity calls.example -psk "$key" <hold >silent.out 2>&1 3>&- &
	silent=$!
	exec 4>hold
	within 20 gone $silent
	exec 4>&-
	reload-ping -a bob -c 1 -q succ
}

@test "init: a secret that is short, long or missing" {
	for bad in short "$(head -c 300 /dev/zero | tr '\0' x)" ' correct horse battery staple'; do
		printf '%s\n' "$bad" >bad-secret
		R reload-enroll init other.example --shared-secret bad-secret
		failed 2 'cannot be a'
	done
	R reload-enroll init other.example --shared-secret nowhere
	failed 1 'nowhere'
	[ ! -e lab/etc/other.example ]
}
