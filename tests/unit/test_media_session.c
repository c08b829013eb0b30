/* The audio of a call at one end: frames and packets, reports, digits, what is lost, and how that sounds. */
#include "media/latch.h"
#include "media/session.h"
#include "util/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum {
	MS = 1000,
	FRAME = 20 * MS,
	NONE = RELOAD_RTP_NO_TYPE
};

struct ends {
	struct reload_media_session a, b;
	uint8_t bytes[2048];
	struct wr w;
};

static struct span out(struct ends *e)
{
	assert_int_equal(e->w.err, RELOAD_OK);
	struct span s = wr_done(&e->w);
	e->w = wr_fixed(e->bytes, sizeof(e->bytes));
	return s;
}

static struct ends *begin(enum reload_codec_type codec, uint8_t type, uint8_t dtmf)
{
	struct ends *e = RELOAD_NEW(ends);
	e->w = wr_fixed(e->bytes, sizeof(e->bytes));
	reload_media_init(&e->a, 1, 0xffff, 5, "a");
	reload_media_init(&e->b, 2, 7, 0xffffff00, "b");
	assert_true(reload_media_agree(&e->a, codec, type, type, dtmf));
	assert_true(reload_media_agree(&e->b, codec, type, type, dtmf));
	return e;
}

static void end(struct ends *e)
{
	reload_media_clear(&e->a);
	reload_media_clear(&e->b);
	free(e);
}

static void tone(int16_t samples[RELOAD_RTP_FRAME], size_t frame)
{
	for (size_t i = 0; i < RELOAD_RTP_FRAME; i++)
		samples[i] =
			(int16_t)(8000 * sin(2 * M_PI * 440 *
						 (double)(frame * RELOAD_RTP_FRAME + i) / 8000));
}

/* Sends a frame of the tone from a to b, with b taking it unless it is lost; returns the digit. */
static char pass(struct ends *e, size_t frame, uint64_t at, bool lost)
{
	int16_t samples[RELOAD_RTP_FRAME];
	struct reload_rtp p;
	char digit = 0;
	tone(samples, frame);
	reload_media_frame(&e->a, &e->w, samples, frame * FRAME);
	struct span packet = out(e);
	if (!lost)
		assert_int_not_equal(
			reload_media_take(&e->b, packet, at, &p, &digit), RELOAD_MEDIA_IGNORED);
	return digit;
}

/* Plays what is there; returns how many samples, and adds up the crossings of zero. */
static size_t play(struct ends *e, size_t *crossings, bool flush)
{
	int16_t samples[RELOAD_CODEC_SAMPLES];
	uint64_t at, from = e->b.end;
	size_t n;
	while ((n = reload_media_play(&e->b, samples, &at, flush)))
		for (size_t i = 1; i < n; i++)
			*crossings += (samples[i] < 0) != (samples[i - 1] < 0);
	return (size_t)(e->b.end - from);
}

static void a_tone_passes(void **state)
{
	(void)state;
	for (unsigned c = 0; c < RELOAD_CODECS; c++) {
		struct ends *e =
			begin((enum reload_codec_type)c, reload_codec_rows[c].payload_type, NONE);
		size_t crossings = 0, samples = 0;
		for (size_t i = 0; i < 50; i++) {
			(void)pass(e, i, i * FRAME, false);
			samples += play(e, &crossings, false);
		}
		samples += play(e, &crossings, true);
		assert_int_equal(samples, 50 * RELOAD_RTP_FRAME);
		assert_in_range(crossings, 850, 890); /* 880 in a second */
		assert_int_equal(e->a.sent, 50);
		assert_int_equal(e->b.stats.received, 50);
		assert_true(reload_media_jitter_ms(&e->b) < 0.1);
		assert_true(reload_media_loss(&e->b) == 0);
		end(e);
	}
}

static void losses_keep_their_place(void **state)
{
	(void)state;
	for (unsigned c = 0; c < RELOAD_CODECS; c++) {
		struct ends *e =
			begin((enum reload_codec_type)c, reload_codec_rows[c].payload_type, NONE);
		size_t crossings = 0, samples = 0;
		for (size_t i = 0; i < 100; i++) {
			(void)pass(e, i, i * FRAME, i % 10 == 5);
			samples += play(e, &crossings, false);
		}
		samples += play(e, &crossings, true);
		assert_int_equal(samples, 100 * RELOAD_RTP_FRAME);
		assert_int_equal(reload_rtp_lost(&e->b.stats), 10);
		assert_true(fabs(reload_media_loss(&e->b) - 10) < 0.01);
		end(e);
	}
}

static void order_is_restored(void **state)
{
	(void)state;
	struct reload_jitter *j = RELOAD_NEW(reload_jitter);
	static const uint16_t came[] = { 65534, 0, 65535, 2, 1, 1, 65534, 4, 5, 6, 7, 8, 9 };
	static const int played[] = { 65534, 65535, 0, 1, 2, -1, 4, 5, 6, 7, 8, 9 };
	size_t n = 0;
	struct reload_rtp p;
	enum reload_jitter_step step;
	for (size_t i = 0; i < COUNT_OF(came); i++) {
		bool again = i == 5 || i == 6;
		assert_int_equal(reload_jitter_put(j, &(struct reload_rtp){ .sequence = came[i] }),
			again ? RELOAD_JITTER_DROPPED : RELOAD_JITTER_KEPT);
		while ((step = reload_jitter_next(j, &p, RELOAD_JITTER_DEPTH)) !=
			RELOAD_JITTER_WAITS)
			assert_int_equal(step == RELOAD_JITTER_LOST ? -1 : p.sequence, played[n++]);
	}
	assert_int_equal(n, COUNT_OF(played));
	/* what is far ahead has no room, what is large neither */
	assert_int_equal(reload_jitter_put(j, &(struct reload_rtp){ .sequence = 10 + 64 }),
		RELOAD_JITTER_FAR);
	uint8_t large[RELOAD_JITTER_BYTES + 1] = { 0 };
	assert_int_equal(reload_jitter_put(j, &(struct reload_rtp){ .sequence = 10,
						      .payload = span_of(large, sizeof(large)) }),
		RELOAD_JITTER_DROPPED);
	free(j);
}

/* RFC 3550 s6.4.1: the round trip is what is left when the other end's delay is taken away. */
static void reports_know_the_round_trip(void **state)
{
	(void)state;
	struct ends *e = begin(RELOAD_PCMU, 0, NONE);
	uint64_t now = (uint64_t)5000000 * MS; /* NTP seconds are beyond 16 bits */
	for (size_t i = 0; i < 40; i++)
		(void)pass(e, i, i * FRAME + (i & 1) * 4 * MS, i == 20 || i == 21);
	reload_rtcp_begin(&e->a.rtcp, now, false, 0);
	reload_rtcp_begin(&e->b.rtcp, now, true, UINT32_MAX);
	assert_int_equal(e->a.rtcp.due, now);
	assert_in_range(e->b.rtcp.due, now + 749 * MS, now + 750 * MS);
	reload_media_report(&e->a, &e->w, now, 0, false);
	assert_in_range(e->a.rtcp.due, now + 2050 * MS, now + 2055 * MS); /* 2.5 s / 1.21828 */
	reload_media_rtcp(&e->b, out(e), now + 30 * MS);
	assert_int_equal(
		e->b.rtcp.due, now + 30 * MS); /* the answer to the first is not waited for */
	reload_media_report(&e->b, &e->w, now + 130 * MS, 1u << 31, false);
	struct span report = out(e);
	assert_int_equal(report.at[1], 201); /* it has sent nothing */
	assert_int_equal(reload_media_packet(report), RELOAD_MEDIA_RTCP);
	reload_media_rtcp(&e->a, report, now + 170 * MS);
	assert_in_range(e->a.rtcp.rtt_us, 69900, 70100);
	assert_true(e->a.rtcp.reported);
	assert_int_equal(e->a.rtcp.report.lost, 2);
	assert_int_equal(e->a.rtcp.report.fraction, 2 * 256 / 40);
	assert_true(e->a.rtcp.report.jitter > 10 && e->a.rtcp.report.jitter < 40);
	assert_true(fabs(reload_rtcp_loss(&e->a.rtcp) - 5) < 0.01);
	/* nothing new was lost since */
	for (size_t i = 40; i < 50; i++)
		(void)pass(e, i, i * FRAME, false);
	reload_media_report(&e->b, &e->w, now + 5000 * MS, 0, true);
	report = out(e);
	assert_int_equal(e->b.rtcp.due, RELOAD_RTCP_NEVER);
	/* a report about another of our reports than the last two is not believed */
	e->a.rtcp.own_sr[0] = 1;
	e->a.rtcp.rtt_us = 0;
	reload_media_rtcp(&e->a, report, now + 6000 * MS);
	assert_int_equal(e->a.rtcp.rtt_us, 0);
	assert_int_equal(e->a.rtcp.report.fraction, 0);
	assert_int_equal(e->a.rtcp.report.lost, 2);
	assert_true(e->a.rtcp.gone);
	end(e);
}

static void hostile_reports(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "80", "80c80000", "80c9000100000001ff",
		"40c9000100000001", "80cb000100000001", /* BYE first */
		"81c9000100000001",                     /* a report that is not there */
		"80c80001"
		"00000001", /* no sender's part */
		"a0c9000100000001"
		"80c9000100000001", /* padding in the first */
		"80c9ffff00000001",
		"80c900020000000100000000"
		"a0ca000100000000", /* padding of none */
		"80c9000100000001"
		"80c7" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		uint8_t bytes[64];
		size_t n = strlen(bad[i]) / 2;
		struct reload_rtcp p;
		for (size_t k = 0; k < n; k++) {
			unsigned v;
			assert_int_equal(sscanf(bad[i] + 2 * k, "%2x", &v), 1);
			bytes[k] = (uint8_t)v;
		}
		uint8_t *copy = reload_memdup(bytes, n ? n : 1);
		if (!reload_rtcp_read(&p, span_of(copy, n), 1))
			fail_msg("%s is read", bad[i]);
		free(copy);
	}
}

static void digits_arrive_once(void **state)
{
	(void)state;
	for (unsigned loss = 0; loss < 2; loss++) {
		struct ends *e = begin(RELOAD_PCMU, 0, 101);
		char digits[16] = "";
		size_t n = 0, crossings = 0, samples = 0;
		e->a.dtmf.digits = "15#a";
		for (size_t i = 0; i < 50; i++) {
			/* the first packets of a digit may be lost, and all but one of its ends */
			char digit = pass(e, i, i * FRAME, loss && i % 10 < 6);
			if (digit)
				digits[n++] = digit;
			samples += play(e, &crossings, false);
		}
		assert_string_equal(digits, "15#A");
		assert_true(reload_media_jitter_ms(&e->b) < 0.1);
		samples += play(e, &crossings, true);
		if (!loss) /* digits are in place of audio, whose places stay empty */
			assert_int_equal(samples, 43 * RELOAD_RTP_FRAME);
		end(e);
	}
	struct reload_dtmf_receiver r = { 0 };
	struct reload_rtp p = { .timestamp = 160, .payload = span_of("\x03\x0a\xff\xff", 4) };
	assert_int_equal(reload_dtmf_take(&r, &p), '3');
	p.timestamp += 0xffff; /* RFC 4733 s2.5.1.3: the same key, held for more than 8 s */
	assert_int_equal(reload_dtmf_take(&r, &p), 0);
	p.timestamp += 0xffff + 1600;
	assert_int_equal(reload_dtmf_take(&r, &p), '3');
	p.payload = span_of("\x10\x0a\x00\xa0", 4); /* flash is no digit */
	p.timestamp += 1600;
	assert_int_equal(reload_dtmf_take(&r, &p), 0);
	p.payload = span_of("\x01\x0a\x00", 3);
	assert_int_equal(reload_dtmf_take(&r, &p), 0);
	assert_true(reload_dtmf_valid("0123456789*#ABCDabcd"));
	assert_false(reload_dtmf_valid(""));
	assert_false(reload_dtmf_valid("12x"));
	assert_false(reload_dtmf_valid(
		"00000000001111111111222222222233333333334444444444555555555566666"));
}

/* C22: what was agreed on with a first answer is replaced by that of a second, with another codec and another source. */
static void another_codec_takes_over(void **state)
{
	(void)state;
	struct ends *e = begin(RELOAD_PCMU, 0, NONE);
	size_t crossings = 0, samples = 0;
	struct reload_rtp p;
	char digit;
	int16_t frame[RELOAD_RTP_FRAME];
	for (size_t i = 0; i < 10; i++)
		(void)pass(e, i, i * FRAME, i == 3);
	samples += play(e, &crossings, true);
	assert_true(reload_media_agree(&e->b, RELOAD_OPUS, 96, 111, NONE));
	tone(frame, 0);
	reload_media_frame(&e->a, &e->w, frame, 0);
	assert_int_equal(reload_media_take(&e->b, out(e), 0, &p, &digit), RELOAD_MEDIA_IGNORED);
	/* RFC 3264 s5.1: the type of our offer, or that of the answer */
	for (unsigned i = 0; i < 2; i++) {
		assert_true(reload_media_agree(&e->a, RELOAD_OPUS, i ? 111 : 96, 96, NONE));
		for (size_t k = 0; k < 10; k++)
			(void)pass(e, k, k * FRAME, false);
	}
	samples += play(e, &crossings, true);
	assert_int_equal(samples, 30 * RELOAD_RTP_FRAME);
	assert_int_equal(reload_rtp_lost(&e->b.stats), 1);
	end(e);
}

static void packets_that_are_none(void **state)
{
	(void)state;
	struct ends *e = begin(RELOAD_OPUS, 96, NONE);
	struct reload_rtp p;
	char digit;
	size_t crossings = 0;
	static const uint8_t rubbish[] = { 0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff,
		0xff };
	assert_int_equal(reload_media_take(&e->b, span_of(rubbish, sizeof(rubbish)), 0, &p, &digit),
		RELOAD_MEDIA_AUDIO);
	assert_int_equal(play(e, &crossings, true), 0); /* it cannot be decoded */
	assert_int_equal(reload_media_take(&e->b, span_of(rubbish, 11), 0, &p, &digit),
		RELOAD_MEDIA_IGNORED);
	end(e);
	static const struct {
		const char *bytes;
		enum reload_media_packet is;
	} rows[] = { { "", RELOAD_MEDIA_OTHER }, { "\x01", RELOAD_MEDIA_STUN },
		{ "\x04", RELOAD_MEDIA_OTHER }, { "\x16", RELOAD_MEDIA_DTLS },
		{ "\x40", RELOAD_MEDIA_OTHER }, { "\x80", RELOAD_MEDIA_OTHER },
		{ "\x80\x60", RELOAD_MEDIA_RTP }, { "\x80\xc8", RELOAD_MEDIA_RTCP },
		{ "\xbf\xdf", RELOAD_MEDIA_RTCP }, { "\x80\xe0", RELOAD_MEDIA_RTP },
		{ "\xc0\xc8", RELOAD_MEDIA_OTHER } };
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(reload_media_packet(span_str(rows[i].bytes)), rows[i].is);
}

/* The values that the formulas in media/quality.h give; 4.41 is what G.107 says of its defaults (R = 93.2). */
static void quality(void **state)
{
	(void)state;
	static const struct reload_quality_codec g711 = { 0, 4.3 }, opus = { 0, 25.1 };
	assert_true(fabs(reload_quality_mos(reload_quality_r(&g711, 0, 0)) - 4.41) < 0.01);
	assert_true(fabs(reload_quality_r(&g711, 100, 0) - 90.8) < 0.01);
	assert_true(fabs(reload_quality_r(&g711, 300, 0) - (93.2 - 7.2 - 0.11 * 122.7)) < 0.01);
	assert_true(fabs(reload_quality_r(&g711, 0, 4.3) - (93.2 - 47.5)) < 0.01);
	assert_true(reload_quality_r(&opus, 0, 4.3) > reload_quality_r(&g711, 0, 4.3) + 25);
	assert_true(reload_quality_mos(reload_quality_r(&g711, 5000, 100)) == 1);
	assert_true(reload_quality_mos(5) >= 1);
}

/* C17: only the signalled address, or once the first port of the host that signals. */
static void strangers_are_not_heard(void **state)
{
	(void)state;
	struct reload_ip_port sdp, host, nat, other, stranger, moved;
	assert_int_equal(reload_ip_port_parse(&sdp, "10.0.0.5:4000", 0), RELOAD_OK);
	assert_int_equal(reload_ip_port_parse(&host, "192.0.2.5:5060", 0), RELOAD_OK);
	assert_int_equal(reload_ip_port_parse(&nat, "192.0.2.5:31000", 0), RELOAD_OK);
	assert_int_equal(reload_ip_port_parse(&other, "192.0.2.5:31001", 0), RELOAD_OK);
	assert_int_equal(reload_ip_port_parse(&stranger, "192.0.2.6:31000", 0), RELOAD_OK);
	assert_int_equal(reload_ip_port_parse(&moved, "10.0.0.5:4002", 0), RELOAD_OK);
	struct reload_latch l = { .signalled = sdp, .host = host };
	assert_false(reload_latch_takes(&l, &stranger));
	assert_true(reload_ip_port_eq(reload_latch_to(&l), &sdp));
	assert_true(reload_latch_takes(&l, &nat));
	assert_false(reload_latch_takes(&l, &other));
	assert_false(reload_latch_takes(&l, &sdp));
	assert_true(reload_ip_port_eq(reload_latch_to(&l), &nat));
	reload_latch_signal(&l, &sdp); /* nothing new */
	assert_false(reload_latch_takes(&l, &other));
	reload_latch_signal(&l, &moved);
	assert_false(reload_latch_takes(&l, &stranger));
	assert_true(reload_latch_takes(&l, &moved));
	struct reload_latch strict = { .signalled = sdp };
	assert_false(reload_latch_takes(&strict, &nat));
	assert_true(reload_latch_takes(&strict, &sdp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tone_passes),
		cmocka_unit_test(losses_keep_their_place),
		cmocka_unit_test(order_is_restored),
		cmocka_unit_test(reports_know_the_round_trip),
		cmocka_unit_test(hostile_reports),
		cmocka_unit_test(digits_arrive_once),
		cmocka_unit_test(another_codec_takes_over),
		cmocka_unit_test(packets_that_are_none),
		cmocka_unit_test(quality),
		cmocka_unit_test(strangers_are_not_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
