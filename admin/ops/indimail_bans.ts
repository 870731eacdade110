/** indimail bans: which addresses and accounts may not log in now. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { askLoginGuard, formatBan } from "./login_guard.ts";
import { pathsOf } from "./settings.ts";

export const applet = defineApplet({
  names: ["indimail-bans", "bans"],
  section: 8,
  summary: "list the addresses and accounts that may not log in after too many failures",
  role: "admin",
  dialect: "admin",
  options: {
    root: { long: "root", value: "folder", help: "the installation" },
    json: { long: "json", help: "as JSON: bans, bansTotal, refused, slowed" },
  },
  description:
    `Lists whom the lookup daemon refuses after too many failed logins, one a line: the address (of IPv6 a network of
64 bits), the account, with * for all of them, how many failures led to it, and how long it lasts. Those that end first come
first, at most 1000. Nothing is listed when nobody is refused. Only root and the account of the server may ask.`,
  env: { INDIMAIL_ROOT: "root of the installation; / for root, else below HOME" },
  exits: { 0: "the list is complete", 1: "the daemon does not answer, or this user may not ask" },
  files: { "run/indimail/lookup-admin.socket": "where the lookup daemon is asked" },
  seeAlso: ["indimail-unban(8)", "indimail-status(8)", "inlookup(8)"],
  source: ["[decision 0072]"],
  async run(proc) {
    const env = proc.env.all();
    const paths = pathsOf(proc.options.root, proc.paths, {
      directory: Deno.cwd(),
      env: (name) => Object.entries(env).find(([key]) => key === name)?.[1],
    });
    const status = await askLoginGuard(paths, (client) => client.bans());
    const nowMs = proc.clock.nowMs();
    const text = proc.options.json
      ? `${JSON.stringify(status)}\n`
      : status.bans.map((ban) => formatBan(ban, nowMs)).join("");
    await proc.stdout.write(utf8Bytes(text));
  },
});
