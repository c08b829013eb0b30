/* What is wrong with an entry of the tree of a service. */
#include "fetch.h"

#include <string.h>

const char *fetch_tree_trouble(const json_t *r, const json_t *entry)
{
	size_t i;
	json_t *p;
	if (*cli_get_text(entry, "fault"))
		return cli_get_text(entry, "fault");
	json_array_foreach (json_object_get(r, "providers"), i, p)
		if (json_is_false(json_object_get(p, "answers")) &&
			!strcmp(cli_get_text(p, "node_id"), cli_get_text(entry, "node_id")))
			return "it does not answer";
	return "";
}
