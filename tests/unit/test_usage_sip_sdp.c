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
		{ HEAD, RELOAD_NO_VALUE },
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
	struct reload_ip_port here;
	struct wr w;
	assert_int_equal(reload_ip_port_parse(&here, "192.0.2.7:5000", 0), RELOAD_OK);
	wr_init(&w);
	reload_sdp_answer(&w, &here, 3, offer);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_stream_that_fits),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(the_answer_fits_the_offer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
