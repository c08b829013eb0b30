/* Names, times and random numbers for certificates. */
#include "reload-enroll/enroll.h"

#include <ctype.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	MESSAGE_SIZE_STEP = 1000
};

char *enroll_join(const char *a, const char *b)
{
	size_t size = strlen(a) + strlen(b) + 2;
	char *out = reload_alloc(size);
	snprintf(out, size, "%s/%s", a, b);
	return out;
}

reload_utc enroll_now(void)
{
	reload_utc now = cli_now();
	return now - now % RELOAD_SECOND;
}

enum reload_err enroll_validity(
	const struct cli *cli, reload_ms otherwise, reload_ms *out, struct reload_error_text *why)
{
	reload_ms t = 0;
	enum reload_err err = cli_time(cli, "validity", otherwise, &t, why);
	if (err)
		return err;
	if (t < RELOAD_SECOND || t > ENROLL_VALIDITY_MAX) {
		err = reload_error_explain(why, RELOAD_USAGE, "--validity is not possible",
			"certificates count whole seconds: 1s at least, 36500d at most");
		reload_error_advise(why, "--validity 90d");
		return err;
	}
	*out = t - t % RELOAD_SECOND;
	return RELOAD_OK;
}

enum reload_err enroll_user_check(const char *user, struct reload_error_text *why)
{
	char what[160];
	const char *at = strrchr(user, '@');
	snprintf(what, sizeof(what), "%.120s cannot be a user name", user);
	if (!reload_user_legal(user) || strchr(user, ' ')) {
		reload_error_explain(why, RELOAD_EXISTS, what,
			"username_not_available: legal are 1 to 255 printable ASCII characters "
			"without blanks");
		reload_error_advise(why, "NAME@OVERLAY");
		return RELOAD_EXISTS;
	}
	if (at && at != user && at[1] && strchr(user, '@') == at)
		return RELOAD_OK;
	enum reload_err err = reload_error_explain(
		why, RELOAD_USAGE, what, "an rfc822Name has the form NAME@DOMAIN (RFC 6940 s11.3)");
	reload_error_advise(why, "NAME@OVERLAY");
	return err;
}

void enroll_user_warn(struct cli *cli, const char *user)
{
	for (const char *c = user; *c; c++) {
		if (!isupper((unsigned char)*c))
			continue;
		cli_warn(cli,
			"%s has upper case: user names are compared byte by byte, lower case is "
			"another user",
			user);
		return;
	}
}

static enum reload_err none_or_many(
	char **names, size_t count, const char *within, struct reload_error_text *why)
{
	char list[400] = "";
	enum reload_err err;
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
	}
	if (count) {
		err = reload_error_explain(why, RELOAD_USAGE,
			"several overlays are here and none is named", "there are: %s", list);
		reload_error_advise(why, "--overlay %s", names[0]);
	} else {
		err = reload_error_explain(why, RELOAD_BAD_CONFIG,
			strcmp(within, "ca") ? "no overlay configuration is here"
					     : "no authority is here",
			"no directory of the configuration holds OVERLAY/%s", within);
		reload_error_advise(why, "reload-enroll init OVERLAY");
	}
	return err;
}

/* pick() returns the overlay that name or the domain of user names, NULL when that is not a single one. */
static const char *pick(char **names, size_t count, const char *user)
{
	const char *domain = user ? strrchr(user, '@') : NULL;
	if (count == 1)
		return names[0];
	for (size_t i = 0; domain && i < count; i++)
		if (!strcmp(names[i], domain + 1))
			return names[i];
	return NULL;
}

static bool is_of_domain(const char *user, const char *overlay)
{
	const char *domain = strrchr(user, '@');
	return domain && strcasecmp(domain + 1, overlay) == 0;
}

/*
 * R-11.3-20: RFC 6940 s11.3 allows a user name of any domain.  One that is not of the overlay's domain is more often a
 * mistake, or meant for an overlay that is not here: the user has to name the overlay.
 */
static enum reload_err other_domain(
	const char *user, const char *overlay, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "%.140s is of another domain than %.80s", user, overlay);
	reload_error_explain(why, RELOAD_USAGE, what,
		"%.200s is the only overlay that is here, and --overlay does not name it", overlay);
	reload_error_advise(
		why, "the same command with --overlay %s, if the name is meant", overlay);
	return RELOAD_USAGE;
}

void enroll_domain_warn(struct cli *cli, const char *user, const char *overlay)
{
	if (!is_of_domain(user, overlay))
		cli_warn(cli, "%s is of another domain than the overlay %s", user, overlay);
}

enum reload_err enroll_overlay(char **out, const struct cli *cli, const char *user,
	const char *within, struct reload_error_text *why)
{
	const char *env = getenv("RELOAD_OVERLAY");
	const char *name = cli_value(cli, "overlay", env && *env ? env : NULL);
	char *dir = NULL;
	size_t count = 0;
	if (name && !reload_overlay_name_valid(name))
		return reload_error_explain(why, RELOAD_USAGE, "not the name of an overlay",
			"%.100s is no DNS name (RFC 6940 s6.3.2)", name);
	enum reload_err err = name ? RELOAD_OK : cli_path(&dir, CLI_CONFIG, "", why);
	if (err)
		return err;
	char **names = name ? NULL : cli_list(dir, within, &count);
	if (!name)
		name = pick(names, count, user);
	if (name && names && user && !is_of_domain(user, name))
		err = other_domain(user, name, why);
	else if (name)
		*out = reload_strdup(name);
	else
		err = none_or_many(names, count, within, why);
	cli_names_free(names, count);
	free(dir);
	return err;
}

static void draw(uint8_t *out, size_t len)
{
	if (RAND_bytes(out, (int)len) != 1)
		abort(); /* without randomness no key or Node-ID is safe */
}

void enroll_serial(uint8_t serial[16])
{
	draw(serial, 16);
	serial[0] = (uint8_t)((serial[0] & 0x7f) |
			      0x40); /* a positive number, always of the same length */
}

void enroll_node_id(struct reload_id *out, uint8_t len)
{
	do {
		*out = (struct reload_id){ .len = len };
		draw(out->at, len);
	} while (reload_id_is_zero(out) || reload_id_is_wildcard(out));
}

size_t enroll_message_size(size_t len)
{
	size_t need = 2 * (len + ENROLL_UPDATE_OVERHEAD);
	return need - need % MESSAGE_SIZE_STEP + MESSAGE_SIZE_STEP;
}

char *enroll_pem(struct span der)
{
	struct wr w;
	wr_init(&w);
	reload_pem_certificate_write(&w, der);
	wr_u8(&w, 0);
	return (char *)w.at;
}

json_t *enroll_ids_json(const struct reload_id *ids, size_t count)
{
	char hex[RELOAD_ID_HEX];
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(reload_id_hex(hex, &ids[i])));
	return list;
}
