/** STARTTLS offered for programs that have none: lines in, lines out. */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { assert, assertEquals } from "../../../tests/support/assert.ts";
import { starttlsProxy } from "./starttls_proxy.ts";
import type { StarttlsProtocol } from "./starttls_client.ts";

/** Plays lines: `C:` from the client, `P:` from the program; what the client gets of it, and verdicts. */
function play(protocol: StarttlsProtocol, ...lines: string[]): string[] {
  const proxy = starttlsProxy(protocol);
  return lines.map((line) => {
    const bytes = latin1Bytes(`${line.slice(2)}\r\n`);
    if (line.startsWith("P:")) return latin1Text(proxy.program(bytes)).replaceAll("\r\n", "|");
    const verdict = proxy.client(bytes);
    const answer = verdict.kind === "pass" ? "" : ` ${latin1Text(verdict.answer).trim()}`;
    return `${proxy.done ? "done " : ""}${verdict.kind}${answer}`;
  });
}

Deno.test("EHLO's reply gets STARTTLS behind it, other replies stay", () => {
  assertEquals(play("smtp", "P:220 hi", "C:EHLO x", "P:250-me", "P:250 SIZE", "C:NOOP", "P:250 ok"), [
    "220 hi|",
    "pass",
    "250-me|",
    "250-SIZE|250 STARTTLS|",
    "pass",
    "250 ok|",
  ]);
  assertEquals(play("smtp", "P:220 hi", "C:EHLO x", "P:250-me", "P:250 STARTTLS").at(-1), "250 STARTTLS|");
  assertEquals(play("smtp", "P:220 hi", "C:EHLO x", "P:502 what").at(-1), "502 what|");
});

Deno.test("replies of pipelined commands are told apart", () => {
  const lines = play("smtp", "C:NOOP", "C:EHLO x", "P:220 hi", "P:250 noop", "P:250 me");
  assertEquals(lines.slice(2), ["220 hi|", "250 noop|", "250-me|250 STARTTLS|"]);
});

Deno.test("the command itself is answered, never passed on; with an argument it is refused", () => {
  assert(play("smtp", "C:starttls")[0]!.startsWith("tls 220"));
  assert(play("smtp", "C:STARTTLS now")[0]!.startsWith("refuse 501"));
  assert(play("pop3", "C:STLS")[0]!.startsWith("tls +OK"));
  assertEquals(play("imap", "C:a7 starttls")[0], "tls a7 OK Begin TLS negotiation now");
});

Deno.test("after a login or a message has begun everything is passed on", () => {
  assertEquals(play("smtp", "C:MAIL FROM:<>"), ["done pass"]);
  assertEquals(play("pop3", "C:USER joe"), ["done pass"]);
  assertEquals(play("imap", "C:a LOGIN joe x"), ["done pass"]);
});

Deno.test("CAPA gets STLS, also where the program knows no CAPA", () => {
  assertEquals(play("pop3", "P:+OK <1@x>", "C:CAPA", "P:+OK", "P:TOP", "P:.").slice(2), ["+OK|", "TOP|", "STLS|.|"]);
  assertEquals(play("pop3", "P:+OK", "C:CAPA", "P:-ERR no")[2], "+OK Capability list follows|USER|STLS|.|");
});

Deno.test("CAPABILITY gets STARTTLS, in the greeting too", () => {
  assertEquals(play("imap", "P:* OK [CAPABILITY IMAP4rev1] hi", "P:* CAPABILITY IMAP4rev1", "P:a OK done"), [
    "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi|",
    "* CAPABILITY IMAP4rev1 STARTTLS|",
    "a OK done|",
  ]);
});
