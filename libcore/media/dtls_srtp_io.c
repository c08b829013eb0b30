#include "media/dtls_srtp_io.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/time.h>

#define PROFILE  "SRTP_AES128_CM_SHA1_80"
#define EXPORTER "EXTRACTOR-dtls_srtp"

enum {
	MTU = 1200,
	INPUT_MAX = 2048,
	KEY = 16, /* of RELOAD_SRTP_KEY; the rest is the salt */
	SALT = RELOAD_SRTP_KEY - KEY,
	FIRST_US = 250000, /* until a flight is repeated, then twice as long each time */
	LAST_US = 4000000,
	REPEATS = 8, /* of a flight that nobody answers */
	DAYS = 30
};

/* -- certificates ------------------------------------------------------------------------------------------------------------ */

struct reload_dtls_cert {
	EVP_PKEY *key;
	X509 *cert;
	uint8_t fingerprint[RELOAD_DTLS_FINGERPRINT];
};

static bool fingerprint_of(uint8_t out[RELOAD_DTLS_FINGERPRINT], const X509 *cert)
{
	unsigned len = RELOAD_DTLS_FINGERPRINT;
	return X509_digest(cert, EVP_sha256(), out, &len) == 1 && len == RELOAD_DTLS_FINGERPRINT;
}

/* A certificate that says nothing of its holder: a name and a number by chance. */
static bool fill(struct reload_dtls_cert *c)
{
	uint8_t random[8];
	char name[2 * sizeof(random) + 1];
	if (RAND_bytes(random, sizeof(random)) != 1)
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(name + 2 * i, 3, "%02x", random[i]);
	X509_NAME *subject = X509_get_subject_name(c->cert);
	return X509_set_version(c->cert, 2) &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(c->cert), 1) &&
	       X509_gmtime_adj(X509_getm_notBefore(c->cert), -86400L) &&
	       X509_gmtime_adj(X509_getm_notAfter(c->cert), 86400L * DAYS) &&
	       X509_set_pubkey(c->cert, c->key) &&
	       X509_NAME_add_entry_by_txt(
		       subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) &&
	       X509_set_issuer_name(c->cert, subject) && X509_sign(c->cert, c->key, EVP_sha256()) &&
	       fingerprint_of(c->fingerprint, c->cert);
}

struct reload_dtls_cert *reload_dtls_cert_new(void)
{
	struct reload_dtls_cert *c = RELOAD_NEW(reload_dtls_cert);
	c->key = EVP_EC_gen("P-256");
	c->cert = X509_new();
	if (c->key && c->cert && fill(c))
		return c;
	reload_dtls_cert_free(c);
	return NULL;
}

void reload_dtls_cert_free(struct reload_dtls_cert *c)
{
	if (!c)
		return;
	EVP_PKEY_free(c->key);
	X509_free(c->cert);
	free(c);
}

const uint8_t *reload_dtls_cert_fingerprint(const struct reload_dtls_cert *c)
{
	return c->fingerprint;
}

/* -- one end ------------------------------------------------------------------------------------------------------------------ */

struct reload_dtls_srtp {
	SSL_CTX *context;
	SSL *ssl;
	BIO_METHOD *method;
	reload_dtls_send_fn send;
	void *arg;
	uint8_t fingerprint[RELOAD_DTLS_FINGERPRINT];
	struct span input; /* the datagram that is being read; empty: there is none */
	bool server, begun, foreign;
	unsigned repeats;
	struct reload_srtp *srtp; /* owned */
	const char *fault;
};

static int bio_write(BIO *bio, const char *at, int len)
{
	struct reload_dtls_srtp *d = BIO_get_data(bio);
	if (len > 0)
		d->send(d->arg, span_of(at, (size_t)len));
	return len;
}

static int bio_read(BIO *bio, char *to, int size)
{
	struct reload_dtls_srtp *d = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (!d->input.len) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t n = size < 0 ? 0 : d->input.len < (size_t)size ? d->input.len : (size_t)size;
	memcpy(to, d->input.at, n);
	d->input.len = 0; /* one read takes one datagram */
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *at)
{
	(void)bio, (void)number, (void)at;
	switch (command) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return MTU;
	default:
		return 0;
	}
}

static unsigned timer(SSL *ssl, unsigned last_us)
{
	(void)ssl;
	return !last_us ? FIRST_US : last_us >= LAST_US / 2 ? LAST_US : 2 * last_us;
}

/* RFC 5763 s5: the certificate is that of the fingerprint, whoever has signed it. */
static int verify(X509_STORE_CTX *store, void *arg)
{
	struct reload_dtls_srtp *d = arg;
	uint8_t fingerprint[RELOAD_DTLS_FINGERPRINT];
	const X509 *cert = X509_STORE_CTX_get0_cert(store);
	bool same = cert && fingerprint_of(fingerprint, cert) &&
		    !CRYPTO_memcmp(fingerprint, d->fingerprint, sizeof(fingerprint));
	d->foreign = !same;
	if (!same)
		d->fault = "the certificate of the other end is not that of its fingerprint";
	X509_STORE_CTX_set_error(store, same ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
	return same;
}

static bool set_context(struct reload_dtls_srtp *d, const struct reload_dtls_cert *cert)
{
	SSL_CTX *c = d->context = SSL_CTX_new(DTLS_method());
	if (!c)
		return false;
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(c, verify, d);
	/* the last of these returns 0 for success */
	return SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) &&
	       SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") &&
	       SSL_CTX_use_certificate(c, cert->cert) == 1 &&
	       SSL_CTX_use_PrivateKey(c, cert->key) == 1 &&
	       !SSL_CTX_set_tlsext_use_srtp(c, PROFILE);
}

static bool set_ssl(struct reload_dtls_srtp *d)
{
	d->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "call");
	if (!d->method || !BIO_meth_set_write(d->method, bio_write) ||
		!BIO_meth_set_read(d->method, bio_read) || !BIO_meth_set_ctrl(d->method, bio_ctrl))
		return false;
	BIO *bio = BIO_new(d->method);
	d->ssl = bio ? SSL_new(d->context) : NULL;
	if (!d->ssl) {
		BIO_free(bio);
		return false;
	}
	BIO_set_data(bio, d);
	BIO_set_init(bio, 1);
	SSL_set_bio(d->ssl, bio, bio);
	DTLS_set_link_mtu(d->ssl, MTU);
	DTLS_set_timer_cb(d->ssl, timer);
	if (d->server)
		SSL_set_accept_state(d->ssl);
	else
		SSL_set_connect_state(d->ssl);
	return true;
}

struct reload_dtls_srtp *reload_dtls_srtp_new(const struct reload_dtls_cert *cert, bool server,
	const uint8_t fingerprint[RELOAD_DTLS_FINGERPRINT], reload_dtls_send_fn send, void *arg)
{
	struct reload_dtls_srtp *d = RELOAD_NEW(reload_dtls_srtp);
	d->server = server;
	d->send = send;
	d->arg = arg;
	memcpy(d->fingerprint, fingerprint, sizeof(d->fingerprint));
	if (set_context(d, cert) && set_ssl(d))
		return d;
	reload_dtls_srtp_free(d);
	return NULL;
}

void reload_dtls_srtp_free(struct reload_dtls_srtp *d)
{
	if (!d)
		return;
	SSL_free(d->ssl); /* with its BIO */
	SSL_CTX_free(d->context);
	BIO_meth_free(d->method);
	reload_srtp_free(d->srtp);
	free(d);
}

/* -- the handshake ------------------------------------------------------------------------------------------------------------ */

/* RFC 5764 s4.2: client key, server key, client salt, server salt. */
static void take_keys(struct reload_dtls_srtp *d)
{
	uint8_t all[2 * RELOAD_SRTP_KEY], client[RELOAD_SRTP_KEY], server[RELOAD_SRTP_KEY];
	if (!SSL_get_selected_srtp_profile(d->ssl)) {
		d->fault = "the other end has no profile of SRTP in common";
		return;
	}
	if (SSL_export_keying_material(
		    d->ssl, all, sizeof(all), EXPORTER, sizeof(EXPORTER) - 1, NULL, 0, 0) != 1) {
		d->fault = "OpenSSL gives no keys";
		return;
	}
	memcpy(client, all, KEY);
	memcpy(server, all + KEY, KEY);
	memcpy(client + KEY, all + 2 * KEY, SALT);
	memcpy(server + KEY, all + 2 * KEY + SALT, SALT);
	d->srtp = d->server ? reload_srtp_new(server, client) : reload_srtp_new(client, server);
	if (!d->srtp)
		d->fault = "libsrtp refuses the keys";
	OPENSSL_cleanse(all, sizeof(all));
	OPENSSL_cleanse(client, sizeof(client));
	OPENSSL_cleanse(server, sizeof(server));
}

static void shake(struct reload_dtls_srtp *d)
{
	ERR_clear_error();
	int n = SSL_do_handshake(d->ssl);
	if (n == 1) {
		take_keys(d);
		return;
	}
	if (SSL_get_error(d->ssl, n) != SSL_ERROR_WANT_READ && !d->fault)
		d->fault = "the handshake of DTLS failed";
	ERR_clear_error();
}

void reload_dtls_srtp_input(struct reload_dtls_srtp *d, struct span datagram)
{
	uint8_t rest[INPUT_MAX];
	if (d->fault || datagram.len > INPUT_MAX)
		return;
	d->begun = true;
	d->input = datagram;
	if (!d->srtp)
		shake(d);
	else
		(void)SSL_read(d->ssl, rest, sizeof(rest)); /* what is repeated is answered again */
	ERR_clear_error();
	d->input.len = 0;
}

void reload_dtls_srtp_run(struct reload_dtls_srtp *d)
{
	if (d->fault)
		return;
	if (!d->begun && !d->server) {
		d->begun = true;
		shake(d);
		return;
	}
	int n = DTLSv1_handle_timeout(d->ssl);
	if (n > 0 && ++d->repeats > REPEATS && !d->srtp)
		d->fault = "the other end does not answer the handshake of DTLS";
	else if (n < 0 && !d->srtp)
		d->fault = "the handshake of DTLS failed";
	ERR_clear_error();
}

reload_ms reload_dtls_srtp_due(const struct reload_dtls_srtp *d)
{
	struct timeval left;
	if (d->fault)
		return RELOAD_NEVER;
	if (!d->begun && !d->server)
		return 0;
	if (!DTLSv1_get_timeout(d->ssl, &left))
		return RELOAD_NEVER;
	return (reload_ms)left.tv_sec * 1000 + (reload_ms)(left.tv_usec + 999) / 1000;
}

struct reload_srtp *reload_dtls_srtp_keys(struct reload_dtls_srtp *d)
{
	return d->fault ? NULL : d->srtp;
}

const char *reload_dtls_srtp_fault(const struct reload_dtls_srtp *d, enum reload_err *err)
{
	if (d->fault)
		*err = d->foreign ? RELOAD_BAD_CERT : RELOAD_FAILED;
	return d->fault;
}
