/* DTLS-SRTP between two ends in one process: keys, whose they are, and what is taken of packets. */
#include "media/dtls_srtp_io.h"
#include "media/rtp.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <openssl/crypto.h>

enum {
	QUEUE = 32
};

static const uint8_t own_key[RELOAD_SRTP_KEY] = "own key of thirty bytes, a lot";
static const uint8_t other_key[RELOAD_SRTP_KEY] = "other key, thirty bytes too...";
static unsigned wiped[2];

/* In the place of OpenSSL's: counts what has been a key. */
void OPENSSL_cleanse(void *at, size_t len)
{
	volatile uint8_t *bytes = at;
	wiped[0] += len == sizeof(own_key) && !memcmp(at, own_key, len);
	wiped[1] += len == sizeof(other_key) && !memcmp(at, other_key, len);
	for (size_t i = 0; i < len; i++)
		bytes[i] = 0;
}

static void copies_of_keys_are_wiped(void **state)
{
	(void)state;
	struct reload_srtp *s = reload_srtp_new(own_key, other_key);
	assert_non_null(s);
	assert_int_equal(wiped[0], 1);
	assert_int_equal(wiped[1], 1);
	reload_srtp_free(s);
}

/* Datagrams on their way to one end. */
struct way {
	struct wr datagrams[QUEUE];
	size_t count, sent;
	uint64_t lose; /* bit n: the n-th is lost */
};

struct ends {
	struct reload_dtls_cert *certs[2];
	struct reload_dtls_srtp *ends[2]; /* the first is the client */
	struct way ways[2];               /* to the end of that number */
};

static void send_to(void *arg, struct span datagram)
{
	struct way *w = arg;
	size_t n = w->sent++;
	if (n < 64 && w->lose >> n & 1)
		return;
	assert_true(w->count < QUEUE && datagram.len <= 1200);
	assert_int_equal(reload_media_packet(datagram), RELOAD_MEDIA_DTLS);
	wr_init(&w->datagrams[w->count]);
	wr_span(&w->datagrams[w->count++], datagram);
}

static struct ends *begin(bool same)
{
	struct ends *e = RELOAD_NEW(ends);
	for (unsigned i = 0; i < 2; i++)
		e->certs[i] = reload_dtls_cert_new();
	for (unsigned i = 0; i < 2; i++) {
		const struct reload_dtls_cert *other = e->certs[same ? !i : i];
		e->ends[i] = reload_dtls_srtp_new(e->certs[i], i == 1,
			reload_dtls_cert_fingerprint(other), send_to, &e->ways[!i]);
		assert_non_null(e->ends[i]);
	}
	return e;
}

static void end(struct ends *e)
{
	for (unsigned i = 0; i < 2; i++) {
		while (e->ways[i].count)
			wr_clear(&e->ways[i].datagrams[--e->ways[i].count]);
		reload_dtls_srtp_free(e->ends[i]);
		reload_dtls_cert_free(e->certs[i]);
	}
	free(e);
}

static const char *fault_of(const struct reload_dtls_srtp *d)
{
	enum reload_err err;
	return reload_dtls_srtp_fault(d, &err);
}

static bool over(struct reload_dtls_srtp *d)
{
	return reload_dtls_srtp_keys(d) || fault_of(d);
}

/* Delivers what is under way and lets timers run, until both ends are done. */
static void shake(struct ends *e)
{
	while (!over(e->ends[0]) || !over(e->ends[1]))
		for (unsigned i = 0; i < 2; i++) {
			struct way *w = &e->ways[i];
			size_t n = w->count;
			if (!reload_dtls_srtp_due(e->ends[i]))
				reload_dtls_srtp_run(e->ends[i]);
			for (size_t k = 0; k < n; k++) {
				reload_dtls_srtp_input(e->ends[i], wr_done(&w->datagrams[k]));
				wr_clear(&w->datagrams[k]);
			}
			w->count -= n;
			memmove(w->datagrams, w->datagrams + n, w->count * sizeof(w->datagrams[0]));
		}
}

static size_t packet(uint32_t out[512], uint16_t sequence, uint32_t ssrc)
{
	struct wr w = wr_fixed(out, 1024);
	struct reload_rtp p = {
		.sequence = sequence, .ssrc = ssrc, .payload = span_of("secret", 6)
	};
	reload_rtp_write(&w, &p);
	return w.len;
}

static void packets_pass_both_ways(void **state)
{
	(void)state;
	struct ends *e = begin(true);
	uint32_t bytes[512], clear[512];
	shake(e);
	for (unsigned i = 0; i < 2; i++) {
		struct reload_srtp *from = reload_dtls_srtp_keys(e->ends[i]),
				   *to = reload_dtls_srtp_keys(e->ends[!i]);
		if (!from)
			print_message("%s\n", fault_of(e->ends[i]));
		assert_non_null(from);
		size_t len = packet(clear, 7, i + 1);
		(void)packet(bytes, 7, i + 1);
		size_t n = reload_srtp_protect(from, bytes, len, false);
		assert_int_equal(n, len + 10);
		assert_memory_not_equal((uint8_t *)bytes + 12, "secret", 6);
		uint32_t again[512], forged[512];
		memcpy(again, bytes, sizeof(bytes));
		memcpy(forged, bytes, sizeof(bytes));
		((uint8_t *)forged)[13] ^= 1;
		assert_int_equal(reload_srtp_unprotect(to, forged, n, false), 0);
		assert_int_equal(
			reload_srtp_unprotect(from, bytes, n, false), 0); /* another direction */
		assert_int_equal(reload_srtp_unprotect(to, bytes, n, false), len);
		assert_memory_equal(bytes, clear, len);
		assert_int_equal(
			reload_srtp_unprotect(to, again, n, false), 0); /* it was there before */
		assert_int_equal(
			reload_srtp_unprotect(to, clear, len, false), 0); /* in the clear */
		static const uint8_t report[] = { 0x80, 0xc9, 0, 1, 0, 0, 0, 1 };
		memcpy(bytes, report, sizeof(report));
		n = reload_srtp_protect(from, bytes, sizeof(report), true);
		assert_int_equal(n, sizeof(report) + 14);
		assert_int_equal(reload_srtp_unprotect(to, bytes, n, true), sizeof(report));
		for (size_t k = 0; k < 12; k++)
			assert_int_equal(reload_srtp_unprotect(to, again, k, false), 0);
	}
	end(e);
}

/* The other end may change its source, but not without end. */
static void sources_are_bounded(void **state)
{
	(void)state;
	struct ends *e = begin(true);
	uint32_t bytes[512];
	unsigned taken = 0;
	shake(e);
	for (uint32_t ssrc = 0; ssrc < 64; ssrc++) {
		size_t n = reload_srtp_protect(
			reload_dtls_srtp_keys(e->ends[0]), bytes, packet(bytes, 1, ssrc), false);
		taken += reload_srtp_unprotect(reload_dtls_srtp_keys(e->ends[1]), bytes, n, false) >
			 0;
	}
	assert_int_equal(taken, RELOAD_SRTP_SOURCES);
	end(e);
}

static void lost_flights_are_repeated(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct ends *e = begin(true);
		e->ways[way].lose = 1;
		shake(e);
		assert_null(fault_of(e->ends[0]));
		assert_null(fault_of(e->ends[1]));
		end(e);
	}
}

/* RFC 5763 s5: a certificate that is not that of the fingerprint ends it, at both ends. */
static void another_certificate_is_refused(void **state)
{
	(void)state;
	struct ends *e = begin(false);
	shake(e);
	for (unsigned i = 0; i < 2; i++) {
		assert_non_null(fault_of(e->ends[i]));
		assert_null(reload_dtls_srtp_keys(e->ends[i]));
		assert_int_equal(reload_dtls_srtp_due(e->ends[i]), RELOAD_NEVER);
	}
	assert_string_equal(fault_of(e->ends[0]),
		"the certificate of the other end is not that of its fingerprint");
	end(e);
}

static void rubbish_changes_nothing(void **state)
{
	(void)state;
	struct ends *e = begin(true);
	static const uint8_t large[4096] = { 22 };
	static const char *const rubbish[] = { "", "\x16", "\x16\xfe\xfd", "\x14rubbish",
		"\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f" };
	for (unsigned i = 0; i < 2; i++)
		for (size_t k = 0; k < COUNT_OF(rubbish); k++)
			reload_dtls_srtp_input(e->ends[i], span_str(rubbish[k]));
	for (unsigned i = 0; i < 2; i++)
		reload_dtls_srtp_input(e->ends[i], span_of(large, sizeof(large)));
	shake(e);
	assert_non_null(reload_dtls_srtp_keys(e->ends[0]));
	assert_non_null(reload_dtls_srtp_keys(e->ends[1]));
	reload_dtls_srtp_input(e->ends[1], span_str("\x15\xfe\xfdrubbish"));
	assert_non_null(reload_dtls_srtp_keys(e->ends[1]));
	end(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_keys_are_wiped),
		cmocka_unit_test(packets_pass_both_ways),
		cmocka_unit_test(sources_are_bounded),
		cmocka_unit_test(lost_flights_are_repeated),
		cmocka_unit_test(another_certificate_is_refused),
		cmocka_unit_test(rubbish_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
