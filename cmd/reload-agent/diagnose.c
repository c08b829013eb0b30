#include "diagnose.h"

#include "peer/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* The flags of the base Kinds that this node may read. */
static uint64_t granted(const struct agent *agent)
{
	const struct reload_config *config = reload_peer_config(agent->peer);
	uint64_t flags = 0;
	for (uint16_t k = RELOAD_DIAGNOSTIC_STATUS_INFO; k <= RELOAD_DIAGNOSTIC_LAST; k++)
		if (reload_config_may_read(config, k, &agent->credentials->node))
			flags |= reload_diagnostic_flag(k);
	return flags;
}

static enum reload_err no_kind(const char *text, struct reload_error_text *why)
{
	char what[128];
	snprintf(what, sizeof(what), "%.80s is no diagnostic Kind", text);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what,
		"Kinds have the names of RFC 7851, such as STATUS_INFO, or a number");
	reload_error_advise(why, "man 1 reload-diag lists the diagnostic Kinds; all stands for "
				 "those that this node may read");
	return err;
}

enum reload_err diagnose_read(struct diagnose_wish *out, const struct agent *agent,
	const json_t *list, struct reload_error_text *why)
{
	const json_t *item;
	size_t i;
	*out = (struct diagnose_wish){ .wish.flags = 0 };
	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);
		uint16_t kind;
		if (!strcasecmp(text, "all")) {
			out->wish.flags |= granted(agent);
			continue;
		}
		if (!reload_diagnostic_named(&kind, text) ||
			(kind < RELOAD_DIAGNOSTIC_FLAGS && !reload_diagnostic_name(kind)) ||
			out->wish.kinds_count == DIAGNOSE_KINDS_MAX)
			return no_kind(text, why);
		if (kind < RELOAD_DIAGNOSTIC_FLAGS)
			out->wish.flags |= reload_diagnostic_flag(kind);
		else
			out->kinds[out->wish.kinds_count++] = kind;
	}
	return RELOAD_OK;
}

static void kind_text(char out[32], uint16_t kind)
{
	const char *name = reload_diagnostic_name(kind);
	if (name)
		snprintf(out, 32, "%s", name);
	else
		snprintf(out, 32, "0x%04x", (unsigned)kind);
}

json_t *diagnose_values(const struct reload_diagnostics_response *s)
{
	json_t *o = json_object();
	for (size_t i = 0; i < s->info_count; i++) {
		char name[32];
		json_t *value = reload_diagnostic_value(s->info[i].kind, s->info[i].contents);
		kind_text(name, s->info[i].kind);
		if (!value && s->info[i].kind >= RELOAD_DIAGNOSTIC_FLAGS)
			value = json_of_hex(s->info[i].contents); /* of this overlay alone */
		if (value && !json_object_get(o, name))
			json_object_set(o, name, value);
		json_decref(value);
	}
	return o;
}

json_int_t diagnose_overlay_hops(
	const struct agent *agent, const struct reload_diagnostics_response *s)
{
	uint8_t begun = reload_peer_config(agent->peer)->initial_ttl;
	return begun < s->hop_counter ? 0 : (json_int_t)begun - s->hop_counter + 1;
}

/* The text behind key= in error_info, up to the next `;`. */
static struct span info_of(struct span info, const char *key)
{
	size_t len = strlen(key);
	for (size_t i = 0; i + len <= info.len; i++) {
		if ((i && info.at[i - 1] != ';') || memcmp(info.at + i, key, len) != 0)
			continue;
		size_t end = i + len;
		while (end < info.len && info.at[end] != ';')
			end++;
		return span_of(info.at + i + len, end - i - len);
	}
	return span_of(NULL, 0);
}

json_t *diagnose_denied(struct span error_info)
{
	struct span list = info_of(error_info, "kinds=");
	json_t *out = json_array();
	char text[8], name[32];
	size_t n = 0;
	for (size_t i = 0; i <= list.len && json_array_size(out) < DIAGNOSE_KINDS_MAX; i++) {
		if (i < list.len && list.at[i] != ',') {
			if (n + 1 < sizeof(text))
				text[n++] = (char)list.at[i];
			continue;
		}
		text[n] = 0;
		if (n && strspn(text, "0123456789abcdefABCDEF") == n && n <= 4) {
			kind_text(name, (uint16_t)strtoul(text, NULL, 16));
			json_array_append_new(out, json_string(name));
		}
		n = 0;
	}
	return out;
}

bool diagnose_limited(struct span error_info)
{
	return span_eq(info_of(error_info, "reason="), span_str("rate"));
}

/* -- times -------------------------------------------------------------------------------------------------------------- */

static uint64_t clock_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

struct diagnose_clock diagnose_clock_start(void)
{
	return (struct diagnose_clock){ clock_us(CLOCK_MONOTONIC), clock_us(CLOCK_REALTIME) };
}

double diagnose_rtt(const struct diagnose_clock *c)
{
	return (double)(clock_us(CLOCK_MONOTONIC) - c->begun_us) / 1000;
}

/* The other node's time has whole milliseconds, so half a millisecond is added. */
void diagnose_one_way(
	json_t *o, const struct diagnose_clock *c, uint64_t received_ms, double rtt_ms)
{
	double way = (double)(int64_t)(received_ms * 1000 + 500 - c->wall_us) / 1000;
	bool plausible = way >= -0.5 && way <= rtt_ms + 0.5;
	double bounded = way < 0 ? 0 : way > rtt_ms ? rtt_ms : way;
	json_object_set_new(o, "one_way_ms", plausible ? json_real(bounded) : json_null());
	json_object_set_new(
		o, "clock_difference_ms", plausible ? json_null() : json_real(way - rtt_ms / 2));
}
