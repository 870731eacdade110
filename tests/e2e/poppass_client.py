"""A poppassd client as webmail programs have one: changes a password, over TLS when asked to.

Standard input has host and port, user, old and new password, and the word tls or plain, a line each.
"""
import socket
import ssl
import sys

address, port, user, old, new, way = (line.rstrip("\n") for line in sys.stdin)
connection = socket.create_connection((address, int(port)), 30)
stream = connection.makefile("rw", newline="", encoding="latin1")


def expect(code):
    line = stream.readline().rstrip("\r\n")
    if not line.startswith(code):
        print(line)
        sys.exit(1)
    return line


def say(line, code):
    stream.write(line + "\r\n")
    stream.flush()
    return expect(code)


expect("200")
if way == "tls":
    say("starttls", "200")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = context.wrap_socket(connection)
    stream = connection.makefile("rw", newline="", encoding="latin1")
say("user " + user, "300")
say("pass " + old, "300")
print(say("newpass " + new, "200"))
say("quit", "200")
