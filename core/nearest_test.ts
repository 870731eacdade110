import { assertEquals } from "../tests/support/assert.ts";
import { didYouMean, unknownProgramText } from "./nearest.ts";

const NAMES = ["vadduser", "vdeluser", "vmoduser", "svc", "svok", "cidr", "crc", "crcdiff"];

Deno.test("a name with a letter wrong, missing, too many or swapped is found", () => {
  for (const name of ["vadusr", "vadduserr", "vaddusre", "vbdduser", "VadDuser"]) {
    assertEquals(didYouMean(name, NAMES), ", did you mean vadduser?", name);
  }
  assertEquals(didYouMean("crcdif", NAMES), ", did you mean crcdiff?");
  assertEquals(didYouMean("cird", NAMES), ", did you mean cidr?");
});

Deno.test("what is like no name gets no guess, and short names need more than a letter in common", () => {
  for (const name of ["", "x", "ls", "scv2", "postconf", "vuserinfo", "a".repeat(1000)]) {
    assertEquals(didYouMean(name, NAMES), "", name);
  }
});

Deno.test("a program of indimail's own is found without that word", () => {
  assertEquals(
    unknownProgramText("serv", ["svc", "indimail-serve"]),
    "there is no program serv, did you mean serve?; indimail --list shows all",
  );
  assertEquals(unknownProgramText("nonesuch", ["svc"]), "there is no program nonesuch; indimail --list shows all");
});
