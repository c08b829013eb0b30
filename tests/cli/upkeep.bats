#!/usr/bin/env bats
# Agents that run for years: they get newer certificates and documents by themselves.

load lab

setup_file() {
	lab_begin
	SERVE=$(lab_port)
	PORT=$(lab_port)
	URL=https://localhost:$SERVE/.well-known/reload-config
	export SERVE PORT URL
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" \
		--enrollment-server "https://localhost:$SERVE/enroll" >/dev/null
	yesterday openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.crt -days 300 \
		-subj "/CN=tls" -addext "subjectAltName=DNS:localhost" 2>/dev/null
	echo secret >password
	for u in alice bob; do reload-enroll user add "$u@calls.example" --password-file password -q; done
	serve
	for u in alice bob; do
		there reload-enroll request "$u@calls.example" --url "$URL" --ca-file tls.crt --password-file password -q
	done
	there lab_start alice -l "127.0.0.1:$PORT" --first
	there lab_start bob -l 127.0.0.1:0
	there reload-agent status -a bob --wait joined -q -t 20
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	end_server
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

yesterday() {
	if lab_clock; then ahead -86400 "$@"; else "$@"; fi
}

# there COMMAND: with the home of another machine.
there() {
	RELOAD_HOME=$PWD/there "$@"
}

serve() {
	reload-enroll serve -l "127.0.0.1:$SERVE" --tls-cert tls.crt --tls-key tls.key >lab/serve.out 2>lab/serve.err 3>&- &
	echo $! >server.pid
	until_true grep -q '^serving' lab/serve.out
}

end_server() {
	kill "$(cat server.pid)" 2>/dev/null || true
	within 5 gone "$(cat server.pid)"
}

# again NAME: stops the agent and starts it anew.
again() {
	there reload-agent stop -a "$1" -q
	there lab_start "$1" "${@:2}"
	there reload-agent status -a "$1" --wait joined -q -t 30
}

links() {
	there reload-agent status -a "$1" --links -j | jq -c '.links.list | map(.link)'
}

has_document() { # has_document NAME SEQUENCE
	[ "$(there reload-agent status -a "$1" -j | jq .configuration_sequence)" = "$2" ]
}

state() {
	[ "$(there reload-agent status -a "$1" -j | jq -r .state)" = "$2" ]
}

# next: the authority's document, changed by an expression of Python on `text`, signed; its sequence is one more.
next_document() {
	PYTHONPATH=$BATS_TEST_DIRNAME python3 - "$1" <<-'PYTHON'
		import re, sys
		import hostile_wire
		hostile_wire.OVERLAY = "calls.example"
		path = f"{hostile_wire.HOME}/etc/calls.example/overlay.xml"
		text = open(path, encoding="utf-8").read()
		text = re.sub(r' sequence="(\d+)"', lambda m: f' sequence="{int(m.group(1)) + 1}"', text, 1)
		text = eval(sys.argv[1])
		open(path, "w", encoding="utf-8").write(hostile_wire.resign(text))
	PYTHON
}

until_expires() { # until_expires TIME: a next document, which expires then
	next_document "re.sub(r'expiration=\"[^\"]*\"', 'expiration=\"$1\"', text)"
}

@test "an agent renews its certificate before it ends, and keeps its links" {
	local before
	reload-enroll issue bob@calls.example --identity bob --validity 18s -q
	cp lab/etc/identity/bob/*.pem there/etc/identity/bob/
	again bob -l 127.0.0.1:0
	before=$(links bob)
	until_true grep -q 'new certificate taken' lab/bob.log
	grep -q 'renewing the certificate' lab/bob.log
	[ "$(links bob)" = "$before" ]
	run -1 grep -q 'certificate has ended' lab/bob.log
	[ "$(there reload-enroll show bob -j | jq '.items[0].days_left')" -ge 89 ]
	[ "$(there reload-enroll show bob -j | jq -c '.items[0].node_ids')" = "$(reload-enroll show bob -j | jq -c '.items[0].node_ids')" ]
}

# How many certificates the server has issued.
issued() {
	grep -c ' issued: ' lab/serve.out || true
}

@test "a machine that slept over the time of renewal renews after it wakes, once" {
	# B07
	lab_clock || skip "no clock to set"
	echo 0 >ahead.now
	AHEAD=$PWD/ahead.now LD_PRELOAD=$PWD/clock.so again bob -l 127.0.0.1:0
	before=$(issued)
	echo $((76 * 86400)) >ahead.now
	within 60 grep -q 'new certificate taken' lab/bob.log
	# by this clock the new one is due as well: that is no reason to ask again and again
	there reload-ping -a bob -c 8 -i 250ms -q succ >/dev/null
	[ "$(issued)" = $((before + 1)) ]
	again bob -l 127.0.0.1:0
}

@test "a renewal that fails is said, tried again, and changes nothing" {
	lab_clock || skip "no clock to set"
	end_server
	reload-enroll issue bob@calls.example --identity bob --validity 1m -q
	cp lab/etc/identity/bob/*.pem there/etc/identity/bob/
	echo 45 >ahead.now
	AHEAD=$PWD/ahead.now LD_PRELOAD=$PWD/clock.so again bob -l 127.0.0.1:0
	until_true grep -q 'own certificate was not renewed.*no answer from https://localhost' lab/bob.log
	cmp lab/etc/identity/bob/cert.pem there/etc/identity/bob/cert.pem
	serve
	until_true grep -q 'new certificate taken' lab/bob.log
	again bob -l 127.0.0.1:0
}

no_link() { # no_link NAME
	[ "$(there reload-agent status -a "$1" -j | jq .links.up)" = 0 ]
}

@test "a certificate that ends ends the link, also where the node itself does not notice" {
	# B13: at the other end, by its clock
	lab_clock || skip "no clock to set"
	# a certificate begins five minutes early, so this one is due for renewal at once: without a password nobody renews it
	mv there/etc/identity/bob/enrollment.json enrollment.json
	reload-enroll issue bob@calls.example --identity bob --validity 20s -q
	cp lab/etc/identity/bob/*.pem there/etc/identity/bob/
	echo 0 >ahead.now
	: >lab/alice.log
	AHEAD=$PWD/ahead.now LD_PRELOAD=$PWD/clock.so again bob -l 127.0.0.1:0
	echo -200 >ahead.now # no further than that: by its clock the certificates of both have begun
	within 60 no_link alice
	until_true no_link bob
	[ "$(grep -c 'link down.*expired' lab/alice.log)" = 1 ]
	run -1 grep -q 'certificate has ended' lab/bob.log
	# what it tries from then on is refused, in one line
	until_true grep -q 'refused peer=' lab/alice.log
	[ "$(grep -c 'refused peer=' lab/alice.log)" = 1 ]
	mv enrollment.json there/etc/identity/bob/
	there reload-enroll renew -I bob -q
	again bob -l 127.0.0.1:0
}

@test "two peers that read everything again at once keep their link, 100 times" {
	# B17
	local before
	before=$(links bob)
	for i in $(seq 100); do
		if [ $((i % 25)) = 0 ]; then
			for u in alice bob; do
				reload-enroll issue $u@calls.example --identity $u --validity "${i}d" -q
				cp lab/etc/identity/$u/*.pem there/etc/identity/$u/
			done
		fi
		there reload-agent refresh -a alice -q >/dev/null 3>&- &
		other=$!
		there reload-agent refresh -a bob -q >/dev/null
		wait $other
	done
	[ "$(links bob)" = "$before" ]
	there reload-ping -a alice -c 1 -q succ >/dev/null
	[ "$(grep -c 'new certificate taken' lab/alice.log)" -ge 1 ]
}

@test "a certificate that has ended is named at the start, and renewed with the same Node-ID" {
	# B08
	there reload-agent stop -a bob -q
	node=$(there reload-enroll show bob -j | jq -c '.items[0].node_ids')
	mv there/etc/identity/bob/enrollment.json enrollment.json # else the agent renews it at once
	reload-enroll issue bob@calls.example --identity bob --validity 1s -q
	cp lab/etc/identity/bob/*.pem there/etc/identity/bob/
	until_true ended_at_start
	matches "$stderr" 'expired'
	matches "${stderr_lines[2]}" '^  try:  reload-enroll '
	# without a password nothing changes, and what is missing is named
	R there reload-enroll renew -I bob --ca-file tls.crt --no-input
	[ "$status" -eq 2 ]
	matches "$stderr" '--password-file FILE'
	mv enrollment.json there/etc/identity/bob/
	R there reload-enroll renew -I bob
	ok
	[ "$(there reload-enroll show bob -j | jq -c '.items[0].node_ids')" = "$node" ]
	there lab_start bob -l 127.0.0.1:0
	there reload-agent status -a bob --wait joined -q -t 30
}

ended_at_start() {
	R there timeout 1 reload-agent -I bob -l 127.0.0.1:0
	[ "$status" -eq 10 ]
}

@test "a clock that is a minute behind does not matter, one that is an hour behind is named" {
	# B11
	lab_clock || skip "no clock to set"
	reload-enroll user add erin@calls.example --password-file password -q
	R ahead -60 there reload-enroll request erin@calls.example --url "$URL" --ca-file tls.crt --password-file password
	ok
	rm -r there/etc/identity/erin
	R ahead -3600 there reload-enroll request erin@calls.example --url "$URL" --ca-file tls.crt --password-file password
	failed 10 ''
	matches "${stderr_lines[1]}" '20[0-9-]*T[0-9:]*Z.*20[0-9-]*T[0-9:]*Z'
	matches "$stderr" 'clock'
	[ ! -e there/etc/identity/erin ]
}

@test "the time that is left is compared to the second" {
	# B07: one second more than is left, or less
	left() { echo $(($(date -ud "$(openssl x509 -in there/etc/identity/bob/cert.pem -noout -enddate | cut -d= -f2)" +%s) - $(date +%s))); }
	R there reload-enroll renew -I bob --if-left "$(($(left) - 60))s"
	matches "$output" '^not needed'
	R there reload-enroll renew -I bob --if-left "$(($(left) + 1))s"
	matches "$output" '^obtained'
}

@test "a document that is too large for a message is fetched by whoever is behind; links stay" {
	local before
	before=$(links bob)
	next_document 'text.replace("</configuration>", "<!--" + "x" * 20000 + "--></configuration>")'
	cp lab/etc/calls.example/overlay.xml there/etc/identity/alice/
	run -0 there reload-agent refresh -a alice
	matches "$output" 'configuration +taken, sequence 2'
	# CFG-15: no ConfigUpdate brings it
	until_true has_document bob 2
	grep -q 'fetching the configuration' lab/bob.log
	# R-11.2-09
	cmp lab/etc/calls.example/overlay.xml there/etc/identity/bob/overlay.xml
	[ "$(links bob)" = "$before" ]
	R there reload-enroll config fetch -I bob
	ok
	matches "$output" '^not needed: bob has sequence 2'
	R there reload-enroll config fetch -I bob -j
	same_schema reload-enroll config fetch
}

@test "a document is fetched again before it expires" {
	# R-11.1-09
	until_expires "$(date -u -d '+20 seconds' +%FT%TZ)"
	there reload-enroll config fetch -I bob -q
	until_expires 2100-01-01T00:00:00Z
	there reload-agent refresh -a bob
	has_document bob 3
	until_true has_document bob 4
	run -1 grep -q 'has expired' lab/bob.log
	until_true has_document alice 4
}

@test "a document that expires puts the node out of the overlay, and a newer one brings it back" {
	# R-11.1-08
	end_server
	until_expires "$(date -u -d '+6 seconds' +%FT%TZ)"
	cp lab/etc/calls.example/overlay.xml there/etc/identity/bob/
	there reload-agent refresh -a bob
	until_true grep -q 'the configuration has expired, the overlay was left' lab/bob.log
	until_true state bob enrolled
	until_expires 2100-01-01T00:00:00Z
	serve
	# what is put off after a failure is tried at once
	kill -HUP "$(cat lab/alice.pid)"
	until_true has_document alice 6
	kill -HUP "$(cat lab/bob.pid)"
	there reload-agent status -a bob --wait joined -q -t 100
	has_document bob 6
}

@test "config fetch takes no document that is older, of somebody else, or of another overlay" {
	local sequence
	cp lab/etc/calls.example/overlay.xml good.xml
	sequence=$(grep -o ' sequence="[0-9]*"' good.xml | tr -dc 0-9)
	numbered() { # numbered N: the document, with that number
		sed "s/ sequence=\"$sequence\"/ sequence=\"$1\"/" good.xml
	}
	refused() { # refused STATUS TEXT
		R there reload-enroll config fetch -I bob
		cp good.xml lab/etc/calls.example/overlay.xml
		failed "$1" "$2"
		cmp good.xml there/etc/identity/bob/overlay.xml
	}
	there reload-enroll config fetch -I bob -q
	cmp good.xml there/etc/identity/bob/overlay.xml
	numbered $((sequence - 1)) | sed '/<signature>/d' >lab/etc/calls.example/overlay.xml
	refused 10 'is not newer'
	numbered $((sequence + 1)) | sed '/<signature/,/<\/signature>/d' >lab/etc/calls.example/overlay.xml
	refused 10 ''
	numbered $((sequence + 1)) >lab/etc/calls.example/overlay.xml
	refused 6 ''
	sed 's/calls.example/other.example/g' good.xml >lab/etc/calls.example/overlay.xml
	refused 10 ''
	R there reload-enroll config fetch
	failed 2 'identity is needed'
}

@test "a document that this program does not know makes the node leave and says why" {
	# R-11.1-49 R-11.1-34
	next_document 'text.replace("</configuration>", "<mandatory-extension>urn:example:future</mandatory-extension></configuration>")'
	R there reload-enroll config fetch -I bob
	failed 10 ''
	matches "$stderr" 'urn:example:future'
	there reload-agent refresh -a bob || true
	until_true state bob enrolled
	grep -q 'cannot meet the new configuration.*urn:example:future' lab/bob.log
	R there reload-agent check -I bob
	[ "$status" -eq 10 ]
}

@test "a document of signers that nobody knows is taken when the server alone is to be trusted" {
	end_server
	other() { RELOAD_HOME=$PWD/other "$@"; }
	other reload-enroll init calls.example --enrollment-server "https://localhost:$SERVE/enroll" -q
	for i in $(seq 20); do other reload-enroll config set initial-ttl=$((20 + i)) -q; done
	other serve
	cp there/etc/identity/bob/overlay.xml before.xml
	R there reload-enroll config fetch -I bob
	[ "$status" -ne 0 ]
	matches "${stderr_lines[2]}" '^  try:  --as-new'
	cmp before.xml there/etc/identity/bob/overlay.xml
	# R-6.5.4-10
	R there reload-enroll config fetch -I bob --as-new
	ok
	cmp other/etc/calls.example/overlay.xml there/etc/identity/bob/overlay.xml
}

@test "config fetch does not replace a document that came meanwhile and is newer" {
	end_server
	mine() { RELOAD_HOME=$PWD/mine "$@"; }
	mine reload-enroll init calls.example --enrollment-server "https://localhost:$SERVE/enroll" -q
	mine serve
	mine reload-enroll user add dave@calls.example --password-file password -q
	mine reload-enroll request dave@calls.example --url "$URL" --ca-file tls.crt --password-file password -q
	dave=$(mine reload-enroll config fetch -I dave -j | jq -r .path)
	mine reload-enroll config set initial-ttl=51 -q
	# it has the document of the server, and waits to write it
	exec 7>"${dave%/*/*}/.lock"
	flock 7
	RELOAD_HOME=$PWD/mine reload-enroll config fetch -I dave -q 2>fetch.err 7>&- &
	fetching=$!
	waits() { find "/proc/$fetching/fd" -lname '*/.lock' | grep -q .; }
	within 20 waits
	mine reload-enroll config set initial-ttl=52 -q
	cp mine/etc/calls.example/overlay.xml "$dave"
	exec 7>&-
	wait $fetching && return 1
	grep -q 'not newer' fetch.err
	cmp mine/etc/calls.example/overlay.xml "$dave"
}
