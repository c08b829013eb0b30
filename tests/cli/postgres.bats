#!/usr/bin/env bats
# The users in PostgreSQL as Debian ships it, shared by two enrollment servers of one authority.

load lab

setup_file() {
	lab_begin
	BIN=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
	# its processes do not run as root, and have to reach their directory
	PG=$(mktemp -d /tmp/reload-pg-XXXXXX)
	URL="postgresql:///reload?host=$PG&user=postgres"
	ONE=$(lab_port)
	export BIN PG URL ONE
	[ "$(id -u)" != 0 ] || chown postgres "$PG"
	as_postgres "$BIN/initdb" -D "$PG/data" -A trust -U postgres >"$PG.log"
	database
	within 20 as_postgres "$BIN/createdb" -h "$PG" -U postgres reload
	reload-enroll init calls.example >/dev/null
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.crt -days 30 -subj /CN=x -addext subjectAltName=DNS:localhost 2>/dev/null
	echo secret >password
	reload-enroll user add alice@calls.example --password-file password -q
	reload-enroll issue bob@calls.example -q
}

teardown_file() {
	local p
	for p in "$BATS_FILE_TMPDIR"/*.server; do kill "$(cat "$p")" 2>/dev/null || true; done
	for p in "$BATS_FILE_TMPDIR"/*.server; do within 20 gone "$(cat "$p")"; done
	kill -CONT "$(head -1 "$PG/data/postmaster.pid")" 2>/dev/null || true
	as_postgres "$BIN/pg_ctl" -D "$PG/data" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$PG" "$PG.log"
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		"$@"
	fi
}

database() {
	as_postgres "$BIN/pg_ctl" -D "$PG/data" -o "-k $PG -c listen_addresses= -c fsync=off" -l "$PG/log" -w start >/dev/null 3>&-
}

sql() {
	as_postgres "$BIN/psql" -h "$PG" -U postgres -d reload -Atc "$1"
}

# serve NAME PORT [OPTION]...: a server in the background.
serve() {
	reload-enroll serve -l "127.0.0.1:$2" --tls-cert tls.crt --tls-key tls.key "${@:3}" >"$1.out" 2>"$1.err" 3>&- &
	echo $! >"$1.server"
	within 20 grep -q '^serving' "$1.out"
}

csr() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.pem" -subj / -outform DER -out "$1.der" 2>/dev/null
}

post() { # post PORT FORM...
	curl -s --cacert tls.crt -o answer -w '%{http_code}' "https://localhost:$1/enroll" "${@:2}"
}

@test "the users move into a database, and every command goes by it" {
	R reload-enroll serve --tls-cert tls.crt --tls-key tls.key -l 127.0.0.1:0 --users 'postgresql://postgres:secret@localhost/reload'
	failed 2 'must not have a password'
	R reload-enroll serve --tls-cert tls.crt --tls-key tls.key -l 127.0.0.1:0 --users "postgresql:///nothing?host=$PG&user=postgres"
	failed 1 'cannot be used'
	[ ! -e lab/etc/calls.example/ca/users ]
	before=$(reload-enroll user list -j)
	serve one "$ONE" --users "$URL"
	[ "$(reload-enroll user list -j)" = "$before" ]
	[ "$(sql 'select count(*) from users')" = 3 ]
	reload-enroll user add carol@calls.example --password-file password -q
	[ "$(sql "select count(*) from users where name = 'carol@calls.example' and hash like '\$y\$%'")" = 1 ]
	# the database is that of one overlay
	RELOAD_HOME=$PWD/other reload-enroll init other.example -q
	R env RELOAD_HOME="$PWD/other" reload-enroll serve --tls-cert tls.crt --tls-key tls.key -l 127.0.0.1:0 --users "$URL"
	failed 10 'those of another overlay'
}

@test "two servers: of twenty clients with one invitation one gets a certificate, and a user has one Node-ID" {
	# the other machine has the authority, and goes by the same database
	mkdir two
	cp -r lab/etc two/etc
	TWO=$(lab_port)
	RELOAD_HOME=$PWD/two serve two "$TWO"
	string=$(reload-enroll invite --server "localhost:$ONE" --tls-cert tls.crt)
	secret=$(cut -d/ -f7 <<<"$string")
	args=()
	for i in $(seq 20); do
		csr "guest$i"
		[ "$i" = 1 ] || args+=(--next)
		port=$ONE
		[ $((i % 2)) = 0 ] || port=$TWO
		args+=(-s --cacert tls.crt -o "guest.$i" -w '%{http_code}\n' "https://localhost:$port/enroll"
			-F "username=u$i@calls.example" -F "password=invitation:$secret" -F "csr=@guest$i.der")
	done
	# B23
	[ "$(curl --no-progress-meter --parallel --parallel-immediate --parallel-max 20 "${args[@]}" | sort | uniq -c | tr -s ' \n' ' ')" = " 1 200 19 403 " ]
	# R-13.3-01 R-11.3-17: a new user at both at once
	args=()
	for i in $(seq 8); do
		[ "$i" = 1 ] || args+=(--next)
		port=$ONE
		[ $((i % 2)) = 0 ] || port=$TWO
		args+=(-s --cacert tls.crt -o "carol.$i" -w '%{http_code}\n' "https://localhost:$port/enroll"
			-F username=carol@calls.example -F password=secret -F "csr=@guest$i.der")
	done
	[ "$(curl --no-progress-meter --parallel --parallel-immediate --parallel-max 8 "${args[@]}" | sort -u)" = 200 ]
	for i in $(seq 8); do openssl x509 -inform DER -in "carol.$i" -noout -ext subjectAltName | grep -o 'reload://[0-9a-f]*'; done | sort -u >nodes
	[ "$(wc -l <nodes)" = 1 ]
	[ "$(sql "select count(*) from node_ids where name = 'carol@calls.example'")" = 1 ]
	# what one machine decides counts at the other
	reload-enroll user disable carol@calls.example -q
	[ "$(post "$TWO" -F username=carol@calls.example -F password=secret -F csr=@guest1.der)" = 403 ]
	RELOAD_HOME=$PWD/two reload-enroll user enable carol@calls.example -q
	[ "$(post "$ONE" -F username=carol@calls.example -F password=secret -F csr=@guest1.der)" = 200 ]
	[ "$(sql "select count(distinct address) from audit")" -ge 1 ]
}

@test "a database that stops or is silent keeps nobody from the document, and is used again" {
	kill -STOP "$(head -1 "$PG/data/postmaster.pid")"
	for pid in $(sql_backends); do kill -STOP "$pid"; done
	post "$ONE" -F username=alice@calls.example -F password=secret -F csr=@guest1.der >silent 2>&1 3>&- &
	waiting=$!
	while kill -0 $waiting 2>/dev/null; do
		curl -s -m 1 --cacert tls.crt -o document "https://localhost:$ONE/.well-known/reload-config"
	done
	matches "$(cat silent)" '^50[03]$'
	for pid in $(sql_backends) "$(head -1 "$PG/data/postmaster.pid")"; do kill -CONT "$pid"; done
	as_postgres "$BIN/pg_ctl" -D "$PG/data" -m fast -w restart -o "-k $PG -c listen_addresses= -c fsync=off" -l "$PG/log" >/dev/null 3>&-
	served() { [ "$(post "$ONE" -F username=alice@calls.example -F password=secret -F csr=@guest1.der)" = 200 ]; }
	within 20 served
	# no thread is left with a connection that is of no use: each of them is at work here
	all_served() {
		local args=() i
		for i in $(seq 16); do
			[ "$i" = 1 ] || args+=(--next)
			args+=(-s --cacert tls.crt -o "all.$i" -w '%{http_code}\n' "https://localhost:$ONE/enroll"
				-F username=alice@calls.example -F password=secret -F "csr=@guest1.der")
		done
		curl --no-progress-meter --parallel --parallel-immediate --parallel-max 16 "${args[@]}" >codes
		[ "$(sort -u codes)" = 200 ]
	}
	within 20 all_served
}

@test "a name that is no text is refused as any other, and the audit log says so" {
	[ "$(post "$ONE" -F "username=$(printf 'a\377@calls.example')" -F password=secret -F csr=@guest1.der)" = 403 ]
	noted() { [ "$(sql "select count(*) from audit where \"user\" = 'not UTF-8'")" = 1 ]; }
	within 20 noted
}

@test "a backup is of one moment, and brings the users of a lost database back" {
	echo correct horse >pass
	# the backup waits where it has the users and not yet their Node-IDs; meanwhile there is a new user
	mkfifo holder
	as_postgres "$BIN/psql" -h "$PG" -U postgres -d reload -q <holder >/dev/null 3>&- &
	exec 7>holder
	echo 'begin; lock table node_ids in access exclusive mode;' >&7
	locked() { [ "$(sql "select count(*) from pg_locks where relation = 'node_ids'::regclass and granted = $1")" = 1 ]; }
	within 20 locked true
	reload-enroll backup saved --passphrase-file pass -q 7>&- &
	saving=$!
	within 20 locked false
	echo "insert into users values('late', '', 0); insert into node_ids(node_id, name) values('00', 'late'); commit;" >&7
	exec 7>&-
	wait $saving
	sql "delete from node_ids where name = 'late'; delete from users where name = 'late'"
	before=$(reload-enroll user list -j)
	sql 'delete from users; delete from node_ids; delete from certificates; delete from invitations; delete from audit'
	RELOAD_HOME=$PWD/three reload-enroll restore saved --passphrase-file pass -q
	[ "$(sql 'select count(*) from node_ids where name not in (select name from users)')" = 0 ]
	[ "$(reload-enroll user list -j)" = "$before" ]
}

# The processes of the database that serve clients.
sql_backends() {
	pgrep -P "$(head -1 "$PG/data/postmaster.pid")" -f 'postgres reload'
}
