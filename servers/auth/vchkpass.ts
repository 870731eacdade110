/**
 * vchkpass: the checkpassword program of the virtual users [man vchkpass.8]. It asks the lookup daemon, as all servers do: the
 * stored passwords, the counting of failures and the limits of domains are there.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { pathExists } from "../../core/path_exists.ts";
import { openLookup } from "../../storage/accounts/lookup_client.ts";
import type { AuthResult } from "../../storage/accounts/lookup_types.ts";
import { makeHome } from "../../storage/accounts/user_homes.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { realDisk } from "../../storage/disk.ts";
import { enterHome, userVariables } from "./accepted_user.ts";
import {
  ACCEPTED_WITHOUT_RELAY,
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
import { DISABLED_ENV, isDisabled } from "./disabled_methods.ts";
import { CALLER_ENV, callerContext, type VerifiedLogin, verifyLogin } from "./verify_login.ts";

export const applet = defineApplet({
  names: ["vchkpass"],
  section: 8,
  summary: "check a login of a virtual user",
  role: "tool",
  dialect: "checkpassword",
  options: {},
  stopsAtOperand: true,
  operands: CHAIN_OPERANDS,
  description:
    "vchkpass reads a login from descriptor 3: name, password and response, each ended by NUL, then a byte for the method: 1 " +
    "LOGIN, 2 PLAIN, 3 to 9 CRAM-MD5, SHA1, SHA224, SHA256, SHA384, SHA512 and RIPEMD, 10 DIGEST-MD5, 11 to 16 SCRAM-SHA-1, " +
    "SHA-256 and SHA-512 without and with -PLUS, 17 a token. With CRAM the password is the challenge and the response " +
    "hexadecimal; with DIGEST-MD5 the password is the client's response, and the response the lines realm, nonce, cnonce, " +
    "nc, qop and digest-uri (or both are the two messages); with SCRAM they are the AuthMessage and the proof in base64. " +
    "After a right login by one of these two the server's proof is printed.\n\nIt asks the lookup daemon. Where that does " +
    "not run every login fails temporarily. An account that is inactive (unless ALLOW_INACTIVE is set), may not use the " +
    "service (AUTHSERVICE, else by the port) or has expired is refused by exit code 1, and the reason is printed. After a " +
    "right login POSTAUTH is run with the address as its argument, and its exit code is that of vchkpass.\n\nA right login " +
    "exits 0, or 3 when the user may not relay; after a wrong one the program is executed, with the same login on its " +
    "descriptor 3. With NATIVE_CHECKPASSWORD it is the reverse: the program is executed after a right login, as the " +
    "domain's user if vchkpass is root, in the home directory, with USER, HOME and SHELL set; a wrong one exits 1.",
  env: {
    ...CHAIN_ENV,
    ...POSTAUTH_ENV,
    ...CALLER_ENV,
    ...DISABLED_ENV,
    ALLOW_INACTIVE: "if set, inactive users may log in",
    DEBUG: "if set, name, service and result are written to standard error, never a password",
  },
  control: ["timeoutread"],
  exits: {
    0: "the login is right",
    1: "it is refused, or wrong (NATIVE_CHECKPASSWORD)",
    2: "misuse",
    3: "the login is right, and the user may not relay",
    111: "temporary trouble",
  },
  examples: [{
    command: "env NATIVE_CHECKPASSWORD=1 vchkpass pop3d Maildir 3<login",
    help: "serves the mail of who has logged in",
  }],
  seeAlso: ["inlookup(8)", "vsetpass(8)", "sys-checkpwd(8)", "authindi(7)"],
  source: ["[man vchkpass.8]", "[spec formats 11]", "[decision 0085]"],
  async run(proc) {
    if (proc.args.length === 0) throw new Usage("missing program");
    const login = await readLogin(proc);
    const { result, proof } = await ask(proc, login);
    if (result.kind === "forbidden") {
      await proc.stdout.write(new TextEncoder().encode(`553-Sorry, ${result.reason} (#5.7.1)\r\n`));
      return EXIT_DIALECTS.checkpassword.denied;
    }
    if (result.kind === "denied") {
      return await goOnRefused(proc, login);
    }
    const { account, mayRelay } = result;
    const variables = userVariables(account);
    const status = await runPostAuth(proc, account.address, variables);
    if (status !== 0) return status;
    if (!isNative(proc)) {
      await proc.stdout.write(new TextEncoder().encode(proof));
      return mayRelay ? EXIT_DIALECTS.checkpassword.ok : ACCEPTED_WITHOUT_RELAY;
    }
    if (!pathExists(`${account.home}/Maildir/cur`)) await makeHome(realDisk, account.home, account);
    if (proc.env.get("DOVECOT_VERSION") === undefined) enterHome(account, account.home);
    return runAccepted(proc, variables);
  },
});

async function ask(proc: Proc, login: Login): Promise<VerifiedLogin> {
  const { env, log } = proc;
  const context = callerContext((name) => env.get(name));
  let result: AuthResult = { kind: "denied" };
  let proof = "";
  if (!isDisabled(login.method, (name) => env.get(name))) {
    const lookup = openLookup(proc.paths, new ControlFiles(proc.paths.control));
    try {
      ({ result, proof } = await verifyLogin(lookup, login, context));
    } finally {
      lookup.close();
    }
  }
  if (result.kind === "ok" && result.account.inactive && env.get("ALLOW_INACTIVE") === undefined) {
    result = { kind: "forbidden", reason: "the user is inactive" };
  }
  if (env.get("DEBUG") !== undefined) {
    const text = result.kind === "forbidden" ? `forbidden: ${result.reason}` : result.kind;
    log.line(`vchkpass: ${login.method.kind} login of ${JSON.stringify(login.name)} for ${context.service}: ${text}`);
    await log.flush();
  }
  return { result, proof };
}
