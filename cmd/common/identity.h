/* The identity of a node: cert.pem, key.pem and overlay.xml in one directory. */
#pragma once

#include "common/options.h"
#include "config/config.h"
#include "ident/key.h"
#include "peer/peer.h"

struct cli_identity {
	char *dir;      /* where it was read */
	char *instance; /* the last part of dir, which is the default name of the instance */
	struct reload_credentials credentials;
	struct reload_config *config;
	bool key_readable_by_others; /* the program should warn about it */
};

enum {
	CLI_KEY_FILE_MAX = 65536,
	CLI_CERT_FILE_MAX = 1024 * 1024
};

/*
 * cli_identity_dir() returns (owned) the directory that NAME or DIR (with a slash) means.
 * cli_identity_load() reads an identity and checks it: the document valid and signed, certificate of this overlay, trusted
 * and not expired at now, key fits.  config_file NULL: the identity's own overlay.xml.  Filled only on success; ended by
 * cli_identity_clear().  Every failure names the file and exits with 10: RELOAD_BAD_CONFIG, _CONFIG_EXPIRED,
 * _CONFIG_UNSIGNED, _BAD_CERT, _CERT_EXPIRED, _CERT_UNTRUSTED, _CERT_REVOKED, _BAD_KEY.
 */
enum reload_err cli_identity_dir(
	char **out, const char *name, struct reload_error_text *why) MUST_CHECK;
enum reload_err cli_identity_load(struct cli_identity *out, const char *name,
	const char *config_file, reload_utc now, struct reload_error_text *why) MUST_CHECK;
void cli_identity_clear(struct cli_identity *identity);

/*
 * Parts of loading, for programs that report more than the first fault.  cli_config_load() parses a document and verifies its
 * signature, if it has one; cli_config_parse() does so with bytes that came from path.
 */
enum reload_err cli_config_parse(struct reload_config **out, struct span bytes, const char *path,
	const char *overlay, reload_utc now, struct reload_error_text *why) MUST_CHECK;
enum reload_err cli_config_load(struct reload_config **out, const char *path, const char *overlay,
	reload_utc now, struct reload_error_text *why) MUST_CHECK;

/*
 * cli_certs_load() reads the certificates of a PEM or DER file: the first is *cert, the others an owned array;
 * cli_certs_parse() does so with bytes that came from path.
 */
enum reload_err cli_certs_parse(struct reload_cert **cert, struct reload_cert ***others,
	size_t *others_count, struct span bytes, const char *path,
	struct reload_error_text *why) MUST_CHECK;
enum reload_err cli_certs_load(struct reload_cert **cert, struct reload_cert ***others,
	size_t *others_count, const char *path, struct reload_error_text *why) MUST_CHECK;
void cli_certs_free(struct reload_cert **certs, size_t count);

/*
 * cli_key_load_sealed() does so with a key that may be encrypted; passphrase NULL: it may not.  *sealed (NULL is legal) is whether it is, also on
 * failure.
 */
enum reload_err cli_key_load_sealed(struct reload_key **out, const char *path,
	const char *passphrase, bool *sealed, struct reload_error_text *why) MUST_CHECK;
/* cli_document_mode() returns the mode of a file with that document: one with a shared secret is for its owner alone. */
unsigned cli_document_mode(const struct reload_config *config);

/* cli_key_load() reads a private key (owned) in PEM; *readable_by_others: whether its mode lets others read it. */
enum reload_err cli_key_load(struct reload_key **out, const char *path, bool *readable_by_others,
	struct reload_error_text *why) MUST_CHECK;
