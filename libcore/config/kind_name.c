/* Names of Kinds: registered ones, and those that a document gives in an extension element (RFC 6940 s11.1). */
#include "config/internal.h"

#include <ctype.h>
#include <strings.h>

#define BAD(why, node, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, node, hint, __VA_ARGS__)

const char *reload_kind_name(const struct reload_kind *kind)
{
	return kind->name ? kind->name : kind->given[0] ? kind->given : NULL;
}

bool reload_kind_name_valid(const char *name)
{
	if (!isalpha((unsigned char)name[0]) || strlen(name) > RELOAD_KIND_NAME_MAX)
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return false;
	return true;
}

bool reload_kind_name_reserved(const char *name)
{
	static const char *const registry[] = { "SIP-REGISTRATION", "TURN-SERVICE",
		"CERTIFICATE_BY_NODE", "CERTIFICATE_BY_USER", "ACCESS-CONTROL-LIST", "REDIR" };
	for (size_t i = 0; i < COUNT_OF(registry); i++)
		if (strcasecmp(registry[i], name) == 0)
			return true;
	return false;
}

enum reload_err reload_kind_name_read(
	struct reload_kind *kind, const struct reload_xml_node *node, struct reload_error_text *why)
{
	enum reload_err err = RELOAD_OK;
	char *name = reload_xml_text(node);
	if (kind->name)
		err = BAD(why, node, "leave the element out",
			"a name for the registered Kind %s, which has one", kind->name);
	else if (kind->given[0])
		err = BAD(why, node, NULL, "a second name of one Kind");
	else if (!reload_kind_name_valid(name))
		err = BAD(why, node, "<name xmlns=\"" RELOAD_XMLNS_OWN "\">CALL-LIST</name>",
			"the name of a Kind begins with a letter, has letters, digits, - and _, "
			"and %d characters at most",
			RELOAD_KIND_NAME_MAX);
	else if (reload_kind_name_reserved(name))
		err = BAD(why, node, "take a name of your own",
			"the name %s is that of a registered Kind", name);
	else
		snprintf(kind->given, sizeof(kind->given), "%s", name);
	free(name);
	return err;
}

const struct reload_kind *reload_kind_namesake(
	const struct reload_config_kind_list *kinds, const struct reload_kind *kind)
{
	for (size_t i = 0; kind->given[0] && i < kinds->count; i++)
		if (kinds->at[i].id != kind->id && !strcasecmp(kinds->at[i].given, kind->given))
			return &kinds->at[i];
	return NULL;
}
