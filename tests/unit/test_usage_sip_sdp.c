/* Session descriptions of calls: what is read of a hostile one, and what is answered (RFC 4566, RFC 3264). */
#include "usage/sip_sdp.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define HEAD  "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 0\r\n"

static struct reload_sdp_audio read_good(const char *text)
{
	struct reload_sdp_audio a;
	enum reload_err err = reload_sdp_read(&a, span_str(text));
	if (err)
		print_message("%s", text);
	assert_int_equal(err, RELOAD_OK);
	return a;
}

static void the_first_stream_that_fits(void **state)
{
	(void)state;
	static const struct {
		const char *text, *at;
		uint8_t payload_type;
		unsigned direction;
		size_t index, streams;
	} rows[] = {
		{ HEAD AUDIO, "127.0.0.1:4000", 0, RELOAD_SDP_SENDRECV, 0, 1 },
		{ HEAD "m=audio 4000/2 RTP/AVP 96 8 0\n", "127.0.0.1:4000", 8, RELOAD_SDP_SENDRECV,
			0, 1 },
		{ HEAD "m=video 1 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\nm=audio 2 RTP/SAVP "
		       "0\r\n" AUDIO AUDIO,
			"127.0.0.1:4000", 0, RELOAD_SDP_SENDRECV, 3, 5 },
		/* that of the stream comes before that of the session */
		{ HEAD "a=inactive\r\n" AUDIO "c=IN IP6 ::1\r\na=sendonly\r\n", "[::1]:4000", 0,
			RELOAD_SDP_SENDONLY, 0, 1 },
		{ HEAD "a=recvonly\r\n" AUDIO, "127.0.0.1:4000", 0, RELOAD_SDP_RECVONLY, 0, 1 },
		{ HEAD AUDIO "a=inactive", "127.0.0.1:4000", 0, RELOAD_SDP_INACTIVE, 0, 1 },
		/* RFC 3264 s8.4: the old way to hold a call */
		{ "v=0\r\nc=IN IP4 0.0.0.0\r\n" AUDIO, NULL, 0, RELOAD_SDP_SENDONLY, 0, 1 },
		{ HEAD AUDIO "c=IN IP4 0.0.0.0\r\na=recvonly\r\n", NULL, 0, RELOAD_SDP_INACTIVE, 0,
			1 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_sdp_audio a = read_good(rows[i].text);
		char at[64];
		if (rows[i].at)
			assert_string_equal(reload_ip_port_text(at, &a.at), rows[i].at);
		else
			assert_int_equal(a.at.type, 0);
		assert_int_equal(a.payload_type, rows[i].payload_type);
		assert_int_equal(a.direction, rows[i].direction);
		assert_int_equal(a.index, rows[i].index);
		assert_int_equal(a.streams, rows[i].streams);
	}
}

static void what_is_none(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum reload_err err;
	} rows[] = {
		{ "", RELOAD_BAD_VALUE },
		{ "v=1\r\n", RELOAD_BAD_VALUE },
		{ "v=0\r\nrubbish\r\n", RELOAD_BAD_VALUE },
		{ HEAD "m=audio\r\n", RELOAD_BAD_VALUE },
		{ HEAD "m=audio 65536 RTP/AVP 0\r\n", RELOAD_BAD_VALUE },
		{ HEAD "m=audio -1 RTP/AVP 0\r\n", RELOAD_BAD_VALUE },
		{ HEAD AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO AUDIO, RELOAD_BAD_VALUE },
		{ "v=0\r\n" AUDIO, RELOAD_NO_VALUE },
		{ HEAD "m=audio 0 RTP/AVP 0\r\n", RELOAD_NO_VALUE },
		{ HEAD "m=audio 4000 RTP/AVP\r\n", RELOAD_NO_VALUE },
		{ HEAD "m=audio 4000 RTP/AVP 96 65536\r\n", RELOAD_NO_VALUE },
		/* nobody's, everybody's, and names, which are not looked up */
		{ HEAD AUDIO "c=IN IP4 255.255.255.255\r\n", RELOAD_NO_VALUE },
		{ HEAD AUDIO "c=IN IP4 224.0.0.1/127\r\n", RELOAD_NO_VALUE },
		{ HEAD AUDIO "c=IN IP4 localhost\r\n", RELOAD_NO_VALUE },
		{ HEAD AUDIO "c=IN IP6 ::\r\n", RELOAD_NO_VALUE },
		{ HEAD AUDIO "c=IN IP9 127.0.0.1\r\nc=\r\n", RELOAD_OK },
		{ HEAD AUDIO "c=IN IP4 "
			     "1111111111111111111111111111111111111111111111111111111111111\r\n",
			RELOAD_NO_VALUE },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_sdp_audio a;
		enum reload_err err = reload_sdp_read(&a, span_str(rows[i].text));
		if (err != rows[i].err)
			print_message("%s", rows[i].text);
		assert_int_equal(err, rows[i].err);
	}
}

static const char *answer_to(const struct reload_sdp_audio *offer, char *out, size_t room)
{
	struct reload_sdp_own own = { .version = 3 };
	struct wr w;
	assert_int_equal(reload_ip_port_parse(&own.at, "192.0.2.7:5000", 0), RELOAD_OK);
	wr_init(&w);
	reload_sdp_answer(&w, &own, offer);
	assert_int_equal(w.err, RELOAD_OK);
	snprintf(out, room, "%.*s", (int)w.len, (const char *)w.at);
	wr_clear(&w);
	return out;
}

/* RFC 3264 s6: as many streams as were offered, and each direction turned around. */
static void the_answer_fits_the_offer(void **state)
{
	(void)state;
	static const unsigned turned[] = { [RELOAD_SDP_INACTIVE] = RELOAD_SDP_INACTIVE,
		[RELOAD_SDP_SENDONLY] = RELOAD_SDP_RECVONLY,
		[RELOAD_SDP_RECVONLY] = RELOAD_SDP_SENDONLY,
		[RELOAD_SDP_SENDRECV] = RELOAD_SDP_SENDRECV };
	char text[1024];
	struct reload_sdp_audio offer = read_good(
		HEAD "m=video 1 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8\r\nm=x\x7f 1 \"a 0\r\n");
	for (unsigned d = 0; d < COUNT_OF(turned); d++) {
		offer.direction = d;
		struct reload_sdp_audio a = read_good(answer_to(&offer, text, sizeof(text)));
		assert_int_equal(a.direction, turned[d]);
		assert_int_equal(a.index, 1);
		assert_int_equal(a.streams, 3);
		assert_int_equal(a.payload_type, 8);
	}
	/* nothing of the other end is repeated but plain words */
	assert_non_null(strstr(text, "m=video 0 RTP/AVP 0\r\n"));
	assert_non_null(strstr(text, "m=audio 0 RTP/AVP 0\r\n"));
}

/* The payload types of a description are its own; what is static needs no a=rtpmap. */
static void codecs_and_events(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		enum reload_codec_type codec;
		uint8_t payload_type, dtmf_type;
	} rows[] = {
		{ "m=audio 4000 RTP/AVP 8 0\r\n", RELOAD_PCMA, 8, RELOAD_RTP_NO_TYPE },
		{ "m=audio 4000 RTP/AVP 96 97 0 98\r\na=rtpmap:96 SILK/8000\r\n"
		  "a=rtpmap:97 OPUS/48000/2\r\na=rtpmap:98 telephone-event/48000\r\n",
			RELOAD_OPUS, 97, 98 },
		/* RFC 4733 s2.1: the clock of events is that of the audio */
		{ "m=audio 4000 RTP/AVP 97 101 110\r\na=rtpmap:97 opus/48000/2\r\n"
		  "a=rtpmap:101 telephone-event/8000\r\na=rtpmap:110 telephone-event/48000\r\n",
			RELOAD_OPUS, 97, 110 },
		{ "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
			RELOAD_PCMU, 0, 101 },
		/* another clock is another codec; 0 may be mapped to something else */
		{ "m=audio 4000 RTP/AVP 97 0 8\r\na=rtpmap:97 opus/16000/2\r\na=rtpmap:0 "
		  "L16/8000\r\n",
			RELOAD_PCMA, 8, RELOAD_RTP_NO_TYPE },
		{ "m=audio 4000 RTP/AVP 127 0\r\na=rtpmap:127 PCMA/8000/1\r\na=rtpmap:128 "
		  "opus/48000\r\n"
		  "a=rtpmap:4294967295 opus/48000\r\na=rtpmap:\r\na=rtpmap:0\r\n",
			RELOAD_PCMA, 127, RELOAD_RTP_NO_TYPE },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[512];
		snprintf(text, sizeof(text), HEAD "%s", rows[i].lines);
		struct reload_sdp_audio a = read_good(text);
		assert_int_equal(a.codec, rows[i].codec);
		assert_int_equal(a.payload_type, rows[i].payload_type);
		assert_int_equal(a.dtmf_type, rows[i].dtmf_type);
		struct reload_sdp_audio again = read_good(answer_to(&a, text, sizeof(text)));
		assert_int_equal(again.codec, a.codec);
		assert_int_equal(again.payload_type, a.payload_type);
		assert_int_equal(again.dtmf_type, a.dtmf_type);
	}
}

static void where_reports_go(void **state)
{
	(void)state;
	static const struct {
		const char *lines, *rtcp;
		bool mux;
	} rows[] = {
		{ AUDIO, "127.0.0.1:4001", false },
		{ AUDIO "a=rtcp-mux\r\n", "127.0.0.1:4000", true },
		{ AUDIO "a=rtcp:5000\r\n", "127.0.0.1:5000", false },
		{ AUDIO "a=rtcp:5000 IN IP4 192.0.2.9\r\n", "192.0.2.9:5000", false },
		{ AUDIO "a=rtcp:65536\r\n", "127.0.0.1:4001", false },
		{ AUDIO "a=rtcp:5000 IN IP4 name.example\r\n", NULL, false },
		{ "m=audio 65535 RTP/AVP 0\r\n", NULL, false }, /* there is no next port */
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[512], at[64];
		snprintf(text, sizeof(text), HEAD "%s", rows[i].lines);
		struct reload_sdp_audio a = read_good(text);
		assert_int_equal(a.rtcp_mux, rows[i].mux);
		if (rows[i].rtcp)
			assert_string_equal(reload_ip_port_text(at, &a.rtcp), rows[i].rtcp);
		else
			assert_int_equal(a.rtcp.type, 0);
		struct reload_sdp_audio again = read_good(answer_to(&a, text, sizeof(text)));
		assert_int_equal(
			again.rtcp_mux, rows[i].mux); /* RFC 5761 s5.1.1: when it was offered */
	}
}

#define PRINT                                                                                      \
	"AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:"  \
	"77:88:99"

/* C15: a fingerprint in RTP/AVP (RFC 5763 s8 has it in SAVP alone) is seen; SAVP without one cannot be used. */
static void fingerprints(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		bool has, secure;
		enum reload_sdp_setup setup;
	} rows[] = {
		{ AUDIO, false, false, RELOAD_SDP_NO_SETUP },
		{ AUDIO "a=fingerprint:sha-256 " PRINT "\r\na=setup:actpass\r\n", true, false,
			RELOAD_SDP_ACTPASS },
		{ "a=fingerprint:SHA-256 " PRINT "\r\na=setup:active\r\n" AUDIO, true, false,
			RELOAD_SDP_ACTIVE },
		{ "a=setup:active\r\n" AUDIO "a=setup:passive\r\na=fingerprint:sha-256 " PRINT
		  "\r\n",
			true, false, RELOAD_SDP_PASSIVE },
		{ "m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 " PRINT "\r\n", true,
			true, RELOAD_SDP_NO_SETUP },
		{ AUDIO "a=fingerprint:sha-1 " PRINT "\r\n", false, false, RELOAD_SDP_NO_SETUP },
		{ AUDIO "a=fingerprint:sha-256 " PRINT ":00\r\n", false, false,
			RELOAD_SDP_NO_SETUP },
		{ AUDIO "a=fingerprint:sha-256 AA-BB\r\na=fingerprint\r\na=setup:x\r\n", false,
			false, RELOAD_SDP_NO_SETUP },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[512];
		snprintf(text, sizeof(text), HEAD "%s", rows[i].lines);
		struct reload_sdp_audio a = read_good(text);
		assert_int_equal(a.dtls.has, rows[i].has);
		assert_int_equal(a.secure, rows[i].secure);
		assert_int_equal(a.dtls.setup, rows[i].setup);
		if (a.dtls.has)
			assert_int_equal(a.dtls.fingerprint[0], 0xaa);
		if (a.dtls.has)
			assert_int_equal(a.dtls.fingerprint[31], 0x99);
	}
	struct reload_sdp_audio a;
	assert_int_equal(reload_sdp_read(&a, span_str(HEAD "m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n")),
		RELOAD_NO_VALUE);
	assert_int_equal(reload_sdp_setup_answer(RELOAD_SDP_ACTPASS), RELOAD_SDP_ACTIVE);
	assert_int_equal(reload_sdp_setup_answer(RELOAD_SDP_ACTIVE), RELOAD_SDP_PASSIVE);
}

#define ICE  "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
#define HOST "a=candidate:1 1 udp 2130706431 127.0.0.1 4000 typ host\r\n"

static void candidates(void **state)
{
	(void)state;
	static const struct {
		const char *lines;
		size_t count; /* 0: no ICE */
	} rows[] = {
		{ AUDIO, 0 },
		{ AUDIO ICE HOST, 1 },
		{ ICE AUDIO HOST, 1 }, /* of the session */
		{ AUDIO ICE HOST "a=candidate:2 1 UDP 1 192.0.2.1 5 typ srflx raddr 10.0.0.1 rport "
				 "6 x y\r\n",
			2 },
		/* RFC 8839 s4.2.5: the address of the stream is none of them */
		{ AUDIO ICE "a=candidate:1 1 udp 1 127.0.0.1 4001 typ host\r\n", 0 },
		{ AUDIO HOST, 0 },
		{ AUDIO "a=ice-ufrag:abcd\r\na=ice-pwd:tooshort\r\n" HOST, 0 },
		{ AUDIO "a=ice-ufrag:a\"bc\r\na=ice-pwd:0123456789012345678901\r\n" HOST, 0 },
		/* component 2, TCP, a name, numbers that are too large, and less than a candidate are left out */
		{ AUDIO ICE HOST "a=candidate:1 2 udp 1 127.0.0.1 4001 typ host\r\n"
				 "a=candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype active\r\n"
				 "a=candidate:1 1 udp 1 x.local 9 typ host\r\n"
				 "a=candidate:1 1 udp 4294967295 127.0.0.1 9 typ host\r\n"
				 "a=candidate:1 1 udp 1 127.0.0.1 65536 typ host\r\n"
				 "a=candidate:1 1 udp 1 127.0.0.1 9 typ lost\r\n"
				 "a=candidate:123456789012345678901234567890123 1 udp 1 127.0.0.1 "
				 "9 typ host\r\n"
				 "a=candidate:1 1 udp\r\na=candidate:\r\na=candidate\r\n",
			1 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[1024];
		snprintf(text, sizeof(text), HEAD "%s", rows[i].lines);
		struct reload_sdp_audio a = read_good(text);
		if (a.ice.count != rows[i].count)
			print_message("%s", text);
		assert_int_equal(a.ice.count, rows[i].count);
		assert_int_equal(*a.ice.ufrag != 0, rows[i].count != 0);
	}
	char text[8192] = HEAD AUDIO ICE HOST;
	for (unsigned i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"a=candidate:%u 1 udp 1 127.0.0.1 %u typ host\r\n", i, i + 1);
	assert_int_equal(read_good(text).ice.count, RELOAD_SDP_CANDIDATES_MAX);
}

/* What is offered is read as it was meant, in both address families; the answer has of ICE and DTLS what both ends have. */
static void what_is_offered_is_read(void **state)
{
	(void)state;
	static const char *const at[] = { "192.0.2.7:5000", "[2001:db8::7]:5000" };
	struct reload_sdp_dtls dtls = { .has = true, .fingerprint = { 1, 0xfe } };
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		struct reload_sdp_ice ice = {
			.ufrag = "abcd", .password = "0123456789012345678901", .count = 2
		};
		struct reload_sdp_own own = {
			.version = 1, .first = RELOAD_OPUS, .dtls = &dtls, .ice = &ice
		};
		struct wr w;
		assert_int_equal(reload_ip_port_parse(&own.at, at[i], 0), RELOAD_OK);
		ice.candidates[0] =
			(struct reload_sdp_candidate){ RELOAD_SDP_HOST, "1", 7, own.at, { 0 } };
		ice.candidates[1] =
			(struct reload_sdp_candidate){ RELOAD_SDP_RELAY, "x+/", 6, own.at, own.at };
		ice.candidates[1].at.port = 9;
		wr_init(&w);
		reload_sdp_offer(&w, &own, RELOAD_SDP_SENDONLY);
		struct reload_sdp_audio offer;
		assert_int_equal(reload_sdp_read(&offer, wr_done(&w)), RELOAD_OK);
		wr_clear(&w);
		assert_true(reload_ip_port_eq(&offer.at, &own.at) && offer.rtcp_mux);
		assert_int_equal(offer.codec, RELOAD_OPUS);
		assert_int_equal(offer.direction, RELOAD_SDP_SENDONLY);
		assert_int_equal(offer.dtls.setup, RELOAD_SDP_ACTPASS);
		assert_false(offer.secure);
		own.strict = true;
		wr_init(&w);
		reload_sdp_offer(&w, &own, RELOAD_SDP_SENDRECV);
		struct reload_sdp_audio strict;
		assert_int_equal(reload_sdp_read(&strict, wr_done(&w)), RELOAD_OK);
		assert_true(strict.secure && strict.dtls.has);
		wr_clear(&w);
		assert_memory_equal(
			offer.dtls.fingerprint, dtls.fingerprint, sizeof(dtls.fingerprint));
		assert_string_equal(offer.ice.ufrag, "abcd");
		assert_int_equal(offer.ice.count, 2);
		assert_int_equal(offer.ice.candidates[1].type, RELOAD_SDP_RELAY);
		assert_string_equal(offer.ice.candidates[1].foundation, "x+/");
		assert_true(reload_ip_port_eq(&offer.ice.candidates[1].related, &own.at));
		wr_init(&w);
		reload_sdp_answer(&w, &own, &offer);
		struct reload_sdp_audio answer;
		assert_int_equal(reload_sdp_read(&answer, wr_done(&w)), RELOAD_OK);
		wr_clear(&w);
		assert_int_equal(answer.dtls.setup, RELOAD_SDP_ACTIVE);
		assert_int_equal(answer.ice.count, 2);
		offer.dtls.has = false;
		offer.ice.ufrag[0] = 0;
		wr_init(&w);
		reload_sdp_answer(&w, &own, &offer);
		assert_int_equal(reload_sdp_read(&answer, wr_done(&w)), RELOAD_OK);
		wr_clear(&w);
		assert_false(answer.dtls.has || answer.ice.count);
	}
}

/* RFC 3264 s5: an offer of no stream is answered with none; who wants no audio refuses each that is offered (s6). */
static void no_stream_at_all(void **state)
{
	(void)state;
	struct reload_sdp_own own = { .version = 1, .none = true };
	struct reload_sdp_audio offer = read_good(HEAD), empty;
	char text[1024];
	struct wr w;
	assert_int_equal(offer.streams, 0);
	assert_int_equal(offer.at.type, 0);
	assert_int_equal(offer.dtmf_type, RELOAD_RTP_NO_TYPE);
	assert_null(strstr(answer_to(&offer, text, sizeof(text)), "m="));
	wr_init(&w);
	reload_sdp_offer(&w, &own, RELOAD_SDP_SENDRECV);
	assert_int_equal(reload_sdp_read(&empty, wr_done(&w)), RELOAD_OK);
	assert_int_equal(empty.streams, 0);
	w.len = 0;
	own.silent = true;
	reload_sdp_offer(&w, &own, RELOAD_SDP_SENDRECV);
	assert_int_equal(reload_sdp_read(&empty, wr_done(&w)), RELOAD_OK);
	assert_int_equal(empty.streams, 1);
	assert_int_equal(empty.at.type, 0);
	assert_int_equal(empty.direction, RELOAD_SDP_INACTIVE);
	w.len = 0;
	offer = read_good(HEAD AUDIO "m=video 1 RTP/AVP 31\r\n");
	reload_sdp_answer(&w, &own, &offer);
	wr_u8(&w, 0);
	assert_non_null(
		strstr((const char *)w.at, "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 0\r\n"));
	wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_stream_that_fits),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(no_stream_at_all),
		cmocka_unit_test(the_answer_fits_the_offer),
		cmocka_unit_test(codecs_and_events),
		cmocka_unit_test(where_reports_go),
		cmocka_unit_test(fingerprints),
		cmocka_unit_test(candidates),
		cmocka_unit_test(what_is_offered_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
