/*
 * The config room on hostile text.  Text that begins with "<kind-block" is a Kind of a ConfigUpdate, all other is a
 * document.  What is taken keeps its promises: elements lie in the document, Kinds ascend, numbers are in their ranges.
 */
#include "config/config.h"

#include <assert.h>

#define NOW     UINT64_C(1767225600000) /* 2026-01-01 */
#define OVERLAY "overlay.example.org"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct span part, struct span whole)
{
	return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

static void check(const struct reload_config *c)
{
	struct reload_error_text why = { 0 };
	assert(inside(c->element, c->document) && c->element.len > 30);
	assert(c->element.at[0] == '<' && c->element.at[c->element.len - 1] == '>');
	assert(reload_overlay_name_valid(c->instance_name) && c->sequence != RELOAD_SEQUENCE_ANY);
	assert(c->node_id_len == 16 && c->initial_ttl > 0 &&
		c->overlay_reliability_timer_ms >= 200);
	assert(c->roots_count || c->self_signed_digest);
	assert(c->kinds.count >= 3 && c->link_protocols.count && c->trust);
	for (size_t i = 0; i < c->kinds.count; i++) {
		const struct reload_kind *k = &c->kinds.at[i];
		assert(!i || c->kinds.at[i - 1].id < k->id);
		assert(reload_config_kind(c, k->id) == k && k->model != RELOAD_MODEL_UNKNOWN);
		assert(k->learned || !k->block.len || inside(k->block, c->element));
		assert(k->access != RELOAD_ACCESS_NODE_MULTIPLE || k->max_node_multiple);
	}
	if (reload_config_verify(c, NULL, NOW, &why))
		assert(why.reason[0]);
}

/* An overlay without an authority, so that it needs no certificate: the Kinds have to be signed all the same. */
static const char base_document[] =
	"<overlay xmlns='urn:ietf:params:xml:ns:p2p:config-base'><configuration "
	"instance-name='" OVERLAY "'>"
	"<self-signed-permitted digest='sha1'>true</self-signed-permitted>"
	"<kind-signer>101112131415161718191a1b1c1d1e1f</kind-signer></configuration></overlay>";

static void try_kind(struct span block)
{
	static struct reload_config *base; /* one for all inputs */
	struct reload_error_text why = { 0 };
	enum reload_err err = base ? RELOAD_OK
				   : reload_config_parse(&base, span_str(base_document), OVERLAY,
					     &reload_ident_openssl, NOW, &why);
	assert(!err);
	AUTO(reload_config) next = NULL;
	err = reload_config_with_kinds(&next, base, &block, 1, NOW, &why);
	assert(!err || err == RELOAD_FORBIDDEN || err == RELOAD_INVALID_MESSAGE);
	assert(!err || why.reason[0]);
	if (!err)
		check(next);
}

static void try_document(struct span document)
{
	AUTO(reload_config) c = NULL;
	struct reload_error_text why = { 0 };
	enum reload_err err =
		reload_config_parse(&c, document, NULL, &reload_ident_openssl, NOW, &why);
	assert(!err || err == RELOAD_BAD_CONFIG || err == RELOAD_CONFIG_EXPIRED ||
		err == RELOAD_BAD_SIGNATURE);
	assert(err ? !c && why.what[0] && why.reason[0] : c != NULL);
	if (c)
		check(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char kind[] = "<kind-block";
	uint8_t *copy = reload_memdup(data, size); /* a byte too far is seen */
	if (size >= sizeof(kind) - 1 && memcmp(data, kind, sizeof(kind) - 1) == 0)
		try_kind(span_of(copy, size));
	else
		try_document(span_of(copy, size));
	free(copy);
	return 0;
}
