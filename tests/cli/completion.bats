#!/usr/bin/env bats
# Completion, asked for in the shells: bash with the words that bash makes of a line, fish by `complete -C`.

load lab

setup_file() {
	lab_begin
	lab_overlay
	lab_start alice -l "127.0.0.1:$PORT" --first
	until_true reload-agent status -a alice --wait joined
	lab_start bob -l 127.0.0.1:0 --no-join
	until_true test -S lab/run/bob.sock
	mkdir -p files && touch files/one.xml
	export SCRIPTS="$BATS_TEST_DIRNAME/../../completions"
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# in_bash LINE: what the script makes of LINE, the words split as bash splits them.
in_bash() {
	bash --norc -c '. "$SCRIPTS/${1%% *}"
		compopt() { :; }
		COMP_LINE=$1 COMP_POINT=${#1}
		mapfile -t COMP_WORDS < <(python3 -c "
import re, sys
line = sys.argv[1]
print(chr(10).join(re.findall(r\"[:=@]+|[^\s:=@]+\", line) + ([\"\"] if line[-1] == \" \" else [])))" "$1")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		f=${1%% *}
		"_${f//-/_}"
		printf "%s\n" "${COMPREPLY[@]}"' - "$1"
}

in_fish() {
	XDG_CONFIG_HOME="$PWD/fish" HOME="$PWD" fish --no-config -c 'source "$SCRIPTS/"(string split " " -- $argv[1])[1].fish; complete -C $argv[1]' -- "$1"
}


all() {
	local shell
	for shell in bash fish; do
		run "in_$shell" "$1"
		matches "$output" "$2" || { echo "in $shell"; return 1; }
		[ -z "${3:-}" ] || [[ ! $output =~ $3 ]] || { echo "in $shell: $output"; return 1; }
	done
}

@test "bash and fish: instances, Kinds, nodes, users, states, levels; -a on the line counts; no files" {
	node=$(node_of alice)
	all 'reload-ping -a ' 'alice.*bob' 'files'
	all 'reload-fetch -a alice -k ' '0xf0000001|4026531842|REDIR|[A-Z]' 'files'
	all 'reload-ping -a alice ' "${node:0:8}" 'files'
	all 'reload-ping -a alice node:' "${node:0:8}" 'files'
	all 'reload-ping --agent=alice alice@' 'calls.example' 'files'
	all 'reload-agent status --wait ' 'joined' 'files'
	all 'reload-agent status --wait=jo' 'joined' 'leaving'
	all 'reload-agent log link=' 'debug' 'files|storage'
	all 'reload-agent events --type ' 'link_up' 'files'
	all 'reload-ping -c ' '' '[a-z]'
	all 'reload-fetch --output fi' 'files' 'alice'
	# two agents run: without -a nobody is asked
	run in_bash 'reload-ping node:'
	[ -z "$output" ]
}
