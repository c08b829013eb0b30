/* G.711, RTP and WAV files. */
#include "media/g711.h"
#include "media/rtp.h"
#include "media/wav.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static int distance(int a, int b)
{
	return a > b ? a - b : b - a;
}

static void samples_come_back_nearly(void **state)
{
	(void)state;
	for (int v = INT16_MIN; v <= INT16_MAX; v++) {
		int u = reload_ulaw_decode(reload_ulaw_encode((int16_t)v));
		int a = reload_alaw_decode(reload_alaw_encode((int16_t)v));
		int magnitude = v < 0 ? -v : v;
		/* a step is a sixteenth of its segment; the mu-law clips above 32635 */
		assert_in_range(
			distance(u, v), 0, magnitude / 32 + 8 + (magnitude > 32000 ? 700 : 0));
		assert_in_range(distance(a, v), 0, magnitude / 32 + 16);
	}
}

static void codes_are_those_of_the_standard(void **state)
{
	(void)state;
	static const struct {
		int16_t sample;
		uint8_t ulaw, alaw;
	} rows[] = { { 0, 0xff, 0xd5 }, { -1, 0x7f, 0x55 }, { 32767, 0x80, 0xaa },
		{ -32768, 0x00, 0x2a }, { 1000, 0xce, 0xfa }, { -1000, 0x4e, 0x7a } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(reload_ulaw_encode(rows[i].sample), rows[i].ulaw);
		assert_int_equal(reload_alaw_encode(rows[i].sample), rows[i].alaw);
	}
	for (unsigned c = 0; c < 256; c++) {
		assert_int_equal(reload_alaw_encode(reload_alaw_decode((uint8_t)c)), c);
		if (c != 0x7f) /* the second zero */
			assert_int_equal(reload_ulaw_encode(reload_ulaw_decode((uint8_t)c)), c);
	}
}

static enum reload_err read_hex(struct reload_rtp *p, const char *hex)
{
	static uint8_t bytes[128];
	size_t n = strlen(hex);
	assert_int_equal(reload_unhex(bytes, hex, n), RELOAD_OK);
	return reload_rtp_read(p, span_of(bytes, n / 2));
}

static void packets_are_read(void **state)
{
	(void)state;
	struct reload_rtp p;
	assert_int_equal(read_hex(&p, "8080fffe0000000112345678aabb"), RELOAD_OK);
	assert_true(p.marker);
	assert_int_equal(p.payload_type, 0);
	assert_int_equal(p.sequence, 0xfffe);
	assert_int_equal(p.timestamp, 1);
	assert_int_equal(p.ssrc, 0x12345678);
	assert_int_equal(p.payload.len, 2);
	/* a contributing source, an extension of one word, two bytes of padding */
	assert_int_equal(read_hex(&p, "b1080001000000020000000300000004"
				      "beef000101020304"
				      "aabb0002"),
		RELOAD_OK);
	assert_int_equal(p.payload_type, 8);
	assert_int_equal(p.payload.len, 2);
	assert_int_equal(p.payload.at[1], 0xbb);
	static const char *const bad[] = { "", "80", "8000000100000002000000",
		"4000000100000002000000030000", "8100000100000002000000030000",
		"900000010000000200000003beef0002aabbccdd", "a00000010000000200000003",
		"a0000001000000020000000300", "a000000100000002000000030003",
		"80c8000600000002000000030000" };
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (!read_hex(&p, bad[i]))
			fail_msg("%s is read", bad[i]);
	uint8_t out[16];
	struct wr w = wr_fixed(out, sizeof(out));
	p = (struct reload_rtp){ .payload_type = 8,
		.marker = true,
		.sequence = 7,
		.timestamp = 160,
		.ssrc = 9,
		.payload = span_of("abcd", 4) };
	reload_rtp_write(&w, &p);
	struct reload_rtp again;
	assert_int_equal(reload_rtp_read(&again, wr_done(&w)), RELOAD_OK);
	assert_true(
		again.marker && again.sequence == 7 && again.timestamp == 160 && again.ssrc == 9);
	assert_true(span_eq(again.payload, p.payload));
}

static void losses_and_jitter_are_counted(void **state)
{
	(void)state;
	struct reload_rtp_stats s = { 0 };
	struct reload_rtp p = { .ssrc = 1, .sequence = 65533 };
	assert_int_equal(reload_rtp_lost(&s), 0);
	for (unsigned i = 0; i < 10; i++, p.sequence++, p.timestamp += 160)
		if (i != 4 && i != 7) /* across the end of the sequence numbers */
			assert_true(reload_rtp_count(&s, &p, 1000 + i * 160));
	assert_int_equal(s.received, 8);
	assert_int_equal(reload_rtp_lost(&s), 2);
	assert_true(s.jitter < 0.001);
	p.sequence = (uint16_t)(65533 + 4); /* a late one */
	p.timestamp = 4 * 160;
	assert_true(reload_rtp_count(&s, &p, 1000 + 10 * 160));
	assert_int_equal(reload_rtp_lost(&s), 1);
	assert_true(s.jitter > 50 && s.jitter < 65); /* 960 samples late, a sixteenth of it */
	p.sequence = (uint16_t)(p.sequence + 20000);
	assert_false(reload_rtp_count(&s, &p, 0));
	p.ssrc = 2; /* another source */
	assert_true(reload_rtp_count(&s, &p, 0));
	assert_int_equal(s.received, 10);
	assert_int_equal(reload_rtp_lost(&s), 1); /* that of the first stays */
}

static void wav_files_of_one_form_are_read(void **state)
{
	(void)state;
	uint8_t file[RELOAD_WAV_HEADER + 6] = { 0 };
	struct span samples;
	struct reload_error_text why = { 0 };
	reload_wav_header(file, 3);
	memcpy(file + RELOAD_WAV_HEADER, "\x01\x00\xff\xff\x00\x80", 6);
	assert_int_equal(reload_wav_read(&samples, span_of(file, sizeof(file)), &why), RELOAD_OK);
	assert_int_equal(samples.len, 6);
	assert_int_equal(reload_wav_sample(samples, 0), 1);
	assert_int_equal(reload_wav_sample(samples, 1), -1);
	assert_int_equal(reload_wav_sample(samples, 2), -32768);
	assert_int_equal(reload_wav_sample(samples, 3), 0);
	/* cut off: what is there is played */
	assert_int_equal(
		reload_wav_read(&samples, span_of(file, sizeof(file) - 3), &why), RELOAD_OK);
	assert_int_equal(samples.len, 2);
	static const struct {
		size_t at;
		uint8_t value;
	} faults[] = { { 0, 'X' }, { 8, 'X' }, { 20, 3 }, { 22, 2 }, { 25, 0x3e }, { 34, 8 },
		{ 36, 'X' } };
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		uint8_t copy[sizeof(file)];
		memcpy(copy, file, sizeof(file));
		copy[faults[i].at] = faults[i].value;
		assert_int_equal(reload_wav_read(&samples, span_of(copy, sizeof(copy)), &why),
			RELOAD_BAD_VALUE);
		assert_true(why.reason[0]);
	}
	for (size_t n = 0; n < RELOAD_WAV_HEADER - 8; n++)
		assert_int_equal(
			reload_wav_read(&samples, span_of(file, n), &why), RELOAD_BAD_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_come_back_nearly),
		cmocka_unit_test(codes_are_those_of_the_standard),
		cmocka_unit_test(packets_are_read),
		cmocka_unit_test(losses_and_jitter_are_counted),
		cmocka_unit_test(wav_files_of_one_form_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
