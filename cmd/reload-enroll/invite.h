/*
 * Invitations: one string with all that a machine needs which has nothing else.
 *
 *   reload-invite://HOST:PORT/OVERLAY/KEY/ROOT/SECRET[/USER]
 *
 * KEY is the SHA-256 of the public key of the HTTPS server, ROOT that of a root-cert of the overlay, and SECRET the secret, all in
 * hex.  At the server the secret is the password of the enrollment, with a word in front.
 */
#pragma once

#include "reload-enroll/enroll.h"

enum {
	ENROLL_DIGEST = 65, /* SHA-256 in hex, with its end */
	ENROLL_SECRET_BYTES = 16,
	ENROLL_INVITATION_MAX = 1024
};

struct enroll_invitation {
	char server[300], overlay[256], key[ENROLL_DIGEST], root[ENROLL_DIGEST],
		secret[2 * ENROLL_SECRET_BYTES + 1];
	char user[256]; /* "": whoever accepts it names one */
};

/* enroll_invitation_text() returns the string (owned, to be cleansed); enroll_invitation_read() reads one: RELOAD_USAGE with why. */
char *enroll_invitation_text(const struct enroll_invitation *invitation);
enum reload_err enroll_invitation_read(
	struct enroll_invitation *out, const char *text, struct reload_error_text *why) MUST_CHECK;

/*
 * enroll_invitation_password() returns the secret as it is sent as a password (owned); enroll_invitation_digest() writes the digest of such
 * a password; false: it is no invitation's.
 */
char *enroll_invitation_password(const struct enroll_invitation *invitation);
bool enroll_invitation_digest(char out[ENROLL_DIGEST], const char *password);
