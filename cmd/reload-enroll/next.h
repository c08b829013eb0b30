/*
 * The next authority, or the next signer of configurations: made while the present one still signs, and in its place when the whole ring
 * trusts it.  Until then it is in the directory `next` of the authority.
 *
 *	config add-root, add-signer --> next/ --> config publish reached every peer --> in use
 *	                                          what was in use before --> old/FINGERPRINT/
 */
#pragma once

#include "reload-enroll/change.h"

/*
 * enroll_next_make() makes a signer with a new Node-ID, of user, and with_authority an authority of that name above it, and puts them into the
 * files of change; *root (NULL without an authority) and *signer are what the document has to list.  RELOAD_EXISTS when there is a next one already.
 */
enum reload_err enroll_next_make(struct enroll_change *change, bool with_authority,
	reload_utc until, struct reload_cert **root, struct reload_id *signer,
	struct reload_error_text *why) MUST_CHECK;

/*
 * enroll_next_take() lets what is next take the place of what is in use, when config, which every peer has, lists it; *taken is whether it did.
 * The caller holds no lock of the authority.  Without an authority of the overlay here nothing happens.
 */
enum reload_err enroll_next_take(bool *taken, struct cli *cli, const struct reload_config *config,
	struct reload_error_text *why) MUST_CHECK;

/* enroll_next_old() returns the directory (owned) for what was in use under the authority of cert. */
char *enroll_next_old(const struct enroll_authority *authority, const struct reload_cert *cert);
