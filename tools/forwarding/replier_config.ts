/** replier-config: makes the folder and the .qmail files of a replier. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";

/** A file of the folder. */
interface ReplierFile {
  readonly name: string;
  readonly text: string;
  readonly mode: number;
}

/** A text as a word for the shell. */
function shellWord(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Lines of a .qmail file: bounces are dropped, the filter's answer is sent, what it does not take is refused. */
function dotQmailText(dir: string, command: string): string {
  const bounces = `|case "$SENDER" in ''|'#@[]') exit 99;; esac`;
  return `${bounces}\n|replier ${shellWord(dir)} "$SENDER" ${command}\n|bouncesaying 'Cannot filter message'\n`;
}

function scriptText(cases: string): string {
  return `#!/bin/sh\ncase "$REQUEST" in\n${cases}  *) echo "unknown filter '$REQUEST'" 1>&2;;\nesac\nexit 100\n`;
}

/** All files, given what replier-config was called with. */
function replierFiles(dir: string, names: {
  readonly local: string;
  readonly host: string;
  readonly outLocal: string;
  readonly outHost: string;
}): readonly ReplierFile[] {
  const out = names.outLocal === "" ? "" : `${names.outLocal}-`;
  const folder = shellWord(dir);
  const help = `  help)\n    echo "To: $SENDER"\n    echo "Subject: replier response"\n    echo\n` +
    `    cat ${shellWord(`${dir}/text/help`)} -\n    exit 0;;\n`;
  const plain = (name: string, text: string) => ({ name, text, mode: 0o600 });
  const script = (name: string, text: string) => ({ name, text, mode: 0o700 });
  return [
    plain("inlocal", `${names.local}\n`),
    plain("inhost", `${names.host}\n`),
    plain("outlocal", `${out}\n`),
    plain("outhost", `${names.outHost}\n`),
    plain("mailinglist", `contact ${out}help@${names.outHost}; run by replier\n`),
    plain("headerremove", "return-path\nreturn-receipt-to\ncontent-length\n"),
    plain("headeradd", "Precedence: bulk\n"),
    plain("text/help", ""),
    plain("qmail-bodyfilter", dotQmailText(dir, `822bodyfilter ${folder}/bodyfilter`)),
    plain("qmail-headerfilter", dotQmailText(dir, `822headerfilter ${folder}/headerfilter`)),
    plain("qmail-msgfilter", dotQmailText(dir, `${folder}/msgfilter`)),
    plain("bouncer", "#\n"),
    script("bodyfilter", scriptText("")),
    script("headerfilter", scriptText("")),
    script("msgfilter", scriptText(help)),
  ];
}

function writeSynced(path: string, file: ReplierFile): void {
  using opened = Deno.openSync(path, { write: true, createNew: true, mode: file.mode });
  const bytes = utf8Bytes(file.text);
  for (let done = 0; done < bytes.length;) done += opened.writeSync(bytes.subarray(done));
  opened.syncSync();
}

/** Does it, naming what could not be made. */
function making(path: string, make: () => void): void {
  try {
    make();
  } catch (error) {
    throw new Temporary(`unable to create ${path}: ${errorText(error)}`);
  }
}

export const applet = defineApplet({
  names: ["replier-config"],
  section: 1,
  summary: "set up an address that is answered by a program",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "dir", help: "folder to make; begins with a slash" },
    { name: "dot", help: "the .qmail file whose -help and -return-default are made" },
    { name: "local", help: "local part by which mail comes in" },
    { name: "host", help: "its host" },
    { name: "outlocal", help: "local part that others know; may be empty; default: local", optional: true },
    { name: "outhost", help: "its host; default: host", optional: true },
  ],
  stopsAtOperand: true,
  description: `replier-config makes a folder for replier(1) with an address that sends help: outlocal-help@outhost, or
help@outhost when outlocal is empty. It links dot-help to the folder's qmail-msgfilter and dot-return-default to its bouncer,
which throws bounces away.

For another filter, add a case to the folder's script bodyfilter, headerfilter or msgfilter, and link the .qmail file of the
filter's address to qmail-bodyfilter, qmail-headerfilter or qmail-msgfilter.`,
  files: { "text/help": "in the folder: what mail to the help address is answered with, and below it the message" },
  exits: { "0": "done", "100": "wrong call", "111": "a file or link could not be made" },
  examples: [{
    command: "replier-config ~/replier ~/.qmail-replier joe-replier example.com",
    help: "an address joe-replier-help@example.com",
  }],
  seeAlso: ["replier(1)", "822bodyfilter(1)", "822headerfilter(1)", "dot-qmail(5)"],
  source: ["[man replier-config.1]"],
  run(proc) {
    const [dir = "", dot = "", local = "", host = "", outLocal = local, outHost = host] = proc.args;
    if (!dir.startsWith("/")) throw new Usage(`${dir}: the folder's name must begin with a slash`);
    if (/[\n\0]/.test(proc.args.join(" "))) throw new Usage("names must not have line ends");
    making(dir, () => Deno.mkdirSync(dir, { mode: 0o700 }));
    making(`${dir}/text`, () => Deno.mkdirSync(`${dir}/text`, { mode: 0o700 }));
    for (const file of replierFiles(dir, { local, host, outLocal, outHost })) {
      making(`${dir}/${file.name}`, () => writeSynced(`${dir}/${file.name}`, file));
    }
    making(`${dot}-help`, () => Deno.symlinkSync(`${dir}/qmail-msgfilter`, `${dot}-help`));
    making(`${dot}-return-default`, () => Deno.symlinkSync(`${dir}/bouncer`, `${dot}-return-default`));
    return Promise.resolve();
  },
});
