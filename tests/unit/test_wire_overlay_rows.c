/* Bytes of Attach, Join, Leave, Update, RouteQuery, Ping, Probe, Find, destinations and frames: good ones, and each fault of a field. */
#include "wire_rows.h"

#define ID_A    "101112131415161718191a1b1c1d1e1f"
#define ID_B    "404142434445464748494a4b4c4d4e4f"
#define ID_ZERO "00000000000000000000000000000000"
#define ID_ALL  "ffffffffffffffffffffffffffffffff"
#define V4      "0106c000020117c4"
#define V6      "021220010db800000000000000000000000217c4"
/* a host candidate of V4 with the given type and extensions */
#define HOST(type, extensions) V4 "04 0131 7effffff" type extensions
#define V4_JSON                "{'type':'ipv4_address','addr':'192.0.2.1','port':6084}"
#define V6_JSON                "{'type':'ipv6_address','addr':'2001:db8::2','port':6084}"
#define HOST_JSON                                                                                  \
	"{'addr_port':" V4_JSON ",'overlay_link':'TLS-TCP-FH-NO-ICE','foundation':'1','priority':" \
	"2130706431,'type':'host','extensions':[]}"

static void destinations(void **state)
{
	static const struct good_row good[] = {
		{ &reload_destination_wire, "0110" ID_A, "{'type':'node','node':'" ID_A "'}" },
		{ &reload_destination_wire, "0110" ID_ALL,
			"{'type':'node','node':'" ID_ALL "'}" }, /* the wildcard */
		{ &reload_destination_wire, "020100",
			"{'type':'resource','resource':''}" }, /* a Resource-ID without bytes */
		{ &reload_destination_wire, "020201ff", "{'type':'resource','resource':'ff'}" },
		{ &reload_destination_wire, "030100", "{'type':'opaque_id_type','opaque':''}" },
		{ &reload_destination_wire, "0303020000",
			"{'type':'opaque_id_type','opaque':'0000'}" },
		{ &reload_destination_wire, "8000",
			"{'type':'opaque_id_type','opaque':'8000'}" }, /* the least short form */
		{ &reload_destination_wire, "ffff",
			"{'type':'opaque_id_type','opaque':'ffff'}" },       /* and the greatest */
		{ &reload_destination_wire, "0000", "{'type':0,'raw':''}" }, /* unknown types */
		{ &reload_destination_wire, "0401aa", "{'type':4,'raw':'aa'}" },
		{ &reload_destination_wire, "7f03010203", "{'type':127,'raw':'010203'}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_destination_wire, "", RELOAD_SHORT },
		{ &reload_destination_wire, "0110" ID_ZERO, RELOAD_BAD_VALUE },
		{ &reload_destination_wire, "0100", RELOAD_SHORT },
		{ &reload_destination_wire, "010f" ID_A, RELOAD_SHORT },
		{ &reload_destination_wire, "0111" ID_A "00", RELOAD_TRAILING },
		{ &reload_destination_wire, "0200", RELOAD_SHORT },
		{ &reload_destination_wire, "020101", RELOAD_SHORT },
		{ &reload_destination_wire, "02020000", RELOAD_TRAILING },
		{ &reload_destination_wire, "0300", RELOAD_SHORT },
		{ &reload_destination_wire, "030102", RELOAD_SHORT },
		{ &reload_destination_wire, "0304020000ff", RELOAD_TRAILING },
		{ &reload_destination_wire, "04ff00", RELOAD_SHORT },
		{ &reload_destination_wire, "80", RELOAD_SHORT },
		{ &reload_destination_wire, "ff", RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void addresses(void **state)
{
	static const struct good_row good[] = {
		{ &reload_ip_port_wire, "0106 00000000 0000",
			"{'type':'ipv4_address','addr':'0.0.0.0','port':0}" },
		{ &reload_ip_port_wire, "0106 ffffffff ffff",
			"{'type':'ipv4_address','addr':'255.255.255.255','port':65535}" },
		{ &reload_ip_port_wire, "0212" ID_ZERO "0000",
			"{'type':'ipv6_address','addr':'::','port':0}" },
		{ &reload_ip_port_wire, "0212" ID_ALL "ffff",
			"{'type':'ipv6_address','addr':'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff','"
			"port':65535}" },
		{ &reload_ip_port_wire, "0000", "{'type':0,'raw':''}" },
		{ &reload_ip_port_wire, "0301ff", "{'type':3,'raw':'ff'}" },
		{ &reload_ip_port_wire, "ff0401020304", "{'type':255,'raw':'01020304'}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_ip_port_wire, "", RELOAD_SHORT },
		{ &reload_ip_port_wire, "01", RELOAD_SHORT },
		{ &reload_ip_port_wire, "0100", RELOAD_SHORT },
		{ &reload_ip_port_wire, "0105 c0000201 17", RELOAD_SHORT },
		{ &reload_ip_port_wire, "0105 c0000201 17c4", RELOAD_SHORT },
		{ &reload_ip_port_wire, "0107 c0000201 17c4 00", RELOAD_TRAILING },
		{ &reload_ip_port_wire, "0106 c0000201 17c4 00", RELOAD_TRAILING },
		{ &reload_ip_port_wire, "0112" ID_A "17c4", RELOAD_TRAILING },
		{ &reload_ip_port_wire, "0206 c0000201 17c4", RELOAD_SHORT },
		{ &reload_ip_port_wire, "0211" ID_A "17", RELOAD_SHORT },
		{ &reload_ip_port_wire, "0213" ID_A "17c4 00", RELOAD_TRAILING },
		{ &reload_ip_port_wire, "0302ff", RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void candidates(void **state)
{
	static const struct good_row good[] = {
		{ &reload_ice_candidate_wire, HOST("01", "0000"), HOST_JSON },
		{ &reload_ice_candidate_wire, V6 "01 00 00000000 01 0000",
			"{'addr_port':" V6_JSON ",'overlay_link':'DTLS-UDP-SR','foundation':'','"
			"priority':0,'type':'host','extensions':[]}" },
		{ &reload_ice_candidate_wire, V4 "03 0131 ffffffff 02" V6 "0000",
			"{'addr_port':" V4_JSON
			",'overlay_link':'DTLS-UDP-SR-NO-ICE','foundation':'1','priority':"
			"4294967295,'type':'srflx','rel_addr_port':" V6_JSON ",'extensions':[]}" },
		{ &reload_ice_candidate_wire, V4 "ff 0131 00000001 03" V4 "0000",
			"{'addr_port':" V4_JSON ",'overlay_link':255,'foundation':'1','priority':1,"
			"'type':3,'rel_addr_port':" V4_JSON ",'extensions':[]}" },
		{ &reload_ice_candidate_wire, V4 "00 0131 00000001 04" V4 "0000",
			"{'addr_port':" V4_JSON ",'overlay_link':0,'foundation':'1','priority':1,'"
			"type':'relay','rel_addr_port':" V4_JSON ",'extensions':[]}" },
		{ &reload_ice_candidate_wire, HOST("01", "0004 0000 0000"),
			"{'addr_port':" V4_JSON
			",'overlay_link':'TLS-TCP-FH-NO-ICE','foundation':'1','priority':"
			"2130706431,'type':'host','extensions':[{'name':'','value':''}]}" },
		{ &reload_ice_candidate_wire, HOST("01", "000c 0001 61 0001 62 0001 63 0001 64"),
			"{'addr_port':" V4_JSON
			",'overlay_link':'TLS-TCP-FH-NO-ICE','foundation':'1','priority':"
			"2130706431,'type':'host','extensions':[{'name':'a','value':'b'},{'name':'"
			"c','value':'d'}]}" },
		{ &reload_ice_candidate_wire, "09 00 04 0131 7effffff 01 0000",
			"{'addr_port':{'type':9,'raw':''},'overlay_link':'TLS-TCP-FH-NO-ICE','"
			"foundation':'1','priority':2130706431,'type':'host','extensions':[]}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_ice_candidate_wire, HOST("00", "0000"), RELOAD_UNKNOWN_TYPE },
		{ &reload_ice_candidate_wire, HOST("05", "0000"), RELOAD_UNKNOWN_TYPE },
		{ &reload_ice_candidate_wire, HOST("ff", "0000"), RELOAD_UNKNOWN_TYPE },
		/* a host has no related address, the others have */
		{ &reload_ice_candidate_wire, HOST("01", V4 "0000"), RELOAD_SHORT },
		{ &reload_ice_candidate_wire, HOST("02", "0000"), RELOAD_SHORT },
		{ &reload_ice_candidate_wire, HOST("04", "0000"), RELOAD_SHORT },
		{ &reload_ice_candidate_wire, HOST("01", "0001 00"), RELOAD_SHORT },
		{ &reload_ice_candidate_wire, HOST("01", "0003 0001 61"), RELOAD_SHORT },
		{ &reload_ice_candidate_wire, HOST("01", "0004 0000 0001 61"), RELOAD_SHORT },
		{ &reload_ice_candidate_wire, V4 "04 02 31", RELOAD_SHORT },
		{ &reload_ice_candidate_wire, V4 "04 0131 7effff", RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void attaches(void **state)
{
	static const struct good_row good[] = {
		{ &reload_attach_wire, "00 00 00 0000 00",
			"{'ufrag':'','password':'','role':'','candidates':[],'send_update':"
			"false}" },
		{ &reload_attach_wire, "00 00 00 0000 01",
			"{'ufrag':'','password':'','role':'','candidates':[],'send_update':true}" },
		{ &reload_attach_wire, "0175 0270 77 0770617373697665 0012" HOST("01", "0000") "01",
			"{'ufrag':'u','password':'pw','role':'passive','candidates':[" HOST_JSON
			"],'send_update':true}" },
		{ &reload_attach_wire,
			"00 00 0661637469 7665 0024" HOST("01", "0000") HOST("01", "0000") "00",
			"{'ufrag':'','password':'','role':'active','candidates':[" HOST_JSON
			"," HOST_JSON "],'send_update':false}" },
		{ &reload_app_attach_wire, "00 00 0000 00 0000",
			"{'ufrag':'','password':'','application':0,'role':'','candidates':[]}" },
		{ &reload_app_attach_wire, "0175 0170 ffff 0161 0012" HOST("01", "0000"),
			"{'ufrag':'u','password':'p','application':65535,'role':'a','candidates':"
			"[" HOST_JSON "]}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_attach_wire, "", RELOAD_SHORT },
		{ &reload_attach_wire, "00 00 00 0000 02", RELOAD_BAD_VALUE },
		{ &reload_attach_wire, "00 00 00 0000 ff", RELOAD_BAD_VALUE },
		{ &reload_attach_wire, "ff 00 00 0000 00", RELOAD_SHORT },
		{ &reload_attach_wire, "00 05 00 0000 00", RELOAD_SHORT },
		{ &reload_attach_wire, "00 00 04 0000 00", RELOAD_SHORT },
		{ &reload_attach_wire, "00 00 00 0001 00", RELOAD_SHORT },
		{ &reload_attach_wire, "00 00 00 0011" HOST("01", "0000") "00", RELOAD_SHORT },
		{ &reload_attach_wire, "00 00 00 0013" HOST("01", "0000") "00", RELOAD_SHORT },
		{ &reload_attach_wire, "00 00 00 0012" HOST("06", "0000") "00",
			RELOAD_UNKNOWN_TYPE },
		{ &reload_attach_wire, "00 00 00 0000 00 00", RELOAD_TRAILING },
		{ &reload_app_attach_wire, "00 00 00", RELOAD_SHORT },
		{ &reload_app_attach_wire, "00 00 0000 00 0000 00", RELOAD_TRAILING },
		{ &reload_app_attach_wire, "00 00 0000 01 0000", RELOAD_SHORT },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void updates(void **state)
{
	static const struct good_row good[] = {
		{ &reload_chord_update_wire, "00000000 01", "{'uptime':0,'type':'peer_ready'}" },
		{ &reload_chord_update_wire, "ffffffff 01",
			"{'uptime':4294967295,'type':'peer_ready'}" },
		{ &reload_chord_update_wire, "00000e10 02 0000 0000",
			"{'uptime':3600,'type':'neighbors','predecessors':[],'successors':[]}" },
		{ &reload_chord_update_wire, "00000e10 02 0010" ID_A "0000",
			"{'uptime':3600,'type':'neighbors','predecessors':['" ID_A
			"'],'successors':[]}" },
		{ &reload_chord_update_wire, "00000e10 02 0000 0020" ID_A ID_B,
			"{'uptime':3600,'type':'neighbors','predecessors':[],'successors':['" ID_A
			"','" ID_B "']}" },
		{ &reload_chord_update_wire, "00000e10 03 0000 0000 0000",
			"{'uptime':3600,'type':'full','predecessors':[],'successors':[],'fingers':["
			"]}",
			true },
		{ &reload_chord_update_wire, "00000e10 03 0010" ID_A "0010" ID_B "0010" ID_ALL,
			"{'uptime':3600,'type':'full','predecessors':['" ID_A
			"'],'successors':['" ID_B "'],'fingers':['" ID_ALL "']}",
			true },
	};
	static const struct bad_row bad[] = {
		{ &reload_chord_update_wire, "000000 01", RELOAD_SHORT },
		{ &reload_chord_update_wire, "00000000 00", RELOAD_UNKNOWN_TYPE },
		{ &reload_chord_update_wire, "00000000 04", RELOAD_UNKNOWN_TYPE },
		{ &reload_chord_update_wire, "00000000 ff", RELOAD_UNKNOWN_TYPE },
		{ &reload_chord_update_wire, "00000000 01 0000", RELOAD_TRAILING },
		{ &reload_chord_update_wire, "00000000 02 0000", RELOAD_SHORT },
		{ &reload_chord_update_wire, "00000000 02 000f" ID_A "0000", RELOAD_SHORT },
		{ &reload_chord_update_wire, "00000000 02 0011" ID_A "00 0000", RELOAD_SHORT },
		{ &reload_chord_update_wire, "00000000 02 0010" ID_ZERO "0000", RELOAD_BAD_VALUE },
		{ &reload_chord_update_wire, "00000000 02 0000 0010" ID_ZERO, RELOAD_BAD_VALUE },
		{ &reload_chord_update_wire, "00000000 02 0000 0000 0000", RELOAD_TRAILING },
		{ &reload_chord_update_wire, "00000000 03 0000", RELOAD_SHORT },
		/* the fingers are left out whole or not at all */
		{ &reload_chord_update_wire, "00000000 03 0000 0000 00", RELOAD_SHORT },
		{ &reload_chord_update_wire, "00000000 03 0000 0000 0001", RELOAD_SHORT },
		{ &reload_chord_update_wire, "00000000 03 0000 0000 0010" ID_ZERO,
			RELOAD_BAD_VALUE },
		{ &reload_chord_update_wire, "00000000 03 0000 0000 0000 00", RELOAD_TRAILING },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void joins_and_leaves(void **state)
{
	static const struct good_row good[] = {
		{ &reload_join_req_wire, ID_A "0000",
			"{'joining_peer_id':'" ID_A "','overlay_specific_data':''}" },
		{ &reload_join_req_wire, ID_A "0003 010203",
			"{'joining_peer_id':'" ID_A "','overlay_specific_data':'010203'}" },
		{ &reload_join_ans_wire, "0000", "{'overlay_specific_data':''}" },
		{ &reload_join_ans_wire, "0001 ff", "{'overlay_specific_data':'ff'}" },
		{ &reload_leave_req_wire, ID_B "0000",
			"{'leaving_peer_id':'" ID_B "','overlay_specific_data':''}" },
		{ &reload_leave_req_wire, ID_B "0003 01 0000",
			"{'leaving_peer_id':'" ID_B "','overlay_specific_data':'010000'}" },
		{ &reload_chord_leave_wire, "01 0000", "{'type':'from_succ','peers':[]}" },
		{ &reload_chord_leave_wire, "02 0000", "{'type':'from_pred','peers':[]}" },
		{ &reload_chord_leave_wire, "01 0010" ID_A,
			"{'type':'from_succ','peers':['" ID_A "']}" },
		{ &reload_chord_leave_wire, "02 0020" ID_B ID_A,
			"{'type':'from_pred','peers':['" ID_B "','" ID_A "']}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_join_req_wire, "", RELOAD_SHORT },
		{ &reload_join_req_wire, ID_ZERO "0000", RELOAD_BAD_VALUE },
		{ &reload_join_req_wire, ID_A "0001", RELOAD_SHORT },
		{ &reload_join_req_wire, ID_A "0000 00", RELOAD_TRAILING },
		{ &reload_join_ans_wire, "", RELOAD_SHORT },
		{ &reload_join_ans_wire, "0001", RELOAD_SHORT },
		{ &reload_join_ans_wire, "0000 00", RELOAD_TRAILING },
		{ &reload_leave_req_wire, ID_ZERO "0000", RELOAD_BAD_VALUE },
		{ &reload_leave_req_wire, ID_A, RELOAD_SHORT },
		{ &reload_chord_leave_wire, "", RELOAD_SHORT },
		{ &reload_chord_leave_wire, "00 0000", RELOAD_UNKNOWN_TYPE },
		{ &reload_chord_leave_wire, "03 0000", RELOAD_UNKNOWN_TYPE },
		{ &reload_chord_leave_wire, "01 000f" ID_A, RELOAD_SHORT },
		{ &reload_chord_leave_wire, "01 0010" ID_ZERO, RELOAD_BAD_VALUE },
		{ &reload_chord_leave_wire, "01 0010" ID_A "00", RELOAD_TRAILING },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void queries(void **state)
{
	static const struct good_row good[] = {
		{ &reload_route_query_req_wire, "00 0110" ID_A "0000",
			"{'send_update':false,'destination':{'type':'node','node':'" ID_A
			"'},'overlay_specific_data':''}" },
		{ &reload_route_query_req_wire, "01 021110" ID_B "0002 abcd",
			"{'send_update':true,'destination':{'type':'resource','resource':'" ID_B
			"'},'overlay_specific_data':'abcd'}" },
		{ &reload_route_query_req_wire, "01 802a 0000",
			"{'send_update':true,'destination':{'type':'opaque_id_type','opaque':'802a'"
			"},'overlay_specific_data':''}" },
		{ &reload_chord_route_query_ans_wire, ID_A, "{'next_peer':'" ID_A "'}" },
		{ &reload_ping_req_wire, "0000", "{'padding':''}", true },
		{ &reload_ping_req_wire, "0001 00", "{'padding':'00'}", true },
		{ &reload_ping_ans_wire, "0000000000000000 0000000000000000",
			"{'response_id':'0x0000000000000000','time':'0'}" },
		{ &reload_ping_ans_wire, "ffffffffffffffff ffffffffffffffff",
			"{'response_id':'0xffffffffffffffff','time':'18446744073709551615'}" },
		{ &reload_probe_req_wire, "00", "{'requested_info':''}" },
		{ &reload_probe_req_wire, "04 01020304", "{'requested_info':'01020304'}" },
		{ &reload_probe_ans_wire, "0000", "{'probe_info':[]}" },
		{ &reload_probe_ans_wire, "0012 010400000000 0204ffffffff 030400000001",
			"{'probe_info':[{'type':'responsible_set','value':0},{'type':'num_"
			"resources','value':4294967295},{'type':'uptime','value':1}]}" },
		{ &reload_probe_ans_wire, "0002 0000", "{'probe_info':[{'type':0,'raw':''}]}" },
		{ &reload_probe_ans_wire, "0003 0401aa", "{'probe_info':[{'type':4,'raw':'aa'}]}" },
		{ &reload_find_req_wire, "00 00", "{'resource':'','kinds':[]}" },
		{ &reload_find_req_wire, "02aabb 08 00000000 ffffffff",
			"{'resource':'aabb','kinds':[0,4294967295]}" },
		{ &reload_find_ans_wire, "0000", "{'results':[]}" },
		{ &reload_find_ans_wire, "000c 00000002 00 f0000001 02aabb",
			"{'results':[{'kind':2,'closest':''},{'kind':4026531841,'closest':'aabb'}]"
			"}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_route_query_req_wire, "02 802a 0000", RELOAD_BAD_VALUE },
		{ &reload_route_query_req_wire, "00 0110" ID_ZERO "0000", RELOAD_BAD_VALUE },
		{ &reload_route_query_req_wire, "00", RELOAD_SHORT },
		{ &reload_route_query_req_wire, "00 802a 0000 00", RELOAD_TRAILING },
		{ &reload_chord_route_query_ans_wire, ID_ZERO, RELOAD_BAD_VALUE },
		{ &reload_chord_route_query_ans_wire, "", RELOAD_SHORT },
		{ &reload_chord_route_query_ans_wire, ID_A "00", RELOAD_TRAILING },
		{ &reload_ping_req_wire, "00", RELOAD_SHORT },
		{ &reload_ping_req_wire, "0001", RELOAD_SHORT },
		{ &reload_ping_req_wire, "0000 00", RELOAD_TRAILING },
		{ &reload_ping_ans_wire, "0000000000000000", RELOAD_SHORT },
		{ &reload_probe_req_wire, "", RELOAD_SHORT },
		{ &reload_probe_req_wire, "02 01", RELOAD_SHORT },
		{ &reload_probe_req_wire, "01 01 02", RELOAD_TRAILING },
		{ &reload_probe_ans_wire, "0005 0103 000000", RELOAD_SHORT },
		{ &reload_probe_ans_wire, "0007 0105 0000000000", RELOAD_TRAILING },
		{ &reload_probe_ans_wire, "0006 0304 0000", RELOAD_SHORT },
		{ &reload_probe_ans_wire, "0001 01", RELOAD_SHORT },
		{ &reload_find_req_wire, "00 03 000000", RELOAD_SHORT },
		{ &reload_find_req_wire, "00 05 00000000 00", RELOAD_SHORT },
		{ &reload_find_req_wire, "01", RELOAD_SHORT },
		{ &reload_find_ans_wire, "0004 00000002", RELOAD_SHORT },
		{ &reload_find_ans_wire, "0005 00000002 01", RELOAD_SHORT },
		{ &reload_find_ans_wire, "0005 00000002 00 00", RELOAD_TRAILING },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

static void frames_and_options(void **state)
{
	static const struct good_row good[] = {
		{ &reload_frame_wire, "80 00000000 000000",
			"{'type':'data','sequence':0,'message':''}" },
		{ &reload_frame_wire, "80 ffffffff 000001 aa",
			"{'type':'data','sequence':4294967295,'message':'aa'}" },
		{ &reload_frame_wire, "81 00000000 00000000",
			"{'type':'ack','ack_sequence':0,'received':'0x00000000'}" },
		{ &reload_frame_wire, "81 ffffffff ffffffff",
			"{'type':'ack','ack_sequence':4294967295,'received':'0xffffffff'}" },
		{ &reload_option_wire, "00 00 0000", "{'type':0,'flags':0,'value':''}" },
		{ &reload_option_wire, "ff ff 0002 0102",
			"{'type':255,'flags':255,'value':'0102'}" },
	};
	static const struct bad_row bad[] = {
		{ &reload_frame_wire, "", RELOAD_SHORT },
		{ &reload_frame_wire, "00 00000000 000000", RELOAD_UNKNOWN_TYPE },
		{ &reload_frame_wire, "7f 00000000 000000", RELOAD_UNKNOWN_TYPE },
		{ &reload_frame_wire, "82 00000000 00000000", RELOAD_UNKNOWN_TYPE },
		{ &reload_frame_wire, "80 00000000 000002 aa", RELOAD_SHORT },
		{ &reload_frame_wire, "80 00000000 000001 aa bb", RELOAD_TRAILING },
		{ &reload_frame_wire, "81 00000000 00000000 00", RELOAD_TRAILING },
		{ &reload_option_wire, "01 00", RELOAD_SHORT },
		{ &reload_option_wire, "01 00 0001", RELOAD_SHORT },
		{ &reload_option_wire, "01 00 0001 aa bb", RELOAD_TRAILING },
	};
	rows_all_good(ctx_of(state), good, COUNT_OF(good));
	rows_all_bad(ctx_of(state), bad, COUNT_OF(bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(destinations),
		wire_test(addresses),
		wire_test(candidates),
		wire_test(attaches),
		wire_test(updates),
		wire_test(joins_and_leaves),
		wire_test(queries),
		wire_test(frames_and_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
