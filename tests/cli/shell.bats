#!/usr/bin/env bats
# reload-shell: scripts, pipes, and a person at a terminal (tmux).

load lab

setup_file() {
	lab_begin
	lab_overlay
	lab_ring
	export RELOAD_AGENT=alice LC_ALL=C.UTF-8 ASAN_OPTIONS=detect_leaks=0 # libedit keeps some words
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	# a server of its own: one that is asked to end takes a moment, and what is begun there meanwhile ends with it
	TERMINAL=tmux.$BATS_TEST_NUMBER.sock
}

teardown() {
	tmux -S "$TERMINAL" kill-server 2>/dev/null || true
}

# screen: a terminal with a shell of the system, in which the tests type
screen() {
	rm -f lab/state/shell_history
	TERM=xterm tmux -S "$TERMINAL" -f /dev/null new-session -d -x 120 -y 40 'exec env PS1="system " bash --norc --noprofile' 3>&-
	until_true shows 'system'
	type_line 'reload-shell'
	until_true shows '^alice> *$'
}

shows() {
	tmux -S "$TERMINAL" capture-pane -p -J | grep -qE "$1"
}

# shown N PATTERN: so many lines of the screen have it
shown() {
	[ "$(tmux -S "$TERMINAL" capture-pane -p -J | grep -cE "$2")" -ge "$1" ]
}

keys() {
	tmux -S "$TERMINAL" send-keys "$@"
}

type_line() {
	tmux -S "$TERMINAL" send-keys -l "$1"
	keys Enter
}

clear_screen() {
	keys C-l
	until_true prompts_only
}

prompts_only() {
	[ "$(tmux -S "$TERMINAL" capture-pane -p | grep -c .)" = 1 ]
}

paste() {
	tmux -S "$TERMINAL" load-buffer "$1"
	tmux -S "$TERMINAL" paste-buffer
}

@test "shell: a pipe gets results and nothing else; comments, statuses, -e (D08)" {
	printf '# a comment\n\nstatus\n' | reload-shell | cat >out
	[ "$(head -c 5 out)" = alice ]
	! grep -q $'\e\|> ' out || false
	R reload-shell -c 'fetch -k 0xf0000001 nobody@calls.example -j' -c 'help watch'
	[ "$status" -eq 0 ]
	[ "$(tail -n 1 <<<"$output")" = 'a command again and again, until Ctrl-C.' ]
	R reload-shell -e -c 'fetch -k 0xf0000001 nobody@calls.example' -c 'help watch'
	failed 5 'no value'
	printf 'use bob\nset json on\nstatus # of bob\nexit\nstatus\n' >script
	R reload-shell -a carol script
	ok
	[ "$(jq -r .instance <<<"$output")" = bob ]
	R reload-shell -c 'no-such-command'
	[ "$status" -eq 2 ]
	matches "$stderr" "no command no-such-command"
	R reload-shell -c "status 'open"
	[ "$status" -eq 2 ]
	R reload-shell missing.file
	[ "$status" -eq 1 ]
	R bash -c 'reload-shell <&-'
	ok
	R bash -c 'echo status | TERM=dumb reload-shell >/dev/full'
	[ "$status" -eq 1 ]
	matches "$stderr" 'No space left on device'
	# a script leaves no history
	[ ! -e lab/state/shell_history ]
}

@test "shell: call, and help from the table of methods" {
	R reload-shell -c "call overlay.ping '{\"target\":\"succ\"}'"
	ok
	[ "$(jq .hops <<<"$output")" = 1 ]
	R reload-shell -c "call overlay.ping '{\"target\":1}'"
	[ "$status" -eq 2 ]
	R reload-shell -c 'call overlay.ping {'
	[ "$status" -eq 2 ]
	R reload-shell -c 'help overlay.ping'
	ok
	[ "${lines[1]}" = "$(reload-shell -c 'call rpc.methods' | jq -r '.methods[] | select(.method == "overlay.ping").summary')." ]
	matches "$output" 'size_bytes +number, optional; bytes of padding'
	R reload-shell -c help
	ok
	for method in $(reload-shell -c 'call rpc.methods' | jq -r '.methods[].method'); do
		grep -q "^  $method " <<<"$output" || { echo "$method"; return 1; }
	done
	R reload-shell -c 'help ping'
	ok
	matches "${lines[0]}" '^Usage: reload-ping'
}

@test "shell at a terminal: completion, history, Ctrl-C, a pasted block, watch (D07, D09)" {
	command -v tmux >/dev/null || skip "tmux is not here"
	screen
	# completion: a command, an option, an agent, a Node-ID of the moment, a user
	keys -l 'pin'
	keys Tab
	keys -l -- '--cou'
	keys Tab
	keys -l '1 -a b'
	keys Tab
	until_true shows '^alice> ping --count 1 -a bob '
	node=$(node_of carol)
	keys -l "node:${node:0:6}"
	keys Tab
	until_true shows "node:${node:0:8} "
	keys Enter
	until_true shows '^answer  seq 1'
	clear_screen
	keys -l 'st'
	keys Tab Tab
	until_true shows '^status +store'
	keys C-c
	until_true shown 2 '^alice> '
	# Ctrl-C ends the command that runs, and not the shell
	type_line 'ping -c 0 succ'
	until_true shows 'answer  seq 2'
	keys C-c
	until_true shows '[0-9] sent, [0-9] answered'
	clear_screen
	# history: of this session whole, in the file without the value
	type_line 'store -k 0xf0000001 alice@calls.example "the secret value" --lifetime 1h'
	until_true shows '^stored at'
	clear_screen
	keys Up
	until_true shows 'alice> store -k 0xf0000001 alice@calls.example "the secret value" --lifetime 1h'
	keys C-c
	[ "$(stat -c %a lab/state/shell_history)" = 600 ]
	grep -qx 'store -k 0xf0000001 alice@calls.example --lifetime 1h' lab/state/shell_history
	! grep -q secret lab/state/shell_history || false
	# three lines that are pasted are three commands; what a command could read is not taken from them
	clear_screen
	printf 'fetch -k 0xf0000001 alice@calls.example\nset json on\nstore --list-kept\n' >block
	paste block
	until_true shows '^the secret value'
	until_true shows '^\{.*"kept"'
	[ "$(tail -n 3 lab/state/shell_history)" = "$(cat block)" ]
	# a line of 8,000 characters runs, and is the same when it is recalled
	clear_screen
	printf 'set %s\n' "$(chance 4000 shell | od -An -v -tx1 | tr -d ' \n')" >long
	paste long
	until_true shows 'set takes json, timeout or color'
	cmp <(tail -n 1 lab/state/shell_history) long
	clear_screen
	keys Up
	keys C-a
	keys -l '#'
	keys Enter
	until_true long_is_recalled
	# watch runs until Ctrl-C
	clear_screen
	type_line 'set json off'
	type_line 'watch 200ms status -q'
	until_true shows 'every 200ms: status -q'
	until_true shows '^alice  peer of'
	keys C-c
	until_true shows '\^C$|^alice> '
	type_line 'help watch'
	until_true shows 'until Ctrl-C\.'
	type_line 'exit'
	until_true shows '^system *$'
}

long_is_recalled() {
	cmp -s <(tail -n 1 lab/state/shell_history | cut -c2-) long
}

@test "shell at a terminal: two shells have one history (D09)" {
	command -v tmux >/dev/null || skip "tmux is not here"
	screen
	type_line 'help use'
	until_true grep -qx 'help use' lab/state/shell_history
	tmux -S "$TERMINAL" split-window 'exec reload-shell'
	until_true shows '^alice> *$'
	type_line 'help set'
	until_true grep -qx 'help set' lab/state/shell_history
	tmux -S "$TERMINAL" select-pane -t 0
	type_line ' help exit'
	type_line 'history'
	until_true shows '^help set$'
	until_true shows '^help use$'
	[ "$(cat lab/state/shell_history)" = $'help use\nhelp set\nhistory' ]
}

@test "shell at a terminal: signals stay in it, a closed one ends it, resizing loses no line (D06, D17)" {
	[ "$(python3 "$BATS_TEST_DIRNAME/shell_terminal.py" signals reload-shell)" = "status 0" ]
	[ "$(python3 "$BATS_TEST_DIRNAME/shell_terminal.py" closed reload-shell)" = "ended True" ]
	[ "$(python3 "$BATS_TEST_DIRNAME/shell_terminal.py" resized reload-shell)" = "status 0" ]
	# the time is a figure of the bench; here it is that there is one soon
	ms=$(python3 "$BATS_TEST_DIRNAME/shell_terminal.py" prompt reload-shell)
	echo "# first prompt after $ms ms" >&3
	[ "${ms%.*}" -lt 5000 ]
}
