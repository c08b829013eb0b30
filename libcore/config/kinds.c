#include "config/internal.h"

#include "wire/redir.h"

/* The registered Kinds; a new usage adds a row.  Their max_size is set by the overlay (CFG-11). */
static const struct {
	struct reload_kind kind;
	bool always; /* known in every overlay, with or without a kind-block */
} registry[] = {
	/* clang-format off */
	{ { .id = RELOAD_KIND_SIP_REGISTRATION, .name = "SIP-REGISTRATION", .model = RELOAD_MODEL_DICTIONARY,
	    .access = RELOAD_ACCESS_USER_NODE_MATCH }, false },
	{ { .id = RELOAD_KIND_TURN_SERVICE, .name = "TURN-SERVICE", .model = RELOAD_MODEL_SINGLE,
	    .access = RELOAD_ACCESS_NODE_MULTIPLE, .max_count = 1, .max_node_multiple = 20 }, true },
	{ { .id = RELOAD_KIND_CERT_BY_NODE, .name = "CERTIFICATE_BY_NODE", .model = RELOAD_MODEL_ARRAY,
	    .access = RELOAD_ACCESS_NODE_MATCH, .max_count = 10 }, true },
	{ { .id = RELOAD_KIND_CERT_BY_USER, .name = "CERTIFICATE_BY_USER", .model = RELOAD_MODEL_ARRAY,
	    .access = RELOAD_ACCESS_USER_MATCH, .max_count = 10 }, true },
	{ { .id = RELOAD_KIND_REDIR, .name = "REDIR", .model = RELOAD_MODEL_DICTIONARY,
	    .access = RELOAD_ACCESS_NODE_ID_MATCH, .branching_factor = RELOAD_REDIR_BRANCHING }, false },
	/* clang-format on */
};

static const char *const model_names[] = {
	[RELOAD_MODEL_UNKNOWN] = "unknown",
	[RELOAD_MODEL_SINGLE] = "SINGLE",
	[RELOAD_MODEL_ARRAY] = "ARRAY",
	[RELOAD_MODEL_DICTIONARY] = "DICTIONARY",
};

static const char *const access_names[] = {
	[RELOAD_ACCESS_USER_MATCH] = "USER-MATCH",
	[RELOAD_ACCESS_NODE_MATCH] = "NODE-MATCH",
	[RELOAD_ACCESS_USER_NODE_MATCH] = "USER-NODE-MATCH",
	[RELOAD_ACCESS_NODE_MULTIPLE] = "NODE-MULTIPLE",
	[RELOAD_ACCESS_NODE_ID_MATCH] = "NODE-ID-MATCH",
};

const char *reload_data_model_name(enum reload_data_model model)
{
	return model_names[model];
}

const char *reload_access_policy_name(enum reload_access_policy access)
{
	return access_names[access];
}

bool reload_access_dictionary_only(enum reload_access_policy access)
{
	return access == RELOAD_ACCESS_USER_NODE_MATCH || access == RELOAD_ACCESS_NODE_ID_MATCH;
}

enum reload_err reload_data_model_parse(enum reload_data_model *out, const char *name)
{
	for (size_t i = RELOAD_MODEL_SINGLE; i < COUNT_OF(model_names); i++)
		if (strcmp(model_names[i], name) == 0) {
			*out = (enum reload_data_model)i;
			return RELOAD_OK;
		}
	return RELOAD_BAD_VALUE;
}

enum reload_err reload_access_policy_parse(enum reload_access_policy *out, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(access_names); i++)
		if (strcmp(access_names[i], name) == 0) {
			*out = (enum reload_access_policy)i;
			return RELOAD_OK;
		}
	return RELOAD_BAD_VALUE;
}

const struct reload_kind *reload_kind_registered(uint32_t id, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(registry); i++)
		if (name ? strcmp(registry[i].kind.name, name) == 0 : registry[i].kind.id == id)
			return &registry[i].kind;
	return NULL;
}

void reload_kinds_put(struct reload_config_kind_list *kinds, const struct reload_kind *kind)
{
	size_t i = 0;
	while (i < kinds->count && kinds->at[i].id < kind->id)
		i++;
	if (i == kinds->count || kinds->at[i].id != kind->id) {
		kinds->at = reload_realloc(kinds->at, (kinds->count + 1) * sizeof(*kinds->at));
		memmove(&kinds->at[i + 1], &kinds->at[i], (kinds->count - i) * sizeof(*kinds->at));
		kinds->count++;
	}
	kinds->at[i] = *kind;
}

static const struct reload_kind *find(const struct reload_config_kind_list *kinds, uint32_t id)
{
	size_t low = 0, high = kinds->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kinds->at[middle].id == id)
			return &kinds->at[middle];
		if (kinds->at[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void reload_kinds_add_always(struct reload_config_kind_list *kinds, uint32_t max_message_size)
{
	for (size_t i = 0; i < COUNT_OF(registry); i++) {
		struct reload_kind kind = registry[i].kind;
		kind.max_size = max_message_size / 2;
		if (registry[i].always && !find(kinds, kind.id))
			reload_kinds_put(kinds, &kind);
	}
}

const struct reload_kind *reload_config_kind(const struct reload_config *config, uint32_t id)
{
	return find(&config->kinds, id);
}

static bool kind_number(uint32_t *out, const char *text)
{
	uint64_t v = 0;
	if (strncmp(text, "0x", 2) != 0 && strncmp(text, "0X", 2) != 0) {
		if (!reload_text_number(&v, text, 0, UINT32_MAX))
			return false;
		*out = (uint32_t)v;
		return true;
	}
	size_t n = strspn(text + 2, "0123456789abcdefABCDEF");
	if (!n || text[2 + n] || n > 8)
		return false;
	*out = (uint32_t)strtoul(text + 2, NULL, 16);
	return true;
}

const struct reload_kind *reload_config_kind_named(
	const struct reload_config *config, const char *text)
{
	uint32_t id;
	if (kind_number(&id, text))
		return find(&config->kinds, id);
	for (size_t i = 0; i < config->kinds.count; i++) {
		const char *name = reload_kind_name(&config->kinds.at[i]);
		if (name && strcmp(name, text) == 0)
			return &config->kinds.at[i];
	}
	return NULL;
}

enum reload_data_model reload_config_model(const void *arg, uint32_t kind)
{
	const struct reload_kind *k = reload_config_kind(arg, kind);
	return k ? k->model : RELOAD_MODEL_UNKNOWN;
}
