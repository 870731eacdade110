/**
 * The limits of a domain (vlimit) in every command that honours them: refused where they are in force, by vmoddomain -l or
 * by DOMAIN_LIMITS, done where they are not, and nothing half done.
 */
import { Permanent } from "../../core/errors.ts";
import { callApplet } from "../support/applet_call.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";

type Line = readonly [string, ...string[]];

/** Limits, a command that they forbid, and what it says. */
interface Case {
  readonly limits: readonly string[];
  readonly line: Line;
  readonly says: RegExp;
  /** What those limits let through. */
  readonly allowed?: Line;
}

/** The domain has postmaster, ann, bob and the group team: four users, one alias, one group. */
const MADE: readonly Line[] = [
  ["vadddomain", "example.org", "secret"],
  ["vadduser", "ann@example.org", "secret"],
  ["vadduser", "bob@example.org", "secret"],
  ["vgroup", "-a", "team@example.org", "secret"],
  ["vgroup", "-i", "&ann@example.org", "team@example.org"],
  ["valias", "-i", "&ann@example.org", "info@example.org"],
];

const ALIASES_FORBIDDEN = /^aliases of example\.org may not be (made|changed|removed): its limits say so$/;
const LISTS_FORBIDDEN = /^mailing lists of example\.org may not be (made|changed): its limits say so$/;
const QUOTAS_FORBIDDEN = /^quotas of example\.org may not be (made|changed): its limits say so$/;

const CASES: readonly Case[] = [
  {
    limits: ["-P", "4"],
    line: ["vadduser", "new@example.org", "secret"],
    says: /^example\.org may have 4 users and has them$/,
    allowed: ["vmoduser", "-c", "Ann", "ann@example.org"],
  },
  {
    limits: ["-A", "2"], // members of groups are lines of aliases
    line: ["valias", "-i", "&bob@example.org", "new@example.org"],
    says: /^example\.org may have 2 aliases and has them$/,
    allowed: ["valias", "-i", "&bob@example.org", "info@example.org"],
  },
  {
    limits: ["-a", "c"],
    line: ["valias", "-i", "&bob@example.org", "new@example.org"],
    says: ALIASES_FORBIDDEN,
  },
  {
    limits: ["-a", "m"],
    line: ["valias", "-u", "&ann@example.org", "-i", "&bob@example.org", "info@example.org"],
    says: ALIASES_FORBIDDEN,
    allowed: ["valias", "-i", "&bob@example.org", "other@example.org"],
  },
  {
    limits: ["-a", "d"],
    line: ["valias", "-d", "&ann@example.org", "info@example.org"],
    says: ALIASES_FORBIDDEN,
  },
  {
    limits: ["-l", "c"],
    line: ["vgroup", "-a", "more@example.org", "secret"],
    says: LISTS_FORBIDDEN,
    allowed: ["vgroup", "-i", "&bob@example.org", "team@example.org"],
  },
  {
    limits: ["-l", "m"],
    line: ["vgroup", "-d", "&ann@example.org", "team@example.org"],
    says: LISTS_FORBIDDEN,
  },
  {
    limits: ["-L", "1"],
    line: ["vgroup", "-a", "more@example.org", "secret"],
    says: /^example\.org may have 1 mailing lists and has them$/,
  },
  { limits: ["-x", "m"], line: ["vsetuserquota", "ann@example.org", "1g"], says: QUOTAS_FORBIDDEN },
  { limits: ["-x", "m"], line: ["vmoduser", "-q", "1g", "ann@example.org"], says: QUOTAS_FORBIDDEN },
  {
    limits: ["-x", "c"],
    line: ["vadduser", "-q", "1g", "new@example.org", "secret"],
    says: QUOTAS_FORBIDDEN,
    allowed: ["vadduser", "plain@example.org", "secret"],
  },
];

Deno.test("the limits of a domain hold in every command, where they are in force and not elsewhere", async () => {
  for (const { limits, line, says, allowed } of CASES) {
    const root = await Deno.makeTempDir({ prefix: "limits-" });
    try {
      await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
      await Deno.writeTextFile(`${root}/etc/indimail/control/me`, "mx.example.org\n");
      const env = { BASE_PATH: `${root}/home` };
      const must = async (one: Line) =>
        assertEquals((await callApplet(one, { root, env })).error, undefined, one.join(" "));
      for (const one of MADE) await must(one);
      await must(["vlimit", ...limits, "example.org"]);
      const byVariable = await callApplet(line, { root, env: { ...env, DOMAIN_LIMITS: "1" } });
      await must(["vmoddomain", "-l", "1", "example.org"]);
      const byFile = await callApplet(line, { root, env });
      for (const { error } of [byVariable, byFile]) {
        assert(error instanceof Permanent, `${limits.join(" ")}: ${line.join(" ")} ${error?.stack ?? "was done"}`);
        assertMatch(error.message, says);
      }
      if (allowed) await must(allowed);
      await must(["vmoddomain", "-l", "0", "example.org"]);
      await must(line);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  }
});
