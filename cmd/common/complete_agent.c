/* Completion with what a running agent knows: Kinds, nodes and their users. */
#include "common/call.h"
#include "common/complete.h"

#include <string.h>

enum {
	AGENT_ANSWER_MS = 2000, /* a person has pressed Tab and is waiting */
	PREFIX_DIGITS = 8,
	PREFIX = 64
};

/* common_digits() returns the length of the common prefix of a and b. */
static size_t common_digits(const char *a, const char *b)
{
	size_t n = 0;
	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

/* prefix_digits() returns how many digits of hex are unique in the list: at least 8, so that a node that joins later seldom clashes. */
static size_t prefix_digits(const json_t *nodes, const char *hex)
{
	size_t i, digits = PREFIX_DIGITS;
	json_t *one;
	json_array_foreach (nodes, i, one) {
		const char *other = cli_get_text(one, "node_id");
		size_t same = common_digits(hex, other);
		if (strcmp(hex, other) != 0 && same >= digits)
			digits = same + 1;
	}
	return digits;
}

/* offer_node() offers the shortest unique prefix of the Node-ID, or all of it when more than that was typed. */
static void offer_node(const struct cli_typed *typed, const json_t *nodes, const json_t *node)
{
	char prefix[PREFIX];
	const char *hex = cli_get_text(node, "node_id"), *user = cli_get_text(node, "user");
	size_t digits = prefix_digits(nodes, hex);
	if (strlen(cli_typed_value(typed)) > strlen("node:") + digits)
		digits = strlen(hex);
	snprintf(prefix, sizeof(prefix), "node:%.*s", (int)digits, hex);
	cli_offer(typed, prefix, user);
}

/* offer_targets() offers nodes, and with `users` also user names, each once even if several nodes have it. */
static void offer_targets(const struct cli_typed *typed, const json_t *nodes, bool users)
{
	size_t i, k;
	json_t *node, *before;
	json_array_foreach (nodes, i, node) {
		const char *user = cli_get_text(node, "user");
		bool known = !strchr(user, '@');
		json_array_foreach (nodes, k, before)
			if (k < i && !strcmp(cli_get_text(before, "user"), user))
				known = true;
		if (users && !known)
			cli_offer(typed, user, NULL);
		offer_node(typed, nodes, node);
	}
}

/* offer_kinds() offers the names of Kinds, or their numbers when the word begins like a number. */
static void offer_kinds(const struct cli_typed *typed, const json_t *kinds)
{
	const char *begun = cli_typed_value(typed);
	bool hex = !strncmp(begun, "0x", 2), decimal = *begun >= '1' && *begun <= '9';
	char number[16];
	size_t i;
	json_t *kind;
	json_array_foreach (kinds, i, kind) {
		const char *name = cli_get_text(kind, "kind");
		long long id = json_integer_value(json_object_get(kind, "kind_id"));
		snprintf(number, sizeof(number), decimal ? "%lld" : "0x%08llx", id);
		if (hex || decimal)
			cli_offer(typed, number, name);
		else
			cli_offer(typed, name, cli_get_text(kind, "data_model"));
	}
}

void cli_complete_agent(struct cli *cli, const char *what, const struct cli_typed *typed)
{
	static const char *const places[] = { "succ", "pred", "finger", "wildcard" };
	bool kinds = !strcmp(what, "kinds"), targets = !strcmp(what, "targets");
	AUTO(cli_link) link = NULL;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *result = NULL;
	if (!kinds && !targets && strcmp(what, "keys") != 0)
		return;
	if (!kinds)
		cli_offer(typed, "self", NULL);
	for (size_t i = 0; targets && i < COUNT_OF(places); i++)
		cli_offer(typed, places[i], NULL);
	cli->deadline = cli_monotonic() + AGENT_ANSWER_MS;
	if (cli_link_open(&link, cli, CLI_LINK_NOW, -1, &why))
		return;
	if (cli_link_call(link, kinds ? "config.kinds" : "node.list", NULL, RELOAD_NEVER, NULL,
		    NULL, &result, &error))
		reload_call_error_clear(&error);
	else if (kinds)
		offer_kinds(typed, json_object_get(result, "kinds"));
	else
		offer_targets(typed, json_object_get(result, "nodes"), targets);
	json_decref(result);
}
