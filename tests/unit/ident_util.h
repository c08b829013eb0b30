/* What the tests of the room ident share: files of tests/vectors, keys and certificates made on the spot. */
#pragma once

#include "ident/key.h"
#include "ident/trust.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <jansson.h>

#define OVERLAY "overlay.example.org"
#define NOW     1750000000000ull /* 2025-06-15 */
#define DAY     86400000ull

/* read_file() returns the bytes of tests/vectors/NAME with a NUL behind them (owned). */
static inline char *read_file(const char *name, size_t *len)
{
	char path[512];
	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *at = reload_alloc(65536);
	*len = fread(at, 1, 65535, f);
	fclose(f);
	return at;
}

static inline json_t *read_json(const char *name)
{
	size_t len;
	char *text = read_file(name, &len);
	json_t *json = json_loadb(text, len, 0, NULL);
	assert_non_null(json);
	free(text);
	return json;
}

static inline struct reload_cert *read_cert(const char *name)
{
	size_t len;
	char *der = read_file(name, &len);
	struct reload_cert *cert = NULL;
	struct reload_error_text why = { "", "", "" };
	if (reload_cert_parse(&cert, &reload_ident_openssl, span_of(der, len), &why))
		fail_msg("%s: %s", name, why.reason);
	free(der);
	return cert;
}

static inline struct reload_key *read_key(const char *name)
{
	size_t len;
	char *pem = read_file(name, &len);
	struct reload_key *key = NULL;
	assert_int_equal(reload_key_read_pem(&key, span_of(pem, len), NULL), RELOAD_OK);
	free(pem);
	return key;
}

static inline struct reload_id id_of(const char *hex)
{
	struct reload_id id;
	assert_int_equal(reload_id_from_hex(&id, hex), RELOAD_OK);
	return id;
}

static inline struct reload_key *new_key(enum reload_key_type type)
{
	struct reload_key *key = NULL;
	assert_int_equal(reload_key_new(&key, type), RELOAD_OK);
	return key;
}

/* make_cert() makes and parses a certificate; issuer NULL: signed by key itself. */
static inline struct reload_cert *make_cert(const struct reload_cert_request *req,
	const struct reload_key *key, const struct reload_cert *issuer,
	const struct reload_key *issuer_key)
{
	struct wr w;
	wr_init(&w);
	assert_int_equal(reload_cert_make(&w, req, key, issuer, issuer_key), RELOAD_OK);
	struct reload_cert *cert = NULL;
	struct reload_error_text why = { "", "", "" };
	if (reload_cert_parse(&cert, &reload_ident_openssl, wr_done(&w), &why))
		fail_msg("%s", why.reason);
	wr_clear(&w);
	return cert;
}
