/* Limits in a document that contradict each other or the size of messages, so that nothing could be stored. */
#include "config/write.h"

#include "config/internal.h"

#include "wire/limits.h"

#define BAD(why, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, hint, __VA_ARGS__)

enum reload_err reload_kind_workable(
	const struct reload_kind *kind, uint32_t max_message_size, struct reload_error_text *why)
{
	char hint[128];
	if (kind->max_size > max_message_size) {
		snprintf(hint, sizeof(hint),
			"lower max-size below %u, or raise max-message-size above %u",
			max_message_size, kind->max_size);
		return BAD(why, hint,
			"max-size of the Kind 0x%x is %u, but a whole message has %u bytes at most",
			kind->id, kind->max_size, max_message_size);
	}
	/* arrays are read by ranges; the keys of a dictionary come in one answer (RFC 6940 s7.4.2.1) */
	if (kind->model == RELOAD_MODEL_DICTIONARY && kind->max_count > RELOAD_LIMIT_VALUES) {
		snprintf(hint, sizeof(hint),
			"lower max-count to %d, or use several resources, or data-model ARRAY",
			RELOAD_LIMIT_VALUES);
		return BAD(why, hint,
			"max-count of the Kind 0x%x is %u, but one message lists %d keys of a "
			"dictionary at most",
			kind->id, kind->max_count, RELOAD_LIMIT_VALUES);
	}
	return RELOAD_OK;
}

/* Returns the number of the line in which bytes, a part of the document, begin. */
static size_t line_of(const struct reload_config *c, struct span bytes)
{
	size_t line = 1;
	for (const uint8_t *at = c->document.at; at < bytes.at; at++)
		line += *at == '\n';
	return line;
}

enum reload_err reload_config_workable(const struct reload_config *c, struct reload_error_text *why)
{
	if (c->max_message_size > RELOAD_LIMIT_MESSAGE)
		return BAD(why, "lower it, raise the sequence and sign the document again",
			"max-message-size is %u, but fragments carry %d bytes of a message at most",
			c->max_message_size, RELOAD_LIMIT_MESSAGE);
	for (size_t i = 0; i < c->kinds.count; i++) {
		const struct reload_kind *k = &c->kinds.at[i];
		struct reload_error_text reason = { 0 };
		if (!k->block.len || k->learned)
			continue;
		enum reload_err err = reload_kind_workable(k, c->max_message_size, &reason);
		if (err)
			return reload_xml_fault_line(
				why, err, line_of(c, k->block), reason.advice, "%s", reason.reason);
	}
	return RELOAD_OK;
}
