/**
 * vmoveuserdir: moves the home of a user of a virtual domain to another folder.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { openMailRoot } from "../../storage/accounts/mail_roots.ts";
import { OLD_HOME_MS } from "../../storage/accounts/move_home.ts";
import { checkFolder } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { moveUser } from "../../storage/accounts/user_moves.ts";

/** Until the roles are there again that are let into a new folder: what they cannot open waits for its next try. */
const ROLES_RESTART_MS = 3000;

export const applet = defineApplet({
  names: ["vmoveuserdir"],
  section: 1,
  summary: "move the home of a user of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {},
  operands: [
    { name: "address", help: "user@domain" },
    { name: "folder", help: "the new home, by its whole path; its last part is the user's name, else that is added" },
  ],
  description:
    "Within a file system the home is renamed, otherwise copied; mail that comes meanwhile is brought along, and the " +
    "user may read mail all the time. A folder where no mail was before is entered into control/mailroots. When a step " +
    "fails, the same command finishes the work.",
  env: COMMAND_ENV,
  control: [...COMMAND_CONTROL, "mailroots"],
  exits: { 0: "the home is moved", 1: "there is no such user, the new folder is there already, or a step failed" },
  examples: [{ command: "vmoveuserdir alice@example.org /disk2/mail/alice", help: "moves alice to another disk" }],
  seeAlso: ["vrenameuser(1)", "vreorg(8)", "vadduser(1)"],
  source: ["[man vmoveuserdir.9]"],
  async run(proc) {
    const [operand = "", folder = ""] = proc.args;
    const handed = await withCommand(proc, {}, async (command) => {
      const { address: { name, domain }, domain: entry } = await command.locate(operand);
      const asked = checkFolder("new home", folder);
      const to = asked.endsWith(`/${name}`) ? asked : `${asked}/${name}`; // so that vdeluser knows it for the user's own
      const user = await command.accounts.users.find(name, domain);
      if (!user) throw new Permanent(`there is no user ${name}@${domain}`);
      const parent = to.slice(0, -name.length - 1);
      if (await openMailRoot(command, parent)) {
        await command.disk.mkdir(parent, { recursive: true, mode: 0o755 });
        await command.reload();
        await proc.clock.sleep(ROLES_RESTART_MS);
      }
      const moved = await command.domains.locked(() =>
        moveUser(command, { user, domain: entry, home: () => Promise.resolve(to) })
      );
      await command.forget(`${name}@${domain}`);
      await proc.clock.sleep(OLD_HOME_MS);
      await moved.end();
      return { from: user.home, to: moved.home };
    });
    return await runPostHandle(proc, [operand, handed.from, handed.to]);
  },
});
