/* The security block (RFC 6940 s6.3.4). */
#include "reload-diag/conform.h"

static enum conform_verdict signing(struct conform *c, enum conform_signing how)
{
	struct draft d;
	if (how == CONFORM_SIGN_STRANGER && !conform_stranger(c))
		return UNJUDGED(c, "no key could be made");
	draft_ping(c, &d);
	d.signing = how;
	return conform_wants_silence(c, &d);
}

static enum conform_verdict not_signed(struct conform *c)
{
	return signing(c, CONFORM_SIGN_NOT);
}

static enum conform_verdict flipped(struct conform *c)
{
	return signing(c, CONFORM_SIGN_FLIPPED);
}

static enum conform_verdict stranger(struct conform *c)
{
	return signing(c, CONFORM_SIGN_STRANGER);
}

static enum conform_verdict other_transaction(struct conform *c)
{
	return signing(c, CONFORM_SIGN_OTHER);
}

/* Signed, then changed as nodes on its way would do. */
static enum conform_verdict changed_on_its_way(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_ping(c, &d);
	d.patch.offset = 11;
	d.patch.width = 1;
	d.patch.value = d.header.ttl / 2u;
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return HOLDS(c, "a Ping whose ttl was lowered on its way is answered");
}

/* That the signature of every answer holds is a condition of each check (conform_answer()). */
static enum conform_verdict answers(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_ping(c, &d);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return HOLDS(c, "an answer is signed, and its %zu certificate%s lead to a root-cert",
		c->answer->security.certificates_count,
		cli_plural(c->answer->security.certificates_count));
}

static enum conform_verdict signer(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_ping(c, &d);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return reload_id_eq(&c->signer, &c->target)
		       ? HOLDS(c, "a request for its Node-ID is answered by the node itself")
		       : VIOLATED(c, "a request for its Node-ID is answered by another node");
}

static enum conform_verdict identity(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_ping(c, &d);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	const struct reload_security_block *s = &c->answer->security;
	uint8_t type = s->signature.identity.type;
	struct reload_cert *cert;
	if (!s->certificates_count || reload_cert_parse(&cert, &reload_ident_openssl,
					      s->certificates[0].certificate, NULL))
		return VIOLATED(c, "the first certificate of an answer cannot be read");
	size_t ids = cert->node_ids_count;
	reload_cert_free(cert);
	bool fits = type == (ids > 1 ? RELOAD_CERT_HASH_NODE_ID : RELOAD_CERT_HASH);
	return conform_say(c, fits ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"the signer has %zu Node-ID%s, and its identity is of type %u", ids,
		cli_plural(ids), type);
}

const struct conform_check conform_security[] = {
	{ "R-6.3.4-20", "a message that is not signed is dropped", not_signed },
	{ "R-6.3.4-16", "a message whose signature does not verify is dropped", flipped },
	{ "R-6.3.4-21", "a message whose signer no authority of the overlay knows is dropped",
		stranger },
	{ "R-6.3.4-12", "the signature covers the transaction", other_transaction },
	{ "R-6.3.4-13", "the signature does not cover the ttl", changed_on_its_way },
	{ "R-6.3.4-03", "an answer brings the certificates by which it is verified", answers },
	{ "R-6.3.4-18", "a request for a Node-ID is answered by that node", signer },
	{ "R-6.3.4-10", "a signer is named by its certificate, and by Node-ID if it has several",
		identity },
	{ 0 },
};
