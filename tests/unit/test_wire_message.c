/* Whole messages, and the bodies of the methods that do not store. */
#include "wire_hex.h"

#define ID_A "101112131415161718191a1b1c1d1e1f"
#define ID_B "404142434445464748494a4b4c4d4e4f"

/* An unsigned message to node B with that code and body. */
static struct wr message(struct wire_ctx *ctx, uint16_t code, const char *body)
{
	struct wr contents, w;
	wr_init(&contents);
	wr_init(&w);
	reload_contents_write_bytes(&contents, ctx, code, wire_hex(ctx->arena, body), NULL, 0);
	struct reload_header h = { .relo_token = RELOAD_TOKEN, .fragment = RELOAD_FRAGMENT_WHOLE };
	h.destination_list = wire_hex(ctx->arena, "0110" ID_B);
	struct reload_security_block s = { .signature.identity.type = RELOAD_IDENTITY_NONE };
	reload_msg_write(&w, ctx, &h, wr_done(&contents), &s);
	assert_int_equal(w.err, RELOAD_OK);
	wr_clear(&contents);
	return w;
}

static enum reload_err body(struct wire_ctx *ctx, uint16_t code, const char *hex)
{
	struct wr w = message(ctx, code, hex);
	AUTO(reload_msg) m = NULL;
	assert_int_equal(reload_msg_decode(&m, wr_done(&w), ctx), RELOAD_OK);
	wr_clear(&w);
	return reload_msg_body(m, ctx);
}

static void codes_come_in_pairs(void **state)
{
	(void)state;
	int requests = 0;
	/* R-6.3.3-02 */
	for (uint32_t code = 0; code <= UINT16_MAX; code++) {
		const char *name = reload_code_name((uint16_t)code);
		if (!name)
			continue;
		assert_true(code == RELOAD_ERROR || (code > 0 && code < 0x8000));
		const char *end = name + strlen(name) - 4;
		if (code == RELOAD_ERROR) {
			assert_false(reload_code_is_request((uint16_t)code));
		} else if (reload_code_is_request((uint16_t)code)) {
			requests++;
			assert_string_equal(end, "_req");
			const char *answer = reload_code_name((uint16_t)(code + 1));
			assert_non_null(answer);
			assert_int_equal(strncmp(answer, name, (size_t)(end - name)), 0);
		} else {
			assert_string_equal(end, "_ans");
		}
		bool empty = reload_body_is_empty((uint16_t)code);
		assert_int_equal(empty, reload_body_wire((uint16_t)code) == NULL);
	}
	assert_int_equal(requests, 14);
	assert_null(reload_body_wire(0x23));
	assert_false(reload_body_is_empty(0x23));
}

static void extensions(void **state)
{
	(void)state;
	AUTO(reload_msg) m = vector_msg("ping-req-extensions");
	/* R-6.3.3-03 */
	assert_int_equal(m->extensions_count, 2);
	assert_int_equal(m->extensions[0].type, 1);
	assert_true(m->extensions[0].critical);
	span_is(m->extensions[0].contents, "\x2a");
	assert_int_equal(m->extensions[1].type, 0x7000);
	assert_false(m->extensions[1].critical);
}

static void bodies_fit_their_structure(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	/* R-6.3.3-06 */
	assert_int_equal(body(ctx, RELOAD_PING_ANS, "00000000000000010000000000000002"), RELOAD_OK);
	assert_int_equal(
		body(ctx, RELOAD_PING_ANS, "000000000000000100000000000000"), RELOAD_SHORT);
	assert_int_equal(
		body(ctx, RELOAD_PING_ANS, "0000000000000001000000000000000200"), RELOAD_TRAILING);
	/* no structure is known for it */
	assert_int_equal(body(ctx, 0x23, "00"), RELOAD_UNKNOWN_TYPE);
	/* R-6.3.3.1-02: an error with another body */
	assert_int_equal(body(ctx, RELOAD_ERROR, "0003 0002 6e6f"), RELOAD_OK);
	assert_int_equal(body(ctx, RELOAD_ERROR, "0003"), RELOAD_SHORT);
	assert_int_equal(body(ctx, RELOAD_ERROR, "0003 0002 6e6f00"), RELOAD_TRAILING);
}

static void what_we_accept_but_never_send(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_ping_req ping;
	struct reload_chord_update u;
	struct reload_ice_candidate c;
	/* interop MSG-01: an empty PingReq; it goes out as 00 00 */
	assert_int_equal(body(ctx, RELOAD_PING_REQ, ""), RELOAD_OK);
	assert_int_equal(wire_get(&reload_ping_req_wire, ctx, "", &ping), RELOAD_OK);
	wire_put(&reload_ping_req_wire, ctx, &ping, "0000");
	assert_int_equal(body(ctx, RELOAD_PING_REQ, "00"), RELOAD_SHORT);
	/* interop MSG-05: extra bytes in three empty answers */
	assert_int_equal(body(ctx, RELOAD_UPDATE_ANS, "0000"), RELOAD_OK);
	assert_int_equal(body(ctx, RELOAD_LEAVE_ANS, "0000"), RELOAD_OK);
	assert_int_equal(body(ctx, RELOAD_CONFIG_UPDATE_ANS, "0000"), RELOAD_OK);
	/* interop MSG-07: a full update without fingers */
	assert_int_equal(
		wire_get(&reload_chord_update_wire, ctx, "00000001 03 0000 0000", &u), RELOAD_OK);
	wire_put(&reload_chord_update_wire, ctx, &u, "00000001 03 0000 0000 0000");
	/* interop MSG-03: candidate type 3 has a related address */
	assert_int_equal(wire_get(&reload_ice_candidate_wire, ctx,
				 "0106c000020117c4 01 0131 7effffff 03 0106c000020217c4 0000", &c),
		RELOAD_OK);
	assert_int_equal(c.type, RELOAD_CAND_RESERVED);
}

static void parts_add_up(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct wr w = message(ctx, RELOAD_PING_REQ, "0000");
	struct reload_msg *m = NULL;
	/* interop MSG-12: `length` against the bytes, and the parts against `length` */
	w.at[19]++;
	assert_int_equal(reload_msg_decode(&m, wr_done(&w), ctx), RELOAD_SHORT);
	wr_u8(&w, 0);
	assert_int_equal(reload_msg_decode(&m, wr_done(&w), ctx), RELOAD_TRAILING);
	w.at[19]--;
	assert_int_equal(reload_msg_decode(&m, wr_done(&w), ctx), RELOAD_TRAILING);
	assert_null(m);
	wr_clear(&w);
}

static void writers_pass_failures_on(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_join_req join = { .joining_peer_id = { .len = 16 } };
	struct wr w;
	wr_init(&w);
	reload_contents_write(&w, ctx, RELOAD_JOIN_REQ, &join, NULL, 0);
	assert_int_equal(w.err, RELOAD_BAD_VALUE);
	wr_clear(&w);
	reload_contents_write(&w, ctx, 0x23, &join, NULL, 0);
	assert_int_equal(w.err, RELOAD_UNKNOWN_TYPE);
	wr_clear(&w);
	reload_contents_write(&w, ctx, RELOAD_JOIN_REQ, NULL, NULL, 0);
	assert_int_equal(w.err, RELOAD_UNKNOWN_TYPE);
	wr_clear(&w);
	/* R-6.4.2.2-06, R-6.4.2.3-04, R-6.5.4-11 */
	static const uint16_t empty[] = { RELOAD_LEAVE_ANS, RELOAD_UPDATE_ANS,
		RELOAD_CONFIG_UPDATE_ANS };
	for (size_t i = 0; i < COUNT_OF(empty); i++) {
		reload_contents_write(&w, ctx, empty[i], NULL, NULL, 0);
		assert_int_equal(w.len, 2 + 4 + 4);
		assert_memory_equal(w.at + 2, "\0\0\0\0\0\0\0\0", 8);
		wr_clear(&w);
	}
}

static void json_of_a_message(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct wr w = message(ctx, 0x23, "abcd"); /* an unknown code: the body stays bytes */
	AUTO(reload_msg) m = NULL;
	assert_int_equal(reload_msg_decode(&m, wr_done(&w), ctx), RELOAD_OK);
	json_t *j = reload_msg_json(m, ctx);
	assert_int_equal(json_integer_value(json_object_get(j, "message_code")), 0x23);
	assert_string_equal(json_string_value(json_object_get(j, "body")), "abcd");
	json_t *list = json_object_get(json_object_get(j, "header"), "destination_list");
	assert_int_equal(json_array_size(list), 1);
	json_t *d = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(d, "type")), "node");
	assert_string_equal(json_string_value(json_object_get(d, "node")), ID_B);
	json_decref(j);
	wr_clear(&w);
}

static void join_and_leave(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_join_req join;
	struct reload_join_ans joined;
	/* R-6.4.2.1-01, R-6.4.2.1-02 */
	wire_both(&reload_join_req_wire, ctx, ID_A "0000", &join);
	wire_both(&reload_join_req_wire, ctx, ID_A "0002 abcd", &join);
	assert_int_equal(join.overlay_specific_data.len, 2);
	wire_both(&reload_join_ans_wire, ctx, "0000", &joined);
	/* R-6.4.2.2-02 */
	AUTO(reload_msg) m = vector_msg("leave-req-from-pred");
	struct reload_chord_leave leave;
	assert_int_equal(reload_wire_decode(m->body.leave_req.overlay_specific_data,
				 &reload_chord_leave_wire, ctx, &leave),
		RELOAD_OK);
	assert_int_equal(leave.type, RELOAD_CHORD_FROM_PRED);
	assert_int_equal(leave.peers_count, 2);
	assert_int_equal(leave.peers[0].at[0], 0xd0);
}

static void updates(void **state)
{
	(void)state;
	/* R-10.7-01 */
	AUTO(reload_msg) ready = vector_msg("chord-update-peer-ready");
	assert_int_equal(ready->body.update.type, RELOAD_CHORD_PEER_READY);
	assert_int_equal(ready->body_bytes.len, 5);
	AUTO(reload_msg) near = vector_msg("chord-update-neighbors");
	assert_int_equal(near->body.update.uptime, 3600);
	assert_int_equal(near->body.update.predecessors_count, 3);
	assert_int_equal(near->body.update.successors[2].at[0], 0xa0);
	AUTO(reload_msg) full = vector_msg("chord-update-full");
	assert_int_equal(full->body.update.fingers_count, 3);
	for (size_t i = 1; i < 3; i++)
		assert_true(reload_id_cmp(&full->body.update.fingers[i - 1],
				    &full->body.update.fingers[i]) < 0);
}

static void route_queries(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_route_query_req q;
	struct reload_chord_route_query_ans a;
	/* R-6.4.2.4-02: node, resource, opaque id */
	wire_both(&reload_route_query_req_wire, ctx, "00 0110" ID_A "0000", &q);
	assert_int_equal(q.destination.type, RELOAD_DEST_NODE);
	wire_both(&reload_route_query_req_wire, ctx, "00 021110" ID_A "0000", &q);
	assert_int_equal(q.destination.type, RELOAD_DEST_RESOURCE);
	wire_both(&reload_route_query_req_wire, ctx, "00 802a 0000", &q);
	assert_int_equal(q.destination.type, RELOAD_DEST_OPAQUE);
	/* R-10.8-01: a bare Node-ID */
	wire_both(&reload_chord_route_query_ans_wire, ctx, ID_B, &a);
	assert_int_equal(a.next_peer.at[0], 0x40);
}

static void probes_and_pings(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_probe_req req;
	struct reload_probe_ans ans;
	struct reload_ping_ans pong;
	/* R-6.4.2.5-01 */
	wire_both(&reload_probe_req_wire, ctx, "00", &req);
	wire_both(&reload_probe_req_wire, ctx, "03 010203", &req);
	assert_int_equal(req.requested_info.len, 3);
	/* an unknown type between known ones (interop MSG-14) */
	wire_both(&reload_probe_ans_wire, ctx, "000f 01 04 07735940 4d 01 ff 03 04 00000e10", &ans);
	assert_int_equal(ans.probe_info_count, 3);
	assert_int_equal(ans.probe_info[0].value, 125000000);
	assert_int_equal(ans.probe_info[1].raw.len, 1);
	assert_int_equal(ans.probe_info[2].value, 3600);
	assert_int_equal(wire_get(&reload_probe_ans_wire, ctx, "0007 01 05 0773594000", &ans),
		RELOAD_TRAILING);
	/* R-6.5.3-02: padding of several sizes */
	static const size_t sizes[] = { 0, 1, 1400, 4000, 65535 };
	uint8_t *zeroes = reload_alloc(65535);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct reload_ping_req ping = { span_of(zeroes, sizes[i]) }, back;
		struct wr w;
		wr_init(&w);
		reload_wire_write(&w, &reload_ping_req_wire, ctx, &ping);
		assert_int_equal(w.len, 2 + sizes[i]);
		assert_int_equal(reload_wire_decode(wr_done(&w), &reload_ping_req_wire, ctx, &back),
			RELOAD_OK);
		assert_int_equal(back.padding.len, sizes[i]);
		wr_clear(&w);
	}
	free(zeroes);
	wire_both(&reload_ping_ans_wire, ctx, "1111222233334444 0000018cc251f9dc", &pong);
	assert_int_equal(pong.response_id, 0x1111222233334444);
	assert_int_equal(pong.time, 1704067201500);
}

static void attaches(void **state)
{
	(void)state;
	AUTO(reload_msg) m = vector_msg("attach-ans-srflx");
	const struct reload_attach *a = &m->body.attach;
	/* R-6.5.1.7-01 */
	span_is(a->ufrag, "9uB6");
	span_is(a->role, "active");
	assert_int_equal(a->candidates_count, 3);
	/* R-6.5.1.1-05 */
	assert_int_equal(a->candidates[0].type, RELOAD_CAND_HOST);
	assert_int_equal(a->candidates[0].rel_addr_port.type, 0);
	assert_int_equal(a->candidates[1].addr_port.type, RELOAD_IPV6);
	assert_int_equal(a->candidates[2].type, RELOAD_CAND_SRFLX);
	assert_int_equal(a->candidates[2].priority, 1694498815);
	assert_int_equal(a->candidates[2].rel_addr_port.addr[0], 10);
	/* R-6.5.1.1-08 */
	assert_int_equal(a->candidates[2].extensions_count, 1);
	span_is(a->candidates[2].extensions[0].name, "generation");
	span_is(a->candidates[2].extensions[0].value, "0");
	/* R-6.5.1.1-06 */
	assert_int_equal(a->candidates[0].overlay_link, RELOAD_DTLS_UDP_SR);
	AUTO(reload_msg) no_ice = vector_msg("attach-req-no-ice");
	assert_int_equal(no_ice->body.attach.candidates[0].overlay_link, 4);
	/* R-6.5.1.1-03: the types that work without ICE, and only these, say so in their names */
	const struct wire_ctx plain = { .node_id_len = 16 };
	for (unsigned type = 1; type <= 4; type++) {
		struct reload_ice_candidate one = no_ice->body.attach.candidates[0];
		one.overlay_link = (uint8_t)type;
		json_t *j = reload_wire_json(&reload_ice_candidate_wire, &plain, &one);
		const char *name = json_string_value(json_object_get(j, "overlay_link"));
		if (name)
			assert_int_equal(strstr(name, "NO-ICE") != NULL, type >= 3);
		else
			assert_int_equal(type, 2);
		json_decref(j);
	}
	/* R-6.5.1.3-02: one offer; no media streams, components, default candidate or ice-lite in it */
	json_t *offer = reload_wire_json(&reload_attach_wire, &plain, &no_ice->body.attach);
	static const char *const fields[] = { "ufrag", "password", "role", "candidates",
		"send_update" };
	assert_int_equal(json_object_size(offer), COUNT_OF(fields));
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		assert_non_null(json_object_get(offer, fields[i]));
	json_decref(offer);
	assert_int_equal(no_ice->body.attach.ufrag.len, 0);
	/* R-6.5.2-01 */
	AUTO(reload_msg) app = vector_msg("app-attach-req");
	assert_int_equal(app->body.app_attach.application, 5061);
	span_is(app->body.app_attach.role, "passive");
	assert_int_equal(app->body.app_attach.candidates_count, 1);
}

static void config_updates(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_config_update u;
	AUTO(reload_msg) config = vector_msg("config-update-config");
	/* R-6.5.4-02 */
	assert_int_equal(config->header.configuration_sequence, RELOAD_SEQUENCE_ANY);
	assert_int_equal(config->body.config_update.type, RELOAD_CONFIG_UPDATE_CONFIG);
	assert_int_equal(config->body.config_update.config.len, 81);
	AUTO(reload_msg) kind = vector_msg("config-update-kind");
	assert_int_equal(kind->body.config_update.kinds_count, 1);
	assert_int_equal(kind->body.config_update.kinds[0].kind_block.len, 48);
	/* an unknown type is kept, a wrong length is not */
	wire_both(&reload_config_update_wire, ctx, "07 00000002 abcd", &u);
	assert_int_equal(u.raw.len, 2);
	assert_int_equal(
		wire_get(&reload_config_update_wire, ctx, "01 00000006 000002 3c3e 00", &u),
		RELOAD_TRAILING);
}

static void error_codes(void **state)
{
	(void)state;
	assert_string_equal(reload_error_code_name(2), "Error_Forbidden");
	assert_string_equal(reload_error_code_name(17), "Error_In_Progress");
	assert_string_equal(reload_error_code_name(20), "Error_Invalid_Message");
	assert_null(reload_error_code_name(0));
	assert_null(reload_error_code_name(1));
	assert_null(reload_error_code_name(18));
	/* R7851-10: the codes of RFC 7851 s9.4 */
	assert_string_equal(reload_error_code_name(21), "Error_Underlay_Destination_Unreachable");
	assert_string_equal(reload_error_code_name(22), "Error_Underlay_Time_Exceeded");
	assert_string_equal(reload_error_code_name(23), "Error_Message_Expired");
	assert_string_equal(reload_error_code_name(24), "Error_Upstream_Misrouting");
	assert_string_equal(reload_error_code_name(25), "Error_Loop_Detected");
	assert_string_equal(reload_error_code_name(26), "Error_TTL_Hops_Exceeded");
	assert_null(reload_error_code_name(27));
	/* the overlay's failures in the list of all failures carry the same names */
	for (uint16_t code = 0; code < 32; code++) {
		const char *name = reload_error_code_name(code);
		if (name)
			assert_string_equal(name, reload_err_text(reload_err_from_overlay(code)));
	}
	AUTO(reload_msg) m = vector_msg("error-not-found");
	/* R-6.3.3.1-03 */
	assert_int_equal(m->body.error.error_code, 3);
	span_is(m->body.error.error_info, "no such resource");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(codes_come_in_pairs),
		wire_test(extensions),
		wire_test(bodies_fit_their_structure),
		wire_test(what_we_accept_but_never_send),
		wire_test(parts_add_up),
		wire_test(writers_pass_failures_on),
		wire_test(json_of_a_message),
		wire_test(join_and_leave),
		wire_test(updates),
		wire_test(route_queries),
		wire_test(probes_and_pings),
		wire_test(attaches),
		wire_test(config_updates),
		wire_test(error_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
