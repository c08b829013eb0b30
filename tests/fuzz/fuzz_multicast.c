/*
 * What comes in a multicast group, and in answer to what was asked there: anybody on the local network can send it.
 *
 * Always true: a datagram that is taken was signed by a node of the overlay, so that of a good one no signed byte was changed; a
 * question is no node's own; an answer names four addresses at most, to each of which something can be sent.
 *
 * The first byte of the input: 0 a question, 1 an answer as they came; 2 and 3 the same, but a good one with the bytes of the rest added to it.
 */
#include "config/write.h"
#include "service/multicast.h"
#include "sim/ident.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OVERLAY "fuzz.example"

enum {
	TRANSACTION = 77
};

struct side {
	struct reload_credentials credentials;
	struct reload_multicast_node by;
};

static struct side asker, other;
static struct wr question, answer;

static void side_make(struct side *s, const struct reload_config *config, uint8_t first)
{
	s->credentials.node = (struct reload_id){ .len = 16, .at = { first } };
	s->credentials.cert = reload_sim_cert("u@" OVERLAY, OVERLAY, &s->credentials.node);
	s->credentials.key = reload_sim_key(s->credentials.cert);
	s->by = (struct reload_multicast_node){ config, &s->credentials, RELOAD_SIM_EPOCH };
}

static void begin(void)
{
	struct reload_id node = { .len = 16, .at = { 0xaa } };
	struct reload_cert *root = reload_sim_cert("", OVERLAY, NULL),
			   *cert = reload_sim_cert("s@" OVERLAY, OVERLAY, &node);
	struct reload_config_signer signer = {
		.key = reload_sim_key(cert), .cert = cert, .node = node
	};
	struct reload_config_draft draft = { .instance_name = OVERLAY,
		.expiration = RELOAD_NEVER,
		.roots = &root->der,
		.roots_count = 1,
		.no_ice = true,
		.signers = &node,
		.signers_count = 1 };
	struct reload_ip_port at = { .type = RELOAD_IPV4, .addr = { 10, 0, 0, 1 }, .port = 6084 };
	struct reload_multicast_request r;
	struct reload_config *config = NULL;
	struct reload_error_text why;
	struct wr w;
	wr_init(&w);
	wr_init(&question);
	wr_init(&answer);
	bool good = !reload_config_write(&w, &draft, &signer, RELOAD_SIM_EPOCH, &why) &&
		    !reload_config_parse(&config, wr_done(&w), OVERLAY, &reload_sim_ident,
			    RELOAD_SIM_EPOCH, &why);
	assert(good);
	side_make(&asker, config, 1);
	side_make(&other, config, 2);
	good = !reload_multicast_ask(&question, &asker.by, TRANSACTION) &&
	       !reload_multicast_asked(&r, &other.by, wr_done(&question)) &&
	       !reload_multicast_answer(&answer, &other.by, &r, &at, 1, 5);
	assert(good);
	reload_cert_free(root);
	reload_cert_free(cert);
	reload_key_free((struct reload_key *)signer.key);
	wr_clear(&w);
}

static void ask(struct span datagram)
{
	struct reload_multicast_request r;
	if (reload_multicast_asked(&r, &other.by, datagram))
		return;
	assert(!reload_id_eq(&r.node, &other.credentials.node) && r.len <= datagram.len);
}

static void answered(struct span datagram)
{
	struct reload_ip_port at[RELOAD_MULTICAST_ADDRESSES];
	size_t count = 0;
	if (reload_multicast_answered(at, &count, &asker.by, TRANSACTION, datagram))
		return;
	assert(count <= RELOAD_MULTICAST_ADDRESSES);
	for (size_t i = 0; i < count; i++)
		assert(!reload_ip_port_claim_fault(&at[i], false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!question.len)
		begin();
	if (!size)
		return 0;
	const struct wr *good = data[0] & 1 ? &answer : &question;
	size_t len = data[0] & 2 ? good->len : size - 1;
	uint8_t *copy = reload_memdup(data[0] & 2 ? good->at : data + 1, len);
	for (size_t i = 1; data[0] & 2 && i < size && i <= len; i++)
		copy[i - 1] = (uint8_t)(copy[i - 1] + data[i]);
	if (data[0] & 1)
		answered(span_of(copy, len));
	else
		ask(span_of(copy, len));
	free(copy);
	return 0;
}
