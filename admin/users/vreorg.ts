/**
 * vreorg: gives the users of a domain new places in its tree of folders, in the order of a list.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { OLD_HOME_MS } from "../../storage/accounts/move_home.ts";
import { checkDomainName, checkUserName } from "../../storage/accounts/names.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { moveUser } from "../../storage/accounts/user_moves.ts";
import type { UserRow } from "../../storage/accounts/users.ts";

/** Users moved before old places are ended together. */
const BATCH_USERS = 256;

export const applet = defineApplet({
  names: ["vreorg"],
  section: 8,
  summary: "rebuild the tree of users' folders of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell each move" },
    domain: { flag: "d", value: "domain", help: "the virtual domain" },
    reset: { flag: "r", help: "begin with an empty tree: the first users of the list get the first places" },
    keepCounts: { flag: "R", help: "do not count the old places out of the tree" },
    usersPerLevel: { flag: "l", value: "users", default: "100", help: "users of one directory" },
  },
  operands: [{ name: "list", help: "file with a user (or user@domain) a line; - is standard input" }],
  description:
    "Users who read their mail most are best listed first. Homes move while mail comes and is read; aliases that name a " +
    "home by its path follow. A user of the list who is not there is an error before anything is moved; a home that is in " +
    "its place already stays.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  exits: { 0: "all users of the list have new places", 1: "a user is unknown, or a step failed" },
  examples: [{ command: "vreorg -r -d example.org /tmp/users", help: "a tree made anew" }],
  seeAlso: ["printdir(1)", "vadduser(1)", "vmoveuserdir(1)"],
  source: ["[man vreorg.8]"],
  async run(proc) {
    const { options } = proc;
    if (options.domain === undefined) throw new Usage("give the domain with -d");
    const perLevel = options.usersPerLevel === undefined ? undefined : Number(options.usersPerLevel);
    if (perLevel !== undefined && !(Number.isInteger(perLevel) && perLevel > 0)) {
      throw new Usage(`-l ${options.usersPerLevel}: not a number of users`);
    }
    const name = checkDomainName(options.domain);
    const list = proc.args[0] ?? "";
    const told = await withCommand(proc, {}, async (command) => {
      const domain = await command.realDomain(name);
      const users = await usersOf(command, domain, list);
      const lines: string[] = [];
      let fresh = options.reset;
      for (let at = 0; at < users.length || fresh; at += BATCH_USERS) {
        const batch = users.slice(at, at + BATCH_USERS);
        const resets = fresh;
        fresh = false;
        const moved = await command.domains.locked(async () => {
          if (resets) await command.users.resetTree(domain);
          return await moveAll(command, domain, {
            users: batch,
            keepCounts: options.keepCounts || options.reset,
            perLevel,
          });
        });
        await command.forget();
        await proc.clock.sleep(OLD_HOME_MS);
        for (const { end } of moved) await end();
        lines.push(...moved.map(({ user, home }) => `${user.name}@${user.domain} ${home}\n`));
      }
      return lines;
    });
    if (options.verbose) await proc.stdout.write(new TextEncoder().encode(told.join("")));
    return await runPostHandle(proc, [name, list]);
  },
});

async function usersOf(command: Command, domain: DomainEntry, list: string): Promise<UserRow[]> {
  const users: UserRow[] = [];
  const lines = (await readList(command, list)).split("\n");
  for (let at = 0; at < lines.length; at++) {
    const text = lines[at]!.trim().replace(new RegExp(`@${domain.domain.replaceAll(".", "\\.")}$`, "i"), "");
    if (text === "") continue;
    const user = await command.accounts.users.find(checkUserName(text), domain.domain);
    if (!user) throw new Permanent(`${list} line ${at + 1}: there is no user ${text}@${domain.domain}`);
    users.push(user);
  }
  return users;
}

async function readList(command: Command, path: string): Promise<string> {
  try {
    return latin1Text(
      path === "-" ? await new Response(Deno.stdin.readable).bytes() : await command.disk.readFile(path),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Permanent(`there is no file ${path}`);
    throw error;
  }
}

interface Batch {
  readonly users: readonly UserRow[];
  readonly keepCounts: boolean;
  readonly perLevel: number | undefined;
}

async function moveAll(command: Command, domain: DomainEntry, batch: Batch) {
  const { users: store, accounts } = command;
  const moved = [];
  for (const user of batch.users) {
    const asked = batch.perLevel === undefined ? {} : { usersPerDirectory: batch.perLevel };
    const result = await moveUser(command, {
      user,
      domain,
      keepPlace: batch.keepCounts,
      home: () => store.takePlace(user.name, domain, asked),
    });
    for (const { alias, line } of await accounts.aliases.list(domain.domain)) {
      if (!line.startsWith(`${user.home}/`) || user.home === result.home) continue;
      await accounts.aliases.replace(alias, domain.domain, {
        from: line,
        to: result.home + line.slice(user.home.length),
      });
    }
    moved.push({ ...result, user });
  }
  return moved;
}
