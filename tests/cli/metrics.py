#!/usr/bin/python3
"""Reads a metrics endpoint as strictly as a scraper can: metrics.py ADDR:PORT|PATH [EXAMPLE...] prints the names of all samples.

The parser is that of python3-prometheus-client for OpenMetrics, which refuses what the format does not permit.  What an EXAMPLE (a dashboard, alerts) asks
for has to be there.
"""

import http.client
import re
import socket
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


where = sys.argv[1]
connection = Unix(where, timeout=20) if "/" in where else http.client.HTTPConnection(where, timeout=20)
connection.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})
answer = connection.getresponse()
body = answer.read()
assert answer.status == 200, answer.status
assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8", answer.headers
assert body.endswith(b"# EOF\n") and body.count(b"# EOF\n") == 1 and not body.startswith(b"\xef\xbb\xbf")
text = body.decode("utf-8", "strict")
assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", text), "what steers a terminal"
names, families = set(), set()
for family in text_string_to_metric_families(text):
    assert family.documentation, family.name
    assert family.name not in families, family.name
    assert family.name.startswith("reload_"), family.name
    families.add(family.name)
    labels = set()
    for sample in family.samples:
        names.add(sample.name)
        labels.add(tuple(sorted(sample.labels.items())))
    assert len(labels) <= 300, (family.name, len(labels))
for path in sys.argv[2:]:
    asked = set(re.findall(r"\breload_[a-z_]+", open(path).read())) - {"reload_node_state"}
    known = names | families | {"reload_request_seconds_bucket"}
    assert asked and asked <= known, (path, asked - known)
print("\n".join(sorted(names)))
