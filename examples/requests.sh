#!/usr/bin/env bash
# Certificates from requests (CSRs): each user makes a key where it is to stay, and sends the request alone.  The authority answers with
# a certificate, which goes back with the document of the overlay.
#
#   RELOAD_BIN=DIR examples/requests.sh
#
# See session.bash for what is printed and kept; lab/alice and lab/bob stand for the machines of the users.
. "$(dirname "$0")/session.bash"

begin
session 0 '^created overlay' "reload-enroll init calls.example --bootstrap 127.0.0.1:$port"
for user in alice bob; do
	printf '\n# %s: a key and a request\n' "$user"
	session 0 '' "mkdir -p lab/$user/etc/identity/$user"
	session 0 '' "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout lab/$user/etc/identity/$user/key.pem -out lab/$user/request.pem -subj / 2>/dev/null"
	printf '# the authority: a certificate for that key\n'
	session 0 '' "reload-enroll issue $user@calls.example --csr lab/$user/request.pem -q >lab/$user/etc/identity/$user/cert.pem"
	session 0 '' "cp lab/etc/calls.example/overlay.xml lab/$user/etc/identity/$user/"
	session 0 "$user@calls\\.example" "RELOAD_HOME=lab/$user reload-enroll show $user"
done

printf '\n# both are nodes of the overlay, and sign with the keys that they have made\n'
RELOAD_HOME=$PWD/lab/alice agent alice -l 127.0.0.1:$port --first
session 0 'joined' 'RELOAD_HOME=lab/alice reload-agent status -a alice --wait joined'
RELOAD_HOME=$PWD/lab/bob agent bob -l "127.0.0.1:$((port + 1))"
session 0 'joined' 'RELOAD_HOME=lab/bob reload-agent status -a bob --wait joined'
session 0 '^stored at' "RELOAD_HOME=lab/bob reload-store -a bob -k 0xf0000001 bob@calls.example 'my own key'"
session 0 'signed by bob@calls\.example' 'RELOAD_HOME=lab/alice reload-fetch -a alice -k 0xf0000001 bob@calls.example'
session 0 '' 'RELOAD_HOME=lab/bob reload-agent stop -a bob && RELOAD_HOME=lab/alice reload-agent stop -a alice'
ended
