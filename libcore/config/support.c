/* Settings that RFC 6940 allows and this program does not implement: such a document is refused. */
#include "config/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void reload_config_unsupported(struct reload_config *c, const struct reload_xml_node *node,
	const char *hint, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	if (c->unsupported)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->unsupported = RELOAD_NEW(reload_error_text);
	(void)reload_xml_fault(c->unsupported, RELOAD_BAD_CONFIG, node, hint, "%s", text);
}

enum reload_err reload_config_supported(
	const struct reload_config *c, struct reload_error_text *why)
{
	if (c->unsupported) {
		if (why)
			*why = *c->unsupported;
		return RELOAD_BAD_CONFIG;
	}
	if (!c->shared_secret ||
		(*c->shared_secret && strlen(c->shared_secret) <= RELOAD_SECRET_MAX))
		return RELOAD_OK;
	/* R-11.1-27: links could not be made, or by anybody */
	enum reload_err err =
		reload_error_explain(why, RELOAD_BAD_CONFIG, "the overlay configuration",
			"its shared-secret has %zu bytes, and may have 1 to %d",
			strlen(c->shared_secret), RELOAD_SECRET_MAX);
	reload_error_advise(
		why, "change shared-secret, raise the sequence and sign the document again");
	return err;
}
