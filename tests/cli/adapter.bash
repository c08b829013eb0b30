# shellcheck shell=bash
# reload-sip-adapter with ordinary devices: sipp, whose scenarios are in tests/cli/sipp, and baresip.

# adapter [OPTIONS]: runs it for alice and bob over UDP (at ADAPTER_PORT, if that is set) and TCP; its sockets are UDP and TCP afterwards, its events
# adapter.out.  It runs with UNDER, if that is set.
adapter() {
	background adapter ${UNDER-} reload-sip-adapter -a alice -a bob --listen "udp:127.0.0.1:${ADAPTER_PORT:-0}" --listen tcp:127.0.0.1:0 --users users -j "$@"
	until_true adapter_serves 2
	UDP=$(socket_of udp) TCP=$(socket_of tcp)
}

adapter_serves() {
	[ "$(grep -c '"serving"' adapter.out)" -ge "$1" ]
}

socket_of() {
	jq -r "select(.type == \"listening\" and .transport == \"$1\") | .address" adapter.out
}

# adapter_says JQ: an event for which that is true has come.
adapter_says() {
	until_true jq -se "any(.[]; $1)" adapter.out >/dev/null
}

# adapter_ends: it is stopped, and has ended well; its last event is in $output.
adapter_ends() {
	kill -INT "$(cat adapter.pid)"
	ended adapter 0
	output=$(tail -1 adapter.out)
	[ ! -s adapter.err ] || { cat adapter.err; return 1; }
}

# adapter_users [OPTIONS] AOR...: the users file, the password of all is "secret"; sipp and baresip know MD5 alone.
adapter_users() {
	local user
	for user in "$@"; do
		echo secret | reload-sip-adapter passwd users "$user" --password-file - --digest md5 -q
	done
}

# device NAME SCENARIO [OPTIONS]: sipp as a device in the background; it ends by itself.
device() {
	local name=$1 scenario=$BATS_TEST_DIRNAME/sipp/$2.xml
	[ ! -e "$2.xml" ] || scenario=$2.xml
	shift 2
	# the port that sipp takes by itself may be that of another test
	[[ " $* " == *" -p "* ]] || set -- "$@" -p "$(lab_port)"
	background "$name" timeout 60 sipp -sf "$scenario" -i 127.0.0.1 -nostdin -timeout 50 -m 1 \
		-key domain calls.example -ap secret -trace_msg -message_file "$name.msg" -trace_err -error_file "$name.errors" "$@"
}

# scenario_with NAME OF LINE...: the scenario NAME of a test is OF with these header fields in its requests.
scenario_with() {
	local name=$1 of=$2 lines
	shift 2
	lines=$(printf '%s\\n' "$@")
	sed "s#^Max-Forwards: 70#$lines&#" "$BATS_TEST_DIRNAME/sipp/$of.xml" >"$name.xml"
}

# device_ended NAME: it has done all of its scenario.
device_ended() {
	until_true test -s "$1.status"
	[ "$(cat "$1.status")" = 0 ] || { echo "$1: status $(cat "$1.status")"; tail -c 3000 "$1.msg" "$1.errors"; return 1; }
	rm -f "$1.pid"
}

# device_took NAME START: milliseconds from the device's last INVITE to the response that begins so, by its own log: how fast programs start does not count.
device_took() {
	until_true grep -qE "^$2" "$1.msg"
	awk -v start="^$2" '
		function ms(t, p) { split(t, p, ":"); return (p[1] * 3600 + p[2] * 60 + p[3]) * 1000 }
		/^-+ [0-9-]+ [0-9:.]+\r?$/ { at = ms($3) }
		/^INVITE / { sent = at }
		$0 ~ start && sent { printf "%d\n", at - sent; exit }' "$1.msg"
}

# device_registers USER PORT [OPTIONS]: a device of that user registers with a Contact at that port, and is known.
device_registers() {
	local user=$1 port=$2
	shift 2
	device "register-$user" register "$UDP" -s "$user" -au "$user" -key contact_port "$port" -key expires 600 -p "$port" "$@"
	device_ended "register-$user"
}

# device_answers NAME PORT [OPTIONS]: a device that takes a call at that port; it is there when this returns.
device_answers() {
	local name=$1 port=$2
	shift 2
	device "$name" answer -p "$port" "$@"
	until_true bound "$port"
}

bound() {
	ss -lnuH "sport = :$1" | grep -q . || ss -lntH "sport = :$1" | grep -q .
}

# device_calls USER CALLEE [OPTIONS]: a device of that user calls, and ends the call.
device_calls() {
	local user=$1 callee=$2
	shift 2
	device "calls-$user" call "$UDP" -s "$callee" -key from "$user" -au "$user" -d 300 "$@"
	device_ended "calls-$user"
}

# phone NAME USER TRANSPORT ADDR: baresip as a device that plays 440 Hz, answers at once, takes orders, and records what it hears in phone-NAME; with
# PHONE_IN, a command that runs another, it is in another host, where it takes any address.
phone() {
	local name=$1 user=$2 transport=$3 at=$4 port listen=127.0.0.1
	[ -z "${PHONE_IN-}" ] || listen=0.0.0.0
	port=$(lab_port)
	mkdir -p "phone-$name"
	sox -n -r 8000 -c 1 -b 16 "phone-$name/440.wav" synth 200 sine 440
	cat >"phone-$name/config" <<-END
		sip_listen $listen:$(lab_port)
		module_path /usr/lib/baresip/modules
		module account.so
		module menu.so
		module g711.so
		module aufile.so
		module aubridge.so
		module sndfile.so
		snd_path $PWD/phone-$name
		module ctrl_tcp.so
		ctrl_tcp_listen 127.0.0.1:$port
		audio_source aufile,$PWD/phone-$name/440.wav
		audio_player aubridge,nothing
		rtp_ports 30000-39999
	END
	echo "<sip:$user@calls.example>;auth_user=$user;auth_pass=secret;outbound=\"sip:$at;transport=$transport\";regint=60;answermode=auto" \
		>"phone-$name/accounts"
	# shellcheck disable=SC2086
	background "$name" ${PHONE_IN-} timeout "${PHONE_SECONDS:-280}" baresip -f "phone-$name"
	until_true says "$name.out" '200 OK.*binding' || { cat "$name.out"; return 1; }
	echo "$port" >"phone-$name/port"
}

# order NAME COMMAND [PARAMETERS]: what the phone answers
order() {
	# shellcheck disable=SC2086
	${PHONE_IN-} python3 - "$(cat "phone-$1/port")" "$2" "${3-}" <<-'END'
		import json, socket, sys
		s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20)
		t = json.dumps({'command': sys.argv[2], 'params': sys.argv[3], 'token': 'x'}).encode()
		s.sendall(b'%d:%s,' % (len(t), t))
		got = b''
		while b'"response":true' not in got:
		    more = s.recv(4096)
		    assert more, got
		    got += more
		assert b'"ok":true' in got, got
	END
}

# heard FILE FROM SECONDS HZ: what the recording has there, to 1.5%; HZ 0: silence
heard() {
	sox "$1" -n trim "$2" "$3" stat 2>&1 | awk -v hz="$4" '
		/^Rough/ { f = $3 }
		/^Maximum amplitude/ { loud = $3 > 0.05 }
		END { ok = hz ? loud && f > hz * 0.985 && f < hz * 1.015 : !loud; print f " Hz, loud " loud; exit !ok }'
}
