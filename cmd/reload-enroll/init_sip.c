/* init: the Kind SIP-REGISTRATION, under which users register their addresses of record (RFC 7904). */
#include "reload-enroll/enroll.h"

#include "config/write.h"
#include "wire/codes.h"

#include <stdio.h>
#include <string.h>

/* Devices of a user, and bytes of a registration: a Destination List, and preferences. */
static const struct reload_kind sip_kind = {
	.id = RELOAD_KIND_SIP_REGISTRATION,
	.name = "SIP-REGISTRATION",
	.model = RELOAD_MODEL_DICTIONARY,
	.access = RELOAD_ACCESS_USER_NODE_MATCH,
	.max_count = 16,
	.max_size = 1024,
};

static enum reload_err refuse(struct reload_error_text *why, const char *pattern, const char *cause)
{
	char what[256];
	snprintf(what, sizeof(what), "--sip-domain %.150s is not possible", pattern);
	(void)reload_error_explain(why, RELOAD_USAGE, what, "%s", cause);
	reload_error_advise(why, "--sip-domain 'calls[.]example'");
	return RELOAD_USAGE;
}

enum reload_err enroll_sip_kind(
	char **element, const struct cli *cli, bool defined, struct reload_error_text *why)
{
	struct reload_kind kind = sip_kind;
	size_t n = cli_count(cli, "sip-domain");
	enum reload_err err = RELOAD_OK;
	struct wr w;
	wr_init(&w);
	for (size_t i = 0; i < n && !err; i++) {
		const char *pattern = cli_value_at(cli, "sip-domain", i);
		const char *fault = reload_domain_pattern_fault(pattern);
		if (fault || i == RELOAD_DOMAIN_PATTERNS_MAX || defined)
			err = refuse(why, pattern,
				fault     ? fault
				: defined ? "the Kind of the --kind file has its own restriction, "
					    "or none"
					  : "a Kind has 64 patterns at most");
		wr_bytes(&w, pattern, strlen(pattern) + 1);
	}
	kind.domains_restricted = n > 0;
	kind.domains = wr_done(&w);
	*element = err || defined ? NULL : reload_kind_element(&kind);
	wr_clear(&w);
	return err;
}
