/** The files that vadduser reads: the same entries and faults however the bytes come. */
import { assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { type BulkEntry, type BulkFault, type BulkForm, plainHash, readEntries } from "./bulk_input.ts";

const HASH = "$6$abcdefgh$abcdefgh";

function readerOf(bytes: Uint8Array, pieceLength: number): ByteReader {
  let at = 0;
  return {
    read(into) {
      const piece = bytes.subarray(at, at + Math.min(pieceLength, into.length));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
  };
}

async function read(text: string, form: BulkForm, options: { piece?: number; verbatim?: boolean } = {}) {
  const { piece = 1 << 20, verbatim = false } = options;
  const entries: (BulkEntry | BulkFault)[] = [];
  for await (const some of readEntries(readerOf(utf8Bytes(text), piece), form, { verbatim })) entries.push(...some);
  return entries;
}

Deno.test("a heading names columns in any order, and a byte order mark is none of it", async () => {
  const text = `\ufeffName,HASH,email\nÄnn,{BLF-CRYPT}${HASH},ann@a.test\n,x,bob@a.test\n`;
  for (const piece of [1, 5, 1000]) {
    assertEquals(await read(text, "csv", { piece }), [
      { line: 2, address: "ann@a.test", password: HASH, hashed: true, quota: "", name: "Änn" },
      { line: 3, fault: "hash is not a crypt(3) string" },
    ]);
  }
  await assertRejects(() => read("email,shoe\n", "csv"), Permanent, 'line 1: "shoe" is no column');
});

Deno.test("without a heading a password is told from a hash by its look, unless it is to be taken as it is", async () => {
  const text = `ann,${HASH}\nbob, se cret ,1g,Bob\ncat,$6$\n`;
  const [bob, cat] = [
    { line: 2, address: "bob", password: " se cret ", hashed: false, quota: "1g", name: "Bob" },
    { line: 3, address: "cat", password: "$6$", hashed: false, quota: "", name: "" },
  ];
  const ann = { line: 1, address: "ann", password: HASH, quota: "", name: "" };
  assertEquals(await read(text, "csv"), [{ ...ann, hashed: true }, bob, cat]);
  assertEquals(await read(text, "csv", { verbatim: true }), [{ ...ann, hashed: false }, bob, cat]);
});

Deno.test("lines of vpasswd files are read in any pieces, and one that is too long is passed over", async () => {
  const long = "x".repeat(40_000);
  const text =
    `# comment\r\nann:${HASH}\r\n\n${long}\nbob:abJnggxhB/yWI:1:0:Bob:/home:5m:clear\ncat:${HASH}:x\ndan:${HASH}`;
  const expected = [
    { line: 2, address: "ann", password: HASH, hashed: true, quota: "", name: "" },
    { line: 4, fault: "longer than 16384 characters" },
    { line: 5, address: "bob", password: "abJnggxhB/yWI", hashed: true, quota: "5m", name: "Bob" },
    { line: 6, fault: "3 fields: address:hash, or name:hash:uid:gid:comment:home:quota" },
    { line: 7, address: "dan", password: HASH, hashed: true, quota: "", name: "" },
  ];
  for (const piece of [1, 1000, 1 << 20]) assertEquals(await read(text, "vpasswd", { piece }), expected);
});

Deno.test("the name of a scheme before a hash is left out, and what is none is none", () => {
  assertEquals(plainHash("{SHA512-CRYPT}$6$x"), undefined); // too short to be one
  assertEquals(plainHash(`{SHA512-CRYPT}${HASH}`), HASH);
  assertEquals(plainHash("{CRYPT}abJnggxhB/yWI"), "abJnggxhB/yWI");
  assertEquals(plainHash("{PLAIN}secret"), undefined);
  assertEquals(plainHash("secret"), undefined);
});
