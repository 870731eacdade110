import { assertEquals } from "../../tests/support/assert.ts";
import { parseRewriteRules, rewriteName, rewriteRules } from "./rewrite.ts";

Deno.test("rules change a name in their order, and a plus stands for several names", () => {
  const rules = parseRewriteRules(
    "# a comment\n=relay:mail.example.org \n-.local:me.local\n*.a:.b\n?:+.x.org+.y.org\n*.:\n",
  );
  assertEquals(rewriteName("Relay", rules), ["mail.example.org"]);
  assertEquals(rewriteName("any.thing.LOCAL", rules), ["me.local"]);
  assertEquals(rewriteName("www.a", rules), ["www.b"]);
  assertEquals(rewriteName("www", rules), ["www.x.org", "www.y.org"]);
  assertEquals(rewriteName("www.example.org.", rules), ["www.example.org"]);
  assertEquals(rewriteName("[127.0.0.1]", rules), ["[127.0.0.1]"]);
});

Deno.test("without a file LOCALDOMAIN is added to names without a dot; a file takes its place", () => {
  const file = "/nonexistent/dnsrewrite";
  assertEquals(rewriteName("www", rewriteRules({ file, localDomain: "a.test b.test" })), ["www.a.test", "www.b.test"]);
  assertEquals(rewriteName("www.c", rewriteRules({ file, localDomain: "a.test" })), ["www.c"]);
  assertEquals(rewriteName("www", rewriteRules({ file, localDomain: undefined })), ["www"]);
  const made = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(made, "*:.c.test\n");
    assertEquals(rewriteName("www", rewriteRules({ file: made, localDomain: "a.test" })), ["www.c.test"]);
  } finally {
    Deno.removeSync(made);
  }
});
