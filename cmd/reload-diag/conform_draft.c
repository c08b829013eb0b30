/* Messages to the node that is checked, whose fields may all be wrong. */
#include "reload-diag/conform.h"

#include "ident/job.h"

#include <openssl/rand.h>
#include <stdlib.h>

void conform_random(void *out, size_t len)
{
	if (RAND_bytes(out, (int)len) != 1)
		abort(); /* no random numbers: nothing here is worth anything */
}

struct reload_id conform_random_id(const struct conform *c)
{
	struct reload_id id = { .len = c->ctx.node_id_len };
	conform_random(id.at, id.len);
	return id;
}

bool conform_stranger(struct conform *c)
{
	struct reload_id id = conform_random_id(c);
	struct wr der;
	if (c->stranger)
		return true;
	struct reload_cert_request req = { .overlay = c->me.config->instance_name,
		.user = "stranger@invalid",
		.node_ids = &id,
		.node_ids_count = 1,
		.not_before = cli_now() - 60000,
		.not_after = cli_now() + 3600000 };
	conform_random(req.serial, sizeof(req.serial));
	req.serial[0] = 1;
	wr_init(&der);
	if (!c->stranger_key && reload_key_new(&c->stranger_key, RELOAD_KEY_P256))
		c->stranger_key = NULL;
	if (!c->stranger_key || reload_cert_make(&der, &req, c->stranger_key, NULL, NULL) ||
		reload_cert_parse(&c->stranger, &reload_ident_openssl, wr_done(&der), NULL))
		c->stranger = NULL;
	wr_clear(&der);
	return c->stranger;
}

void draft_begin(struct conform *c, struct draft *d, uint16_t code)
{
	*d = (struct draft){ .code = code,
		.header = { .relo_token = RELOAD_TOKEN,
			.overlay = c->me.config->overlay_hash,
			.configuration_sequence = c->me.config->sequence,
			.version = RELOAD_VERSION_BYTE,
			.ttl = c->me.config->initial_ttl,
			.fragment = RELOAD_FRAGMENT_WHOLE } };
	conform_random(&d->header.transaction_id, sizeof(d->header.transaction_id));
	wr_init(&d->body);
	wr_init(&d->extensions);
	wr_init(&d->via);
	wr_init(&d->to);
	wr_init(&d->options);
}

void draft_ping(struct conform *c, struct draft *d)
{
	draft_begin(c, d, RELOAD_PING_REQ);
	wr_u16(&d->body, 0); /* no padding */
}

void draft_to_node(struct wr *list, const struct reload_id *id)
{
	wr_u8(list, RELOAD_DEST_NODE);
	wr_u8(list, id->len);
	wr_span(list, reload_id_span(id));
}

void draft_to_resource(struct wr *list, const struct reload_id *id)
{
	wr_u8(list, RELOAD_DEST_RESOURCE);
	wr_u8(list, (uint8_t)(id->len + 1));
	wr_u8(list, id->len);
	wr_span(list, reload_id_span(id));
}

void draft_end(struct draft *d)
{
	wr_clear(&d->body);
	wr_clear(&d->extensions);
	wr_clear(&d->via);
	wr_clear(&d->to);
	wr_clear(&d->options);
}

static void contents_write(const struct draft *d, struct wr *w)
{
	wr_u16(w, d->code);
	size_t mark = wr_open(w, 4);
	wr_span(w, wr_done(&d->body));
	wr_close(w, mark, 4);
	mark = wr_open(w, 4);
	wr_span(w, wr_done(&d->extensions));
	wr_close(w, mark, 4);
}

static void certificates_write(struct conform *c, const struct draft *d, struct wr *w)
{
	const struct reload_credentials *me = &c->me.credentials;
	bool strange = d->signing == CONFORM_SIGN_STRANGER;
	for (size_t i = 0; i <= (strange ? 0 : me->others_count); i++) {
		const struct reload_cert *cert = strange ? c->stranger
						 : i     ? me->others[i - 1]
							 : me->cert;
		struct reload_generic_certificate g = { .type = RELOAD_X509,
			.certificate = cert->der };
		reload_wire_write(w, &reload_generic_certificate_wire, &c->ctx, &g);
	}
}

/* The SecurityBlock behind contents. */
static void security_write(
	struct conform *c, const struct draft *d, struct span contents, struct wr *w)
{
	bool strange = d->signing == CONFORM_SIGN_STRANGER;
	struct wr identity;
	uint64_t transaction =
		d->header.transaction_id ^ (d->signing == CONFORM_SIGN_OTHER ? 1u : 0u);
	if (d->signing == CONFORM_SIGN_NOT) {
		static const uint8_t none[] = { 0, 0, 0, 0, RELOAD_IDENTITY_NONE, 0, 0, 0, 0 };
		wr_bytes(w, none, sizeof(none));
		return;
	}
	wr_init(&identity);
	if (strange)
		reload_cert_identity_write(&identity, c->stranger, &c->stranger->node_ids[0]);
	else
		wr_span(&identity, wr_done(&c->identity));
	struct reload_job *job = reload_job_sign(strange ? c->stranger_key : c->me.credentials.key);
	reload_msg_signature_input(
		&job->input, d->header.overlay, transaction, contents, wr_done(&identity));
	reload_job_run(job);
	size_t mark = wr_open(w, 2);
	certificates_write(c, d, w);
	wr_close(w, mark, 2);
	wr_u8(w, job->hash_alg);
	wr_u8(w, job->sig_alg);
	wr_span(w, wr_done(&identity));
	mark = wr_open(w, 2);
	wr_span(w, wr_done(&job->signature));
	wr_close(w, mark, 2);
	if (d->signing == CONFORM_SIGN_FLIPPED && !w->err)
		w->at[w->len - 1] ^= 1;
	reload_job_free(job);
	wr_clear(&identity);
}

void draft_write(struct conform *c, struct draft *d, struct wr *w)
{
	struct wr contents, security;
	size_t begin = w->len;
	wr_init(&contents);
	wr_init(&security);
	if (!d->to.len)
		draft_to_node(&d->to, &c->target);
	contents_write(d, &contents);
	security_write(c, d, wr_done(&contents), &security);
	d->header.via_list = wr_done(&d->via);
	d->header.destination_list = wr_done(&d->to);
	d->header.options = wr_done(&d->options);
	d->header.length = (uint32_t)(reload_header_size(&d->header) + contents.len + security.len +
				      d->claimed);
	reload_header_write(w, &d->header);
	wr_span(w, wr_done(&contents));
	wr_span(w, wr_done(&security));
	for (unsigned i = 0; i < d->patch.width && !w->err; i++)
		w->at[begin + d->patch.offset + i] =
			(uint8_t)(d->patch.value >> (8 * (d->patch.width - 1 - i)));
	wr_clear(&contents);
	wr_clear(&security);
}
