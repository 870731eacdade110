import { assertEquals } from "../../../tests/support/assert.ts";
import { parsedOptions } from "./minisvc.ts";
import { quoted } from "./service_maker.ts";

Deno.test("the options that made a service are read as they were written", () => {
  const words = ["--create=sh -c 'echo \"it''s\"; x'", "--service-name=a.1", "--down", "it's", "a\\b", ""];
  assertEquals(parsedOptions(words.slice(0, 5).map(quoted).join(" ")), words.slice(0, 5));
});
