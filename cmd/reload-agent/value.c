/* Parsing keys of dictionaries. */
#include "value.h"

#include "target.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

static enum reload_err hex_key(struct span *out, struct reload_arena *arena, const char *digits,
	struct reload_error_text *why)
{
	size_t len = strlen(digits);
	uint8_t *bytes = reload_arena_take(arena, len / 2 + 1);
	if (len % 2 || reload_unhex(bytes, digits, len)) {
		char what[128];
		snprintf(what, sizeof(what), "not a key: hex:%.80s", digits);
		return reload_error_explain(
			why, RELOAD_USAGE, what, "behind hex: stands an even number of hex digits");
	}
	*out = span_of(bytes, len / 2);
	return RELOAD_OK;
}

enum reload_err agent_key_parse(struct span *out, const struct agent *agent,
	struct reload_arena *arena, const char *text, struct reload_error_text *why)
{
	if (strncmp(text, "hex:", 4) == 0)
		return hex_key(out, arena, text + 4, why);
	if (strcmp(text, "self") == 0 || strncmp(text, "node:", 5) == 0) {
		struct reload_id id;
		enum reload_err err = agent_node_parse(&id, agent, text, why);
		if (!err)
			*out = reload_arena_copy(arena, reload_id_span(&id));
		return err;
	}
	*out = reload_arena_copy(arena, span_str(strncmp(text, "text:", 5) == 0 ? text + 5 : text));
	return RELOAD_OK;
}
