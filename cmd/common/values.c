/* The values of options: how often, which, and as times, sizes and numbers. */
#include "common/options.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	DIGITS_MAX = 15
};

static bool is(const struct cli_given *given, const char *name)
{
	return !strcmp(given->opt->name, name);
}

size_t cli_count(const struct cli *cli, const char *name)
{
	size_t n = 0;
	assert(cli_opt_find(cli->program, NULL, name)); /* a name that no table has is our bug */
	for (size_t i = 0; i < cli->given_count; i++)
		n += is(&cli->given[i], name);
	return n;
}

bool cli_has(const struct cli *cli, const char *name)
{
	return cli_count(cli, name) > 0;
}

const char *cli_value_at(const struct cli *cli, const char *name, size_t i)
{
	for (size_t k = 0; k < cli->given_count; k++)
		if (is(&cli->given[k], name) && !i--)
			return cli->given[k].value;
	return NULL;
}

const char *cli_value(const struct cli *cli, const char *name, const char *otherwise)
{
	size_t n = cli_count(cli, name);
	return n ? cli_value_at(cli, name, n - 1) : otherwise;
}

/* digits() reads a decimal number and moves *text behind it. */
static bool digits(uint64_t *out, const char **text)
{
	size_t n = strspn(*text, "0123456789");
	if (!n || n > DIGITS_MAX)
		return false;
	*out = strtoull(*text, NULL, 10);
	*text += n;
	return true;
}

enum reload_err cli_time_parse(reload_ms *out, const char *text)
{
	static const struct {
		const char *unit;
		reload_ms ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	reload_ms sum = 0;
	bool bare = false, any = false;
	while (*text) {
		uint64_t n = 0;
		reload_ms factor = 0;
		size_t len = 0;
		if (bare || !digits(&n, &text))
			return RELOAD_USAGE;
		len = strcspn(text, "0123456789");
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strlen(units[i].unit) == len && !strncmp(units[i].unit, text, len))
				factor = units[i].ms;
		bare = !len;
		if (bare && !any)
			factor = RELOAD_SECOND;
		if (!factor || n > UINT64_MAX / 4 / factor)
			return RELOAD_USAGE;
		text += len;
		sum += n * factor;
		any = true;
		if (sum > UINT64_MAX / 4)
			return RELOAD_USAGE;
	}
	if (!any)
		return RELOAD_USAGE;
	*out = sum;
	return RELOAD_OK;
}

enum reload_err cli_size_parse(uint64_t *out, const char *text)
{
	static const char units[] = "KMG";
	uint64_t n = 0;
	if (!digits(&n, &text))
		return RELOAD_USAGE;
	const char *unit = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;
	if (*text && (!unit || text[1]))
		return RELOAD_USAGE;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	if (n > UINT64_MAX >> shift)
		return RELOAD_USAGE;
	*out = n << shift;
	return RELOAD_OK;
}

/* bad() says which option has which wrong value. */
static enum reload_err bad(struct reload_why *why, const struct cli *cli, const char *name,
	const char *value, const char *expected)
{
	char what[192];
	snprintf(what, sizeof(what), "--%s %.128s is not possible", name, value);
	enum reload_err err = reload_why_set(why, RELOAD_USAGE, what, "expected %s", expected);
	reload_why_hint(why, "%s --help", cli->program->name);
	return err;
}

enum reload_err cli_time(const struct cli *cli, const char *name, reload_ms otherwise,
	reload_ms *out, struct reload_why *why)
{
	const char *value = cli_value(cli, name, NULL);
	reload_ms t = otherwise;
	if (value && cli_time_parse(&t, value))
		return bad(why, cli, name, value, "a time such as 90, 500ms, 1h30m or 7d");
	*out = t;
	return RELOAD_OK;
}

enum reload_err cli_size(const struct cli *cli, const char *name, uint64_t otherwise, uint64_t *out,
	struct reload_why *why)
{
	const char *value = cli_value(cli, name, NULL);
	uint64_t n = otherwise;
	if (value && cli_size_parse(&n, value))
		return bad(why, cli, name, value, "a size in bytes such as 4096, 64K, 10M or 1G");
	*out = n;
	return RELOAD_OK;
}

enum reload_err cli_number(const struct cli *cli, const char *name, uint64_t otherwise,
	uint64_t min, uint64_t max, uint64_t *out, struct reload_why *why)
{
	const char *value = cli_value(cli, name, NULL), *rest = value;
	uint64_t n = otherwise;
	if (value && (!digits(&n, &rest) || *rest || n < min || n > max)) {
		char expected[96];
		snprintf(expected, sizeof(expected), "a number from %llu to %llu",
			(unsigned long long)min, (unsigned long long)max);
		return bad(why, cli, name, value, expected);
	}
	*out = n;
	return RELOAD_OK;
}
