/* The table of usages, ascending by Kind-ID. */
#include "usage/internal.h"

static const struct reload_usage *const usages[] = {
	&reload_usage_sip,
	&reload_usage_turn,
	&reload_usage_cert_by_node,
	&reload_usage_cert_by_user,
	&reload_usage_redir,
};

const struct reload_usage *reload_usage_find(uint32_t kind)
{
	for (size_t i = 0; i < COUNT_OF(usages); i++)
		if (usages[i]->kind == kind)
			return usages[i];
	return NULL;
}
