#include "common/own_gruu.h"

#include "common/call.h"
#include "common/json.h"
#include "usage/sip.h"

#include <string.h>

char *cli_own_gruu(const json_t *status, const char *user)
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
