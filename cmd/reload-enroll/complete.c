/* Completion of arguments that only reload-enroll has: access policies, and users of the identities that are here. */
#include "reload-enroll/enroll.h"

#include "common/complete.h"
#include "common/home.h"
#include "config/kind.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* offer_users() offers the users of the identities that are here. */
static void offer_users(const struct cli_typed *typed)
{
	char *dir = NULL;
	size_t count = 0;
	if (cli_path(&dir, CLI_CONFIG, "identity", NULL))
		return;
	char **names = cli_list(dir, "cert.pem", &count);
	for (size_t i = 0; i < count; i++) {
		char path[4096];
		struct reload_cert *cert = NULL, **others = NULL;
		size_t others_count = 0;
		struct reload_error_text why;
		snprintf(path, sizeof(path), "%s/%s/cert.pem", dir, names[i]);
		if (cli_certs_load(&cert, &others, &others_count, path, &why))
			continue;
		cli_offer(typed, cert->user ? cert->user : "", names[i]);
		cli_certs_free(others, others_count);
		reload_cert_free(cert);
	}
	cli_names_free(names, count);
	free(dir);
}

static void offer_policies(const struct cli_typed *typed)
{
	char word[32];
	for (enum reload_access_policy a = RELOAD_ACCESS_USER_MATCH;
		a <= RELOAD_ACCESS_NODE_MULTIPLE; a++) {
		snprintf(word, sizeof(word), "%s", reload_access_policy_name(a));
		for (char *c = word; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		cli_offer(typed, word, NULL);
	}
}

void enroll_complete(struct cli *cli, const char *what, const struct cli_typed *typed)
{
	(void)cli;
	if (!strcmp(what, "policies"))
		offer_policies(typed);
	else if (!strcmp(what, "users"))
		offer_users(typed);
}
