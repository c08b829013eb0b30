"""A TCP relay that loses one answer: lossy_proxy.py PORT TO.

The answer to the first connection on which more than LONG bytes were sent, which is that of a POST, is thrown away, and the connection is closed
when it comes.  Everything else is passed on.  Prints "ready", and "lost" when it has happened.
"""
import socket, sys, threading

LONG = 1300
lost = threading.Event()
lock = threading.Lock()


def relay(source, target, sent, is_client):
    try:
        while data := source.recv(65536):
            with lock:
                if is_client:
                    sent[0] += len(data)
                elif sent[0] > LONG and not lost.is_set():
                    lost.set()
                    print("lost", flush=True)
                    break
            target.sendall(data)
    except OSError:
        pass
    for s in (source, target):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main():
    port, to = int(sys.argv[1]), int(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", port))
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", to))
        sent = [0]
        for args in ((client, server, sent, True), (server, client, sent, False)):
            threading.Thread(target=relay, args=args, daemon=True).start()


main()
