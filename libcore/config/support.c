/* Settings that RFC 6940 allows and this program does not implement: such a document is refused. */
#include "config/internal.h"

enum reload_err reload_config_supported(
	const struct reload_config *c, struct reload_error_text *why)
{
	enum reload_err err = RELOAD_OK;
	if (c->shared_secret) {
		/* R-11.1-27: without TLS-PSK, nodes that do not know the secret could connect */
		err = reload_error_explain(why, RELOAD_BAD_CONFIG, "the overlay configuration",
			"it has a shared-secret, and TLS-PSK is not implemented: nodes that do not "
			"know the secret could connect");
		reload_error_advise(why,
			"leave shared-secret out, raise the sequence and sign the document again");
	} else if (!c->no_ice) {
		/* R-11.1-24: ICE is the default */
		err = reload_error_explain(why, RELOAD_BAD_CONFIG, "the overlay configuration",
			"it has no <no-ice>true</no-ice>, and ICE is not implemented: peers that "
			"use it "
			"would not be reached");
		reload_error_advise(why,
			"add <no-ice>true</no-ice>, raise the sequence and sign the "
			"document again");
	}
	return err;
}
