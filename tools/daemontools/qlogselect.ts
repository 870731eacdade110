/** qlogselect: selects messages, with all that happened to them, from a log of qmail-send [man qlogselect.1]. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { MessageSelection, type SelectionRules } from "./message_selection.ts";

const READ_BYTES = 256 * 1024;
/** Longest line; what is longer is no line of qmail-send's and is taken in pieces. */
const LINE_BYTES_MAX = 64 * 1024;
/** How much of what is no line of a log is shown. */
const SHOWN_BYTES_MAX = 200;

/** The program. */
export const applet = defineApplet({
  names: ["qlogselect"],
  section: 1,
  summary: "select messages from a qmail log",
  role: "text",
  dialect: "admin",
  options: {},
  rawArguments: true,
  synopsis: "qlogselect [from PATTERN] [start TIME] [end TIME] [stripstatus] [addstatus]",
  description:
    `qlogselect copies lines of a log of qmail-send from standard input to standard output: of each message that is selected
its beginning, its sender, its deliveries, bounces and end. Lines begin with seconds since 1970, as tai64nunix prints
them, or with a TAI64N label; others are reported on standard error.

from PATTERN selects messages whose envelope sender matches the regular expression as a whole, upper and lower case alike;
without it all are. start TIME and end TIME select lines not before and before that time: seconds since 1970, or a date,
2026-12-31, of the local time zone. stripstatus leaves out status lines; addstatus puts new ones behind each start and end
of a delivery, which count those of the selected messages.`,
  env: { TZ: "time zone of dates; the system's unless set" },
  exits: { "1": "wrong usage" },
  examples: [
    { command: "tai64nunix < current | qlogselect from 'owner-.*@lists.example.org'", help: "what the lists sent" },
  ],
  seeAlso: ["logselect(8)", "tai64nunix(8)", "qmail-send(8)", "matchup(1)"],
  source: ["[man qlogselect.1]", "[spec formats 3]"],
  async run(proc) {
    const selection = new MessageSelection(parseRules(proc.args));
    const buffer = new Uint8Array(READ_BYTES);
    for (let rest = "";;) {
      const count = await proc.stdin.read(buffer);
      const text = rest + (count === null ? "" : latin1Text(buffer.subarray(0, count)));
      const last = text.lastIndexOf("\n") + 1;
      const end = count === null || text.length - last > LINE_BYTES_MAX ? text.length : last;
      rest = text.slice(end);
      const { output, bad } = selection.push(text.slice(0, end));
      if (output !== "") await proc.stdout.write(latin1Bytes(output));
      for (const line of bad) {
        await proc.stderr.write(latin1Bytes(`${proc.name}: no line of a log: ${line.slice(0, SHOWN_BYTES_MAX)}\n`));
      }
      if (count === null || selection.ended) return;
    }
  },
});

function parseRules(args: readonly string[]): SelectionRules {
  let rules: SelectionRules = {};
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    const next = args[at + 1];
    if (word === "stripstatus") rules = { ...rules, stripStatus: true };
    else if (word === "addstatus") rules = { ...rules, addStatus: true };
    else if (!["from", "start", "end"].includes(word)) throw new Usage(`unknown word ${word}`);
    else if (next === undefined) throw new Usage(`${word} needs ${word === "from" ? "a pattern" : "a time"}`);
    else {
      if (word === "from") rules = { ...rules, from: patternOf(next) };
      else rules = { ...rules, [word === "start" ? "startSeconds" : "endSeconds"]: secondsOf(next) };
      at++;
    }
  }
  return rules;
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`, "i");
  } catch {
    throw new Usage(`from ${text}: no regular expression`);
  }
}

function secondsOf(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const [, year, month, day] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text) ?? [];
  const date = new Date(Number(year), Number(month) - 1, Number(day));
  if (Number.isNaN(date.getTime()) || date.getDate() !== Number(day)) {
    throw new Usage(`${text}: a time is a date like 2026-12-31, or seconds since 1970`);
  }
  return date.getTime() / 1000;
}
