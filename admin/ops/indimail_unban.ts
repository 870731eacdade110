/** indimail unban: lets an address or an account log in again. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { tryParseIp } from "../../core/ip_address.ts";
import { shown } from "../../storage/accounts/names.ts";
import { askLoginGuard, formatBan } from "./login_guard.ts";
import { pathsOf } from "./settings.ts";

export const applet = defineApplet({
  names: ["indimail-unban", "unban"],
  section: 8,
  summary: "let an address or an account log in again after too many failures",
  role: "admin",
  dialect: "admin",
  options: {
    root: { long: "root", value: "folder", help: "the installation" },
    all: { long: "all", help: "lift every ban and forget every failure" },
    list: { long: "list", help: "list the bans, as indimail-bans(8) does" },
  },
  operands: [{ name: "who", help: "an IP address, or user@domain", optional: true, repeat: true }],
  description:
    `Lifts the bans that the lookup daemon has set after too many failed logins: of an address all those from there, of an
account all those of it, and forgets the failures that were counted. The next failure is the first again. Prints how many
bans were lifted. Only root and the account of the server may do so.`,
  env: { INDIMAIL_ROOT: "root of the installation; / for root, else below HOME" },
  exits: { 0: "done, even when nobody was banned", 1: "the daemon does not answer, or this user may not ask" },
  files: { "run/indimail/lookup-admin.socket": "where the lookup daemon is asked" },
  examples: [{ command: "indimail unban 192.0.2.7", help: "an office whose printer had an old password" }],
  seeAlso: ["indimail-bans(8)", "inlookup(8)"],
  source: ["[decision 0072]"],
  async run(proc) {
    const { options, args } = proc;
    if ([options.all, options.list, args.length > 0].filter(Boolean).length !== 1) {
      throw new Usage("say whom: addresses or accounts, or --all, or --list");
    }
    for (const who of args) {
      if (!who.includes("@") && !tryParseIp(who.replace(/\/64$/, ""))) {
        throw new Usage(`${shown(who)} is neither an IP address nor user@domain`);
      }
    }
    const env = proc.env.all();
    const paths = pathsOf(options.root, proc.paths, {
      directory: Deno.cwd(),
      env: (name) => Object.entries(env).find(([key]) => key === name)?.[1],
    });
    const text = await askLoginGuard(paths, async (client) => {
      if (options.list) {
        const nowMs = proc.clock.nowMs();
        return (await client.bans()).bans.map((ban) => formatBan(ban, nowMs)).join("");
      }
      let lifted = 0;
      for (const who of options.all ? [undefined] : args) lifted += await client.unban(who);
      return `${lifted} bans lifted\n`;
    });
    await proc.stdout.write(utf8Bytes(text));
  },
});
