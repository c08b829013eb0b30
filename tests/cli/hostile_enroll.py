"""Clients of an enrollment server that break rules: hostile_enroll.py PORT CA CSR; prints what was answered, a line each."""
import select
import socket
import ssl
import sys

PORT, CA, CSR = int(sys.argv[1]), sys.argv[2], open(sys.argv[3], "rb").read()
USER, PASSWORD = b"alice@calls.example", b"secret"
BOUNDARY = b"-" * 20 + b"a.boundary"


def connect(source="127.0.0.1"):
    context = ssl.create_default_context(cafile=CA)
    raw = socket.create_connection(("127.0.0.1", PORT), 20, (source, 0))
    return context.wrap_socket(raw, server_hostname="localhost")


def part(name, value, extra=b""):
    return b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="' + name + b'"' + extra + b"\r\n\r\n" + value + b"\r\n"


def form(user=USER, password=PASSWORD, csr=CSR, more=b""):
    return part(b"username", user) + part(b"password", password) + part(b"csr", csr) + more + b"--" + BOUNDARY + b"--\r\n"


def exchange(request):
    """The status of the answer, or "closed"."""
    with connect() as s:
        try:
            s.sendall(request)
            answer = s.recv(65536)
        except OSError:
            answer = b""
    return answer.split(b"\r\n")[0].decode("latin-1")[9:12] or "closed"


def odd(headers, value=b"x"):
    """A part with those headers, in front of a good form."""
    return post(b"--" + BOUNDARY + b"\r\n" + headers + b"\r\n" + value + b"\r\n" + form())


def post(body, headers=b"", boundary=BOUNDARY, length=None, kind=b"multipart/form-data"):
    length = len(body) if length is None else length
    return (b"POST /enroll HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + kind + b"; boundary=" + boundary +
            b"\r\nContent-Length: %d\r\n" % length + headers + b"\r\n" + body)


def chunked(size):
    return (b"POST /enroll HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=B\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + (b"%x\r\n" % size) + bytes(size) + b"\r\n0\r\n\r\n")


CASES = {
    "good": post(form()),
    "both-lengths": post(form(), b"Transfer-Encoding: chunked\r\n"),
    "two-lengths": post(form(), b"Content-Length: 3\r\n"),
    "part-without-name": odd(b"Content-Disposition: form-data\r\n"),
    "part-without-disposition": odd(b"X: y\r\n"),
    "part-without-headers": odd(b""),
    "part-with-file-name-only": odd(b'Content-Disposition: form-data; filename="username"\r\n'),
    "part-in-part": odd(b"Content-Type: multipart/mixed; boundary=IN\r\n", b"--IN\r\nContent-Disposition: form-data\r\n\r\nx\r\n--IN--"),
    "no-form": post(form(), kind=b"multipart/form-dataX"),
    "json": post(b"{}", kind=b"application/json"),
    "field-twice": post(form(more=part(b"username", USER))),
    "csr-twice": post(form(more=part(b"csr", CSR))),
    "nul-in-name": post(form(user=b"alice@calls.example\0x")),
    "nul-in-password": post(form(password=b"secret\0x")),
    "long-password": post(form(password=b"x" * 5000)),
    "long-csr": post(form(csr=bytes(20000))),
    "empty-csr": post(form(csr=b"")),
    "no-csr": post(part(b"username", USER) + part(b"password", PASSWORD) + b"--" + BOUNDARY + b"--\r\n"),
    "cut-form": post(form()[:-40]),
    "no-boundary": post(form(), boundary=b""),
    "long-boundary": post(form(), boundary=b"B" * 3000),
    "other-boundary": post(form(), boundary=b"another"),
    "ten-megabytes": post(b"", length=10_000_000),
    "length-of-digits": post(b"", length=10**30),
    "ten-megabytes-chunked": chunked(10_000_000),
    "no-http": b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    "long-header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "nodeids-0": post(form(more=part(b"nodeids", b"0"))),
    "nodeids-33": post(form(more=part(b"nodeids", b"33"))),
    "nodeids-word": post(form(more=part(b"nodeids", b"3x"))),
    "put": b"PUT /enroll HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
    "get-nothing": b"GET /enroll HTTP/1.1\r\nHost: localhost\r\n\r\n",
}
if len(sys.argv) > 4:
    held, slow = [], []
    for i in range(40):
        s = connect(f"127.0.0.{201 + i}")
        s.sendall(b"GET /.well-known/reload-config HTTP/1.1\r\nX: ")
        slow.append(s)
    for i in range(500):
        raw = socket.create_connection(("127.0.0.1", PORT), 20, (f"127.0.0.{2 + i % 200}", 0))
        if i % 2:
            raw.shutdown(socket.SHUT_WR)
        held.append(raw)
    print("held", flush=True)
    while not select.select([sys.stdin], [], [], 2)[0]:
        for s in list(slow):  # a byte now and then
            try:
                s.sendall(b"x")
            except OSError:
                slow.remove(s)
else:
    for name, request in CASES.items():
        print(name, exchange(request), flush=True)
