/**
 * vpasswd: changes the password of a user of a virtual domain.
 */
import { defineApplet } from "../../core/applet.ts";
import { changePassword, userToChange } from "../../storage/accounts/change_password.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV } from "../../storage/accounts/domains/limit_checks.ts";
import {
  askPassword,
  PASSWORD_OPTIONS,
  RANDOM_OPTION,
  randomPasswordOf,
} from "../../storage/accounts/password_choice.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";

export const applet = defineApplet({
  names: ["vpasswd"],
  section: 1,
  summary: "change the password of a user of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what was changed" },
    ...PASSWORD_OPTIONS,
    ...RANDOM_OPTION,
  },
  operands: [
    { name: "address", help: "user@domain; without a domain the default one" },
    { name: "password", help: "the new password; asked for unless given", optional: true },
  ],
  description:
    "vpasswd sets a new password. The stored SCRAM or CRAM credential is replaced as well: without -m and -C the " +
    "user can then log in by PLAIN and LOGIN only. A user whose password may not be changed is refused, also where the limits of the " +
    "domain that are in force say so (vlimit -g d).",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  exits: { 0: "the password is changed", 1: "there is no such user, or a step failed" },
  seeAlso: ["vadduser(1)", "vmoduser(1)", "vlimit(1)", "crypt(5)"],
  source: ["[man vpasswd.9]"],
  async run(proc) {
    const { options, args } = proc;
    const text = await withCommand(proc, {}, async (command) => {
      const located = await command.locate(args[0] ?? "");
      const user = await userToChange(command, located, proc.env.get("DOMAIN_LIMITS"));
      const named = `${user.name}@${user.domain}`;
      const clear = args[1] ??
        (options.random === undefined ? await askPassword(proc, named) : randomPasswordOf(options.random));
      const environment = proc.env.get("PASSWORD_HASH");
      await changePassword(command, { ...located, user }, { clear, choice: options, environment });
      const random = args[1] === undefined && options.random !== undefined ? `Password is ${clear}\n` : "";
      return random + (options.verbose ? `changed the password of ${named}\n` : "");
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, [args[0] ?? ""]);
  },
});
