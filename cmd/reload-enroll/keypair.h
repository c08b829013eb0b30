/* The keys and certificates of an authority and of its signer of configurations, and the directories in which they are. */
#pragma once

#include "reload-enroll/enroll.h"

struct enroll_keypair {
	struct reload_key *key;
	struct reload_cert *cert;
};
void enroll_keypair_clear(struct enroll_keypair *pair);

/*
 * enroll_keypair_authority() makes an authority of that name, self-signed; enroll_keypair_signer() a signer of configurations below issuer,
 * for user with the Node-ID node.  Both are good from now until `until`.
 */
enum reload_err enroll_keypair_authority(struct enroll_keypair *out, const char *name,
	reload_utc now, reload_utc until, struct reload_error_text *why) MUST_CHECK;
enum reload_err enroll_keypair_signer(struct enroll_keypair *out, const char *overlay,
	const char *user, const struct reload_id *node, const struct enroll_keypair *issuer,
	reload_utc now, reload_utc until, struct reload_error_text *why) MUST_CHECK;

/*
 * enroll_keypair_put() puts cert.pem and key.pem of dir into files, the key encrypted with passphrase unless that is NULL.  is_new: they may not
 * exist.
 */
enum reload_err enroll_keypair_put(const struct enroll_keypair *pair, struct cli_files *files,
	const char *dir, const char *passphrase, bool is_new,
	struct reload_error_text *why) MUST_CHECK;

/*
 * enroll_keypair_load() reads cert.pem and key.pem of dir, which have to fit; an encrypted key is opened with *passphrase, which is asked for when it
 * is NULL (passphrase.h).  Errors of cli_certs_load() and enroll_key_load().
 */
enum reload_err enroll_keypair_load(struct enroll_keypair *out, const char *dir, struct cli *cli,
	char **passphrase, struct reload_error_text *why) MUST_CHECK;
