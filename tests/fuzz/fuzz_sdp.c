/*
 * Session descriptions as the other end of a call sends them.
 *
 * Always true: the answer to what can be read has as many streams, the same one is used, and its direction is turned around; read
 * again it gives what was written.  What a relay writes instead of it names the address of the relay, and has no candidate of others; where keys end in the relay
 * it has those of the relay alone.
 */
#include "usage/sip_sdp_relay.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct reload_sdp_audio *offer)
{
	static const struct reload_sdp_dtls dtls = { .has = true };
	struct reload_sdp_ice ice = {
		.ufrag = "abcd", .password = "0123456789012345678901", .count = 1
	};
	struct reload_sdp_own own = { .version = 1, .dtls = &dtls, .ice = &ice };
	struct reload_sdp_audio answer;
	struct wr w;
	enum reload_err err = reload_ip_port_parse(&own.at, "192.0.2.7:5000", 0);
	assert(!err);
	ice.candidates[0] = (struct reload_sdp_candidate){ RELOAD_SDP_HOST, "1", 1, own.at, { 0 } };
	wr_init(&w);
	reload_sdp_answer(&w, &own, offer);
	assert(!w.err && !reload_sdp_read(&answer, wr_done(&w)));
	assert(answer.streams == offer->streams && answer.index == offer->index);
	if (!offer->streams) { /* nothing is offered, and nothing answered */
		assert(!answer.at.type);
		wr_clear(&w);
		return;
	}
	assert(answer.payload_type == offer->payload_type && answer.codec == offer->codec);
	assert(answer.dtmf_type == offer->dtmf_type || answer.dtmf_type == answer.payload_type);
	assert(answer.rtcp_mux == offer->rtcp_mux && answer.secure == offer->secure);
	assert(answer.dtls.has == offer->dtls.has && !*answer.ice.ufrag == !*offer->ice.ufrag);
	assert(!(offer->direction & RELOAD_SDP_SENDONLY) ==
		!(answer.direction & RELOAD_SDP_RECVONLY));
	assert(!(offer->direction & RELOAD_SDP_RECVONLY) ==
		!(answer.direction & RELOAD_SDP_SENDONLY));
	assert(reload_ip_port_eq(&answer.at, &own.at));
	wr_clear(&w);
}

static void check_keys(struct span text, struct reload_sdp_relay r)
{
	static const struct reload_sdp_dtls own = {
		.has = true, .fingerprint = { 7 }, .setup = RELOAD_SDP_ACTIVE
	};
	struct reload_sdp_relayed after;
	for (int i = 0; i < 2; i++) {
		struct wr w;
		wr_init(&w);
		r.ends = true;
		r.dtls = i ? &own : NULL;
		r.proto = "RTP/AVP";
		reload_sdp_relay_write(&w, text, &r);
		assert(!w.err && !reload_sdp_relayed_read(&after, wr_done(&w)));
		assert(!after.has || (after.keys == i && after.dtls.has == i &&
					     after.dtls.fingerprint[0] == 7 * i));
		wr_clear(&w);
	}
}

static void check_relay(struct span text)
{
	struct reload_sdp_relayed d, after;
	struct reload_sdp_relay r = { .mux = RELOAD_SDP_MUX_DROP };
	struct wr w;
	enum reload_err err = reload_ip_port_parse(&r.at, "192.0.2.7:5000", 0);
	assert(!err);
	if (reload_sdp_relayed_read(&d, text))
		return;
	wr_init(&w);
	reload_sdp_relay_write(&w, text, &r);
	assert(!w.err && !reload_sdp_relayed_read(&after, wr_done(&w)));
	assert(after.has == d.has && !*after.ice.ufrag && !after.ice.count && !after.rtcp_mux);
	assert(!d.has || !d.at.type == !after.at.type);
	assert(!after.at.type || reload_ip_port_eq(&after.at, &r.at));
	wr_clear(&w);
	check_keys(text, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reload_sdp_audio audio;
	if (!size)
		return 0;
	uint8_t *copy = reload_memdup(data, size); /* one byte too far is seen */
	if (!reload_sdp_read(&audio, span_of(copy, size))) {
		assert(audio.index < audio.streams || !audio.streams);
		assert(audio.streams <= RELOAD_SDP_STREAMS_MAX);
		assert(!audio.at.type || !reload_ip_port_fault(&audio.at));
		assert(!audio.rtcp.type || !reload_ip_port_fault(&audio.rtcp));
		assert(audio.ice.count <= RELOAD_SDP_CANDIDATES_MAX && audio.payload_type < 128);
		check_answer(&audio);
	}
	check_relay(span_of(copy, size));
	free(copy);
	return 0;
}
