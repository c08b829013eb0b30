#include "exchange/internal.h"

#include <assert.h>

/* One row per message code of a request that this node knows. */

void reload_exchange_methods(
	struct reload_exchange *x, const struct reload_method_row *rows, size_t count, void *arg)
{
	assert(x->methods_count + count <= RELOAD_METHODS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct reload_method_row *m = &x->methods[x->methods_count++];
		*m = rows[i];
		m->arg = arg;
	}
}

const struct reload_method_row *reload_method_row(const struct reload_exchange *x, uint16_t code)
{
	for (size_t i = 0; i < x->methods_count; i++)
		if (x->methods[i].code == code)
			return &x->methods[i];
	return NULL;
}
