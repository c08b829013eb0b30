#!/usr/bin/env bats
# reload-sip-adapter and those who want more than they may (adapter_hostile.py); no overlay is needed.

hostile() {
	run timeout 60 python3 "$BATS_TEST_DIRNAME/adapter_hostile.py" "$1"
	[ "$status $output" = "0 " ] || { echo "$1: $output"; return 1; }
}

@test "a node chooses no address that is sent to, and cancels no call of another" {
	hostile gateway
}

@test "a Route is the adapter's own when the adapter has made it" {
	hostile routes
}

@test "CANCEL, ACK and requests of other domains come the way of what they belong to" {
	hostile flows
}

@test "a call that is cancelled before the other end has said a word has its answer at once" {
	hostile silent
}

@test "DTLS-SRTP ends here for a device without it (C15), and nothing is heard that is not encrypted with its keys" {
	hostile keys
}

@test "strangers, a node and an end of a call have shares of what others need" {
	hostile shares
}

@test "audio goes to no service of this host or its network; what no datagram takes is no answer" {
	hostile places
}

@test "the wrong node at the end of a connection gets no call" {
	hostile imposter
}

@test "dialogs that nobody ends leave room for others" {
	hostile dialogs
}

@test "absurd session descriptions go on, or are refused" {
	hostile absurd
}

@test "a telephone with IPv4 and one with IPv6 hear each other" {
	hostile families
}

@test "a host has a share of the connections, and an idle one ends" {
	hostile connections
}

@test "1,000 devices of 10 users register at once: one Store for each user (C23)" {
	hostile storm
}
