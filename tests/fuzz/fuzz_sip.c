/*
 * What the SIP usage reads from others: SipRegistrations, contact preferences, addresses of record, GRUUs, a stream of SIP messages, packets of
 * RTP, and files of audio.  The first byte selects one of
 * them, the rest is the text.
 *
 * Always true: what is read, written and read again is the same; a normalised address stays as it is when it is written as a URI.
 */
#include "ident/aor.h"
#include "media/rtp.h"
#include "media/wav.h"
#include "usage/sip.h"
#include "usage/sip_frame.h"
#include "usage/sip_prefs.h"
#include "usage/sip_resolve.h"

#include <assert.h>
#include <stdlib.h>

enum {
	READ_REGISTRATION,
	READ_PREFS,
	READ_AOR,
	READ_GRUU,
	READ_FRAME,
	READ_RTP,
	READ_WAV,
	READS
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reload_kind kind;
static struct reload_config config = { .node_id_len = 16, .instance_name = (char *)"x.example" };

static void read_registration(struct span text, const struct wire_ctx *ctx)
{
	struct reload_sip_registration r;
	struct reload_sip_resolve *resolve;
	struct wr w;
	size_t count;
	enum reload_err err = reload_sip_resolve_new(&resolve, &config, "a@x.example", NULL);
	assert(!err);
	reload_sip_resolve_answer(resolve, &text, 1);
	reload_sip_targets(resolve, &count);
	assert(count <= 1);
	reload_sip_resolve_free(resolve);
	if (reload_sip_registration_read(&r, text, ctx, NULL))
		return;
	wr_init(&w);
	reload_wire_write(&w, &reload_sip_registration_wire, ctx, &r);
	assert(span_eq(wr_done(&w), text));
	wr_clear(&w);
}

static void write_prefs(struct wr *w, const struct reload_prefs *p, bool parameters)
{
	wr_init(w);
	(parameters ? reload_prefs_parameters : reload_prefs_predicate)(w, p);
	assert(!w->err);
}

/* Either form of p is read to what gives the same predicate. */
static void read_prefs(struct span text)
{
	struct reload_prefs p, again;
	struct wr first, form, second;
	(void)reload_prefs_schemes(text);
	if (reload_prefs_read(&p, text))
		return;
	write_prefs(&first, &p, false);
	for (int parameters = 0; parameters < 2; parameters++) {
		write_prefs(&form, &p, parameters);
		if (form.len <= RELOAD_PREFS_MAX) {
			assert(!reload_prefs_read(&again, wr_done(&form)));
			write_prefs(&second, &again, false);
			assert(span_eq(wr_done(&first), wr_done(&second)));
			wr_clear(&second);
		}
		wr_clear(&form);
	}
	wr_clear(&first);
}

static void read_aor(struct span text)
{
	struct reload_aor aor, again;
	struct wr w;
	if (reload_aor_parse(&aor, text))
		return;
	assert(reload_aor_domain_valid(span_str(aor.domain)));
	wr_init(&w);
	reload_aor_write(&w, aor.name);
	assert(!reload_aor_parse(&again, wr_done(&w)));
	assert(!strcmp(aor.name, again.name) && !again.has_gr && !again.sips);
	wr_clear(&w);
}

static void read_gruu(struct span text, const struct wire_ctx *ctx)
{
	struct reload_destination *list, *again;
	struct reload_aor aor;
	struct wr w;
	size_t count, count_again;
	if (reload_gruu_read(&list, &count, text, ctx))
		return;
	wr_init(&w);
	reload_gruu_write(&w, ctx, "a@x.example", list, count);
	assert(!w.err && !reload_aor_parse(&aor, wr_done(&w)) && aor.has_gr);
	assert(!reload_gruu_read(&again, &count_again, aor.gr, ctx) && count == count_again);
	for (size_t i = 0; i < count; i++)
		assert(reload_dest_eq(&list[i], &again[i]));
	wr_clear(&w);
}

/* A message that is there in full ends at the same place when more comes behind it. */
static void read_frame(struct span text)
{
	size_t skip, len, skip_again, len_again;
	enum reload_err err = reload_sip_frame(&skip, &len, text);
	assert(skip <= text.len);
	if (err)
		return;
	assert(len && skip + len <= text.len);
	struct span rest = span_of(text.at, skip + len);
	assert(!reload_sip_frame(&skip_again, &len_again, rest));
	assert(skip == skip_again && len == len_again);
}

static void read_rtp(struct span text)
{
	struct reload_rtp p, again;
	struct reload_rtp_stats stats = { 0 };
	struct wr w;
	if (reload_rtp_read(&p, text))
		return;
	wr_init(&w);
	reload_rtp_write(&w, &p);
	assert(!reload_rtp_read(&again, wr_done(&w)));
	assert(span_eq(p.payload, again.payload) && p.sequence == again.sequence);
	assert(reload_rtp_count(&stats, &p, 0) && !reload_rtp_lost(&stats));
	wr_clear(&w);
}

static void read_wav(struct span text)
{
	struct span samples;
	if (reload_wav_read(&samples, text, NULL))
		return;
	assert(samples.len % 2 == 0 && samples.len <= text.len);
	for (size_t i = 0; i < samples.len; i++)
		(void)reload_wav_sample(samples, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct reload_arena arena = { 0 };
	kind = *reload_kind_registered(RELOAD_KIND_SIP_REGISTRATION, NULL);
	config.kinds.at = &kind;
	config.kinds.count = 1;
	struct wire_ctx ctx = reload_config_wire_ctx(&config);
	ctx.arena = &arena;
	uint8_t *copy = reload_memdup(data + 1, size - 1); /* one byte too far is seen */
	struct span text = span_of(copy, size - 1);
	switch (data[0] % READS) {
	case READ_REGISTRATION:
		read_registration(text, &ctx);
		break;
	case READ_PREFS:
		read_prefs(text);
		break;
	case READ_AOR:
		read_aor(text);
		break;
	case READ_FRAME:
		read_frame(text);
		break;
	case READ_RTP:
		read_rtp(text);
		break;
	case READ_WAV:
		read_wav(text);
		break;
	default:
		read_gruu(text, &ctx);
	}
	reload_arena_clear(&arena);
	free(copy);
	return 0;
}
