/** Unit tests of options: the spellings of getopt, counts of operands, refusals. */
import { assertEquals, assertThrows } from "../tests/support/assert.ts";
import type { CallDeclaration } from "./options.ts";
import { parseOptions } from "./options.ts";
import { Usage } from "./errors.ts";

const declaration: CallDeclaration = {
  options: {
    verbose: { flag: "v", help: "say more", repeat: true },
    dry: { flag: "n", help: "do nothing" },
    quota: { flag: "q", value: "bytes", help: "quota" },
    bind: { flag: "b", value: "address", repeat: true, help: "address" },
    root: { long: "root", value: "folder", help: "root" },
    json: { flag: "j", long: "json", help: "as JSON" },
  },
  operands: [{ name: "domain", help: "domain" }, { name: "user", help: "user", optional: true, repeat: true }],
};
const absent = { verbose: 0, dry: false, quota: undefined, bind: [], root: undefined, json: false };

function parsed(...args: string[]) {
  return parseOptions(declaration, args) as { options: unknown; args: readonly string[] };
}

Deno.test("options that are not given are false, zero, undefined or an empty list", () => {
  assertEquals(parsed("d"), { options: absent, args: ["d"] });
});

Deno.test("letters may stand in a cluster whose last one takes the rest or the next argument", () => {
  assertEquals(parsed("-vnvq5", "d").options, { ...absent, verbose: 2, dry: true, quota: "5" });
  assertEquals(parsed("-nq", "5", "d").options, { ...absent, dry: true, quota: "5" });
  assertEquals(parsed("-q", "-5", "d").options, { ...absent, quota: "-5" });
});

Deno.test("an option that repeats is a list, one that does not keeps its last value", () => {
  assertEquals(parsed("-ba", "-b", "c", "-q1", "-q2", "d").options, { ...absent, bind: ["a", "c"], quota: "2" });
});

Deno.test("a long option may leave its argument out where it says what that means", () => {
  const checks: CallDeclaration = {
    options: { check: { long: "check", value: "file", bare: "all", help: "check" } },
    operands: [{ name: "more", help: "more", optional: true }],
  };
  const read = (...args: string[]) => parseOptions(checks, args) as { options: unknown; args: readonly string[] };
  assertEquals(read("--check", "b"), { options: { check: "all" }, args: ["b"] });
  assertEquals(read("--check=a", "b"), { options: { check: "a" }, args: ["b"] });
  assertEquals(read("b"), { options: { check: undefined }, args: ["b"] });
});

Deno.test("long options take their argument behind = or as the next word", () => {
  assertEquals(parsed("--root=/a=b", "--json", "d").options, { ...absent, root: "/a=b", json: true });
  assertEquals(parsed("--root", "/a", "d").options, { ...absent, root: "/a" });
});

Deno.test("options may follow operands, and -- ends them", () => {
  assertEquals(parsed("d", "-n", "--", "-q", "--"), { options: { ...absent, dry: true }, args: ["d", "-q", "--"] });
  assertEquals(parsed("-", "-n").args, ["-"]);
});

Deno.test("a program that starts another one leaves everything from its first operand on", () => {
  const chain: CallDeclaration = { ...declaration, stopsAtOperand: true };
  const { options, args } = parseOptions(chain, ["-n", "prog", "-v", "--", "-x"]);
  assertEquals<unknown>(options, { ...absent, dry: true });
  assertEquals(args, ["prog", "-v", "--", "-x"]);
});

Deno.test("raw arguments are not read at all", () => {
  const raw: CallDeclaration = { ...declaration, rawArguments: true };
  assertEquals(parseOptions(raw, ["-x", "--", "-n"]).args, ["-x", "--", "-n"]);
});

Deno.test("wrong calls name the option or the operand", () => {
  const refusals: [string[], string][] = [
    [["-x", "d"], "unknown option -x"],
    [["-nx", "d"], "unknown option -x"],
    [["--rot=1", "d"], "unknown option --rot"],
    [["--json=1", "d"], "option --json takes no argument"],
    [["d", "-q"], "option -q needs an argument: bytes"],
    [["d", "--root"], "option --root needs an argument: folder"],
    [["-n"], "missing domain"],
  ];
  for (const [args, message] of refusals) assertEquals(assertThrows(() => parsed(...args), Usage).message, message);
  const one: CallDeclaration = { options: {}, operands: [{ name: "a", help: "a" }] };
  assertEquals(assertThrows(() => parseOptions(one, ["b", "c"]), Usage).message, "unexpected argument c");
});

Deno.test("of two options that cancel each other the last one counts", () => {
  const options = {
    ask: { flag: "r", cancels: ["silent"], help: "" },
    silent: { flag: "R", cancels: ["ask"], help: "" },
  };
  const parsed = (args: readonly string[]) => parseOptions({ options }, args).options;
  assertEquals(parsed(["-rR"]), { ask: false, silent: true });
  assertEquals(parsed(["-R", "-r"]), { ask: true, silent: false });
});

Deno.test("options that join another stand in its list, in the order given", () => {
  const options = {
    list: { flag: "r", value: "base", repeat: true, help: "" },
    allow: { flag: "a", value: "base", repeat: true, joins: "list", help: "" },
  } as const;
  const parsed: unknown = parseOptions({ options }, ["-rx", "-a", "y", "-r", "z"]).options;
  assertEquals(parsed, { list: ["x", "-a y", "z"], allow: [] });
});
