/*
 * Session descriptions on their way through a relay of media: the first audio stream goes to an address of the relay, other streams are refused.  Codecs are
 * not looked at.  Keys pass, or belong to the relay.
 */
#pragma once

#include "usage/sip_sdp.h"

/* Where the relayed stream of a description is to be sent. */
struct reload_sdp_relayed {
	bool has;                       /* there is one */
	struct reload_ip_port at, rtcp; /* all zero: nowhere, the stream is held */
	bool rtcp_mux;
	struct reload_sdp_ice ice; /* ufrag "": none */
	struct reload_sdp_dtls dtls;
	bool keys; /* it says something of keys, of whatever kind, or has a transport that wants them */
	char proto[RELOAD_SDP_WORD]; /* its transport; "": too long a word */
};

/* reload_sdp_relayed_read() reads a description; RELOAD_BAD_VALUE when it cannot be relayed: a host name, no address. */
enum reload_err reload_sdp_relayed_read(
	struct reload_sdp_relayed *out, struct span text) MUST_CHECK;

/* What is written instead of the addresses of a description. */
struct reload_sdp_relay {
	struct reload_ip_port at;
	const struct reload_sdp_ice *ice; /* borrowed; NULL: none, and what there was is left out */
	enum {
		RELOAD_SDP_MUX_KEEP,
		RELOAD_SDP_MUX_ADD,
		RELOAD_SDP_MUX_DROP
	} mux; /* a=rtcp-mux */
	bool ends; /* what is said of keys is left out; dtls, if there is one (borrowed), is there instead */
	const struct reload_sdp_dtls *dtls;
	const char *proto; /* the transport; NULL or "": it stays */
};

/* reload_sdp_relay_write() appends text, which reload_sdp_relayed_read() has read, with other addresses.  What is held by the address 0.0.0.0 stays so. */
void reload_sdp_relay_write(struct wr *w, struct span text, const struct reload_sdp_relay *r);
