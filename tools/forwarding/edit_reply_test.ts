import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Header } from "../../mail/header/header.ts";
import { editedHeader, editReply } from "./edit_reply.ts";
import { requestOf, requestVariables } from "./replier.ts";

const EDIT = { first: ["Mailing-List: m"], deliveredTo: "Delivered-To: replier r@h", removed: new Set(["x-gone"]) };

Deno.test("fields named are left out with all their lines, others stay as they are", () => {
  const header = new Header("A: 1\nX-Gone: 2\n more\nb : 3\n\n");
  assertEquals(editedHeader(header, EDIT), "Mailing-List: m\nDelivered-To: replier r@h\nA: 1\nb : 3\n");
});

Deno.test("a list's mail, and mail that has been here, is refused", () => {
  assertThrows(() => editedHeader(new Header("MAILING-LIST: x\n\n"), EDIT), Permanent);
  assertThrows(() => editedHeader(new Header("A: 1\nDelivered-To: replier r@h\n\n"), EDIT), Permanent);
  assertEquals(editedHeader(new Header("Delivered-To: replier r@hh\n\n"), EDIT).split("\n").length, 4);
});

Deno.test("the body comes as it is, whatever pieces it comes in", async () => {
  const text = `A: 1\nX-Gone: 2\n\nbody\nX-Gone: 3\nMailing-List: x\n${"long ".repeat(1000)}`;
  for (const size of [1, 7, 100_000]) {
    let at = 0;
    const reader = {
      read(into: Uint8Array) {
        const part = text.slice(at, at + size);
        at += part.length;
        into.set(latin1Bytes(part));
        return Promise.resolve(part.length === 0 ? null : part.length);
      },
    };
    let edited = "";
    for await (const chunk of editReply(reader, EDIT)) edited += latin1Text(chunk);
    assertEquals(edited, `Mailing-List: m\nDelivered-To: replier r@h\nA: 1\n\n${text.slice(text.indexOf("body"))}`);
  }
});

Deno.test("the request is what follows inlocal and a dash", () => {
  assertEquals(requestOf("Joe-R-rot13-x", "joe-r"), "rot13-x");
  assertEquals(requestOf("help", ""), "help");
  assertEquals(requestOf("joe-r-", "joe-r"), "");
  for (const local of ["joe-r", "joe", "joe-rx-y", ""]) assertThrows(() => requestOf(local, "joe-r"), Permanent);
  assertEquals(requestVariables("a-b--c"), { REQUEST: "a-b--c", REQUEST2: "b--c", REQUEST3: "-c", REQUEST4: "c" });
});
