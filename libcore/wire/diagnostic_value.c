/* The diagnostic Kinds of RFC 7851: their names and units, and what their contents say. */
#include "util/text.h"
#include "wire/internal.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* How the contents of a Kind are read (RFC 7851 s5.3; of the two arrays it gives no layout: interop notes). */
enum value_form {
	FORM_U8,
	FORM_U32,
	FORM_U64,
	FORM_LEVEL,     /* low 4 bits of a byte */
	FORM_TEXT,      /* ASCII and one NUL */
	FORM_INSTANCES, /* Kind-ID and count */
	FORM_MESSAGES,  /* message code, sent, received */
	FORM_BATTERY    /* top bit of a byte */
};

/* clang-format off */
static const struct {
	const char *name, *unit;
	enum value_form form;
} kinds[RELOAD_DIAGNOSTIC_LAST + 1] = {
	[RELOAD_DIAGNOSTIC_STATUS_INFO] = { "STATUS_INFO", "of 15", FORM_LEVEL },
	[RELOAD_DIAGNOSTIC_ROUTING_TABLE_SIZE] = { "ROUTING_TABLE_SIZE", "peers", FORM_U32 },
	[RELOAD_DIAGNOSTIC_PROCESS_POWER] = { "PROCESS_POWER", "MIPS", FORM_U64 },
	[RELOAD_DIAGNOSTIC_UPSTREAM_BANDWIDTH] = { "UPSTREAM_BANDWIDTH", "kbit/s", FORM_U64 },
	[RELOAD_DIAGNOSTIC_DOWNSTREAM_BANDWIDTH] = { "DOWNSTREAM_BANDWIDTH", "kbit/s", FORM_U64 },
	[RELOAD_DIAGNOSTIC_SOFTWARE_VERSION] = { "SOFTWARE_VERSION", "", FORM_TEXT },
	[RELOAD_DIAGNOSTIC_MACHINE_UPTIME] = { "MACHINE_UPTIME", "s", FORM_U64 },
	[RELOAD_DIAGNOSTIC_APP_UPTIME] = { "APP_UPTIME", "s", FORM_U64 },
	[RELOAD_DIAGNOSTIC_MEMORY_FOOTPRINT] = { "MEMORY_FOOTPRINT", "KiB", FORM_U64 },
	[RELOAD_DIAGNOSTIC_DATASIZE_STORED] = { "DATASIZE_STORED", "bytes", FORM_U64 },
	[RELOAD_DIAGNOSTIC_INSTANCES_STORED] = { "INSTANCES_STORED", "values", FORM_INSTANCES },
	[RELOAD_DIAGNOSTIC_MESSAGES_SENT_RCVD] = { "MESSAGES_SENT_RCVD", "messages", FORM_MESSAGES },
	[RELOAD_DIAGNOSTIC_EWMA_BYTES_SENT] = { "EWMA_BYTES_SENT", "bytes/s", FORM_U32 },
	[RELOAD_DIAGNOSTIC_EWMA_BYTES_RCVD] = { "EWMA_BYTES_RCVD", "bytes/s", FORM_U32 },
	[RELOAD_DIAGNOSTIC_UNDERLAY_HOP] = { "UNDERLAY_HOP", "IP hops", FORM_U8 },
	[RELOAD_DIAGNOSTIC_BATTERY_STATUS] = { "BATTERY_STATUS", "", FORM_BATTERY },
};
/* clang-format on */

uint64_t reload_diagnostics_kinds(uint64_t flags)
{
	const uint64_t assigned = (UINT64_C(2) << RELOAD_DIAGNOSTIC_LAST) - 2;
	return flags & assigned;
}

const char *reload_diagnostic_name(uint16_t kind)
{
	return kind <= RELOAD_DIAGNOSTIC_LAST ? kinds[kind].name : NULL;
}

const char *reload_diagnostic_unit(uint16_t kind)
{
	return kind <= RELOAD_DIAGNOSTIC_LAST ? kinds[kind].unit : NULL;
}

bool reload_diagnostic_named(uint16_t *out, const char *text)
{
	for (uint16_t k = RELOAD_DIAGNOSTIC_STATUS_INFO; k <= RELOAD_DIAGNOSTIC_LAST; k++)
		if (!strcasecmp(kinds[k].name, text)) {
			*out = k;
			return true;
		}
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789", *at = text + 2 * hex;
	size_t len = strlen(at);
	unsigned long v = len && len <= 5 ? strtoul(at, NULL, hex ? 16 : 10) : 0;
	if (!len || strspn(at, digits) != len || !v || v >= UINT16_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

/* -- values ---------------------------------------------------------------------------------------- */

static json_t *u64_json(uint64_t v)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, v);
	return json_string(text);
}

static json_t *text_json(struct span s)
{
	/* no NUL inside: that is no text */
	if (!s.len || s.at[s.len - 1] || !reload_utf8_valid(span_of(s.at, s.len - 1)))
		return NULL;
	return json_stringn((const char *)s.at, s.len - 1);
}

/* An array of entries of the same size, each made by one(); NULL when the size does not divide the contents. */
static json_t *entries_json(struct span s, size_t size, json_t *(*one)(struct rd *r))
{
	struct rd r = rd_of(s);
	if (s.len % size)
		return NULL;
	json_t *list = json_array();
	while (rd_more(&r))
		json_array_append_new(list, one(&r));
	return list;
}

static json_t *instance_json(struct rd *r)
{
	uint32_t kind = rd_u32(r);
	uint64_t count = rd_u64(r);
	return json_pack("{s:I, s:o}", "kind_id", (json_int_t)kind, "count", u64_json(count));
}

static json_t *messages_json(struct rd *r)
{
	uint16_t code = rd_u16(r);
	uint64_t sent = rd_u64(r), received = rd_u64(r);
	const char *name = reload_code_name(code);
	return json_pack("{s:I, s:o, s:o, s:o}", "message_code", (json_int_t)code, "name",
		name ? json_string(name) : json_null(), "sent", u64_json(sent), "received",
		u64_json(received));
}

static size_t form_size(enum value_form form)
{
	return form == FORM_U32 ? 4 : form == FORM_U64 ? 8 : 1;
}

json_t *reload_diagnostic_value(uint16_t kind, struct span contents)
{
	enum {
		LEVEL = 0x0f,
		MAINS = 0x80,
		INSTANCE_SIZE = 12,
		MESSAGES_SIZE = 18
	};
	if (!reload_diagnostic_name(kind))
		return NULL;
	struct rd r = rd_of(contents);
	enum value_form form = kinds[kind].form;
	if (form == FORM_TEXT)
		return text_json(contents);
	if (form == FORM_INSTANCES)
		return entries_json(contents, INSTANCE_SIZE, instance_json);
	if (form == FORM_MESSAGES)
		return entries_json(contents, MESSAGES_SIZE, messages_json);
	if (contents.len != form_size(form))
		return NULL;
	uint64_t v = rd_int(&r, (unsigned)contents.len);
	if (form == FORM_U64)
		return u64_json(v);
	if (form == FORM_BATTERY)
		return json_string(v & MAINS ? "mains" : "battery");
	return json_integer((json_int_t)(form == FORM_LEVEL ? v & LEVEL : v));
}

void reload_diagnostics_json(
	json_t *response_json, const struct reload_diagnostics_response *response)
{
	json_t *list = json_object_get(response_json, "info");
	for (size_t i = 0; i < response->info_count; i++) {
		const struct reload_diagnostic_info *info = &response->info[i];
		json_t *entry = json_array_get(list, i),
		       *value = reload_diagnostic_value(info->kind, info->contents);
		if (!value)
			continue;
		json_object_set_new(entry, "name", json_string(reload_diagnostic_name(info->kind)));
		json_object_set_new(entry, "unit", json_string(reload_diagnostic_unit(info->kind)));
		json_object_set_new(entry, "value", value);
	}
}
