#!/usr/bin/env python3
"""Stands between a program and an agent: tainter.py SOCKET AGENT.  Whatever the agent at socket AGENT says, each string of it gets
a tail that steers a terminal, begins a new line, and is markup: what other nodes wrote could stand in any of them."""
import json, socket, sys, threading

TAIL = "\x1b[2J\u009b31m\u202e\u2066\u2028\u200f\x7f\nforged line \"'><script>&forged;</script>"


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
        program.sendall(json.dumps(message).encode() + b"\n")
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
    path, agent = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        while True:
            program, _ = listener.accept()
            threading.Thread(target=unless_gone(serve), args=(program, agent), daemon=True).start()


if __name__ == "__main__":
    main()
