/*
 * The Connection Table (RFC 6940 s6.4.1).  A node gets a row when its link comes up and loses it when the link goes down; the files in the layers
 * above write their own members of the row.  Rows are in ascending order of the Node-IDs, so that whatever is done for all links
 * is done in the same order in each run.
 */
#include "topology/chord_link.h"

#include <stddef.h>

struct chord_links {
	struct chord_link *rows; /* ascending */
	size_t count, cap;
};

struct chord_links *reload_chord_links_new(void)
{
	return RELOAD_NEW(chord_links);
}

void reload_chord_links_free(struct chord_links *links)
{
	if (links)
		free(links->rows);
	free(links);
}

static size_t lower(const struct chord_links *l, const struct reload_id *id)
{
	return reload_id_place(
		l->rows, l->count, sizeof(*l->rows), offsetof(struct chord_link, id), id);
}

struct chord_link *reload_chord_link_find(
	const struct reload_topology *t, const struct reload_id *id)
{
	const struct chord_links *l = t->links;
	size_t i = lower(l, id);
	return i < l->count && reload_id_eq(&l->rows[i].id, id) ? &l->rows[i] : NULL;
}

struct chord_link *reload_chord_link_add(struct reload_topology *t, const struct reload_id *id)
{
	struct chord_links *l = t->links;
	struct chord_link *link = reload_chord_link_find(t, id);
	if (link || l->count == CHORD_LINKS_MAX || id->len != CHORD_ID_LEN ||
		reload_id_eq(id, &t->self))
		return link;
	size_t i = lower(l, id);
	reload_grow(&l->rows, &l->cap, l->count, sizeof(*l->rows));
	memmove(l->rows + i + 1, l->rows + i, (l->count - i) * sizeof(*l->rows));
	l->rows[i] = (struct chord_link){ .id = *id };
	l->count++;
	return &l->rows[i];
}

void reload_chord_link_drop(struct reload_topology *t, struct chord_link *link)
{
	struct chord_links *l = t->links;
	size_t i = (size_t)(link - l->rows);
	memmove(link, link + 1, (l->count - i - 1) * sizeof(*link));
	l->count--;
}

size_t reload_chord_link_count(const struct reload_topology *t)
{
	return t->links->count;
}

struct chord_link *reload_chord_link_at(const struct reload_topology *t, size_t i)
{
	return &t->links->rows[i];
}
