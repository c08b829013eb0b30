/*
 * What OpenSSL is set to once: versions and suites, how certificates are checked, and where secrets are written when somebody
 * asks for them.
 *
 * RFC 6940 s6.6.1 wants authentication of both ends, confidentiality and integrity: TLS 1.2 and up (LINK-14), suites with
 * ephemeral keys and authenticated encryption only, no compression, no renegotiation.  Sessions are not resumed: a
 * resumed one would skip the look at the certificate.
 */
#include "link/dtls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -- the protocol inside the session (ALPN) ------------------------------------------------------------------------------ */

enum {
	PROTOCOL_MAX = 64
};

/* A list of one name, as RFC 7301 s3.1 has it; returns its bytes. */
static unsigned protocol_list(uint8_t out[PROTOCOL_MAX], const char *name)
{
	struct wr w = wr_fixed(out, PROTOCOL_MAX);
	size_t mark = wr_open(&w, 1);
	wr_span(&w, span_str(name));
	wr_close(&w, mark, 1);
	return w.err ? 0 : (unsigned)w.len;
}

static bool offer_protocol(SSL *ssl, const char *name)
{
	uint8_t list[PROTOCOL_MAX];
	unsigned len = protocol_list(list, name);
	return len && SSL_set_alpn_protos(ssl, list, len) == 0;
}

/* As server: one that asks for the name is told so, any other one is refused; a link without a name takes no notice. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *in, unsigned in_len, void *arg)
{
	const struct reload_secure_link *link = SSL_get_app_data(ssl);
	const char *name = link->transport->alpn;
	struct rd r = rd_of(span_of(in, in_len));
	(void)arg;
	while (name && rd_more(&r)) {
		struct rd one = rd_open(&r, 1);
		struct span offered = rd_rest(&one);
		if (!one.err && span_eq(offered, span_str(name))) {
			*out = offered.at;
			*out_len = (unsigned char)offered.len;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return name ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

bool reload_secure_protocol_agreed(const struct reload_secure_link *link)
{
	const unsigned char *name;
	unsigned len;
	SSL_get0_alpn_selected(link->ssl, &name, &len);
	return link->transport->alpn ? span_eq(span_of(name, len), span_str(link->transport->alpn))
				     : !len;
}

/* -- sessions ------------------------------------------------------------------------------------------------------------- */

SSL *reload_secure_session(struct reload_secure_link *link)
{
	enum reload_secure_kind kind = link->transport->kind;
	bool by_secret = !link->transport->of_app && link->links->psk[kind];
	SSL *ssl = SSL_new(by_secret ? link->links->psk[kind] : link->links->contexts[kind]);
	BIO *bio = ssl ? BIO_new(link->links->bios[kind]) : NULL;
	if (!bio) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_data(bio, link);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, link);
	if (link->transport->alpn && !offer_protocol(ssl, link->transport->alpn)) {
		SSL_free(ssl);
		return NULL;
	}
	if (link->incoming || link->is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

/* -- certificates ---------------------------------------------------------------------------------------------------- */

static struct reload_cert *cert_of(
	struct reload_links *links, X509 *x, struct reload_error_text *why)
{
	uint8_t *der = NULL;
	struct reload_cert *cert = NULL;
	int len = i2d_X509(x, &der);
	if (len <= 0)
		return NULL;
	if (reload_cert_parse(
		    &cert, reload_trust_ops(links->trust), span_of(der, (size_t)len), why))
		cert = NULL;
	OPENSSL_free(der);
	return cert;
}

static int alert_for(enum reload_err err)
{
	if (err == RELOAD_CERT_EXPIRED)
		return X509_V_ERR_CERT_HAS_EXPIRED;
	if (err == RELOAD_CERT_UNTRUSTED)
		return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	if (err == RELOAD_CERT_REVOKED)
		return X509_V_ERR_CERT_REVOKED;
	return X509_V_ERR_CERT_REJECTED;
}

/* takes the certificates that the other end sent behind its own; what cannot be read is no step of a chain */
static void take_others(struct reload_secure_link *link, STACK_OF(X509) * sent)
{
	int n = sent ? sk_X509_num(sent) : 0;
	if (n > RELOAD_CHAIN_MAX + 1)
		n = RELOAD_CHAIN_MAX + 1;
	link->others = n > 1 ? reload_alloc_array((size_t)n, sizeof(*link->others)) : NULL;
	for (int i = 1; i < n; i++) {
		struct reload_cert *cert = cert_of(link->links, sk_X509_value(sent, i), NULL);
		if (cert)
			link->others[link->others_count++] = cert;
	}
}

/* the whole judgement: nothing of OpenSSL's own rules for web servers is asked */
static int certificate_passes(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct reload_secure_link *link = SSL_get_app_data(ssl);
	if (!link->why)
		link->why = RELOAD_NEW(reload_error_text);
	link->err = RELOAD_BAD_CERT;
	if (link->cert) /* a second certificate message would be a second identity */
		return 0;
	link->cert = cert_of(link->links, X509_STORE_CTX_get0_cert(store), link->why);
	if (link->cert) {
		take_others(link, X509_STORE_CTX_get0_untrusted(store));
		link->err = reload_trust_check(link->links->trust, link->cert, link->others,
			link->others_count, reload_poll_wall(), link->why);
	}
	if (!link->err)
		return 1;
	X509_STORE_CTX_set_error(store, alert_for(link->err));
	return 0;
}

/* -- the context ------------------------------------------------------------------------------------------------------ */

static void keylog(const SSL *ssl, const char *line)
{
	struct reload_secure_link *link = SSL_get_app_data(ssl);
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s\n", line);
	if (n > 0 && (size_t)n < sizeof(text) && write(link->links->keylog, text, (size_t)n) != n)
		return; /* a log of secrets that is incomplete harms nobody */
}

void reload_secure_keylog(SSL_CTX *ctx, const struct reload_links_setup *set)
{
	if (set->keylog && *set->keylog)
		SSL_CTX_set_keylog_callback(ctx, keylog);
}

static bool own_certificates(SSL_CTX *ctx, const struct reload_links_setup *set)
{
	if (SSL_CTX_use_certificate_ASN1(ctx, (int)set->cert->der.len, set->cert->der.at) != 1)
		return false;
	for (size_t i = 0; i < set->others_count; i++) {
		const uint8_t *at = set->others[i]->der.at;
		X509 *x = d2i_X509(NULL, &at, (long)set->others[i]->der.len);
		if (!x || SSL_CTX_add0_chain_cert(ctx, x) != 1) {
			X509_free(x);
			return false;
		}
	}
	return true;
}

bool reload_secure_policy(SSL_CTX *ctx, int version_min, int version_max)
{
	SSL_CTX_set_options(
		ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_read_ahead(ctx, 1); /* one recv() for head and body of a record */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, certificate_passes, NULL);
	SSL_CTX_set_max_cert_list(ctx, RELOAD_LINK_CERTS_MAX); /* before any is parsed */
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	/* a finite field of 8192 bits, or P-521, would cost the loop a hundred times as much as these */
	return SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_min_proto_version(ctx, version_min) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, version_max) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL") == 1;
}

static enum reload_err context_new(SSL_CTX **out, bool datagrams,
	const struct reload_links_setup *set, struct reload_error_text *why)
{
	SSL_CTX *ctx = SSL_CTX_new(datagrams ? DTLS_method() : TLS_method());
	enum reload_err err = RELOAD_OK;
	if (!ctx || !reload_secure_policy(ctx, datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION,
			    datagrams ? 0 : set->tls_version_max))
		err = reload_error_explain(why, RELOAD_FAILED, "TLS", "OpenSSL cannot be set up");
	ERR_clear_error();
	if (!err && !own_certificates(ctx, set))
		err = reload_error_explain(why, RELOAD_BAD_CERT, "certificate of this node",
			"OpenSSL refuses it: %s", ERR_reason_error_string(ERR_peek_error()));
	if (!err && SSL_CTX_use_PrivateKey(ctx, set->key->native) != 1)
		err = reload_error_explain(why, RELOAD_BAD_KEY, "private key of this node",
			"OpenSSL refuses it: %s", ERR_reason_error_string(ERR_peek_error()));
	if (err) {
		SSL_CTX_free(ctx);
		return err;
	}
	reload_secure_keylog(ctx, set);
	*out = ctx;
	return RELOAD_OK;
}

enum reload_err reload_secure_contexts_new(SSL_CTX *out[RELOAD_SECURE_KINDS],
	const struct reload_links_setup *set, struct reload_error_text *why)
{
	enum reload_err err = context_new(&out[RELOAD_SECURE_STREAM], false, set, why);
	if (err)
		return err;
	err = context_new(&out[RELOAD_SECURE_DATAGRAM], true, set, why);
	if (err)
		SSL_CTX_free(out[RELOAD_SECURE_STREAM]);
	else
		reload_dtls_context(out[RELOAD_SECURE_DATAGRAM]);
	return err;
}

enum reload_err reload_secure_context_init(
	struct reload_links *links, struct reload_error_text *why)
{
	const struct reload_links_setup *set = &links->set;
	SSL_CTX *contexts[RELOAD_SECURE_KINDS];
	enum reload_err err = reload_secure_contexts_new(contexts, set, why);
	if (!err)
		memcpy(links->contexts, contexts, sizeof(contexts));
	if (err || !set->keylog || !*set->keylog)
		return err;
	links->keylog =
		open(set->keylog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (links->keylog < 0)
		return reload_error_explain(why, RELOAD_IO, set->keylog,
			"cannot be opened for writing: %s", strerror(errno));
	return RELOAD_OK;
}

void reload_secure_context_clear(struct reload_links *links)
{
	for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++) {
		SSL_CTX_free(links->contexts[i]);
		BIO_meth_free(links->bios[i]);
	}
	if (links->keylog >= 0)
		close(links->keylog);
}
