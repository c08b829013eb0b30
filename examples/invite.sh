#!/usr/bin/env bash
# An operator invites somebody whose machine has nothing: one string, two commands, and its node is part of the overlay.  Then the
# operator changes a parameter of the running overlay, and excludes the guest again.
#
#   RELOAD_BIN=DIR examples/invite.sh
#
# See session.bash for what is printed and kept; lab/guest stands for the other machine.
. "$(dirname "$0")/session.bash"

begin
at=$((port + 3))
session 0 '' "openssl req -x509 -newkey rsa:2048 -nodes -keyout lab/tls.key -out lab/tls.crt -days 30 -subj /CN=localhost 2>/dev/null"
session 0 '^created overlay o\.example' "reload-enroll init o.example --bootstrap 127.0.0.1:$port --enrollment-server https://localhost:$at/enroll"
session 0 '^issued alice ' 'reload-enroll issue alice@o.example'
agent alice -l 127.0.0.1:$port --first
session 0 'joined' 'reload-agent status -a alice --wait joined'
printf '$ reload-enroll serve --listen 127.0.0.1:%s --tls-cert lab/tls.crt --tls-key lab/tls.key &\n' "$at"
coproc server { exec reload-enroll serve --listen "127.0.0.1:$at" --tls-cert lab/tls.crt --tls-key lab/tls.key 2>&1 </dev/null; }
pids[serve]=$server_PID
until [[ ${line-} == serving* ]]; do
	read -t 20 -r line <&"${server[0]}" || die "the server does not serve"
done
session 0 '^reload-invite://' "reload-enroll invite --server localhost:$at --tls-cert lab/tls.crt --for bob@o.example"
invitation=$said

printf '\n# on the machine of the guest\n$ export RELOAD_HOME=$PWD/lab/guest\n'
export RELOAD_HOME=$PWD/lab/guest
session 0 '^obtained bob ' "reload-enroll accept $invitation"
agent bob -l "127.0.0.1:$((port + 1))"
session 0 'joined' 'reload-agent status -a bob --wait joined'
session 0 '^stored at resource:' "reload-store -a bob -k 0xf0000001 bob@o.example 'here I am'"
session 0 '^obtained bob ' 'reload-enroll renew --identity bob'
session 0 'certificate +taken' 'reload-agent refresh -a bob'

printf '\n# on the machine of the operator\n$ export RELOAD_HOME=$PWD/lab\n'
export RELOAD_HOME=$PWD/lab
session 0 'here I am' 'reload-fetch -a alice -k 0xf0000001 bob@o.example'
session 0 '^changed o\.example: sequence 1 to 2' 'reload-enroll config set chord-update-interval=300 --overlay o.example'
session 0 'this agent and 1 other peer have it, the whole ring' 'reload-enroll config publish --agent alice'
session 0 '^changed o\.example: sequence 2 to 3' 'reload-enroll revoke bob@o.example'
session 0 '^published sequence 3' 'reload-enroll config publish --agent alice'
session 0 '' 'kill '"${pids[serve]}"
session 0 '' 'reload-agent stop -a alice'
RELOAD_HOME=$PWD/lab/guest session 0 '' 'reload-agent stop -a bob'
ended
