/** Tests of the submission protocol's codec. */
import { latin1Bytes } from "../../core/bytes.ts";
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import {
  type Envelope,
  formatAnswer,
  formatEnvelope,
  formatSubmitter,
  parseAnswer,
  parseEnvelope,
  splitEnvelope,
  tryParseSubmitter,
} from "./submission.ts";

Deno.test("an envelope is read back as it was written", () => {
  const envelopes: Envelope[] = [
    { sender: "", recipients: ["a@b"] },
    { sender: "j\xe9@x", recipients: ["a@b", "c@d"], extraHeader: "X-A: 1\nX-B: 2\n" },
    { sender: "s@x", recipients: ["a@b"], environmentHeaders: "Subject: hi\n" },
    { sender: "s@x", recipients: [], extraHeader: "X: 1\n", environmentHeaders: "Y: 2\n" },
  ];
  for (const envelope of envelopes) {
    assertEquals(parseEnvelope(formatEnvelope(envelope)), { kind: "ok", envelope });
  }
});

Deno.test("a malformed envelope is refused with 79, a long address with 11", () => {
  const code = (text: string) => {
    const result = parseEnvelope(latin1Bytes(text));
    return result.kind === "refused" ? result.code : 0;
  };
  for (const text of ["", "F", "Fa\0", "Fa\0Tb", "Fa\0Tb\0", "Ta\0\0", "Fa\0Xb\0\0", "Fa\0Tb\0\0zq\0", "\0"]) {
    assertEquals(code(text), 79, JSON.stringify(text));
  }
  assertEquals(code(`Fa\0T${"b".repeat(1002)}\0\0`), 0);
  assertEquals(code(`Fa\0T${"b".repeat(1003)}\0\0`), 11);
  assertEquals(code(`F${"b".repeat(1003)}\0Ta\0\0`), 11);
});

Deno.test("an address with a NUL byte is not written", () => {
  assertThrows(() => formatEnvelope({ sender: "a\0Tb", recipients: ["c"] }), RangeError);
  assertThrows(() => formatEnvelope({ sender: "a", recipients: ["b\0"] }), RangeError);
});

Deno.test("a long envelope is cut into frames", () => {
  const recipients = Array.from({ length: 60_000 }, (_, at) => `recipient-${at}@example.com`);
  const bytes = formatEnvelope({ sender: "s@x", recipients });
  const parts = splitEnvelope(bytes);
  assert(parts.length > 1);
  assertEquals(parts.reduce((sum, part) => sum + part.length, 0), bytes.length);
});

Deno.test("submitter and answer are read back as they were written", () => {
  assertEquals(tryParseSubmitter(formatSubmitter({ uid: 4_294_967_294, pid: 7 })), { uid: 4_294_967_294, pid: 7 });
  assertEquals(tryParseSubmitter(new Uint8Array(7)), undefined);
  assertEquals(parseAnswer(formatAnswer({ kind: "accepted", id: "12" })), { kind: "accepted", id: "12" });
  const refused = { kind: "refused", code: 53, text: "disk full" } as const;
  assertEquals(parseAnswer(formatAnswer(refused)), refused);
  assertEquals(parseAnswer(new Uint8Array(0)), { kind: "refused", code: 74, text: "" });
});
