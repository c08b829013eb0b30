/* Making documents: what is written is read back equal, for all options of a draft and every type of key. */
#include "config_fixture.h"

#define KIND                                                                                       \
	"<kind "                                                                                   \
	"id=\"4026531841\"><data-model>DICTIONARY</data-model><access-control>USER-NODE-MATCH"     \
	"</access-control><max-count>4</max-count><max-size>1000</max-size></kind>"

static struct reload_config_signer signer_of(const struct party *p)
{
	return (struct reload_config_signer){ .key = p->key, .cert = p->cert, .node = p->node };
}

/* smallest() returns a draft with what it has to have. */
static struct reload_config_draft smallest(const struct span *root)
{
	return (struct reload_config_draft){ .instance_name = OVERLAY,
		.sequence = 1,
		.expiration = RELOAD_NEVER,
		.roots = root,
		.roots_count = 1,
		.signers = &one.node,
		.signers_count = 1 };
}

/* written() writes draft, which has to succeed, and returns what was read back; *text (owned) when not NULL. */
static struct reload_config *written(
	const struct reload_config_draft *draft, const struct party *p, struct wr *text)
{
	struct reload_config_signer signer = signer_of(p);
	struct reload_error_text why = { 0 };
	struct reload_config *c = NULL;
	struct wr w;
	wr_init(&w);
	if (reload_config_write(&w, draft, &signer, NOW, &why))
		fail_msg("%s", why.reason);
	assert_int_equal(reload_config_parse(&c, wr_done(&w), draft->instance_name,
				 &reload_ident_openssl, NOW, &why),
		RELOAD_OK);
	assert_int_equal(reload_config_verify(c, NULL, NOW, &why), RELOAD_OK);
	if (text)
		*text = w;
	else
		wr_clear(&w);
	return c;
}

static void a_small_draft_keeps_the_defaults(void **state)
{
	(void)state;
	struct span root = authority.cert->der;
	struct reload_config_draft draft = smallest(&root);
	AUTO(reload_config) c = written(&draft, &one, NULL);
	assert_int_equal(c->sequence, 1);
	assert_true(c->expiration == RELOAD_NEVER);
	assert_int_equal(c->max_message_size, 5000);
	assert_int_equal(c->initial_ttl, 100);
	assert_int_equal(c->chord_ping_interval_s, 3600);
	assert_false(c->no_ice);
	assert_true(c->clients_permitted && c->chord_reactive);
	assert_true(span_eq(c->roots[0], root));
	/* the signer of a draft signs Kinds and configurations */
	assert_true(reload_id_eq(&c->kind_signers.at[0], &one.node));
	assert_true(reload_id_eq(&c->configuration_signers.at[0], &one.node));
	assert_false(warned(c, "encoding")); /* R-11.1-02 */
}

static void same_bootstrap(
	const struct reload_config *c, const struct reload_ip_port *nodes, size_t count)
{
	assert_int_equal(c->bootstrap_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(c->bootstrap[i].type, nodes[i].type);
		assert_int_equal(c->bootstrap[i].port, nodes[i].port);
		assert_memory_equal(c->bootstrap[i].addr, nodes[i].addr, 16);
	}
}

/* R7363-30: the name, the element and the mandatory-extension; R7363-28: what the element is without a word. */
static void an_overlay_that_tunes_itself(void **state)
{
	(void)state;
	struct span root = authority.cert->der;
	struct reload_config_draft draft = smallest(&root);
	struct wr text;
	AUTO(reload_config) plain = written(&draft, &one, NULL);
	assert_int_equal(plain->mandatory_extensions.count, 0);
	draft.topology_plugin = RELOAD_CHORD_SELF_TUNING;
	AUTO(reload_config) short_one = written(&draft, &one, NULL);
	assert_int_equal(short_one->peers_to_probe, 4);
	draft.peers_to_probe = 7;
	AUTO(reload_config) c = written(&draft, &one, &text);
	assert_string_equal(c->topology_plugin, "CHORD-SELF-TUNING");
	assert_int_equal(c->mandatory_extensions.count, 1);
	assert_string_equal(
		c->mandatory_extensions.at[0], "urn:ietf:params:xml:ns:p2p:self-tuning");
	assert_int_equal(c->peers_to_probe, 7);
	assert_false(warned(c, "CHORD-SELF-TUNING") || warned(c, "self-tuning"));
	assert_non_null(memmem(text.at, text.len, "<self-tuning:number-of-peers-to-probe>7<", 40));
	wr_clear(&text);
}

static void every_option_comes_back(void **state)
{
	(void)state;
	struct span roots[] = { authority.cert->der, other_authority.cert->der };
	const char *servers[] = { "https://enroll.example/?a=1&b=2", "https://second.example" };
	const char *kind_elements[] = { KIND };
	struct reload_id signers[] = { one.node, two.node };
	struct reload_ip_port nodes[3];
	assert_int_equal(reload_ip_port_parse(&nodes[0], "192.0.2.1:7000", 0), RELOAD_OK);
	assert_int_equal(reload_ip_port_parse(&nodes[1], "[2001:db8::1]:6084", 0), RELOAD_OK);
	assert_int_equal(reload_ip_port_parse(&nodes[2], "[::ffff:192.0.2.9]:1", 0), RELOAD_OK);
	struct reload_config_draft draft = { .instance_name = OVERLAY,
		.sequence = 65534,
		.expiration = UINT64_C(2335219200000),
		.topology_plugin = "CHORD-RELOAD",
		.node_id_len = 16,
		.roots = roots,
		.roots_count = 2,
		.enrollment_servers = servers,
		.enrollment_servers_count = 2,
		.self_signed_digest = RELOAD_HASH_SHA256,
		.bootstrap = nodes,
		.bootstrap_count = 3,
		.no_ice = true,
		.max_message_size = 20000,
		.initial_ttl = 30,
		.overlay_reliability_timer_ms = 400,
		.chord_update_interval_s = 20,
		.chord_ping_interval_s = 40,
		.signers = signers,
		.signers_count = 2,
		.kind_elements = kind_elements,
		.kind_elements_count = 1,
		.bad_nodes = &three.node,
		.bad_nodes_count = 1,
		.shared_secret = "s<e>c&r\"et",
		.no_clients = true,
		.no_reactive = true,
		.turn_density = 5 };
	AUTO(reload_config) c = written(&draft, &two, NULL);
	assert_int_equal(c->sequence, 65534);
	assert_true(c->expiration == draft.expiration);
	assert_int_equal(c->roots_count, 2);
	assert_int_equal(c->enrollment_servers.count, 2);
	assert_string_equal(c->enrollment_servers.at[0], servers[0]);
	assert_int_equal(c->self_signed_digest, RELOAD_HASH_SHA256);
	same_bootstrap(c, nodes, 3);
	assert_true(c->no_ice);
	assert_false(c->clients_permitted);
	assert_false(c->chord_reactive);
	assert_int_equal(c->max_message_size, 20000);
	assert_int_equal(c->initial_ttl, 30);
	assert_int_equal(c->overlay_reliability_timer_ms, 400);
	assert_int_equal(c->chord_update_interval_s, 20);
	assert_int_equal(c->chord_ping_interval_s, 40);
	assert_int_equal(c->configuration_signers.count, 2);
	assert_true(reload_id_eq(&c->bad_nodes.at[0], &three.node));
	assert_string_equal(c->shared_secret, "s<e>c&r\"et");
	assert_int_equal(c->turn_density, 5);
	assert_true(reload_id_eq(&reload_config_kind(c, 4026531841u)->signer, &two.node));
	draft.turn_density = 0;
	draft.no_turn = true;
	draft.self_signed_digest = RELOAD_HASH_SHA1;
	AUTO(reload_config) d = written(&draft, &two, NULL);
	assert_int_equal(d->turn_density, 0);
	assert_int_equal(d->self_signed_digest, RELOAD_HASH_SHA1);
}

static void any_key_that_ident_makes_can_sign(void **state)
{
	(void)state;
	struct span root = authority.cert->der;
	struct reload_config_draft draft = smallest(&root);
	const char *kind_elements[] = { KIND };
	draft.kind_elements = kind_elements;
	draft.kind_elements_count = 1;
	enum reload_key_type types[] = { RELOAD_KEY_P256, RELOAD_KEY_RSA2048 };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct party p = { 0 };
		party_make(&p, types[i], NODE_1, "one@" OVERLAY, &authority, OVERLAY);
		AUTO(reload_config) c = written(&draft, &p, NULL);
		assert_int_equal(c->kinds.count, 4);
		party_clear(&p);
	}
}

static void a_draft_gives_the_same_bytes(void **state)
{
	(void)state;
	struct span root = authority.cert->der;
	struct reload_config_draft draft = smallest(&root);
	struct wr first, second;
	AUTO(reload_config) a = written(&draft, &one, &first);
	AUTO(reload_config) b = written(&draft, &one, &second);
	assert_true(span_eq(a->element, b->element));
	size_t head = (size_t)((const uint8_t *)memmem(first.at, first.len, "<signature>", 11) -
			       first.at);
	assert_memory_equal(first.at, second.at, head);
	wr_clear(&first);
	wr_clear(&second);
}

static void the_intermediate_goes_along(void **state)
{
	(void)state;
	struct party middle = { 0 }, low = { 0 };
	struct span root = authority.cert->der;
	struct reload_config_draft draft = smallest(&root);
	struct reload_error_text why = { 0 };
	struct wr w;
	wr_init(&w);
	party_make(&middle, RELOAD_KEY_P256, NULL, "Intermediate", &authority, OVERLAY);
	party_make(&low, RELOAD_KEY_P256, NODE_1, "one@" OVERLAY, &middle, OVERLAY);
	struct reload_config_signer signer = signer_of(&low);
	assert_int_equal(
		reload_config_write(&w, &draft, &signer, NOW, &why), RELOAD_CERT_UNTRUSTED);
	assert_int_equal(w.len, 0); /* what this program would refuse is not written */
	struct reload_cert *const others[] = { middle.cert };
	signer.others = others;
	signer.others_count = 1;
	assert_int_equal(reload_config_write(&w, &draft, &signer, NOW, &why), RELOAD_OK);
	assert_true(w.len > 0);
	wr_clear(&w);
	party_clear(&middle);
	party_clear(&low);
}

/* refused_draft() asserts that draft is refused with err and a reason that holds word. */
static void refused_draft(const struct reload_config_draft *draft, const struct party *p,
	enum reload_err err, const char *word)
{
	struct reload_config_signer signer = signer_of(p);
	struct reload_error_text why = { 0 };
	struct wr w;
	wr_init(&w);
	assert_int_equal(reload_config_write(&w, draft, &signer, NOW, &why), err);
	if (!strstr(why.reason, word))
		fail_msg("\"%s\" lacks \"%s\"", why.reason, word);
	assert_int_equal(w.len, 0);
	wr_clear(&w);
}

static void drafts_that_would_be_refused_are_not_written(void **state)
{
	(void)state;
	struct span root = authority.cert->der;
	struct reload_config_draft good = smallest(&root), d = good;
	d.instance_name = "over lay"; /* R-6.3.2-03 */
	refused_draft(&d, &one, RELOAD_BAD_CONFIG, "domain name");
	d.instance_name = "a\"><evil x=\"";
	refused_draft(&d, &one, RELOAD_BAD_CONFIG, "domain name");
	d = good;
	d.sequence = 65535; /* R-6.3.2.1-07 */
	refused_draft(&d, &one, RELOAD_BAD_CONFIG, "65535");
	d = good;
	d.expiration = NOW - 1;
	refused_draft(&d, &one, RELOAD_CONFIG_EXPIRED, "expired");
	d = good;
	d.topology_plugin = "OTHER";
	refused_draft(&d, &one, RELOAD_BAD_CONFIG, "OTHER");
	d = good;
	d.node_id_len = 20;
	refused_draft(&d, &one, RELOAD_BAD_CONFIG, "Node-ID");
	d = good;
	d.overlay_reliability_timer_ms = 199;
	refused_draft(&d, &one, RELOAD_BAD_CONFIG, "199");
	d = good;
	d.roots_count = 0;
	refused_draft(&d, &one, RELOAD_BAD_CONFIG, "root-cert");
	d = good;
	refused_draft(&d, &two, RELOAD_CONFIG_UNSIGNED, NODE_2); /* a signer who is none */
	struct party mixed = { .key = two.key, .cert = one.cert, .node = one.node };
	refused_draft(&good, &mixed, RELOAD_BAD_KEY, "belong together");
	static const struct {
		const char *kind, *word;
	} kinds[] = {
		{ "", "one kind element" }, { KIND KIND, "one kind element" },
		{ KIND " ", "one kind element" }, { "<kind id=\"4026531841\">", "no end tag" },
		{ "<kind-block/>", "one kind element" }, { "<!-- a -->" KIND, "one kind element" },
		{ "<kind "
		  "id=\"2000\"><data-model>SINGLE</data-model><access-control>USER-MATCH</"
		  "access-control>"
		  "<max-count>1</max-count><max-size>1</max-size></kind>",
			"2000" }, /* R-7.4.5-01 */
		{ "<kind "
		  "id=\"4294967294\"><data-model>SINGLE</data-model><access-control>USER-MATCH"
		  "</access-control><max-count>1</max-count><max-size>1</max-size></kind>",
			"4294967294" }, /* R-14-04: never handed out */
	};
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		d = good;
		d.kind_elements = &kinds[i].kind;
		d.kind_elements_count = 1;
		refused_draft(&d, &one, RELOAD_BAD_CONFIG, kinds[i].word);
	}
}

static void kind_elements_are_written_from_kinds(void **state)
{
	(void)state;
	struct span root = authority.cert->der;
	struct reload_kind private_kind = { .id = 0xf0000123u,
		.model = RELOAD_MODEL_ARRAY,
		.access = RELOAD_ACCESS_NODE_MULTIPLE,
		.max_count = 5,
		.max_size = 600,
		.max_node_multiple = 7 };
	struct reload_kind named = *reload_kind_registered(RELOAD_KIND_CERT_BY_USER, NULL);
	named.max_size = 2000;
	char *texts[] = { reload_kind_element(&private_kind), reload_kind_element(&named) };
	const char *kind_elements[] = { texts[0], texts[1] };
	struct reload_config_draft draft = smallest(&root);
	draft.kind_elements = kind_elements;
	draft.kind_elements_count = 2;
	AUTO(reload_config) c = written(&draft, &one, NULL);
	const struct reload_kind *k = reload_config_kind(c, 0xf0000123u);
	assert_int_equal(k->model, RELOAD_MODEL_ARRAY);
	assert_int_equal(k->access, RELOAD_ACCESS_NODE_MULTIPLE);
	assert_int_equal(k->max_count, 5);
	assert_int_equal(k->max_size, 600);
	assert_int_equal(k->max_node_multiple, 7);
	k = reload_config_kind_named(c, "CERTIFICATE_BY_USER");
	assert_int_equal(k->max_size, 2000);
	assert_int_equal(k->signer.len, 16);
	free(texts[0]);
	free(texts[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_draft_keeps_the_defaults),
		cmocka_unit_test(an_overlay_that_tunes_itself),
		cmocka_unit_test(every_option_comes_back),
		cmocka_unit_test(any_key_that_ident_makes_can_sign),
		cmocka_unit_test(a_draft_gives_the_same_bytes),
		cmocka_unit_test(the_intermediate_goes_along),
		cmocka_unit_test(drafts_that_would_be_refused_are_not_written),
		cmocka_unit_test(kind_elements_are_written_from_kinds),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
