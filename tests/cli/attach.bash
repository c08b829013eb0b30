# Programs that are connected by reload-attach: a asks through the agent $ASKER for $TARGET, b listens at the agent $LISTENER.  After `load lab`.

load programs

# held NAME: a standard input for NAME that does not end before descriptor 8 (9 for b) is closed.
held() {
	mkfifo "$1.pipe"
	if [ "$1" = a ]; then exec 8<>"$1.pipe"; else exec 9<>"$1.pipe"; fi
}

listens() { # APP [OPTIONS]: with what is in the file B_IN
	beside b reload-attach -a "$LISTENER" listen "$@" <"${B_IN:-/dev/null}" >got.b
	until_true says b.err listening
}

# fits FILE FORM: each object of FILE has the keys that the schema of that form promises.
fits() {
	jq -s -e --argjson s "$(reload-attach "$2" --json-schema)" 'all(.[]; keys as $k | any($s.oneOf[]; .required // [] | sort == $k))' "$1"
}

# began: a and b are connected, and neither's input ends by itself.
began() {
	held a
	held b
	B_IN=b.pipe listens 61441
	beside a reload-attach -a "$ASKER" connect 61441 "$TARGET" <a.pipe >got.a
	until_true says b.err connected
	until_true says a.err connected
	echo first >&8
	until_true test -s got.b
}

# cut_off WHO: it has noticed that the other end was cut off, after it wrote what had come.
cut_off() {
	ended "$1" 4
	matches "$(tail -3 "$1.err")" 'was cut off'
}

five_ended() {
	[ "$(grep -c ^ended b.out)" -eq 5 ]
}

several_at_a_time() {
	cat >echo.py <<-'END'
		import socket, sys, threading
		s = socket.socket(socket.AF_UNIX)
		s.bind("echo.sock")
		s.listen(16)
		print("ready", flush=True)
		def serve(c):
		    while data := c.recv(65536):
		        c.sendall(data)
		    c.shutdown(socket.SHUT_WR)
		while True:
		    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
	END
	cat >talk.py <<-'END'
		import socket, sys, threading
		def talk(n, out):
		    c = socket.socket(socket.AF_UNIX)
		    c.connect("near.sock")
		    text = bytes([65 + n]) * 200000
		    threading.Thread(target=lambda: (c.sendall(text), c.shutdown(socket.SHUT_WR))).start()
		    got = b""
		    while data := c.recv(65536):
		        got += data
		    out.append(got == text)
		out = []
		threads = [threading.Thread(target=talk, args=(n, out)) for n in range(5)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		print(out)
	END
	rm -f echo.sock
	beside echo python3 echo.py >echo.out
	until_true says echo.out ready
	beside b reload-attach -a "$LISTENER" listen 61441 --unix echo.sock >b.out
	until_true says b.out listening
	beside a reload-attach -a "$ASKER" connect 61441 "$TARGET" --unix near.sock >a.out
	until_true test -S near.sock
	[ "$(stat -c %a near.sock)" = 600 ]
	run -0 python3 talk.py
	[ "$output" = "[True, True, True, True, True]" ]
	until_true five_ended
	kill -TERM "$(cat a.pid)" "$(cat b.pid)"
	ended a 0
	ended b 0
	matches "$(tail -1 b.out)" '^5 connections, sent 1000000, received 1000000 bytes$'
	[ ! -e near.sock ]
}

ssh_through_it() { # FILE: it is sent as well
	command -v ssh && [ -x /usr/sbin/sshd ] || skip "no ssh"
	[ "$(id -u)" -eq 0 ] || skip "sshd wants to be root here"
	ssh-keygen -q -t ed25519 -N '' -f host.key
	ssh-keygen -q -t ed25519 -N '' -f user.key
	printf '%s\n' "HostKey $PWD/host.key" "AuthorizedKeysFile $PWD/user.key.pub" 'StrictModes no' 'UsePAM no' 'PidFile none' >sshd.conf
	mkdir -p /run/sshd
	mkfifo b.pipe
	(reload-attach -a "$LISTENER" listen 61441 <b.pipe 2>b.err 3>&- | /usr/sbin/sshd -i -e -f sshd.conf >b.pipe 2>sshd.err 3>&-) &
	until_true says b.err listening
	R ssh -F none -i user.key -o IdentitiesOnly=yes -o UserKnownHostsFile=known -o StrictHostKeyChecking=no -o BatchMode=yes \
		-o ProxyCommand="reload-attach -qa $ASKER connect 61441 %h@calls.example" "$(id -un)@${TARGET%@*}" 'sha256sum; exit 7' <"$1"
	[ "$status" -eq 7 ]
	matches "$output" "^$(sha256sum <"$1")$"
	wait
	[ "$(wc -l <b.err)" -eq 2 ]
}
