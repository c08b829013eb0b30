# shellcheck shell=bash
# Programs of calls in the background; their output is in the directory of the file's tests, each test begins with none.

load programs

# background NAME COMMAND: beside the test, its output is NAME.out.
background() {
	beside "$@" </dev/null >"$1.out"
}

# listens AGENT [OPTIONS]: reload-sip-call listen, when it does.
listens() {
	local name=$1
	shift
	background "$name" reload-sip-call -a "$name" listen "$@"
	until_true says "$name.out" listening
}
