/**
 * Arguments that are none, at every place of the commands about users: each is refused with one clear line, and neither
 * files nor rows are changed.
 */
import { tryArguments } from "../support/argument_trial.ts";
import { assertEquals } from "../support/assert.ts";
import { BAD_USER_ARGUMENTS, USER_ARGUMENT_PLACES } from "./user_argument_places.ts";

Deno.test("every place of a users' command refuses what is none of its kind, and nothing is changed", async () => {
  const made = [
    ["vadddomain", "example.org", "secret"],
    ["vaddaliasdomain", "example.net", "example.org"],
    ["vadduser", "-d", "ann@example.org", "secret"],
    ["vadduser", "bob@example.org", "secret"],
    ["vgroup", "-a", "team@example.org", "secret"],
    ["vgroup", "-i", "&ann@example.org", "team@example.org"],
    ["valias", "-i", "&bob@example.org", "info@example.org"],
    ["vcfilter", "-i", "-h", "Subject", "-c", "Equals", "-k", "made", "-f", "Made", "ann@example.org"],
  ] as const;
  const places = USER_ARGUMENT_PLACES.map(({ kind, ...place }) => ({ values: BAD_USER_ARGUMENTS[kind], ...place }));
  assertEquals(await tryArguments(made, places), []);
});
