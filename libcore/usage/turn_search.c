#include "usage/turn_search.h"

#include "wire/codes.h"

static bool rests(const struct reload_turn_known *k, reload_ms now)
{
	return k->failed && now - k->failed_at < RELOAD_TURN_REST_MS;
}

bool reload_turn_search_wanted(const struct reload_turn_search *s, reload_ms now)
{
	size_t usable = 0;
	for (size_t i = 0; i < s->count; i++)
		usable += !rests(&s->servers[i], now);
	return usable < RELOAD_TURN_ENOUGH;
}

void reload_turn_search_begin(struct reload_turn_search *s)
{
	s->tries = 0;
}

bool reload_turn_search_next(struct reload_turn_search *s, reload_ms now)
{
	if (s->tries == RELOAD_TURN_TRIES || !reload_turn_search_wanted(s, now))
		return false;
	s->tries++;
	return true;
}

struct span reload_turn_search_where(const struct reload_find_ans *ans)
{
	static const struct span none;
	for (size_t i = 0; i < ans->results_count; i++) {
		struct span closest = ans->results[i].closest;
		if (ans->results[i].kind != RELOAD_KIND_TURN_SERVICE)
			continue;
		for (size_t k = 0; k < closest.len; k++)
			if (closest.at[k])
				return closest;
	}
	return none;
}

/* Room for one more: the place of the server that failed first, when all are taken. */
static struct reload_turn_known *place_for_one(struct reload_turn_search *s)
{
	struct reload_turn_known *oldest = NULL;
	if (s->count < RELOAD_TURN_SERVERS_MAX)
		return &s->servers[s->count++];
	for (size_t i = 0; i < s->count; i++) {
		if (!s->servers[i].failed)
			continue;
		if (!oldest || s->servers[i].failed_at < oldest->failed_at)
			oldest = &s->servers[i];
	}
	return oldest;
}

enum reload_err reload_turn_search_take(struct reload_turn_search *s, const struct reload_id *node,
	struct span value, const struct reload_config *config, bool loopback,
	struct reload_error_text *why)
{
	struct reload_turn_server t;
	enum reload_err err = reload_turn_record_read(&t, value, config, why);
	if (err)
		return err;
	const char *fault = reload_ip_port_claim_fault(&t.server_address, loopback);
	if (fault)
		return reload_error_explain(why, RELOAD_BAD_VALUE, "a TURN-SERVICE record",
			"server_address is %s", fault);
	reload_ip_port_unmap(&t.server_address);
	struct reload_turn_known *place = NULL;
	for (size_t i = 0; i < s->count && !place; i++) {
		struct reload_turn_known *k = &s->servers[i];
		bool same = reload_ip_port_eq(&k->address, &t.server_address);
		if (same || (reload_id_eq(&k->node, node) && !k->failed))
			return RELOAD_EXISTS;
		if (reload_id_eq(&k->node, node))
			place = k; /* it has moved */
	}
	place = place ? place : place_for_one(s);
	if (!place)
		return RELOAD_LIMIT;
	*place = (struct reload_turn_known){ .node = *node, .address = t.server_address };
	return RELOAD_OK;
}

const struct reload_turn_known *reload_turn_choose(
	const struct reload_turn_search *s, reload_ms now)
{
	const struct reload_turn_known *oldest = NULL;
	for (size_t i = 0; i < s->count; i++) {
		if (!rests(&s->servers[i], now))
			return &s->servers[i];
		if (!oldest || s->servers[i].failed_at < oldest->failed_at)
			oldest = &s->servers[i];
	}
	return oldest;
}

void reload_turn_result(struct reload_turn_search *s, const struct reload_ip_port *address,
	bool works, reload_ms now)
{
	for (size_t i = 0; i < s->count; i++)
		if (reload_ip_port_eq(&s->servers[i].address, address)) {
			s->servers[i].failed = !works;
			s->servers[i].failures = works ? 0 : s->servers[i].failures + 1;
			s->servers[i].failed_at = now;
		}
}
