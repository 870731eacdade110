/** Reading a cdb by position gives what the reader in memory gives, and finds all damage. */
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { realDisk } from "../disk.ts";
import { HEADER_BYTES } from "./hash.ts";
import { CdbPages } from "./pages.ts";
import { Cdb } from "./reader.ts";
import { CdbWriter } from "./writer.ts";

const RECORDS = 3000;

async function sampleFile(): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  const writer = await CdbWriter.create(realDisk, `${folder}/a.cdb`);
  for (let at = 0; at < RECORDS; at++) {
    const data = latin1Bytes("d".repeat(at === 77 ? 70_000 : at % 30) + at);
    await writer.add(latin1Bytes(at === 78 ? "k".repeat(20_000) : `key ${at % 2500}`), data);
  }
  await writer.finish();
  const bytes = await Deno.readFile(`${folder}/a.cdb`);
  await Deno.remove(folder, { recursive: true });
  return bytes;
}

function pagesOf(bytes: Uint8Array): CdbPages {
  return new CdbPages((into, at) => {
    const part = bytes.subarray(at, at + Math.min(into.length, 5000)); // as a file may, fewer than asked for
    into.set(part);
    return part.length;
  }, "a.cdb");
}

function dataOf(pages: CdbPages, place: { readonly dataAt: number; readonly dataBytes: number }): string {
  const bytes = new Uint8Array(place.dataBytes);
  pages.copy(bytes, place.dataAt);
  return latin1Text(bytes);
}

Deno.test("every record is found by key and by place, and its distance is that of its slot", async () => {
  const bytes = await sampleFile();
  const pages = pagesOf(bytes);
  const whole = new Cdb(bytes, "a.cdb");
  const end = pages.recordsEnd();
  let at = HEADER_BYTES;
  let distances = 0;
  for (const record of whole.records()) {
    const place = pages.recordAt(at, end);
    assertEquals(dataOf(pages, place), latin1Text(record.data));
    assertEquals(
      [...pages.findAll(record.key)].map((each) => dataOf(pages, each)),
      whole.findAll(record.key).map(latin1Text),
    );
    distances += pages.distance(place);
    at = place.dataAt + place.dataBytes;
  }
  assertEquals(at, end);
  assert(distances > 0);
  assertEquals(dataOf(pages, pages.find(latin1Bytes("key 3"), 1)!).replace(/^d+/, ""), "2503");
  assertEquals([pages.find(latin1Bytes("key 3"), 2), pages.find(latin1Bytes("absent"))], [undefined, undefined]);
});

Deno.test("wherever the file is cut, reading it all fails temporarily", async () => {
  const bytes = await sampleFile();
  for (const length of [0, 100, HEADER_BYTES, HEADER_BYTES + 5, 30_000, bytes.length - 1]) {
    const pages = pagesOf(bytes.subarray(0, length));
    assertThrows(() => {
      const end = pages.recordsEnd();
      for (let at = HEADER_BYTES; at < end;) {
        const place = pages.recordAt(at, end);
        pages.distance(place);
        dataOf(pages, place);
        at = place.dataAt + place.dataBytes;
      }
    }, Temporary);
  }
});
