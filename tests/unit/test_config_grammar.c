/*
 * The form of documents is decided twice: by the small parser and the tables that every program has, and by the RELAX NG
 * grammar that reload-enroll asks as well.  Both have to say the same of every document.
 */
#include "config_fixture.h"

#include "config/internal.h"
#include "config/schema.h"

#include <glob.h>

enum {
	MUTANTS = 10000,
	TEXT_MAX = 64 * 1024,
	SEEDS_MAX = 64
};

/* Documents that others are made of. */
static struct {
	uint8_t *at;
	size_t len;
} seeds[SEEDS_MAX];
static size_t seeds_count;

static void seed_add(const char *text, size_t len)
{
	assert_true(seeds_count < SEEDS_MAX && len < TEXT_MAX / 4);
	seeds[seeds_count].at = reload_memdup(text, len);
	seeds[seeds_count++].len = len;
}

static void seeds_read(const char *pattern)
{
	static char text[TEXT_MAX];
	glob_t found;
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *file = fopen(found.gl_pathv[i], "rb");
		assert_non_null(file);
		size_t len = fread(text, 1, sizeof(text), file);
		fclose(file);
		seed_add(text, len);
	}
	globfree(&found);
}

#define KIND_BLOCK                                                                                 \
	"<kind-block><kind id=\"4026531841\"><data-model>SINGLE</data-model>"                      \
	"<access-control>USER-MATCH</access-control><max-count>1</max-count>"                      \
	"<max-size>100</max-size><x:n xmlns:x=\"urn:x\" a=\"b\">t<c/></x:n></kind>"                \
	"<kind-signature algorithm=\"x\">YQ==</kind-signature></kind-block>"
#define EVERYTHING                                                                                 \
	"<topology-plugin> CHORD-RELOAD </topology-plugin>\n<node-id-length>16</node-id-length>"   \
	"<enrollment-server> https://example.org/a?b=c </enrollment-server>\n"                     \
	"<enrollment-server><url>https://example.net</url></enrollment-server>"                    \
	"<bootstrap-node address=\"192.0.2.1\" port=\"7000\"/><turn-density> 20 </turn-density>"   \
	"<clients-permitted>\n false </clients-permitted><no-ice>1</no-ice>"                       \
	"<chord:chord-update-interval> 400</chord:chord-update-interval>"                          \
	"<chord:chord-ping-interval>30</chord:chord-ping-interval>\n"                              \
	"<chord:chord-reactive> 0 </chord:chord-reactive><shared-secret>a</shared-secret>"         \
	"<max-message-size>40000</max-message-size><initial-ttl> 30 </initial-ttl>"                \
	"<overlay-reliability-timer> 200 </overlay-reliability-timer>"                             \
	"<overlay-link-protocol> TLS </overlay-link-protocol><kind-signer>a</kind-signer>"         \
	"<configuration-signer>a</configuration-signer><bad-node>a</bad-node>"                     \
	"<mandatory-extension>urn:x</mandatory-extension><root-cert>YWI=</root-cert>"              \
	"<self-signed-permitted digest=\"sha1\">true</self-signed-permitted>"                      \
	"<e:f xmlns:e=\"urn:e\" g=\"h\"><i xmlns=\"\">j</i></e:f><required-kinds>" KIND_BLOCK      \
	"</required-kinds>"
#define WHOLE(attributes, content)                                                                 \
	PROLOG "<configuration instance-name=\"a.example\" " attributes ">" content                \
	       "</configuration><signature algorithm=\"x\">YQ==</signature></overlay>"

static const char everything[] =
	WHOLE("sequence=\"22\" ext:a=\"b\" expiration=\"2044-01-01T00:00:00Z\"", EVERYTHING);
static const char of_others[] = PROLOG "<configuration instance-name=\"a\"/>\n<!-- a comment "
				       "--><configuration instance-name=\"b\">"
				       "<required-kinds>" KIND_BLOCK KIND_BLOCK
				       "</required-kinds></configuration></overlay>";

static int setup(void **state)
{
	(void)state;
	seeds_read("tests/fuzz/corpus/config/*");
	seeds_read("tests/vectors/*.xml");
	for (size_t i = 0; i < 8;
		i++) { /* small ones, so that most changes leave them well-formed */
		seed_add(everything, sizeof(everything) - 1);
		seed_add(of_others, sizeof(of_others) - 1);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (seeds_count)
		free(seeds[--seeds_count].at);
	return 0;
}

/* What both say of a text, and in *taken whether it has the form; a text that is never looked into is left out. */
static void both_ways(bool *taken, const void *at, size_t len)
{
	struct reload_xml xml;
	struct reload_error_text why = { 0 }, other = { 0 };
	uint8_t *exact = reload_memdup(at, len); /* a byte too far is seen */
	struct span text = span_of(exact, len);
	enum reload_err err = reload_xml_open(&xml, text, &why);
	bool looked_into = !err || strstr(why.reason, "not well-formed XML");
	if (!err) {
		err = reload_form_check(&xml, &why);
		reload_xml_clear(&xml);
	}
	assert_true(!err || (err == RELOAD_BAD_CONFIG && why.reason[0]));
	if (looked_into && reload_schema_check(text, &other) != err)
		fail_msg("%s, %s\n%.*s", err ? why.reason : "taken",
			other.reason[0] ? other.reason : "taken", (int)len, (const char *)exact);
	*taken = !err;
	free(exact);
}

/* -- changes -------------------------------------------------------------------------------------------------------------- */

static const char *const snippets[] = { "<", "</", ">", "/>", "<!--", "-->", "<![CDATA[", "]]>",
	"&#", "&amp;", "&#38;", "&lt;", "&one;", "<p:q/>", "<?p q?>", " xmlns=''",
	" xmlns:q='urn:q'", " xmlns:q='a b'", " xmlns:q='%zz'", " xmlns:q=''", " xmlns:xml='urn:q'",
	"q:", "<a/>", "<x:b xmlns:x='urn:y'><c/>d</x:b>", "<?xml version='1.1'?>", " ", "\n", "\t",
	"\r\n", "-", "+", "0", "1", "00", "2147483648", "4294967296", "true", "=", "==", "'", "\"",
	" a='1'", " xml:lang='en'", " xml:id='1 2'", " id='1'", " name='x'", " algorithm='x'", "]]",
	"--", "\xc3\xa9", "\xef\xbf\xbe", "&#xfffe;", "&#x10ffff;", "&#x110000;", "\x7f", "\x01",
	"max-size", "chord:", "xmlns", "xml:", "<no-ice>1</no-ice>", "<url>https://a</url>",
	"<chord:chord-reactive>1</chord:chord-reactive>", "<signature>YQ==</signature>",
	"<configuration instance-name='b' sequence='-1'/>", "<turn-density>+5</turn-density>",
	"<topology-plug-in>CHORD-RELOAD</topology-plug-in>", "<required-kinds/>", "%", "%41", "#",
	"[", "]", "@", ":8080", "//", "?" };

struct mutant {
	uint8_t at[TEXT_MAX];
	size_t len;
};

static void put_at(struct mutant *m, size_t place, size_t replaced, const void *at, size_t len)
{
	if (m->len - replaced + len > sizeof(m->at))
		return;
	memmove(m->at + place + len, m->at + place + replaced, m->len - place - replaced);
	memcpy(m->at + place, at, len);
	m->len += len - replaced;
}

/* The end of the stretch of tags from place on. */
static size_t tags_end(const struct mutant *m, size_t place, uint32_t tags)
{
	while (place < m->len && (m->at[place] != '>' || --tags))
		place++;
	return place < m->len ? place + 1 : m->len;
}

static size_t next_of(const struct mutant *m, size_t place, const char *chars)
{
	while (place < m->len && !memchr(chars, m->at[place], strlen(chars)))
		place++;
	return place;
}

/* xorshift64: the same draws in every run. */
static uint32_t draw(uint64_t *random, size_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)((*random >> 20) % below);
}

static void change(struct mutant *m, uint64_t *random)
{
	const char *snippet = snippets[draw(random, COUNT_OF(snippets))];
	size_t place = draw(random, m->len + 1), from, end;
	uint8_t byte, copy[1024];
	if (draw(random, 3)) /* most faults are at the edges of tags and attributes */
		place = next_of(m, place, "<> ") + draw(random, 2);
	place = place < m->len ? place : m->len;
	switch (draw(random, 6)) {
	case 0: /* another byte */
		byte = (uint8_t)(32 + draw(random, 95));
		put_at(m, place, place < m->len, &byte, 1);
		break;
	case 1: /* some bytes less */
		end = place + 1 + draw(random, 8);
		put_at(m, place, (end < m->len ? end : m->len) - place, "", 0);
		break;
	case 2: /* something more */
		put_at(m, place, 0, snippet, strlen(snippet));
		break;
	case 3: /* tags once more, somewhere else */
		from = next_of(m, draw(random, m->len + 1), "<");
		end = tags_end(m, from, 1 + draw(random, 3));
		if (end - from <= sizeof(copy)) {
			memcpy(copy, m->at + from, end - from);
			put_at(m, place, 0, copy, end - from);
		}
		break;
	case 4: /* tags less */
		from = next_of(m, place, "<");
		end = tags_end(m, from, 1 + draw(random, 3));
		put_at(m, from, end - from, "", 0);
		break;
	default: /* another text in an element */
		from = tags_end(m, place, 1);
		put_at(m, from, next_of(m, from, "<") - from, snippet, strlen(snippet));
	}
}

static void changed_documents_get_the_same_verdict_both_ways(void **state)
{
	(void)state;
	static struct mutant m;
	uint64_t random = 6940;
	size_t taken_count = 0;
	bool taken;
	for (size_t i = 0; i < MUTANTS; i++) {
		size_t seed = i < seeds_count ? i : draw(&random, seeds_count);
		memcpy(m.at, seeds[seed].at, seeds[seed].len);
		m.len = seeds[seed].len;
		for (uint32_t n = i < seeds_count ? 0 : 1 + draw(&random, 2); n; n--)
			change(&m, &random);
		both_ways(&taken, m.at, m.len);
		taken_count += taken;
	}
	/* else the changes show too little */
	assert_in_range(taken_count, MUTANTS / 20, MUTANTS * 19 / 20);
}

/* -- values --------------------------------------------------------------------------------------------------------------- */

static const char *const values[] = { "", " ", "5", " 5", "\t5\n", "+5", "-5", "-0", "+0", "5 5",
	"5<!--c-->5", "05", "000000000000000000000000000016", "5.0", "0", "1", "199", "200", "255",
	"256", "15", "16", "20", "21", "2147483647", "2147483648", "-2147483648", "-2147483649",
	"4294967295", "4294967296", "9223372036854775807", "9223372036854775808",
	"-9223372036854775808", "-9223372036854775809", "99999999999999999999999", "+", "-", "+ 5",
	"0x5", "<![CDATA[16]]>", "16<?p?>", "&#xa0;16", "&#x20;16", "true", " false\n", "TRUE",
	"01", "tr<!---->ue", "YQ==", "YQ=", "YQ", "YWI=", "YWJj",
	"YWJjZA==", "Y Q = =", "YR==", "YWJ=", "YWK=", "*", "YQ==YQ==", "====", "=", "YWJjZ",
	"YQ== =", "Y\xc2\xa0WJj", "2044-01-01T00:00:00Z", " 2044-01-01T00:00:00Z ",
	"2044-01-01T00:00:00", "2044-01-01T00:00:00+14:00", "2044-01-01T00:00:00-14:01",
	"2044-01-01T00:00:00+15:00", "2044-01-01T00:00:00+1:00", "2044-01-01T00:00:00+01:60",
	"2044-02-29T00:00:00Z", "2045-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
	"2000-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
	"12044-01-01T00:00:00Z", "02044-01-01T00:00:00Z", "204-01-01T00:00:00Z",
	"9223372036854775807-01-01T00:00:00Z", "9223372036854775808-01-01T00:00:00Z",
	"2044-01-01T24:00:00.0Z", "2044-01-01T24:00:00.1Z", "2044-01-01T24:00:01Z",
	"2044-01-01T23:59:60Z", "2044-01-01T25:00:00Z", "2044-01-01T00:60:00Z",
	"2044-01-01T00:00:00.5Z", "2044-01-01T00:00:00.Z", "2044-13-01T00:00:00Z",
	"2044-00-01T00:00:00Z", "2044-01-00T00:00:00Z", "2044-01-32T00:00:00Z",
	"2044-1-01T00:00:00Z", "2044-01-01", "2044-01-01T00:00Z", "2044-01-01T00:00:00 Z",
	"2044-01-01T00:00:00Z2", "+2044-01-01T00:00:00Z", "https://a/b?c=d", "a b", "a%zz", "%41",
	"%4", "%", "#", "##", "a#b#c", "//[::1]:80/", "//[::1", "//[x]/", "//[]", "//[]x",
	"http://a:8x/", "http://a:/", "http://a:2147483647", "http://a:2147483648",
	"http://a:99999999999999999999", "1a:b", ":a", "a:b:c", "//", "///", "/", "?",
	"http://a@b@c/", "http://a:b@c:1/", "http://a[b]/", "[", "a{b}", "&lt;", "http://\xc3\xa9/",
	"a\\b", "http:", "http://:80", "+a:b", "a+b:c", "a?b[c", "a#b[c", "./b:c", "a/b:c", "_:c",
	"@:c", "//a%zz/", "http://;,=$!*'()&amp;~_-." };

static void values_are_taken_or_refused_both_ways(void **state)
{
	(void)state;
	static const char *const places[] = {
		PROLOG "<configuration instance-name=\"%s\"/></overlay>",
		PROLOG "<configuration instance-name=\"a\" sequence=\"%s\"/></overlay>",
		PROLOG "<configuration instance-name=\"a\" expiration=\"%s\"/></overlay>",
		PROLOG "<configuration instance-name=\"a\" xmlns:q=\"%s\"/></overlay>",
		WHOLE("", "<max-message-size>%s</max-message-size>"),
		WHOLE("", "<initial-ttl>%s</initial-ttl>"),
		WHOLE("", "<overlay-reliability-timer>%s</overlay-reliability-timer>"),
		WHOLE("", "<turn-density>%s</turn-density>"),
		WHOLE("", "<node-id-length>%s</node-id-length>"),
		WHOLE("", "<no-ice>%s</no-ice>"),
		WHOLE("", "<root-cert>%s</root-cert>"),
		WHOLE("", "<enrollment-server>%s</enrollment-server>"),
		WHOLE("", "<enrollment-server> <url>%s</url></enrollment-server>"),
		WHOLE("", "<bootstrap-node address=\"a\" port=\"%s\"/>"),
		WHOLE("", "<bootstrap-node address=\"a\">%s</bootstrap-node>"),
		WHOLE("", "<required-kinds>%s</required-kinds>"),
		WHOLE("", "<bad-node>%s</bad-node>"),
		WHOLE("", "%s"),
	};
	bool taken;
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		size_t taken_count = 0;
		const char *behind = strstr(places[i], "%s") + 2;
		for (size_t k = 0; k < COUNT_OF(values); k++) {
			char *text = text_of("%.*s%s%s", (int)(behind - 2 - places[i]), places[i],
				values[k], behind);
			both_ways(&taken, text, strlen(text));
			taken_count += taken;
			free(text);
		}
		assert_in_range(taken_count, 2, COUNT_OF(values));
	}
}

/* -- what is never looked into --------------------------------------------------------------------------------------------- */

/* R-11.1-01: bounded before anything of it is used, whatever it would become. */
static void bombs_are_refused_without_going_off(void **state)
{
	(void)state;
	static const char *const heads[] = {
		"<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">"
		"<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">]>",
		"<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///dev/zero\">]>",
		"<!DOCTYPE a [<!ENTITY % b \"<!ENTITY c 'd'>\"> %b;]>",
		"<!DOCTYPE a [<!ATTLIST overlay x CDATA 'y'>]>",
		"<!DOCTYPE a SYSTEM \"http://192.0.2.1/a.dtd\">",
		"<!DOCTYPE a PUBLIC \"a\" \"b\">",
	};
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		struct reload_xml xml;
		struct reload_error_text why = { 0 };
		char *text = text_of(
			"%s<overlay xmlns=\"" RELOAD_XMLNS_BASE "\">&d;</overlay>", heads[i]);
		assert_int_equal(reload_xml_open(&xml, span_str(text), &why), RELOAD_BAD_CONFIG);
		assert_string_equal(
			why.reason, "line 1: a document type declaration is not allowed");
		free(text);
	}
}

/* What the tree of a document takes is a small multiple of its bytes. */
static void large_documents_take_memory_in_proportion(void **state)
{
	(void)state;
	static const struct {
		const char *head, *unit, *tail;
	} shapes[] = {
		{ "<a>", "&#65;", "</a>" },
		{ "<a>", "<b/>", "</a>" },
		{ "<a b='", "&lt;", "'/>" },
		{ "<a><x:b xmlns:x='urn:x'>", "<c d='e'/>", "</x:b></a>" },
		{ "<a>", "<!---->", "</a>" },
		{ "<a", "\n", "/>" },
	};
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		struct reload_xml xml;
		struct reload_error_text why = { 0 };
		struct wr w;
		wr_init(&w);
		wr_span(&w, span_str(shapes[i].head));
		for (size_t n = 0; w.len < 1000000 && (*shapes[i].unit != '<' || n < 8000); n++)
			wr_span(&w, span_str(shapes[i].unit));
		wr_span(&w, span_str(shapes[i].tail));
		assert_int_equal(reload_xml_open(&xml, wr_done(&w), &why), RELOAD_OK);
		assert_true(xml.arena.total < 40 * w.len);
		reload_xml_clear(&xml);
		wr_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_documents_get_the_same_verdict_both_ways),
		cmocka_unit_test(values_are_taken_or_refused_both_ways),
		cmocka_unit_test(bombs_are_refused_without_going_off),
		cmocka_unit_test(large_documents_take_memory_in_proportion),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
