/**
 * Arguments that are none, at every place of the commands about domains: each is refused with one clear line, and neither
 * files nor rows are changed.
 */
import { tryArguments } from "../support/argument_trial.ts";
import { assertEquals } from "../support/assert.ts";
import { ARGUMENT_PLACES, BAD_ARGUMENTS } from "./argument_places.ts";

Deno.test("every place of a command's line refuses what is none of its kind, and nothing is changed", async () => {
  const made = [
    ["vadddomain", "example.org", "secret"],
    ["vadduser", "ann@example.org", "secret"],
    ["vaddaliasdomain", "example.net", "example.org"],
    ["vlimit", "-P", "9", "example.org"],
  ] as const;
  const places = ARGUMENT_PLACES.map((place) => ({ values: BAD_ARGUMENTS[place.kind], line: place.line }));
  assertEquals(await tryArguments(made, places), []);
});
