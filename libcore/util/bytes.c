#include "util/bytes.h"

#include <stdarg.h>
#include <stdio.h>

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

/* vsnprintf() ends what it writes with a byte 0, which has its place until the length is taken back. */
void wr_format(struct wr *w, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	uint8_t *to = n < 0 ? NULL : wr_room(w, (size_t)n + 1);
	if (n < 0)
		wr_fail(w, RELOAD_BAD_VALUE);
	if (to) {
		vsnprintf((char *)to, (size_t)n + 1, format, again);
		w->len--;
	}
	va_end(again);
	va_end(args);
}
