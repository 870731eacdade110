/**
 * vuserinfo: shows a user of a virtual domain, or all of one.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { eventsOf, type Field, FIELDS, type Shape, shownUser } from "./user_report.ts";

/** Seconds that a grant of POP before SMTP holds; RELAY_CLEAR_MINUTES. */
const RELAY_MINUTES = 60;

export const applet = defineApplet({
  names: ["vuserinfo"],
  section: 1,
  summary: "show users of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    all: { flag: "a", help: "all that follows (the default)" },
    name: { flag: "n", help: "the name" },
    password: { flag: "p", help: "the stored password" },
    uid: { flag: "u", help: "the field pw_uid" },
    gid: { flag: "g", help: "the bits of pw_gid" },
    comment: { flag: "c", help: "the comment" },
    directory: { flag: "d", help: "the home" },
    quota: { flag: "q", help: "the quota" },
    logins: { flag: "l", help: "the last logins" },
    mail: { flag: "m", help: "folders and their messages, forwardings, and how many filters there are" },
    domain: { flag: "D", value: "domain", help: "all users of this domain" },
  },
  operands: [{ name: "address", help: "user@domain; without a domain the default one", optional: true }],
  description:
    "vuserinfo shows what the database says of a user, what the Maildir holds, and when the user last logged in. With " +
    "one of the letters only those fields are shown, one a line and without a heading. The users of a domain come in the " +
    "order of their names, the active ones before the inactive ones, and in memory that does not grow with their number.",
  env: { ...COMMAND_ENV, RELAY_CLEAR_MINUTES: "minutes that a login allows relaying; default 60" },
  control: COMMAND_CONTROL,
  exits: { 0: "shown", 1: "there is no such user or domain" },
  seeAlso: ["vadduser(1)", "vmoduser(1)", "vdominfo(1)"],
  source: ["[spec tables, indimail]"],
  async run(proc) {
    const { options, args } = proc;
    if ((args[0] === undefined) === (options.domain === undefined)) throw new Usage("give an address, or -D domain");
    const asked = FIELDS.filter((field) => options[field]);
    const heading = asked.length === 0 || options.all;
    const isSummed = options.domain === undefined || options.mail; // of a whole domain only when asked for
    const minutes = Number(proc.env.get("RELAY_CLEAR_MINUTES") ?? RELAY_MINUTES) || RELAY_MINUTES;
    const shape: Shape = {
      fields: new Set<Field>(heading ? FIELDS.filter((field) => field !== "mail" || isSummed) : asked),
      heading,
      nowSeconds: Math.floor(proc.clock.nowMs() / 1000),
      relaySeconds: minutes * 60,
    };
    const write = (text: string) => proc.stdout.write(new TextEncoder().encode(text));
    await withCommand(proc, {}, async (command) => {
      if (options.domain === undefined) await write(await oneUser(command, args[0] ?? "", shape));
      else await allUsers(command, checkDomainName(options.domain), { shape, write });
    });
  },
});

async function oneUser(command: Command, text: string, shape: Shape): Promise<string> {
  const { address } = await command.locate(text);
  const user = await command.accounts.users.find(address.name, address.domain);
  if (!user) throw new Permanent(`there is no user ${address.name}@${address.domain}`);
  return await shownUser(command, user, { shape, events: await eventsOf(command, [user], shape) });
}

async function allUsers(
  command: Command,
  domain: string,
  out: { readonly shape: Shape; readonly write: (text: string) => Promise<void> },
): Promise<void> {
  const real = await command.realDomain(domain);
  let first = true;
  for await (const users of command.accounts.users.pages(real.domain)) {
    const about = { shape: out.shape, events: await eventsOf(command, users, out.shape) };
    let text = "";
    for (const user of users) {
      text += (first || !out.shape.heading ? "" : "\n") + await shownUser(command, user, about);
      first = false;
    }
    await out.write(text);
  }
}
