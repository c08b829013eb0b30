"""An HTTPS server that answers as a path says, for tests of clients: fake_enroll.py CERT KEY PORT LOG [DER].

/redirect/CODE/URL (the rest of the path, after "to:")   /token/WORD   /status/CODE   /html   /big   /der   /silent
Each request becomes a line of LOG: method, path and the names of the fields of a form; the field csr is written to LOG.csr.
"""
import re
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CERT, KEY, PORT, LOG = sys.argv[1:5]
DER = open(sys.argv[5], "rb").read() if len(sys.argv) > 5 else b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, body, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fields = re.findall(rb'form-data; name="(\w+)"', body)
        kinds = re.findall(rb"Content-Type: ([\w/-]+)\r\n", body)
        with open(LOG, "a", encoding="utf-8") as log:
            print(self.command, self.path, b",".join(fields).decode(), b",".join(kinds).decode(),
                  self.headers.get("Accept"), flush=True, file=log)
        csr = re.search(rb'name="csr".*?\r\n\r\n(.*?)\r\n--', body, re.DOTALL)
        if csr:
            with open(LOG + ".csr", "wb") as out:
                out.write(csr.group(1))
        part = self.path.split("/")
        if part[1] == "redirect":
            self.answer(int(part[2]), "text/plain", b"", Location=self.path.split("to:", 1)[1])
        elif part[1] == "token":
            self.answer(403, "text/plain; charset=utf-8", f" {part[2]} \r\n".encode())
        elif part[1] == "status":
            self.answer(int(part[2]), "text/plain", b"\x1b[31mno\n")
        elif part[1] == "html":
            self.answer(200, "text/html", b"<html>")
        elif part[1] == "big":
            self.answer(200, "application/pkix-cert", bytes(2 << 20))
        elif part[1] == "der":
            self.answer(200, "application/pkix-cert;version=1", DER)
        else:
            self.close_connection = True

    do_GET = do_POST = handle_any

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(PORT)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
