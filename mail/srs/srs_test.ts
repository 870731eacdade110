import { assert, assertEquals } from "../../tests/support/assert.ts";
import { isSrsAddress, SRS_DEFAULTS, type SrsSettings } from "./settings.ts";
import { restoreSender, rewriteSender } from "./srs.ts";

const SETTINGS: SrsSettings = { ...SRS_DEFAULTS, domain: "srs.example.org", secrets: ["tops3cr3t"] };
const NOW_MS = Date.UTC(2026, 10, 23, 12);
const DAY_MS = 86_400_000;

Deno.test("a sender is rewritten and restored, whatever its letters are", () => {
  for (const sender of ["joe@example.com", "a=b@example.com", "SRS2=x@e.test", "\xe9@h.test", '"a b"@x.y']) {
    for (const separator of ["=", "-", "+"] as const) {
      const rewritten = rewriteSender(sender, { ...SETTINGS, separator }, NOW_MS);
      assert(rewritten.startsWith(`SRS0${separator}`) && rewritten.endsWith("@srs.example.org"), rewritten);
      assert(isSrsAddress(rewritten));
      assertEquals(restoreSender(rewritten, SETTINGS, NOW_MS + 21 * DAY_MS), { kind: "address", address: sender });
    }
  }
});

Deno.test("the hash is of time, host and user in lower case", () => {
  const lower = rewriteSender("joe@example.com", SETTINGS, NOW_MS);
  const upper = rewriteSender("JOE@EXAMPLE.COM", SETTINGS, NOW_MS);
  assertEquals(lower.slice(0, 9), upper.slice(0, 9));
  assertEquals(restoreSender(lower.replace("SRS0", "srs0"), SETTINGS, NOW_MS).kind, "address");
});

Deno.test("an address of another forwarder becomes SRS1 and goes back one step", () => {
  const first = rewriteSender("joe@example.com", { ...SETTINGS, domain: "one.test", secrets: ["one"] }, NOW_MS);
  const second = rewriteSender(first, SETTINGS, NOW_MS);
  assert(/^SRS1=.{4}=one\.test==.{4}=..=example\.com=joe@srs\.example\.org$/.test(second), second);
  const third = rewriteSender(second, { ...SETTINGS, domain: "three.test", secrets: ["three"] }, NOW_MS);
  assert(/^SRS1=.{4}=one\.test==.{4}=..=example\.com=joe@three\.test$/.test(third), third);
  assertEquals(restoreSender(second, SETTINGS, NOW_MS), { kind: "address", address: first });
});

Deno.test("what is empty, has no host or is of the domain itself stays", () => {
  for (const sender of ["", "#@[]", "joe", "list-@h.test-@[]", "@host.test", "joe@SRS.example.org"]) {
    assertEquals(rewriteSender(sender, SETTINGS, NOW_MS), sender);
  }
  assert(rewriteSender("joe@srs.example.org", { ...SETTINGS, always: true }, NOW_MS).startsWith("SRS0="));
});

Deno.test("a wrong hash, a short one, an old stamp and half an address are refused", () => {
  const good = rewriteSender("joe@example.com", SETTINGS, NOW_MS);
  const reason = (address: string, settings = SETTINGS, atMs = NOW_MS) => {
    const result = restoreSender(address, settings, atMs);
    return result.kind === "refused" ? result.reason : "";
  };
  assertEquals(reason(good.replace("=joe@", "=jane@")), "the hash of the SRS address is wrong");
  assertEquals(reason(good, { ...SETTINGS, secrets: ["other"] }), "the hash of the SRS address is wrong");
  assertEquals(reason(good, { ...SETTINGS, secrets: ["other", "tops3cr3t"] }), "");
  assertEquals(reason(good, { ...SETTINGS, hashLengthMin: 5 }), "the hash of the SRS address is wrong");
  assertEquals(reason(good, SETTINGS, NOW_MS + 22 * DAY_MS), "the SRS address is too old");
  assertEquals(reason("SRS0=abcd@srs.example.org"), "an SRS0 address without host or user");
  assertEquals(reason("SRS1=abcd=x@srs.example.org"), "an SRS1 address without host or user");
  assertEquals(reason("joe@example.com"), "not an SRS address");
  assertEquals(reason("SRS0==AA=h=u@d"), "the hash of the SRS address is wrong");
});
