/* Formatted text, for reports and for pictures. */
#pragma once

#include "util/bytes.h"

#include <stdarg.h>
#include <stdio.h>

/* reload_sim_put() appends formatted text of at most 2047 bytes. */
static inline void __attribute__((format(printf, 2, 3)))
reload_sim_put(struct wr *w, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		wr_bytes(w, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}
