/** What a session gathers before it sends. */
import { assertEquals } from "../../tests/support/assert.ts";
import { ImapOutput } from "./output.ts";

Deno.test("a NUL of a message is no NUL in a literal, and no other byte changes", async () => {
  const sent: number[] = [];
  const output = new ImapOutput({
    write(bytes) {
      sent.push(...bytes);
      return Promise.resolve();
    },
  });
  output.range(Uint8Array.of(1, 0), 0, 2);
  output.literal(Uint8Array.of(9, 0, 7, 0, 0, 5, 0), 1, 6);
  output.text("x");
  await output.flush();
  assertEquals(sent, [1, 0, 0x80, 7, 0x80, 0x80, 5, 120]);
});
