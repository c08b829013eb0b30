/*
 * Where elements stand in the bytes.  Signatures cover elements as they came, and a parsed tree has no byte offsets; so
 * this small scanner finds the tags, and xml.c checks its list against the parser's tree, name by name.
 */
#include "config/internal.h"

struct scanner {
	struct reload_xml_scan *out;
	struct span text;
	size_t at;
	size_t open[RELOAD_XML_DEPTH_MAX]; /* indexes of elements without an end tag so far */
	size_t depth;
	struct reload_why *why;
};

static size_t line_of(const struct scanner *s, size_t offset)
{
	size_t line = 1;
	for (size_t i = 0; i < offset && i < s->text.len; i++)
		line += s->text.at[i] == '\n';
	return line;
}

#define FAULT(s, err, offset, hint, ...)                                                           \
	reload_xml_fault_line((s)->why, err, line_of(s, offset), hint, __VA_ARGS__)

static bool looking_at(const struct scanner *s, const char *word)
{
	size_t n = strlen(word);
	return s->text.len - s->at >= n && memcmp(s->text.at + s->at, word, n) == 0;
}

/* Moves behind the next end, which starts at least skip bytes from here. */
static enum reload_err pass(struct scanner *s, size_t skip, const char *end, const char *name)
{
	size_t from = s->at + skip;
	const uint8_t *hit = memmem(s->text.at + from, s->text.len - from, end, strlen(end));
	if (!hit)
		return FAULT(s, RELOAD_BAD_VALUE, s->at, NULL, "%s has no end", name);
	s->at = (size_t)(hit - s->text.at) + strlen(end);
	return RELOAD_OK;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span read_name(struct scanner *s)
{
	size_t from = s->at;
	while (s->at < s->text.len && !is_space(s->text.at[s->at]) && s->text.at[s->at] != '>' &&
		s->text.at[s->at] != '/')
		s->at++;
	return span_of(s->text.at + from, s->at - from);
}

static enum reload_err start_tag(struct scanner *s)
{
	size_t from = s->at++;
	if (s->depth == RELOAD_XML_DEPTH_MAX)
		return FAULT(s, RELOAD_BAD_CONFIG, from, NULL, "elements are nested deeper than %d",
			RELOAD_XML_DEPTH_MAX);
	if (s->out->count == RELOAD_XML_ELEMENTS_MAX)
		return FAULT(s, RELOAD_BAD_CONFIG, from, NULL, "there are more than %d elements",
			RELOAD_XML_ELEMENTS_MAX);
	struct span name = read_name(s);
	uint8_t quote = 0, before = 0;
	unsigned attributes = 0;
	for (;; s->at++) {
		if (s->at == s->text.len)
			return FAULT(s, RELOAD_BAD_VALUE, from, NULL, "a start tag has no end");
		uint8_t c = s->text.at[s->at];
		if (quote) {
			quote = c == quote ? 0 : quote;
			before = 0;
			continue;
		}
		if (c == '>')
			break;
		quote = c == '"' || c == '\'' ? c : 0;
		if (quote && ++attributes > RELOAD_XML_ATTRIBUTES_MAX)
			return FAULT(s, RELOAD_BAD_CONFIG, from, NULL,
				"an element has more than %d attributes",
				RELOAD_XML_ATTRIBUTES_MAX);
		before = c;
	}
	s->at++;
	reload_grow(&s->out->at, &s->out->cap, s->out->count, sizeof(*s->out->at));
	struct span bytes = span_of(s->text.at + from, s->at - from);
	s->out->at[s->out->count] = (struct reload_xml_element){ bytes, name };
	if (before != '/')
		s->open[s->depth++] = s->out->count;
	s->out->count++;
	return RELOAD_OK;
}

static enum reload_err end_tag(struct scanner *s)
{
	size_t from = s->at;
	s->at += 2;
	struct span name = read_name(s);
	while (s->at < s->text.len && is_space(s->text.at[s->at]))
		s->at++;
	if (s->at == s->text.len || s->text.at[s->at] != '>')
		return FAULT(s, RELOAD_BAD_VALUE, from, NULL, "an end tag has no end");
	s->at++;
	struct reload_xml_element *e = s->depth ? &s->out->at[s->open[s->depth - 1]] : NULL;
	if (!e || !span_eq(e->name, name))
		return FAULT(
			s, RELOAD_BAD_VALUE, from, NULL, "an end tag does not fit its start tag");
	e->bytes.len = (size_t)(s->text.at + s->at - e->bytes.at);
	s->depth--;
	return RELOAD_OK;
}

static enum reload_err markup(struct scanner *s)
{
	if (looking_at(s, "<!--"))
		return pass(s, 4, "-->", "a comment");
	if (looking_at(s, "<![CDATA["))
		return pass(s, 9, "]]>", "a CDATA section");
	if (looking_at(s, "<?"))
		return pass(s, 2, "?>", "a processing instruction");
	if (looking_at(s, "<!"))
		return FAULT(s, RELOAD_BAD_CONFIG, s->at, "remove it",
			"a document type declaration is not allowed");
	return looking_at(s, "</") ? end_tag(s) : start_tag(s);
}

enum reload_err reload_xml_scan_run(
	struct reload_xml_scan *scan, struct span text, struct reload_why *why)
{
	struct scanner s = { .out = scan, .text = text, .why = why };
	while (s.at < text.len) {
		const uint8_t *hit = memchr(text.at + s.at, '<', text.len - s.at);
		if (!hit)
			break;
		s.at = (size_t)(hit - text.at);
		enum reload_err err = markup(&s);
		if (err)
			return err;
	}
	if (s.depth)
		return FAULT(&s, RELOAD_BAD_VALUE, text.len, NULL, "an element has no end tag");
	return RELOAD_OK;
}

void reload_xml_scan_clear(struct reload_xml_scan *scan)
{
	free(scan->at);
	*scan = (struct reload_xml_scan){ 0 };
}
