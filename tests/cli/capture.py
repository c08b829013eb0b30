#!/usr/bin/env python3
"""capture.py CAPTURE KEYLOG OVERLAY_XML: what tshark decodes of a run is what this project decodes.

The TLS streams of the capture are decrypted with the key log, cut into frames, and each frame is written as one UDP
datagram (tshark mistakes two frames in one TCP segment).  tshark then has to show every message as RELOAD without a fault,
and every value that reload-diag decodes has to be among the values that tshark shows.  What may differ is in KNOWN.
"""
import collections, json, os, re, subprocess, sys, tempfile
import xml.etree.ElementTree as ET

PORT = 6084
# Where tshark 4.0 is known to differ: it knows only version 1, reads the priority of a candidate from the wrong place and
# the keys of Fetch and Stat specifiers from the start of the specifier, shows certificates as trees of X.509 fields,
# does not know identity "none", and names error 20 "Unknown".
KNOWN = {"version", "priority", "keys", "certificates", "identity", "error_code", "fragment"}


def tshark(*args):
    return subprocess.run(["tshark", *args], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True).stdout


def streams(capture, keys):
    count = max((int(x) for x in tshark("-r", capture, "-T", "fields", "-e", "tcp.stream").split()), default=-1) + 1
    follow = [a for n in range(count) for a in ("-z", f"follow,tls,raw,{n}")]
    text = tshark("-r", capture, "-o", f"tls.keylog_file:{keys}", "-q", *follow)
    for part in re.split(r"=+\nFollow: tls,raw\n", text)[1:]:
        sides = {False: b"", True: b""}
        for line in part.splitlines():
            if re.fullmatch(r"\t?[0-9a-f]+", line):
                sides[line.startswith("\t")] += bytes.fromhex(line.strip())
        yield from sides.values()


def frames(data):
    at = 0
    while at < len(data):
        if data[at] == 0x81:
            at += 9
        elif data[at] == 0x80:
            if at + 8 > len(data):
                return
            size = 8 + int.from_bytes(data[at + 5:at + 8], "big")
            if at + size > len(data):
                return
            yield data[at:at + size]
            at += size
        else:
            raise SystemExit(f"no frame begins with {data[at]:#x}")


def kinds(overlay):
    ns = "{urn:ietf:params:xml:ns:p2p:config-base}"
    for k in ET.parse(overlay).getroot().iter(ns + "kind"):
        if k.get("id"):
            yield int(k.get("id"), 0), k.find(ns + "data-model").text.strip()


def decode_by_tshark(messages, overlay, tmp):
    text = ""
    for m in messages:
        text += "".join(f"{i:06x} {m[i:i + 16].hex(' ')}\n" for i in range(0, len(m), 16)) + "\n"
    dump, pcap = os.path.join(tmp, "frames.txt"), os.path.join(tmp, "frames.pcap")
    with open(dump, "w") as f:
        f.write(text)
    subprocess.run(["text2pcap", "-q", "-u", f"{PORT},{PORT}", dump, pcap], check=True, stderr=subprocess.DEVNULL)
    args = ["-r", pcap, "-d", f"udp.port=={PORT},reload-framing", "-T", "pdml"]
    for kind, model in kinds(overlay):
        args += ["-o", f'uat:reload_kindids:"{kind}","K{kind}","{model}"']
    return ET.fromstring(tshark(*args)).findall("packet")


def decode_by_us(messages, overlay, tmp):
    path = os.path.join(tmp, "messages.hex")
    with open(path, "w") as f:
        f.write("".join(m[8:].hex() + "\n" for m in messages))
    out = subprocess.run(["reload-diag", "decode", "--json", "--config", overlay, path], check=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def shown(packet):
    """All bytes that tshark shows as fields, and what it complains of."""
    values, faults, is_reload = set(), [], False
    for p in packet.findall("proto"):
        is_reload |= p.get("name") == "reload"
    for field in packet.iter("field"):
        if field.get("name") in ("_ws.malformed", "_ws.expert.message"):
            faults.append(field.get("show"))
        if field.get("value"):
            values.add(field.get("value"))
    for p in packet.findall("proto"):
        if p.get("name") == "_ws.malformed":
            faults.append("malformed")
    return values, faults, is_reload


def leaves(value, path=()):
    if isinstance(value, dict):
        for k, v in value.items():
            yield from leaves(v, path + (k,))
    elif isinstance(value, list):
        for v in value:
            yield from leaves(v, path)
    else:
        yield path, value


def pieces(own, path, digits):
    """What tshark shows of one of our values: mostly the value; the data of a Leave as its list of Node-IDs; the values of
    CERTIFICATE_BY_NODE and CERTIFICATE_BY_USER as a tree of X.509 fields, so nothing."""
    if own["message_code"] == "leave_req" and path[-1] == "overlay_specific_data":
        ids = digits[6:]
        return [ids[i:i + 32] for i in range(0, len(ids), 32)]
    return [] if path[-1] == "value" and digits.startswith("3082") else [digits]


def main(capture, keys, overlay):
    messages = [f for data in streams(capture, keys) for f in frames(data)]
    if len(messages) < 100:
        raise SystemExit(f"only {len(messages)} messages in the capture")
    with tempfile.TemporaryDirectory() as tmp:
        theirs, ours = decode_by_tshark(messages, overlay, tmp), decode_by_us(messages, overlay, tmp)
    if not len(messages) == len(theirs) == len(ours):
        raise SystemExit(f"{len(messages)} messages, tshark shows {len(theirs)}, reload-diag {len(ours)}")
    codes, compared, differ = collections.Counter(), 0, []
    for message, packet, own in zip(messages, theirs, ours):
        values, faults, is_reload = shown(packet)
        if own["fault"]:
            raise SystemExit(f"reload-diag finds a fault: {own['fault']}: {message.hex()[:80]}")
        own = own["message"]
        where = f"{own['message_code']}: {message.hex()[:80]}"
        codes[own["message_code"]] += 1
        if not is_reload:
            differ.append(f"not taken for RELOAD: {where}")
        for fault in faults:
            if not ("max_field length" in fault or "Unknown identity" in fault):
                differ.append(f"tshark complains ({fault}): {where}")
        for path, value in leaves(own):
            if KNOWN & set(path) or not isinstance(value, str):
                continue
            digits = value[2:] if value.startswith("0x") else value
            if not re.fullmatch(r"([0-9a-f]{2}){4,}", digits):
                continue
            for piece in pieces(own, path, digits):
                compared += 1
                if piece not in values:
                    differ.append(f"{'.'.join(path)} = {piece[:64]} is not shown: {where}")
    for line in differ[:10]:
        print(line)
    print(f"{len(messages)} messages, {compared} values compared, {len(differ)} differences; codes {dict(codes)}")
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
