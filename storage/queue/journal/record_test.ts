/** The frames: what was written is read, and nothing else passes for a record. */
import { assert, assertEquals } from "../../../tests/support/assert.ts";
import {
  formatDone,
  formatGone,
  formatJournalId,
  formatMessage,
  parseDone,
  parseKey,
  parseMessage,
} from "./payload.ts";
import {
  formatSegmentHeader,
  type Generation,
  GENERATION_MAX,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  recordBytes,
  sealRecord,
  SEQUENCE_MAX,
  tryParseSegmentHeader,
  tryReadRecord,
} from "./record.ts";

const GENERATION: Generation = { generation: 7, salt: [1, 2] };

function sealed(payload: Uint8Array, generation = GENERATION): Uint8Array {
  const bytes = new Uint8Array(recordBytes(payload.length));
  bytes.set(payload, RECORD_HEADER_BYTES);
  const frame = { kind: RECORD_KIND.message, last: true, sequence: 3, syncedBelow: 2 };
  sealRecord({ bytes, at: 0, payloadBytes: payload.length }, generation, frame);
  return bytes;
}

Deno.test("a record is read as it was written, of any length", () => {
  for (const length of [0, 1, 7, 8, 9, 4000]) {
    const payload = Uint8Array.from({ length }, (_, at) => at);
    const bytes = sealed(payload);
    const record = tryReadRecord(bytes, 0, GENERATION)!;
    assertEquals(bytes.subarray(record.payloadAt, record.payloadAt + record.payloadBytes), payload);
    const { kind, last, sequence, syncedBelow } = record;
    assertEquals({ kind, last, sequence, syncedBelow }, {
      kind: RECORD_KIND.message,
      last: true,
      sequence: 3,
      syncedBelow: 2,
    });
  }
});

Deno.test("a record with any byte changed, cut short, or of another generation or salt is none", () => {
  const bytes = sealed(Uint8Array.from({ length: 20 }, (_, at) => at));
  for (let at = 0; at < RECORD_HEADER_BYTES + 20; at++) {
    bytes[at]! ^= 0x10;
    assertEquals(tryReadRecord(bytes, 0, GENERATION), undefined, `byte ${at}`);
    bytes[at]! ^= 0x10;
  }
  for (let length = 0; length < RECORD_HEADER_BYTES + 20; length++) {
    assertEquals(tryReadRecord(bytes.subarray(0, length), 0, GENERATION), undefined);
  }
  assertEquals(tryReadRecord(bytes, 0, { ...GENERATION, generation: 8 }), undefined);
  assertEquals(tryReadRecord(bytes, 0, { ...GENERATION, salt: [1, 3] }), undefined);
});

Deno.test("a segment's header survives the loss of either copy, and the newer copy counts", () => {
  const header = { ...GENERATION, base: 5, closed: false };
  const page = formatSegmentHeader(header);
  assertEquals(tryParseSegmentHeader(page), header);
  for (const from of [0, 2048]) {
    const damaged = page.slice();
    damaged.fill(0xff, from, from + 512);
    assertEquals(tryParseSegmentHeader(damaged), header);
  }
  const newer = formatSegmentHeader({ ...header, generation: 9 });
  const torn = page.slice();
  torn.set(newer.subarray(2048), 2048);
  assertEquals(tryParseSegmentHeader(torn)!.generation, 9);
  assertEquals(tryParseSegmentHeader(new Uint8Array(4096)), undefined);
});

Deno.test("a message with its envelope is read as it was written, latin1 and many recipients included", () => {
  const message = {
    arrivedMs: 1_763_856_000_123,
    submitter: { uid: 4_000_000_000, pid: 77 },
    sizeBytes: 5e10,
    fileId: 2 ** 40 + 1,
    sender: "caf\xe9@x",
    extraHeader: "X-A: 1\nX-B: 2\n",
    environmentHeaders: "A: b\n",
    targets: Array.from({ length: 1000 }, (_, at) => {
      const address = `u${at}@x`;
      return at % 2
        ? { address, original: address, channel: "remote" as const }
        : { address: `p-${address}`, original: address, channel: "local" as const };
    }),
  };
  assertEquals(parseMessage(formatMessage(message)), message);
  const plain = { ...message, fileId: undefined, sender: "", extraHeader: "", environmentHeaders: "", targets: [] };
  assertEquals(parseMessage(formatMessage(plain)), plain);
});

Deno.test("done and gone records are read as they were written", () => {
  const done = { generation: 3, sequence: 9, recipients: [0, 5, 100_000], bounceText: "<a>:\nno \xe9\n" };
  assertEquals(parseDone(formatDone(done)), done);
  assertEquals(parseDone(formatDone({ ...done, recipients: [], bounceText: "" })).recipients, []);
  assertEquals(parseKey(formatGone({ generation: 3, sequence: 9 })), { generation: 3, sequence: 9 });
});

Deno.test("ids are 17 digits, in order, and no exact inode number is one", () => {
  const keys = [[1, 0], [1, 1], [1, SEQUENCE_MAX], [2, 0], [GENERATION_MAX, SEQUENCE_MAX]] as const;
  const ids = keys.map(([generation, sequence]) => formatJournalId({ generation, sequence }));
  assertEquals([...ids].sort(), ids);
  assertEquals(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert(/^[0-9]{17}$/.test(id));
    assert(BigInt(id) > BigInt(Number.MAX_SAFE_INTEGER));
  }
});
