#include "sip/digest.h"

#include "util/alloc.h"
#include "util/text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <strings.h>

static const char *const names[] = { "SHA-256", "MD5" };

const char *reload_digest_name(enum reload_digest_algorithm a)
{
	return names[a];
}

bool reload_digest_algorithm(enum reload_digest_algorithm *out, const char *name)
{
	if (!name) {
		*out = RELOAD_DIGEST_MD5;
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!strcasecmp(name, names[i])) {
			*out = (enum reload_digest_algorithm)i;
			return true;
		}
	return false;
}

/* The hash of texts with colons between them; the last one is followed by NULL. */
static void hash(char out[RELOAD_DIGEST_HEX], enum reload_digest_algorithm a, const char *text, ...)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	va_list more;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *type = a == RELOAD_DIGEST_MD5 ? EVP_md5() : EVP_sha256();
	bool good = ctx && EVP_DigestInit_ex(ctx, type, NULL) == 1;
	va_start(more, text);
	for (const char *t = text, *next; good && t; t = next) {
		next = va_arg(more, const char *);
		good = EVP_DigestUpdate(ctx, t, strlen(t)) == 1 &&
		       (!next || EVP_DigestUpdate(ctx, ":", 1) == 1);
	}
	va_end(more);
	if (!good || EVP_DigestFinal_ex(ctx, md, &len) != 1)
		abort(); /* a system without MD5: no device could be answered */
	EVP_MD_CTX_free(ctx);
	reload_hex(out, span_of(md, len));
	OPENSSL_cleanse(md, sizeof(md));
}

void reload_digest_ha1(char out[RELOAD_DIGEST_HEX], enum reload_digest_algorithm a,
	const char *user, const char *realm, const char *password)
{
	hash(out, a, user, realm, password, NULL);
}

/* -- parameters ------------------------------------------------------------------------------------------------------------ */

struct field {
	const char *name;
	size_t at, size;
};

#define FIELD(m)                                                                                   \
	{                                                                                          \
#m, offsetof(struct reload_digest, m), sizeof(((struct reload_digest *)0)->m)      \
	}
static const struct field fields[] = { FIELD(username), FIELD(realm), FIELD(nonce), FIELD(uri),
	FIELD(response), FIELD(algorithm), FIELD(qop), FIELD(nc), FIELD(cnonce) };

/* The value of a parameter, without quotes and their escapes. */
static enum reload_err read_value(char *out, size_t size, const char *text)
{
	size_t n = 0;
	bool quoted = *text == '"';
	for (text += quoted; *text && !(quoted && *text == '"'); text++) {
		if (quoted && *text == '\\' && text[1])
			text++;
		if ((unsigned char)*text < ' ' || *text == 0x7f || n + 1 >= size)
			return RELOAD_BAD_VALUE;
		out[n++] = *text;
	}
	out[n] = 0;
	return quoted && strcmp(text, "\"") != 0 ? RELOAD_BAD_VALUE : RELOAD_OK;
}

enum reload_err reload_digest_read(struct reload_digest *out, const char *const *params)
{
	*out = (struct reload_digest){ 0 };
	unsigned seen = 0;
	for (; params && *params; params++) {
		const char *equals = strchr(*params, '=');
		if (!equals)
			return RELOAD_BAD_VALUE;
		size_t len = (size_t)(equals - *params);
		for (size_t i = 0; i < COUNT_OF(fields); i++) {
			const struct field *f = &fields[i];
			if (strlen(f->name) != len || strncasecmp(f->name, *params, len) != 0)
				continue;
			if (seen & 1u << i || read_value((char *)out + f->at, f->size, equals + 1))
				return RELOAD_BAD_VALUE;
			seen |= 1u << i;
		}
	}
	return RELOAD_OK;
}

bool reload_digest_right(const struct reload_digest *d, enum reload_digest_algorithm a,
	const char *ha1, const char *method)
{
	char ha2[RELOAD_DIGEST_HEX], response[RELOAD_DIGEST_HEX];
	if (*d->qop && (strcasecmp(d->qop, "auth") != 0 || !*d->nc || !*d->cnonce))
		return false;
	hash(ha2, a, method, d->uri, NULL);
	if (*d->qop)
		hash(response, a, ha1, d->nonce, d->nc, d->cnonce, d->qop, ha2, NULL);
	else
		hash(response, a, ha1, d->nonce, ha2, NULL);
	size_t len = strlen(response);
	return strlen(d->response) == len && !CRYPTO_memcmp(d->response, response, len);
}
