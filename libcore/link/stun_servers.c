#include "link/stun_servers.h"

static bool same_group(const struct reload_stun_peer *a, const struct reload_stun_peer *b)
{
	return reload_ip_port_same_host(&a->seen, &b->seen);
}

static size_t group_size(const struct reload_stun_servers *s, const struct reload_stun_peer *of)
{
	size_t n = 0;
	for (size_t i = 0; i < s->count; i++)
		n += same_group(&s->at[i], of);
	return n;
}

static void remove_at(struct reload_stun_servers *s, size_t i)
{
	s->count--;
	memmove(&s->at[i], &s->at[i + 1], (s->count - i) * sizeof(s->at[0]));
}

static size_t find(const struct reload_stun_servers *s, uint32_t link)
{
	size_t i = 0;
	while (i < s->count && s->at[i].link != link)
		i++;
	return i;
}

/* The last member of the largest group goes; a group of one is not ended. */
static bool make_room(struct reload_stun_servers *s)
{
	size_t most = 1, at = s->count;
	for (size_t i = 0; i < s->count; i++) {
		size_t n = group_size(s, &s->at[i]);
		if (n > 1 && n >= most) {
			most = n;
			at = i;
		}
	}
	if (at == s->count)
		return false;
	remove_at(s, at);
	return true;
}

bool reload_stun_servers_seen(struct reload_stun_servers *s, uint32_t link,
	const struct reload_ip_port *server, const struct reload_ip_port *seen)
{
	struct reload_stun_peer peer = { .link = link, .server = *server };
	size_t at = find(s, link);
	if (seen)
		peer.seen = *seen;
	if (at < s->count && same_group(&s->at[at], &peer)) {
		s->at[at] = peer; /* it keeps its place */
		return true;
	}
	if (at < s->count)
		remove_at(s, at);
	if (s->count == RELOAD_STUN_PEERS_MAX && (group_size(s, &peer) || !make_room(s)))
		return false;
	s->at[s->count++] = peer;
	return true;
}

void reload_stun_servers_lost(struct reload_stun_servers *s, uint32_t link)
{
	size_t at = find(s, link);
	if (at < s->count)
		remove_at(s, at);
}

static bool is_first_of_group(const struct reload_stun_servers *s, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (same_group(&s->at[i], &s->at[at]))
			return false;
	return true;
}

size_t reload_stun_servers_choose(
	const struct reload_stun_servers *s, struct reload_ip_port *out, size_t max)
{
	size_t count = 0;
	for (unsigned unknown = 0; unknown < 2; unknown++)
		for (size_t i = 0; i < s->count && count < max; i++)
			if ((s->at[i].seen.type == 0) == unknown && is_first_of_group(s, i))
				out[count++] = s->at[i].server;
	return count;
}

reload_ms reload_stun_wait(reload_ms rtt)
{
	return rtt > RELOAD_STUN_WAIT_MS / 4 ? rtt * 4 : RELOAD_STUN_WAIT_MS;
}
