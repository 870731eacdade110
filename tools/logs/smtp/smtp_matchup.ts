/** smtp-matchup: the lines of an SMTP server's log, and apart those of connections that go on [man qmail-log.5]. */
import { defineApplet } from "../../../core/applet.ts";
import { forEachLine, ownText, TextWriter } from "../lines.ts";
import { pendingWriter } from "../matchup_run.ts";
import { tryParseSmtpLine } from "./smtp_log.ts";

/** Connections that may be open; what began longest ago is forgotten. */
const OPEN_MAX = 100_000;

export const applet = defineApplet({
  names: ["smtp-matchup"],
  section: 1,
  summary: "prepare the log of an SMTP server for reports",
  role: "tool",
  dialect: "chain",
  options: {},
  description:
    `smtp-matchup reads a log and copies the lines of tcpserver and qmail-smtpd to its standard output, which zsmtp and its kin
read. At the end of its input it writes to descriptor 5 the lines of tcpserver about connections of which nothing more was
said; with these in front the next piece of the log can be worked through. When there are none descriptor 5 is not needed.`,
  examples: [
    { command: "smtp-matchup <log.1 >out.1 5>pending.2", help: "the first piece of a log" },
    { command: "cat pending.2 log.2 | smtp-matchup 5>pending.3 | zsmtp", help: "the next one, as tables" },
  ],
  seeAlso: ["zsmtp(1)", "zspam(1)", "matchup(1)", "tcpserver(1)", "qmail-smtpd(8)"],
  source: ["[man qmail-log.5]"],
  async run(proc) {
    const open = new Map<string, string>();
    const out = new TextWriter(proc.stdout);
    const onLine = (line: string) => {
      if (!/tcpserver:|smtpd:/.test(line)) return;
      out.line(line);
      const event = tryParseSmtpLine(line);
      if (!event) return;
      open.delete(event.pid);
      if (event.kind !== "connect") return;
      open.set(ownText(event.pid), ownText(line));
      if (open.size > OPEN_MAX) open.delete(open.keys().next().value ?? "");
    };
    const rest = await forEachLine(proc.stdin, onLine, () => out.flush());
    if (rest !== "") onLine(rest);
    await out.flush();
    if (open.size === 0) return;
    const pending = new TextWriter(pendingWriter(proc.fd));
    for (const line of open.values()) pending.line(line);
    await pending.flush();
  },
});
