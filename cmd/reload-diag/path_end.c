#include "reload-diag/diag.h"

#include "common/call.h"

#include <string.h>

/* How a path ends, what that means for people, and the exit status. */
static const struct {
	const char *outcome, *text;
	enum reload_err err;
} ends[] = {
	{ "reached", "reached", RELOAD_OK },
	{ "absent", "no node has this Node-ID; its responsible peer was reached:", RELOAD_NO_NODE },
	{ "loop", "the path comes back to a node that it has passed, on the way to",
		RELOAD_FAILED },
	{ "limit", "more hops than a message may take, on the way to", RELOAD_LIMIT },
	{ "lost", "the last of these nodes does not answer, on the way to", RELOAD_TIMEOUT },
	{ "stopped", "the last of these nodes does not say where it goes on, on the way to",
		RELOAD_FAILED },
	{ "late", "the time was over, on the way to", RELOAD_TIMEOUT },
};

static size_t end_of(const json_t *o)
{
	const char *outcome = cli_get_text(o, "outcome");
	size_t i = 0;
	while (i + 1 < sizeof(ends) / sizeof(ends[0]) && strcmp(ends[i].outcome, outcome))
		i++;
	return i;
}

int diag_end_status(const json_t *result)
{
	return reload_err_exit(ends[end_of(result)].err);
}

void diag_put_end(FILE *out, const json_t *o)
{
	long long hops = cli_get_int(o, "hops");
	fprintf(out, "%s ", ends[end_of(o)].text);
	cli_put_safe(out, cli_get_text(o, "target"));
	fprintf(out, " after %lld hop%s\n", hops, cli_plural(hops));
}
