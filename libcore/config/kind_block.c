/* kind-block elements, of a document or of a ConfigUpdate (RFC 6940 s11.1, s7.4.5). */
#include "config/internal.h"

#include "util/text.h"
#include "wire/redir.h"

#define KIND_PRIVATE_MIN 0xf0000001u

#define BAD(why, node, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, node, hint, __VA_ARGS__)
#define UNKNOWN(why, node, hint, ...)                                                              \
	reload_xml_fault(why, RELOAD_UNKNOWN_TYPE, node, hint, __VA_ARGS__)

static enum reload_err read_name(struct reload_kind *out, const struct reload_xml_node *kind,
	const char *name, struct reload_error_text *why)
{
	const struct reload_kind *registered = reload_kind_registered(0, name);
	if (!registered)
		return UNKNOWN(why, kind,
			"a node that lacks a required Kind must not join (RFC 6940 11.1)",
			"the Kind \"%s\" is not known to this program", name);
	*out = *registered;
	return RELOAD_OK;
}

/* R-14-04, STO-13: reserved numbers are refused; a private Kind has a number of the private range. */
static enum reload_err read_number(struct reload_kind *out, struct reload_config *config,
	const struct reload_xml_node *kind, const char *text, struct reload_error_text *why)
{
	uint64_t id;
	if (!reload_text_number(&id, text, 0, UINT32_MAX))
		return BAD(why, kind, NULL, "the Kind-ID \"%s\" is not a number of 32 bits", text);
	if (id == 0 || id == 0x7fffffff || id == 0xffffffff)
		return BAD(why, kind, "take one from 0xf0000001 to 0xfffffffd",
			"the Kind-ID %s is reserved and never used", text);
	const struct reload_kind *registered = reload_kind_registered((uint32_t)id, NULL);
	*out = registered ? *registered : (struct reload_kind){ .id = (uint32_t)id };
	if (id >= KIND_PRIVATE_MIN)
		return RELOAD_OK;
	if (!config->signatures_count)
		return BAD(why, kind,
			"take an id from 0xf0000001 to 0xfffffffd, or a registered name",
			"the Kind-ID %s is not in the private range", text);
	reload_config_warn(
		config, "line %zu: the Kind-ID %s is not in the private range", kind->line, text);
	return RELOAD_OK;
}

static enum reload_err read_identity(struct reload_kind *out, struct reload_config *config,
	const struct reload_xml_node *kind, struct reload_error_text *why)
{
	char *name = reload_xml_attr(kind, "name"), *id = reload_xml_attr(kind, "id");
	enum reload_err err;
	if (!name == !id)
		err = BAD(why, kind, NULL, "a kind has either a name or an id");
	else if (name)
		err = read_name(out, kind, reload_text_trim(name), why);
	else
		err = read_number(out, config, kind, reload_text_trim(id), why);
	free(name);
	free(id);
	return err;
}

/* What a kind element holds; of a registered Kind the registration takes precedence over it. */
struct kind_attributes {
	bool has_model, has_access, has_count, has_size, has_multiple;
	enum reload_data_model model;
	enum reload_access_policy access;
	uint32_t count, size, multiple;
};

static bool number(uint32_t *out, bool *has, const char *text, uint64_t min)
{
	uint64_t v;
	if (!reload_text_number(&v, text, min, INT32_MAX))
		return false;
	*out = (uint32_t)v;
	*has = true;
	return true;
}

static enum reload_err read_value(struct kind_attributes *given, const struct reload_xml_node *node,
	const char *text, struct reload_error_text *why)
{
	const char *name = node->name;
	bool good = true;
	if (strcmp(name, "data-model") == 0) {
		if (reload_data_model_parse(&given->model, text))
			return UNKNOWN(why, node, "SINGLE, ARRAY or DICTIONARY",
				"the data-model \"%s\" is not known to this program", text);
		given->has_model = true;
	} else if (strcmp(name, "access-control") == 0) {
		if (reload_access_policy_parse(&given->access, text))
			return UNKNOWN(why, node,
				"USER-MATCH, NODE-MATCH, USER-NODE-MATCH, NODE-MULTIPLE or "
				"NODE-ID-MATCH",
				"the access-control \"%s\" is not known to this program", text);
		given->has_access = true;
	} else if (strcmp(name, "max-count") == 0) {
		good = number(&given->count, &given->has_count, text, 1);
	} else if (strcmp(name, "max-size") == 0) {
		good = number(&given->size, &given->has_size, text, 0);
	} else if (strcmp(name, "max-node-multiple") == 0) {
		good = number(&given->multiple, &given->has_multiple, text, 1);
	} else {
		return BAD(why, node, NULL, "a kind cannot hold the element %s", name);
	}
	return good ? RELOAD_OK
		    : BAD(why, node, NULL, "%s is \"%s\", it must be a number from %d to %d", name,
			      text, strcmp(name, "max-size") != 0, INT32_MAX);
}

static enum reload_err read_attributes(struct kind_attributes *given, struct reload_kind *out,
	const struct reload_xml_node *kind, struct reload_error_text *why)
{
	for (const struct reload_xml_node *n = kind->children; n; n = n->next) {
		if (reload_xml_is(n, RELOAD_XMLNS_OWN, "name")) {
			enum reload_err bad = reload_kind_name_read(out, n, why);
			if (bad)
				return bad;
			continue;
		}
		if (!reload_xml_is(n, RELOAD_XMLNS_BASE, NULL))
			continue;
		char *text = reload_xml_text(n);
		enum reload_err err = read_value(given, n, text, why);
		free(text);
		if (err)
			return err;
	}
	const char *missing = !given->has_model    ? "data-model"
			      : !given->has_access ? "access-control"
			      : !given->has_count  ? "max-count"
			      : !given->has_size   ? "max-size"
						   : NULL;
	return missing ? BAD(why, kind, "RFC 6940 11.1 asks for it", "the kind has no %s", missing)
		       : RELOAD_OK;
}

/* R7374-26: that of the Kind, else that of the document, else 10 */
static enum reload_err read_branching(struct reload_kind *out, const struct reload_config *config,
	const struct reload_xml_node *kind, struct reload_error_text *why)
{
	out->branching_factor =
		config->branching_factor ? config->branching_factor : RELOAD_REDIR_BRANCHING;
	return reload_branching_read(&out->branching_factor, kind, why);
}

/* Combines the registration (which takes precedence, R-11.1-41) with what the document says. */
static enum reload_err combine(struct reload_kind *out, struct reload_config *config,
	const struct kind_attributes *given, const struct reload_xml_node *kind,
	struct reload_error_text *why)
{
	if (!out->name) {
		out->model = given->model;
		out->access = given->access;
	} else if (out->model != given->model || out->access != given->access) {
		reload_config_warn(config,
			"line %zu: %s is registered as %s and %s, not as %s and %s", kind->line,
			out->name, reload_data_model_name(out->model),
			reload_access_policy_name(out->access),
			reload_data_model_name(given->model),
			reload_access_policy_name(given->access));
	}
	out->max_count = given->count;
	out->max_size = given->size;
	if (reload_access_dictionary_only(out->access) && out->model != RELOAD_MODEL_DICTIONARY)
		return BAD(why, kind, "use DICTIONARY (RFC 6940 7.3.3, RFC 7374 5)",
			"%s is for DICTIONARY only, the data-model is %s",
			reload_access_policy_name(out->access), reload_data_model_name(out->model));
	if (out->access == RELOAD_ACCESS_NODE_ID_MATCH)
		return read_branching(out, config, kind, why);
	if (out->access != RELOAD_ACCESS_NODE_MULTIPLE)
		return RELOAD_OK;
	if (!given->has_multiple)
		return BAD(why, kind, "RFC 6940 7.3.4 asks for it",
			"NODE-MULTIPLE needs max-node-multiple");
	if (!out->name || given->multiple < out->max_node_multiple)
		out->max_node_multiple =
			given->multiple; /* CFG-10: the smaller of the registered limit and that of the document */
	return RELOAD_OK;
}

static enum reload_err verify(struct reload_kind *out, const struct reload_config *config,
	const struct reload_xml_node *block, const struct reload_xml_node *kind, reload_utc now,
	struct reload_error_text *why)
{
	const struct reload_xml_node *node = reload_xml_child(block, "kind-signature");
	if (!node)
		return BAD(why, block, "sign the kind element by a kind-signer",
			"the kind-block has no kind-signature");
	struct reload_arena arena = { 0 };
	struct span signature;
	enum reload_err err = reload_config_unbase64(&signature, &arena, node, why);
	if (err)
		return err;
	struct reload_error_text reason = { 0 };
	err = reload_security_block_verify(&out->signer, signature, kind->bytes,
		&config->kind_signers, config->trust, now, &reason);
	reload_arena_clear(&arena);
	return err ? reload_xml_fault(why, RELOAD_BAD_SIGNATURE, node, "a kind-signer must sign it",
			     "the kind-signature: %s", reason.reason)
		   : RELOAD_OK;
}

enum reload_err reload_kind_read(struct reload_kind *kind, struct reload_config *config,
	const struct reload_xml_node *node, struct reload_error_text *why)
{
	struct kind_attributes given = { 0 };
	enum reload_err err = read_identity(kind, config, node, why);
	if (!err)
		err = read_attributes(&given, kind, node, why);
	if (!err)
		err = combine(kind, config, &given, node, why);
	if (err || kind->id != RELOAD_KIND_SIP_REGISTRATION)
		return err;
	kind->domains_restricted = config->domains_restricted;
	kind->domains = config->domains;
	return reload_kind_domains_read(kind, &config->arena, node, config->instance_name, why);
}

enum reload_err reload_kind_block_read(struct reload_kind *kind, struct reload_config *config,
	const struct reload_xml_node *block, reload_utc now, struct reload_error_text *why)
{
	const struct reload_xml_node *node = reload_xml_child(block, "kind");
	if (!node)
		return BAD(why, block, NULL, "a kind-block without a kind");
	struct reload_kind k;
	enum reload_err err = reload_kind_read(&k, config, node, why);
	if (!err)
		err = verify(&k, config, block, node, now, why);
	if (err)
		return err;
	k.block = block->bytes;
	*kind = k;
	return RELOAD_OK;
}
