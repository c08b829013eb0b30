#!/usr/bin/env bats
# Packages for Debian: what they hold, and make deb where it cannot work.  PACKAGES_LONG=1, as in make soak-deb, also builds them three
# times and takes them through installation, a call, an upgrade, removal and purge in a chroot of its own.  PACKAGES_BUILT=DIR takes them
# from DIR/one and DIR/two instead.

load lab

setup_file() {
	lab_begin
	SOURCE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export SOURCE
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
	local file
	for file in "$BATS_FILE_TMPDIR"/*.pid; do
		[ -f "$file" ] || continue
		kill "$(cat "$file")" 2>/dev/null && until_true gone "$(cat "$file")" || true
		rm "$file"
	done
	if mountpoint -q root/var; then umount -l root/var; fi
	if mountpoint -q root/proc; then umount root/proc; fi
}

# variables that debian/rules gives to make, without those of the compiler
package_variables() {
	sed -n '/^MAKE_HERE/,/[^\\]$/p' "$SOURCE/debian/rules" | tr -d '\\\n' | grep -oE '(PREFIX|LIBDIR|SYSTEMDDIR|ZSHDIR)=[^ ]*' | sed 's/\$(DEB_HOST_MULTIARCH)/multiarch/'
}

@test "each file of make install is in one package, and what the packages name is there" {
	local variables pattern file package n
	mapfile -t variables < <(package_variables)
	[ ${#variables[@]} -eq 4 ]
	make --no-print-directory -s -C "$SOURCE" -o programs install MODE=release O="$RELOAD_BIN" DESTDIR="$PWD/root" "${variables[@]}" 3>&-
	rm root/usr/share/doc/reload/CHANGELOG.md # changelog.gz of each package
	cd root
	for package in "$SOURCE"/debian/*.install; do
		while read -r pattern; do
			compgen -G "$pattern" >../found || { echo "$package: $pattern is not there"; return 1; }
			xargs -I{} find {} ! -type d <../found >>../packed
		done <"$package"
	done
	sort ../packed >../packed.sorted
	find ./* ! -type d | sed 's,^\./,,' | sort | diff - ../packed.sorted
	# and they are the packages of debian/control
	[ "$(sed -n 's/^Package: //p' "$SOURCE/debian/control" | sort)" = "$(cd "$SOURCE/debian" && ls ./*.install | sed 's,^\./,,; s/\.install$//' | sort)" ]
}

@test "packages and Makefile agree on version, on what is needed to build, and on the names of the library" {
	local version
	version=$(sed -n 's/^VERSION := //p' "$SOURCE/Makefile")
	matches "$(head -n 1 "$SOURCE/debian/changelog")" "^reload \\($version-1\\) "
	R reload-agent --version
	matches "$output" "$version"
	make -s -C "$SOURCE" --eval 'print: ; @echo $(BUILD_DEPS)' print 3>&- | tr ' ' '\n' | grep -vx build-essential | sort >makefile
	sed -n '/^Build-Depends:/,/^$/p' "$SOURCE/debian/control" | grep '^ ' | grep -v ' d\(h-\|ebhelper\)' | tr -d ' ,' | sort | diff - makefile
	nm -D --defined-only "$RELOAD_BIN/libreload.so.0" | sed -n 's/.* [TA] \([a-zA-Z].*\)/\1/p' | sed 's/^LIBRELOAD_0$/LIBRELOAD_0@@LIBRELOAD_0/; s/@@/@/' | sort -u >names
	sed -n 's/^ \([^ ]*\) .*/\1/p' "$SOURCE/debian/libreload0.symbols" | sort | diff - names
}

# deb DIRECTORY [VARIABLE=...]: make deb there, in the way of a caller that has no terminal
deb() {
	R env -C "$1" "${@:2}" debian/build
}

@test "make deb says what is missing, and builds nothing then" {
	mkdir tree
	cp -r "$SOURCE/debian" "$SOURCE/Makefile" tree
	deb tree GIT_CEILING_DIRECTORIES="$PWD"
	[ "$status" -eq 1 ]
	matches "$stderr" 'no commit to build.*why:.*no work tree of git.*try:  git clone'
	git -C tree init -q
	git -C tree add -A
	git -C tree -c user.name=t -c user.email=t@example.org commit -qm t
	touch tree/new-file
	deb tree
	[ "$status" -eq 1 ]
	matches "$stderr" 'not committed.*without new-file.*try:  git commit'
	rm tree/new-file
	mkdir bin
	local tool
	for tool in bash git dirname sed head tr cat; do ln -s "$(command -v "$tool")" bin; done
	deb tree PATH="$PWD/bin"
	[ "$status" -eq 1 ]
	matches "$stderr" 'tools that make packages are missing.*not installed: dpkg-dev debhelper fakeroot lintian xz-utils.*try:  apt-get install dpkg-dev'
	# tools of no use stand for those that a machine of tests may not have
	for tool in dpkg-buildpackage dh fakeroot lintian xz; do ln -s /bin/false "bin/$tool"; done
	printf '#!/bin/bash\necho "dpkg-checkbuilddeps: error: Unmet build dependencies: libnice-dev" >&2\nexit 1\n' >bin/dpkg-checkbuilddeps
	chmod +x bin/dpkg-checkbuilddeps
	deb tree PATH="$PWD/bin"
	[ "$status" -eq 1 ]
	matches "$stderr" 'needed to build are missing.*Unmet build dependencies: libnice-dev.*try:  apt-get build-dep'
	printf '#!/bin/bash\n' >bin/dpkg-checkbuilddeps
	deb tree PATH="$PWD/bin" DEB_REVISION=x/y
	[ "$status" -eq 2 ]
	matches "$stderr" 'DEB_REVISION=x/y'
	sed -i '1s/(.*-1)/(9.9.9-1)/' tree/debian/changelog
	git -C tree -c user.name=t -c user.email=t@example.org commit -qam t
	deb tree PATH="$PWD/bin"
	[ "$status" -eq 1 ]
	matches "$stderr" 'debian/changelog is of another version.*the Makefile says'
	[ ! -e tree/build ]
}

# --- the long form ----------------------------------------------------------------------------------------------------------

# Packages in one/, the same by another user in another place, and the next revision in two/.
build_packages() {
	local file
	git clone -q "$SOURCE" source
	git clone -q "$SOURCE" clone
	DEB_BUILD=$PWD/one source/debian/build 3>&-
	chown -R nobody: clone
	chmod o+x "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/.. "$BATS_FILE_TMPDIR"/..
	unshare -n setpriv --reuid=nobody --regid=nogroup --clear-groups env -u CC HOME="$PWD/clone" make -C clone deb 3>&-
	for file in one/*.deb one/*.dsc one/*.tar.xz; do
		cmp "$file" "clone/build/deb/${file#one/}"
	done
	DEB_REVISION=2 DEB_BUILD=$PWD/two source/debian/build 3>&-
}

# in_root COMMAND: in the chroot
in_root() {
	chroot "$ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive "$@"
}

# as USER COMMAND
as() {
	in_root setpriv --reuid="$1" --regid="$1" --init-groups env XDG_RUNTIME_DIR=/run "${@:2}"
}

# unit NAME UNIT: starts the program of a unit for the instance
unit() {
	python3 "$BATS_TEST_DIRNAME/units.py" inside "$ROOT" "/lib/systemd/system/$2" "$1" >>"$1.log" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/$1.pid"
	until_true in_root reload-agent status -a "$1" --wait joined -t 20s -q
}

ended() {
	kill "$(cat "$BATS_FILE_TMPDIR/$1.pid")"
	until_true gone "$(cat "$BATS_FILE_TMPDIR/$1.pid")"
	rm "$BATS_FILE_TMPDIR/$1.pid"
}

install_packages() {
	cp "$1"/*.deb "$ROOT/packages"
	in_root sh -c 'apt-get install -y -q --no-install-recommends $(ls /packages/*.deb | grep -v dbgsym)' >>apt.log 2>&1 3>&- || { tail -n 30 apt.log; return 1; }
	rm "$ROOT"/packages/*
}

# full_var: /var of the chroot on a disk of its own, where there is no room; rm var/filler makes room
full_var() {
	local size
	size=$(du -sk "$ROOT/var" | cut -f1)
	mkdir var.new
	mount -t tmpfs -o size=$((size * 12 / 10 + 30000))k,mode=755 none var.new
	cp -a "$ROOT/var/." var.new
	mount --move var.new "$ROOT/var" 2>/dev/null || { mount --bind var.new "$ROOT/var" && umount -l var.new; }
	head -c 4G /dev/zero >"$ROOT/var/filler" 2>/dev/null || true
}

# what is there of reload, without the users that were made, the package manager's own and the tables of names of other programs
left_behind() {
	find "$ROOT"/{etc,usr,lib,var,run,opt,srv,tmp} -xdev \( -name 'reload*' -o -name 'libreload*' \) 2>/dev/null | grep -v '/var/lib/dpkg/\|/var/cache/\|/var/log/apt' || true
}

@test "packages are the same from two builds; in a chroot they are installed, used, upgraded, removed and purged, and nothing is lost or left" {
	[ -n "${PACKAGES_LONG-}" ] || skip 'PACKAGES_LONG=1, or make soak-deb'
	[ "$(id -u)" = 0 ] || skip 'only root makes a chroot'
	local kind=0xf0000001 node
	if [ -n "${PACKAGES_BUILT-}" ]; then
		cp -r "$PACKAGES_BUILT"/one "$PACKAGES_BUILT"/two .
	else
		build_packages
	fi
	export ROOT=$PWD/root
	mmdebstrap --quiet --variant=apt bookworm "$ROOT" http://deb.debian.org/debian 3>&-
	mount -t proc proc "$ROOT/proc"
	mkdir -p "$ROOT/packages" && cp /etc/resolv.conf "$ROOT/etc/"
	in_root apt-get update -q >>apt.log 2>&1 3>&-
	[ -z "$(left_behind)" ]
	install_packages one
	# no heavy library without need
	[ -z "$(compgen -G "$ROOT/usr/lib/*/libnice.so*")" ]
	in_root systemd-analyze verify --man=no /lib/systemd/system/reload-agent@.service

	# an overlay of the machine, with two nodes as services
	PORT=$(lab_port)
	in_root reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" -q
	for u in alice bob; do in_root reload-enroll issue "$u@calls.example" --identity "$u" -q; done
	in_root chown -R reload: /etc/reload/identity
	echo "OPTIONS=--listen 127.0.0.1:$PORT --first" >"$ROOT/etc/default/reload-agent-alice"
	echo 'OPTIONS=--listen 127.0.0.1:0' >"$ROOT/etc/default/reload-agent-bob"
	unit alice reload-agent@.service
	unit bob reload-agent@.service
	# its group uses a node, others do not
	in_root useradd -G reload member
	in_root useradd other
	as member reload-store -a /run/reload/alice.sock -k $kind alice@calls.example 'back at noon' --lifetime 1h
	R as other reload-fetch -a /run/reload/alice.sock -k $kind alice@calls.example
	[ "$status" -eq 3 ]
	# a call
	as member reload-sip-call -a /run/reload/bob.sock register bob@calls.example
	as member reload-sip-call -a /run/reload/bob.sock listen --answer --echo -c 1 -q >listen.log 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/listen.pid"
	R as member reload-sip-call -a /run/reload/alice.sock bob@calls.example --tone 440 --duration 2s --wait 20s
	[ "$status" -eq 0 ]
	matches "$output" 'answered .*ended +2'
	until_true gone "$(cat "$BATS_FILE_TMPDIR/listen.pid")"
	# the example, with the installed library alone
	cc -o "$ROOT/usr/local/bin/store-and-fetch" "$ROOT/usr/share/doc/reload/examples/store-and-fetch.c" -I"$ROOT/usr/include" -L"$(dirname "$ROOT"/usr/lib/*/libreload.so)" -lreload
	in_root /usr/local/bin/store-and-fetch alice alice@calls.example 'back at one'

	# upgraded while both run, then one after the other starts anew: nothing is lost
	install_packages two
	matches "$(in_root dpkg-query -W reload-agent)" '-2$'
	for u in alice bob; do
		ended $u
		unit $u reload-agent@.service
		R in_root reload-fetch -a $u -k $kind alice@calls.example
		[ "$status" -eq 0 ]
		matches "$output" '^back at one'
	done
	# removed while both run: they go on, end well, and their state is there for the next installation
	in_root sh -c 'apt-get remove -y -q "reload-*" "libreload*"' >>apt.log 2>&1 3>&-
	[ ! -e "$ROOT/usr/bin/reload-agent" ]
	for u in alice bob; do
		kill -0 "$(cat "$BATS_FILE_TMPDIR/$u.pid")"
		ended $u
	done
	! grep -i 'sanitizer\|assert' alice.log bob.log || false
	# /var is full: the installation fails with words, and can be repeated; what was stored is still there
	full_var
	cp two/*.deb "$ROOT/packages"
	R in_root sh -c 'apt-get install -y -q --no-install-recommends $(ls /packages/*.deb | grep -v dbgsym)'
	[ "$status" -ne 0 ]
	matches "$output$stderr" 'No space left on device'
	rm "$ROOT/var/filler"
	in_root sh -c 'dpkg --configure -a' >>apt.log 2>&1 3>&- || true
	install_packages two
	unit alice reload-agent@.service
	R in_root reload-fetch -a alice -k $kind alice@calls.example
	matches "$output" '^back at one'
	# and for a node that runs: what cannot be kept is refused with words, and what was stored is not lost
	head -c 4G /dev/zero >"$ROOT/var/filler" 2>/dev/null || true
	R in_root reload-store -a alice -k $kind alice@calls.example "$(head -c 1500 /dev/zero | tr '\0' x)" -t 15s
	[ "$status" -ne 0 ]
	matches "$stderr" 'why:  .*try: '
	rm "$ROOT/var/filler"
	until_true in_root reload-store -a alice -k $kind alice@calls.example 'back at two' -q -t 5s
	ended alice
	in_root sh -c 'apt-get purge -y -q "reload-*" "libreload*"' >>apt.log 2>&1 3>&-
	[ -z "$(left_behind)" ] || { left_behind; return 1; }
	! grep -i 'warning.*reload\|dpkg: warning' apt.log || false
}
