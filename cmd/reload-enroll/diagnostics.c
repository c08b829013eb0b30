/* init --diagnostics: who may read the diagnostics of nodes (RFC 7851 s7). */
#include "reload-enroll/enroll.h"

#include "util/alloc.h"
#include "wire/codes.h"

#include <string.h>

_Static_assert((int)ENROLL_GRANTS == (int)RELOAD_DIAGNOSTIC_LAST, "one grant a Kind");

enum reload_err enroll_diagnostics_read(
	struct reload_diagnostic_grant **out, const struct cli *cli, struct reload_error_text *why)
{
	const char *who = cli_value(cli, "diagnostics", "none");
	char what[128];
	if (!strcmp(who, "none"))
		return RELOAD_OK;
	if (!strcmp(who, "users") || !strcmp(who, "signers")) {
		*out = reload_alloc_array(ENROLL_GRANTS, sizeof(**out));
		return RELOAD_OK;
	}
	snprintf(what, sizeof(what), "--diagnostics %.80s is not possible", who);
	enum reload_err err =
		reload_error_explain(why, RELOAD_USAGE, what, "expected users, signers or none");
	reload_error_advise(why, "man 1 reload-enroll");
	return err;
}

void enroll_diagnostics_grant(struct reload_diagnostic_grant *grants, const struct cli *cli,
	const struct reload_id *signer)
{
	struct reload_id every = { .len = signer->len };
	memset(every.at, 0xff, every.len);
	bool users = !strcmp(cli_value(cli, "diagnostics", "none"), "users");
	for (int i = 0; grants && i < ENROLL_GRANTS; i++)
		grants[i] = (struct reload_diagnostic_grant){
			(uint16_t)(RELOAD_DIAGNOSTIC_STATUS_INFO + i), users ? every : *signer
		};
}
