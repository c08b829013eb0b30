#!/usr/bin/env bats
# Certificates that end, and newer ones, under running agents.

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	export PORT
	reload-enroll init calls.example --bootstrap "127.0.0.1:$PORT" >/dev/null
	for u in alice bob carol dave; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	reload-enroll issue dave@calls.example --identity dave --validity 25s >/dev/null
	lab_start alice -l "127.0.0.1:$PORT" --first
	for u in bob carol dave; do lab_start "$u" -l 127.0.0.1:0; done
	for u in alice bob carol dave; do reload-agent status -a "$u" --wait joined -q -t 20; done
	lab_whole alice bob carol dave
}

teardown_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	for file in lab/*.pid; do kill -TERM "$(cat "$file")" || true; done 2>/dev/null
	for file in lab/*.pid; do until_true gone "$(cat "$file")" || kill -KILL "$(cat "$file")"; done
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

state() {
	[ "$(reload-agent status -a "$1" -j | jq -r .state)" = "$2" ]
}

links_to() { # links_to NAME N: exactly N are up
	[ "$(reload-agent status -a "$1" -j | jq .links.up)" = "$2" ]
}

# The connections of an agent: their ports say which ones they are.
connections() {
	reload-agent status -a "$1" --links -j | jq -c '.links.list | map(.node_id + " " + .address) | sort'
}

@test "refresh takes a newer certificate of the same Node-ID and keeps the links" {
	before=$(reload-agent status -a bob -j | jq -r .certificate_until)
	until_true links_to bob 3 # of two links made at once one goes
	links=$(connections bob)
	reload-enroll issue bob@calls.example --identity bob --validity 60d >/dev/null
	run -0 reload-agent refresh -a bob
	[[ "$output" == *"certificate    taken"* ]]
	[[ "$output" == *"configuration  unchanged, sequence 1"* ]]
	[ "$(reload-agent status -a bob -j | jq -r .certificate_until)" != "$before" ]
	[ "$(connections bob)" = "$links" ]
	reload-store -a bob -k 0xf0000001 bob@calls.example 'signed with the new one' -q
	[ "$(reload-fetch -a carol -k 0xf0000001 bob@calls.example --raw)" = 'signed with the new one' ]
}

@test "refresh refuses a document whose number jumps, and says so" {
	local document=lab/etc/identity/bob/overlay.xml
	cp $document document.xml
	sed '/<signature>/d; s/ sequence="1"/ sequence="40000"/' document.xml >$document
	run reload-agent refresh -a bob
	cp document.xml $document
	# HDR-08: 40000 is not newer than 1
	[[ "$output" == *"sequence 40000 does not follow 1: "* ]]
	grep -q 'new configuration refused: .*sequence 40000 does not follow 1' lab/bob.log
}

@test "refresh refuses the certificate of another node and says so" {
	cp -r lab/etc/identity/bob saved
	cp lab/etc/identity/carol/*.pem lab/etc/identity/bob/
	run -10 reload-agent refresh -a bob
	[[ "$output" == *"another Node-ID"* ]]
	cp saved/*.pem lab/etc/identity/bob/
	reload-ping -a bob -c 1 -q succ >/dev/null
}

@test "SIGHUP does the same, and the log says what was taken" {
	reload-enroll issue bob@calls.example --identity bob --validity 70d >/dev/null
	kill -HUP "$(cat lab/bob.pid)"
	until_true grep -q 'new certificate taken' lab/bob.log
}

@test "a certificate that ends ends the membership, on both sides" {
	# R-13.4-01: nobody is believed whose certificate is not valid
	until_true state dave enrolled
	grep -q 'own certificate ends soon' lab/dave.log
	grep -q 'own certificate has ended' lab/dave.log
	run -9 reload-agent status -a dave
	[[ "$output" == *"expired: the node is out of the overlay"* ]]
	for u in alice bob carol; do until_true links_to "$u" 2; done
	until_true lab_whole alice bob carol
	for u in alice bob carol; do
		reload-store -a "$u" -k 0xf0000001 "$u@calls.example" "after, from $u" -q
		for v in alice bob carol; do
			[ "$(reload-fetch -a "$v" -k 0xf0000001 "$u@calls.example" --raw)" = "after, from $u" ]
		done
	done
}

@test "a renewed certificate brings the node back without a restart" {
	reload-enroll issue dave@calls.example --identity dave --validity 30d >/dev/null
	kill -HUP "$(cat lab/dave.pid)"
	reload-agent status -a dave --wait joined -q -t 30
	lab_whole alice bob carol dave
	reload-store -a dave -k 0xf0000001 dave@calls.example 'back' -q
	[ "$(reload-fetch -a alice -k 0xf0000001 dave@calls.example --raw)" = back ]
}

# revoke NAME: a next document, signed, that names its Node-ID as bad; the file is that of every identity that was given.
revoke() {
	local node name=$1
	node=$(node_of "$name")
	shift
	PYTHONPATH=$BATS_TEST_DIRNAME python3 - "$node" "$@" <<'END'
import sys
import hostile_wire
hostile_wire.OVERLAY = "calls.example"
for name in sys.argv[2:]:
    path = f"{hostile_wire.HOME}/etc/identity/{name}/overlay.xml"
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = text.replace(' sequence="1"', ' sequence="2"')
    text = text.replace("</configuration>", f"<bad-node>{sys.argv[1]}</bad-node></configuration>")
    with open(path, "w", encoding="utf-8") as f:
        f.write(hostile_wire.resign(text))
END
}

has_document() { # has_document NAME SEQUENCE
	[ "$(reload-agent status -a "$1" -j | jq .configuration_sequence)" = "$2" ]
}

@test "a revoked certificate ends the links at both ends, and the others go on" {
	# R-11.1-33: one agent is given the document, the others hear of it
	revoke carol alice
	run -0 reload-agent refresh -a alice
	[[ "$output" == *"configuration  taken"* ]]
	began=$SECONDS
	for u in alice bob dave; do until_true links_to "$u" 2; done
	until_true links_to carol 0
	[ $((SECONDS - began)) -le 10 ]
	for u in alice bob dave; do grep -q 'link down.*revoked' "lab/$u.log"; done
	until_true lab_whole alice bob dave
	for u in alice bob dave; do
		reload-store -a "$u" -k 0xf0000001 "$u@calls.example" "without carol, from $u" -q
		for v in alice bob dave; do
			[ "$(reload-fetch -a "$v" -k 0xf0000001 "$u@calls.example" --raw)" = "without carol, from $u" ]
		done
	done
	# carol was sent the document as well, and has left because of it
	until_true state carol enrolled
	grep -q 'cannot meet the new configuration.*error=cert_revoked' lab/carol.log
	run -10 reload-join -a carol -t 5s
	[[ "$output" == *"refused our certificate: it is revoked there"* ]]
	[[ "$output" == *"ask the authority of the overlay for a new certificate"* ]]
}
