/* The element of CHORD-SELF-TUNING, of a namespace of its own (RFC 7363 s7), and what of other elements it does not heed. */
#include "config/internal.h"

static bool is_declared(const struct reload_config *c)
{
	for (size_t i = 0; i < c->mandatory_extensions.count; i++)
		if (!strcmp(c->mandatory_extensions.at[i], RELOAD_XMLNS_SELF_TUNING))
			return true;
	return false;
}

static enum reload_err number(
	uint32_t *out, const struct reload_xml_node *n, bool seen, struct reload_error_text *why)
{
	uint64_t v = 0;
	char *text = reload_xml_text(n);
	bool good = reload_text_number(&v, text, 0, UINT32_MAX);
	enum reload_err err = RELOAD_OK;
	if (seen || !good)
		err = reload_xml_fault(why, RELOAD_BAD_CONFIG, n,
			seen ? "keep one of them" : "4 is usual",
			seen ? "a second number-of-peers-to-probe"
			     : "number-of-peers-to-probe is \"%.40s\", it must be a number from "
			       "0 to 4294967295",
			text);
	free(text);
	*out = (uint32_t)v;
	return err;
}

/* What the author of the document may have meant otherwise. */
static void warn(struct reload_config *c, const struct reload_xml_node *element)
{
	if (c->peers_to_probe < RELOAD_PEERS_TO_PROBE)
		reload_config_warn(c,
			"number-of-peers-to-probe is %u: fewer than %d estimates of others make "
			"the interval wrong more often (RFC 7363 s6.5)",
			c->peers_to_probe, RELOAD_PEERS_TO_PROBE);
	if (!is_declared(c))
		reload_config_warn(c,
			"the mandatory-extension " RELOAD_XMLNS_SELF_TUNING
			" is missing: a node that does not know it may join (RFC 7363 s7)");
	for (const struct reload_xml_node *n = element->children; n; n = n->next)
		if (reload_xml_is(n, RELOAD_XMLNS_CHORD, "chord-reactive") && c->chord_reactive)
			reload_config_warn(c,
				"line %zu: chord-reactive is ignored: recovery is periodic with "
				"CHORD-SELF-TUNING (RFC 7363 s5)",
				n->line);
}

enum reload_err reload_self_tuning_read(struct reload_config *c,
	const struct reload_xml_node *element, struct reload_error_text *why)
{
	bool seen = false;
	for (const struct reload_xml_node *n = element->children; n; n = n->next) {
		if (!reload_xml_is(n, RELOAD_XMLNS_SELF_TUNING, "number-of-peers-to-probe"))
			continue;
		enum reload_err err = number(&c->peers_to_probe, n, seen, why);
		if (err)
			return err;
		seen = true;
	}
	if (!strcmp(c->topology_plugin, RELOAD_CHORD_SELF_TUNING))
		warn(c, element);
	return RELOAD_OK;
}
