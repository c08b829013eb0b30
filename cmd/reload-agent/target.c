/* Parsing a TARGET: from text to a Destination List. */
#include "target.h"

#include "common/output.h"
#include "util/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	PREFIX_MIN = 4,
	LISTED = 8,
	TEXT_MAX = 1024
};

static enum reload_err bad_target(
	struct reload_error_text *why, const char *text, const char *reason)
{
	char what[160];
	snprintf(what, sizeof(what), "not a target: %.120s", text);
	reload_error_explain(why, RELOAD_USAGE, what, "%s", reason);
	reload_error_advise(why, "node:HEX, resource:HEX, name:TEXT, USER@DOMAIN, self, succ:N, "
				 "pred:N, finger:N, wildcard");
	return RELOAD_USAGE;
}

static enum reload_err no_node(struct reload_error_text *why, const char *text, const char *reason)
{
	char what[160];
	snprintf(what, sizeof(what), "no such node: %.120s", text);
	return reload_error_explain(why, RELOAD_NO_NODE, what, "%s", reason);
}

static enum reload_err ambiguous(struct reload_error_text *why, const char *text,
	const struct reload_id *nodes, size_t count)
{
	char what[160], list[LISTED * (RELOAD_ID_HEX + 1)] = "", hex[RELOAD_ID_HEX];
	size_t len = 0;
	for (size_t i = 0; i < count && i < LISTED; i++)
		len += (size_t)snprintf(
			list + len, sizeof(list) - len, " %s", reload_id_hex(hex, &nodes[i]));
	snprintf(what, sizeof(what), "several nodes begin with %.100s", text);
	return reload_error_explain(
		why, RELOAD_USAGE, what, "known are%s%s", list, count > LISTED ? " ..." : "");
}

static enum reload_err by_prefix(struct reload_id *out, const struct agent *agent, const char *text,
	struct reload_error_text *why)
{
	const char *hex = text + strlen("node:");
	size_t digits = strlen(hex),
	       full = 2 * (size_t)reload_peer_config(agent->peer)->node_id_len;
	char lower[RELOAD_ID_HEX] = "";
	if (digits < PREFIX_MIN || digits > full || strspn(hex, "0123456789abcdefABCDEF") != digits)
		return bad_target(why, text,
			"a Node-ID has 4 or more hex digits, at most those of the overlay");
	for (size_t i = 0; i < digits; i++)
		lower[i] = (char)(hex[i] >= 'A' && hex[i] <= 'F' ? hex[i] + ('a' - 'A') : hex[i]);
	if (digits == full)
		return reload_id_from_hex(out, lower);
	struct reload_id nodes[LISTED + 1];
	size_t count = reload_peer_known_nodes(agent->peer, lower, nodes, COUNT_OF(nodes));
	if (!count)
		return no_node(why, text,
			"no link and no table entry begins with that; the full Node-ID is always "
			"taken");
	if (count > 1)
		return ambiguous(why, text, nodes, count);
	*out = nodes[0];
	return RELOAD_OK;
}

/* "succ", "succ:2": the place in one of the tables; *hit: text begins with this word. */
static enum reload_err by_table(struct reload_id *out, const char *word, const char *text,
	const struct reload_id *table, size_t count, bool *hit, struct reload_error_text *why)
{
	size_t len = strlen(word);
	*hit = strncmp(text, word, len) == 0 && (!text[len] || text[len] == ':');
	if (!*hit)
		return RELOAD_OK;
	unsigned long n = 1;
	if (text[len]) {
		char *end;
		n = strtoul(text + len + 1, &end, 10);
		if (*end || !n || text[len + 1] < '0' || text[len + 1] > '9')
			return bad_target(why, text, "places in a table are numbers from 1");
	}
	if (n > count)
		return no_node(why, text, "the table of this node has no such place");
	*out = table[n - 1];
	return RELOAD_OK;
}

enum reload_err agent_node_parse(struct reload_id *out, const struct agent *agent, const char *text,
	struct reload_error_text *why)
{
	struct reload_status s;
	reload_peer_status(agent->peer, &s);
	if (strcmp(text, "self") == 0) {
		*out = s.node;
		return RELOAD_OK;
	}
	if (strcmp(text, "wildcard") == 0) {
		*out = reload_id_wildcard(reload_peer_config(agent->peer)->node_id_len);
		return RELOAD_OK;
	}
	bool hit = strncmp(text, "node:", 5) == 0;
	enum reload_err err = hit ? by_prefix(out, agent, text, why) : RELOAD_OK;
	if (!hit)
		err = by_table(out, "succ", text, s.tables.successors, s.tables.successors_count,
			&hit, why);
	if (!hit)
		err = by_table(out, "pred", text, s.tables.predecessors,
			s.tables.predecessors_count, &hit, why);
	if (!hit)
		err = by_table(
			out, "finger", text, s.tables.fingers, s.tables.fingers_count, &hit, why);
	if (err == RELOAD_NO_NODE)
		reload_error_advise(why,
			"reload-agent status -a %s -j lists the neighbours and fingers",
			agent->instance);
	return hit ? err : bad_target(why, text, "neither a node, a resource nor a name");
}

static void add_node(struct agent_target *t, const struct reload_id *id)
{
	char hex[RELOAD_ID_HEX];
	t->list[t->count++] = reload_dest_node(id);
	t->is_resource = false;
	t->shown = reload_realloc(t->shown, 8 + RELOAD_ID_HEX);
	snprintf(t->shown, 8 + RELOAD_ID_HEX, "node:%s", reload_id_hex(hex, id));
}

/* name NULL: only the Resource-ID is known. */
static void add_resource(struct agent_target *t, const struct reload_id *id, const char *name)
{
	char hex[RELOAD_ID_HEX];
	t->ids[t->count] = *id;
	t->list[t->count] = reload_dest_resource(&t->ids[t->count]);
	t->count++;
	t->is_resource = true;
	t->resource = *id;
	size_t size = 16 + (name ? strlen(name) : RELOAD_ID_HEX);
	t->shown = reload_realloc(t->shown, size);
	snprintf(t->shown, size, "%s%s",
		name ? "name:" : "resource:", name ? name : reload_id_hex(hex, id));
	t->name = name ? reload_strdup(name) : NULL;
}

static enum reload_err add_uri_entries(
	struct agent_target *t, struct span bytes, const struct wire_ctx *ctx)
{
	struct rd r = rd_of(bytes);
	struct reload_destination d;
	while (rd_more(&r) && t->count < AGENT_TARGET_MAX && reload_dest_next(&r, ctx, &d)) {
		struct reload_id id;
		if (d.type == RELOAD_DEST_NODE)
			add_node(t, &d.node);
		else if (d.type == RELOAD_DEST_RESOURCE && !reload_id_from(&id, d.resource))
			add_resource(t, &id, NULL);
		else if (d.type == RELOAD_DEST_OPAQUE) {
			t->opaque[t->count] = bytes_copy(d.opaque);
			d.opaque = bytes_span(t->opaque[t->count]);
			t->list[t->count++] = d;
		} else
			return RELOAD_BAD_VALUE;
	}
	return rd_left(&r) ? RELOAD_LIMIT : r.err;
}

/* RFC 6940 s14.15: reload://HEX@OVERLAY/[HEX], HEX being Destinations one behind the other. */
static enum reload_err add_uri(struct agent_target *t, const struct agent *agent, const char *text,
	struct reload_error_text *why)
{
	const struct reload_config *config = reload_peer_config(agent->peer);
	const char *hex = text + strlen("reload://"), *at = strchr(hex, '@');
	const char *slash = at ? strchr(at, '/') : NULL;
	size_t digits = at ? (size_t)(at - hex) : 0;
	if (!digits || digits % 2)
		return bad_target(why, text, "a RELOAD URI is reload://HEX@OVERLAY/");
	size_t name_len = slash ? (size_t)(slash - at - 1) : strlen(at + 1);
	if (strlen(config->instance_name) != name_len ||
		strncasecmp(config->instance_name, at + 1, name_len) != 0)
		return bad_target(why, text, "the URI is of another overlay");
	if (slash && slash[1])
		return bad_target(why, text,
			"the URI has a specifier behind its slash: name Kind and keys by options");
	uint8_t bytes[TEXT_MAX / 2];
	if (digits > TEXT_MAX || reload_unhex(bytes, hex, digits))
		return bad_target(why, text, "behind reload:// stand hex digits");
	size_t before = t->count;
	struct wire_ctx ctx = reload_config_wire_ctx(config);
	if (add_uri_entries(t, span_of(bytes, digits / 2), &ctx) || t->count == before || !t->shown)
		return bad_target(why, text,
			"the digits are no list of destinations that ends at a node or resource");
	return RELOAD_OK;
}

static void add_name(struct agent_target *t, const struct agent *agent, const char *name)
{
	struct reload_id id;
	reload_peer_resource_id(agent->peer, &id, span_str(name));
	add_resource(t, &id, name);
}

/* The overlay algorithm makes Resource-IDs of one length (RFC 6940 s10.2). */
static size_t resource_len(const struct agent *agent)
{
	struct reload_id id;
	reload_peer_resource_id(agent->peer, &id, span_str("x"));
	return id.len;
}

/* "node:HEX#N": out becomes the text before '#'. */
static enum reload_err place_split(
	char out[TEXT_MAX + 1], unsigned *place, const char *text, struct reload_error_text *why)
{
	const char *mark = strchr(text, '#');
	size_t len = mark ? (size_t)(mark - text) : strlen(text);
	snprintf(out, TEXT_MAX + 1, "%.*s", (int)len, text);
	*place = 0;
	if (!mark)
		return RELOAD_OK;
	size_t digits = strspn(mark + 1, "0123456789");
	unsigned long n =
		digits && digits < 4 && !mark[1 + digits] ? strtoul(mark + 1, NULL, 10) : 0;
	if (!n || n > UINT8_MAX)
		return bad_target(
			why, text, "behind # stands the number of a place, from 1 to 255");
	*place = (unsigned)n;
	return RELOAD_OK;
}

/* Hex digits alone: a Node-ID in full, or a list of destinations as in a RELOAD URI. */
static bool is_bare(const struct agent *agent, const char *text)
{
	size_t len = strlen(text);
	return len >= 2u * reload_peer_config(agent->peer)->node_id_len && len % 2 == 0 &&
	       strspn(text, "0123456789abcdefABCDEF") == len;
}

static enum reload_err add_bare(struct agent_target *t, const struct agent *agent, const char *text,
	struct reload_error_text *why)
{
	const struct reload_config *config = reload_peer_config(agent->peer);
	struct wire_ctx ctx = reload_config_wire_ctx(config);
	uint8_t bytes[TEXT_MAX / 2];
	struct reload_id id;
	size_t digits = strlen(text), before = t->count;
	if (digits == 2u * config->node_id_len && !reload_id_from_hex(&id, text)) {
		add_node(t, &id);
		return RELOAD_OK;
	}
	if (reload_unhex(bytes, text, digits) ||
		add_uri_entries(t, span_of(bytes, digits / 2), &ctx) || t->count == before)
		return bad_target(why, text, "the digits are neither a Node-ID nor destinations");
	return RELOAD_OK;
}

static enum reload_err add_entry(struct agent_target *t, const struct agent *agent,
	const char *text, struct reload_error_text *why)
{
	struct reload_id id;
	if (strncmp(text, "reload://", 9) == 0)
		return add_uri(t, agent, text, why);
	if (strncmp(text, "resource:", 9) == 0) {
		if (reload_id_from_hex(&id, text + 9) || id.len != resource_len(agent))
			return bad_target(why, text,
				"a Resource-ID is given in full, with as many hex digits as all of "
				"this overlay");
		add_resource(t, &id, NULL);
		return RELOAD_OK;
	}
	if (strncmp(text, "name:", 5) == 0) {
		if (!text[5])
			return bad_target(why, text, "the Resource Name is empty");
		add_name(t, agent, text + 5);
		return RELOAD_OK;
	}
	if (strncmp(text, "node:", 5) != 0 && strchr(text, '@')) {
		add_name(t, agent, strncmp(text, "sip:", 4) == 0 ? text + 4 : text);
		return RELOAD_OK;
	}
	char node[TEXT_MAX + 1];
	enum reload_err err = place_split(node, &t->place, text, why);
	if (!err && is_bare(agent, node))
		return add_bare(t, agent, node, why);
	if (!err)
		err = agent_node_parse(&id, agent, node, why);
	if (!err)
		add_node(t, &id);
	return err;
}

/* A Resource Name may hold commas: "name:" takes all that follows. */
static size_t entry_len(const char *text)
{
	return strncmp(text, "name:", 5) == 0 ? strlen(text) : strcspn(text, ",");
}

enum reload_err agent_target_parse(struct agent_target *out, const struct agent *agent,
	const char *text, struct reload_error_text *why)
{
	*out = (struct agent_target){ .typed = reload_strdup(text) };
	if (strlen(text) > TEXT_MAX)
		return bad_target(why, text, "it has more than 1024 characters");
	for (const char *at = text;;) {
		char entry[TEXT_MAX + 1];
		size_t len = entry_len(at);
		snprintf(entry, sizeof(entry), "%.*s", (int)len, at);
		if (out->is_resource)
			return bad_target(
				why, text, "a resource can only be the last entry of a list");
		if (!len && (at != text || at[len]))
			return bad_target(why, text, "an entry of the list is empty");
		if (out->count == AGENT_TARGET_MAX)
			return bad_target(why, text, "a list has 32 entries at most");
		enum reload_err err = add_entry(out, agent, entry, why);
		if (err || !at[len])
			return err;
		at += len + 1;
	}
}

void agent_target_clear(struct agent_target *t)
{
	for (size_t i = 0; i < t->count; i++)
		bytes_free(&t->opaque[i]);
	free(t->name);
	free(t->shown);
	free(t->typed);
	*t = (struct agent_target){ 0 };
}

enum reload_err agent_target_no_place(const struct agent_target *t, struct reload_error_text *why)
{
	return t->place ? bad_target(why, t->typed,
				  "#N is a place of a NODE-MULTIPLE Kind, for Store and Fetch")
			: RELOAD_OK;
}

/* Resource Name Node-ID, or for NODE-MULTIPLE Node-ID || i, i of one byte (STO-11), becomes the last entry. */
static void resource_of_node(struct agent_target *t, const struct agent *agent)
{
	uint8_t name[RELOAD_ID_MAX + 1];
	struct reload_destination *last = &t->list[t->count - 1];
	size_t len = last->node.len;
	memcpy(name, last->node.at, len);
	if (t->place)
		name[len++] = (uint8_t)t->place;
	struct reload_id *id = &t->ids[t->count - 1];
	reload_peer_resource_id(agent->peer, id, span_of(name, len));
	*last = reload_dest_resource(id);
	t->resource = *id;
	t->is_resource = true;
}

enum reload_err agent_target_for_kind(struct agent_target *t, const struct agent *agent,
	const struct reload_kind *kind, struct reload_error_text *why)
{
	char text[160];
	bool multiple = kind->access == RELOAD_ACCESS_NODE_MULTIPLE;
	unsigned most = kind->max_node_multiple < UINT8_MAX ? kind->max_node_multiple : UINT8_MAX;
	if (t->is_resource)
		return agent_target_no_place(t, why);
	if (kind->access == RELOAD_ACCESS_NODE_MATCH && !t->place) {
		resource_of_node(t, agent);
		return RELOAD_OK;
	}
	if (multiple && t->place && t->place <= most) {
		resource_of_node(t, agent);
		return RELOAD_OK;
	}
	if (multiple)
		snprintf(text, sizeof(text),
			"its access policy is NODE-MULTIPLE, a node has %u place%s: %s#1%s", most,
			cli_plural(most), "self", most > 1 ? ", self#2 .." : "");
	else if (t->place)
		snprintf(text, sizeof(text), "its access policy is %s, which knows no places: %s",
			reload_access_policy_name(kind->access),
			kind->access == RELOAD_ACCESS_NODE_MATCH ? "self or node:HEX"
								 : "USER@DOMAIN");
	else
		snprintf(text, sizeof(text),
			"its access policy is %s, values are stored at the user's name: "
			"USER@DOMAIN or name:TEXT",
			reload_access_policy_name(kind->access));
	return bad_target(why, t->typed, text);
}
