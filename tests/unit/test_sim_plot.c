#include "sim/plot.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct reload_sim_point hops[] = { { 100, 2 }, { 1000, 4 }, { 10000, 6 } };
static const struct reload_sim_curve one[] = { { "measured", RELOAD_SIM_MARK_DOTS, hops, 3 } };
static const struct reload_sim_plot plain = { .title = "Hops",
	.desc = "how they grow",
	.x_name = "peers",
	.y_name = "hops",
	.log_x = true,
	.curves = one,
	.count = 1 };

/* draw() returns the document, which has to be well formed; free it. */
static xmlDocPtr draw(const struct reload_sim_plot *p)
{
	struct wr w;
	wr_init(&w);
	reload_sim_plot_svg(&w, p);
	xmlDocPtr doc = xmlReadMemory((const char *)w.at, (int)w.len, "x.svg", NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	wr_clear(&w);
	assert_non_null(doc);
	return doc;
}

/* number() is the value of an expression; s is the namespace of SVG. */
static double number(xmlDocPtr doc, const char *expression)
{
	xmlXPathContextPtr c = xmlXPathNewContext(doc);
	xmlXPathRegisterNs(c, BAD_CAST "s", BAD_CAST "http://www.w3.org/2000/svg");
	xmlXPathObjectPtr o = xmlXPathEvalExpression(BAD_CAST expression, c);
	assert_non_null(o);
	double v = xmlXPathCastToNumber(o);
	xmlXPathFreeObject(o);
	xmlXPathFreeContext(c);
	return v;
}

static void points_are_where_they_belong(void **state)
{
	(void)state;
	xmlDocPtr doc = draw(&plain);
	/* a decade of x is half of the width; y begins at 0 */
	assert_true(number(doc, "number(//s:circle[1]/@cx)") == 80);
	assert_true(number(doc, "number(//s:circle[2]/@cx)") == 325);
	assert_true(number(doc, "number(//s:circle[3]/@cx)") == 570);
	assert_true(number(doc, "number(//s:circle[3]/@cy)") == 48);
	double third = (350 - 48) / 3.0;
	assert_true(fabs(number(doc, "number(//s:circle[1]/@cy)") - (350 - third)) < 0.06);
	assert_true(number(doc, "count(//s:text[. = '1k'])") == 1);
	assert_true(number(doc, "count(//s:text[. = 'measured'])") == 1);
	assert_true(number(doc, "count(/s:svg/s:title[. = 'Hops'])") == 1);
	assert_true(number(doc, "count(/s:svg/s:desc[. = 'how they grow'])") == 1);
	xmlFreeDoc(doc);
}

static void light_and_dark(void **state)
{
	(void)state;
	xmlDocPtr doc = draw(&plain);
	assert_true(number(doc, "count(//s:style[contains(., 'prefers-color-scheme:dark')])") == 1);
	assert_true(number(doc, "count(//s:rect[@class = 'ground'])") == 1);
	xmlFreeDoc(doc);
}

static void text_is_escaped(void **state)
{
	(void)state;
	struct reload_sim_curve c = one[0];
	struct reload_sim_plot p = plain;
	c.name = "</text><script>&\"\1";
	p.title = "a < b & \"c\"";
	p.curves = &c;
	xmlDocPtr doc = draw(&p);
	assert_true(number(doc, "count(//s:script)") == 0);
	assert_true(number(doc, "count(//s:text[contains(., '<script>&')])") == 1);
	assert_true(number(doc, "count(//s:title[contains(., 'a < b &')])") == 1);
	xmlFreeDoc(doc);
}

static void strange_data_are_left_out(void **state)
{
	(void)state;
	const struct reload_sim_point points[] = { { 0, 1 }, { -5, 1 }, { 10, NAN },
		{ INFINITY, 1 }, { 10, INFINITY }, { 10, 1 } };
	struct reload_sim_curve c[RELOAD_SIM_CURVES_MAX + 2];
	for (size_t i = 0; i < COUNT_OF(c); i++)
		c[i] = (struct reload_sim_curve){ "many", RELOAD_SIM_MARK_DOTS, points,
			COUNT_OF(points) };
	struct reload_sim_plot p = plain;
	p.curves = c;
	xmlDocPtr doc = draw(&p);
	assert_true(number(doc, "count(//s:g/s:circle)") == 1);
	xmlFreeDoc(doc);
	p.count = COUNT_OF(c);
	doc = draw(&p);
	assert_true(number(doc, "count(//s:g/s:circle)") ==
		    8); /* one point each, eight curves at most */
	xmlFreeDoc(doc);
	p.count = 0;
	doc = draw(&p);
	assert_true(number(doc, "count(//s:text[. = 'no data'])") == 1);
	xmlFreeDoc(doc);
}

static void the_same_data_give_the_same_bytes(void **state)
{
	(void)state;
	struct wr a, b;
	wr_init(&a);
	wr_init(&b);
	reload_sim_plot_svg(&a, &plain);
	reload_sim_plot_svg(&b, &plain);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.at, b.at, a.len);
	wr_clear(&a);
	wr_clear(&b);
}

static void wide_ranges_have_few_ticks(void **state)
{
	(void)state;
	const struct reload_sim_point points[] = { { 1e-9, 1e-12 }, { 1e12, 1e15 } };
	struct reload_sim_curve c = { "wide", RELOAD_SIM_MARK_LINE, points, 2 };
	struct reload_sim_plot p = plain;
	p.curves = &c;
	xmlDocPtr doc = draw(&p);
	double ticks = number(doc, "count(//s:text)");
	assert_true(ticks > 5 && ticks < 60);
	xmlFreeDoc(doc);
	p.log_x = false;
	doc = draw(&p);
	ticks = number(doc, "count(//s:text)");
	assert_true(ticks > 5 && ticks < 30);
	xmlFreeDoc(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_where_they_belong),
		cmocka_unit_test(light_and_dark),
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(strange_data_are_left_out),
		cmocka_unit_test(the_same_data_give_the_same_bytes),
		cmocka_unit_test(wide_ranges_have_few_ticks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
