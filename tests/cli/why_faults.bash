# shellcheck shell=bash
# Faults that are made on purpose, and the cause that reload-diag why has to name for each.  A fault is a function of the name of its row: it makes a
# command of $agent fail, and heals what it has broken in heal_NAME.

# NAME CAUSE, from the short ones to the long ones
WHY_FAULTS='
access        access_denied
generation    generation
large         too_large
many          too_many
kind          kind_unknown
room          quota
no_value      no_value
ahead         clock
detached      not_joined
refused       nothing_listens
http          not_reload
closes        port_closes
name          no_bootstrap_name
foreign       other_overlay
clients       clients
revoked       certificate_revoked
unregistered  not_registered
deaf          not_listening
rejected      callee_busy
declined      callee_declines
unanswered    nobody_answers
busy          application_busy
stranger      no_user
nobody        no_such_node
frozen        peer_silent
cut           cut_off
blackhole     address_silent
'

# joins_by ADDRESS [TIME]: dave, who is in no overlay, tries.
joins_by() {
	agent=dave
	reload-join -a dave --leave -q 2>/dev/null
	! reload-join -a dave --bootstrap "$1" -t "${2:-4}"
}

# server MODE: a program that is no node listens at 127.0.0.1:$(cat server.port)
server() {
	rm -f server.port
	python3 "$BATS_TEST_DIRNAME/no_node.py" "$1" >server.port 3>&- &
	echo $! >server.pid
	until_true test -s server.port
}

server_end() {
	kill "$(cat server.pid)"
	rm server.pid
}

long_text() {
	head -c "$1" /dev/zero | tr '\0' x
}

access() {
	agent=alice
	! reload-store -a alice -k $K bob@calls.example x
}

generation() {
	agent=alice
	reload-store -a alice -k $K alice@calls.example x -q
	! reload-store -a alice -k $K alice@calls.example y -g 7777
}

large() {
	agent=alice
	! reload-store -a alice -k $ARRAY alice@calls.example --index 0 "$(long_text 3000)"
}

many() {
	local i
	agent=alice
	for i in $(seq 0 16); do
		reload-store -a alice -k $ARRAY alice@calls.example --index "$i" x -q || return 0
	done
	return 1
}

kind() {
	agent=alice
	! reload-store -a alice -k 0xf0000099 alice@calls.example x
}

room() {
	agent=erin
	! reload-store -a erin -k $K erin@other.example "$(long_text 1500)"
}

no_value() {
	agent=carol
	! reload-fetch -a carol -k $K nobody@calls.example
}

ahead() {
	agent=gina
	! reload-store -a gina -k $K gina@calls.example x
}

detached() {
	agent=dave
	reload-join -a dave --leave -q
	! reload-store -a dave -k $K dave@calls.example x
}

refused() {
	joins_by 127.0.0.1:1
}

http() {
	server http
	joins_by "127.0.0.1:$(cat server.port)"
}
heal_http() { server_end; }

closes() {
	server closes
	joins_by "127.0.0.1:$(cat server.port)"
}
heal_closes() { server_end; }

blackhole() {
	server silent
	joins_by "127.0.0.1:$(cat server.port)" 7
}
heal_blackhole() { server_end; }

name() {
	joins_by nosuch.invalid
}

foreign() {
	joins_by "127.0.0.1:$OTHER"
}

clients() {
	agent=hank
	! reload-join -a hank --as client -t 7
}

revoked() {
	agent=gus
	! reload-join -a gus -t 7
}

unregistered() {
	agent=alice
	! reload-sip-call -a alice carol@calls.example -t 7
}

deaf() {
	agent=alice
	reload-sip-call -a bob register bob@calls.example -q
	! reload-sip-call -a alice bob@calls.example -t 7
}

# called OPTIONS-OF-LISTEN [OPTIONS-OF-CALL]: alice calls bob, whose program does that
called() {
	agent=alice
	reload-sip-call -a bob register bob@calls.example -q
	# shellcheck disable=SC2086
	reload-sip-call listen -a bob $1 >listen.out 2>/dev/null 3>&- &
	echo $! >listen.pid
	until_true grep -q listening listen.out
	! reload-sip-call -a alice bob@calls.example "${@:2}"
}

called_end() {
	kill "$(cat listen.pid)"
	within 20 gone "$(cat listen.pid)"
	rm listen.pid listen.out
}

rejected() { called "--reject 486"; }
heal_rejected() { called_end; }

declined() { called "--reject 603"; }
heal_declined() { called_end; }

unanswered() { called "" --ring 1s; }
heal_unanswered() { called_end; }

listens_at() { # AGENT APPLICATION
	rm -f listen.err
	reload-attach listen -a "$1" "$2" >/dev/null 2>listen.err 3>&- &
	echo $! >listen.pid
	until_true test -s listen.err
}

connects() { # APPLICATION USER: holds the connection until it is ended
	rm -f connect.err hold
	mkfifo hold
	reload-attach connect -a alice "$1" "$2" <>hold >/dev/null 2>connect.err 3>&- &
	echo $! >connect.pid
	until_true test -s connect.err
}

connects_end() {
	kill "$(cat connect.pid)" "$(cat listen.pid)" 2>/dev/null || true
	rm connect.pid listen.pid
}

busy() {
	agent=carol
	listens_at bob 4000
	connects 4000 bob@calls.example
	! reload-attach connect -a carol 4000 bob@calls.example -t 7 </dev/null
}
heal_busy() { connects_end; }

stranger() {
	agent=alice
	! reload-attach connect -a alice 4000 nobody@calls.example -t 7 </dev/null
}

nobody() {
	agent=alice
	! reload-ping -a alice -c 1 node:00000000000000000000000000000001 -W 3s
}

frozen() {
	agent=alice
	kill -STOP "$(cat lab/bob.pid)" "$(cat lab/carol.pid)"
	! reload-ping -a alice -c 1 -W 3s succ
}
heal_frozen() {
	kill -CONT "$(cat lab/bob.pid)" "$(cat lab/carol.pid)"
	lab_whole alice bob carol
}

cut() {
	agent=alice
	listens_at ivy 4001
	connects 4001 "node:$(node_of ivy)"
	kill -KILL "$(cat lab/ivy.pid)"
	until_true cut_is_known
}
heal_cut() { connects_end; }
cut_is_known() {
	echo x >hold
	[ "$(reload-diag why -a alice -j --past 2>/dev/null | jq -r .method)" = app.attach ] &&
		gone "$(cat connect.pid)"
}
