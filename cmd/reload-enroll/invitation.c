#include "reload-enroll/invite.h"

#include "ident/ops.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

static const char scheme[] = "reload-invite://", word[] = "invitation:";

char *enroll_invitation_text(const struct enroll_invitation *i)
{
	char *out = reload_alloc(ENROLL_INVITATION_MAX);
	snprintf(out, ENROLL_INVITATION_MAX, "%s%s/%s/%s/%s/%s%s%s", scheme, i->server, i->overlay,
		i->key, i->root, i->secret, *i->user ? "/" : "", i->user);
	return out;
}

static bool is_hex(const char *text, size_t len)
{
	return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

/* Takes the part up to the next slash, or the rest; false: there is none, or it is too long. */
static bool part(char *out, size_t size, const char **text)
{
	size_t len = strcspn(*text, "/");
	if (!len || len >= size)
		return false;
	memcpy(out, *text, len);
	out[len] = 0;
	*text += len + (*(*text + len) == '/');
	return true;
}

enum reload_err enroll_invitation_read(
	struct enroll_invitation *out, const char *text, struct reload_error_text *why)
{
	struct enroll_invitation i = { 0 };
	const char *rest = text + sizeof(scheme) - 1;
	bool ok = strlen(text) < ENROLL_INVITATION_MAX &&
		  !strncmp(text, scheme, sizeof(scheme) - 1) &&
		  part(i.server, sizeof(i.server), &rest) &&
		  part(i.overlay, sizeof(i.overlay), &rest) && part(i.key, sizeof(i.key), &rest) &&
		  part(i.root, sizeof(i.root), &rest) && part(i.secret, sizeof(i.secret), &rest) &&
		  (!*rest || part(i.user, sizeof(i.user), &rest)) && !*rest;
	ok = ok && is_hex(i.key, 64) && is_hex(i.root, 64) &&
	     is_hex(i.secret, 2 * ENROLL_SECRET_BYTES) && reload_overlay_name_valid(i.overlay) &&
	     !strpbrk(i.server, "@?#\\ \"<>");
	if (ok) {
		*out = i;
		return RELOAD_OK;
	}
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, "this is no invitation",
		"it has the form %sSERVER/OVERLAY/KEY/ROOT/SECRET", scheme);
	reload_error_advise(why, "give it as one word, as reload-enroll invite printed it");
	return err;
}

char *enroll_invitation_password(const struct enroll_invitation *i)
{
	size_t size = sizeof(word) + sizeof(i->secret);
	char *out = reload_alloc(size);
	snprintf(out, size, "%s%s", word, i->secret);
	return out;
}

bool enroll_invitation_digest(char out[ENROLL_DIGEST], const char *password)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	if (strncmp(password, word, sizeof(word) - 1) != 0)
		return false;
	struct span secret = span_str(password + sizeof(word) - 1);
	reload_hash(digest, RELOAD_HASH_SHA256, &secret, 1);
	reload_hex(out, span_of(digest, 32));
	return true;
}
