#include "reload-sip-call/choose.h"

#include "common/home.h"
#include "control/client_io.h"
#include "ident/aor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	ASK_MS = 2000, /* for one agent to say what it hosts */
	ANY = 1,       /* how well an agent fits */
	BY_NAME = 2,
	BY_RESTRICTION = 3
};

static int fit_of(const json_t *hosts, const struct reload_aor *aor, bool anonymous)
{
	struct reload_aor own;
	if (!cli_get_bool(hosts, "hosted") || cli_get_bool(hosts, "pseudonym") != anonymous)
		return 0;
	if (!reload_aor_parse(&own, span_str(cli_get_text(hosts, "user"))) &&
		!strcmp(own.name, aor->name))
		return 0; /* nobody calls the own user */
	if (cli_get_bool(hosts, "restricted"))
		return BY_RESTRICTION;
	return strcasecmp(cli_get_text(hosts, "overlay"), aor->domain) ? ANY : BY_NAME;
}

/* What the agent says of the domain (owned); NULL: nothing. */
static json_t *ask(const char *instance, const struct reload_aor *aor)
{
	struct reload_error_text why;
	struct reload_client *client;
	struct reload_call_error error = { 0 };
	char *path;
	json_t *hosts = NULL;
	reload_ms deadline = cli_monotonic() + ASK_MS;
	if (cli_socket_path(&path, instance, false, &why))
		return NULL;
	if (!reload_client_connect(&client, path, instance, deadline, -1, &why)) {
		if (reload_client_call(client, "sip.hosts", json_pack("{s:s}", "aor", aor->name),
			    deadline, NULL, NULL, &hosts, &error))
			hosts = NULL;
		reload_call_error_clear(&error);
		reload_client_free(client);
	}
	free(path);
	return hosts;
}

void choose_agent(struct cli *cli, const char *text, bool anonymous)
{
	const char *env = getenv("RELOAD_AGENT");
	struct reload_aor aor;
	size_t count = 0, best = 0;
	int fit = 0;
	bool several = false;
	if (cli_has(cli, "agent") || (env && *env) || reload_aor_parse(&aor, span_str(text)))
		return;
	char **names = cli_instances(&count);
	for (size_t i = 0; count > 1 && i < count; i++) {
		json_t *hosts = ask(names[i], &aor);
		int fits = hosts ? fit_of(hosts, &aor, anonymous) : 0;
		json_decref(hosts);
		if (fits > fit) {
			fit = fits;
			best = i;
			several = false;
		} else if (fits && fits == fit) {
			several = true;
		}
	}
	if (fit && !several)
		(void)setenv("RELOAD_AGENT", names[best], true);
	cli_names_free(names, count);
}
