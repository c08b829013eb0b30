#include "media/srtp.h"

#include <openssl/crypto.h>
#include <srtp2/srtp.h>
#include <threads.h>

enum {
	HEADER = 12,
	RTCP_HEADER = 8,
	WINDOW = 128 /* packets that may be late */
};

struct reload_srtp {
	srtp_t out, in;
	uint32_t sources[RELOAD_SRTP_SOURCES];
	size_t count;
};

static bool make(srtp_t *out, const uint8_t *key, srtp_ssrc_type_t type)
{
	uint8_t copy[RELOAD_SRTP_KEY];
	srtp_policy_t policy = { .ssrc.type = type, .key = copy, .window_size = WINDOW };
	memcpy(copy, key, sizeof(copy));
	srtp_crypto_policy_set_rtp_default(&policy.rtp);
	srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
	bool made = srtp_create(out, &policy) == srtp_err_status_ok;
	OPENSSL_cleanse(copy, sizeof(copy)); /* libsrtp has its own, which it wipes */
	return made;
}

static bool begun;

static void begin(void)
{
	begun = srtp_init() == srtp_err_status_ok;
}

struct reload_srtp *reload_srtp_new(
	const uint8_t own[RELOAD_SRTP_KEY], const uint8_t other[RELOAD_SRTP_KEY])
{
	static once_flag once = ONCE_FLAG_INIT;
	call_once(&once, begin); /* libsrtp refuses to begin twice */
	if (!begun)
		return NULL;
	struct reload_srtp *s = RELOAD_NEW(reload_srtp);
	if (make(&s->out, own, ssrc_any_outbound) && make(&s->in, other, ssrc_any_inbound))
		return s;
	reload_srtp_free(s);
	return NULL;
}

void reload_srtp_free(struct reload_srtp *s)
{
	if (!s)
		return;
	if (s->out)
		srtp_dealloc(s->out);
	if (s->in)
		srtp_dealloc(s->in);
	free(s);
}

size_t reload_srtp_protect(struct reload_srtp *s, void *packet, size_t len, bool rtcp)
{
	int n = (int)len;
	if (len < (rtcp ? RTCP_HEADER : HEADER))
		return 0;
	srtp_err_status_t err =
		rtcp ? srtp_protect_rtcp(s->out, packet, &n) : srtp_protect(s->out, packet, &n);
	return err == srtp_err_status_ok && n > 0 ? (size_t)n : 0;
}

/* libsrtp keeps something of each source that it has seen. */
static bool is_known(const struct reload_srtp *s, uint32_t ssrc)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->sources[i] == ssrc)
			return true;
	return false;
}

size_t reload_srtp_unprotect(struct reload_srtp *s, void *packet, size_t len, bool rtcp)
{
	int n = (int)len;
	if (len < (rtcp ? RTCP_HEADER : HEADER))
		return 0;
	struct rd r = rd_of(span_of(packet, len));
	rd_span(&r, rtcp ? 4 : 8);
	uint32_t ssrc = rd_u32(&r);
	bool known = is_known(s, ssrc);
	if (!known && s->count == RELOAD_SRTP_SOURCES)
		return 0;
	srtp_err_status_t err =
		rtcp ? srtp_unprotect_rtcp(s->in, packet, &n) : srtp_unprotect(s->in, packet, &n);
	if (err != srtp_err_status_ok || n <= 0)
		return 0;
	if (!known)
		s->sources[s->count++] = ssrc;
	return (size_t)n;
}
