#!/usr/bin/env bash
# Store and fetch: versions of a value, an array, a dictionary, what an agent keeps, evidence for somebody without an agent, and all of it by
# lines of one prompt.
#
#   RELOAD_BIN=DIR examples/store.sh
#
# See session.bash for what is printed and kept.
. "$(dirname "$0")/session.bash"

begin
session 0 '^wrote' "reload-enroll kind log --id 0xf0000002 --model array --access USER-MATCH --max-count 16 --max-size 2000 -o lab/log.xml"
session 0 '^created overlay' "reload-enroll init calls.example --bootstrap 127.0.0.1:$port --kind lab/log.xml"
session 0 '^issued bob ' 'for u in alice bob; do reload-enroll issue $u@calls.example; done'
agent alice -l 127.0.0.1:$port --first
agent bob -l 127.0.0.1:$((port + 1))
session 0 '' 'for u in alice bob; do reload-agent status -a $u --wait joined >/dev/null; done'

printf '\n# a value, and a change that is made only if nobody else has made one\n'
session 0 'generation 1' "reload-store -a alice -k 0xf0000001 alice@calls.example 'back at noon'"
session 0 'generation 2' "reload-store -a alice -k 0xf0000001 alice@calls.example 'back at one' --generation 1"
session 7 'generation' "reload-store -a alice -k 0xf0000001 alice@calls.example 'back at two' --generation 1"
session 0 '^back at one +signed by alice@' 'reload-fetch -a bob -k 0xf0000001 alice@calls.example'

printf '\n# entries of an array\n'
session 0 '' "for word in one two three; do reload-store -a alice -k 0xf0000002 alice@calls.example \$word --append -q; done"
session 0 '^\[1\] two ' 'reload-fetch -a bob -k 0xf0000002 alice@calls.example --index 1'

printf '\n# what the agent stores again before it ends, and a proof that is checked without an agent\n'
session 0 ', kept$' "reload-store -a bob -k 0xf0000001 bob@calls.example 'at home' --lifetime 10m --keep"
session 0 'bob@calls\.example' 'reload-store -a bob --list-kept'
session 0 '^at home' 'reload-fetch -a alice -k 0xf0000001 bob@calls.example --proof lab/bob.proof'
session 0 '' 'for u in bob alice; do reload-agent stop -a $u; done'
session 0 '^at home' 'reload-fetch --check-proof lab/bob.proof'
ended
