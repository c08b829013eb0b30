/* The text for people about a fault of a document, and values as people write them. */
#include "config/internal.h"

#include <stdarg.h>
#include <stdio.h>

static void fault_va(
	struct reload_error_text *why, size_t line, const char *hint, const char *fmt, va_list ap)
{
	char text[512];
	vsnprintf(text, sizeof(text), fmt, ap);
	/* a value of the document may hold line ends; the reason is one line of plain text */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	if (line)
		reload_error_explain(why, RELOAD_BAD_CONFIG, "the overlay configuration",
			"line %zu: %.480s", line, text);
	else
		reload_error_explain(
			why, RELOAD_BAD_CONFIG, "the overlay configuration", "%s", text);
	if (hint)
		reload_error_advise(why, "%s", hint);
}

enum reload_err reload_xml_fault_line(struct reload_error_text *why, enum reload_err err,
	size_t line, const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fault_va(why, line, hint, fmt, ap);
	va_end(ap);
	return err;
}

enum reload_err reload_xml_fault(struct reload_error_text *why, enum reload_err err,
	const struct reload_xml_node *node, const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fault_va(why, node ? node->line : 0, hint, fmt, ap);
	va_end(ap);
	return err;
}

char *reload_text_trim(char *text)
{
	size_t from = strspn(text, " \t\r\n"), len = strlen(text + from);
	while (len && strchr(" \t\r\n", text[from + len - 1]))
		len--;
	memmove(text, text + from, len);
	text[len] = 0;
	return text;
}

bool reload_text_number(uint64_t *out, const char *text, uint64_t min, uint64_t max)
{
	uint64_t v = 0;
	text += *text == '+';
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || v > UINT64_MAX / 10 - 1)
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}
