/**
 * sendmail: the interface that other programs expect. Sending is qmail-inject's work; -bs is qmail-smtpd, -bp is
 * qmail-qread.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { injectMessage, QMAIL_INJECT_CONTROL, QMAIL_INJECT_ENV } from "./inject.ts";
import { createWorld } from "./world.ts";

/** Letters that take an argument, in the same word or the next; what is not named below is read and ignored. */
const WITH_VALUE = "ABbCdFfhLNOopqRrVX";
/** Those of them whose argument is only ever in the same word. */
const VALUE_INSIDE = "Abdoq";
/** Letters without an argument. */
const SWITCHES = "EGUimnstvJTx";

interface Request {
  mode: string;
  sender?: string;
  name?: string;
  fromHeader: boolean;
  readonly recipients: string[];
}

/** Reads the arguments as sendmail programs do. Throws Usage naming an unknown option. */
function parseArguments(args: readonly string[]): Request {
  const request: Request = { mode: "m", fromHeader: false, recipients: [] };
  let at = 0;
  for (; at < args.length; at++) {
    const word = args[at]!;
    if (word === "--") {
      at++;
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    for (let letterAt = 1; letterAt < word.length; letterAt++) {
      const letter = word[letterAt]!;
      if (WITH_VALUE.includes(letter)) {
        let value = word.slice(letterAt + 1);
        if (value === "" && !VALUE_INSIDE.includes(letter)) {
          const next = args[++at];
          if (next === undefined) throw new Usage(`option -${letter} needs an argument`);
          value = next;
        }
        takeValue(request, letter, value);
        break;
      }
      if (letter === "e") break; // -em, -ep …: how errors are told; the exit code tells them
      if (!SWITCHES.includes(letter)) throw new Usage(`unknown option -${letter}`);
      if (letter === "t") request.fromHeader = true;
    }
  }
  request.recipients.push(...args.slice(at));
  return request;
}

function takeValue(request: Request, letter: string, value: string): void {
  if (letter === "f" || letter === "r") request.sender = value;
  else if (letter === "F") request.name = value;
  else if (letter === "b") request.mode = value;
}

/** -bs and -bp: another program of ours takes over. */
function become(proc: Proc, program: string): never {
  return proc.exec(program, []);
}

export const applet = defineApplet({
  names: ["sendmail", "isendmail"],
  section: 8,
  summary: "submit a mail message as other programs expect it",
  role: "inject",
  dialect: "qmail",
  rawArguments: true,
  options: {},
  synopsis: "sendmail [-t] [-f sender] [-F name] [-bm|-bp|-bs] [-i] [-oi] [-v] [recipient ...]",
  description:
    `sendmail reads a message from standard input and hands it to the queue as qmail-inject does: to the recipients given
as arguments; with -t to those of the header as well. A line with a single dot does not end the message, whether -i or -oi
is given or not.

-f (or -r) sets the envelope sender, -F the name in From. -bs speaks SMTP on standard input and output (qmail-smtpd), -bp
lists the queue (qmail-qread). Options of other sendmail programs that mean nothing here are ignored.`,
  env: QMAIL_INJECT_ENV,
  control: [...QMAIL_INJECT_CONTROL],
  seeAlso: ["qmail-inject(8)", "qmail-smtpd(8)", "qmail-qread(8)"],
  source: ["[man isendmail.8]"],
  async run(proc) {
    const request = parseArguments(proc.args);
    switch (request.mode) {
      case "s":
        return become(proc, "qmail-smtpd");
      case "p":
        return become(proc, "qmail-qread");
      case "m":
        break;
      default:
        throw new Usage(`option -b${request.mode} is not supported: a daemon is started by its own name`);
    }
    const world = createWorld(proc, { defaults: true });
    await injectMessage(world, {
      recipients: request.recipients,
      source: request.fromHeader ? "both" : "arguments",
      sender: request.sender,
      name: request.name,
      print: false,
    });
  },
});
