#include "usage/sip_sdp_relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define PHONE                                                                                      \
	"v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n"                  \
	"m=audio 4000 RTP/AVP 18 0\r\na=rtcp:4007\r\na=sendonly\r\n"                               \
	"m=video 4002 RTP/AVP 96\r\nc=IN IP4 10.0.0.8\r\na=rtpmap:96 H264/90000\r\n"
#define USER                                                                                       \
	"v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nt=0 0\na=ice-options:ice2\nm=video 0 RTP/AVP 96\n"    \
	"m=audio 5000 RTP/AVP 0\nc=IN IP4 192.0.2.9\na=rtcp-mux\na=ice-ufrag:abcd\n"               \
	"a=ice-pwd:0123456789012345678901\n"                                                       \
	"a=candidate:1 1 UDP 2130706431 192.0.2.9 5000 typ host\na=fingerprint:sha-256 AB\n"

static struct reload_ip_port address(const char *text)
{
	struct reload_ip_port at;
	assert_int_equal(reload_ip_port_parse(&at, text, 0), RELOAD_OK);
	return at;
}

static void assert_at(const struct reload_ip_port *a, const char *text)
{
	char out[64];
	assert_string_equal(reload_ip_port_text(out, a), text);
}

static const char *written(struct wr *w, const char *text, const struct reload_sdp_relay *r)
{
	wr_init(w);
	reload_sdp_relay_write(w, span_str(text), r);
	wr_u8(w, 0);
	return (const char *)w->at;
}

static void addresses_are_read(void **state)
{
	struct reload_sdp_relayed d;
	(void)state;
	assert_int_equal(reload_sdp_relayed_read(&d, span_str(PHONE)), RELOAD_OK);
	assert_true(d.has && !d.rtcp_mux && !*d.ice.ufrag);
	assert_at(&d.at, "10.0.0.9:4000");
	assert_at(&d.rtcp, "10.0.0.9:4007");
	assert_int_equal(reload_sdp_relayed_read(&d, span_str(USER)), RELOAD_OK);
	assert_true(d.has && d.rtcp_mux);
	assert_at(&d.at, "192.0.2.9:5000");
	assert_at(&d.rtcp, "192.0.2.9:5000");
	assert_string_equal(d.ice.ufrag, "abcd");
	assert_int_equal(d.ice.count, 1);
}

static void what_cannot_be_relayed_is_said(void **state)
{
	struct reload_sdp_relayed d;
	static const char *const bad[] = {
		"v=0\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 phone.example\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 255.255.255.255\r\nm=audio 4000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 \r\nm=audio 4000 RTP/AVP 0\r\n",
	};
	static const char *const nothing[] = { "", "x", "v=0\r\nm=audio 0 RTP/AVP 0\r\n",
		"m=audio 4294967296 RTP/AVP 0\r\n", "m=audio 70000 RTP/AVP 0\r\n", "m=video 1 a b",
		"m=audio\r\nm=\r\nm" };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(reload_sdp_relayed_read(&d, span_str(bad[i])), RELOAD_BAD_VALUE);
	for (size_t i = 0; i < COUNT_OF(nothing); i++) {
		assert_int_equal(reload_sdp_relayed_read(&d, span_str(nothing[i])), RELOAD_OK);
		assert_false(d.has);
	}
	assert_int_equal(reload_sdp_relayed_read(
				 &d, span_str("c=IN IP4 192.0.2.1\nm=audio 65535 RTP/AVP 0")),
		RELOAD_OK);
	assert_int_equal(d.rtcp.type, 0); /* no port is left for RTCP */
}

/* C16: to a phone without ICE goes a description without ICE, to a user with ICE one with the candidates of the relay. */
static void a_relay_takes_the_place_of_the_other_end(void **state)
{
	struct wr w;
	struct reload_sdp_ice ice = { .ufrag = "u", .password = "p", .count = 1 };
	struct reload_sdp_relay r = { .at = address("198.51.100.1:2000"),
		.mux = RELOAD_SDP_MUX_DROP };
	(void)state;
	assert_string_equal(written(&w, USER, &r),
		"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
		"m=audio 2000 RTP/AVP 0\r\nc=IN IP4 198.51.100.1\r\na=fingerprint:sha-256 AB\r\n");
	wr_clear(&w);
	ice.candidates[0] =
		(struct reload_sdp_candidate){ .foundation = "f", .priority = 7, .at = r.at };
	r.ice = &ice;
	r.mux = RELOAD_SDP_MUX_ADD;
	assert_string_equal(written(&w, PHONE, &r),
		"v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
		"m=audio 2000 RTP/AVP 18 0\r\na=sendonly\r\na=rtcp-mux\r\na=ice-ufrag:u\r\n"
		"a=ice-pwd:p\r\na=candidate:f 1 UDP 7 198.51.100.1 2000 typ host\r\n"
		"m=video 0 RTP/AVP 96\r\nc=IN IP4 198.51.100.1\r\na=rtpmap:96 H264/90000\r\n");
	wr_clear(&w);
}

#define DIGITS                                                                                     \
	"01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:"                                         \
	"11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F:20"

/* A telephone that says nothing of keys, and a user who wants them: both get what they know. */
static void keys_end_in_the_relay(void **state)
{
	struct wr w;
	struct reload_sdp_relayed d;
	struct reload_sdp_dtls own = { .has = true, .setup = RELOAD_SDP_ACTIVE };
	struct reload_sdp_relay r = { .at = address("198.51.100.1:2000"), .ends = true };
	static const char strict[] = "v=0\r\nc=IN IP4 192.0.2.9\r\na=fingerprint:sha-256 " DIGITS
				     "\r\na=setup:passive\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"
				     "a=setup:actpass\r\na=crypto:1 x\r\na=ptime:20\r\n";
	static const char plain[] = "c=IN IP4 192.0.2.9\r\nm=audio 9 RTP/AVP 0 8\r\na=ptime:20\r\n";
	(void)state;
	assert_int_equal(reload_sdp_relayed_read(&d, span_str(plain)), RELOAD_OK);
	assert_true(!d.keys && !d.dtls.has);
	assert_string_equal(d.proto, "RTP/AVP");
	assert_int_equal(reload_sdp_relayed_read(&d, span_str(strict)), RELOAD_OK);
	assert_true(d.keys && d.dtls.has && d.dtls.fingerprint[31] == 0x20);
	assert_int_equal(d.dtls.setup, RELOAD_SDP_ACTPASS); /* what the stream says counts */
	assert_string_equal(d.proto, "UDP/TLS/RTP/SAVPF");
	memcpy(own.fingerprint, d.dtls.fingerprint, sizeof(own.fingerprint));
	r.proto = "RTP/AVP";
	assert_string_equal(written(&w, strict, &r),
		"v=0\r\nc=IN IP4 198.51.100.1\r\nm=audio 2000 RTP/AVP 0\r\na=ptime:20\r\n");
	wr_clear(&w);
	r.proto = d.proto;
	r.dtls = &own;
	assert_string_equal(written(&w, plain, &r),
		"c=IN IP4 198.51.100.1\r\nm=audio 2000 UDP/TLS/RTP/SAVPF 0 8\r\na=ptime:20\r\n"
		"a=fingerprint:sha-256 " DIGITS "\r\na=setup:active\r\n");
	wr_clear(&w);
	/* each of these is a key of the telephone's own */
	static const char *const keys[] = { "m=audio 9 RTP/SAVP 0\n", "m=audio 9\n",
		"m=audio 9 RTP/AVP 0\na=crypto:1 x\n", "a=key-mgmt:mikey x\nm=audio 9 RTP/AVP 0\n",
		"m=audio 9 RTP/AVP 0\na=fingerprint:sha-1 AB\n" };
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		char text[200];
		snprintf(text, sizeof(text), "c=IN IP4 192.0.2.9\n%s", keys[i]);
		assert_int_equal(reload_sdp_relayed_read(&d, span_str(text)), RELOAD_OK);
		assert_true(d.keys && !d.dtls.has);
	}
}

static void what_is_held_stays_held(void **state)
{
	struct wr w;
	struct reload_sdp_relayed d;
	struct reload_sdp_relay r = { .at = address("[2001:db8::1]:2000") };
	static const char held[] =
		"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 9 RTP/AVP 0\r\na=rtcp-mux\r\n";
	(void)state;
	assert_int_equal(reload_sdp_relayed_read(&d, span_str(held)), RELOAD_OK);
	assert_true(d.has && !d.at.type);
	assert_string_equal(written(&w, held, &r),
		"v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 2000 RTP/AVP 0\r\na=rtcp-mux\r\n");
	wr_clear(&w);
	assert_string_equal(written(&w, "c=IN IP4 1.2.3.4\nm=audio 9 RTP/AVP 0\n", &r),
		"c=IN IP6 2001:db8::1\r\nm=audio 2000 RTP/AVP 0\r\n");
	wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(what_cannot_be_relayed_is_said),
		cmocka_unit_test(a_relay_takes_the_place_of_the_other_end),
		cmocka_unit_test(keys_end_in_the_relay),
		cmocka_unit_test(what_is_held_stays_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
