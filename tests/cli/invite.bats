#!/usr/bin/env bats
# Invitations: one string, with which a machine that has nothing gets a certificate.

load lab

setup_file() {
	lab_begin
	SERVE=$(lab_port)
	PORT=$(lab_port)
	export SERVE PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --enrollment-server "https://localhost:$SERVE/enroll" >/dev/null
	for name in tls other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.crt -days 30 \
			-subj "/CN=$name" -addext "subjectAltName=DNS:$name.example" 2>/dev/null
	done
	serve
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/lab/server")" 2>/dev/null
	within 5 gone "$(cat "$BATS_FILE_TMPDIR/lab/server")"
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

serve() {
	reload-enroll serve -l "127.0.0.1:$SERVE" --tls-cert tls.crt --tls-key tls.key >lab/serve.out 2>&1 3>&- &
	echo $! >lab/server
	until_true grep -q '^serving' lab/serve.out
}

invite() {
	reload-enroll invite --server "localhost:$SERVE" --tls-cert tls.crt --overlay calls.example "$@"
}

# at NAME COMMAND: on a machine of that name, which has nothing.
at() {
	RELOAD_HOME=$PWD/$1 "${@:2}"
}

@test "accept: the string is enough, and the agent joins" {
	R invite --for alice@calls.example
	ok
	matches "$output" "^reload-invite://localhost:$SERVE/calls.example/[0-9a-f]{64}/[0-9a-f]{64}/[0-9a-f]{32}/alice@calls.example$"
	R at one reload-enroll accept "$output"
	ok
	matches "$output" '^obtained alice  alice@calls.example  Node-ID [0-9a-f]{32}  until'
	[ "$(stat -c %a one/etc/identity/alice/enrollment.json one/etc/identity/alice/key.pem | sort -u)" = 600 ]
	RELOAD_HOME=$PWD/one lab_start alice -l "127.0.0.1:$PORT" --first
	at one reload-agent status -a alice --wait joined -q -t 20
}

# A picture of the blocks that a terminal shows, four dots a module.
picture() {
	python3 -c '
import sys
rows = []
for line in sys.stdin.read().splitlines():
    rows.append([c in "\u2580\u2588" for c in line])
    rows.append([c in "\u2584\u2588" for c in line])
wide = [[light for light in row for _ in range(4)] for row in rows for _ in range(4)]
print("P1", len(wide[0]), len(wide))
print("\n".join("".join("0" if light else "1" for light in row) for row in wide))'
}

@test "invite --qr: a camera reads the string" {
	R invite --qr
	ok
	string=${lines[0]}
	[ "${#lines[1]}" -le 80 ]
	tail -n +2 <<<"$output" | PYTHONIOENCODING=utf-8 picture >qr.pbm
	[ "$(zbarimg -q --raw qr.pbm)" = "$string" ]
	R at qr reload-enroll accept "$(zbarimg -q --raw qr.pbm)" quentin@calls.example
	ok
}

@test "renew needs no password after that, and keeps the Node-ID" {
	before=$(at one reload-enroll show alice -j | jq -c '.items[0].node_ids')
	R at one reload-enroll renew -I alice -j
	ok
	jq -e --argjson b "$before" '.obtained and .node_ids == $b' <<<"$output"
	reload-enroll user list -j | jq -e '.users[] | select(.user == "alice@calls.example") | .account'
}

@test "an invitation is good once, and of 20 clients at once one gets it" {
	# B23
	string=$(invite)
	issued=$(lab_ledger | jq '[.users[].certificates | length] | add')
	for i in $(seq 20); do
		(
			code=0
			at "c$i" reload-enroll accept "$string" "u$i@calls.example" >/dev/null 2>&1 || code=$?
			echo $code >"status.$i"
		) 3>&- &
		pids[i]=$!
	done
	wait "${pids[@]}"
	[ "$(cat status.* | sort -n | uniq -c | tr -s ' \n' ' ')" = " 1 0 19 6 " ]
	[ "$(lab_ledger | jq '[.users[].certificates | length] | add')" = $((issued + 1)) ]
	R at late reload-enroll accept "$string" late@calls.example
	failed 6 'got no certificate'
}

@test "a lost answer does not leave the guest with nothing, and gives nobody else a certificate" {
	proxy=$(lab_port)
	python3 "$BATS_TEST_DIRNAME/lossy_proxy.py" "$proxy" "$SERVE" >lossy.out 3>&- &
	pid=$!
	until_true grep -q ready lossy.out
	string=$(reload-enroll invite --server "localhost:$proxy" --tls-cert tls.crt --overlay calls.example --for lisa@calls.example)
	before=$(lab_ledger | jq '[.users[].certificates | length] | add')
	R at lisa reload-enroll accept "$string"
	kill $pid
	ok
	grep -q lost lossy.out
	# the certificate is the one that was made, and the invitation is used up
	[ "$(lab_ledger | jq '[.users[].certificates | length] | add')" = $((before + 1)) ]
	grep -q 'lisa@calls.example  issued: once more' lab/serve.out
	R at thief reload-enroll accept "${string/:$proxy/:$SERVE}"
	failed 6 'got no certificate'
	# the password that was made for it is the account's
	sed -i "s/:$proxy/:$SERVE/" lisa/etc/identity/lisa/enrollment.json
	R at lisa reload-enroll renew -I lisa
	ok
}

@test "a server that is killed between mark and answer: the invitation is used up, and no second user gets a certificate" {
	# B23
	cc -D_GNU_SOURCE -shared -fPIC -o killed.so "$BATS_TEST_DIRNAME/killed_answer.c" -ldl || skip "no compiler"
	! ldd "$(command -v reload-enroll)" | grep -q asan || skip "the sanitizer wants to be first"
	string=$(invite)
	before=$(lab_ledger | jq '[.users[].certificates | length] | add')
	kill "$(cat lab/server)"
	until_true gone "$(cat lab/server)"
	LD_PRELOAD=$PWD/killed.so serve
	R at mary reload-enroll accept "$string" mary@calls.example -t 5
	[ "$status" -ne 0 ]
	until_true gone "$(cat lab/server)"
	[ ! -e mary/etc/identity/mary/cert.pem ]
	serve
	# it was noted before anything was sent
	[ "$(lab_ledger | jq '[.users[].certificates | length] | add')" = $((before + 1)) ]
	R at thief reload-enroll accept "$string" thief@calls.example
	failed 6 'got no certificate'
	R at thief reload-enroll accept "$string" mary@calls.example
	failed 6 'got no certificate'
	[ "$(lab_ledger | jq '[.users[].certificates | length] | add')" = $((before + 1)) ]
}

@test "several uses, for whoever names a user; from standard input" {
	invite --uses 2 >string
	R at two reload-enroll accept - bob@calls.example <string
	ok
	R at two reload-enroll accept - carol@calls.example <string
	ok
	R at two reload-enroll accept - dave@calls.example <string
	failed 6 'got no certificate'
	invite >string
	# nobody takes the name of somebody who is there
	R at two reload-enroll accept - alice@calls.example <string
	failed 7 'got no certificate'
	R at two reload-enroll accept - <string
	failed 2 'a user name is needed'
}

@test "an invitation for one user is for nobody else, and ends" {
	string=$(invite --for erin@calls.example)
	R at three reload-enroll accept "$string" frank@calls.example
	failed 2 'for another user'
	R at three reload-enroll accept "${string%/erin@calls.example}" frank@calls.example
	failed 6 'got no certificate'
	R at three reload-enroll accept "$string"
	ok
	string=$(invite --for erin@calls.example --validity 1s)
	ended() { [ "$(date +%s)" -gt "$1" ]; }
	within 5 ended "$(($(date +%s) + 1))"
	R at three reload-enroll accept "$string"
	failed 6 'got no certificate'
}

@test "another server, another authority and damaged strings are refused; nothing is sent" {
	string=$(invite --for gina@calls.example)
	before=$(sqlite3 lab/etc/calls.example/ca/accounts.db 'select count(*) from audit')
	key=$(cut -d/ -f5 <<<"$string")
	root=$(cut -d/ -f6 <<<"$string")
	R at four reload-enroll accept "${string/$key/$root}"
	failed 10 'no answer'
	R at four reload-enroll accept "${string/$root/$key}"
	failed 10 'another authority'
	R at four reload-enroll accept "${string/calls.example/other.example}"
	failed 10 'not valid'
	for bad in reload-invite:// "${string/reload/http}" "${string}/x" "${string/$key/${key:1}}" "$(printf 'x%.0s' {1..3000})"; do
		R at four reload-enroll accept "$bad"
		failed 2 'no invitation'
	done
	[ ! -e four ]
	[ "$(sqlite3 lab/etc/calls.example/ca/accounts.db 'select count(*) from audit')" = "$before" ]
	R at four reload-enroll accept "$string"
	ok
}

@test "a request that is refused does not use the invitation up" {
	string=$(invite --for hugo@calls.example)
	secret=$(cut -d/ -f7 <<<"$string")
	for i in 1 2; do
		[ "$(curl -sk -o answer -w '%{http_code}' "https://localhost:$SERVE/enroll" -F username=hugo@calls.example -F "password=invitation:$secret" -F csr=nothing)" = 403 ]
		[ "$(cat answer)" = bad_CSR ]
	done
	R at five reload-enroll accept "$string"
	ok
}

@test "an invitation is good again when the server could not write" {
	string=$(invite --for iris@calls.example)
	kill "$(cat lab/server)"
	within 5 gone "$(cat lab/server)"
	before=$(lab_ledger)
	(
		# the accounts cannot grow
		trap '' XFSZ
		ulimit -f 40
		serve
	)
	R at six reload-enroll accept "$string"
	failed 1 'got no certificate'
	matches "${stderr_lines[1]}" 'status 500'
	[ "$(lab_ledger)" = "$before" ]
	[ ! -e six/etc/identity/iris ]
	kill "$(cat lab/server)"
	within 5 gone "$(cat lab/server)"
	serve
	R at six reload-enroll accept "$string"
	ok
}

@test "a further invitation of a user: the last machine renews" {
	R at seven reload-enroll accept "$(invite --for kate@calls.example)"
	ok
	R at eight reload-enroll accept "$(invite --for kate@calls.example)"
	ok
	[ "$(at seven reload-enroll show kate -j | jq -c '.items[0].node_ids')" = "$(at eight reload-enroll show kate -j | jq -c '.items[0].node_ids')" ]
	R at eight reload-enroll renew -I kate
	ok
	R at seven reload-enroll renew -I kate
	failed 6 'got no certificate'
}

@test "the ledger keeps the latest certificates of the same Node-IDs" {
	reload-enroll issue lena@calls.example --overlay calls.example -q
	sqlite3 lab/etc/calls.example/ca/accounts.db "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
		INSERT INTO certificates(name, serial, fingerprint, issuer, node_ids, issued, expires)
		SELECT name, i, fingerprint, issuer, node_ids, issued, expires FROM n, certificates WHERE name = 'lena@calls.example'"
	reload-enroll issue lena@calls.example --overlay calls.example -q
	lab_ledger | jq -e '.users["lena@calls.example"].certificates | length == 32 and .[0].serial == "69"'
}

@test "invite: what is missing is said; the secret is not kept" {
	R reload-enroll invite
	failed 2 'server and --tls-cert are needed'
	R invite --for nobody
	failed 2 'cannot be a user name'
	R invite --uses 0
	failed 2 uses
	R invite -j
	ok
	same_schema reload-enroll invite
	secret=$(jq -r .invitation <<<"$output" | cut -d/ -f7)
	run -1 grep -r "$secret" lab
}
