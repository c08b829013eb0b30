#include "ident/trust.h"

#include "ident/key.h"

#include <stdatomic.h>
#include <stdio.h>

struct reload_trust {
	atomic_uint refs;
	const struct reload_ident_ops *ops;
	char *overlay; /* lower case */
	uint8_t node_id_len, self_signed_digest;
	bool self_signed_subject;
	struct reload_cert **roots; /* their counts are not touched after reload_trust_new() */
	size_t roots_count;
	struct reload_id *bad_nodes; /* in order */
	size_t bad_nodes_count;
};

enum {
	WHAT_MAX = 256
};

static int id_order(const void *a, const void *b)
{
	return reload_id_cmp(a, b);
}

static enum reload_err add_root(
	struct reload_trust *t, struct span der, struct reload_error_text *why)
{
	AUTO(reload_cert) root = NULL;
	enum reload_err err = reload_cert_parse(&root, t->ops, der, why);
	if (!err && !root->authority)
		err = reload_error_explain(why, RELOAD_BAD_CERT, "root-cert",
			"it is no authority: BasicConstraints with CA true is missing, or keyUsage "
			"forbids it");
	if (!err)
		t->roots[t->roots_count++] = TAKE(root);
	return err;
}

enum reload_err reload_trust_new(struct reload_trust **out, const struct reload_trust_setup *setup,
	struct reload_error_text *why)
{
	AUTO(reload_trust) t = RELOAD_NEW(reload_trust);
	t->refs = 1;
	t->ops = setup->ops;
	t->overlay = reload_strdup(setup->overlay);
	for (char *c = t->overlay; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	t->node_id_len = setup->node_id_len;
	t->self_signed_digest = setup->self_signed_digest;
	t->self_signed_subject = setup->self_signed_subject;
	t->roots = reload_alloc_array(setup->roots_count, sizeof(struct reload_cert *));
	t->bad_nodes =
		reload_memdup(setup->bad_nodes, setup->bad_nodes_count * sizeof(struct reload_id));
	t->bad_nodes_count = setup->bad_nodes_count;
	qsort(t->bad_nodes, t->bad_nodes_count, sizeof(struct reload_id), id_order);
	for (size_t i = 0; i < setup->roots_count; i++) {
		enum reload_err err = add_root(t, setup->roots[i], why);
		if (err)
			return err;
	}
	*out = TAKE(t);
	return RELOAD_OK;
}

struct reload_trust *reload_trust_ref(struct reload_trust *trust)
{
	atomic_fetch_add_explicit(&trust->refs, 1, memory_order_relaxed);
	return trust;
}

void reload_trust_free(struct reload_trust *trust)
{
	if (!trust || atomic_fetch_sub_explicit(&trust->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < trust->roots_count; i++)
		reload_cert_free(trust->roots[i]);
	free(trust->roots);
	free(trust->bad_nodes);
	free(trust->overlay);
	free(trust);
}

bool reload_trust_is_root(const struct reload_trust *trust, struct span der)
{
	for (size_t i = 0; i < trust->roots_count; i++)
		if (span_eq(trust->roots[i]->der, der))
			return true;
	return false;
}

const struct reload_ident_ops *reload_trust_ops(const struct reload_trust *trust)
{
	return trust->ops;
}

/* One check: what is asked, and what it may still cost. */
struct check {
	const struct reload_trust *trust;
	struct reload_cert *const *others;
	size_t others_count;
	reload_utc now;
	unsigned signatures_left;
	struct reload_chain *chain;
	char what[WHAT_MAX]; /* the certificate, for people */
	struct reload_error_text *why;
};

static void describe(struct check *c, const struct reload_cert *cert)
{
	char id[RELOAD_ID_HEX];
	if (cert->node_ids_count)
		snprintf(c->what, sizeof(c->what), "certificate of %.120s, Node-ID %s%s",
			cert->user ? cert->user : "nobody", reload_id_hex(id, &cert->node_ids[0]),
			cert->node_ids_count > 1 ? " and others" : "");
	else
		snprintf(c->what, sizeof(c->what), "certificate of %.120s, without Node-ID",
			cert->user ? cert->user : "nobody");
}

static enum reload_err check_node_id(const struct check *c, const struct reload_id *id)
{
	char hex[RELOAD_ID_HEX];
	if (id->len != c->trust->node_id_len)
		return reload_error_explain(c->why, RELOAD_BAD_CERT, c->what,
			"Node-ID %s has %u bytes; this overlay has %u", reload_id_hex(hex, id),
			id->len, c->trust->node_id_len);
	if (reload_id_is_wildcard(id) || reload_id_is_zero(id))
		return reload_error_explain(c->why, RELOAD_BAD_CERT, c->what,
			"%s is the Node-ID of no node", reload_id_hex(hex, id));
	return RELOAD_OK;
}

/* RFC 6940 s11.3: what subjectAltName and subject must and must not hold */
static enum reload_err check_names(const struct check *c, const struct reload_cert *cert)
{
	enum reload_err err = RELOAD_OK;
	if (cert->authority)
		return reload_error_explain(
			c->why, RELOAD_BAD_CERT, c->what, "it is an authority's, not a node's");
	if (!cert->node_ids_count || !cert->overlay)
		return reload_error_explain(c->why, RELOAD_BAD_CERT, c->what,
			"subjectAltName has no reload URI with a Node-ID");
	if (strcmp(cert->overlay, c->trust->overlay))
		return reload_error_explain(c->why, RELOAD_BAD_CERT, c->what,
			"it is for the overlay \"%.120s\", not for \"%.120s\"", cert->overlay,
			c->trust->overlay);
	for (size_t i = 0; !err && i < cert->node_ids_count; i++)
		err = check_node_id(c, &cert->node_ids[i]);
	if (!err && (!cert->user || cert->san_extra))
		err = reload_error_explain(c->why, RELOAD_BAD_CERT, c->what, "%s",
			cert->user ? "subjectAltName holds more than Node-IDs and one rfc822Name"
				   : "subjectAltName has no rfc822Name (user name)");
	return err;
}

/* The skew is for clocks that are slow, right after a certificate was made (SEC-17). */
static enum reload_err check_dates(
	const struct check *c, const struct reload_cert *cert, const char *whose)
{
	char limit[RELOAD_UTC_TEXT], now[RELOAD_UTC_TEXT];
	if (c->now > cert->not_after)
		return reload_error_explain(c->why, RELOAD_CERT_EXPIRED, c->what,
			"%s ended at %s; it is %s", whose, reload_utc_text(limit, cert->not_after),
			reload_utc_text(now, c->now));
	if (cert->not_before > c->now && cert->not_before - c->now > RELOAD_NOT_BEFORE_SKEW_MS) {
		(void)reload_error_explain(c->why, RELOAD_CERT_EXPIRED, c->what,
			"%s begins at %s; it is %s: the clock here is behind, or that of the "
			"authority was ahead",
			whose, reload_utc_text(limit, cert->not_before),
			reload_utc_text(now, c->now));
		reload_error_advise(c->why, "date -u, and set the clock of this machine");
		return RELOAD_CERT_EXPIRED;
	}
	return RELOAD_OK;
}

static enum reload_err check_bad_nodes(const struct check *c, const struct reload_cert *cert)
{
	char hex[RELOAD_ID_HEX];
	for (size_t i = 0; i < cert->node_ids_count; i++)
		if (bsearch(&cert->node_ids[i], c->trust->bad_nodes, c->trust->bad_nodes_count,
			    sizeof(struct reload_id), id_order))
			return reload_error_explain(c->why, RELOAD_CERT_REVOKED, c->what,
				"the overlay configuration lists %s as bad-node",
				reload_id_hex(hex, &cert->node_ids[i]));
	return RELOAD_OK;
}

/*
 * RFC 6940 s11.3.1: "nodes MUST check that the Node-ID and public keys match."  One Node-ID is the digest of the key;
 * several are those with the indexes 1 to their number, in any order.
 */
static enum reload_err check_self_node_ids(const struct check *c, const struct reload_cert *cert)
{
	char hex[RELOAD_ID_HEX];
	size_t count = cert->node_ids_count;
	for (size_t i = 0; i < count; i++) {
		struct reload_id derived;
		uint32_t index = count == 1 ? 0 : (uint32_t)i + 1;
		enum reload_err err = reload_self_node_id(&derived, cert->public_key_info,
			c->trust->self_signed_digest, c->trust->node_id_len, index);
		if (err || !reload_cert_has_node(cert, &derived))
			return reload_error_explain(c->why, RELOAD_CERT_UNTRUSTED, c->what,
				"it is self-signed, and its Node-IDs are not those of its key (%s "
				"is missing)",
				err ? "a digest" : reload_id_hex(hex, &derived));
	}
	return RELOAD_OK;
}

static const char *issuer_of(const struct reload_cert *cert)
{
	return cert->issuer_text && *cert->issuer_text ? cert->issuer_text
						       : "an authority without a name";
}

static bool may_issue(
	const struct reload_cert *issuer, const struct reload_cert *cert, unsigned below)
{
	return issuer->authority && span_eq(issuer->subject, cert->issuer) &&
	       (!issuer->path_limited || issuer->path_len >= below);
}

static bool signed_by(
	struct check *c, const struct reload_cert *cert, const struct reload_cert *issuer)
{
	if (!c->signatures_left)
		return false;
	c->signatures_left--;
	return c->trust->ops->cert_signed_by(cert, issuer) == RELOAD_OK;
}

static bool names_lead(const struct reload_trust *trust, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count, unsigned below)
{
	for (size_t i = 0; i < trust->roots_count; i++)
		if (may_issue(trust->roots[i], cert, below))
			return true;
	for (size_t i = 0; RELOAD_CHAIN_MAX > below + 2 && i < others_count; i++)
		if (others[i] != cert && !others[i]->self_issued &&
			may_issue(others[i], cert, below) &&
			names_lead(trust, others[i], others, others_count, below + 1))
			return true;
	return false;
}

bool reload_trust_may_lead(const struct reload_trust *trust, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count)
{
	return cert->self_issued ? trust->self_signed_digest != 0
				 : names_lead(trust, cert, others, others_count, 0);
}

/*
 * Looks for a way from cert to a root, depth first; below is the number of authorities from cert, included, to the
 * node's certificate.  Names choose the candidates, the signature decides, and signatures_left bounds the work.  What
 * leads there stands in the chain.
 */
static enum reload_err find_chain(struct check *c, const struct reload_cert *cert, unsigned below)
{
	enum reload_err err = RELOAD_CERT_UNTRUSTED;
	for (size_t i = 0; i < c->trust->roots_count; i++) {
		const struct reload_cert *root = c->trust->roots[i];
		if (!may_issue(root, cert, below) || !signed_by(c, cert, root))
			continue;
		err = check_dates(c, root, "the root-cert of its chain");
		if (!err) {
			c->chain->count = below;
			return RELOAD_OK;
		}
	}
	for (size_t i = 0; i < c->others_count && below + 2 < RELOAD_CHAIN_MAX; i++) {
		struct reload_cert *issuer = c->others[i];
		if (issuer == cert || issuer->self_issued || !may_issue(issuer, cert, below) ||
			!signed_by(c, cert, issuer))
			continue;
		enum reload_err failed =
			check_dates(c, issuer, "an intermediate certificate of its chain");
		if (!failed)
			failed = find_chain(c, issuer, below + 1);
		if (!failed) {
			c->chain->at[below] = issuer;
			return RELOAD_OK;
		}
		if (failed != RELOAD_CERT_UNTRUSTED)
			err = failed; /* the reason is filled in */
	}
	if (err == RELOAD_CERT_UNTRUSTED)
		return reload_error_explain(c->why, err, c->what,
			"no chain of at most %d certificates leads from it to one of the %zu "
			"root-certs: "
			"nobody at hand, with the right to, signed what \"%.160s\" is said to have "
			"issued",
			RELOAD_CHAIN_MAX, c->trust->roots_count, issuer_of(cert));
	return err;
}

/* By its own key where the overlay permits that, else by an authority. */
static enum reload_err check_signer(struct check *c, const struct reload_cert *cert)
{
	if (cert->self_issued && signed_by(c, cert, cert)) {
		if (!c->trust->self_signed_digest)
			return reload_error_explain(c->why, RELOAD_CERT_UNTRUSTED, c->what,
				"it is self-signed, which this overlay does not permit");
		if (!cert->subject_empty && !c->trust->self_signed_subject)
			return reload_error_explain(
				c->why, RELOAD_BAD_CERT, c->what, "its subject is not empty");
		return check_self_node_ids(c, cert);
	}
	if (!cert->subject_empty)
		return reload_error_explain(
			c->why, RELOAD_BAD_CERT, c->what, "its subject is not empty");
	return find_chain(c, cert, 0);
}

enum reload_err reload_trust_chain(const struct reload_trust *trust, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count, reload_utc now,
	struct reload_chain *chain, struct reload_error_text *why)
{
	struct check c = { .trust = trust,
		.others = others,
		.others_count = others_count,
		.now = now,
		.signatures_left = RELOAD_CHAIN_CHECKS_MAX,
		.chain = chain,
		.why = why };
	chain->count = 0;
	describe(&c, cert);
	enum reload_err err = check_names(&c, cert);
	if (!err)
		err = check_dates(&c, cert, "its validity");
	if (!err)
		err = check_bad_nodes(&c, cert);
	if (!err)
		err = check_signer(&c, cert);
	return err;
}

enum reload_err reload_trust_check(const struct reload_trust *trust, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count, reload_utc now,
	struct reload_error_text *why)
{
	struct reload_chain chain;
	return reload_trust_chain(trust, cert, others, others_count, now, &chain, why);
}
