/**
 * indimail adopt: takes over a vpopmail, IndiMail or plain qmail installation in place. Says what it found and what it would
 * do, asks, does it; a second run finds nothing to do.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { accountByName } from "../../core/libc/account.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName, checkFolder } from "../../storage/accounts/names.ts";
import { lookAtIndimail } from "./adopt_indimail.ts";
import { lookAtQmail } from "./adopt_qmail.ts";
import { AdoptState } from "./adopt_state.ts";
import type { AdoptContext, AdoptOptions, Found } from "./adopt_types.ts";
import { lookAtVpopmail } from "./adopt_vpopmail.ts";
import { readQmail } from "./qmail_files.ts";
import { VpopmailSource } from "./vpopmail_source.ts";

/** What can be adopted. */
const KINDS = ["vpopmail", "indimail", "qmail"] as const;
type Kind = (typeof KINDS)[number];

const VPOPMAIL_FOLDER = "/home/vpopmail";
const QMAIL_FOLDER = "/var/qmail";
/** Bad lines that are shown. */
const SHOWN_MAX = 20;
/** Longest answer to the question. */
const ANSWER_BYTES_MAX = 256;

export const applet = defineApplet({
  names: ["indimail-adopt"],
  section: 8,
  summary: "take over an installation of vpopmail, IndiMail or qmail in place",
  role: "admin",
  dialect: "admin",
  options: {
    dryRun: { flag: "n", long: "dry-run", help: "only say what was found and what would be done" },
    yes: { flag: "y", long: "yes", help: "do not ask; needed where standard input is no terminal" },
    skipBad: { long: "skip-bad", help: "leave out users and lines that cannot be read; default: nothing is done then" },
    clearText: { long: "clear-text", help: "keep vpopmail's clear text passwords, for CRAM-MD5 and kin" },
    chown: { long: "chown", help: "give the mail to the account indimail, which the server runs under" },
    again: { long: "again", help: "look again at domains that were adopted before" },
    domain: { long: "domain", value: "domain", repeat: true, help: "adopt this domain of vpopmail, no other" },
    vpopmail: {
      long: "vpopmail",
      value: "folder",
      default: `the home of the account vpopmail, or ${VPOPMAIL_FOLDER}`,
      help: "where vpopmail is",
    },
    qmail: { long: "qmail", value: "folder", default: QMAIL_FOLDER, help: "where qmail is" },
  },
  operands: [{
    name: "kind",
    help: "vpopmail (with its qmail), indimail or qmail; default: what is there",
    optional: true,
  }],
  description: `Looks at an installation and says what it found and what is to be done, asks, and does it.

vpopmail: domains by qmail's users/assign, users by vpasswd.cdb, vpasswd or the MySQL tables of etc/vpopmail.mysql (one for
all domains, or one for each). Users keep password hashes, flags, quota, folder and last login; aliases, limits and
addresses of the host come along; files .qmail-NAME go on working. Mail stays in its Maildirs, with the UIDs that Courier
gave; those of Dovecot are taken over. In vpopmail's folders nothing is changed, so that one can go back.

indimail: the tables of control/host.mysql, users/assign and control files are ours already. Missing tables and columns are
added, and the schema's steps applied.

qmail: control files, lines of users/assign and files of ~alias are copied where there are none here. The queue is left:
the old qmail-send must empty it.

Mail is never moved or removed. A domain's mail is accepted when everything else of it is there. When a step fails, or the
program is killed, the same command finishes the work; what is done already it leaves alone, also what has been changed
since.`,
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  files: { "lib/adopted.json": "what was adopted" },
  exits: { 0: "all is adopted, or nothing is to do", 1: "lines cannot be read, the answer was no, or a step failed" },
  examples: [
    { command: "indimail adopt --dry-run", help: "what is there, and what would be done" },
    { command: "indimail adopt --yes vpopmail", help: "take over vpopmail without asking" },
  ],
  seeAlso: ["indimail-export(8)", "indimail-import(8)", "indimail-serve(8)"],
  source: ["[decision 0078]", "[spec formats 7]"],
  async run(proc) {
    const kind = kindOf(proc.args[0]);
    const options = optionsOf(proc.options);
    return await withCommand(proc, { create: !proc.options.dryRun }, async (command) => {
      if (command.control.line("me") === undefined) {
        throw new Permanent(`there is no installation in ${proc.paths.root}: start indimail serve once, then adopt`);
      }
      const env = (name: string) => proc.env.get(name);
      const state = AdoptState.read(command.paths, command.disk);
      const context = { command, options, state, env, nowMs: () => proc.clock.nowMs() };
      const sources = await openSources(kind, context);
      try {
        const found = await sources.look();
        return await adopt(proc, found, async (steps) => {
          await command.domains.locked(steps);
          await command.reload();
        });
      } finally {
        await sources.close();
      }
    });
  },
});

function kindOf(text: string | undefined): Kind | undefined {
  const kind = KINDS.find((known) => known === text);
  if (text !== undefined && !kind) throw new Usage(`${JSON.stringify(text)}: one of ${KINDS.join(", ")}`);
  return kind;
}

/** The program's options by the name that its code uses. */
interface GivenOptions {
  readonly clearText: boolean;
  readonly chown: boolean;
  readonly again: boolean;
  readonly domain: readonly string[];
  readonly vpopmail: string | undefined;
  readonly qmail: string | undefined;
}

function optionsOf(given: GivenOptions): AdoptOptions {
  const home = given.vpopmail ?? accountByName("vpopmail")?.home ?? VPOPMAIL_FOLDER;
  return {
    vpopmail: checkFolder("--vpopmail", home),
    qmail: checkFolder("--qmail", given.qmail ?? QMAIL_FOLDER),
    domains: given.domain.map(checkDomainName),
    keepClearText: given.clearText,
    again: given.again,
    takeOwnership: given.chown,
  };
}

/** Opens what is to be adopted; several installations of one host belong together. */
async function openSources(kind: Kind | undefined, context: AdoptContext) {
  const { options } = context;
  const qmail = kind === "indimail" ? undefined : readQmail(options.qmail);
  const vpopmail = kind === undefined || kind === "vpopmail"
    ? await VpopmailSource.open(options.vpopmail, qmail)
    : undefined;
  if (kind === "vpopmail" && !vpopmail) {
    throw new Permanent(
      `there is no vpopmail in ${options.vpopmail} with users/assign in ${options.qmail}: name them (--vpopmail, --qmail)`,
    );
  }
  return {
    async look(): Promise<readonly Found[]> {
      const indimail = kind === undefined || kind === "indimail" ? await lookAtIndimail(context) : undefined;
      const found = [
        indimail,
        qmail && await lookAtQmail(context, qmail),
        vpopmail && await lookAtVpopmail(context, vpopmail),
      ].filter((one) => one !== undefined);
      if (found.length > 0) return found;
      throw new Permanent(
        `nothing to adopt: no vpopmail in ${options.vpopmail}, no qmail in ${options.qmail}, no control/host.mysql`,
      );
    },
    close: () => vpopmail?.close(),
  };
}

async function adopt(
  proc: Proc & { readonly options: { readonly dryRun: boolean; readonly yes: boolean; readonly skipBad: boolean } },
  found: readonly Found[],
  underLock: (steps: () => Promise<void>) => Promise<void>,
): Promise<number> {
  const { dryRun, yes, skipBad } = proc.options;
  const exits = EXIT_DIALECTS.admin;
  const print = (text: string) => proc.stdout.write(utf8Bytes(text));
  const bad = found.flatMap((one) => one.bad);
  const steps = found.flatMap((one) => one.steps);
  await print(found.flatMap((one) => one.facts).map((fact) => `found  ${fact}\n`).join(""));
  for (const { place, text } of bad.slice(0, SHOWN_MAX)) await print(`bad    ${place}: ${text}\n`);
  if (bad.length > SHOWN_MAX) await print(`bad    and ${bad.length - SHOWN_MAX} more\n`);
  if (bad.length > 0 && !skipBad) {
    throw new Permanent(`${bad.length} lines cannot be read: put them right, or leave them out with --skip-bad`);
  }
  if (steps.length === 0) {
    await print("nothing to do\n");
    return exits.ok;
  }
  await print(steps.map(({ text }) => `to do  ${text}\n`).join(""));
  if (dryRun) return exits.ok;
  if (!yes && !await isConfirmed(proc)) {
    await print("nothing was changed\n");
    return exits.denied;
  }
  await underLock(async () => {
    for (const step of steps) await print(`done   ${await step.run()}\n`);
  });
  return exits.ok;
}

async function isConfirmed(proc: Proc): Promise<boolean> {
  if (!Deno.stdin.isTerminal()) {
    throw new Permanent("standard input is no terminal: --yes does it, --dry-run only looks");
  }
  await proc.stdout.write(utf8Bytes("Do this? [y/N] "));
  const answer = new Uint8Array(ANSWER_BYTES_MAX);
  const count = await proc.stdin.read(answer) ?? 0;
  return /^y(?:es)?\s*$/i.test(new TextDecoder().decode(answer.subarray(0, count)));
}
