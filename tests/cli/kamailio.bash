# shellcheck shell=bash
# kamailio as the SIP server of kam.example: one user, dave, whose phone is at a port of this host; calls to other domains go where their SRV records say.

# kamailio_begin PORT PHONE: it listens at 127.0.0.1:PORT, over UDP and TCP, and resolves names as with_names does; dave's phone is at port PHONE.
kamailio_begin() {
	cat >kamailio.cfg <<-END
	debug=2
	log_stderror=yes
	fork=no
	children=1 # several would change the order of responses
	tcp_children=2
	listen=udp:127.0.0.1:$1
	listen=tcp:127.0.0.1:$1
	alias="kam.example"
	dns_srv_lb=yes
	use_dns_cache=no
	shm_force_alloc=no
	loadmodule "tm.so"
	loadmodule "sl.so"
	loadmodule "rr.so"
	loadmodule "pv.so"
	loadmodule "textops.so"
	loadmodule "maxfwd.so"
	loadmodule "siputils.so"
	request_route {
		if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
		if (has_totag()) {
			if (loose_route() || is_method("ACK")) { t_relay(); exit; }
			sl_send_reply("404", "Not here"); exit;
		}
		if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
		record_route();
		if (uri == myself) {
			if (\$rU != "dave") { sl_send_reply("404", "Not Found"); exit; }
			\$du = "sip:127.0.0.1:$2";
		}
		t_relay();
	}
	END
	# timeout: kamailio forgets a signal that comes before it waits for one, and has processes of its own
	background kamailio ./with_names timeout -k 1 120 kamailio -f "$PWD/kamailio.cfg" -Y "$PWD" -m 16 -M 4 -DD -E
	until_true bound "$1"
}
