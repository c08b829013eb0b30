#include "util/bytes.h"

uint8_t *wr_room(struct wr *w, size_t n)
{
	if (w->err)
		return NULL;
	if (!n)
		return w->at; /* NULL when nothing was written yet: no arithmetic on it */
	if (w->cap - w->len < n) {
		if (w->fixed) {
			w->err = RELOAD_SHORT;
			return NULL;
		}
		size_t cap = w->cap ? w->cap * 2 : 256;
		while (cap - w->len < n)
			cap *= 2;
		w->at = reload_realloc(w->at, cap);
		w->cap = cap;
	}
	w->len += n;
	return w->at + w->len - n;
}
