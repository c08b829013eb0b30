/* Kinds that a node learns after the document, by ConfigUpdate (RFC 6940 s6.5.4). */
#include "config/internal.h"

#include "ident/ops.h"

/* A copy that shares all but the Kinds with the document it was made of. */
static struct reload_config *copy_of(const struct reload_config *config)
{
	struct reload_config *c = RELOAD_NEW(reload_config);
	*c = *config;
	c->refs = 1;
	c->base = reload_config_ref(config->base ? config->base : config);
	c->arena = (struct reload_arena){ 0 };
	c->superseded = NULL;
	c->superseded_count = 0;
	c->warnings = (struct reload_string_list){ 0 };
	for (size_t i = 0; i < config->warnings.count; i++)
		reload_strings_add(&c->warnings, config->warnings.at[i]);
	c->kinds.at = reload_alloc_array(config->kinds.count, sizeof(*c->kinds.at));
	for (size_t i = 0; i < config->kinds.count; i++) {
		struct reload_kind *k = &c->kinds.at[i];
		*k = config->kinds.at[i];
		if (k->learned) {
			k->block = reload_arena_copy(&c->arena, k->block);
			k->domains = reload_arena_copy(&c->arena, k->domains);
		}
	}
	return c;
}

static const char head[] =
	"<overlay xmlns=\"" RELOAD_XMLNS_BASE "\" xmlns:chord=\"" RELOAD_XMLNS_CHORD
	"\"><configuration instance-name=\"x\"><required-kinds>";
static const char tail[] = "</required-kinds></configuration></overlay>";

/*
 * Finds the kind-block in the document made around it; NULL when the block closes elements of that document or is not
 * the only one.
 */
static const struct reload_xml_node *only_block(const struct reload_xml *xml, struct span block)
{
	const struct reload_xml_node *element = reload_xml_child(xml->root, "configuration");
	const struct reload_xml_node *kinds =
		element ? reload_xml_child(element, "required-kinds") : NULL;
	const struct reload_xml_node *node = kinds ? reload_xml_child(kinds, "kind-block") : NULL;
	return node && span_eq(node->bytes, block) ? node : NULL;
}

static struct span trimmed(struct span s)
{
	while (s.len && strchr(" \t\r\n", s.at[0]) && s.at[0])
		s = span_of(s.at + 1, s.len - 1);
	while (s.len && s.at[s.len - 1] && strchr(" \t\r\n", s.at[s.len - 1]))
		s.len--;
	return s;
}

/* Reads a block inside a document made around it, so that the form and the default namespace of documents apply. */
static enum reload_err read_block(struct reload_kind *kind, struct reload_config *config,
	struct span block, reload_utc now, struct reload_error_text *why)
{
	struct wr text;
	struct reload_xml xml;
	if (block.len > UINT16_MAX)
		return reload_xml_fault(
			why, RELOAD_BAD_CONFIG, NULL, NULL, "a kind-block of %zu bytes", block.len);
	wr_init(&text);
	wr_bytes(&text, head, sizeof(head) - 1);
	wr_span(&text, trimmed(block));
	wr_bytes(&text, tail, sizeof(tail) - 1);
	enum reload_err err = reload_xml_open(&xml, wr_done(&text), why);
	if (!err) {
		struct reload_error_text form_why = { 0 };
		enum reload_err form = reload_form_check(&xml, &form_why);
		const struct reload_xml_node *node = only_block(&xml, trimmed(block));
		err = !node ? reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, NULL,
				      "it is not one kind-block element")
			    : reload_kind_block_read(kind, config, node, now, why);
		if (form && err != RELOAD_BAD_CONFIG) {
			err = form;
			if (why)
				*why = form_why;
		}
		if (!err)
			kind->block = reload_arena_copy(&config->arena, kind->block);
		reload_xml_clear(&xml);
	}
	wr_clear(&text);
	return err;
}

/* -- superseded blocks ------------------------------------------------------------------------------------------------- */

/*
 * A kind-block has no sequence number, and its signature never expires.  So a node remembers which blocks were replaced, in
 * order not to accept an old one again.
 */
enum {
	SUPERSEDED_MAX = 64 /* at the maximum the oldest is forgotten */
};

static void digest_of(uint8_t out[32], struct span block)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	reload_hash(digest, RELOAD_HASH_SHA256, &block, 1);
	memcpy(out, digest, 32);
}

static bool is_superseded(const struct reload_config *config, struct span block)
{
	uint8_t digest[32];
	digest_of(digest, block);
	for (size_t i = 0; i < config->superseded_count; i++)
		if (!memcmp(config->superseded[i], digest, sizeof(digest)))
			return true;
	return false;
}

static void supersede(struct reload_config *config, const uint8_t digest[32])
{
	size_t n = config->superseded_count;
	if (n == SUPERSEDED_MAX)
		memmove(config->superseded[0], config->superseded[1], --n * 32);
	else
		config->superseded = reload_realloc(config->superseded, (n + 1) * 32);
	memcpy(config->superseded[n], digest, 32);
	config->superseded_count = n + 1;
}

static void superseded_copy(struct reload_config *config, const struct reload_config *before)
{
	for (size_t i = 0; i < before->superseded_count; i++)
		supersede(config, before->superseded[i]);
}

/* -- adding a block ------------------------------------------------------------------------------------------------------------ */

static bool is_present(const struct reload_config *config, struct span block)
{
	for (size_t i = 0; i < config->kinds.count; i++)
		if (config->kinds.at[i].block.len && span_eq(config->kinds.at[i].block, block))
			return true;
	return false;
}

static enum reload_err ignore(struct reload_error_text *why, uint32_t kind, const char *reason)
{
	(void)reload_error_explain(why, RELOAD_EXISTS, NULL, "the Kind %u %s", kind, reason);
	return RELOAD_EXISTS;
}

/* Whether both blocks define the same Kind: a block that is signed again has other bytes. */
static bool same_kind(const struct reload_kind *a, const struct reload_kind *b)
{
	return a->model == b->model && a->access == b->access && a->max_count == b->max_count &&
	       a->max_size == b->max_size && a->max_node_multiple == b->max_node_multiple &&
	       strcmp(a->given, b->given) == 0 && a->domains_restricted == b->domains_restricted &&
	       span_eq(a->domains, b->domains) && reload_id_eq(&a->signer, &b->signer);
}

/* Decides whether the block is taken; RELOAD_EXISTS: it adds nothing. */
static enum reload_err may_take(const struct reload_config *config, const struct reload_kind *kind,
	struct reload_error_text *why)
{
	const struct reload_kind *known = reload_config_kind(config, kind->id);
	if (known && known->signer.len && !reload_id_eq(&known->signer, &kind->signer))
		return reload_xml_fault(why, RELOAD_FORBIDDEN, NULL, NULL,
			"the Kind %u is known from another kind-signer", kind->id);
	if (known && same_kind(known, kind))
		return ignore(why, kind->id, "is known already");
	if (known && known->block.len && !known->learned)
		return ignore(why, kind->id, "is of the document: a newer one can change it");
	if (is_superseded(config, kind->block))
		return ignore(why, kind->id, "was changed since");
	if (!known && config->kinds.count >= RELOAD_CONFIG_KINDS_MAX + 8)
		return reload_xml_fault(
			why, RELOAD_FORBIDDEN, NULL, NULL, "there are too many Kinds already");
	return RELOAD_OK;
}

static enum reload_err add_block(struct reload_config *config, struct span block, reload_utc now,
	struct reload_error_text *why)
{
	struct reload_kind kind;
	uint8_t digest[32];
	if (is_present(config, trimmed(block)))
		return RELOAD_EXISTS;
	enum reload_err err = read_block(&kind, config, block, now, why);
	if (err)
		return err == RELOAD_BAD_SIGNATURE ? RELOAD_FORBIDDEN : RELOAD_INVALID_MESSAGE;
	if (reload_kind_namesake(&config->kinds, &kind))
		kind.given[0] =
			0; /* the name belongs to the Kind that was known first; this one has only its number */
	err = may_take(config, &kind, why);
	if (err)
		return err;
	const struct reload_kind *known = reload_config_kind(config, kind.id);
	if (known && known->learned) {
		digest_of(digest, known->block);
		supersede(config, digest);
	}
	kind.learned = true;
	reload_kinds_put(&config->kinds, &kind);
	return RELOAD_OK;
}

enum reload_err reload_config_with_kinds(struct reload_config **out,
	const struct reload_config *config, const struct span *kind_blocks, size_t count,
	reload_utc now, struct reload_error_text *why)
{
	AUTO(reload_config) c = copy_of(config);
	size_t taken = 0;
	superseded_copy(c, config);
	for (size_t i = 0; i < count; i++) {
		enum reload_err err = add_block(c, kind_blocks[i], now, why);
		if (err && err != RELOAD_EXISTS)
			return err;
		taken += !err;
	}
	*out = taken ? TAKE(c) : reload_config_ref(config);
	return RELOAD_OK;
}

struct reload_config *reload_config_carry_kinds(
	const struct reload_config *config, const struct reload_config *before, reload_utc now)
{
	struct reload_config *c = copy_of(config);
	superseded_copy(c, before);
	for (size_t i = 0; i < before->kinds.count; i++) {
		const struct reload_kind *k = &before->kinds.at[i];
		const struct reload_kind *here = reload_config_kind(c, k->id);
		if (k->learned && (!here || !here->block.len))
			(void)!add_block(c, k->block, now,
				NULL); /* it is refused when its signer is no longer a kind-signer */
	}
	return c;
}
