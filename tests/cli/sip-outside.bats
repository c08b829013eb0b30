#!/usr/bin/env bats
# reload-sip-adapter and what is outside of the overlay: trunks for telephone numbers, other domains, and callers who are told where to go.

load lab
load calls
load adapter
load nameserver
load kamailio

setup_file() {
	lab_begin
	PORT=$(lab_port)
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" --services 100 --sip-domain 'calls[.]example' >/dev/null
	for u in alice bob carol sipsak; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	ADAPTER_PORT=$(lab_port) KAMAILIO=$(lab_port) PHONE=$(lab_port) FIRST=$(lab_port) SECOND=$(lab_port) THIRD=$(lab_port) ODD=$(lab_port)
	export PORT ADAPTER_PORT KAMAILIO PHONE FIRST SECOND THIRD UNDER=./with_names
	python3 "$BATS_TEST_DIRNAME/odd_names.py" "$ODD" 2>odd.log 3>&- &
	echo $! >odd.nspid
	names_begin --local=/example/ --local=/test/ "--server=/loop.test/127.0.0.1#$ODD" "--server=/silent.test/127.0.0.1#$ODD" --address=/here.example/127.0.0.1 \
		--srv-host="_sip._udp.kam.example,k.here.example,$KAMAILIO,1,1" --srv-host="_sip._udp.calls.example,a.here.example,$ADAPTER_PORT,1,1" \
		--srv-host="_sip._udp.three.example,one.here.example,$FIRST,1,1" --srv-host="_sip._udp.three.example,two.here.example,$SECOND,2,1" \
		--naptr-record='sec.example,10,1,s,SIPS+D2T,,_sips._tcp.sec.example' --srv-host="_sips._tcp.sec.example,s.here.example,$PHONE,1,1" \
		--srv-host="_sips._tcp.fake.example,s.here.example,$PHONE,1,1" \
		--srv-host="_sip._udp.three.example,three.here.example,$THIRD,3,1" --host-record=six.test,::1 --host-record=calls.example,127.0.0.1
	lab_ring
	lab_start sipsak -l 127.0.0.1:0 --role client --no-join
	reload-join -a sipsak -q
	adapter_users alice@calls.example bob@calls.example sipsak@calls.example
	reload-sip-call -a carol register carol@calls.example -q
}

teardown_file() {
	kill "$(cat odd.nspid)"
	names_end
	lab_end
}

IDENTITY=('P-Asserted-Identity: <sip:mallory@evil.example>' 'P-Preferred-Identity: <sip:mallory@evil.example>' 'Remote-Party-ID: <sip:mallory@evil.example>;party=calling'
	'Identity: bWFsbG9yeQ==;info=<https://evil.example/c>')

# no_claims FILE: what a device or another server claimed about who calls did not get through.
no_claims() {
	[ -s "$1" ]
	run -1 grep -E 'mallory|bWFsbG9yeQ' "$1"
}

# refuses NAME PORT STATUS: a server that refuses a call.
refuses() {
	sed "s/503 Service Unavailable/$3/" "$BATS_TEST_DIRNAME/sipp/refuse.xml" >"refuse-$1.xml"
	device "$1" "refuse-$1" -p "$2"
	until_true bound "$2"
}

asked_twice() {
	[ "$(grep -c '^SIP/2.0 407' "$1")" -ge 2 ]
}

@test "a number goes to the trunk of its longest prefix; the trunk hears who calls" {
	adapter --gateway "+49=sip:127.0.0.1:$FIRST" --gateway "+4930=sip:127.0.0.1:$SECOND;x=1" --gateway "+4930=sip:127.0.0.1:$THIRD"
	scenario_with claims call "${IDENTITY[@]}" 'Privacy: id'
	device_answers narrow "$SECOND"
	device alice claims "$UDP" -s +49301234 -key from alice -au alice -d 100
	device_ended alice
	device_ended narrow
	no_claims narrow.msg
	grep -q "^INVITE sip:+49301234@127.0.0.1:$SECOND;x=1;user=phone SIP/2.0" narrow.msg
	grep -q '^P-Asserted-Identity: <sip:alice@calls.example>' narrow.msg
	grep -q '^Privacy: id' narrow.msg
	# a caller without a name: the password says who it is, and the trunk alone hears it
	sed 's/^From: <[^>]*>/From: "Anonymous" <sip:anonymous@anonymous.invalid>/' claims.xml >anonymous.xml
	device_answers narrow "$SECOND"
	device alice anonymous "$UDP" -s +49301234 -key from alice -au alice -d 100
	device_ended alice
	device_ended narrow
	grep -q '^From: "Anonymous" <sip:anonymous@anonymous.invalid>' narrow.msg
	grep -q '^P-Asserted-Identity: <sip:alice@calls.example>' narrow.msg
	device nobody anonymous "$UDP" -s +49301234 -key from alice -au mallory
	until_true asked_twice nobody.msg
	device_answers wide "$FIRST"
	device_calls alice +49891234
	device_ended wide
	# a trunk that refuses with 5xx, and one where nobody is, are passed over
	refuses narrow "$SECOND" '502 Bad Gateway'
	device_answers wide "$FIRST"
	device_calls alice +49301235
	device_ended narrow
	device_ended wide
	# one that is busy is not: it has answered for the number
	refuses narrow "$SECOND" '486 Busy Here'
	device_answers wide "$FIRST"
	device alice call "$UDP" -s +49301236 -key from alice -au alice
	device_ended narrow
	until_true grep -q '^SIP/2.0 486' alice.msg
	adapter_ends
}

@test "a domain that kamailio serves is reached by its SRV record, and its user calls back into the overlay" {
	kamailio_begin "$KAMAILIO" "$PHONE"
	adapter
	device_registers bob "$(lab_port)"
	port=$(sed -n 's/^Contact: <sip:bob@127.0.0.1:\([0-9]*\);.*/\1/p' register-bob.msg | head -n 1)
	# out: the claims of the device are removed, ours takes their place
	scenario_with claims call "${IDENTITY[@]}"
	sed -i 's/\[service\]@\[domain\]/[service]@kam.example/' claims.xml
	device_answers dave "$PHONE"
	device alice claims "$UDP" -s dave -key from alice -au alice -d 100
	device_ended alice
	device_ended dave
	no_claims dave.msg
	grep -q '^P-Asserted-Identity: <sip:alice@calls.example>' dave.msg
	# a caller who wants privacy (RFC 3325 s7)
	sed -i 's/^Remote-Party-ID:.*/Privacy: header;id/' claims.xml
	device_answers dave "$PHONE"
	device alice claims "$UDP" -s dave -key from alice -au alice -d 100
	device_ended alice
	device_ended dave
	grep -q '^Privacy: header;id' dave.msg
	run -1 grep '^P-Asserted-Identity' dave.msg
	# a user of the overlay has calls forwarded to that domain
	reload-sip-call -a carol register carol@calls.example --forward dave@kam.example -q
	device_answers dave "$PHONE"
	device_calls alice carol
	device_ended dave
	reload-sip-call -a carol register carol@calls.example -q
	# in: to a device, and to a user of the overlay, whom no name of another domain reaches as a caller
	scenario_with calls-out calls-in "${IDENTITY[@]}"
	device_answers bob "$port"
	device dave calls-out "127.0.0.1:$KAMAILIO" -s bob -key from dave@kam.example -d 100
	device_ended dave
	device_ended bob
	no_claims bob.msg
	grep -q '^From: <sip:dave@kam.example>' bob.msg
	listens carol --answer -c 1
	device dave calls-out "127.0.0.1:$KAMAILIO" -s carol -key from dave@kam.example -d 100
	device_ended dave
	ended carol 0
	# nodes take a call only from the user of the caller's certificate: that is the adapter's, and the phone of the caller sees nothing of it
	matches "$(cat carol.out)" 'answered   (alice|bob)@calls.example'
	run -1 grep -E '^(From|To): .*(alice|bob)@' dave.msg
	sox -n -r 8000 -c 1 -b 16 short.wav synth 0.3 sine 440
	listens carol --answer --play short.wav -c 1
	device dave waits-in "127.0.0.1:$KAMAILIO" -s carol -key from dave@kam.example
	device_ended dave
	ended carol 0
	run -1 grep -E '^(From|To): .*(alice|bob)@' dave.msg
	# what is neither for a user of a hosted domain, nor from a device, goes nowhere
	device forged call "$UDP" -s bob -key from carol -au carol
	until_true grep -q '^SIP/2.0 403' forged.msg
	sed 's/\[service\]@\[domain\]/[service]@three.example/' "$BATS_TEST_DIRNAME/sipp/calls-in.xml" >relay.xml
	device relay relay "$UDP" -s x -key from dave@kam.example
	until_true grep -q '^SIP/2.0 403' relay.msg
	adapter_ends
}

# calls_out NAME TO [OPTIONS]: alice's device calls that AOR.
calls_out() {
	local name=$1 to=$2
	shift 2
	sed "s/\[service\]@\[domain\]/$to/" "$BATS_TEST_DIRNAME/sipp/call.xml" >"$name.xml"
	device "$name" "$name" "$UDP" -key from alice -au alice -d 100 "$@"
}

@test "C19: of three servers the silent one and the one with 503 are passed over, and for a while not asked first" {
	adapter
	python3 "$BATS_TEST_DIRNAME/udp.py" hold "127.0.0.1:$FIRST" >silent.out 2>&1 3>&- &
	echo $! >silent.pid
	until_true bound "$FIRST"
	refuses second "$SECOND" '503 Service Unavailable'
	device_answers third "$THIRD"
	calls_out alice x@three.example
	device_ended alice
	[ "$(device_took alice 'SIP/2.0 200')" -lt 5000 ]
	[ "$(device_took alice 'SIP/2.0 200')" -ge 2000 ]
	device_ended second
	device_ended third
	# neither is asked while its penalty lasts: nothing is waited for
	device_answers third "$THIRD"
	calls_out alice x@three.example
	device_ended alice
	[ "$(device_took alice 'SIP/2.0 200')" -lt 2000 ]
	device_ended third
	adapter_ends
}

@test "C25: names that lead nowhere end a call within 3 s, and no other call waits" {
	local to port
	adapter
	port=$(lab_port)
	device_registers bob "$port"
	device_answers bob "$port"
	for to in absent loop silent; do
		calls_out "$to" "x@$to.test"
	done
	device_calls alice bob
	device_ended bob
	[ "$(device_took calls-alice 'SIP/2.0 200')" -lt 2000 ]
	[ "$(device_took absent 'SIP/2.0 404')" -lt 3000 ]
	[ "$(device_took loop 'SIP/2.0 (404|503)')" -lt 3000 ]
	[ "$(device_took silent 'SIP/2.0 503')" -lt 3000 ]
	# a Route with a name is how some phones name the adapter itself; one with another address is another proxy
	scenario_with proxied call 'Route: <sip:absent.test;lr>'
	device_answers bob "$port"
	device alice proxied "$UDP" -s bob -key from alice -au alice -d 100
	device_ended alice
	device_ended bob
	scenario_with proxied call "Route: <sip:127.0.0.1:$PHONE;lr>"
	device_answers proxy "$PHONE"
	device alice proxied "$UDP" -s anybody -key from alice -au alice -d 100
	device_ended alice
	device_ended proxy
	grep -q '^INVITE sip:anybody@calls.example SIP/2.0' proxy.msg
	adapter_ends
}

@test "redirect mode: a caller is told where to go, and nothing is forwarded" {
	local port bob carol
	adapter -a sipsak --mode redirect
	port=$(lab_port)
	device_registers bob "$port"
	device alice redirected "$UDP" -s bob -key from alice -au alice
	device_ended alice
	grep -q "^Contact: <sip:bob@127.0.0.1:$port;x-line=1>" alice.msg
	# a user at another node has the GRUU of that node
	carol=$(reload-sip-call -a alice lookup carol@calls.example -j | jq -r '.targets[0].gruu')
	device alice redirected "$UDP" -s carol -key from alice -au alice
	device_ended alice
	grep -qF "Contact: <sip:$carol>" alice.msg
	# sipsak asks, is asked for the password of alice, and is told the same
	R ./with_names timeout 20 sipsak -vvv -d -n -s sip:bob@calls.example -r "$ADAPTER_PORT" -H calls.example -u sipsak -a secret
	matches "$output" "SIP/2.0 302 Moved Temporarily"
	matches "$output" "Contact: <sip:bob@127.0.0.1:$port;x-line=1>"
	# nobody is there: not a redirection to nowhere
	sed 's/302/404/' "$BATS_TEST_DIRNAME/sipp/redirected.xml" >absent.xml
	device alice absent "$UDP" -s nobody -key from alice -au alice
	device_ended alice
	adapter_ends
}

# E16
@test "a number is called by way of the gateways of the overlay: the longest prefix, the next when one is dead, 12 when all refuse" {
	# three adapters, each with a trunk: alice and bob serve +49, carol +4930
	local trunk user prefix port out
	reload-sip-call -a carol unregister carol@calls.example -q
	for trunk in "alice:+49:$FIRST" "bob:+49:$SECOND" "carol:+4930:$THIRD"; do
		IFS=: read -r user prefix port <<<"$trunk"
		background "gw-$user" reload-sip-adapter -a "$user" --listen udp:127.0.0.1:0 --gateway "$prefix=sip:127.0.0.1:$port" -j
		until_true grep -q '"offered"' "gw-$user.out"
	done
	R reload-sip-call -a sipsak lookup tel:+49301234
	ok
	[ "$(awk '{ print $3 }' <<<"$output" | tr '\n' ' ')" = "+4930 +49 +49 " ]
	# the longest prefix has the call; the trunk hears who calls from the certificate
	device_answers third "$THIRD"
	R reload-sip-call -a sipsak tel:+49-30-1234 --duration 200ms
	ok
	device_ended third
	grep -q "^INVITE sip:+49301234@127.0.0.1:$THIRD;user=phone SIP/2.0" third.msg
	grep -q '^P-Asserted-Identity: <sip:sipsak@calls.example>' third.msg
	# its trunk is dead, and its adapter; those of the shorter prefix take over
	device_answers first "$FIRST"
	device_answers second "$SECOND"
	# who is busy is busy, whichever way
	refuses third "$THIRD" '486 Busy Here'
	R reload-sip-call -a sipsak tel:+49301234
	[ "$status" -eq 12 ]
	matches "$stderr" 'the answer was 486 Busy Here'
	device_ended third
	# its trunk is silent: the next gateway has the call after 4 s
	python3 "$BATS_TEST_DIRNAME/udp.py" hold "127.0.0.1:$THIRD" >silent.out 2>&1 3>&- &
	echo $! >silent.pid
	until_true bound "$THIRD"
	R reload-sip-call -a sipsak tel:+49301234 --duration 200ms --ring 20s -j
	[ "$status" -eq 0 ]
	[ "$(jq -s '.[-1].setup_ms' <<<"$output")" -ge 4000 ]
	kill "$(cat silent.pid)"
	kill -KILL "$(cat gw-carol.pid)"
	R reload-sip-call -a sipsak tel:+49301234 --duration 200ms
	[ "$status" -eq 0 ]
	device_ended first
	device_ended second
	# all refuse: 12 with the last answer
	refuses first "$FIRST" '502 Bad Gateway'
	refuses second "$SECOND" '502 Bad Gateway'
	R reload-sip-call -a sipsak tel:+49301234
	[ "$status" -eq 12 ]
	matches "$stderr" 'the answer was 502 Bad Gateway'
	device_ended first
	device_ended second
	# a device of another adapter has them found, too; one is dead
	background adapter reload-sip-adapter -a sipsak --listen udp:127.0.0.1:0 --users users -j
	until_true adapter_serves 1
	UDP=$(socket_of udp)
	device_answers second "$SECOND"
	device_calls sipsak +49301234
	device_ended second
	adapter_ends
	# what an adapter offered is withdrawn with it
	for user in alice bob; do
		kill -INT "$(cat "gw-$user.pid")"
		ended "gw-$user" 0
		grep -q '"withdrawn"' "gw-$user.out"
	done
	R reload-sip-call -a sipsak lookup tel:+49891234
	failed 5 'there is no gateway'
}

@test "IPv6: a phone with IPv4 and one with IPv6, a domain with IPv6 alone, and an adapter without IPv4" {
	local port six
	port=$(lab_port) six=$(lab_port)
	adapter --listen 'udp:[::1]:0'
	SIX=$(socket_of udp | tail -1) UDP=$(socket_of udp | head -1)
	device_registers alice "$port"
	# sipp writes an IPv6 address into its credentials as no URI has it
	device register-bob register "$SIX" -s bob -au bob -key contact_port "$six" -key expires 600 -i '[::1]' -p "$six" -auth_uri calls.example
	device_ended register-bob
	device_answers bob "$six" -i '[::1]'
	device_calls alice bob
	device_ended bob
	[ "$(grep -c '^Record-Route: <sip:\[::1\]' bob.msg)" -ge 1 ]
	device_answers alice "$port"
	device bob call "$SIX" -s alice -key from bob -au bob -i '[::1]' -d 100 -auth_uri alice@calls.example
	device_ended bob
	device_ended alice
	# six.test has an AAAA record alone
	device_answers six "$six" -i '[::1]'
	calls_out alice "x@six.test:$six"
	device_ended alice
	device_ended six
	adapter_ends
	# an adapter that has IPv6 alone: bob calls a domain there, and none of IPv4
	background adapter ./with_names reload-sip-adapter -a bob --listen 'udp:[::1]:0' --users users -j
	until_true adapter_serves 1
	SIX=$(socket_of udp)
	device_answers six "$six" -i '[::1]'
	sed "s/\[service\]@\[domain\]/x@six.test:$six/" "$BATS_TEST_DIRNAME/sipp/call.xml" >out.xml
	device bob out "$SIX" -key from bob -au bob -i '[::1]' -d 100 -auth_uri "x@six.test:$six"
	device_ended bob
	device_ended six
	sed 's/\[service\]@\[domain\]/x@k.here.example/' "$BATS_TEST_DIRNAME/sipp/call.xml" >none.xml
	device bob none "$SIX" -key from bob -au bob -i '[::1]' -auth_uri x@k.here.example
	until_true grep -q '^SIP/2.0 404' bob.msg
	adapter_ends
}

@test "a domain that wants TLS gets it, and nothing when its certificate is another's" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 3 -subj /CN=authority 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout sec.key -out sec.csr -subj /CN=sec 2>/dev/null
	printf 'subjectAltName=DNS:sec.example\n' >sec.ext
	openssl x509 -req -in sec.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 3 -extfile sec.ext -out sec.pem 2>/dev/null
	background server python3 "$BATS_TEST_DIRNAME/sip_tls.py" "$PHONE" sec.pem sec.key
	until_true says server.out listening
	adapter --listen tls:127.0.0.1:0 --certificate sec.pem --key sec.key --ca ca.pem
	calls_out alice x@sec.example
	until_true grep -q '^SIP/2.0 486' alice.msg
	[ "$(tail -1 server.out)" = "INVITE sip:x@sec.example SIP/2.0" ]
	# the same server, for a domain of which its certificate says nothing: it sees no request
	calls_out alice 'x@fake.example;transport=tls'
	until_true grep -q '^SIP/2.0 503' alice.msg
	until_true grep -q '^refused' server.out
	adapter_ends
	# without --ca those that this host trusts decide
	adapter --listen tls:127.0.0.1:0 --certificate sec.pem --key sec.key
	calls_out alice x@sec.example
	until_true grep -q '^SIP/2.0 503' alice.msg
	[ "$(grep -c '^INVITE' server.out)" = 1 ]
	adapter_ends
	R reload-sip-adapter -a alice --listen tls:127.0.0.1:0 --certificate sec.pem --key sec.key --ca sec.key --users users
	failed 10 'cannot use sec.key'
}
