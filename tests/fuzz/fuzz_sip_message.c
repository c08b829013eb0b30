/*
 * What reaches sofia-sip: whole messages and heads, and what the programs then do with each of their parts.
 *
 * Always true: a request without a fault has what an answer repeats, and what is written of its header fields is read again without a
 * fault; the answer to a request that is refused is one message, whose length can be read.
 */
#include "ident/aor.h"
#include "sofia/message.h"
#include "usage/sip_frame.h"
#include "usage/sip_refuse.h"

#include <assert.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_field(struct wr *w, const void *header)
{
	char line[8192];
	issize_t n = header ? msg_header_e(line, sizeof(line), header, 0) : 0;
	if (n >= 0 && (size_t)n < sizeof(line))
		wr_bytes(w, line, (size_t)n);
	else
		wr_fail(w, RELOAD_LIMIT);
}

/* The answer that leg_respond() of reload-sip-call writes. */
static void answer(const sip_t *sip)
{
	struct wr w;
	struct sip_message again;
	wr_init(&w);
	wr_format(&w, "SIP/2.0 200 OK\r\n");
	for (const sip_via_t *v = sip->sip_via; v; v = v->v_next)
		write_field(&w, v);
	write_field(&w, sip->sip_from);
	write_field(&w, sip->sip_to);
	write_field(&w, sip->sip_call_id);
	write_field(&w, sip->sip_cseq);
	wr_format(&w, "Content-Length: 0\r\n\r\n");
	if (!w.err && w.len <= RELOAD_SIP_HEAD_MAX) {
		sip_message_read(&again, wr_done(&w));
		assert(again.msg && !again.fault);
		assert(!strcmp(again.sip->sip_call_id->i_id, sip->sip_call_id->i_id));
		assert(again.sip->sip_cseq->cs_seq == sip->sip_cseq->cs_seq);
		sip_message_clear(&again);
	}
	wr_clear(&w);
}

static void read_addresses(const sip_t *sip)
{
	struct reload_aor aor;
	const url_t *urls[] = { sip->sip_from->a_url, sip->sip_to->a_url,
		sip->sip_contact ? sip->sip_contact->m_url : NULL };
	for (size_t i = 0; i < COUNT_OF(urls); i++)
		if (urls[i] && urls[i]->url_user && urls[i]->url_host &&
			!reload_aor_parse(&aor, span_str(urls[i]->url_user)))
			assert(reload_aor_domain_valid(span_str(aor.domain)));
	(void)sip_message_body(sip);
}

static void refuse(struct span text)
{
	struct wr w;
	struct sip_message again;
	size_t skip, len;
	wr_init(&w);
	if (reload_sip_refuse(&w, text, 400, "Bad Request", "own", "Allow: INVITE\r\n")) {
		assert(!reload_sip_frame(&skip, &len, wr_done(&w)) || w.len > RELOAD_SIP_HEAD_MAX);
		sip_message_read(&again, wr_done(&w)); /* what it repeats may be as bad as before */
		sip_message_clear(&again);
	} else {
		assert(!w.len);
	}
	wr_clear(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_message m;
	uint8_t *copy = reload_memdup(data, size); /* one byte too far is seen */
	struct span text = span_of(copy, size);
	sip_message_read(&m, text);
	assert(m.msg || m.fault);
	if (m.msg && !m.fault) {
		read_addresses(m.sip);
		if (m.sip->sip_request)
			answer(m.sip);
	}
	sip_message_clear(&m);
	refuse(text);
	free(copy);
	return 0;
}
