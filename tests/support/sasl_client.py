# A client of SCRAM with and without -PLUS for the tests, written from RFC 5802 and RFC 5929 with Python's own modules:
# sasl_client.py PROTOCOL PORT MECHANISM USER PASSWORD BINDING SERVERNAME, where PROTOCOL is smtp, imap, pop3, or, with
# TLS from the start, smtps, imaps, pop3s,
# BINDING one of p (end point of the certificate), n, y, exporter, wrong. Prints the server's last line.
import base64
import hashlib
import hmac
import os
import socket
import ssl
import sys

protocol, port, mechanism, user, password, binding, server_name = sys.argv[1:]
hash_name = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}[mechanism.replace("-PLUS", "")]

context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
stream = socket.create_connection(("127.0.0.1", int(port)))
file = stream.makefile("rb")


def send(line):
    stream.sendall(line.encode() + b"\r\n")


def receive():
    return file.readline().decode().rstrip("\r\n")


def skip(ends):
    line = receive()
    while not ends(line):
        line = receive()
    return line


def encrypt():
    global stream, file
    stream = context.wrap_socket(stream, server_hostname=server_name)
    file = stream.makefile("rb")


from_start = protocol.endswith("s")
protocol = protocol.removesuffix("s")
if from_start:
    encrypt()
receive()
if protocol == "smtp":
    send("EHLO client.test")
    skip(lambda line: line[3:4] == " ")
    if not from_start:
        send("STARTTLS")
        receive()
        encrypt()
        send("EHLO client.test")
        skip(lambda line: line[3:4] == " ")
    start, prompt = "AUTH", "334 "
elif protocol == "imap":
    if not from_start:
        send("a STARTTLS")
        receive()
        encrypt()
    start, prompt = "b AUTHENTICATE", "+ "
else:
    if not from_start:
        send("STLS")
        receive()
        encrypt()
    start, prompt = "AUTH", "+ "

certificate = stream.getpeercert(binary_form=True)
header = {"n": "n,,", "y": "y,,", "exporter": "p=tls-exporter,,"}.get(binding, "p=tls-server-end-point,,")
bound = hashlib.sha256(certificate).digest() if binding == "p" else os.urandom(32) if binding == "wrong" else b""
nonce = base64.b64encode(os.urandom(18)).decode()
bare = "n=%s,r=%s" % (user.replace("=", "=3D").replace(",", "=2C"), nonce)


def finish(line):
    print(line)
    sys.exit(0)


def answered(text):
    send(base64.b64encode(text.encode()).decode())
    line = receive()
    if not line.startswith(prompt):
        finish(line)
    return base64.b64decode(line[len(prompt):]).decode()


send("%s %s" % (start, mechanism))
line = receive()
if not line.startswith(prompt.rstrip()):
    finish(line)
first = answered(header + bare)
fields = dict(part.split("=", 1) for part in first.split(","))
salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))


def keyed(key, text):
    return hmac.new(key, text.encode(), hash_name).digest()


without = "c=%s,r=%s" % (base64.b64encode(header.encode() + bound).decode(), fields["r"])
message = ",".join([bare, first, without])
client_key = keyed(salted, "Client Key")
signature = keyed(hashlib.new(hash_name, client_key).digest(), message)
proof = bytes(one ^ other for one, other in zip(client_key, signature))
last = answered("%s,p=%s" % (without, base64.b64encode(proof).decode()))
if last != "v=" + base64.b64encode(keyed(keyed(salted, "Server Key"), message)).decode():
    finish("the server could not prove that it knows the password")
send("")
finish(receive())
