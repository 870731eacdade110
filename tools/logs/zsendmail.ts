/** zsendmail: the records as lines in the manner of sendmail's log [man matchup.1]. */
import { defineApplet } from "../../core/applet.ts";
import { TextWriter } from "./lines.ts";
import { readRecords } from "./read_records.ts";
import { secondsBetween } from "./records.ts";

const STATES = { k: "Sent", d: "Failed", z: "Deferred" } as const;

export const applet = defineApplet({
  names: ["zsendmail"],
  section: 1,
  summary: "print records in the manner of sendmail's log",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  description:
    `zsendmail reads matchup's records, or the log of qmail-send itself, and prints one line for each, with words in front of
the values as sendmail's log has them: time, qp, to, uid, ddelay, xdelay and stat of a delivery; time, qp, from, uid, size,
nrcpts, deferrals and qtime of a message. Lines that are no records are copied.`,
  examples: [{ command: "zsendmail <records | grep stat=Failed", help: "what failed" }],
  seeAlso: ["matchup(1)", "zoverall(1)"],
  source: ["[man matchup.1]"],
  async run(proc) {
    const out = new TextWriter(proc.stdout);
    await readRecords(proc.stdin, {
      delivery(d) {
        const ddelay = secondsBetween(d.birth, d.done).toFixed(6);
        const xdelay = secondsBetween(d.start, d.done).toFixed(6);
        const state = `stat=${STATES[d.result]} (${d.reason})`;
        out.line(`${d.done} qp ${d.qp}: to=${d.recipient}, uid=${d.uid}, ddelay=${ddelay}, xdelay=${xdelay}, ${state}`);
      },
      message(m) {
        const qtime = secondsBetween(m.birth, m.done).toFixed(6);
        const counts = `nrcpts=${m.successes + m.failures}, deferrals=${m.deferrals}`;
        out.line(`${m.done} qp ${m.qp}: from=${m.sender}, uid=${m.uid}, size=${m.bytes}, ${counts}, qtime=${qtime}`);
      },
      other: (line) => out.line(line),
    }, () => out.flush());
    await out.flush();
  },
});
