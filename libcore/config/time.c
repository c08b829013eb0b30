/* Times as configuration documents write them: RFC 3339, UTC. */
#include "config/internal.h"

/* Days since 1970-01-01 of a Gregorian date; years begin in March, so that the leap day is the last one. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = year / 400;
	unsigned of_era = (unsigned)(year - era * 400);
	unsigned of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
	return era * 146097 + (int64_t)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) -
	       719468;
}

static unsigned month_days(unsigned year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

/* Reads count digits and the character that has to follow them (0: any). */
static bool read_digits(unsigned *out, const char **text, unsigned count, char behind)
{
	for (*out = 0; count; count--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*out = *out * 10 + (unsigned)(**text - '0');
	}
	if (behind && *(*text)++ != behind)
		return false;
	return true;
}

enum reload_err reload_utc_parse(reload_utc *out, const char *text)
{
	unsigned n[6], ms = 0, scale = 100;
	static const char behind[6] = { '-', '-', 'T', ':', ':', 0 };
	for (unsigned i = 0; i < COUNT_OF(n); i++)
		if (!read_digits(&n[i], &text, i ? 2 : 4, behind[i]))
			return RELOAD_BAD_VALUE;
	if (*text == '.') {
		if (text[1] < '0' || text[1] > '9')
			return RELOAD_BAD_VALUE;
		for (text++; *text >= '0' && *text <= '9'; text++, scale /= 10)
			ms += (unsigned)(*text - '0') * scale;
	}
	if (strcmp(text, "Z") != 0 || n[0] < 1970 || n[1] < 1 || n[1] > 12 || n[2] < 1 ||
		n[2] > month_days(n[0], n[1]) || n[3] > 23 || n[4] > 59 || n[5] > 59)
		return RELOAD_BAD_VALUE;
	uint64_t days = (uint64_t)days_of(n[0], n[1], n[2]);
	*out = (days * 86400 + n[3] * 3600 + n[4] * 60 + n[5]) * 1000 + ms;
	return RELOAD_OK;
}
