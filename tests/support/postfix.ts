/** A private Postfix of Debian's package on a loopback port: its own folders, one user with a mailbox, nothing of /etc touched. */
import { assertEquals } from "./assert.ts";
import { answers, command, eventually } from "./installation.ts";

/** A running Postfix. */
export interface PostfixServer extends AsyncDisposable {
  readonly port: number;
  /** All mail of its user. */
  mailbox(): Promise<string>;
  /** Sends mail for a domain to a port of this host. */
  route(domain: string, port: number): Promise<void>;
}

const SERVICES = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
`;

/** Starts one; needs root, as Postfix does. */
export async function startPostfix(
  options: {
    readonly domain: string;
    readonly user: string;
    /** More lines of main.cf, which count more than those before them; FOLDER stands for that of `files`. */
    readonly settings?: readonly string[];
    /** More files of the configuration, by name. */
    readonly files?: Readonly<Record<string, string>>;
  },
): Promise<PostfixServer> {
  const folder = await Deno.makeTempDir({ prefix: "postfix-test." });
  await Deno.chmod(folder, 0o755);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const id = async (...args: string[]) => (await command("id", args)).stdout.trim();
  const [uid, gid] = [await id("-u", "postfix"), await id("-g", "postfix")];
  for (const name of ["conf", "spool", "data", "mail"]) await Deno.mkdir(`${folder}/${name}`);
  for (const name of ["data", "mail"]) await Deno.chown(`${folder}/${name}`, Number(uid), Number(gid));
  await Deno.writeTextFile(`${folder}/conf/transport`, "");
  await Deno.writeTextFile(`${folder}/conf/vmailbox`, `${options.user}@${options.domain} ${options.user}/Maildir/\n`);
  await Deno.writeTextFile(
    `${folder}/conf/main.cf`,
    `compatibility_level = 3.6
config_directory = ${folder}/conf
queue_directory = ${folder}/spool
data_directory = ${folder}/data
myhostname = ${options.domain}
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks reject
transport_maps = texthash:${folder}/conf/transport
virtual_mailbox_domains = ${options.domain}
virtual_mailbox_maps = texthash:${folder}/conf/vmailbox
virtual_mailbox_base = ${folder}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${gid}
${(options.settings ?? []).join("\n").replaceAll("FOLDER", `${folder}/conf`)}
`,
  );
  for (const [name, text] of Object.entries(options.files ?? {})) {
    await Deno.writeTextFile(`${folder}/conf/${name}`, text);
  }
  await Deno.writeTextFile(`${folder}/conf/master.cf`, `127.0.0.1:${port} inet n - n - - smtpd\n${SERVICES}`);
  const master = new Deno.Command("postfix", {
    args: ["-c", `${folder}/conf`, "start-fg"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await eventually("Postfix", () => answers(port));
  return {
    port,
    async mailbox() {
      const { stdout } = await command("sh", [
        "-c",
        `cat ${folder}/mail/${options.user}/Maildir/new/* 2>/dev/null || true`,
      ]);
      return stdout;
    },
    async route(domain, to) {
      await Deno.writeTextFile(`${folder}/conf/transport`, `${domain} smtp:[127.0.0.1]:${to}\n`);
      assertEquals((await command("postfix", ["-c", `${folder}/conf`, "reload"])).code, 0);
    },
    async [Symbol.asyncDispose]() {
      await command("postfix", ["-c", `${folder}/conf`, "stop"]);
      await master.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
