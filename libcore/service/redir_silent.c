/* Providers that did not answer, and are listed all the same. */
#include "service/redir.h"

static size_t place_of(const struct reload_redir_silent *s, const struct reload_id *node)
{
	size_t i = 0;
	while (i < s->count && !reload_id_eq(&s->at[i].node, node))
		i++;
	return i;
}

/* A place for one more: a new one, or that of the one that is forgotten first. */
static size_t room(struct reload_redir_silent *s)
{
	size_t first = 0;
	if (s->count < RELOAD_REDIR_SILENT_MAX)
		return s->count++;
	for (size_t i = 1; i < s->count; i++)
		if (s->at[i].until < s->at[first].until)
			first = i;
	return first;
}

void reload_redir_silent_note(struct reload_redir_silent *s, const struct reload_id *node,
	reload_ms now, uint32_t lifetime_s)
{
	size_t i = place_of(s, node);
	if (i == s->count)
		i = room(s);
	/* nobody signs what is left of a lifetime: a storing peer may say any number */
	if (lifetime_s > RELOAD_REDIR_LIFETIME_S)
		lifetime_s = RELOAD_REDIR_LIFETIME_S;
	s->at[i].node = *node;
	s->at[i].until = now + (reload_ms)lifetime_s * RELOAD_SECOND;
}

bool reload_redir_silent_is(
	const struct reload_redir_silent *s, const struct reload_id *node, reload_ms now)
{
	size_t i = place_of(s, node);
	return i < s->count && now < s->at[i].until;
}

void reload_redir_silent_forget(struct reload_redir_silent *s, const struct reload_id *node)
{
	size_t i = place_of(s, node);
	if (i < s->count)
		s->at[i] = s->at[--s->count];
}
