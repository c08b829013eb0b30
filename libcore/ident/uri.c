/* The names in a certificate: reload URIs, and user names. */
#include "ident/cert.h"
#include "ident/key.h"

#include "util/text.h"
#include "wire/codes.h"

#include <stdio.h>
#include <strings.h>

static const char scheme[] = "reload://";

static size_t hex_digits(const char *s)
{
	return strspn(s, "0123456789abcdefABCDEF");
}

/* reg-name of RFC 3986: unreserved, pct-encoded, sub-delims. */
static size_t overlay_name(const char *s)
{
	return strspn(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()*+,;=");
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static uint8_t *unhex(size_t *len, const char *digits, size_t count)
{
	uint8_t *out = reload_alloc(count / 2 + 1);
	if (reload_unhex(out, digits, count)) {
		free(out);
		return NULL;
	}
	*len = count / 2;
	return out;
}

/* RELOAD-URI = "reload://" destination "@" overlay "/" [specifier] (RFC 6940 s14.15) */
enum reload_err reload_uri_parse(struct reload_uri *out, const char *text)
{
	if (strnlen(text, RELOAD_URI_MAX + 1) > RELOAD_URI_MAX ||
		strncasecmp(text, scheme, strlen(scheme)))
		return RELOAD_BAD_VALUE;
	const char *destination = text + strlen(scheme);
	size_t destination_len = hex_digits(destination);
	if (!destination_len || destination_len % 2 || destination[destination_len] != '@')
		return RELOAD_BAD_VALUE;
	const char *overlay = destination + destination_len + 1;
	size_t overlay_len = overlay_name(overlay);
	if (!overlay_len || overlay_len > RELOAD_OVERLAY_NAME_MAX)
		return RELOAD_BAD_VALUE;
	const char *specifier = overlay + overlay_len;
	specifier += *specifier == '/';
	size_t specifier_len = hex_digits(specifier);
	if (specifier[specifier_len] || specifier_len % 2 ||
		(specifier_len && specifier[-1] != '/'))
		return RELOAD_BAD_VALUE;

	struct reload_uri uri = { 0 };
	uri.destinations = unhex(&uri.destinations_len, destination, destination_len);
	uri.overlay = reload_memdup(overlay, overlay_len + 1);
	uri.overlay[overlay_len] = 0;
	for (char *c = uri.overlay; *c; c++)
		*c = lower(*c);
	if (specifier_len)
		uri.specifier = unhex(&uri.specifier_len, specifier, specifier_len);
	*out = uri;
	return RELOAD_OK;
}

void reload_uri_clear(struct reload_uri *uri)
{
	free(uri->destinations);
	free(uri->overlay);
	free(uri->specifier);
	*uri = (struct reload_uri){ 0 };
}

char *reload_node_uri(const struct reload_id *node, const char *overlay)
{
	char id[RELOAD_ID_HEX];
	size_t len = strlen(scheme) + 4 + RELOAD_ID_HEX + strlen(overlay) + 3;
	char *uri = reload_alloc(len);
	int n = snprintf(uri, len, "%s%02x%02x%s@", scheme, RELOAD_DEST_NODE, node->len,
		reload_id_hex(id, node));
	for (; *overlay; overlay++)
		uri[n++] = lower(*overlay);
	uri[n] = '/';
	return uri;
}

enum reload_err reload_node_uri_parse(struct reload_id *node, char **overlay, const char *text)
{
	struct reload_uri uri;
	enum reload_err err = reload_uri_parse(&uri, text);
	if (err)
		return err;
	struct rd r = rd_of(span_of(uri.destinations, uri.destinations_len));
	bool is_node = rd_u8(&r) == RELOAD_DEST_NODE;
	struct rd id = rd_open(&r, 1);
	struct span bytes = rd_rest(&id);
	rd_close(&r, &id);
	if (!is_node || r.err || rd_more(&r) || uri.specifier || bytes.len < RELOAD_NODE_ID_MIN ||
		reload_id_from(node, bytes))
		err = RELOAD_BAD_VALUE;
	else
		*overlay = TAKE(uri.overlay);
	reload_uri_clear(&uri);
	return err;
}

bool reload_user_legal(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	return len >= 1 && len <= RELOAD_USER_NAME_MAX;
}
