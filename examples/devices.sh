#!/usr/bin/env bash
# Two devices of one user: each has its own Node-ID and writes its own key of one dictionary (USER-NODE-MATCH).
#
#   RELOAD_BIN=DIR examples/devices.sh
#
# See session.bash for what is printed and kept.
. "$(dirname "$0")/session.bash"

begin
session 0 '^wrote Kind CONTACT, 0xf0000007' \
	'reload-enroll kind CONTACT --id 0xf0000007 --model dictionary --access user-node-match -o lab/contact.xml'
session 0 '^created overlay o\.example' "reload-enroll init o.example --bootstrap 127.0.0.1:$port --kind lab/contact.xml"
session 0 '^issued alice ' 'reload-enroll issue alice@o.example'
session 0 '^issued phone ' 'reload-enroll issue alice@o.example --identity phone --new-node-id'
session 0 '^issued bob ' 'reload-enroll issue bob@o.example'
agent alice -l 127.0.0.1:$port --first
agent phone -l 127.0.0.1:$((port + 1)) --no-join
agent bob -l 127.0.0.1:$((port + 2)) --no-join
session 0 '^joined o\.example as peer' 'reload-join -a alice -q && reload-join -a phone && reload-join -a bob'
alice=$(node_of alice) phone=$(node_of phone)
[ "$alice" != "$phone" ] || die "both devices have the Node-ID $alice"

printf '\n# each device writes the key that is its Node-ID, whichever of them comes first\n'
printf '$ export RELOAD_KIND=CONTACT\n'
export RELOAD_KIND=CONTACT
session 0 '^stored at resource:' "reload-store -a alice alice@o.example 'at the desk'"
session 0 '^stored at resource:' "reload-store -a phone alice@o.example 'on the way'"
session 0 '' "reload-fetch -a bob --raw --key node:$alice alice@o.example | grep -qx 'at the desk'"
session 0 '' "reload-fetch -a bob --raw --key node:$phone alice@o.example | grep -qx 'on the way'"
session 0 '^2$' "reload-fetch -a bob alice@o.example --json | jq '[.values[] | select(.valid)] | length'"

printf '\n# neither writes the other'"'"'s key, and nobody else writes any\n'
session 6 '^reload-store: ' "reload-store -a phone --key node:$alice alice@o.example 'not mine'"
session 6 '^reload-store: ' "reload-store -a bob alice@o.example 'not mine either'"
session 0 '^at the desk$' "reload-fetch -a bob --raw --key node:$alice alice@o.example; echo"

printf '\n# a device that is given up takes its value away, the other stays\n'
session 0 '^removed at resource:' 'reload-store -a phone --remove --yes alice@o.example'
session 0 '^1$' "reload-fetch -a bob alice@o.example --json | jq '[.values[] | select(.exists)] | length'"
session 0 '' 'for a in phone bob alice; do reload-agent stop -a $a; done'
ended
