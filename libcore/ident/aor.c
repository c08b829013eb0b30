#include "ident/aor.h"

#include "util/text.h"

#include <ctype.h>
#include <strings.h>

enum {
	LABEL_MAX = 63 /* RFC 1035 s2.3.4 */
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trimmed(struct span s)
{
	while (s.len && is_blank(s.at[0]))
		s = span_of(s.at + 1, s.len - 1);
	while (s.len && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

/* Cuts s at the first c; *rest is what comes after it, empty when there is none. */
static bool cut(struct span *s, struct span *rest, uint8_t c)
{
	const uint8_t *at = s->len ? memchr(s->at, c, s->len) : NULL;
	*rest = span_of(NULL, 0);
	if (!at)
		return false;
	*rest = span_of(at + 1, s->len - (size_t)(at - s->at) - 1);
	s->len = (size_t)(at - s->at);
	return true;
}

/* Takes a leading "sip:" or "sips:" off. */
static void take_scheme(struct span *s, bool *given, bool *sips)
{
	static const char *const schemes[] = { "sip:", "sips:" };
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		size_t n = strlen(schemes[i]);
		if (s->len < n || strncasecmp((const char *)s->at, schemes[i], n) != 0)
			continue;
		*s = span_of(s->at + n, s->len - n);
		*given = true;
		*sips = i == 1;
		return;
	}
}

static bool is_label(struct span label, bool last)
{
	if (!label.len || label.len > LABEL_MAX || label.at[0] == '-' ||
		label.at[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!isascii(label.at[i]) || (!isalnum(label.at[i]) && label.at[i] != '-'))
			return false;
	return !last || isalpha(label.at[0]); /* toplabel: no IPv4 address ends in a letter */
}

bool reload_aor_domain_valid(struct span text)
{
	struct span rest;
	bool more = text.len && text.len <= RELOAD_AOR_DOMAIN_MAX;
	bool valid = more;
	while (valid && more) {
		more = cut(&text, &rest, '.');
		valid = is_label(text, !more);
		text = rest;
	}
	return valid;
}

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

enum reload_err reload_aor_unescape(struct wr *w, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		int c = text.at[i];
		if (c == '%') {
			int high = i + 2 < text.len ? digit(text.at[i + 1]) : -1;
			int low = i + 2 < text.len ? digit(text.at[i + 2]) : -1;
			if (high < 0 || low < 0)
				return RELOAD_BAD_VALUE;
			c = high * 16 + low;
			i += 2;
		}
		if (c < ' ' || c == 0x7f)
			return RELOAD_BAD_VALUE;
		wr_u8(w, (uint8_t)c);
	}
	return w->err;
}

/* The parameter "gr" of those behind the domain; others are dropped. */
static void read_parameters(struct reload_aor *out, struct span parameters)
{
	struct span rest;
	for (; parameters.len; parameters = rest) {
		struct span value;
		cut(&parameters, &rest, ';');
		bool has_value = cut(&parameters, &value, '=');
		if (!has_value || out->has_gr || parameters.len != 2 ||
			strncasecmp((const char *)parameters.at, "gr", 2) != 0)
			continue;
		out->has_gr = true;
		out->gr = value;
	}
}

static enum reload_err read_domain(struct wr *w, struct span domain)
{
	struct span port;
	cut(&domain, &port, ':');
	if (domain.len && domain.at[domain.len - 1] == '.')
		domain.len--;
	if (!reload_aor_domain_valid(domain))
		return RELOAD_BAD_VALUE;
	for (size_t i = 0; i < domain.len; i++)
		wr_u8(w, (uint8_t)tolower(domain.at[i]));
	return w->err;
}

/* Splits at the last "@": the password may hold one that is not escaped. */
static bool split(struct span text, struct span *user, struct span *domain)
{
	const uint8_t *at = text.len ? memrchr(text.at, '@', text.len) : NULL;
	if (!at || at == text.at)
		return false;
	*user = span_of(text.at, (size_t)(at - text.at));
	*domain = span_of(at + 1, text.len - user->len - 1);
	return true;
}

enum reload_err reload_aor_parse(struct reload_aor *out, struct span text)
{
	struct reload_aor aor = { 0 };
	struct span user, domain, rest;
	struct wr w = wr_fixed(aor.name, sizeof(aor.name) - 1);
	bool scheme = false;
	text = trimmed(text);
	if (text.len >= 2 && text.at[0] == '<' && text.at[text.len - 1] == '>')
		text = trimmed(span_of(text.at + 1, text.len - 2));
	if (text.len > RELOAD_AOR_TEXT_MAX)
		return RELOAD_BAD_VALUE;
	take_scheme(&text, &scheme, &aor.sips);
	cut(&text, &rest, '?');
	if (!split(text, &user, &domain))
		return RELOAD_BAD_VALUE;
	bool colon = cut(&user, &rest, ':');
	if ((colon && !scheme) || !user.len) /* "tel:+1@x": another scheme, not a password */
		return RELOAD_BAD_VALUE;
	cut(&domain, &rest, ';');
	read_parameters(&aor, rest);
	enum reload_err err = reload_aor_unescape(&w, user);
	if (err || w.len > RELOAD_AOR_USER_MAX || !reload_utf8_valid(wr_done(&w)))
		return RELOAD_BAD_VALUE;
	wr_u8(&w, '@');
	size_t at = w.len;
	if (read_domain(&w, domain))
		return RELOAD_BAD_VALUE;
	aor.domain = aor.name + at;
	reload_aor_copy(out, &aor);
	return RELOAD_OK;
}

void reload_aor_copy(struct reload_aor *out, const struct reload_aor *aor)
{
	size_t at = (size_t)(aor->domain - aor->name);
	*out = *aor;
	out->domain = out->name + at;
}

/* RFC 3261 s25.1: unreserved, and user-unreserved without "?", at which our own reader cuts. */
static bool is_plain(uint8_t c)
{
	return isascii(c) && (isalnum(c) || (c && strchr("-_.!~*'()&=+$,;/", c)));
}

void reload_aor_write(struct wr *w, const char *name)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = strrchr(name, '@');
	for (const char *c = name; *c; c++) {
		uint8_t b = (uint8_t)*c;
		if (c >= at || is_plain(b)) {
			wr_u8(w, b);
			continue;
		}
		wr_u8(w, '%');
		wr_u8(w, (uint8_t)digits[b >> 4]);
		wr_u8(w, (uint8_t)digits[b & 15]);
	}
}
