#!/usr/bin/env bats
# The enrollment server and its clients, over HTTPS on loopback.

load lab

setup_file() {
	lab_begin
	SERVE=$(lab_port)
	PORT=$(lab_port)
	URL=https://localhost:$SERVE/.well-known/reload-config
	export SERVE PORT URL
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" \
		--enrollment-server https://localhost:1/enroll --enrollment-server "https://localhost:$SERVE/enroll" >/dev/null
	tls tls localhost
	tls overlay calls.example
	tls wrong wrong.example
	echo secret >password
	echo wrong >wrong-password
	for u in alice bob carol; do reload-enroll user add "$u@calls.example" --password-file password -q; done
	serve "$SERVE" tls
}

teardown_file() {
	local p
	for p in "$BATS_FILE_TMPDIR"/lab/*.server; do
		kill "$(cat "$p")" 2>/dev/null || true
	done
	for p in "$BATS_FILE_TMPDIR"/lab/*.server; do within 5 gone "$(cat "$p")"; done
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# tls NAME HOST: NAME.crt and NAME.key of a server of that name.
tls() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -days 30 \
		-subj "/CN=$1" -addext "subjectAltName=DNS:$2" 2>/dev/null
}

# serve PORT TLS: a server in the background; its output is in lab/PORT.out.
serve() {
	reload-enroll serve -l "127.0.0.1:$1" --tls-cert "$2.crt" --tls-key "$2.key" >"lab/$1.out" 2>"lab/$1.err" 3>&- &
	echo $! >"lab/$1.server"
	until_true grep -q '^serving' "lab/$1.out"
}

# fake PORT [DER]: a server that answers as the path says.
fake() {
	python3 "$BATS_TEST_DIRNAME/fake_enroll.py" tls.crt tls.key "$1" "lab/$1.requests" "${@:2}" >"lab/$1.out" 2>/dev/null 3>&- &
	echo $! >"lab/$1.server"
	until_true grep -q '^ready' "lab/$1.out"
}

# there COMMAND: with the home of another machine, which has nothing.
there() {
	RELOAD_HOME=$PWD/there "$@"
}

csr() { # csr NAME [openssl req options]
	openssl ecparam -name prime256v1 -genkey -noout -out "$1.pem"
	openssl req -new -key "$1.pem" -subj "${2:-/}" -outform DER -out "$1.der" "${@:3}"
}

# post OPTIONS: a POST by curl; prints status, type and what was answered.
post() {
	curl -s --cacert tls.crt -o answer -w '%{http_code} %{content_type}' "https://localhost:$SERVE/enroll" "$@"
}

@test "request: the configuration and a certificate come from the server, and agents join with them" {
	# R-11.2-02 R-11.3-02: a machine without credentials asks the server whose document the URL gives
	[ ! -e there ]
	for u in alice bob; do
		R there reload-enroll request "$u@calls.example" --url "$URL" --ca-file tls.crt --password-file password
		ok
		matches "$output" "^obtained $u  $u@calls.example  Node-ID [0-9a-f]{32}  until $(date -u -d '90 days' +%F)$"
	done
	cmp lab/etc/calls.example/overlay.xml there/etc/identity/alice/overlay.xml
	[ "$(stat -c %a there/etc/identity/alice/key.pem)" = 600 ]
	R there reload-enroll show alice
	[ "$status" -eq 0 ]
	RELOAD_HOME=$PWD/there lab_start alice -l "127.0.0.1:$PORT" --first
	RELOAD_HOME=$PWD/there lab_start bob -l 127.0.0.1:0
	there reload-agent status -a bob --wait joined -q -t 20
	there reload-store -a bob -k 0xf0000001 bob@calls.example 'enrolled' -q
	[ "$(there reload-fetch -a alice -k 0xf0000001 bob@calls.example --raw)" = enrolled ]
}

@test "renew: the same Node-ID, only when it is due, and the agent goes on" {
	before=$(there reload-agent status -a alice -j | jq -r .node_id)
	old=$(sha256sum there/etc/identity/alice/cert.pem)
	R there reload-enroll renew -I alice --ca-file tls.crt --password-file password --if-left 20d
	ok
	matches "$output" '^not needed: alice'
	[ "$(sha256sum there/etc/identity/alice/cert.pem)" = "$old" ]
	key=$(sha256sum there/etc/identity/alice/key.pem)
	R there reload-enroll renew -I alice --ca-file tls.crt --password-file password --if-left 100d -j
	ok
	same_schema reload-enroll renew
	jq -e --arg id "$before" '.obtained and .node_ids == [$id]' <<<"$output"
	[ "$(sha256sum there/etc/identity/alice/cert.pem)" != "$old" ]
	[ "$(sha256sum there/etc/identity/alice/key.pem)" = "$key" ]
	run -0 there reload-agent refresh -a alice
	matches "$output" 'certificate +taken'
}

@test "renew: a wrong password changes nothing" {
	old=$(cat there/etc/identity/alice/* | sha256sum)
	R there reload-enroll renew -I alice --ca-file tls.crt --password-file wrong-password
	failed 6 'got no certificate'
	[ "$(cat there/etc/identity/alice/* | sha256sum)" = "$old" ]
	R there reload-enroll renew --ca-file tls.crt --password-file password
	failed 2 'identity is needed'
}

@test "certificates have what RFC 6940 11.3 asks for and nothing else" {
	# of the request: its key, no other names, no Node-IDs, and no subject
	csr odd /CN=somebody -addext 'subjectAltName=email:carol@calls.example,DNS:evil.example,URI:reload://0110aa@calls.example/'
	# R-11.3-23
	[ "$(post -F username=carol@calls.example -F password=secret -F 'csr=@odd.der;type=application/pkcs10')" = "200 application/pkix-cert" ]
	cp answer carol.der
	openssl x509 -inform DER -in answer -noout -text >text
	# R-11.3-22 R-11.3-18 R-11.3-21 R-11.3-16
	grep -q '^ *Subject: *$' text
	[ "$(grep -A1 'Subject Alternative Name' text | tail -1 | tr ',' '\n' | grep -c .)" = 2 ]
	matches "$(cat text)" 'URI:reload://0110[0-9a-f]{32}@calls.example/, email:carol@calls.example'
	run -1 grep -q 'evil\|somebody' text
	# R-11.3-13
	[ "$(openssl x509 -inform DER -in answer -noout -pubkey)" = "$(openssl pkey -in odd.pem -pubout)" ]
	openssl x509 -inform DER -in answer -out answer.pem
	openssl verify -CAfile lab/etc/calls.example/ca/cert.pem answer.pem
	# R-11.3-17 R-11.3-09: the account has the same Node-ID with another key, and two more when it asks for three
	csr second
	[ "$(post -F username=carol@calls.example -F password=secret -F nodeids=3 -F 'csr=@second.der')" = "200 application/pkix-cert" ]
	first=$(grep -o '0110[0-9a-f]*@' text)
	[ "$(openssl x509 -inform DER -in answer -noout -text | grep -o '0110[0-9a-f]*@' | wc -l)" = 3 ]
	[ "$(openssl x509 -inform DER -in answer -noout -text | grep -o '0110[0-9a-f]*@' | head -1)" = "$first" ]
	# PEM is taken as well (ENR-04), and RSA
	openssl req -new -newkey rsa:2048 -nodes -keyout rsa.pem -subj / -out rsa.csr 2>/dev/null
	[ "$(post -F username=carol@calls.example -F password=secret -F 'csr=@rsa.csr')" = "200 application/pkix-cert" ]
}

@test "each refusal has its token, and nothing is issued" {
	csr plain
	csr other / -addext 'subjectAltName=email:alice@calls.example'
	csr two / -addext 'subjectAltName=email:carol@calls.example,email:alice@calls.example'
	openssl req -new -newkey rsa:1024 -nodes -keyout weak.pem -subj / -outform DER -out weak.der 2>/dev/null
	python3 -c "d = bytearray(open('plain.der', 'rb').read()); d[-1] ^= 1; open('broken.der', 'wb').write(d)"
	before=$(lab_ledger)
	check() { # check TOKEN FORM...
		[ "$(post -F username=carol@calls.example "${@:2}")" = "403 text/plain" ]
		[ "$(cat answer)" = "$1" ]
		[ "$(lab_ledger)" = "$before" ]
	}
	# R-11.3-24 R-11.3-12
	check failed_authentication -F password=wrong -F csr=@plain.der
	check failed_authentication --form-string 'password=secret ' -F csr=@plain.der
	check username_not_available -F password=secret -F csr=@other.der
	check Node-IDs_not_available -F password=secret -F nodeids=33 -F csr=@plain.der
	check bad_CSR -F password=secret -F csr=@broken.der
	check bad_CSR -F password=secret -F csr=@weak.der
	check bad_CSR -F password=secret -F csr=@two.der
	check bad_CSR -F password=secret -F csr=nothing
	# R-11.3-15: without the password nothing else is looked at
	check failed_authentication -F password=wrong -F csr=nothing -F nodeids=99
	[ "$(curl -s --cacert tls.crt -o answer -w '%{http_code}' "https://localhost:$SERVE/enroll" -F username=nobody@calls.example -F password=secret -F csr=@plain.der)" = 403 ]
	[ "$(cat answer)" = failed_authentication ]
}

@test "names and passwords are compared as bytes" {
	# R-11.3-08: the same letter, as one code point and as two
	printf 'caf\303\251\n' >composed
	printf 'cafe\314\201\n' >decomposed
	reload-enroll user add zoe@calls.example --password-file composed -q
	R there reload-enroll request zoe@calls.example --url "$URL" --ca-file tls.crt --password-file decomposed
	failed 6 'got no certificate'
	R there reload-enroll request Zoe@calls.example --url "$URL" --ca-file tls.crt --password-file composed
	[ "$status" -eq 6 ]
	R there reload-enroll request zoe@calls.example --url "$URL" --ca-file tls.crt --password-file composed
	ok
}

@test "a disabled user is refused until it is enabled, and a removed account for good" {
	reload-enroll user disable bob@calls.example -q
	R there reload-enroll renew -I bob --ca-file tls.crt --password-file password
	failed 6 'got no certificate'
	matches "${stderr_lines[1]}" failed_authentication
	reload-enroll user enable bob@calls.example -q
	R there reload-enroll renew -I bob --ca-file tls.crt --password-file password
	ok
	echo other >other-password
	reload-enroll user passwd bob@calls.example --password-file other-password -q
	R there reload-enroll renew -I bob --ca-file tls.crt --password-file password
	failed 6 'got no certificate'
	R there reload-enroll renew -I bob --ca-file tls.crt --password-file other-password
	ok
	reload-enroll user remove bob@calls.example -q
	R there reload-enroll renew -I bob --ca-file tls.crt --password-file other-password
	failed 6 'got no certificate'
	R reload-enroll user remove bob@calls.example
	failed 5 'has no account'
	R reload-enroll user passwd bob@calls.example --password-file password
	failed 5 'has no account'
	R reload-enroll user add alice@calls.example --password-file password
	failed 7 'has an account'
}

@test "a revoked user gets another Node-ID after it is enabled" {
	reload-enroll user add dave@calls.example --password-file password -q
	R there reload-enroll request dave@calls.example --url "$URL" --ca-file tls.crt --password-file password
	ok
	before=$(there reload-enroll show dave -j | jq -r '.items[0].node_ids[0]')
	reload-enroll revoke dave@calls.example -q
	# B16
	R there reload-enroll renew -I dave --ca-file tls.crt --password-file password
	failed 6 'got no certificate'
	reload-enroll user enable dave@calls.example -q
	# without a certificate in between it can be revoked once more
	R reload-enroll revoke dave@calls.example
	ok
	R there reload-enroll renew -I dave --ca-file tls.crt --password-file password
	failed 6 'got no certificate'
	R reload-enroll revoke dave@calls.example
	failed 7 'nothing is to be revoked'
	reload-enroll user enable dave@calls.example -q
	rm -r there/etc/identity/dave
	R there reload-enroll request dave@calls.example --url "$URL" --ca-file tls.crt --password-file password
	ok
	[ "$(there reload-enroll show dave -j | jq -r '.items[0].node_ids[0]')" != "$before" ]
}

@test "clients that break the rules get their answer, and nothing changes" {
	csr hostile
	serve_other=$(lab_port)
	serve "$serve_other" tls
	before=$(lab_ledger | jq '.users["alice@calls.example"].certificates | length')
	python3 "$BATS_TEST_DIRNAME/hostile_enroll.py" "$serve_other" tls.crt hostile.der >answers
	diff - answers <<-END
		good 200
		both-lengths 400
		two-lengths 400
		part-without-name 400
		part-without-disposition 400
		part-without-headers 400
		part-with-file-name-only 400
		part-in-part 400
		no-form 415
		json 415
		field-twice 400
		csr-twice 400
		nul-in-name 400
		nul-in-password 400
		long-password 400
		long-csr 400
		empty-csr 400
		no-csr 400
		cut-form 400
		no-boundary 400
		long-boundary 400
		other-boundary 400
		ten-megabytes 413
		length-of-digits 413
		ten-megabytes-chunked closed
		no-http closed
		long-header 431
		nodeids-0 403
		nodeids-33 403
		nodeids-word 403
		put 405
		get-nothing 404
	END
	[ "$(lab_ledger | jq '.users["alice@calls.example"].certificates | length')" = $((before + 1)) ]
	# R-11.3-03: plain HTTP to the port of HTTPS
	run curl -s -m 5 "http://localhost:$serve_other/.well-known/reload-config"
	[ "$status" -ne 0 ]
}

descriptors_of() {
	ls "/proc/$1/fd" | wc -l
}

few_descriptors() {
	[ "$(descriptors_of "$1")" -le "$2" ]
}

@test "500 half-open connections do no harm and are given back" {
	# B10
	csr flood
	pid=$(cat "lab/$SERVE.server")
	before=$(descriptors_of "$pid")
	mkfifo hold
	python3 "$BATS_TEST_DIRNAME/hostile_enroll.py" "$SERVE" tls.crt flood.der hold <hold >held 3>&- &
	exec 7>hold
	until_true grep -q held held
	[ "$(descriptors_of "$pid")" -gt $((before + 100)) ]
	[ "$(curl -s -m 1 --cacert tls.crt -o answer -w '%{http_code}' "$URL")" = 200 ]
	within 30 few_descriptors "$pid" $((before + 5))
	exec 7>&-
	wait
}

@test "too many wrong passwords: the address waits" {
	other=$(lab_port)
	serve "$other" tls
	csr many
	codes=
	for i in $(seq 12); do
		codes+=$(curl -s --cacert tls.crt -o answer -w '%{http_code} ' "https://localhost:$other/enroll" -F "username=u$i@calls.example" -F password=x -F csr=@many.der)
	done
	[ "$codes" = "403 403 403 403 403 403 403 403 403 403 429 429 " ]
	# of an account, from whatever address
	other=$(lab_port)
	serve "$other" tls
	for i in $(seq 10); do
		curl -s --interface "127.0.0.$((i + 10))" --cacert tls.crt -o answer "https://localhost:$other/enroll" -F username=carol@calls.example -F password=x -F csr=@many.der
	done
	[ "$(curl -s --cacert tls.crt -o answer -w '%{http_code} ' "https://localhost:$other/enroll" -F username=carol@calls.example -F password=secret -F csr=@many.der)" = "403 " ]
	# who names an address as the user does not shut that address out
	other=$(lab_port)
	serve "$other" tls
	for _ in $(seq 10); do
		curl -s --cacert tls.crt -o answer "https://localhost:$other/enroll" -F username=127.0.0.9 -F password=x -F csr=@many.der
	done
	[ "$(curl -s --interface 127.0.0.9 --cacert tls.crt -o answer -w '%{http_code}' "https://localhost:$other/enroll" -F username=carol@calls.example -F password=secret -F csr=@many.der)" = 200 ]
}

# statuses_at_once PORT COUNT FORM...: what COUNT clients at once are answered, sorted.
statuses_at_once() {
	local args=() i
	for i in $(seq "$2"); do
		[ "$i" = 1 ] || args+=(--next)
		args+=(-s --cacert tls.crt -o "answer.$i" -w '%{http_code}\n' "https://localhost:$1/enroll" "${@:3}")
	done
	curl --no-progress-meter --parallel --parallel-immediate --parallel-max "$2" "${args[@]}" | sort | uniq -c | tr -s ' \n' ' '
}

@test "wrong passwords that are sent at once are no more guesses than ten" {
	other=$(lab_port)
	serve "$other" tls
	csr guess
	[ "$(statuses_at_once "$other" 30 -F username=carol@calls.example -F password=x -F csr=@guess.der)" = " 10 403 20 429 " ]
}

@test "an address that is refused a hundred times waits, and the audit log says it once" {
	other=$(lab_port)
	serve "$other" tls
	csr refused
	for _ in 1 2 3; do
		statuses_at_once "$other" 40 -F username=carol@calls.example -F "password=invitation:$(printf %032d 0)" -F csr=@refused.der
	done >statuses
	[ "$(cat statuses)" = " 40 403  40 403  20 403 20 429 " ]
	[ "$(grep -c failed_authentication "lab/$other.out")" = 100 ]
	[ "$(grep -c too_many_failures "lab/$other.out")" = 1 ]
	# another one is served
	[ "$(curl -s --interface 127.0.0.9 --cacert tls.crt -o answer -w '%{http_code}' "https://localhost:$other/enroll" -F username=carol@calls.example -F password=secret -F csr=@refused.der)" = 200 ]
}

@test "while another program works with the users the document is served, and enrollments wait" {
	other=$(lab_port)
	serve "$other" tls
	csr delayed
	export SERVE=$other
	enroll() {
		post -F username=alice@calls.example -F password=secret -F csr=@delayed.der
	}
	# a transaction of somebody else, for as long as the pipe is open
	mkfifo hold_db
	sqlite3 lab/etc/calls.example/ca/accounts.db <hold_db >held_db 3>&- &
	exec 6>hold_db
	printf 'BEGIN IMMEDIATE;\nSELECT 1;\n' >&6
	until_true grep -q 1 held_db
	: >delayed
	enroll 6>&- >delayed &
	pid=$!
	while kill -0 $pid 2>/dev/null; do within_a_second; done
	[ "$(cat delayed)" = "503 text/plain" ]
	[ "$(cat answer)" = busy ]
	# one that is let go in time
	before=$(lab_ledger | jq '.users["alice@calls.example"].certificates | length')
	enroll 6>&- >delayed &
	pid=$!
	for _ in $(seq 20); do within_a_second; done
	printf 'COMMIT;\n' >&6
	exec 6>&-
	wait $pid
	[ "$(cat delayed)" = "200 application/pkix-cert" ]
	[ "$(lab_ledger | jq '.users["alice@calls.example"].certificates | length')" = $((before + 1)) ]
	# who changes the configuration is in nobody's way
	exec 6>lab/etc/calls.example/ca/lock
	flock 6
	enroll 6>&- >delayed
	exec 6>&-
	[ "$(cat delayed)" = "200 application/pkix-cert" ]
}

within_a_second() {
	curl -s -m 1 --cacert tls.crt -o document "https://localhost:$SERVE/.well-known/reload-config"
}

@test "a client takes no answer that it should not take" {
	fake=$(lab_port)
	fake "$fake" carol.der
	answers() { # answers STATUS TEXT WHY PATH
		sed "s,https://localhost:$SERVE/enroll,https://localhost:$fake$4,; s,<enrollment-server>https://localhost:1/enroll</enrollment-server>,,; /<signature>/d" \
			lab/etc/calls.example/overlay.xml >faked.xml
		R there reload-enroll request alice@calls.example --identity victim --config faked.xml --ca-file tls.crt --password-file password
		failed "$1" "$2"
		matches "${stderr_lines[1]}" "$3"
		[ ! -e there/etc/identity/victim ]
	}
	# R-11.3-24, and R-11.3-25 for the last
	answers 6 'got no certificate' failed_authentication /token/Failed_Authentication
	answers 7 'got no certificate' username_not_available /token/username_not_available
	answers 8 'got no certificate' Node-IDs_not_available /token/node-ids_not_available
	answers 10 'got no certificate' bad_CSR /token/bad_CSR
	answers 1 'got no certificate' 'status 403: something_else' /token/something_else
	answers 1 'got no certificate' 'status 500: .\[31mno' /status/500
	answers 10 'cannot be used' 'not application/pkix-cert' /html
	answers 8 'no answer' 'larger than 1 MiB' /big
	answers 10 'cannot be used' 'for another key' /der
	answers 1 'no answer' . /silent
	# B18: a POST follows no redirect, and the password goes nowhere else
	elsewhere=$(lab_port)
	fake "$elsewhere"
	for code in 301 302 303 307 308; do
		answers 1 'got no certificate' "status $code" "/redirect/$code/to:https://localhost:$elsewhere/der"
		answers 1 'got no certificate' "status $code" "/redirect/$code/to:http://localhost:$elsewhere/der"
	done
	[ ! -e "lab/$elsewhere.requests" ]
	# R-11.3-05 R-11.3-06 R-11.3-10 R-11.3-11
	grep -q '^POST /token/bad_CSR username,password,csr application/pkcs10 application/pkix-cert$' "lab/$fake.requests"
	# openssl takes the request that is made
	run openssl req -inform DER -in "lab/$fake.requests.csr" -verify -noout -text
	[ "$status" -eq 0 ]
	matches "$output" 'verify OK'
	matches "$output" 'Public Key Algorithm: id-ecPublicKey'
}

@test "a configuration is fetched from https only, through five redirects at most" {
	fake=$(lab_port)
	fake "$fake"
	request() {
		R there reload-enroll request alice@calls.example --identity again --url "$1" --ca-file tls.crt --password-file password -n
	}
	request "https://localhost:$fake/redirect/302/to:$URL"
	ok
	request "https://localhost:$fake/redirect/302/to:https://localhost:$fake/redirect/302/to:https://localhost:$fake/redirect/302/to:https://localhost:$fake/redirect/302/to:https://localhost:$fake/redirect/302/to:https://localhost:$fake/redirect/302/to:$URL"
	failed 1 'no answer'
	request "https://localhost:$fake/redirect/302/to:http://localhost:$SERVE/.well-known/reload-config"
	failed 1 'no answer'
	request "http://localhost:$SERVE/.well-known/reload-config"
	failed 1 'no answer'
	request "https://localhost:$fake/html"
	failed 10 'not valid'
	# R-11.2-07
	grep -q '^GET /html' "lab/$fake.requests"
	request "https://localhost:$fake/status/404"
	failed 1 'no configuration was fetched'
	# R-11.2-08: one of another overlay
	R there reload-enroll request alice@other.example --url "$URL" --ca-file tls.crt --password-file password
	failed 10 'not valid'
}

@test "the name in the server's certificate is that of the URL, or of the overlay for enrollment" {
	named=$(lab_port)
	serve "$named" overlay
	wrong=$(lab_port)
	serve "$wrong" wrong
	at() { # at PORT CA
		sed "s,localhost:$SERVE/enroll,localhost:$1/enroll,; s,<enrollment-server>https://localhost:1/enroll</enrollment-server>,,; /<signature>/d" \
			lab/etc/calls.example/overlay.xml >named.xml
		R there reload-enroll request carol@calls.example --config named.xml --ca-file "$2" --password-file password
	}
	# R-11.3-04 (ENR-02)
	at "$named" overlay.crt
	ok
	at "$wrong" wrong.crt
	failed 10 'no answer'
	# nobody whom we trust
	at "$named" tls.crt
	failed 10 'no answer'
	# one that has ended
	if lab_clock; then
		ahead -864000 openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ended.key -out ended.crt -days 1 \
			-subj "/CN=ended" -addext "subjectAltName=DNS:localhost" 2>/dev/null
		ended=$(lab_port)
		serve "$ended" ended
		before=$(lab_ledger)
		at "$ended" ended.crt
		failed 10 'no answer'
		matches "$stderr" 'expired'
		[ "$(lab_ledger)" = "$before" ]
	fi
	# R-11.2-05: the document comes from the name that was typed
	R there reload-enroll request carol@calls.example --url "https://localhost:$named/.well-known/reload-config" --ca-file overlay.crt --password-file password -n
	failed 10 'no answer'
}

# typed KEYS: what happens when they are typed where a password is asked for.
typed() {
	there python3 "$BATS_TEST_DIRNAME/terminal.py" "$1" reload-enroll request alice@calls.example --url "$URL" --ca-file tls.crt -q "${@:2}"
}

@test "a password is typed without echo, and Ctrl-C leaves a terminal that shows what is typed" {
	[ "$(typed 'secret\n' --identity typed)" = 'status 0 echo' ]
	[ -e there/etc/identity/typed/cert.pem ]
	[ "$(typed '\x03' --identity never)" = 'signal 2 echo' ]
	[ "$(typed 'sec\x1c' --identity never)" = 'signal 3 echo' ]
	[ ! -e there/etc/identity/never ]
}

@test "passwords are in no output, no log and no file" {
	run -1 grep -r 'secret\|wrong-password' lab/*.out lab/*.err
	sqlite3 lab/etc/calls.example/ca/accounts.db .dump >dump
	run -1 grep -q secret dump
	sqlite3 lab/etc/calls.example/ca/accounts.db .dump | grep -q "'alice@calls.example','\\\$y\\\$"
	[ "$(stat -c %a lab/etc/calls.example/ca/accounts.db)" = 600 ]
	# the audit log has each decision
	sqlite3 lab/etc/calls.example/ca/accounts.db "select distinct decision from audit order by 1" >decisions
	for word in issued failed_authentication username_not_available Node-IDs_not_available bad_CSR bad_request too_many_failures; do
		grep -qx "$word" decisions
	done
}

@test "bootstrap nodes that are dead are named, with the document that leaves them out" {
	export RELOAD_HOME=$PWD/probed
	alive=$(lab_port)
	dead=$(lab_port)
	python3 -c 'import socket, sys; s = socket.create_server(("127.0.0.1", int(sys.argv[1]))); print("ready", flush=True); sys.stdin.read()' "$alive" >listener.out < <(exec tail -f /dev/null --pid=$$) 3>&- &
	pid=$!
	until_true grep -q ready listener.out
	reload-enroll init probed.example --bootstrap "127.0.0.1:$alive" --bootstrap "127.0.0.1:$dead" -q
	last=$(lab_port)
	reload-enroll serve -l "127.0.0.1:$last" --tls-cert tls.crt --tls-key tls.key --json >probed.out 3>&- &
	server=$!
	until_true grep -q '"bootstrap"' probed.out
	kill -TERM $server
	wait $server
	kill $pid
	jq -se --arg a "127.0.0.1:$alive" --arg d "127.0.0.1:$dead" '.[] | select(.type == "bootstrap") |
		.alive == [$a] and .dead == [$d] and .proposal == "reload-enroll config set bootstrap-node=" + $a' probed.out
	# what it proposes can be run
	$(jq -r 'select(.type == "bootstrap") | .proposal' probed.out) -q
	reload-enroll config show -j | jq -e --arg a "127.0.0.1:$alive" '.bootstrap == [$a]'
}

@test "users that move while somebody adds others are all at the new place" {
	local ca=moving/etc/calls.example/ca port n=0
	moving() { RELOAD_HOME=$PWD/moving "$@"; }
	port=$(lab_port)
	moving reload-enroll init calls.example -q
	moving reload-enroll user add alice@calls.example --password-file password -q
	# so that it takes its time
	sqlite3 "$ca/accounts.db" "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 50000)
		INSERT INTO audit(time, address, \"user\", decision, detail) SELECT n, '127.0.0.1', 'alice@calls.example', 'issued', 'one Node-ID' FROM c"
	RELOAD_HOME=$PWD/moving reload-enroll serve -l "127.0.0.1:$port" --tls-cert tls.crt --tls-key tls.key --users elsewhere.db >"lab/$port.out" 2>"lab/$port.err" 3>&- &
	echo $! >"lab/$port.server"
	# whoever is entered before the new place is named
	until [ -e "$ca/users" ]; do
		kill -0 "$(cat "lab/$port.server")"
		sqlite3 -cmd '.timeout 20000' "$ca/accounts.db" "INSERT INTO users SELECT 'user-$n@calls.example', hash, changed, disabled, reserved FROM users WHERE name LIKE 'alice%'"
		[ -e "$ca/users" ] || n=$((n + 1))
	done
	until_true grep -q '^serving' "lab/$port.out"
	[ $n -ge 1 ]
	[ "$(sqlite3 elsewhere.db 'SELECT count(*) FROM users')" -ge $((n + 1)) ]
	sqlite3 elsewhere.db 'SELECT name FROM users' | grep -qx "user-$((n - 1))@calls.example"
	kill "$(cat "lab/$port.server")"
}

@test "serve: what is wrong is said, and SIGTERM ends it" {
	R reload-enroll serve
	failed 2 'tls-cert and --tls-key are needed'
	R reload-enroll serve --tls-cert tls.crt --tls-key wrong.key -l 127.0.0.1:0
	failed 10 'HTTPS cannot be served'
	R reload-enroll serve --tls-cert tls.crt --tls-key tls.key -l "127.0.0.1:$SERVE"
	failed 1 'cannot listen'
	R reload-enroll serve --tls-cert tls.crt --tls-key tls.key -l example
	failed 2 'no address'
	last=$(lab_port)
	reload-enroll serve -l "127.0.0.1:$last" --tls-cert tls.crt --tls-key tls.key --json >last.out 3>&- &
	pid=$!
	until_true grep -q listening last.out
	kill -TERM $pid
	wait $pid
	jq -se 'map(select(.type != "bootstrap")) | map(.type) == ["listening", "summary"] and .[1].issued == 0' last.out
}
