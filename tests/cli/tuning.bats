#!/usr/bin/env bats
# An overlay that measures itself and sets its own pace (RFC 7363).

load lab

setup_file() {
	lab_begin
	PORT=$(lab_port)
	reload-enroll init calls.example --algorithm CHORD-SELF-TUNING --bootstrap "127.0.0.1:$PORT" >init.out
	for u in alice bob carol; do
		reload-enroll issue "$u@calls.example" --identity "$u" >/dev/null
	done
	lab_start alice -l "127.0.0.1:$PORT" --first
	lab_start bob -l 127.0.0.1:0 --no-join --metrics "$PWD/bob.metrics"
	lab_start carol -l 127.0.0.1:0 --no-join
	reload-join -a bob -q && reload-join -a carol -q && lab_whole alice bob carol
}

teardown_file() {
	lab_end
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

# R7363-1, R7363-30: the name, the extension that every node has to know, and how many peers are asked (R7363-28)
@test "the document of such an overlay says that its nodes must know how" {
	grep -q '^created overlay calls.example: CHORD-SELF-TUNING, ' init.out
	doc=lab/etc/calls.example/overlay.xml
	grep -q '<topology-plugin>CHORD-SELF-TUNING</topology-plugin>' $doc
	grep -q '<mandatory-extension>urn:ietf:params:xml:ns:p2p:self-tuning</mandatory-extension>' $doc
	grep -q '<self-tuning:number-of-peers-to-probe>4<' $doc
	grep -q 'xmlns:self-tuning="urn:ietf:params:xml:ns:p2p:self-tuning"' $doc
	run reload-enroll config check $doc
	[ "$status" -eq 0 ]
	[[ "$output" != *tuning* ]]
	run reload-enroll init other.example --algorithm CHORD-SELF-TUNED
	[ "$status" -eq 2 ]
	[[ "$output" == *"CHORD-RELOAD and CHORD-SELF-TUNING"* ]]
}

told_by_others() {
	reload-diag -a bob tuning --json >tuning.json &&
		jq -e '(.tuning.data | length == 3) and .tuning.own.network_size == 3 and .tuning.in_force.network_size == 3' tuning.json >/dev/null
}

# R7363-13: exact in a ring that the neighbours are; R7363-23, R7363-24: both others told theirs, by real Probes
@test "reload-diag tuning says what was measured, what others told, and why the interval is what it is" {
	within 120 told_by_others
	cat tuning.json
	jq -e '.algorithm == "CHORD-SELF-TUNING" and .state == "joined" and .tuning.own.network_size == 3 and
		.tuning.in_force.network_size == 3 and .tuning.neighbours == 3 and .tuning.fingers == 16 and
		.tuning.members == 2 and .tuning.ages == 2 and .tuning.interval_s >= 15 and .tuning.left_s <= 1.1 * .tuning.interval_s and
		.tuning.failures == 1 and .tuning.peers_to_probe == 4' tuning.json
	run reload-diag -a bob tuning
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "algorithm  CHORD-SELF-TUNING" ]]
	[[ "${lines[1]}" =~ ^interval\ +[0-9.]+\ s,\ the\ next\ one\ in\ [0-9.]+\ s$ ]]
	[[ "$output" == *"why        half of the peers fail within "* || "$output" == *"why        as many peers join as there are within "* ]]
	[[ "$output" == *"own        3.0 peers, "* ]]
	jq -e '.tuning.loss | .lifetime_s == 86400 and .copies == 3 and .chance >= 0 and .chance <= 1' tuning.json
	[[ "$output" =~ loss\ +[0-9.e-]+%\ of\ the\ values\ that\ are\ stored\ once\ and\ for\ 86400\ s\ are\ lost ]]
	# a longer time is a greater chance
	reload-diag -a bob tuning --json --lifetime 30d | jq -e --slurpfile day tuning.json '.tuning.loss | .lifetime_s == 2592000 and
		(.chance > $day[0].tuning.loss.chance or .chance == 1) and .halved_by_s > 0'
	run reload-diag -a bob tuning --lifetime 0
	[ "$status" -eq 2 ]
	reload-agent status -a bob --json | jq -e '.tuning.network_size == 3 and (.tuning.why | length > 10)'
	reload-agent status -a bob | grep -q 'updates every .*s, as was measured'
}

@test "the pace is among the metrics" {
	within 120 told_by_others
	curl -s --unix-socket bob.metrics http://agent/metrics >text
	/usr/bin/python3 "$BATS_TEST_DIRNAME/metrics.py" "$PWD/bob.metrics" >/dev/null
	grep '^reload_tuning_interval_seconds [0-9.]' text
	grep '^reload_tuning_peers 3' text
	grep '^reload_tuning_neighbours 3' text
}

# R7363-17: its death is a failure that both others count
@test "a peer that is killed is counted as a failure" {
	kill -9 "$(cat lab/carol.pid)"
	counted() {
		reload-diag -a "$1" tuning --json | jq -e '.tuning.failures == 2 and .tuning.members == 1 and .tuning.own.network_size == 2' >/dev/null
	}
	within 60 counted alice
	within 60 counted bob
}

@test "in another overlay the interval is that of the configuration" {
	port=$(lab_port)
	reload-enroll init plain.example --bootstrap "127.0.0.1:$port" >/dev/null
	reload-enroll issue dave@plain.example --identity dave >/dev/null
	lab_start dave -l "127.0.0.1:$port" --first --metrics "$PWD/dave.metrics"
	until_true reload-diag -a dave tuning
	run reload-diag -a dave tuning
	[ "${lines[0]}" = "algorithm  CHORD-RELOAD" ]
	[ "${lines[1]}" = "interval   600 s: chord-update-interval of the configuration, which measures nothing" ]
	reload-diag -a dave tuning --json | jq -e '.tuning == null and .update_interval_s == 600'
	[ -z "$(curl -s --unix-socket dave.metrics http://agent/metrics | grep tuning)" ]
}
