import { assert, assertEquals } from "../../tests/support/assert.ts";
import { formatMaildirName, hostForName, isMessageName, parseMaildirName } from "./names.ts";

Deno.test("a name of each delivery agent is taken apart", () => {
  assertEquals(parseMaildirName("1700000000.M5P7.host.example,S=1234:2,RS"), {
    base: "1700000000.M5P7.host.example,S=1234",
    unique: "1700000000.M5P7.host.example",
    sizeBytes: 1234,
    flags: "RS",
  });
  assertEquals(parseMaildirName("1700000000.I5V7M9P1.host"), {
    base: "1700000000.I5V7M9P1.host",
    unique: "1700000000.I5V7M9P1.host",
    sizeBytes: undefined,
    flags: "",
  });
  assertEquals(parseMaildirName("1.M2P3.host,W=20,S=19:2,Sab").sizeBytes, 19);
  assertEquals(parseMaildirName("1.M2P3.host,W=20,S=19:2,Sab").flags, "Sab");
  assertEquals(parseMaildirName("1.a.host,S=:2,").sizeBytes, undefined);
  assertEquals(parseMaildirName("1.a.host,S=99999999999999999999:2,").sizeBytes, undefined);
});

Deno.test("formatting sorts the flags and a name survives being taken apart", () => {
  assertEquals(formatMaildirName("1.a.h,S=2", "SSRF"), "1.a.h,S=2:2,FRS");
  for (const name of ["1.a.h,S=2:2,FRS", "1.a.h:2,", "x,S=0,W=0:2,S"]) {
    const parsed = parseMaildirName(name);
    assertEquals(formatMaildirName(parsed.base, parsed.flags), name);
  }
});

Deno.test("hidden names are no messages, and a host's slash and colon are written as octal", () => {
  assert(!isMessageName(".nfs0001"));
  assert(!isMessageName(""));
  assert(isMessageName("1.a.h"));
  assertEquals(hostForName("a/b:c"), "a057b072c");
});
