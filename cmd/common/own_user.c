#include "common/own_user.h"

#include "common/call.h"
#include "common/json.h"
#include "ident/aor.h"
#include "usage/sip.h"

#include <stdlib.h>
#include <string.h>

static char *gruu_of(const json_t *status, const char *user)
{
	struct reload_destination list[2];
	struct reload_id id;
	size_t n = 0;
	struct wr w;
	const char *peer = cli_get_text(status, "admitting_peer");
	bool client = !strcmp(cli_get_text(status, "role"), "client");
	if (client && *peer && !reload_id_from_hex(&id, peer))
		list[n++] = reload_dest_node(&id);
	if (!reload_id_from_hex(&id, cli_get_text(status, "node_id")))
		list[n++] = reload_dest_node(&id);
	struct wire_ctx ctx = { .node_id_len = n ? list[n - 1].node.len : 16 };
	wr_init(&w);
	reload_gruu_write(&w, &ctx, user, list, n);
	wr_u8(&w, 0);
	return (char *)w.at;
}

void cli_own_user_clear(struct cli_own_user *u)
{
	free(u->user);
	free(u->node);
	free(u->overlay);
	free(u->gruu);
	*u = (struct cli_own_user){ 0 };
}

enum reload_err cli_own_user_read(
	struct cli_own_user *out, const json_t *status, struct reload_error_text *why)
{
	struct reload_aor own;
	const char *user = cli_get_text(status, "user"), *name = cli_get_text(status, "instance");
	const char *state = cli_get_text(status, "state");
	const char *overlay = cli_get_text(status, "overlay");
	if (strcmp(state, "joined") != 0) {
		(void)reload_error_explain(why, RELOAD_NOT_JOINED, "no calls now",
			"the agent %s is not part of the overlay, its state is %s", name, state);
		reload_error_advise(why, "reload-join -a %s", name);
		return RELOAD_NOT_JOINED;
	}
	if (reload_aor_parse(&own, span_str(user))) {
		(void)reload_error_explain(why, RELOAD_BAD_CERT, "no calls with this certificate",
			"the user name %.200s of the agent %s is no AOR", user, name);
		reload_error_advise(why, "reload-enroll issue USER@%s", overlay);
		return RELOAD_BAD_CERT;
	}
	cli_own_user_clear(out);
	out->user = reload_strdup(own.name);
	out->node = reload_strdup(cli_get_text(status, "node_id"));
	out->overlay = reload_strdup(overlay);
	out->gruu = gruu_of(status, own.name);
	out->ice = json_is_object(json_object_get(json_object_get(status, "links"), "paths"));
	return RELOAD_OK;
}
