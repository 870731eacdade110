/** cdbtest: tries whether every record of a constant database can be found by its key. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { HEADER_BYTES } from "../../storage/cdb/hash.ts";
import { openInput } from "./seekable_input.ts";

/** Records with longer keys are not tried. */
const KEY_BYTES_MAX = 1024;

export const applet = defineApplet({
  names: ["cdbtest"],
  section: 1,
  summary: "test a constant database",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    `cdbtest reads a constant database from standard input, which must be a file, looks every record up by its key, and
prints how many were found; for how many another record with the same key came first (only where keys are used twice); how many
had another length or were not found, which never happens in a whole file; and how many were not tried, their keys being longer
than ${KEY_BYTES_MAX} bytes.`,
  exits: { "111": "standard input is no whole cdb file" },
  seeAlso: ["cdbstats(1)", "cdbdump(1)", "cdbmake(1)"],
  source: ["[man cdbstats.1]"],
  async run(proc) {
    const cdb = openInput();
    let [found, different, badLength, notFound, untested] = [0, 0, 0, 0, 0];
    const key = new Uint8Array(KEY_BYTES_MAX);
    const end = cdb.recordsEnd();
    for (let at = HEADER_BYTES; at < end;) {
      const place = cdb.recordAt(at, end);
      at = place.dataAt + place.dataBytes;
      if (place.keyBytes > KEY_BYTES_MAX) {
        untested++;
        continue;
      }
      const bytes = key.subarray(0, place.keyBytes);
      cdb.copy(bytes, place.keyAt);
      const first = cdb.find(bytes);
      if (!first) notFound++;
      else if (first.dataAt !== place.dataAt) different++;
      else if (first.dataBytes !== place.dataBytes) badLength++;
      else found++;
    }
    const rows = { found, "different record": different, "bad length": badLength, "not found": notFound, untested };
    await proc.stdout.write(utf8Bytes(Object.entries(rows).map(([name, count]) => `${name}: ${count}\n`).join("")));
  },
});
