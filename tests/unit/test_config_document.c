/* What a document says, and which documents are refused (RFC 6940 s11.1). */
#include "config_fixture.h"

static void absent_parameters_have_their_defaults(void **state)
{
	(void)state;
	AUTO(reload_config)
	c = parsed(document_of("instance-name=\"" OVERLAY "\"", "", NULL, NULL));
	/* R-11.1-07 */
	assert_string_equal(c->instance_name, OVERLAY);
	assert_int_equal(c->sequence, 0);
	assert_true(c->expiration == RELOAD_NEVER);
	/* R-11.1-12 */
	assert_string_equal(c->topology_plugin, "CHORD-RELOAD");
	/* R-11.1-13 */
	assert_int_equal(c->node_id_len, 16);
	assert_int_equal(c->self_signed_digest, 0);
	/* R-11.1-22 */
	assert_int_equal(c->turn_density, 1);
	/* R-11.1-23, R-11.1-24 */
	assert_true(c->clients_permitted);
	assert_false(c->no_ice);
	assert_true(c->chord_reactive);
	/* R-10.7.4-02 */
	assert_int_equal(c->chord_update_interval_s, 600);
	assert_int_equal(c->chord_ping_interval_s, 3600);
	assert_null(c->shared_secret);
	/* R-11.1-28, R-11.1-29 */
	assert_int_equal(c->max_message_size, 5000);
	assert_int_equal(c->initial_ttl, 100);
	assert_int_equal(c->overlay_reliability_timer_ms, 3000);
	/* R-11.1-31 */
	assert_int_equal(c->link_protocols.count, 1);
	assert_string_equal(c->link_protocols.at[0], "TLS");
	/* R-11.1-06: an unsigned document is one, too */
	assert_int_equal(c->signatures_count, 0);
	assert_true(warned(c, "not signed"));
	struct wire_ctx ctx = reload_config_wire_ctx(c);
	assert_int_equal(ctx.node_id_len, 16);
	assert_int_equal(ctx.model(ctx.model_arg, RELOAD_KIND_CERT_BY_NODE), RELOAD_MODEL_ARRAY);
	assert_int_equal(ctx.model(ctx.model_arg, 77), RELOAD_MODEL_UNKNOWN);
}

#define ALL_PARAMETERS                                                                             \
	"<topology-plugin> CHORD-RELOAD </topology-plugin>\n<node-id-length>16</node-id-length>\n" \
	"<enrollment-server> https://example.org/a?b=c </enrollment-server>\n"                     \
	"<enrollment-server><url>https://example.net</url></enrollment-server>\n"                  \
	"<bootstrap-node address=\"192.0.2.1\" port=\"7000\"/>\n"                                  \
	"<bootstrap-node address=\" 192.0.2.2 \"/>\n<bootstrap-node address=\"2001:DB8::1\"/>\n"   \
	"<turn-density> 20 </turn-density>\n<clients-permitted>\n false </clients-permitted>\n"    \
	"<no-ice>1</no-ice>\n<chord:chord-update-interval> 400</chord:chord-update-interval>\n"    \
	"<chord:chord-ping-interval>30</chord:chord-ping-interval>\n"                              \
	"<chord:chord-reactive> 0 </chord:chord-reactive>\n"                                       \
	"<shared-secret> pass word </shared-secret>\n<max-message-size>40000</max-message-size>\n" \
	"<initial-ttl> 30 </initial-ttl>\n"                                                        \
	"<overlay-reliability-timer> 200 </overlay-reliability-timer>\n"                           \
	"<overlay-link-protocol>QUIC</overlay-link-protocol>\n"                                    \
	"<overlay-link-protocol> TLS </overlay-link-protocol>\n"                                   \
	"<kind-signer> " NODE_1 " </kind-signer>\n<kind-signer>" NODE_2 "</kind-signer>\n"         \
	"<configuration-signer>101112131415161718191A1B1C1D1E1F</configuration-signer>\n"          \
	"<configuration-signer>" NODE_2 "</configuration-signer>\n<bad-node>" NODE_3               \
	"</bad-node>\n"

static void each_parameter_is_read(void **state)
{
	(void)state;
	AUTO(reload_config) c = parsed(document_of(ATTRIBUTES, ALL_PARAMETERS, NULL, &one));
	/* R-11.1-11 */
	assert_int_equal(c->sequence, 22);
	assert_true(c->expiration == UINT64_C(2335219200000)); /* 2044-01-01T00:00:00Z */
	/* R-11.1-16 */
	assert_int_equal(c->enrollment_servers.count, 2);
	assert_string_equal(c->enrollment_servers.at[0], "https://example.org/a?b=c");
	assert_string_equal(c->enrollment_servers.at[1], "https://example.net");
	/* R-11.1-20, R-11.1-21: with port, without, IPv6 */
	char text[64];
	assert_int_equal(c->bootstrap_count, 3);
	assert_string_equal(reload_ip_port_text(text, &c->bootstrap[0]), "192.0.2.1:7000");
	assert_string_equal(reload_ip_port_text(text, &c->bootstrap[1]), "192.0.2.2:6084");
	assert_string_equal(reload_ip_port_text(text, &c->bootstrap[2]), "[2001:db8::1]:6084");
	assert_int_equal(c->turn_density, 20);
	/* R-11.1-04: 0 and 1 are Booleans as well; blanks around values do not count */
	assert_false(c->clients_permitted);
	assert_true(c->no_ice);
	assert_false(c->chord_reactive);
	/* R-11.1-25, R-10.7.4-02 */
	assert_int_equal(c->chord_update_interval_s, 400);
	assert_int_equal(c->chord_ping_interval_s, 30);
	/* R-11.1-27 */
	assert_string_equal(c->shared_secret, "pass word");
	assert_int_equal(c->max_message_size, 40000);
	assert_int_equal(c->initial_ttl, 30);
	/* R-11.1-30: 200 is the least */
	assert_int_equal(c->overlay_reliability_timer_ms, 200);
	assert_int_equal(c->link_protocols.count, 2);
	/* R-11.1-32 */
	assert_int_equal(c->kind_signers.count, 2);
	assert_int_equal(c->configuration_signers.count, 2);
	assert_true(reload_id_eq(&c->configuration_signers.at[0], &one.node));
	assert_true(reload_id_eq(&c->kind_signers.at[1], &two.node));
	assert_int_equal(c->bad_nodes.count, 1);
	assert_int_equal(c->signatures_count, 1);
	assert_int_equal(c->warnings.count, 0);
}

/* One good document, one change of its text each, and what has to become of it. */
static const struct {
	const char *from, *to;
	enum reload_err err;
	const char *word;
} changes[] = {
	/* clang-format off */
	/* R-11.1.1-01, R-14-06: what the grammar does not have */
	{ "<turn-density>", "<turn-foo/><turn-density>", RELOAD_BAD_CONFIG, "turn-foo" },
	{ "<turn-density>", "loose text <turn-density>", RELOAD_BAD_CONFIG, "grammar" },
	{ "<no-ice>1</no-ice>", "<no-ice>1</no-ice><no-ice>1</no-ice>", RELOAD_BAD_CONFIG, "no-ice is there more than once" },
	{ "<no-ice>1", "<no-ice><ext:b/>1", RELOAD_BAD_CONFIG, "no-ice cannot hold the element b" },
	{ "<no-ice>1", "<no-ice x=\"1\">1", RELOAD_BAD_CONFIG, "no-ice cannot have the attribute x" },
	{ "<no-ice>1</no-ice>", "<no-ice xmlns=\"\">1</no-ice>", RELOAD_BAD_CONFIG, "no-ice is not known" },
	{ "sequence=", "serial=\"1\" sequence=", RELOAD_BAD_CONFIG, "serial" },
	{ "<chord:chord-reactive> 0 </chord:chord-reactive>", "<chord-reactive>0</chord-reactive>", RELOAD_BAD_CONFIG, "chord-reactive" },
	{ "<chord:chord-reactive> 0 </chord:chord-reactive>", "<chord:fast/>", RELOAD_BAD_CONFIG, "fast" },
	{ "xmlns=\"urn:ietf:params:xml:ns:p2p:config-base\"", "xmlns=\"urn:other\"", RELOAD_BAD_CONFIG, "namespace" },
	{ "instance-name=\"" OVERLAY "\"", "", RELOAD_BAD_CONFIG, "instance-name" },
	/* R-11.1-01: well-formed XML in UTF-8 */
	{ "</turn-density>", "", RELOAD_BAD_CONFIG, "not well-formed" },
	{ "</overlay>", "</overlay><overlay/>", RELOAD_BAD_CONFIG, "not well-formed" },
	{ "<no-ice>", "<nons:a/><no-ice>", RELOAD_BAD_CONFIG, "nons" },
	{ "<no-ice>1", "<no-ice>&one;", RELOAD_BAD_CONFIG, "one" },
	{ "encoding=\"UTF-8\"", "encoding='ISO-8859-1'", RELOAD_BAD_CONFIG, "ISO-8859-1" },
	{ "encoding=\"UTF-8\"", "encoding=\"UTF-16\"", RELOAD_BAD_CONFIG, "UTF-16" },
	{ "pass word", "p\xe4ss", RELOAD_BAD_CONFIG, "UTF-8" },
	{ "<overlay", "<!DOCTYPE overlay><overlay", RELOAD_BAD_CONFIG, "document type" },
	{ "<overlay", "<!DOCTYPE overlay [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><overlay", RELOAD_BAD_CONFIG, "document type" },
	/* R-6.3.2-03 */
	{ "\"" OVERLAY "\"", "\"over lay\"", RELOAD_BAD_CONFIG, "domain name" },
	{ "\"" OVERLAY "\"", "\"over_lay\"", RELOAD_BAD_CONFIG, "domain name" },
	{ "\"" OVERLAY "\"", "\"\"", RELOAD_BAD_CONFIG, "domain name" },
	/* R-11.1-08 */
	{ "2044-01-01T00:00:00Z", "2025-12-31T23:59:59Z", RELOAD_CONFIG_EXPIRED, "2025-12-31T23:59:59Z" },
	{ "2044-01-01T00:00:00Z", "2026-01-01T00:00:00Z", RELOAD_CONFIG_EXPIRED, "expired" },
	/* R-11.1-10 */
	{ "2044-01-01T00:00:00Z", "2044-01-01T00:00:00+01:00", RELOAD_BAD_CONFIG, "UTC" },
	{ "2044-01-01T00:00:00Z", "2044-01-01T00:00:00+00:00", RELOAD_BAD_CONFIG, "UTC" },
	{ "2044-01-01T00:00:00Z", "2044-01-01T00:00:00", RELOAD_BAD_CONFIG, "UTC" },
	{ "2044-01-01T00:00:00Z", "2044-02-30T00:00:00Z", RELOAD_BAD_CONFIG, "2044-02-30" },
	{ "2044-01-01T00:00:00Z", "tomorrow", RELOAD_BAD_CONFIG, "tomorrow" },
	/* R-11.1-11 */
	{ "sequence=\"22\"", "sequence=\"65535\"", RELOAD_BAD_CONFIG, "65535" },
	{ "sequence=\"22\"", "sequence=\"-1\"", RELOAD_BAD_CONFIG, "-1" },
	{ "sequence=\"22\"", "sequence=\"\"", RELOAD_BAD_CONFIG, "sequence" },
	{ "sequence=\"22\"", "sequence=\"65534\"", RELOAD_OK, "" },
	/* R-11.1-12 */
	{ "> CHORD-RELOAD <", ">EXAMPLE<", RELOAD_BAD_CONFIG, "EXAMPLE" },
	{ "<topology-plugin> CHORD-RELOAD </topology-plugin>", "<topology-plug-in>CHORD-RELOAD</topology-plug-in>", RELOAD_OK, "" },
	{ "<topology-plugin>", "<topology-plug-in>CHORD-RELOAD</topology-plug-in><topology-plugin>", RELOAD_BAD_CONFIG, "topology-plug" },
	/* R-11.1-13 */
	{ "<node-id-length>16", "<node-id-length>15", RELOAD_BAD_CONFIG, "node-id-length is \"15\"" },
	{ "<node-id-length>16", "<node-id-length>21", RELOAD_BAD_CONFIG, "node-id-length is \"21\"" },
	/* R-11.1-14 */
	{ "<root-cert>", "<root-cert>YmFkIGNlcnQK</root-cert><root-cert>", RELOAD_BAD_CONFIG, "not a certificate" },
	{ "<root-cert>", "<root-cert>*</root-cert><root-cert>", RELOAD_BAD_CONFIG, "base64" },
	/* R-11.1-15 */
	{ "https://example.net", "http://example.net", RELOAD_BAD_CONFIG, "https" },
	{ "https://example.net", "https:///path", RELOAD_BAD_CONFIG, "host" },
	{ "https://example.net", "https://a b", RELOAD_BAD_CONFIG, "URL" },
	{ "https://example.net", "HTTPS://example.net", RELOAD_OK, "" },
	{ "<no-ice>", "<self-signed-permitted digest=\"sha1\">maybe</self-signed-permitted><no-ice>", RELOAD_BAD_CONFIG, "maybe" },
	{ "<no-ice>", "<self-signed-permitted>true</self-signed-permitted><no-ice>", RELOAD_BAD_CONFIG, "digest" },
	{ "<no-ice>", "<self-signed-permitted digest=\"md5\">true</self-signed-permitted><no-ice>", RELOAD_BAD_CONFIG, "md5" },
	/* R-11.1-20 */
	{ "192.0.2.1\"", "host.example\"", RELOAD_BAD_CONFIG, "host.example" },
	{ "192.0.2.1\"", "192.0.2.1:80\"", RELOAD_BAD_CONFIG, "192.0.2.1:80" },
	{ "2001:DB8::1", "[2001:DB8::1]", RELOAD_BAD_CONFIG, "IPv6" },
	{ "2001:DB8::1", "::", RELOAD_BAD_CONFIG, "unspecified" },
	{ "192.0.2.1\"", "255.255.255.255\"", RELOAD_BAD_CONFIG, "broadcast" },
	{ "2001:DB8::1", "::ffff:255.255.255.255", RELOAD_BAD_CONFIG, "broadcast" },
	{ "192.0.2.1\"", "0.0.0.0\"", RELOAD_BAD_CONFIG, "unspecified" },
	{ "port=\"7000\"", "port=\"0\"", RELOAD_BAD_CONFIG, "port" },
	{ "port=\"7000\"", "port=\"65536\"", RELOAD_BAD_CONFIG, "65536" },
	{ "port=\"7000\"", "port=\"65535\"", RELOAD_OK, "" },
	/* R-11.4-06 */
	{ "192.0.2.1\"", "224.0.0.1\"", RELOAD_BAD_CONFIG, "multicast" },
	{ "2001:DB8::1", "ff02::1", RELOAD_BAD_CONFIG, "multicast" },
	/* R-11.1-22 */
	{ "> 20 <", "> 256 <", RELOAD_BAD_CONFIG, "turn-density" },
	{ "> 20 <", ">0<", RELOAD_OK, "" },
	/* R-11.1-04 */
	{ "<no-ice>1", "<no-ice>TRUE", RELOAD_BAD_CONFIG, "TRUE" },
	{ "<no-ice>1", "<no-ice>yes", RELOAD_BAD_CONFIG, "true, false, 1 or 0" },
	{ "<no-ice>1", "<no-ice>\n\ttrue\n", RELOAD_OK, "" },
	/* R-11.1-25 */
	{ "> 400<", ">0<", RELOAD_BAD_CONFIG, "chord-update-interval" },
	{ ">30</chord", ">-5</chord", RELOAD_BAD_CONFIG, "chord-ping-interval" },
	/* R-11.1-28 */
	{ ">40000<", ">4294967296<", RELOAD_BAD_CONFIG, "max-message-size" },
	{ ">40000<", ">0<", RELOAD_BAD_CONFIG, "max-message-size" },
	{ ">40000<", ">255<", RELOAD_BAD_CONFIG, "max-message-size is \"255\"" },
	{ ">40000<", ">256<", RELOAD_OK, "" },
	/* R-11.1-29 */
	{ "<initial-ttl> 30", "<initial-ttl>0", RELOAD_BAD_CONFIG, "initial-ttl is \"0\"" },
	{ "<initial-ttl> 30", "<initial-ttl>256", RELOAD_BAD_CONFIG, "initial-ttl is \"256\"" },
	{ "<initial-ttl> 30", "<initial-ttl>255", RELOAD_OK, "" },
	/* R-11.1-30 */
	{ "> 200 <", "> 199 <", RELOAD_BAD_CONFIG, "overlay-reliability-timer is \"199\"" },
	/* R-11.1-31 */
	{ "> TLS <", ">DTLS-UDP-SR<", RELOAD_BAD_CONFIG, "overlay-link-protocol" },
	/* R-6.6.1-02: nor is there one of our own making */
	{ "> TLS <", ">X-TLS<", RELOAD_BAD_CONFIG, "overlay-link-protocol" },
	/* R-11.1-32: the 8 bytes of the RFC's example do not fit node-id-length */
	{ "<kind-signer> " NODE_1, "<kind-signer>47112162e84c69ba", RELOAD_BAD_CONFIG, "47112162e84c69ba" },
	{ "<bad-node>" NODE_3, "<bad-node>xy", RELOAD_BAD_CONFIG, "bad-node" },
	{ "<bad-node>" NODE_3, "<bad-node>00000000000000000000000000000000", RELOAD_BAD_CONFIG, "no node" },
	{ "<bad-node>" NODE_3, "<bad-node>ffffffffffffffffffffffffffffffff", RELOAD_BAD_CONFIG, "no node" },
	/* R-11.1-34 */
	{ "<no-ice>", "<mandatory-extension>urn:example:new</mandatory-extension><no-ice>", RELOAD_BAD_CONFIG, "urn:example:new" },
	/* R-6.2-02: another way to route is such an extension */
	{ "<no-ice>", "<mandatory-extension>urn:example:routing</mandatory-extension><no-ice>", RELOAD_BAD_CONFIG, "urn:example:routing" },
	{ "<no-ice>", "<mandatory-extension>urn:ietf:params:xml:ns:p2p:config-base</mandatory-extension>"
	  "<mandatory-extension>urn:example:new</mandatory-extension><no-ice>", RELOAD_BAD_CONFIG, "urn:example:new" },
	/* R-11.1-35: two that are known */
	{ "<no-ice>", "<mandatory-extension> urn:ietf:params:xml:ns:p2p:config-chord\n</mandatory-extension>"
	  "<mandatory-extension>urn:ietf:params:xml:ns:p2p:config-base</mandatory-extension><no-ice>", RELOAD_OK, "" },
	/* R-11.1-36: no kind-block in it */
	{ "<no-ice>", "<required-kinds/><no-ice>", RELOAD_OK, "" },
	/* R-11.1-06 */
	{ "</signature>", "</signature><signature>YQ==</signature>", RELOAD_OK, "" },
	{ "<signature>", "<signature>YQ=", RELOAD_BAD_CONFIG, "signature is not base64" },
	{ "\n<configuration", "<signature>YQ==</signature>\n<configuration", RELOAD_BAD_CONFIG, "in front" },
	/* R-11.1-03: foreign elements and attributes where the grammar has room for them */
	{ "<no-ice>", "<ext:a b=\"1\"><c xmlns=\"\">text<ext:d ext:e=\"2\"/></c></ext:a><no-ice>", RELOAD_OK, "" },
	{ "sequence=", "ext:note=\"x>y\" xml:lang=\"en\" sequence=", RELOAD_OK, "" },
	{ "<no-ice>", "<!-- </configuration> --><?pi </configuration>?><ext:a><![CDATA[</configuration>]]></ext:a><no-ice>", RELOAD_OK, "" },
	/* clang-format on */
};

static void bad_documents_are_refused_with_a_reason(void **state)
{
	(void)state;
	char *good = document_of(ATTRIBUTES, ALL_PARAMETERS, NULL, &one);
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		char *text = replaced(good, changes[i].from, changes[i].to);
		if (changes[i].err) {
			refused(text, changes[i].err, changes[i].word);
		} else {
			AUTO(reload_config) c = parsed(text);
			assert_int_equal(c->bootstrap_count, 3);
		}
	}
	free(good);
}

static void a_reason_names_the_line(void **state)
{
	(void)state;
	struct reload_config *c;
	struct reload_error_text why = { 0 };
	char *text = document_of(ATTRIBUTES, "<no-ice>\nperhaps</no-ice>", NULL, NULL);
	assert_int_equal(
		reload_config_parse(&c, span_str(text), NULL, &reload_ident_openssl, NOW, &why),
		RELOAD_BAD_CONFIG);
	assert_string_equal(why.what, "the overlay configuration");
	assert_string_equal(
		why.reason, "line 6: no-ice is \"perhaps\", it must be true, false, 1 or 0");
	/* why may be NULL */
	assert_int_equal(
		reload_config_parse(&c, span_str(text), NULL, &reload_ident_openssl, NOW, NULL),
		RELOAD_BAD_CONFIG);
	free(text);
}

static void what_should_be_is_warned_about(void **state)
{
	(void)state;
	char *good = document_of(ATTRIBUTES, SIGNERS, NULL, &one);
	/* R-11.1-02 */
	AUTO(reload_config) c = parsed(replaced(good, " encoding=\"UTF-8\"", ""));
	assert_true(warned(c, "encoding"));
	AUTO(reload_config)
	d = parsed(replaced(good, "<kind-signer>",
		"<self-signed-permitted digest=\"sha1\"> false "
		"</self-signed-permitted><kind-signer>"));
	/* R-11.1-18: it may be false, and should be absent */
	assert_int_equal(d->self_signed_digest, 0);
	assert_true(warned(d, "self-signed-permitted"));
	assert_false(warned(d, "encoding"));
	AUTO(reload_config)
	e = parsed(replaced(
		good, "<kind-signer>", "<max-message-size>300</max-message-size><kind-signer>"));
	assert_true(warned(e, "max-message-size")); /* it could not be sent to a peer */
	free(good);
}

static void encodings_other_than_utf8_are_refused(void **state)
{
	(void)state;
	struct reload_config *c;
	struct reload_error_text why;
	char *good = document_of(ATTRIBUTES, SIGNERS, NULL, NULL);
	size_t len = strlen(good);
	uint8_t *wide = reload_alloc(2 * len + 2);
	wide[0] = 0xff; /* byte order mark */
	wide[1] = 0xfe;
	for (size_t i = 0; i < len; i++)
		wide[2 + 2 * i] = (uint8_t)good[i];
	/* R-11.1-01 */
	assert_int_equal(reload_config_parse(&c, span_of(wide, 2 * len + 2), NULL,
				 &reload_ident_openssl, NOW, &why),
		RELOAD_BAD_CONFIG);
	assert_non_null(strstr(why.reason, "UTF-16"));
	assert_int_equal(reload_config_parse(&c, span_of(wide + 2, 2 * len), NULL,
				 &reload_ident_openssl, NOW, &why),
		RELOAD_BAD_CONFIG);
	assert_non_null(strstr(why.reason, "UTF-16"));
	assert_int_equal(reload_config_parse(&c, span_of(good, len + 1), NULL,
				 &reload_ident_openssl, NOW, &why),
		RELOAD_BAD_CONFIG); /* a NUL at the end */
	free(wide);
	AUTO(reload_config)
	d = parsed(text_of("\xef\xbb\xbf%s", good)); /* UTF-8 may have its mark */
	assert_int_equal(d->sequence, 22);
	free(good);
}

static void sizes_are_bounded(void **state)
{
	(void)state;
	struct reload_config *c;
	struct reload_error_text why;
	char *good = document_of(ATTRIBUTES, SIGNERS, NULL, NULL);
	char *big = reload_alloc(RELOAD_CONFIG_SIZE_MAX + 2);
	memset(big, ' ', RELOAD_CONFIG_SIZE_MAX + 1);
	assert_int_equal(
		reload_config_parse(&c, span_str(big), NULL, &reload_ident_openssl, NOW, &why),
		RELOAD_BAD_CONFIG);
	assert_non_null(strstr(why.reason, "limit"));
	struct wr w;
	wr_init(&w);
	for (int i = 0; i < 100; i++)
		wr_bytes(&w, "<ext:a>", 7);
	for (int i = 0; i < 100; i++)
		wr_bytes(&w, "</ext:a>", 8);
	wr_u8(&w, 0);
	char *deep = text_of("%s<kind-signer>", (char *)w.at);
	refused(replaced(good, "<kind-signer>", deep), RELOAD_BAD_CONFIG, "deeper");
	w.len = 0;
	for (int i = 0; i < 8200; i++)
		wr_bytes(&w, "<ext:a/>", 8);
	wr_u8(&w, 0);
	char *many = text_of("%s<kind-signer>", (char *)w.at);
	refused(replaced(good, "<kind-signer>", many), RELOAD_BAD_CONFIG,
		"more than 8192 elements");
	w.len = 0;
	for (int i = 0; i < 65; i++) {
		char *attribute = text_of(" ext:a%d='1'", i);
		wr_span(&w, span_str(attribute));
		free(attribute);
	}
	wr_u8(&w, 0);
	char *wide = text_of("<kind-signer%s>", (char *)w.at);
	refused(replaced(good, "<kind-signer>", wide), RELOAD_BAD_CONFIG,
		"more than 64 attributes");
	w.len = 0;
	for (int i = 0; i < 257; i++)
		wr_span(&w, span_str("<bad-node>" NODE_3 "</bad-node>"));
	wr_u8(&w, 0);
	char *long_list = text_of("%s<kind-signer>", (char *)w.at);
	refused(replaced(good, "<kind-signer>", long_list), RELOAD_BAD_CONFIG, "256");
	w.len = 0;
	for (int i = 0; i < 17; i++)
		wr_span(&w, span_str("<signature>YQ==</signature>"));
	wr_span(&w, span_str("</overlay>"));
	wr_u8(&w, 0);
	refused(replaced(good, "</overlay>", (char *)w.at), RELOAD_BAD_CONFIG,
		"more than 16 signatures");
	wr_clear(&w);
	free(deep);
	free(many);
	free(wide);
	free(long_list);
	free(big);
	free(good);
}

static void one_of_several_overlays_is_chosen_by_name(void **state)
{
	(void)state;
	char *good = document_of(ATTRIBUTES, SIGNERS, NULL, &one);
	char *text = replaced(good, "</overlay>",
		"<configuration instance-name=\"other.example\"></configuration>\n"
		"<signature>VGhpcyBpcyBub3QgcmlnaHQhCg==</signature></overlay>");
	struct reload_config *c = NULL;
	struct reload_error_text why;
	/* R-11.1-05 */
	assert_int_equal(
		reload_config_parse(&c, span_str(text), OVERLAY, &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	assert_string_equal(c->instance_name, OVERLAY);
	assert_int_equal(c->signatures_count, 1); /* that behind it, not that of the other */
	assert_int_equal(reload_config_verify(c, NULL, NOW, &why), RELOAD_OK);
	reload_config_free(c);
	assert_int_equal(
		reload_config_parse(&c, span_str(text), NULL, &reload_ident_openssl, NOW, &why),
		RELOAD_BAD_CONFIG);
	assert_non_null(strstr(why.reason, "more than one"));
	assert_int_equal(reload_config_parse(&c, span_str(text), "third.example",
				 &reload_ident_openssl, NOW, &why),
		RELOAD_BAD_CONFIG);
	assert_non_null(strstr(why.reason, "third.example"));
	free(text);
	free(good);
}

static void expiration_is_judged_by_the_time_given(void **state)
{
	(void)state;
	char *text = document_of(ATTRIBUTES, SIGNERS, NULL, NULL);
	struct reload_config *c = NULL;
	struct reload_error_text why;
	/* R-11.1-08 */
	assert_int_equal(reload_config_parse(&c, span_str(text), NULL, &reload_ident_openssl,
				 UINT64_C(2335219200000), &why),
		RELOAD_CONFIG_EXPIRED);
	assert_int_equal(reload_config_parse(&c, span_str(text), NULL, &reload_ident_openssl,
				 UINT64_C(2335219199999), &why),
		RELOAD_OK);
	reload_config_free(c);
	assert_int_equal(
		reload_config_parse(&c, span_str(text), NULL, &reload_ident_openssl, 0, &why),
		RELOAD_OK);
	reload_config_free(c);
	free(text);
}

static void certificates_of_each_root_are_trusted(void **state)
{
	(void)state;
	char *root = root_cert(&other_authority);
	char *text = text_of("%s" SIGNERS "<bad-node>" NODE_2 "</bad-node>", root);
	AUTO(reload_config) both = parsed(document_of(ATTRIBUTES, text, NULL, NULL));
	AUTO(reload_config) first = parsed(document_of(ATTRIBUTES, SIGNERS, NULL, NULL));
	/* R-11.1-14 */
	assert_int_equal(both->roots_count, 2);
	assert_int_equal(reload_trust_check(both->trust, one.cert, NULL, 0, NOW, NULL), RELOAD_OK);
	assert_int_equal(
		reload_trust_check(both->trust, three.cert, NULL, 0, NOW, NULL), RELOAD_OK);
	assert_int_equal(reload_trust_check(first->trust, three.cert, NULL, 0, NOW, NULL),
		RELOAD_CERT_UNTRUSTED);
	/* R-11.1-33 */
	assert_int_equal(
		reload_trust_check(both->trust, two.cert, NULL, 0, NOW, NULL), RELOAD_CERT_REVOKED);
	assert_int_equal(reload_trust_check(first->trust, two.cert, NULL, 0, NOW, NULL), RELOAD_OK);
	free(text);
	free(root);
}

static void self_signed_overlays_need_no_authority(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint8_t alg;
	} digests[] = { { "sha1", RELOAD_HASH_SHA1 }, { "sha256", RELOAD_HASH_SHA256 } };
	for (size_t i = 0; i < COUNT_OF(digests); i++) {
		/* R-11.1-17: neither root-cert nor enrollment-server */
		AUTO(reload_config)
		c = parsed(text_of(PROLOG "<configuration " ATTRIBUTES
					  "><self-signed-permitted digest=\"%s\">true"
					  "</self-signed-permitted></configuration></overlay>",
			digests[i].name));
		assert_int_equal(c->roots_count, 0);
		assert_int_equal(c->self_signed_digest, digests[i].alg);
		/* R-11.1-19: a Node-ID made with this digest is believed, one of another digest is not */
		for (size_t k = 0; k < COUNT_OF(digests); k++) {
			struct party p = { 0 };
			struct wr info, der;
			struct reload_cert_request req = { .overlay = OVERLAY,
				.user = "self@" OVERLAY,
				.node_ids = &p.node,
				.node_ids_count = 1,
				.not_before = NOW - 1000,
				.not_after = NOW + 86400000,
				.serial = { 1 } };
			wr_init(&info);
			wr_init(&der);
			assert_int_equal(reload_key_new(&p.key, RELOAD_KEY_P256), RELOAD_OK);
			assert_int_equal(reload_key_public_info(&info, p.key), RELOAD_OK);
			assert_int_equal(
				reload_self_node_id(&p.node, wr_done(&info), digests[k].alg, 16, 0),
				RELOAD_OK);
			assert_int_equal(
				reload_cert_make(&der, &req, p.key, NULL, NULL), RELOAD_OK);
			assert_int_equal(reload_cert_parse(&p.cert, &reload_ident_openssl,
						 wr_done(&der), NULL),
				RELOAD_OK);
			enum reload_err err =
				reload_trust_check(c->trust, p.cert, NULL, 0, NOW, NULL);
			assert_int_equal(err == RELOAD_OK, i == k);
			wr_clear(&info);
			wr_clear(&der);
			party_clear(&p);
		}
	}
	refused(text_of(PROLOG "<configuration " ATTRIBUTES "></configuration></overlay>"),
		RELOAD_BAD_CONFIG, "no root-cert");
}

/* CHORD-RELOAD works modulo 2^128, so the longer Node-IDs that the grammar allows do not fit it. */
static void chord_needs_node_ids_of_16_bytes(void **state)
{
	(void)state;
	refused(document_of(ATTRIBUTES, "<node-id-length>20</node-id-length>", NULL, NULL),
		RELOAD_BAD_CONFIG, "CHORD-RELOAD works with 16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_parameters_have_their_defaults),
		cmocka_unit_test(each_parameter_is_read),
		cmocka_unit_test(bad_documents_are_refused_with_a_reason),
		cmocka_unit_test(a_reason_names_the_line),
		cmocka_unit_test(what_should_be_is_warned_about),
		cmocka_unit_test(encodings_other_than_utf8_are_refused),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(one_of_several_overlays_is_chosen_by_name),
		cmocka_unit_test(expiration_is_judged_by_the_time_given),
		cmocka_unit_test(certificates_of_each_root_are_trusted),
		cmocka_unit_test(self_signed_overlays_need_no_authority),
		cmocka_unit_test(chord_needs_node_ids_of_16_bytes),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
