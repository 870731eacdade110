/**
 * vacation: sets up an automatic answer to a user's mail; without arguments, as a line of .qmail or of an alias, it is the
 * answering program itself.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { socketPath } from "../../core/paths.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV } from "../../storage/accounts/domains/limit_checks.ts";
import { checkVacation } from "../../storage/accounts/domains/limit_counts.ts";
import { LookupClient } from "../../storage/accounts/lookup_client.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { setVacation, vacationText } from "../../storage/accounts/user_files.ts";

export const applet = defineApplet({
  names: ["vacation"],
  section: 8,
  summary: "answer a user's mail automatically",
  role: "admin",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "address", help: "user@domain", optional: true },
    { name: "file", help: "the text to answer with; + is standard input, - stops answering", optional: true },
  ],
  description:
    "With an address, autoresponder(1) is put into the user's .qmail, with the text in .vacation.msg and who was answered " +
    "in .vacation.dir; mail is delivered as before. Without arguments it answers the message of standard input with the " +
    "user's .vacation.msg, in the environment that a delivery gives to programs.",
  env: {
    ...COMMAND_ENV,
    ...LIMITS_ENV,
    HOME: "home of the user, when it answers",
    RECIPIENT: "address that the message came to, when it answers",
    CHARSET: "character set of the answer",
  },
  control: COMMAND_CONTROL,
  files: { ".qmail, .vacation.msg, .vacation.dir": "in the user's home" },
  exits: { 0: "done", 100: "there is no such user or file", 111: "not possible now" },
  examples: [{ command: "vacation alice@example.org /tmp/away.txt", help: "alice's mail is answered" }],
  seeAlso: ["autoresponder(1)", "vmoduser(1)", "dot-qmail(5)"],
  source: ["[man vacation.8]", "[spec formats 26]"],
  async run(proc) {
    const [operand, file] = proc.args;
    if (operand === undefined) return await answer(proc);
    if (file === undefined) throw new Permanent("give the file with the text as well, or - to stop answering");
    await withCommand(proc, {}, async (command) => {
      const { address: { name, domain }, domain: entry } = await command.locate(operand);
      const user = await command.accounts.users.find(name, domain);
      if (!user) throw new Permanent(`there is no user ${name}@${domain}`);
      const text = await vacationText(command, file, proc.stdin);
      const environment = proc.env.get("DOMAIN_LIMITS");
      await command.domains.locked(async () => {
        await checkVacation(command, entry, { user, isOn: text !== undefined, environment });
        await setVacation(command, entry, { user, text });
      });
      await command.forget(`${name}@${domain}`);
    });
    return await runPostHandle(proc, [operand, file]);
  },
});

/** Becomes autoresponder, which reads the message and decides whether to answer. */
async function answer(proc: Proc): Promise<never> {
  const home = await homeOf(proc);
  return proc.exec("autoresponder", ["-q", `${home}/.vacation.msg`, `${home}/.vacation.dir`], proc.env.all());
}

/** The home of the user who gets the message: the delivery's folder is the domain's when an alias line has called. */
async function homeOf(proc: Proc): Promise<string> {
  const own = proc.env.get("HOME");
  if (own !== undefined && await exists(`${own}/.vacation.msg`)) return own;
  const recipient = proc.env.get("RECIPIENT");
  if (recipient === undefined) {
    throw new Permanent("neither HOME with a .vacation.msg nor RECIPIENT: no delivery called");
  }
  const lookup = new LookupClient({ path: socketPath(proc.paths, "lookup") }); // deliveries may not open the database
  const user = await lookup.account(recipient).finally(() => lookup.close());
  if (!user) throw new Temporary(`there is no user ${recipient}`);
  return user.home;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
