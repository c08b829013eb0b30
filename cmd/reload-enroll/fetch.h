/* Fetching the configuration document of an overlay over HTTPS (RFC 6940 s11.2). */
#pragma once

#include "reload-enroll/https.h"

#include "common/options.h"

struct enroll_fetch {
	struct cli *cli;
	const char *pin, *ca_file; /* as in struct https_request */
	struct bytes document;     /* out: what was fetched, unchecked; freed by the caller */
	char from[400];            /* out: its URL */
};

/*
 * enroll_fetch_url() fetches the document from an https URL, enroll_fetch_overlay() from where DNS says that the overlay's configuration
 * server is, else from the host of that name.  Errors of https_do() and reload_srv_query(), RELOAD_FAILED when the server answers another
 * status than 200.
 */
enum reload_err enroll_fetch_url(
	struct enroll_fetch *f, const char *url, struct reload_error_text *why) MUST_CHECK;
enum reload_err enroll_fetch_overlay(
	struct enroll_fetch *f, const char *overlay, struct reload_error_text *why) MUST_CHECK;
