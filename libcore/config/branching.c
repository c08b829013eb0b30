/* The branching factor of ReDiR's trees, an element of a namespace of its own (RFC 7374 s8). */
#include "config/internal.h"

#include "wire/redir.h"

enum reload_err reload_branching_read(
	uint32_t *out, const struct reload_xml_node *parent, struct reload_error_text *why)
{
	bool seen = false;
	for (const struct reload_xml_node *n = parent->children; n; n = n->next) {
		uint64_t v = 0;
		if (!reload_xml_is(n, RELOAD_XMLNS_REDIR, "branching-factor"))
			continue;
		char *text = reload_xml_text(n);
		bool good = reload_text_number(
			&v, text, RELOAD_REDIR_BRANCHING_MIN, RELOAD_REDIR_BRANCHING_MAX);
		enum reload_err err = RELOAD_OK;
		if (seen || !good)
			err = reload_xml_fault(why, RELOAD_BAD_CONFIG, n,
				seen ? "keep one of them" : "a factor from 2 to 10 is usual",
				seen ? "a second branching-factor"
				     : "branching-factor is \"%.40s\", it must be a number from "
				       "2 to 65536",
				text);
		free(text);
		if (err)
			return err;
		seen = true;
		*out = (uint32_t)v;
	}
	return RELOAD_OK;
}
