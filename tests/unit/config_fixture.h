/*
 * Documents for the tests of configuration: an authority, signers below it, and documents put together from text and
 * signed here, so that the room's own writer is not its only judge.
 */
#pragma once

#include "config/config.h"
#include "config/write.h"
#include "ident/key.h"
#include "util/text.h"
#include "wire/security.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NOW     UINT64_C(1767225600000) /* 2026-01-01 */
#define OVERLAY "overlay.example"
#define NODE_1  "101112131415161718191a1b1c1d1e1f"
#define NODE_2  "202122232425262728292a2b2c2d2e2f"
#define NODE_3  "303132333435363738393a3b3c3d3e3f"

struct party {
	struct reload_key *key;
	struct reload_cert *cert;
	struct reload_id node;
};

/* Two authorities; one and two are nodes of the first, three of the second. */
static struct party authority, other_authority, one, two, three;

static inline char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* text_of() formats into an owned string. */
static inline char *text_of(const char *fmt, ...)
{
	char *text;
	va_list ap;
	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	return text;
}

/* replaced() returns text with the first `from` made `to` (owned); the test fails when there is none. */
static inline char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	if (!at)
		fail_msg("\"%s\" is not in the document", from);
	return text_of("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static inline void party_make(struct party *p, enum reload_key_type type, const char *node,
	const char *user, const struct party *issuer, const char *overlay)
{
	struct wr der;
	wr_init(&der);
	struct reload_cert_request req = { .overlay = overlay,
		.user = user,
		.not_before = NOW - 1000,
		.not_after = NOW + UINT64_C(30) * 366 * 86400000,
		.serial = { 1, 2, 3 } };
	assert_int_equal(reload_key_new(&p->key, type), RELOAD_OK);
	if (node) {
		assert_int_equal(reload_id_from_hex(&p->node, node), RELOAD_OK);
		req.node_ids = &p->node;
		req.node_ids_count = 1;
		req.serial[3] = p->node.at[0];
	} else {
		req.authority_name = user;
		req.user = NULL;
	}
	assert_int_equal(reload_cert_make(&der, &req, p->key, issuer ? issuer->cert : NULL,
				 issuer ? issuer->key : NULL),
		RELOAD_OK);
	assert_int_equal(
		reload_cert_parse(&p->cert, &reload_ident_openssl, wr_done(&der), NULL), RELOAD_OK);
	wr_clear(&der);
}

static inline void party_clear(struct party *p)
{
	reload_key_free(p->key);
	reload_cert_free(p->cert);
	*p = (struct party){ 0 };
}

static inline int fixture_setup(void **state)
{
	(void)state;
	party_make(&authority, RELOAD_KEY_P256, NULL, "Root 1", NULL, OVERLAY);
	party_make(&other_authority, RELOAD_KEY_P256, NULL, "Root 2", NULL, OVERLAY);
	party_make(&one, RELOAD_KEY_P256, NODE_1, "one@" OVERLAY, &authority, OVERLAY);
	party_make(&two, RELOAD_KEY_P256, NODE_2, "two@" OVERLAY, &authority, OVERLAY);
	party_make(&three, RELOAD_KEY_P256, NODE_3, "three@" OVERLAY, &other_authority, OVERLAY);
	return 0;
}

static inline int fixture_teardown(void **state)
{
	(void)state;
	struct party *all[] = { &authority, &other_authority, &one, &two, &three };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		party_clear(all[i]);
	return 0;
}

/* signature_of() returns the base64 SecurityBlock of p over element, or over element and SignerIdentity (owned). */
static inline char *signature_of(const struct party *p, const char *element, bool with_identity)
{
	struct wire_ctx ctx = { .node_id_len = 16 };
	struct reload_generic_certificate cert = { RELOAD_X509, p->cert->der };
	struct reload_security_block block = { .certificates = &cert, .certificates_count = 1 };
	struct wr identity, input, value, out;
	wr_init(&identity);
	wr_init(&input);
	wr_init(&value);
	wr_init(&out);
	reload_cert_identity_write(&identity, p->cert, &p->node);
	assert_int_equal(reload_wire_decode(wr_done(&identity), &reload_signer_identity_wire, &ctx,
				 &block.signature.identity),
		RELOAD_OK);
	wr_span(&input, span_str(element));
	if (with_identity)
		wr_span(&input, wr_done(&identity));
	assert_int_equal(p->key->ops->sign(p->key, wr_done(&input), &block.signature.hash_alg,
				 &block.signature.sig_alg, &value),
		RELOAD_OK);
	block.signature.value = wr_done(&value);
	reload_wire_write(&out, &reload_security_block_wire, &ctx, &block);
	assert_int_equal(out.err, RELOAD_OK);
	char *text = reload_base64(wr_done(&out));
	wr_clear(&identity);
	wr_clear(&input);
	wr_clear(&value);
	wr_clear(&out);
	return text;
}

/* kind_block() returns a kind-block of element signed by p (owned). */
static inline char *kind_block(const char *element, const struct party *p)
{
	char *signature = signature_of(p, element, false);
	char *block = text_of("<kind-block>%s<kind-signature>%s</kind-signature></kind-block>",
		element, signature);
	free(signature);
	return block;
}

#define PROLOG                                                                                     \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                             \
	"<overlay xmlns=\"urn:ietf:params:xml:ns:p2p:config-base\"\n"                              \
	" xmlns:chord=\"urn:ietf:params:xml:ns:p2p:config-chord\" "                                \
	"xmlns:ext=\"urn:example:ext\">\n"
#define ATTRIBUTES                                                                                 \
	"instance-name=\"" OVERLAY "\" sequence=\"22\" expiration=\"2044-01-01T00:00:00Z\""
#define SIGNERS                                                                                    \
	"<kind-signer>" NODE_1 "</kind-signer>\n<configuration-signer>" NODE_1                     \
	"</configuration-signer>\n"

/* root_cert() returns the root-cert element of an authority (owned). */
static inline char *root_cert(const struct party *p)
{
	char *der = reload_base64(p->cert->der);
	char *text = text_of("<root-cert>%s</root-cert>\n", der);
	free(der);
	return text;
}

/*
 * document_of() returns a document (owned): the first authority's root-cert, inner, required-kinds of kinds (NULL: none),
 * signed by signer (NULL: not).
 */
static inline char *document_of(
	const char *attributes, const char *inner, const char *kinds, const struct party *signer)
{
	char *root = root_cert(&authority);
	char *element = text_of("<configuration %s>\n%s%s%s%s%s</configuration>", attributes, root,
		inner, kinds ? "<required-kinds>" : "", kinds ? kinds : "",
		kinds ? "</required-kinds>\n" : "");
	char *signature = signer ? signature_of(signer, element, false) : NULL;
	char *text = text_of(PROLOG "%s\n%s%s%s</overlay>", element, signer ? "<signature>" : "",
		signer ? signature : "", signer ? "</signature>\n" : "");
	free(root);
	free(element);
	free(signature);
	return text;
}

/* parsed() returns the configuration of a document that has to be good; frees text. */
static inline struct reload_config *parsed(char *text)
{
	struct reload_config *c = NULL;
	struct reload_error_text why = { 0 };
	enum reload_err err =
		reload_config_parse(&c, span_str(text), NULL, &reload_ident_openssl, NOW, &why);
	if (err)
		fail_msg("%s: %s\n%s", reload_err_name(err), why.reason, text);
	free(text);
	return c;
}

/* refused() asserts that a document is refused with err and that word is in the reason; frees text. */
static inline void refused(char *text, enum reload_err err, const char *word)
{
	struct reload_config *c = NULL;
	struct reload_error_text why = { 0 };
	enum reload_err got =
		reload_config_parse(&c, span_str(text), NULL, &reload_ident_openssl, NOW, &why);
	if (got != err || !strstr(why.reason, word) || !why.what[0])
		fail_msg("%s, not %s: \"%s\" lacks \"%s\"", reload_err_name(got),
			reload_err_text(err), why.reason, word);
	assert_null(c);
	free(text);
}

/* warned() tells whether one of the warnings holds word. */
static inline bool warned(const struct reload_config *c, const char *word)
{
	for (size_t i = 0; i < c->warnings.count; i++)
		if (strstr(c->warnings.at[i], word))
			return true;
	return false;
}

/* vector_document() returns tests/vectors/config-signed.xml (owned string). */
static inline char *vector_document(void)
{
	const char *folder = getenv("RELOAD_VECTORS");
	char *path = text_of("%s/config-signed.xml", folder ? folder : "tests/vectors"), *text;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text = reload_alloc(65536);
	size_t n = fread(text, 1, 65535, f);
	fclose(f);
	free(path);
	while (n && text[n - 1] == '\n')
		text[--n] = 0;
	return text;
}
