import { strictEqual as equals } from "node:assert/strict";
import { saslprep } from "./saslprep.ts";

Deno.test("SASLprep gives the results of RFC 4013 3", () => {
  equals(saslprep("I\u00ADX"), "IX");
  equals(saslprep("user"), "user");
  equals(saslprep("USER"), "USER");
  equals(saslprep("\u00AA"), "a");
  equals(saslprep("\u2168"), "IX");
  equals(saslprep("\u0007"), undefined);
});

Deno.test("other spaces become a space and what is mapped to nothing goes", () => {
  equals(saslprep("a\u00A0b\u200Bc\u3000d"), "a bc d");
  equals(saslprep("a\uE000"), undefined);
});
