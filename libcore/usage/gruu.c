/* GRUUs (RFC 7904 s6): Destination Lists as parameters of SIP URIs. */
#include "usage/sip.h"

#include "ident/aor.h"
#include "util/text.h"

#include <stdlib.h>

const char *reload_sip_list_fault(const struct reload_destination *list, size_t count)
{
	if (!count)
		return "it is empty";
	if (count > RELOAD_SIP_LIST_MAX)
		return "it has more than 32 entries";
	if (count == 1 && list[0].type == RELOAD_DEST_OPAQUE && list[0].short_form)
		return "it has fewer than 3 bytes";
	for (size_t i = 0; i < count; i++) {
		if (list[i].type != RELOAD_DEST_NODE && list[i].type != RELOAD_DEST_OPAQUE)
			return "it has an entry that leads to no node";
		if (list[i].type == RELOAD_DEST_NODE &&
			(reload_id_is_zero(&list[i].node) || reload_id_is_wildcard(&list[i].node)))
			return "it has a Node-ID that no node has";
	}
	return NULL;
}

void reload_gruu_write(struct wr *w, const struct wire_ctx *ctx, const char *aor,
	const struct reload_destination *list, size_t count)
{
	struct wr bytes;
	wr_init(&bytes);
	for (size_t i = 0; i < count; i++)
		reload_wire_write(&bytes, &reload_destination_wire, ctx, &list[i]);
	char *text = reload_base64(wr_done(&bytes));
	for (char *c = text; *c; c++)
		if (*c == '=')
			*c = '~';
	reload_aor_write(w, aor);
	wr_span(w, span_str(";gr="));
	wr_span(w, span_str(text));
	if (bytes.err)
		wr_fail(w, bytes.err);
	free(text);
	wr_clear(&bytes);
}

/* Base64 with "~" or nothing for "=", and perhaps with %-escapes; *out is owned. */
static enum reload_err unbase64(uint8_t **out, size_t *len, struct span gr)
{
	struct wr w;
	wr_init(&w);
	enum reload_err err =
		gr.len > RELOAD_AOR_TEXT_MAX ? RELOAD_BAD_VALUE : reload_aor_unescape(&w, gr);
	for (size_t i = 0; !err && i < w.len; i++)
		if (w.at[i] == '~')
			w.at[i] = '=';
	while (!err && w.len % 4 && w.len % 4 != 1)
		wr_u8(&w, '=');
	if (!err)
		err = reload_unbase64(out, len, (const char *)w.at, w.len);
	wr_clear(&w);
	return err;
}

enum reload_err reload_gruu_read(
	struct reload_destination **list, size_t *count, struct span gr, const struct wire_ctx *ctx)
{
	uint8_t *raw = NULL;
	size_t len = 0, n = 0;
	enum reload_err err = gr.len ? unbase64(&raw, &len, gr) : RELOAD_BAD_VALUE;
	if (err)
		return err;
	struct span bytes = reload_arena_copy(ctx->arena, span_of(raw, len));
	free(raw);
	/* no Destination has the type 0, so it can only be the length of a vector */
	if (bytes.len >= 2 && !bytes.at[0] && bytes.at[1] == bytes.len - 2)
		bytes = span_of(bytes.at + 2, bytes.len - 2);
	struct reload_destination *all =
		reload_arena_take(ctx->arena, RELOAD_SIP_LIST_MAX * sizeof(*all));
	struct rd r = rd_of(bytes);
	while (n < RELOAD_SIP_LIST_MAX && reload_dest_next(&r, ctx, &all[n]))
		n++;
	if (r.err || rd_more(&r) || reload_sip_list_fault(all, n))
		return RELOAD_BAD_VALUE;
	*list = all;
	*count = n;
	return RELOAD_OK;
}
