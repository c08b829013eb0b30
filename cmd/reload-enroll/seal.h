/*
 * Bytes that only a passphrase opens: AES-256-GCM with a key that scrypt (RFC 7914) makes of it.
 *
 *	magic (16) | salt (16) | nonce (12) | ciphertext | tag (16); magic, salt and nonce are authenticated as well
 */
#pragma once

#include "util/bytes.h"

/* seal_bytes() appends plain, sealed; RELOAD_FAILED when OpenSSL cannot. */
enum reload_err seal_bytes(struct wr *out, struct span plain, const char *passphrase) MUST_CHECK;

/*
 * seal_open() appends what was sealed; the caller wipes it.  RELOAD_BAD_VALUE for bytes that are none of these, RELOAD_FORBIDDEN for another passphrase or
 * changed bytes.
 */
enum reload_err seal_open(struct wr *out, struct span sealed, const char *passphrase) MUST_CHECK;
