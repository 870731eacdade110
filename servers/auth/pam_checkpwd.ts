/**
 * pam-checkpwd: a checkpassword program that asks PAM [man pam-checkpwd.8]: authentication, account, credentials and
 * session of a service, then the account's groups, ids and home directory.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { accountByName, becomeUser, groupsOf } from "../../core/libc/account.ts";
import { runPam } from "../../core/libc/pam.ts";
import { VERSION } from "../../core/version.ts";
import {
  CHAIN_ENV,
  CHAIN_OPERANDS,
  goOnRefused,
  isNative,
  type Login,
  POSTAUTH_ENV,
  readLogin,
  runAccepted,
  runPostAuth,
} from "./checkpassword.ts";
import { pamVerdict } from "./pam_verdict.ts";

export const applet = defineApplet({
  names: ["pam-checkpwd"],
  section: 8,
  summary: "check a password by PAM",
  role: "tool",
  dialect: "checkpassword",
  options: {
    service: { flag: "s", long: "service", value: "service", default: "PAM_SERVICE", help: "PAM service to ask" },
    ident: { flag: "i", long: "ident", value: "ident", help: "name of the service that is logged in to: imap, pop3" },
    identifier: { long: "identifier", value: "ident", help: "as --ident" },
    debug: { flag: "d", long: "debug", help: "write each step to standard error" },
    noChdir: { flag: "H", long: "no-chdir-home", help: "stay in this folder" },
    noEnv: { flag: "e", long: "noenv", help: "stay this user, with USER, HOME and SHELL as they are" },
    help: { flag: "h", help: "print how the program is called (as --help)" },
    version: { flag: "V", long: "version", help: "print the version" },
  },
  stopsAtOperand: true,
  operands: CHAIN_OPERANDS,
  description:
    "pam-checkpwd reads a login from descriptor 3: name, password and timestamp, each ended by NUL. The PAM " +
    "service must accept the password and the account, set the credentials and open a session, which is closed again; its " +
    "modules find the identifier as AUTHSERVICE in PAM's environment and TCPREMOTEIP as the remote host.\n\nThen the process " +
    "becomes the account of that name, in its home directory, with USER, HOME and SHELL set; for users who are not in the " +
    "password file -e leaves that out. POSTAUTH is run with the name as its argument, and its exit code is that of " +
    "pam-checkpwd.\n\nA right password exits 0; after a wrong one the program is executed, with the same login on its " +
    "descriptor 3. With NATIVE_CHECKPASSWORD it is the reverse: the program is executed after a right password, and a wrong " +
    "one exits 1. What is neither, such as a module that is missing, exits 111; so does a host without libpam.so.0.",
  env: {
    ...CHAIN_ENV,
    PAM_SERVICE: "PAM service to ask, without -s",
    PAM_CONFDIR: "folder of service files instead of /etc/pam.d (Linux-PAM 1.4 and up)",
    ...POSTAUTH_ENV,
    TCPREMOTEIP: "address of the peer, told to PAM",
    AUTHSERVICE: "name of the service that is logged in to, without -i",
  },
  exits: { 0: "the password is right", 1: "it is wrong (NATIVE_CHECKPASSWORD)", 2: "misuse", 111: "temporary trouble" },
  examples: [{
    command: "pam-checkpwd -s imap -i imap -e -- /bin/false",
    help: "behind a server that gives a login on descriptor 3",
  }],
  seeAlso: ["pam-multi(8)", "vchkpass(8)", "ldap-checkpwd(8)", "pam.conf(5)"],
  source: ["[man pam-checkpwd.8]", "[spec formats 11]", "[decision 0075]"],
  async run(proc) {
    const { options } = proc;
    if (options.version) return await proc.stdout.write(new TextEncoder().encode(`pam-checkpwd ${VERSION}\n`));
    if (options.help) {
      const [{ helpText }, own] = [await import("../../core/help.ts"), await proc.applet("pam-checkpwd")];
      return await proc.stdout.write(new TextEncoder().encode(own ? helpText(own) : ""));
    }
    const service = options.service ?? proc.env.get("PAM_SERVICE");
    if (!service) throw new Usage("no PAM service: -s or PAM_SERVICE");
    if (proc.args.length === 0) throw new Usage("missing program");
    const login = await readLogin(proc);
    const verdict = await verdictOf(proc, service, login);
    if (verdict === "refused") {
      return await goOnRefused(proc, login);
    }
    const variables = options.noEnv ? {} : becomeAccount(login.name, { chdir: !options.noChdir });
    const status = await runPostAuth(proc, login.name, variables);
    if (status !== 0 || !isNative(proc)) return status;
    return runAccepted(proc, variables);
  },
});

async function verdictOf(proc: Proc, service: string, login: Login): Promise<"accepted" | "refused"> {
  const { options, log } = proc;
  if (!login.plain || login.password === "") return "refused";
  const ident = textOption(options["ident"]) ?? textOption(options["identifier"]) ?? proc.env.get("AUTHSERVICE");
  const result = runPam({
    service,
    user: login.name,
    password: login.password,
    remoteHost: proc.env.get("TCPREMOTEIP"),
    configurationFolder: proc.env.get("PAM_CONFDIR"),
    environment: ident === undefined ? {} : { AUTHSERVICE: ident },
    ...(options["debug"] === true ? { log: (text: string) => log.line(`pam-checkpwd: ${text}`) } : {}),
  });
  for (const message of result.messages) log.line(`pam-checkpwd: ${message}`);
  const verdict = pamVerdict(result);
  const text = `${result.phase} of ${JSON.stringify(login.name)} by service ${service}: ${result.text}`;
  if (verdict === "temporary") throw new Temporary(text);
  if (verdict === "refused") log.line(`pam-checkpwd: ${text}`);
  await log.flush();
  return verdict;
}

function textOption(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Becomes the account; the variables that tell of it. Throws Temporary. */
function becomeAccount(name: string, { chdir }: { readonly chdir: boolean }): Record<string, string> {
  const account = accountByName(name);
  if (!account) throw new Temporary(`${JSON.stringify(name)} is not in the password file; -e does without`);
  const { uid, gid, home, shell } = account;
  try {
    if (uid !== Deno.uid() || gid !== Deno.gid()) becomeUser({ uid, gid, groups: groupsOf(name, gid) });
    if (chdir) Deno.chdir(home);
  } catch (error) {
    throw new Temporary(`cannot become ${name} in ${home}: ${errorText(error)}`);
  }
  return { USER: name, HOME: home, SHELL: shell };
}
