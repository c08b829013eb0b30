#!/usr/bin/env bats
# make install and uninstall; the programs that other programs run.

load lab

setup() {
	lab_begin
	cd "$BATS_TEST_TMPDIR" || return 1
	SOURCE=$BATS_TEST_DIRNAME/../..
}

teardown() {
	lab_end
}

# put GOAL [VARIABLE=...]: what is built goes to root/, or from there
put() {
	make --no-print-directory -s -C "$SOURCE" -o programs "$1" MODE=release O="$RELOAD_BIN" DESTDIR="$PWD/root" "${@:2}" >put.log 2>&1 3>&-
}

@test "installed programs find those that only they run, wherever the tree stands" {
	put install PREFIX=/usr
	[ -x root/usr/libexec/reload/reload-check-proof ]
	[ ! -e root/usr/bin/reload-check-proof ]
	[ -f root/usr/libexec/reload/reload-ice.so ]
	[ -f root/usr/libexec/reload/reload-mdns.so ]
	[ -f root/usr/share/man/man1/reload-fetch.1 ]
	[ -f root/usr/share/bash-completion/completions/reload-fetch ]
	R root/usr/bin/reload-fetch --check-proof /dev/null
	failed 6 'the proof cannot be read'
	mv root elsewhere
	R elsewhere/usr/bin/reload-fetch --check-proof /dev/null -j
	[ "$status" -eq 6 ]
	[ "$(jq -r .error.name <<<"$output")" = forbidden ]
}

@test "a program that is missing is named, with the place where it should be" {
	put install PREFIX=/usr
	rm root/usr/libexec/reload/reload-check-proof
	R root/usr/bin/reload-fetch --check-proof /dev/null
	failed 1 'reload-check-proof, which does this, cannot be run'
	matches "${stderr_lines[1]}" 'why: .*/libexec/reload/reload-check-proof: it is not there, nor beside reload-fetch'
	matches "${stderr_lines[2]}" 'try: +make install'
	touch root/usr/bin/reload-check-proof
	R root/usr/bin/reload-fetch --check-proof /dev/null
	failed 1 'cannot be run'
	matches "${stderr_lines[1]}" 'Permission denied'
	# without --check-proof nothing is missed
	R root/usr/bin/reload-fetch -a nobody -k 1 x@y
	failed 3 nobody
}

@test "uninstall removes what install has put there" {
	put install PREFIX=/usr
	[ "$(find root -type f | wc -l)" -gt 30 ]
	put uninstall PREFIX=/usr
	[ -z "$(find root ! -type d)" ]
	[ ! -d root/usr/libexec/reload ]
}

@test "a program of others is built with what is installed alone, stores a value and fetches it" {
	put install PREFIX=/usr
	local lib=$PWD/root/usr/lib
	export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/root LD_LIBRARY_PATH=$lib
	cp root/usr/share/doc/reload/examples/store-and-fetch.c .
	[ "$(wc -l <store-and-fetch.c)" -le 40 ]
	# shellcheck disable=SC2046
	cc -std=c99 -Wall -Wextra -Werror -pedantic -o store-and-fetch store-and-fetch.c $(pkg-config --cflags --libs libreload)
	readelf -d store-and-fetch | grep -q 'NEEDED.*libreload.so.0'
	# the library needs no more than the small programs, and has no name but those of its versions
	[ "$(readelf -d "$lib/libreload.so.0" | sed -n 's/.*(NEEDED).*\[lib\(.*\)\.so.*\]/\1/p' | sort | tr '\n' ' ')" = 'c crypto jansson ' ]
	[ -z "$(nm -D --defined-only "$lib/libreload.so.0" | grep -v ' LIBRELOAD_0$' | grep -v '@@LIBRELOAD_0$')" ]
	# the manual and the header name every function that it has
	local name
	for name in $(nm -D --defined-only "$lib/libreload.so.0" | sed -n 's/.* T \(.*\)@@.*/\1/p'); do
		grep -q "\\b$name(" root/usr/include/reload.h || { echo "$name: not in reload.h"; return 1; }
		grep -q "^\.Fn $name " root/usr/share/man/man3/*.3 || { echo "$name: in no manual page"; return 1; }
	done
	cd "$BATS_FILE_TMPDIR"
	lab_overlay
	lab_start alice -l "127.0.0.1:$PORT" --first
	reload-join -a alice -q
	cc -std=gnu99 -Wall -Wextra -Werror -o library "$BATS_TEST_DIRNAME/library.c" -I"$BATS_TEST_TMPDIR/root/usr/include" -L"$lib" -lreload
	xxd -r -p "$SOURCE/tests/vectors/ping-req-signed.hex" >ping-req
	R ./library alice alice@calls.example ping-req
	ok
	matches "${lines[0]}" '^23 ping_req '
	[ "$(jq -cS . <<<"${lines[1]}")" = "$(reload-diag decode --json ping-req | jq -cS .message)" ]
	R "$BATS_TEST_TMPDIR/store-and-fetch" alice alice@calls.example 'back at noon'
	ok
	[ "$output" = 'back at noon   signed by alice@calls.example' ]
	R "$BATS_TEST_TMPDIR/store-and-fetch" alice bob@calls.example 'not mine'
	[ "$status" -eq 6 ]
	matches "$stderr" 'why: .'
	R "$BATS_TEST_TMPDIR/store-and-fetch" nobody alice@calls.example x
	[ "$status" -eq 3 ]
	matches "$stderr" 'no agent answers at .*nobody.sock'
}

# library FOLDER NUMBER [OBJECT...]: libreload.so.NUMBER there, of the objects of this one and of others in front, with the names that map has
library() {
	mkdir -p "$1"
	cc -shared -Wl,-soname,"libreload.so.$2" -Wl,--version-script=map -Wl,--gc-sections -Wl,--allow-multiple-definition -o "$1/libreload.so.$2" \
		"${@:3}" $(find "$RELOAD_BIN/pic" -name '*.o') -lcrypto -ljansson -lm
}

@test "two versions of the library: an older one that lacks a function is named, and two serve one program side by side" {
	cat >user.c <<'EOS'
#include <dlfcn.h>
#include <reload.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	const char *(*other)(void) = plugin ? (const char *(*)(void))dlsym(plugin, "plugin_library") : NULL;
	printf("%s %s %08x\n", reload_library_version(), other ? other() : "-", (unsigned)reload_overlay_number("overlay.example.org"));
	return argc > 1 && !other;
}
EOS
	printf '#include <reload.h>\nconst char *plugin_library(void);\nconst char *plugin_library(void)\n{\n\treturn reload_library_version();\n}\n' >plugin.c
	# the one of today, an older one without the function that came last, and a later one whose interface is another
	cp "$SOURCE/libreload/libreload.map" map
	library now 0
	ln -s libreload.so.0 now/libreload.so
	sed -i '/reload_overlay_number/d' map
	library older 0
	sed 's/LIBRELOAD_0/LIBRELOAD_1/' "$SOURCE/libreload/libreload.map" >map
	echo 'const char *reload_library_version(void); const char *reload_library_version(void) { return "9.0.0"; }' >version.c
	cc -fPIC -ffunction-sections -c version.c
	library later 1 version.o
	ln -s libreload.so.1 later/libreload.so
	cc -o user user.c -I"$SOURCE/libreload" -Lnow -lreload -ldl
	cc -shared -fPIC -o plugin.so plugin.c -I"$SOURCE/libreload" -Llater -lreload
	local version
	version=$(sed -n 's/^VERSION := //p' "$SOURCE/Makefile")
	LD_LIBRARY_PATH=now R ./user
	ok
	[ "$output" = "$version - 9aa32b8d" ]
	LD_LIBRARY_PATH=older LD_BIND_NOW=1 R -127 ./user
	matches "$stderr" 'undefined symbol: reload_overlay_number, version LIBRELOAD_0'
	LD_LIBRARY_PATH=now:later R ./user ./plugin.so
	ok
	[ "$output" = "$version 9.0.0 9aa32b8d" ]
	# where it is missing altogether
	R -127 ./user
	matches "$stderr" 'libreload.so.0: cannot open shared object file'
}
