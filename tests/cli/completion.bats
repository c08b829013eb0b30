#!/usr/bin/env bats
# Completion: shells.py presses Tab in bash, zsh and fish, which have to offer the same.

load lab

setup_file() {
	lab_begin
	lab_overlay
	lab_start alice -l "127.0.0.1:$PORT" --first
	until_true reload-agent status -a alice --wait joined
	# another overlay, with an agent that knows other Kinds
	reload-enroll kind OTHER --id 0xf0000077 --model single --access user-match -o other.kind -q
	reload-enroll init other.example --kind other.kind -q
	reload-enroll issue dora@other.example --identity dora -q
	lab_start dora -l 127.0.0.1:0 --first
	until_true reload-agent status -a dora --wait joined
	export SCRIPTS="$BATS_TEST_DIRNAME/../../completions" SHELLS_HOME="$BATS_FILE_TMPDIR/shells"
	mkdir -p shells files
	# names that would do something if a shell took them for more than names
	reload-enroll issue 'x$(touch${IFS}pwned)@calls.example' --identity odd -q 2>/dev/null
	reload-enroll issue "q'\`id>pwned\`\"@calls.example" --identity odd2 -q
	cd files || return 1
	mkdir 'd ir' && touch one.xml 'a b.xml' '$(touch pwned).xml' '`touch pwned`' "it's" -- -rf 'semi;touch pwned' 'q"q'
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR/files" || return 1
}

teardown() {
	[ ! -e pwned ]
	[ ! -e ../pwned ]
	[ ! -e ../shells/pwned ]
}

# offers: the shells are asked for each line of standard input, "LINE|WORD WORD"; %20 stands for a blank in a WORD.
offers() {
	local table line want bad=0
	mapfile -t table
	python3 "$BATS_TEST_DIRNAME/shells.py" "$SCRIPTS" "${table[@]%|*}" >"$BATS_TEST_TMPDIR/answers"
	for line in "${table[@]}"; do
		want=${line##*|} line=${line%|*}
		jq -e --arg line "$line" --arg want "$want" \
			'($want | split(" ") - [""] | map(gsub("%20"; " ")) | sort) as $w | .[$line] | (.bash | sort) == $w and (.zsh | sort) == $w and (.fish | sort) == $w' \
			"$BATS_TEST_TMPDIR/answers" >/dev/null || {
			echo "[$line] should offer: $want"
			jq -c --arg line "$line" '.[$line]' "$BATS_TEST_TMPDIR/answers"
			bad=1
		}
	done
	return $bad
}

@test "instances, nodes, users, Kinds: those of the agent that the line names" {
	a=$(node_of alice) d=$(node_of dora)
	a=${a:0:8} d=${d:0:8} places='self succ pred finger wildcard'
	certs='CERTIFICATE_BY_NODE CERTIFICATE_BY_USER TURN-SERVICE SIP-REGISTRATION'
	offers <<-EOF
		reload-ping -a |alice dora
		reload-ping --agent=|--agent=alice --agent=dora
		reload-ping -jqa|-jqaalice -jqadora
		reload-ping |$places
		reload-ping -a alice |$places alice@calls.example node:$a
		reload-ping -a dora |$places dora@other.example node:$d
		reload-ping --agent=dora -c 1 |$places dora@other.example node:$d
		reload-ping -a "dora" d|dora@other.example
		reload-ping -a 'do'r"a" d|dora@other.example
		reload-ping -a dora node:|node:$d
		reload-ping -a dora node:${d:0:2}|node:$d
		reload-ping -a alice node:${d:0:7}x|
		reload-ping -a alice alice@|alice@calls.example
		reload-ping -a alice alice@ca|alice@calls.example
		reload-ping -a alice "alice@|alice@calls.example
		reload-ping -a alice 'alice@c|alice@calls.example
		reload-ping -a alice succ,node:|succ,node:$a
		reload-fetch -a alice -k 0xf|0xf0000001 0xf0000002 0xf0000003
		reload-fetch -a dora -k 0xf|0xf0000001 0xf0000077
		reload-fetch -a dora -k 0x0000001|0x00000010
		reload-store -a dora --kind 4026531|4026531841 4026531959
		reload-store -a dora --kind |$certs 0xf0000001 OTHER
		reload-store -a dora --kind=CERT|--kind=CERTIFICATE_BY_NODE --kind=CERTIFICATE_BY_USER
		reload-store -a dora -k O|OTHER
		reload-store -a dora -k CERTIFICATE_BY_USER dora|dora@other.example
		reload-ping -a nobody |$places
		reload-enroll issue d|dora@other.example
		reload-enroll config show calls|calls.example
	EOF
}

@test "states, levels, types, policies, models and commands; no files where none fit" {
	levels='error warn info debug trace' parts='agent= config= control= ident= link= peer= route= storage= topology='
	offers <<-EOF
		reload-agent status --wait |init configured enrolled bootstrapping attaching joining joined leaving isolated stopped
		reload-agent status --wait=jo|--wait=joining --wait=joined
		reload-agent log |$levels $parts
		reload-agent log link=|link=error link=warn link=info link=debug link=trace
		reload-agent log debug |
		reload-agent --log-level warn,pe|warn,peer=
		reload-agent --log-level=warn,peer=t|--log-level=warn,peer=trace
		reload-agent events --type link_|link_down link_limit link_refused link_unresponsive link_up
		reload-enroll kind X --access |user-match node-match user-node-match node-multiple
		reload-enroll kind X --model |single array dictionary
		reload-enroll config |add-kind add-root add-signer check fetch grant plan publish remove-root remove-signer set show
		reload-agent st|status stop
		reload-ping --color |auto always never
		reload-ping --c|--count --color
		reload-ping --count 3 --c|--color
		reload-ping -c |
		reload-ping -c 3 o|
		reload-fetch -a alice -k o|
		reload-join o|
		reload-agent status -- o|
		reload-agent -I o|odd odd2
	EOF
}

@test "files and directories where they fit, with whatever name" {
	offers <<-EOF
		reload-fetch --output o|one.xml
		reload-fetch --output=o|--output=one.xml
		reload-fetch -oo|-oone.xml
		reload-fetch -o ./o|./one.xml
		reload-fetch --output |one.xml a%20b.xml \$(touch%20pwned).xml \`touch%20pwned\` it's -rf semi;touch%20pwned q"q d%20ir
		reload-fetch --output='|$(printf -- '--output=%s ' 'one.xml' 'a%20b.xml' '$(touch%20pwned).xml' '`touch%20pwned`' "it's" -rf 'semi;touch%20pwned' 'q"q' 'd%20ir')
		reload-fetch --output \\\`|\`touch%20pwned\`
		reload-fetch --output "a|a%20b.xml
		reload-fetch --output 'a b|a%20b.xml
		reload-fetch --output a\\ |a%20b.xml
		reload-fetch --output ~/zcompd|~/zcompdump
		reload-agent --store-path |d%20ir
		reload-agent --store-path=d|--store-path=d%20ir
		reload-agent --config one.xml --bootstrap o|
	EOF
}

@test "names that would do something do nothing, on the line or as an offer" {
	touch $'new\nline;touch pwned' # teardown() looks for pwned
	offers <<-EOF
		reload-enroll issue |alice@calls.example bob@calls.example carol@calls.example dora@other.example q'\`id>pwned\`"@calls.example x\$(touch\${IFS}pwned)@calls.example
		reload-enroll issue x|x\$(touch\${IFS}pwned)@calls.example
		reload-enroll issue 'x|x\$(touch\${IFS}pwned)@calls.example
		reload-enroll issue "q|q'\`id>pwned\`"@calls.example
		reload-ping \$(touch pwned) |
		reload-ping -a '\`touch pwned\`' |self succ pred finger wildcard
		reload-ping -a "\$(touch pwned)" node:|
	EOF
	python3 "$BATS_TEST_DIRNAME/shells.py" --tab "$SCRIPTS" 'reload-fetch --output ne' 'reload-fetch --output $(touch pwned)' 'reload-fetch --output `touch pwned`' \
		'reload-ping -a $(touch pwned) ' "reload-enroll issue 'x" >tabs
	rm $'new\nline;touch pwned'
	jq -r '.["reload-fetch --output ne"] | .bash[0], .zsh[0], "true"' tabs >lines
	jq -r ".[\"reload-enroll issue 'x\"] | .bash[0], .zsh[0]" tabs >>lines
	# what Tab made of the lines names one thing for the shells
	printf '%s\n' 'reload-fetch() { echo "$#"; }' 'reload-enroll() { echo "$#"; }' "$(<lines)" >try
	for shell in bash zsh; do
		[ "$($shell try 2>&1)" = $'2\n2\n2\n2' ]
	done
}

@test "each program in the three shells: its options, and a Tab that completes one" {
	lines=()
	for p in agent diag enroll fetch join ping sim store; do
		lines+=("reload-$p --versio")
	done
	offers < <(printf '%s|--version\n' "${lines[@]}")
	python3 "$BATS_TEST_DIRNAME/shells.py" --tab "$SCRIPTS" "${lines[@]}" | jq -e 'to_entries | length == 8 and all(.key as $k | .value.bash[0] == $k + "n " and .value.zsh[0] == $k + "n ")'
}
