/* Bytes of Store, Fetch, Stat, stored values, signatures, ConfigUpdate and errors: good ones, and each fault of a field. */
#include "wire_rows.h"

#define ID_A    "101112131415161718191a1b1c1d1e1f"
#define ID_B    "404142434445464748494a4b4c4d4e4f"
#define ID_ZERO "00000000000000000000000000000000"
/* a signature of 12 bytes, and what is signed before it: a time and a lifetime, 12 bytes */
#define SIG   "0403 01 0004 0402aabb 0001cc"
#define TIMES "0000000000000001 00000e10"
#define SIG_JSON                                                                                   \
	"{'hash_alg':'sha256','sig_alg':'ecdsa','identity':{'type':'cert_hash','hash_alg':'"       \
	"sha256','hash':'aabb'},'value':'cc'}"
#define TIMES_JSON "'storage_time':'1','lifetime':3600"
#define HELLO_JSON "'exists':true,'value':'6869'"
#define SINGLE     "f0000003 0000000000000007"
#define ARRAY      "f0000002 0000000000000007"
#define DICT       "f0000001 0000000000000007"
#define UNKNOWN    "f00000ff 0000000000000007"
#define HELLO      "01 00000002 6869"
/* StoredData of each model */
#define SINGLE_DATA  "0000001f" TIMES HELLO SIG
#define ARRAY_DATA   "00000023" TIMES "00000009" HELLO SIG
#define DICT_DATA    "00000022" TIMES "0001 6b" HELLO SIG
#define UNKNOWN_DATA "0000000e" TIMES "abcd"

static void signatures(void **state)
{
	static const struct good_row good[] = {
		{ &reload_signer_identity_wire, "01 0002 0000",
			"{'type':'cert_hash','hash_alg':'none','hash':''}" },
		{ &reload_signer_identity_wire, "01 0004 04 02 aabb",
			"{'type':'cert_hash','hash_alg':'sha256','hash':'aabb'}" },
		{ &reload_signer_identity_wire, "02 0003 02 01 ff",
			"{'type':'cert_hash_node_id','hash_alg':'sha1','hash':'ff'}" },
		{ &reload_signer_identity_wire, "03 0000", "{'type':'none'}" },
		{ &reload_signer_identity_wire, "00 0000", "{'type':0,'raw':''}" },
		{ &reload_signer_identity_wire, "04 0002 abcd", "{'type':4,'raw':'abcd'}" },
		{ &reload_signer_identity_wire, "ff 0001 00", "{'type':255,'raw':'00'}" },
		{ &reload_signature_wire, SIG, SIG_JSON },
		{ &reload_signature_wire, "0000 03 0000 0000",
			"{'hash_alg':'none','sig_alg':'anonymous','identity':{'type':'none'},'"
			"value':''}" },
		{ &reload_signature_wire, "ffff 09 0001 aa 0000",
			"{'hash_alg':255,'sig_alg':255,'identity':{'type':9,'raw':'aa'},'value':''"
			"}" },
		{ &reload_generic_certificate_wire, "00 0000", "{'type':'X509','certificate':''}" },
		{ &reload_generic_certificate_wire, "01 0002 3000",
			"{'type':1,'certificate':'3000'}" },
		{ &reload_security_block_wire, "0000" SIG,
			"{'certificates':[],'signature':" SIG_JSON "}" },
		{ &reload_security_block_wire, "0008 00 0002 3000 00 0000" SIG,
			"{'certificates':[{'type':'X509','certificate':'3000'},{'type':'X509','"
			"certificate':''}],'signature':" SIG_JSON "}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_signer_identity_wire, "", RELOAD_SHORT },
		{ &reload_signer_identity_wire, "01 0000", RELOAD_SHORT },
		{ &reload_signer_identity_wire, "01 0001 04", RELOAD_SHORT },
		{ &reload_signer_identity_wire, "01 0003 04 02 aa", RELOAD_SHORT },
		{ &reload_signer_identity_wire, "01 0005 04 02 aabb cc", RELOAD_TRAILING },
		{ &reload_signer_identity_wire, "02 0004 04 03 aabb", RELOAD_SHORT },
		{ &reload_signer_identity_wire, "03 0001 00", RELOAD_TRAILING },
		{ &reload_signer_identity_wire, "04 0003 abcd", RELOAD_SHORT },
		{ &reload_signature_wire, "0403", RELOAD_SHORT },
		{ &reload_signature_wire, "0403 03 0000 0001", RELOAD_SHORT },
		{ &reload_signature_wire, "0403 03 0000 0001 aabb", RELOAD_TRAILING },
		{ &reload_generic_certificate_wire, "00 0003 3000", RELOAD_SHORT },
		{ &reload_generic_certificate_wire, "00 0001 3000", RELOAD_TRAILING },
		{ &reload_security_block_wire, "0001 00" SIG, RELOAD_SHORT },
		{ &reload_security_block_wire, "0004 00 0002 30" SIG, RELOAD_SHORT },
		{ &reload_security_block_wire, "0000", RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void stores(void **state)
{
	static const struct good_row good[] = {
		{ &reload_store_req_wire, "00 00 00000000",
			"{'resource':'','replica_number':0,'kind_data':[]}" },
		{ &reload_store_req_wire, "02aabb ff 00000010" SINGLE "00000000",
			"{'resource':'aabb','replica_number':255,'kind_data':[{'kind':4026531843,'"
			"generation_counter':'7','values':[]}]}" },
		{ &reload_store_req_wire, "01aa 00 00000033" SINGLE "00000023" SINGLE_DATA,
			"{'resource':'aa','replica_number':0,'kind_data':[{'kind':4026531843,'"
			"generation_counter':'7','values':[{" TIMES_JSON
			",'value':{'model':'single'," HELLO_JSON "},'signature':" SIG_JSON
			"}]}]}" },
		{ &reload_store_req_wire, "01aa 00 00000037" ARRAY "00000027" ARRAY_DATA,
			"{'resource':'aa','replica_number':0,'kind_data':[{'kind':4026531842,'"
			"generation_counter':'7','values':[{" TIMES_JSON
			",'value':{'model':'array','index':9," HELLO_JSON "},'signature':" SIG_JSON
			"}]}]}" },
		{ &reload_store_req_wire, "01aa 01 00000036" DICT "00000026" DICT_DATA,
			"{'resource':'aa','replica_number':1,'kind_data':[{'kind':4026531841,'"
			"generation_counter':'7','values':[{" TIMES_JSON
			",'value':{'model':'dictionary','key':'6b'," HELLO_JSON
			"},'signature':" SIG_JSON "}]}]}" },
		{ &reload_store_req_wire, "01aa 02 00000022" UNKNOWN "00000012" UNKNOWN_DATA,
			"{'resource':'aa','replica_number':2,'kind_data':[{'kind':4026532095,'"
			"generation_counter':'7','values':[{" TIMES_JSON
			",'value':{'model':0,'raw':'abcd'}}]}]}" },
		{ &reload_store_req_wire,
			"01aa 00 00000043" SINGLE "00000023" SINGLE_DATA UNKNOWN "00000000",
			"{'resource':'aa','replica_number':0,'kind_data':[{'kind':4026531843,'"
			"generation_counter':'7','values':[{" TIMES_JSON
			",'value':{'model':'single'," HELLO_JSON "},'signature':" SIG_JSON
			"}]},{'kind':4026532095,'generation_counter':'7','values':[]}]}" },
		{ &reload_store_ans_wire, "0000", "{'kind_responses':[]}" },
		{ &reload_store_ans_wire, "000e" SINGLE "0000",
			"{'kind_responses':[{'kind':4026531843,'generation_counter':'7','replicas':"
			"[]}]}" },
		{ &reload_store_ans_wire, "002e" SINGLE "0020" ID_A ID_B,
			"{'kind_responses':[{'kind':4026531843,'generation_counter':'7','replicas':"
			"['" ID_A "','" ID_B "']}]}" },
		{ &reload_store_ans_wire, "001c" SINGLE "0000" UNKNOWN "0000",
			"{'kind_responses':[{'kind':4026531843,'generation_counter':'7','replicas':"
			"[]},{'kind':4026532095,'generation_counter':'7','replicas':[]}]}" },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
}

static void stores_with_a_fault(void **state)
{
	static const struct bad_row bad[] = {
		{ &reload_store_req_wire, "", RELOAD_SHORT },
		{ &reload_store_req_wire, "00 00 0000000f" SINGLE "000000", RELOAD_SHORT },
		{ &reload_store_req_wire, "00 00 00000011" SINGLE "00000000 00", RELOAD_SHORT },
		{ &reload_store_req_wire, "00 00 00000010" SINGLE "00000001", RELOAD_SHORT },
		{ &reload_store_req_wire, "00 00 00000000 00", RELOAD_TRAILING },
		{ &reload_store_req_wire, "00 00 ffffffff", RELOAD_SHORT },
		/* StoredData of a length that does not reach to the end of its signature, or beyond */
		{ &reload_store_req_wire,
			"01aa 00 00000033" SINGLE "00000023 0000001e" TIMES HELLO SIG,
			RELOAD_SHORT },
		{ &reload_store_req_wire,
			"01aa 00 00000034" SINGLE "00000024 00000020" TIMES HELLO SIG "00",
			RELOAD_TRAILING },
		{ &reload_store_req_wire,
			"01aa 00 00000033" SINGLE "00000023 0000001f" TIMES "02 00000002 6869" SIG,
			RELOAD_BAD_VALUE },
		{ &reload_store_req_wire,
			"01aa 00 00000033" SINGLE "00000023 0000001f" TIMES "01 000000ff 6869" SIG,
			RELOAD_SHORT },
		/* a key longer than what is left */
		{ &reload_store_req_wire,
			"01aa 00 00000036" DICT "00000026 00000022" TIMES "ffff 6b" HELLO SIG,
			RELOAD_SHORT },
		{ &reload_store_req_wire, "01aa 00 0000001c" UNKNOWN "0000000c 00000008" TIMES,
			RELOAD_SHORT },
		{ &reload_store_ans_wire, "0001 00", RELOAD_SHORT },
		{ &reload_store_ans_wire, "001d" SINGLE "000f" ID_A, RELOAD_SHORT },
		{ &reload_store_ans_wire, "001e" SINGLE "0010" ID_ZERO, RELOAD_BAD_VALUE },
		{ &reload_store_ans_wire, "000f" SINGLE "0000 00", RELOAD_SHORT },
	};
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void specifiers(void **state)
{
	static const struct good_row good[] = {
		{ &reload_specifier_wire, SINGLE "0000",
			"{'kind':4026531843,'generation':'7','model':'single'}" },
		{ &reload_specifier_wire, ARRAY "0002 0000",
			"{'kind':4026531842,'generation':'7','model':'array','ranges':[]}" },
		{ &reload_specifier_wire, ARRAY "000a 0008 00000000 ffffffff",
			"{'kind':4026531842,'generation':'7','model':'array','ranges':[{'first':0,'"
			"last':4294967295}]}" },
		{ &reload_specifier_wire, ARRAY "0012 0010 00000005 00000001 00000000 00000000",
			"{'kind':4026531842,'generation':'7','model':'array','ranges':[{'first':5,'"
			"last':1},{'first':0,'last':0}]}" },
		{ &reload_specifier_wire, DICT "0002 0000",
			"{'kind':4026531841,'generation':'7','model':'dictionary','keys':[]}" },
		{ &reload_specifier_wire, DICT "0004 0002 0000",
			"{'kind':4026531841,'generation':'7','model':'dictionary','keys':[{'bytes':"
			"''}]}" },
		{ &reload_specifier_wire, DICT "0009 0007 0001 6b 0002 6162",
			"{'kind':4026531841,'generation':'7','model':'dictionary','keys':[{'bytes':"
			"'6b'},{'bytes':'6162'}]}" },
		{ &reload_specifier_wire, UNKNOWN "0000",
			"{'kind':4026532095,'generation':'7','model':0,'raw':''}" },
		{ &reload_specifier_wire, UNKNOWN "0003 abcdef",
			"{'kind':4026532095,'generation':'7','model':0,'raw':'abcdef'}" },
		{ &reload_fetch_req_wire, "00 0000", "{'resource':'','specifiers':[]}" },
		{ &reload_fetch_req_wire, "02aabb 001e" SINGLE "0000" ARRAY "0002 0000",
			"{'resource':'aabb','specifiers':[{'kind':4026531843,'generation':'7','"
			"model':'single'},{'kind':4026531842,'generation':'7','model':'array','"
			"ranges':[]}]}" },
		{ &reload_stat_req_wire, "01aa 000e" SINGLE "0000",
			"{'resource':'aa','specifiers':[{'kind':4026531843,'generation':'7','model'"
			":'single'}]}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_specifier_wire, "f0000003 00000000000007", RELOAD_SHORT },
		{ &reload_specifier_wire, SINGLE "0001 00", RELOAD_TRAILING },
		{ &reload_specifier_wire, ARRAY "0000", RELOAD_SHORT },
		{ &reload_specifier_wire, ARRAY "0006 0004 00000000", RELOAD_SHORT },
		{ &reload_specifier_wire, ARRAY "0009 0007 00000000 000000", RELOAD_SHORT },
		{ &reload_specifier_wire, ARRAY "000b 0008 00000000 00000000 00", RELOAD_TRAILING },
		{ &reload_specifier_wire, DICT "0000", RELOAD_SHORT },
		{ &reload_specifier_wire, DICT "0003 0001 00", RELOAD_SHORT },
		{ &reload_specifier_wire, DICT "0005 0003 0002 6b", RELOAD_SHORT },
		{ &reload_specifier_wire, DICT "0003 0000 00", RELOAD_TRAILING },
		{ &reload_specifier_wire, UNKNOWN "0002 ab", RELOAD_SHORT },
		{ &reload_fetch_req_wire, "00", RELOAD_SHORT },
		{ &reload_fetch_req_wire, "00 000d" SINGLE "00", RELOAD_SHORT },
		{ &reload_fetch_req_wire, "00 0000 00", RELOAD_TRAILING },
		{ &reload_stat_req_wire, "02aa 0000", RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void fetch_answers(void **state)
{
	static const struct good_row good[] = {
		{ &reload_fetch_ans_wire, "00000000", "{'kind_responses':[]}" },
		{ &reload_fetch_ans_wire, "00000010" SINGLE "00000000",
			"{'kind_responses':[{'kind':4026531843,'generation':'7','values':[]}]}" },
		{ &reload_fetch_ans_wire, "00000033" SINGLE "00000023" SINGLE_DATA,
			"{'kind_responses':[{'kind':4026531843,'generation':'7','values':["
			"{" TIMES_JSON ",'value':{'model':'single'," HELLO_JSON
			"},'signature':" SIG_JSON "}]}]}" },
		{ &reload_fetch_ans_wire, "0000005e" ARRAY "0000004e" ARRAY_DATA ARRAY_DATA,
			"{'kind_responses':[{'kind':4026531842,'generation':'7','values':["
			"{" TIMES_JSON ",'value':{'model':'array','index':9," HELLO_JSON
			"},'signature':" SIG_JSON "},{" TIMES_JSON
			",'value':{'model':'array','index':9," HELLO_JSON "},'signature':" SIG_JSON
			"}]}]}" },
		/* a value that is not there has no bytes, and a signature that nobody made */
		{ &reload_fetch_ans_wire,
			"0000002f" DICT "0000001f 0000001b" TIMES "0001 6b 00 00000000"
			"0000 03 0000 0000",
			"{'kind_responses':[{'kind':4026531841,'generation':'7','values':["
			"{" TIMES_JSON ",'value':{'model':'dictionary','key':'6b','exists':false,'"
			"value':''},'signature':{'hash_alg':'none','sig_alg':'"
			"anonymous','identity':{'type':'none'},'value':''}}]}]}" },
		{ &reload_fetch_ans_wire,
			"00000055" UNKNOWN "00000012" UNKNOWN_DATA SINGLE "00000023" SINGLE_DATA,
			"{'kind_responses':[{'kind':4026532095,'generation':'7','values':["
			"{" TIMES_JSON ",'value':{'model':0,'raw':'abcd'}}]},{'kind':4026531843,'"
			"generation':'7','values':[{" TIMES_JSON
			",'value':{'model':'single'," HELLO_JSON "},'signature':" SIG_JSON
			"}]}]}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_fetch_ans_wire, "", RELOAD_SHORT },
		{ &reload_fetch_ans_wire, "000000", RELOAD_SHORT },
		{ &reload_fetch_ans_wire, "0000000f" SINGLE "000000", RELOAD_SHORT },
		{ &reload_fetch_ans_wire, "00000010" SINGLE "00000001", RELOAD_SHORT },
		{ &reload_fetch_ans_wire, "00000033" SINGLE "00000022" SINGLE_DATA, RELOAD_SHORT },
		{ &reload_fetch_ans_wire, "00000000 00", RELOAD_TRAILING },
		/* the bytes of another data model */
		{ &reload_fetch_ans_wire, "00000033" ARRAY "00000023" SINGLE_DATA,
			RELOAD_BAD_VALUE },
		{ &reload_fetch_ans_wire, "00000037" SINGLE "00000027" ARRAY_DATA, RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void stat_answers(void **state)
{
	static const struct good_row good[] = {
		{ &reload_stat_ans_wire, "00000000", "{'kind_responses':[]}" },
		{ &reload_stat_ans_wire, "00000010" SINGLE "00000000",
			"{'kind_responses':[{'kind':4026531843,'generation':'7','values':[]}]}" },
		{ &reload_stat_ans_wire,
			"00000029" SINGLE "00000019 00000015" TIMES "01 00000002 04 02 aabb",
			"{'kind_responses':[{'kind':4026531843,'generation':'7','values':["
			"{" TIMES_JSON ",'model':'single','metadata':{'exists':true,'value_length':"
			"2,'hash_algorithm':'sha256','hash_value':'aabb'}}]}]}" },
		{ &reload_stat_ans_wire,
			"0000002b" ARRAY "0000001b 00000017" TIMES "ffffffff 00 00000000 00 00",
			"{'kind_responses':[{'kind':4026531842,'generation':'7','values':["
			"{" TIMES_JSON
			",'model':'array','index':4294967295,'metadata':{'exists':false,'value_"
			"length':0,'hash_algorithm':'none','hash_value':''}}]}]}" },
		{ &reload_stat_ans_wire,
			"0000002a" DICT "0000001a 00000016" TIMES "0001 6b 01 ffffffff 00 00",
			"{'kind_responses':[{'kind':4026531841,'generation':'7','values':["
			"{" TIMES_JSON
			",'model':'dictionary','key':'6b','metadata':{'exists':true,'value_length':"
			"4294967295,'hash_algorithm':'none','hash_value':''}}]}]}" },
		{ &reload_stat_ans_wire, "00000022" UNKNOWN "00000012 0000000e" TIMES "abcd",
			"{'kind_responses':[{'kind':4026532095,'generation':'7','values':["
			"{" TIMES_JSON ",'model':0,'raw':'abcd'}]}]}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_stat_ans_wire, "000000", RELOAD_SHORT },
		{ &reload_stat_ans_wire, "0000000f" SINGLE "000000", RELOAD_SHORT },
		{ &reload_stat_ans_wire,
			"00000029" SINGLE "00000019 00000014" TIMES "01 00000002 04 02 aabb",
			RELOAD_SHORT },
		{ &reload_stat_ans_wire,
			"0000002a" SINGLE "0000001a 00000016" TIMES "01 00000002 04 02 aabb 00",
			RELOAD_TRAILING },
		{ &reload_stat_ans_wire,
			"00000029" SINGLE "00000019 00000015" TIMES "02 00000002 04 02 aabb",
			RELOAD_BAD_VALUE },
		{ &reload_stat_ans_wire,
			"00000029" SINGLE "00000019 00000015" TIMES "01 00000002 04 03 aabb",
			RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void documents_and_errors(void **state)
{
	static const struct good_row good[] = {
		{ &reload_config_update_wire, "01 00000003 000000",
			"{'type':'config','config':''}" },
		{ &reload_config_update_wire, "01 00000006 000003 3c612f",
			"{'type':'config','config':'<a/'}" },
		{ &reload_config_update_wire, "02 00000003 000000", "{'type':'kind','kinds':[]}" },
		{ &reload_config_update_wire, "02 00000008 000005 0000 0001 6b",
			"{'type':'kind','kinds':[{'kind_block':''},{'kind_block':'k'}]}" },
		{ &reload_config_update_wire, "00 00000000", "{'type':0,'raw':''}" },
		{ &reload_config_update_wire, "03 00000002 abcd", "{'type':3,'raw':'abcd'}" },
		{ &reload_error_response_wire, "0002 0000",
			"{'error_code':'Error_Forbidden','error_info':''}" },
		{ &reload_error_response_wire, "0014 0003 6e6f21",
			"{'error_code':'Error_Invalid_Message','error_info':'no!'}" },
		{ &reload_error_response_wire, "0000 0000", "{'error_code':0,'error_info':''}" },
		{ &reload_error_response_wire, "0001 0000", "{'error_code':1,'error_info':''}" },
		{ &reload_error_response_wire, "0012 0000", "{'error_code':18,'error_info':''}" },
		{ &reload_error_response_wire, "ffff 0002 fffe",
			"{'error_code':65535,'error_info':'fffe'}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_config_update_wire, "", RELOAD_SHORT },
		{ &reload_config_update_wire, "01 00000000", RELOAD_SHORT },
		{ &reload_config_update_wire, "01 00000002 0000", RELOAD_SHORT },
		{ &reload_config_update_wire, "01 00000004 000002 3c", RELOAD_SHORT },
		{ &reload_config_update_wire, "01 00000005 000001 3c 61", RELOAD_TRAILING },
		{ &reload_config_update_wire, "01 00000003 000000 00", RELOAD_TRAILING },
		{ &reload_config_update_wire, "02 00000004 000001 00", RELOAD_SHORT },
		{ &reload_config_update_wire, "02 00000006 000003 0002 6b", RELOAD_SHORT },
		{ &reload_config_update_wire, "02 00000004 000000 00", RELOAD_TRAILING },
		{ &reload_config_update_wire, "03 00000003 abcd", RELOAD_SHORT },
		{ &reload_error_response_wire, "0002", RELOAD_SHORT },
		{ &reload_error_response_wire, "0002 0001", RELOAD_SHORT },
		{ &reload_error_response_wire, "0002 0000 00", RELOAD_TRAILING },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

struct refused_row {
	const struct wire_type *type;
	const void *in;
	enum reload_err err;
};

static void all_refused(const struct wire_ctx *ctx, const struct refused_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum reload_err err = wire_refused(rows[i].type, ctx, rows[i].in);
		if (err != rows[i].err)
			fail_msg("row %zu, %s: %s", i, reload_wire_name(rows[i].type),
				reload_err_text(err));
	}
}

/* One byte more than the length field can say. */
static void the_writer_refuses_what_is_too_long(void **state)
{
	uint8_t *many = reload_alloc(1 << 24);
	memset(many, 0, 1 << 24);
	const struct span b8 = span_of(many, 256), b16 = span_of(many, 65536),
			  b24 = span_of(many, 1 << 24);
	const struct refused_row rows[] = {
		{ &reload_fetch_req_wire, &(struct reload_fetch_req){ .resource = b8 },
			RELOAD_BAD_VALUE },
		{ &reload_store_req_wire, &(struct reload_store_req){ .resource = b8 },
			RELOAD_BAD_VALUE },
		{ &reload_find_req_wire, &(struct reload_find_req){ .resource = b8 },
			RELOAD_BAD_VALUE },
		{ &reload_attach_wire, &(struct reload_attach){ .ufrag = b8 }, RELOAD_BAD_VALUE },
		{ &reload_attach_wire, &(struct reload_attach){ .password = b8 },
			RELOAD_BAD_VALUE },
		{ &reload_attach_wire, &(struct reload_attach){ .role = b8 }, RELOAD_BAD_VALUE },
		{ &reload_app_attach_wire, &(struct reload_app_attach){ .role = b8 },
			RELOAD_BAD_VALUE },
		{ &reload_probe_req_wire, &(struct reload_probe_req){ b8 }, RELOAD_BAD_VALUE },
		{ &reload_signer_identity_wire,
			&(struct reload_signer_identity){ .type = RELOAD_CERT_HASH, .hash = b8 },
			RELOAD_BAD_VALUE },
		{ &reload_ping_req_wire, &(struct reload_ping_req){ b16 }, RELOAD_BAD_VALUE },
		{ &reload_join_ans_wire, &(struct reload_join_ans){ b16 }, RELOAD_BAD_VALUE },
		{ &reload_error_response_wire, &(struct reload_error_response){ 2, b16 },
			RELOAD_BAD_VALUE },
		{ &reload_generic_certificate_wire,
			&(struct reload_generic_certificate){ .certificate = b16 },
			RELOAD_BAD_VALUE },
		{ &reload_signature_wire,
			&(struct reload_signature){
				.identity.type = RELOAD_IDENTITY_NONE, .value = b16 },
			RELOAD_BAD_VALUE },
		{ &reload_option_wire, &(struct reload_option){ .value = b16 }, RELOAD_BAD_VALUE },
		{ &reload_config_update_wire,
			&(struct reload_config_update){ .type = 1, .config = b24 },
			RELOAD_BAD_VALUE },
		{ &reload_frame_wire,
			&(struct reload_frame){ .type = RELOAD_FRAME_DATA, .message = b24 },
			RELOAD_BAD_VALUE },
	};
	all_refused(ctx_of(state), rows, COUNT_OF(rows));
	free(many);
}

static void the_writer_refuses_what_nobody_reads(void **state)
{
	struct reload_id zero = { .len = 16 }, wide = { .len = 20, .at = { 1 } };
	const struct refused_row rows[] = {
		/* Node-IDs of no node, and of another length */
		{ &reload_join_req_wire, &(struct reload_join_req){ .joining_peer_id = zero },
			RELOAD_BAD_VALUE },
		{ &reload_join_req_wire, &(struct reload_join_req){ .joining_peer_id = wide },
			RELOAD_BAD_VALUE },
		{ &reload_leave_req_wire, &(struct reload_leave_req){ .leaving_peer_id = zero },
			RELOAD_BAD_VALUE },
		{ &reload_chord_route_query_ans_wire,
			&(struct reload_chord_route_query_ans){ .next_peer = wide },
			RELOAD_BAD_VALUE },
		{ &reload_chord_leave_wire,
			&(struct reload_chord_leave){ .type = 1, .peers = &zero, .peers_count = 1 },
			RELOAD_BAD_VALUE },
		/* types that no reader would take */
		{ &reload_chord_leave_wire, &(struct reload_chord_leave){ .type = 0 },
			RELOAD_UNKNOWN_TYPE },
		{ &reload_chord_leave_wire, &(struct reload_chord_leave){ .type = 3 },
			RELOAD_UNKNOWN_TYPE },
		{ &reload_chord_update_wire, &(struct reload_chord_update){ .type = 0 },
			RELOAD_UNKNOWN_TYPE },
		{ &reload_chord_update_wire, &(struct reload_chord_update){ .type = 4 },
			RELOAD_UNKNOWN_TYPE },
		{ &reload_frame_wire, &(struct reload_frame){ .type = 127 }, RELOAD_UNKNOWN_TYPE },
		{ &reload_frame_wire, &(struct reload_frame){ .type = 130 }, RELOAD_UNKNOWN_TYPE },
		{ &reload_ice_candidate_wire, &(struct reload_ice_candidate){ .type = 5 },
			RELOAD_UNKNOWN_TYPE },
		{ &reload_destination_wire, &(struct reload_destination){ .type = 0xff },
			RELOAD_BAD_VALUE },
	};
	all_refused(ctx_of(state), rows, COUNT_OF(rows));
}

/* And the longest of each kind that it can, read back. */
static void the_longest_fits(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	uint8_t *many = reload_alloc(1 << 24);
	memset(many, 0x61, 1 << 24);
	const struct span b8 = span_of(many, 255), b16 = span_of(many, 65535),
			  b24 = span_of(many, (1 << 24) - 1);
	const struct {
		const struct wire_type *type;
		const void *in;
		size_t len;
	} rows[] = {
		{ &reload_fetch_req_wire, &(struct reload_fetch_req){ .resource = b8 }, 258 },
		{ &reload_attach_wire,
			&(struct reload_attach){ .ufrag = b8, .password = b8, .role = b8 }, 771 },
		{ &reload_probe_req_wire, &(struct reload_probe_req){ b8 }, 256 },
		{ &reload_signer_identity_wire,
			&(struct reload_signer_identity){ .type = RELOAD_CERT_HASH, .hash = b8 },
			260 },
		{ &reload_ping_req_wire, &(struct reload_ping_req){ b16 }, 65537 },
		{ &reload_error_response_wire, &(struct reload_error_response){ 2, b16 }, 65539 },
		{ &reload_option_wire, &(struct reload_option){ .value = b16 }, 65539 },
		{ &reload_config_update_wire,
			&(struct reload_config_update){ .type = 1, .config = b24 }, (1 << 24) + 7 },
		{ &reload_frame_wire,
			&(struct reload_frame){ .type = RELOAD_FRAME_DATA, .message = b24 },
			(1 << 24) + 7 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t room[WIRE_ROW_ROOM];
		struct wr w, again;
		wr_init(&w);
		wr_init(&again);
		reload_wire_write(&w, rows[i].type, ctx, rows[i].in);
		assert_int_equal(w.err, RELOAD_OK);
		assert_int_equal(w.len, rows[i].len);
		assert_int_equal(
			reload_wire_decode(wr_done(&w), rows[i].type, ctx, room), RELOAD_OK);
		reload_wire_write(&again, rows[i].type, ctx, room);
		assert_true(span_eq(wr_done(&w), wr_done(&again)));
		wr_clear(&w);
		wr_clear(&again);
	}
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(signatures),
		wire_test(stores),
		wire_test(stores_with_a_fault),
		wire_test(specifiers),
		wire_test(fetch_answers),
		wire_test(stat_answers),
		wire_test(documents_and_errors),
		wire_test(the_writer_refuses_what_is_too_long),
		wire_test(the_writer_refuses_what_nobody_reads),
		wire_test(the_longest_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
