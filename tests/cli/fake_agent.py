#!/usr/bin/env python3
"""An agent at the end of its life, or a slow one: fake_agent.py SOCKET CASE.  Each request is printed as it was read.

  deaf    serves nobody, and ends when a program has connected
  quits   reads one request, and ends
  ending  closes every connection, and goes on listening until it is killed
  slow    stores; the first replica does not answer, which the agent tells 150 ms behind the limit of the request
  empty   stores; nobody has the value
  other   stores; the first replica has another value of the same time
  status:FILE  answers every request with what the file holds
  dies    stores, and ends at the first question
  newer   speaks no version of the protocol that a program of today knows
"""
import base64, json, os, select, socket, sys

NODES = ["a" * 32, "b" * 32, "c" * 32]
TIME = "2026-01-01T00:00:00.000Z"


def stored(value):
    return {"responsible": NODES[0], "replicas": NODES[1:], "generation": "1", "exists": True, "kind": "K", "kind_id": 1,
            "resource_id": "d" * 32, "name": None, "hops": 1, "values": 1, "lifetime_s": 60, "storage_time": TIME,
            "expires": TIME, "kept": False, "dry_run": False, "transaction": None, "stored": value}


def hung_up(connection, seconds):
    """True when the program goes away within that time: it gave up."""
    return bool(select.select([connection], [], [], seconds)[0])


def answer(case, request, value, connection):
    node, params = request["params"]["at"][5:], request["params"]
    if case == "slow" and node == NODES[1]:
        hung_up(connection, params["timeout_ms"] / 1000 + 0.15)
        return {"error": {"code": -32012, "message": "timeout", "data": {"code": 4, "name": "timeout", "what": "no answer",
                                                                         "why": "it does not answer"}}}
    if case == "other" and node == NODES[1]:
        value = b"another"
    return {"result": {"values": [{"exists": case != "empty", "valid": True, "storage_time": TIME,
                                   "value": base64.b64encode(value).decode()}]}}


def serve(case, connection):
    value = b""
    for line in connection.makefile("rb"):
        request = json.loads(line)
        print(json.dumps(request), flush=True)
        if request["method"] == "store.put":
            value = base64.b64decode(request["params"]["values"][0]["value"])
            reply = {"result": stored(None)}
        elif case.startswith("status:"):
            with open(case[7:]) as file:
                reply = {"result": json.load(file)}
        elif case in ("quits", "dies"):
            return
        elif case == "newer":
            name = "other_protocol" if request["method"] == "rpc.negotiate" else "no_method"
            reply = {"error": {"code": {"other_protocol": -32025, "no_method": -32601}[name], "message": name, "data": {
                "code": 3, "name": "agent", "reason": name, "what": f"the answer to {request['method']}",
                "why": f"this agent speaks version 9, not {request['params'].get('versions')}", "try": "a program of the same release"}}}
        else:
            reply = answer(case, request, value, connection)
        connection.sendall(json.dumps({"jsonrpc": "2.0", "id": request["id"], **reply}).encode() + b"\n")


def main():
    path, case = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        select.select([listener], [], [])
        if case != "deaf":
            connection, _ = listener.accept()
            if case != "ending":
                serve(case, connection)
            connection.close()
        while case == "ending":
            listener.accept()[0].close()
        os.unlink(path)


if __name__ == "__main__":
    main()
