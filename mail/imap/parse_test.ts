/** Commands are parsed as the grammar says, and what is not in it is refused. */
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { formatAstring, formatFlags, formatInternalDate, formatSet, formatString, systemFlagBit } from "./format.ts";
import { checkNewMailboxName, decodeMutf7, encodeMutf7, mailboxMatcher, normalMailboxName } from "./mailbox_name.ts";
import {
  parseAppendStart,
  parseAuthenticate,
  parseCommandStart,
  parseFlags,
  parseId,
  parseList,
  parseStore,
  parseTag,
} from "./parse.ts";
import { parseDay } from "./parse_date.ts";
import { parseFetchItems, SECTION_PATH_MAX } from "./parse_fetch.ts";
import { parseSearch, SEARCH_DEPTH_MAX, SEARCH_KEYS_MAX } from "./parse_search.ts";
import { Scanner } from "./scanner.ts";
import { parseSet, sequenceIndices, uidIndices } from "./sets.ts";

Deno.test("a tag ends at a blank and holds no plus", () => {
  assertEquals(parseTag("a1.x NOOP"), "a1.x");
  for (const line of ["", "a", "+ x", "a+b x", " a", "(a) x", `${"t".repeat(200)} x`]) {
    assertEquals(parseTag(line), undefined);
  }
  assertEquals(parseCommandStart("a uid  fetch 1 FLAGS", "a").verb, "UID FETCH");
});

Deno.test("strings are quoted, literal or bare", () => {
  const scanner = new Scanner('"a \\"b\\\\" {3+}\r\nx y atom]');
  assertEquals(scanner.astring(), 'a "b\\');
  scanner.space();
  assertEquals(scanner.astring(), "x y");
  scanner.space();
  assertEquals(scanner.astring(), "atom]");
  scanner.end();
  for (const bad of ['"a', '"a\\x"', "{3}\r\nab", "{3}ab", "", "(", "{1}\r\n\0"]) {
    assertThrows(() => new Scanner(bad).astring(), Permanent);
  }
  assertThrows(() => new Scanner("4294967296").number(), Permanent);
});

Deno.test("sets are sorted, joined, closed, and kept within the mailbox", () => {
  const set = (text: string) => parseSet(new Scanner(text));
  const indices = (text: string, count: number) => {
    const found = sequenceIndices(set(text), count);
    return found && [...found];
  };
  assertEquals(indices("3,1:2,2", 5), [0, 1, 2]);
  assertEquals(indices("*:4", 5), [3, 4]);
  assertEquals(indices("*", 5), [4]);
  assertEquals(indices("6", 5), undefined);
  assertEquals(indices("1:*", 0), []);
  assertEquals(indices("1", 0), undefined);
  const uids = Uint32Array.of(2, 5, 9, 10);
  assertEquals([...uidIndices(set("1:5,10:20"), uids)], [0, 1, 3]);
  // a range that begins behind the last UID means the last message [rfc3501 6.4.8]
  assertEquals([...uidIndices(set("500:*"), uids)], [3]);
  assertEquals([...uidIndices(set("3:4"), uids)], []);
  for (const bad of ["", "0", "1,", "1:", "a", "-1", "4294967296"]) {
    const scanner = new Scanner(bad);
    assertThrows(() => {
      parseSet(scanner);
      scanner.end();
    }, Permanent);
  }
});

Deno.test("a formatted set reads as the same numbers", () => {
  let seed = 7;
  for (let round = 0; round < 500; round++) {
    const numbers: number[] = [];
    for (let number = 1; number < 60; number++) {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      if ((seed >> 9) % 3 > 0) numbers.push(number);
    }
    if (numbers.length === 0) continue;
    const read = sequenceIndices(parseSet(new Scanner(formatSet(numbers))), 60)!;
    assertEquals([...read].map((index) => index + 1), numbers, `round ${round}`);
  }
  assertEquals(formatSet([5, 6, 3]), "5:6,3");
});

Deno.test("modified UTF-7 goes both ways, and only its one right form is taken [rfc3501 5.1.3]", () => {
  const pairs = [["", ""], ["a&b", "a&-b"], ["~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"], [
    "ü",
    "&APw-",
  ], ["😀x", "&2D3eAA-x"]];
  for (const [text = "", name = ""] of pairs) {
    assertEquals(encodeMutf7(text), name);
    assertEquals(decodeMutf7(name), text);
  }
  for (const bad of ["&", "&APw", "a\xfc", "&AGE-", "&Jjo!-", "&2D0-", "&U,BTFw-&ZeVnLIqe-", "\x01"]) {
    assertEquals(decodeMutf7(bad), undefined, bad);
  }
  let seed = 99;
  for (let round = 0; round < 2000; round++) {
    let text = "";
    for (let length = round % 12; length > 0; length--) {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      text += "a&-,/ü日😀~".at((seed >> 8) % 8);
    }
    if (text.isWellFormed()) assertEquals(decodeMutf7(encodeMutf7(text)), text);
  }
});

Deno.test("new mailbox names are checked", () => {
  for (const good of ["a", "a.b", "&APw-.x y", "INBOX.Sent"]) checkNewMailboxName(good, ".");
  for (const bad of ["", ".a", "a.", "a..b", "a/b", "a*", "&", "x".repeat(300)]) {
    assertThrows(() => checkNewMailboxName(bad, "."), Permanent);
  }
  assertEquals(["inbox", "iNbOx.a", "inboxes"].map((name) => normalMailboxName(name, ".")), [
    "INBOX",
    "INBOX.a",
    "inboxes",
  ]);
});

Deno.test("LIST patterns match as the RFC says, in bounded time", () => {
  const names = ["INBOX", "a", "a.b", "a.b.c", "ab"];
  const found = (pattern: string) => names.filter(mailboxMatcher(pattern, ".")).join(" ");
  assertEquals(found("*"), "INBOX a a.b a.b.c ab");
  assertEquals(found("%"), "INBOX a ab");
  assertEquals(found("a.%"), "a.b");
  assertEquals(found("%.%"), "a.b");
  assertEquals(found("a*c"), "a.b.c");
  assertEquals(found("inbox"), "INBOX");
  assertEquals(found("%*%"), "INBOX a a.b a.b.c ab");
  assertEquals(mailboxMatcher("%a".repeat(150), ".")("a".repeat(149)), false);
});

Deno.test("fetch items, macros and sections", () => {
  const items = (text: string) => {
    const scanner = new Scanner(text);
    const found = parseFetchItems(scanner);
    scanner.end();
    return found;
  };
  const kinds = (text: string) => items(text).map((item) => item.kind).join(" ");
  assertEquals(kinds("ALL"), "flags internaldate size envelope");
  assertEquals(kinds("full"), "flags internaldate size envelope body");
  assertEquals(kinds("(UID BODY BODYSTRUCTURE RFC822.SIZE)"), "uid body bodystructure size");
  assertEquals(items('BODY.PEEK[1.2.HEADER.FIELDS (To "X y")]<0.10>'), [{
    kind: "section",
    section: { path: [1, 2], kind: "fields", fields: ["to", "x y"] },
    peek: true,
    partial: { offset: 0, count: 10 },
    label: 'BODY[1.2.HEADER.FIELDS (To "X y")]<0>',
  }]);
  const deep = Array(SECTION_PATH_MAX + 1).fill("1").join(".");
  for (
    const bad of [
      "",
      "()",
      "NOPE",
      "BODY[",
      "BODY[MIME]",
      "BODY[0]",
      "BODY[1.]",
      "BODY[]<0>",
      "BODY[]<0.0>",
      "(FLAGS",
      "BODY[HEADER.FIELDS ()]",
      `BODY[${deep}]`,
      "BODY[TEXT.1]",
    ]
  ) {
    assertThrows(() => items(bad), Permanent);
  }
});

Deno.test("search keys nest, with limits", () => {
  const search = (text: string) => parseSearch(new Scanner(text));
  assertEquals(search("OR SEEN (FROM a 2:4)"), {
    kind: "search",
    key: {
      kind: "or",
      a: { kind: "flag", bit: 1 },
      b: {
        kind: "and",
        keys: [{ kind: "header", field: "from", text: "a" }, { kind: "sequence", set: [{ from: 2, to: 4 }] }],
      },
    },
  });
  assertEquals(search("CHARSET klingon ALL"), { kind: "bad-charset", charset: "klingon" });
  for (
    const bad of [
      "",
      "NOPE",
      "NOT",
      "OR SEEN",
      "(SEEN",
      "()",
      "ON 31-Feb-2020",
      "ON 1-Foo-2020",
      "HEADER x",
      "UID x",
      "SEEN)",
    ]
  ) {
    assertThrows(() => search(bad), Permanent);
  }
  assertThrows(() => search(`${"NOT ".repeat(SEARCH_DEPTH_MAX + 2)}SEEN`), Permanent, "too deep");
  assertThrows(() => search("SEEN ".repeat(SEARCH_KEYS_MAX + 1)), Permanent, "search keys");
});

Deno.test("flags, stores, appends, lists, ids and SASL responses", () => {
  assertEquals(parseFlags(new Scanner("(\\seen \\Recent x X $y)"), { bare: false }), {
    flags: 1,
    keywords: ["x", "$y"],
  });
  assertThrows(() => parseFlags(new Scanner("(\\*)"), { bare: false }), Permanent);
  assertEquals(parseStore(new Scanner(" 1 -flags.silent \\Seen a")), {
    set: [{ from: 1, to: 1 }],
    mode: "remove",
    silent: true,
    flags: 1,
    keywords: ["a"],
  });
  assertEquals(
    parseAppendStart(new Scanner(' a () " 1-Feb-2020 01:02:03 +0100" ')).internalDateMs,
    Date.UTC(2020, 1, 1, 0, 2, 3),
  );
  assertThrows(() => parseAppendStart(new Scanner(' a "31-Feb-2020 01:02:03 +0100" ')), Permanent);
  assertEquals(parseList(new Scanner(' (SUBSCRIBED) "" (a "b%") RETURN (CHILDREN)')), {
    reference: "",
    patterns: ["a", "b%"],
    select: ["SUBSCRIBED"],
    returns: ["CHILDREN"],
  });
  assertEquals([...parseId(new Scanner(' ("name" "x" "y" NIL)'))], [["name", "x"], ["y", undefined]]);
  assertEquals(parseAuthenticate(new Scanner(" plain =")), { mechanism: "PLAIN", initial: "=" });
  assertEquals(parseDay(new Scanner('"1-feb-1970"')), 31);
});

Deno.test("strings and flags are formatted so that they read back", () => {
  for (const text of ["", "a b", 'q"\\', "\xfc", "line\r\nend", "NIL", "x".repeat(5000)]) {
    assertEquals(new Scanner(formatString(text)).string(), text);
    assertEquals(new Scanner(formatAstring(text)).astring(), text);
  }
  assertEquals(formatString("a\0b"), "{2}\r\nab");
  assertEquals(formatFlags(1 | 16 | 64, ["a", "b"]), "\\Seen \\Draft b");
  assertEquals(systemFlagBit("\\DELETED"), 8);
  assertEquals(formatInternalDate(Date.UTC(1996, 6, 7, 2, 44, 25)), '" 7-Jul-1996 02:44:25 +0000"');
  assert(formatInternalDate(-1).includes("31-Dec-1969 23:59:59"));
});
