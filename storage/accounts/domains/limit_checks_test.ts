import { assertEquals, assertThrows } from "../../../tests/support/assert.ts";
import { makeSite } from "../../../tests/support/site.ts";
import { Permanent } from "../../../core/errors.ts";
import { LIMITS_DEFAULT } from "../tables/vlimits.ts";
import { USER_FLAGS } from "../users.ts";
import { limitsInForce, refuseForbidden, refuseMore } from "./limit_checks.ts";

Deno.test("limits are in force by the variable or by the domain's file, and else are none", async () => {
  await using site = await makeSite();
  await site.addDomain("example.org");
  const { command } = site;
  const domain = await command.realDomain("example.org");
  await command.accounts.limits.set("example.org", { ...LIMITS_DEFAULT, maxaliases: 2 });
  await command.accounts.limits.set("ann@example.org", { ...LIMITS_DEFAULT, maxaliases: 9 });
  assertEquals(await limitsInForce(command, domain, { name: "bob", environment: undefined }), undefined);
  assertEquals((await limitsInForce(command, domain, { name: "bob", environment: "" }))?.maxaliases, 2);
  await Deno.writeTextFile(`${domain.directory}/.domain_limits`, "");
  assertEquals((await limitsInForce(command, domain, { name: "ann", environment: undefined }))?.maxaliases, 9);
  const exempt = { name: "ann", flags: USER_FLAGS.override, environment: "" };
  assertEquals(await limitsInForce(command, domain, exempt), undefined);
});

Deno.test("a count at its limit and a forbidden act are refused by name, and nothing is where no limits are", () => {
  const limits = { ...LIMITS_DEFAULT, maxaliases: 2, perm_alias: 2 };
  refuseMore(limits, "example.org", { of: "alias", count: 1 });
  refuseMore(limits, "example.org", { of: "forward", count: 1_000_000 });
  refuseMore(undefined, "example.org", { of: "alias", count: 5 });
  refuseForbidden(limits, "example.org", { of: "alias", act: "create" });
  refuseForbidden(undefined, "example.org", { of: "alias", act: "modify" });
  const full = assertThrows(() => refuseMore(limits, "example.org", { of: "alias", count: 2 }), Permanent);
  assertEquals(
    full.message,
    "example.org has 2 aliases and may have 2 (maxaliases): remove some, or allow more with vlimit -A",
  );
  const asked = { of: "alias", act: "modify" } as const;
  const barred = assertThrows(() => refuseForbidden(limits, "example.org", asked), Permanent);
  assertEquals(barred.message, "aliases of example.org may not be changed (perm_alias): allow it with vlimit -a");
});

Deno.test("the bits of lists, of their members and of moderators stand in one column", () => {
  const limits = { ...LIMITS_DEFAULT, perm_maillist: 4 << 3 | 7 << 6 };
  refuseForbidden(limits, "example.org", { of: "mailingList", act: "delete" });
  refuseForbidden(limits, "example.org", { of: "listMember", act: "create" });
  const asked = { of: "listMember", act: "delete" } as const;
  const { message } = assertThrows(() => refuseForbidden(limits, "example.org", asked), Permanent);
  assertEquals(
    message,
    "members of mailing lists of example.org may not be removed (perm_maillist): allow it with vlimit -u",
  );
});
