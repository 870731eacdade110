/** Files in TNEF and OLE containers are found where they lie; broken containers end the reading. */
import { assertEquals } from "../../tests/support/assert.ts";
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { oleFiles } from "./ole.ts";
import { bytesReader, type ContainedFile } from "./random_reader.ts";
import { tnefFiles } from "./tnef.ts";

function number16(value: number): Uint8Array {
  return new Uint8Array([value & 255, value >> 8]);
}

function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** The content of a file in a container. */
function contentOf(container: Uint8Array, file: ContainedFile): string {
  return file.ranges.map(({ at, length }) => latin1Text(container.subarray(at, at + length))).join("");
}

function attribute(id: number, data: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array([2]), number32(id), number32(data.length), data, number16(0));
}

function longName(name: string): Uint8Array {
  const text = latin1Bytes(`${name}\0`);
  const padded = new Uint8Array(Math.ceil(text.length / 4) * 4);
  padded.set(text);
  return concatBytes(number32(1), number16(0x1e), number16(0x3707), number32(1), number32(text.length), padded);
}

function tnef(...attributes: Uint8Array[]): Uint8Array {
  return concatBytes(number32(0x223e9f78), number16(1), ...attributes);
}

Deno.test("TNEF attachments have their title or long name, whichever order the attributes stand in", () => {
  const container = tnef(
    attribute(0x00069002, new Uint8Array(14)),
    attribute(0x0006800f, latin1Bytes("first content")),
    attribute(0x00018010, latin1Bytes("SHORT~1.TXT\0")),
    attribute(0x00069005, longName("a longer name.txt")),
    attribute(0x00069002, new Uint8Array(14)),
    attribute(0x00018010, latin1Bytes("b.txt\0")),
    attribute(0x0006800f, latin1Bytes("second")),
    attribute(0x00069002, new Uint8Array(14)),
  );
  const files = tnefFiles(bytesReader(container));
  assertEquals(files.map(({ name }) => name), ["a longer name.txt", "b.txt"]);
  assertEquals(files.map((file) => contentOf(container, file)), ["first content", "second"]);
  for (let length = 0; length < container.length; length += 3) tnefFiles(bytesReader(container.slice(0, length)));
  assertEquals(tnefFiles(bytesReader(latin1Bytes("no TNEF"))), []);
});

const SECTOR = 512;
const END = 0xfffffffe;

function entry(name: string, type: number, at: { readonly start: number; readonly size: number }): Uint8Array {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < name.length; index++) view.setUint16(index * 2, name.charCodeAt(index), true);
  view.setUint16(64, (name.length + 1) * 2, true);
  view.setUint8(66, type);
  view.setUint32(116, at.start, true);
  view.setUint32(120, at.size, true);
  return bytes;
}

function packaged(label: string, content: string): Uint8Array {
  const body = concatBytes(
    number16(2),
    latin1Bytes(`${label}\0C:\\x\\${label}\0`),
    new Uint8Array(8),
    latin1Bytes("C:\\tmp\\x\0"),
    number32(content.length),
    latin1Bytes(content),
    number16(0),
  );
  return concatBytes(number32(body.length), body);
}

/** A container: table in sector 0, folder in 1, small table in 2, small streams in 3 and 4, the large stream behind, reversed. */
function ole(small: Uint8Array, large: Uint8Array): Uint8Array {
  const count = Math.ceil(large.length / SECTOR);
  const table = new Uint32Array(128).fill(0xffffffff);
  table[0] = 0xfffffffd;
  table[1] = table[2] = END;
  table[3] = 4;
  table[4] = END;
  const sectors = Array.from({ length: count }, (_, at) => 5 + count - 1 - at);
  sectors.forEach((sector, at) => table[sector] = sectors[at + 1] ?? END);
  const smallCount = Math.ceil(small.length / 64);
  const smallTable = new Uint32Array(128).fill(0xffffffff);
  for (let at = 0; at < smallCount; at++) smallTable[at] = at + 1 < smallCount ? at + 1 : END;
  const container = new Uint8Array(SECTOR * (6 + count));
  const view = new DataView(container.buffer);
  container.set([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
  view.setUint16(30, 9, true);
  view.setUint32(48, 1, true);
  view.setUint32(56, 4096, true);
  view.setUint32(60, 2, true);
  view.setUint32(68, END, true);
  for (let at = 0; at < 109; at++) view.setUint32(76 + at * 4, at === 0 ? 0 : 0xffffffff, true);
  const put = (sector: number, bytes: Uint8Array) => container.set(bytes, (sector + 1) * SECTOR);
  put(0, new Uint8Array(table.buffer));
  put(
    1,
    concatBytes(
      entry("Root Entry", 5, { start: 3, size: 1024 }),
      entry("\u0001Ole10Native", 2, { start: sectors[0]!, size: large.length }),
      entry("\u0001Ole10Native", 2, { start: 0, size: small.length }),
      entry("Contents", 2, { start: 0, size: 10 }),
    ),
  );
  put(2, new Uint8Array(smallTable.buffer));
  put(3, small);
  sectors.forEach((sector, at) => put(sector, large.subarray(at * SECTOR, (at + 1) * SECTOR)));
  return container;
}

Deno.test("files packaged in OLE documents are found, in large and in small streams", () => {
  const content = "0123456789".repeat(700);
  const container = ole(packaged("small.txt", "small content ".repeat(20)), packaged("large.txt", content));
  const files = oleFiles(bytesReader(container));
  assertEquals(files.map(({ name }) => name), ["large.txt", "small.txt"]);
  assertEquals(files.map((file) => contentOf(container, file)), [content, "small content ".repeat(20)]);
  assertEquals(oleFiles(bytesReader(latin1Bytes("no OLE"))), []);
});

Deno.test("broken OLE documents end the reading", () => {
  const container = ole(packaged("small.txt", "x"), packaged("large.txt", "y".repeat(5000)));
  let state = 7;
  for (let round = 0; round < 2000; round++) {
    const broken = container.slice(0, round % 5 === 0 ? container.length - round : container.length);
    for (let count = 0; count < 4; count++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const at = 24 + state % Math.min(broken.length - 24, 2200);
      broken[at] = state >>> 24;
    }
    try {
      for (const file of oleFiles(bytesReader(broken))) contentOf(broken, file);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
});
