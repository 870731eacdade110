import { assertEquals } from "../tests/support/assert.ts";
import { byteText, systemText } from "./byte_text.ts";
import { latin1Text, utf8Bytes } from "./bytes.ts";

Deno.test("text of the system is bytes and text again, whatever the bytes are", () => {
  for (const text of ["", "joe@example.org", "jö@exämple.org", "日本@例え", "\u{1f600}", "a\ufeffb"]) {
    assertEquals(byteText(text), latin1Text(utf8Bytes(text)));
    assertEquals(systemText(byteText(text)), text);
  }
  for (const bytes of ["\xe9t\xe9@host", "\x80", "\xff\xfe", "a\xc3"]) assertEquals(byteText(systemText(bytes)), bytes);
});
