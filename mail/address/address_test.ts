/** Address lists: what RFC 5322 allows, what people write instead, and the way back to text. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { formatAddressList } from "./format.ts";
import { type MailAddress, type Mailbox, parseAddressList } from "./parse.ts";

function mailbox(local: string, domain: string, rest: Partial<Mailbox> = {}): Mailbox {
  return { kind: "mailbox", name: "", route: "", local, domain, ...rest };
}

const CASES: readonly [string, readonly MailAddress[]][] = [
  ["", []],
  ["a@b.example", [mailbox("a", "b.example")]],
  ["<a@b>", [mailbox("a", "b")]],
  ["Joe Q. Public <john.q.public@example.com>", [mailbox("john.q.public", "example.com", { name: "Joe Q. Public" })]],
  ['"Joe, \\"J\\"" <j@x>, b@y', [mailbox("j", "x", { name: 'Joe, "J"' }), mailbox("b", "y")]],
  ["a@b (Joe (the) Smith)", [mailbox("a", "b", { name: "Joe (the) Smith" })]],
  ["(note) Name <a@b> (other)", [mailbox("a", "b", { name: "Name" })]],
  ["<@x,@y:a@b>", [mailbox("a", "b", { route: "@x,@y" })]],
  ['"a b".c@d', [mailbox("a b.c", "d")]],
  ["a . b @ c . d", [mailbox("a.b", "c.d")]],
  ["a@[192.0.2.1]", [mailbox("a", "[192.0.2.1]")]],
  ["undisclosed recipients:;", [{ kind: "group", name: "undisclosed recipients", members: [] }]],
  [
    "G: a@b, C <c@d>; e@f",
    [{ kind: "group", name: "G", members: [mailbox("a", "b"), mailbox("c", "d", { name: "C" })] }, mailbox("e", "f")],
  ],
  ["a@b; c@d", [mailbox("a", "b"), mailbox("c", "d")]],
  [",, a@b ,,", [mailbox("a", "b")]],
  ["postmaster", [mailbox("postmaster", "")]],
  ["no address here", [mailbox("", "", { name: "no address here" })]],
  ["Joe j@x", [mailbox("j", "x", { name: "Joe" })]],
  ["Joe <>", [mailbox("", "", { name: "Joe" })]],
  ["Joe <a@b", [mailbox("a", "b", { name: "Joe" })]],
  ['"unclosed <a@b>', [mailbox("unclosed <a@b>", "")]],
  ["J\xfcrgen <j@x>", [mailbox("j", "x", { name: "J\xfcrgen" })]],
];

for (const [text, expected] of CASES) {
  Deno.test(`the address list ${JSON.stringify(text)} is read`, () => {
    assertEquals([...parseAddressList(text)], [...expected]);
  });
}

Deno.test("a formatted list reads as the same list", () => {
  for (const [, addresses] of CASES) {
    // an entry that is only a name has no form of its own
    if (addresses.some((one) => one.kind === "mailbox" && one.local === "")) continue;
    assertEquals([...parseAddressList(formatAddressList(addresses))], [...addresses]);
  }
});

Deno.test("what needs quotes gets them, and nothing else", () => {
  assertEquals(formatAddressList([mailbox("a", "b", { name: "Joe Public" })]), "Joe Public <a@b>");
  assertEquals(formatAddressList([mailbox("a", "b", { name: "Joe Q. Public" })]), '"Joe Q. Public" <a@b>');
  assertEquals(formatAddressList([mailbox('a"b\\', "c")]), '"a\\"b\\\\"@c');
  assertEquals(formatAddressList([mailbox("a", "b", { route: "@x,@y" })]), "<@x,@y:a@b>");
});

Deno.test("any text gives some list, in time that grows with its length", () => {
  const alphabet = 'ab <>@,;:\\"()[].\n\t\xfc';
  let seed = 12345;
  for (let round = 0; round < 20_000; round++) {
    let text = "";
    for (let length = round % 40; length > 0; length--) {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      text += alphabet[(seed >> 8) % alphabet.length];
    }
    assert(Array.isArray(parseAddressList(text)), text);
  }
  for (const piece of ["(", "<", '"', "\\", "@", ":", "a@b,", "[", "a ", "((", "<@a,"]) {
    assert(parseAddressList(piece.repeat(50_000)).length <= 100_000, piece);
  }
});
