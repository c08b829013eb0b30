#include "usage/sip_prefs.h"

#include <ctype.h>
#include <strings.h>

/* RFC 3840 s9: the tags of parameters without a "+"; in a predicate they begin with "sip.", but for two. */
static const char *const base_tags[] = { "audio", "automata", "class", "duplex", "data", "control",
	"mobility", "description", "events", "priority", "methods", "schemes", "application",
	"video", "isfocus", "actor", "text", "extensions" };
static const char *const bare_tags[] = { "language", "type" };
static const char sip_tree[] = "sip.";

struct reader {
	struct rd in;
	struct reload_prefs *p;
};

static bool fail(struct reader *r)
{
	rd_fail(&r->in, RELOAD_BAD_VALUE);
	return false;
}

static void skip_blanks(struct reader *r)
{
	while (rd_more(&r->in) && strchr(" \t\r\n", *r->in.at) && *r->in.at)
		r->in.at++;
}

/* Takes c when it is next. */
static bool take(struct reader *r, char c)
{
	if (!rd_more(&r->in) || *r->in.at != (uint8_t)c)
		return false;
	r->in.at++;
	return true;
}

static bool need(struct reader *r, char c)
{
	return take(r, c) || fail(r);
}

/* Takes the bytes that are letters, digits, or among `others`. */
static struct span word(struct reader *r, const char *others)
{
	const uint8_t *from = r->in.at;
	while (rd_more(&r->in) && isascii(*r->in.at) && *r->in.at &&
		(isalnum(*r->in.at) || strchr(others, *r->in.at)))
		r->in.at++;
	return span_of(from, (size_t)(r->in.at - from));
}

static bool is_listed(const char *const *list, size_t count, struct span tag)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) == tag.len &&
			!strncasecmp(list[i], (const char *)tag.at, tag.len))
			return true;
	return false;
}

/* In a parameter a tag has "'" for "/" and "!" for ":". */
static char decoded(uint8_t c)
{
	return (char)(c == '\'' ? '/' : c == '!' ? ':' : tolower(c));
}

/* The term of a tag; a new one unless it is `present`, NULL when it cannot be. */
static struct reload_prefs_term *term_of(
	struct reader *r, const char *tree, struct span tag, struct reload_prefs_term *present)
{
	char name[RELOAD_PREFS_TAG];
	struct reload_prefs *p = r->p;
	size_t n = strlen(tree);
	if (r->in.err || !tag.len || n + tag.len >= sizeof(name) || !isalpha(tag.at[0])) {
		fail(r);
		return NULL;
	}
	memcpy(name, tree, n);
	for (size_t i = 0; i < tag.len; i++)
		name[n++] = decoded(tag.at[i]);
	name[n] = 0;
	if (present && !strcmp(present->tag, name))
		return present;
	for (size_t i = 0; i < p->count; i++)
		if (!strcmp(p->terms[i].tag, name))
			fail(r);
	if (r->in.err || present || p->count == RELOAD_PREFS_TERMS_MAX) {
		fail(r);
		return NULL;
	}
	struct reload_prefs_term *t = &p->terms[p->count++];
	memcpy(t->tag, name, n + 1);
	return t;
}

static struct reload_prefs_value *value_new(struct reader *r, struct reload_prefs_term *t)
{
	if (!t || t->count == RELOAD_PREFS_VALUES_MAX) {
		fail(r);
		return NULL;
	}
	return &t->values[t->count++];
}

static bool number(struct reader *r, struct span *out)
{
	const uint8_t *from = r->in.at;
	if (!take(r, '+'))
		take(r, '-');
	const uint8_t *digits = r->in.at;
	while (rd_more(&r->in) && isdigit(*r->in.at))
		r->in.at++;
	bool some = r->in.at > digits;
	/* "1..2" is a range, no number with a fraction */
	if (r->in.end - r->in.at >= 2 && r->in.at[0] == '.' && isdigit(r->in.at[1])) {
		r->in.at++;
		while (rd_more(&r->in) && isdigit(*r->in.at))
			r->in.at++;
	}
	*out = span_of(from, (size_t)(r->in.at - from));
	return some || fail(r);
}

/* Text up to `end`, which is taken; it holds neither "<" nor ">" (RFC 3840 s9). */
static bool string(struct reader *r, struct span *out, uint8_t end)
{
	const uint8_t *from = r->in.at;
	while (rd_more(&r->in) && *r->in.at != end) {
		if (*r->in.at == '<' || *r->in.at == '>' || *r->in.at == '"' || *r->in.at < ' ' ||
			*r->in.at == 0x7f)
			return fail(r);
		r->in.at++;
	}
	*out = span_of(from, (size_t)(r->in.at - from));
	return need(r, (char)end);
}

static const char *const booleans[] = { "TRUE", "FALSE" };

/* "-", ".", "_" and others (RFC 3840 s9: token-nobang) */
#define TOKEN "-.%*_+`'~"

static bool is_word(const struct reload_prefs_value *v, const char *text)
{
	return v->relation == RELOAD_PREFS_IS && v->text.len == strlen(text) &&
	       !strncasecmp((const char *)v->text.at, text, v->text.len);
}

static bool token(struct reader *r, struct reload_prefs_value *v)
{
	v->relation = RELOAD_PREFS_IS;
	v->text = word(r, TOKEN);
	for (size_t i = 0; i < COUNT_OF(booleans); i++)
		if (is_word(v, booleans[i]))
			v->text = span_str(booleans[i]);
	return v->text.len || fail(r);
}

/* -- predicates ---------------------------------------------------------------------------------------------------------- */

/* A token that is a number, or a range "1..5", is none of the words. */
static void classify(struct reload_prefs_value *v)
{
	struct reader r = { .in = rd_of(v->text) };
	struct span from, to = { NULL, 0 };
	if (!number(&r, &from))
		return;
	bool range = take(&r, '.');
	if (range && (!need(&r, '.') || !number(&r, &to)))
		return;
	if (rd_more(&r.in))
		return;
	v->relation = range ? RELOAD_PREFS_RANGE : RELOAD_PREFS_EQUALS;
	v->text = from;
	v->to = to;
}

static bool predicate_value(struct reader *r, struct reload_prefs_value *v, bool most, bool least)
{
	skip_blanks(r);
	if (most || least) {
		v->relation = most ? RELOAD_PREFS_AT_MOST : RELOAD_PREFS_AT_LEAST;
		return number(r, &v->text);
	}
	if (take(r, '"')) {
		v->relation = RELOAD_PREFS_STRING;
		return string(r, &v->text, '"');
	}
	if (!token(r, v))
		return false;
	classify(v);
	return true;
}

/* What is behind "(" of a simple filter: "sip.audio=TRUE)". */
static struct reload_prefs_term *simple(
	struct reader *r, struct reload_prefs_term *present, bool negated)
{
	skip_blanks(r);
	struct reload_prefs_term *t = term_of(r, "", word(r, "-.%/:"), present);
	struct reload_prefs_value *v = t ? value_new(r, t) : NULL;
	if (!v)
		return NULL;
	skip_blanks(r);
	bool most = take(r, '<'), least = !most && take(r, '>');
	v->negated = negated;
	if (!need(r, '=') || !predicate_value(r, v, most, least))
		return NULL;
	skip_blanks(r);
	return need(r, ')') ? t : NULL;
}

/* What is behind "(": a simple filter, or one that is negated. */
static struct reload_prefs_term *literal(struct reader *r, struct reload_prefs_term *present)
{
	skip_blanks(r);
	if (!take(r, '!'))
		return simple(r, present, false);
	skip_blanks(r);
	struct reload_prefs_term *t = need(r, '(') ? simple(r, present, true) : NULL;
	skip_blanks(r);
	return t && need(r, ')') ? t : NULL;
}

static bool string_is_alone(const struct reload_prefs_term *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->values[i].relation == RELOAD_PREFS_STRING &&
			(t->count > 1 || t->values[i].negated))
			return false;
	return true;
}

/* What is behind "(" of a term: a literal, or a choice among values of one tag. */
static bool term(struct reader *r)
{
	struct reload_prefs_term *t = NULL;
	skip_blanks(r);
	if (!take(r, '|')) {
		t = literal(r, NULL);
	} else {
		skip_blanks(r);
		while (!r->in.err && take(r, '(')) {
			t = literal(r, t);
			skip_blanks(r);
		}
		need(r, ')');
	}
	return (t && !r->in.err && string_is_alone(t)) || fail(r);
}

static void predicate(struct reader *r)
{
	need(r, '(');
	skip_blanks(r);
	if (!take(r, '&')) {
		term(r);
		return;
	}
	skip_blanks(r);
	while (!r->in.err && take(r, '(')) {
		term(r);
		skip_blanks(r);
	}
	need(r, ')');
	if (!r->p->count)
		fail(r);
}

/* -- parameters ---------------------------------------------------------------------------------------------------------- */

/* What is behind "#": "=5", ">=5", "<=5", "1:5". */
static bool numeric(struct reader *r, struct reload_prefs_value *v)
{
	bool most = take(r, '<'), least = !most && take(r, '>');
	v->relation = most    ? RELOAD_PREFS_AT_MOST
		      : least ? RELOAD_PREFS_AT_LEAST
			      : RELOAD_PREFS_EQUALS;
	if (most || least)
		return need(r, '=') && number(r, &v->text);
	if (take(r, '='))
		return number(r, &v->text);
	v->relation = RELOAD_PREFS_RANGE;
	return number(r, &v->text) && need(r, ':') && number(r, &v->to);
}

static void parameter_values(struct reader *r, struct reload_prefs_term *t)
{
	do {
		struct reload_prefs_value *v = value_new(r, t);
		if (!v)
			return;
		skip_blanks(r);
		v->negated = take(r, '!');
		if (take(r, '<')) {
			v->relation = RELOAD_PREFS_STRING;
			string(r, &v->text, '>');
		} else if (take(r, '#')) {
			numeric(r, v);
		} else {
			token(r, v);
		}
		skip_blanks(r);
	} while (!r->in.err && take(r, ','));
	need(r, '"');
	if (!r->in.err && !string_is_alone(t))
		fail(r);
}

static struct reload_prefs_term *parameter_tag(struct reader *r)
{
	bool plus = take(r, '+');
	struct span tag = word(r, "!'.-%");
	bool bare = is_listed(bare_tags, COUNT_OF(bare_tags), tag);
	bool base = !plus && is_listed(base_tags, COUNT_OF(base_tags), tag);
	if (plus == bare && !base) {
		fail(r);
		return NULL;
	}
	return term_of(r, base ? sip_tree : "", tag, NULL);
}

static void parameters(struct reader *r)
{
	take(r, ';');
	do {
		skip_blanks(r);
		struct reload_prefs_term *t = parameter_tag(r);
		skip_blanks(r);
		if (!t)
			return;
		if (!take(r, '=')) {
			struct reload_prefs_value *v = value_new(r, t);
			*v = (struct reload_prefs_value){ .relation = RELOAD_PREFS_IS,
				.text = span_str(booleans[0]) };
			continue;
		}
		skip_blanks(r);
		if (need(r, '"'))
			parameter_values(r, t);
		skip_blanks(r);
	} while (!r->in.err && take(r, ';'));
}

enum reload_err reload_prefs_read(struct reload_prefs *out, struct span text)
{
	*out = (struct reload_prefs){ 0 };
	struct reader r = { .in = rd_of(text), .p = out };
	if (text.len > RELOAD_PREFS_MAX)
		return RELOAD_BAD_VALUE;
	skip_blanks(&r);
	if (!rd_more(&r.in))
		return RELOAD_OK;
	if (*r.in.at == '(')
		predicate(&r);
	else
		parameters(&r);
	skip_blanks(&r);
	return r.in.err || rd_more(&r.in) ? RELOAD_BAD_VALUE : RELOAD_OK;
}

/* -- writing ---------------------------------------------------------------------------------------------------------------- */

static void write_filter(
	struct wr *w, const struct reload_prefs_term *t, const struct reload_prefs_value *v)
{
	bool string = v->relation == RELOAD_PREFS_STRING;
	wr_text(w, v->negated ? "(!(" : "(");
	wr_text(w, t->tag);
	wr_text(w, v->relation == RELOAD_PREFS_AT_LEAST  ? ">="
		   : v->relation == RELOAD_PREFS_AT_MOST ? "<="
							 : "=");
	wr_text(w, string ? "\"" : "");
	wr_span(w, v->text);
	wr_text(w, string ? "\"" : "");
	if (v->relation == RELOAD_PREFS_RANGE) {
		wr_text(w, "..");
		wr_span(w, v->to);
	}
	wr_text(w, v->negated ? "))" : ")");
}

void reload_prefs_predicate(struct wr *w, const struct reload_prefs *p)
{
	if (p->count > 1)
		wr_text(w, "(&");
	for (size_t i = 0; i < p->count; i++) {
		const struct reload_prefs_term *t = &p->terms[i];
		wr_text(w, p->count > 1 ? " " : "");
		wr_text(w, t->count > 1 ? "(|" : "");
		for (size_t k = 0; k < t->count; k++) {
			wr_text(w, t->count > 1 ? " " : "");
			write_filter(w, t, &t->values[k]);
		}
		wr_text(w, t->count > 1 ? ")" : "");
	}
	if (p->count > 1)
		wr_text(w, ")");
}

static void write_tag(struct wr *w, const char *tag)
{
	size_t n = strlen(sip_tree);
	struct span all = span_str(tag), rest = span_str(strncmp(tag, sip_tree, n) ? "" : tag + n);
	if (is_listed(base_tags, COUNT_OF(base_tags), rest)) {
		wr_span(w, rest);
		return;
	}
	if (!is_listed(bare_tags, COUNT_OF(bare_tags), all))
		wr_text(w, "+");
	for (const char *c = tag; *c; c++)
		wr_u8(w, (uint8_t)(*c == '/' ? '\'' : *c == ':' ? '!' : *c));
}

static void write_value(struct wr *w, const struct reload_prefs_value *v)
{
	static const char *const before[] = {
		[RELOAD_PREFS_IS] = "",
		[RELOAD_PREFS_STRING] = "<",
		[RELOAD_PREFS_EQUALS] = "#=",
		[RELOAD_PREFS_AT_LEAST] = "#>=",
		[RELOAD_PREFS_AT_MOST] = "#<=",
		[RELOAD_PREFS_RANGE] = "#",
	};
	wr_text(w, v->negated ? "!" : "");
	wr_text(w, before[v->relation]);
	wr_span(w, v->text);
	if (v->relation == RELOAD_PREFS_RANGE) {
		wr_text(w, ":");
		wr_span(w, v->to);
	}
	wr_text(w, v->relation == RELOAD_PREFS_STRING ? ">" : "");
}

void reload_prefs_parameters(struct wr *w, const struct reload_prefs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct reload_prefs_term *t = &p->terms[i];
		wr_text(w, i ? ";" : "");
		write_tag(w, t->tag);
		if (t->count == 1 && !t->values[0].negated && is_word(&t->values[0], booleans[0]))
			continue;
		wr_text(w, "=\"");
		for (size_t k = 0; k < t->count; k++) {
			wr_text(w, k ? "," : "");
			write_value(w, &t->values[k]);
		}
		wr_text(w, "\"");
	}
}

unsigned reload_prefs_schemes(struct span text)
{
	struct reload_prefs p;
	unsigned wanted = 0, unwanted = 0;
	if (reload_prefs_read(&p, text))
		return RELOAD_SCHEMES_BOTH;
	for (size_t i = 0; i < p.count; i++) {
		const struct reload_prefs_term *t = &p.terms[i];
		for (size_t k = 0; !strcmp(t->tag, "sip.schemes") && k < t->count; k++) {
			unsigned bit = is_word(&t->values[k], "SIPS")  ? RELOAD_SCHEME_SIPS
				       : is_word(&t->values[k], "SIP") ? RELOAD_SCHEME_SIP
								       : 0u;
			*(t->values[k].negated ? &unwanted : &wanted) |= bit;
		}
	}
	wanted = (wanted ? wanted : RELOAD_SCHEMES_BOTH) & ~unwanted;
	return wanted ? wanted : RELOAD_SCHEMES_BOTH;
}
