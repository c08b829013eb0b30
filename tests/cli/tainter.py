#!/usr/bin/env python3
"""Stands between a program and an agent: tainter.py SOCKET AGENT [raw].  Whatever the agent at socket AGENT says, each string of it gets a tail, the table
of hostile_strings.py: what other nodes wrote could stand in any of them.  raw: the tail is what JSON cannot carry, a row at a time, in turn."""
import itertools, json, socket, sys, threading

import hostile_strings

TAIL = hostile_strings.text()
MARK = "here comes what is no JSON"
raw = None


def tainted(v):
    if isinstance(v, dict):
        return {key: tainted(child) for key, child in v.items()}
    if isinstance(v, list):
        return [tainted(child) for child in v]
    return v + TAIL if isinstance(v, str) else v


def answers(agent, program):
    for line in agent.makefile("rb"):
        message = json.loads(line)
        for part in ("result", "error", "params"):
            if part in message:
                message[part] = tainted(message[part])
        program.sendall(json.dumps(message).encode().replace(MARK.encode(), next(raw) if raw else b"") + b"\n")
    program.shutdown(socket.SHUT_RDWR)


def serve(program, path):
    """In a thread of its own: a stream of the agent goes on when its program has gone, until there is something to send."""
    with program, socket.socket(socket.AF_UNIX) as agent:
        agent.connect(path)
        back = threading.Thread(target=forward, args=(agent, program), daemon=True)
        back.start()
        for line in program.makefile("rb"):
            agent.sendall(line)
        agent.shutdown(socket.SHUT_WR)
        back.join()


def unless_gone(function):
    def called(*args):
        try:
            function(*args)
        except OSError:
            pass  # the program has seen enough
    return called


forward = unless_gone(answers)


def main():
    global TAIL, raw
    path, agent = sys.argv[1:3]
    if sys.argv[3:]:
        TAIL, raw = MARK, itertools.cycle(row for _, row, in_json in hostile_strings.ROWS if not in_json)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        while True:
            program, _ = listener.accept()
            threading.Thread(target=unless_gone(serve), args=(program, agent), daemon=True).start()


if __name__ == "__main__":
    main()
