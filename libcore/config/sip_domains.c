/* The restriction of domains whose names may be registered (RFC 7904 s3.4): how a document has it, and what it allows. */
#include "config/internal.h"

#include <regex.h>

#define BAD(why, node, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, node, hint, __VA_ARGS__)

enum {
	REPETITIONS_MAX = 255
};

/* Whether the braces of text, of which there is one pair at most, hold small numbers: "{2,5}". */
static bool repetitions_small(const char *text)
{
	const char *open = strchr(text, '{');
	unsigned n = 0;
	if (!open)
		return true;
	for (const char *c = open + 1; *c && *c != '}'; c++) {
		n = *c == ',' ? 0 : n * 10 + (unsigned)(*c - '0');
		if (n > REPETITIONS_MAX || !strchr("0123456789,", *c))
			return false;
	}
	return !strchr(open + 1, '{');
}

static bool has_back_reference(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c != '\\')
			continue;
		c++;
		if (*c >= '0' && *c <= '9')
			return true;
		if (!*c)
			break;
	}
	return false;
}

const char *reload_domain_pattern_fault(const char *text)
{
	regex_t pattern;
	if (!*text)
		return "it is empty";
	if (strlen(text) > RELOAD_DOMAIN_PATTERN_MAX)
		return "it has more than 256 characters";
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return "it has other characters than printable ones of ASCII";
	if (has_back_reference(text))
		return "it has a back-reference";
	if (!repetitions_small(text))
		return "it has more than one number of repetitions, or one above 255";
	if (regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB))
		return "it is no POSIX Extended Regular Expression";
	regfree(&pattern);
	return NULL;
}

/* The longest match from the left is the whole domain exactly when the pattern matches the whole. */
static bool matches(const char *pattern, const char *domain)
{
	regex_t compiled;
	regmatch_t match;
	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_ICASE))
		return false;
	bool whole = !regexec(&compiled, domain, 1, &match, 0) && match.rm_so == 0 &&
		     (size_t)match.rm_eo == strlen(domain);
	regfree(&compiled);
	return whole;
}

bool reload_kind_domain_allowed(const struct reload_kind *kind, const char *domain)
{
	if (!kind->domains_restricted)
		return true;
	const char *end = (const char *)kind->domains.at + kind->domains.len;
	for (const char *p = (const char *)kind->domains.at; p && p < end; p += strlen(p) + 1)
		if (matches(p, domain))
			return true;
	return false;
}

/* -- reading ----------------------------------------------------------------------------------------------------------- */

static bool is_restriction(const struct reload_xml_node *node)
{
	/* R7904-37; the grammar of the RFC has the first name, its text the second */
	return reload_xml_is(node, RELOAD_XMLNS_SIP, "domain-restriction") ||
	       reload_xml_is(node, RELOAD_XMLNS_SIP, "domain-restrictions");
}

/* Appends the pattern that matches the overlay name alone. */
static void put_overlay(struct wr *w, const char *overlay)
{
	for (const char *c = overlay ? overlay : ""; *c; c++) {
		if (*c == '.')
			wr_u8(w, '\\');
		wr_u8(w, (uint8_t)*c);
	}
	wr_u8(w, 0);
}

static enum reload_err put_patterns(
	struct wr *w, const struct reload_xml_node *node, struct reload_error_text *why)
{
	size_t count = 0;
	enum reload_err err = RELOAD_OK;
	for (const struct reload_xml_node *n = node->children; n && !err; n = n->next) {
		if (!reload_xml_is(n, RELOAD_XMLNS_SIP, "pattern"))
			continue;
		char *text = reload_xml_text(n);
		const char *fault = reload_domain_pattern_fault(text);
		if (++count > RELOAD_DOMAIN_PATTERNS_MAX)
			err = BAD(why, n, NULL, "there are more than %d patterns of domains",
				RELOAD_DOMAIN_PATTERNS_MAX);
		else if (fault)
			err = BAD(why, n, "<pattern>calls\\.example</pattern>",
				"the pattern \"%.80s\" cannot be used: %s", text, fault);
		else
			wr_bytes(w, text, strlen(text) + 1);
		free(text);
	}
	return err;
}

static enum reload_err read_enable(
	bool *out, const struct reload_xml_node *node, struct reload_error_text *why)
{
	char *text = reload_xml_attr(node, "enable");
	enum reload_err err = RELOAD_OK;
	if (text && !reload_lexical_valid(RELOAD_LEXICAL_BOOLEAN, text))
		err = BAD(why, node, "true or false", "enable is \"%.40s\", which is not %s", text,
			reload_lexical_name(RELOAD_LEXICAL_BOOLEAN));
	const char *word = text ? reload_text_trim(text) : "false";
	*out = !strcmp(word, "true") || !strcmp(word, "1");
	free(text);
	return err;
}

enum reload_err reload_kind_domains_read(struct reload_kind *kind, struct reload_arena *arena,
	const struct reload_xml_node *parent, const char *overlay, struct reload_error_text *why)
{
	const struct reload_xml_node *node = NULL;
	bool enable = false;
	struct wr w;
	for (const struct reload_xml_node *n = parent->children; n; n = n->next) {
		if (!is_restriction(n))
			continue;
		if (node)
			return BAD(why, n, NULL, "a second restriction of domains");
		node = n;
	}
	if (!node)
		return RELOAD_OK;
	enum reload_err err = read_enable(&enable, node, why);
	wr_init(&w);
	if (!err && enable)
		err = put_patterns(&w, node, why);
	else if (!err) /* R7904-12 */
		put_overlay(&w, overlay);
	if (!err) {
		kind->domains_restricted = true;
		kind->domains = reload_arena_copy(arena, wr_done(&w));
	}
	wr_clear(&w);
	return err;
}
