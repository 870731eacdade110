/**
 * ldap-checkpwd: a checkpassword program that asks an LDAP directory [man ldap-checkpwd.8]. A name is looked for by
 * LDAP_FILTER and the password tried by a bind as the entry found.
 */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { CHAIN_ENV, isNative, type Login, passOn, readLogin, runAccepted } from "./checkpassword.ts";
import type { LdapAnswer } from "./ldap_directory.ts";
import { fillFilter, LDAP_ENV, type LdapSettings, readLdapSettings, serverName } from "./ldap_settings.ts";

/** Attributes that go into the environment, by the name behind LDAP_FIELD_; never a password. */
const GIVEN = ["UID", "GID", "HOME"];

export const applet = defineApplet({
  names: ["ldap-checkpwd"],
  section: 8,
  summary: "check a password against an LDAP directory",
  role: "tool",
  dialect: "checkpassword",
  options: {},
  stopsAtOperand: true,
  operands: [
    { name: "program", help: "the next checkpassword program, run when the password is wrong" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  description:
    "ldap-checkpwd reads a login from descriptor 3: name, password and timestamp, each ended by NUL. It binds to " +
    "the directory as LDAP_BIND_DN, searches LDAP_BASE with LDAP_FILTER, in which the parts of the name stand escaped, and " +
    "binds as the one entry that it finds with the password. More than one entry is a temporary failure.\n\nA right " +
    "password exits 0; after a wrong one the program is executed, with the same login on its descriptor 3. With " +
    "NATIVE_CHECKPASSWORD it is the reverse, as checkpassword programs usually do: the program is executed after a right " +
    "password, with USER and what LDAP_FIELD_UID, LDAP_FIELD_GID and LDAP_FIELD_HOME name (`LDAP_FIELD_HOME=homeDirectory`) " +
    "as UID, GID and HOME, in that home directory; a wrong one exits 1.\n\nChallenges and responses (CRAM-MD5 and kin) cannot " +
    "be checked by a directory and count as wrong. An empty password is wrong, and never sent.",
  env: {
    ...LDAP_ENV,
    ...CHAIN_ENV,
    LDAP_FIELD_HOME:
      "attribute with the home directory; LDAP_FIELD_UID and LDAP_FIELD_GID likewise, and any other name",
    DEBUG: "if set, what is asked is written to standard error, without passwords",
  },
  exits: { 0: "the password is right", 1: "it is wrong (NATIVE_CHECKPASSWORD)", 2: "misuse", 111: "temporary trouble" },
  examples: [{
    command: "LDAP_HOST=ldaps://directory.example LDAP_BASE=dc=example ldap-checkpwd /bin/false",
    help: "behind a server that gives a login on descriptor 3",
  }],
  seeAlso: ["vchkpass(8)", "pam-checkpwd(8)", "sys-checkpwd(8)"],
  source: ["[man ldap-checkpwd.8]", "[spec formats 11]", "[decision 0074]"],
  async run(proc) {
    const settings = readLdapSettings((name) => proc.env.get(name), proc.env.all());
    const login = await readLogin(proc);
    const debug = (text: string) => {
      if (proc.env.get("DEBUG") !== undefined) proc.log.line(`ldap-checkpwd: ${text}`);
    };
    const answer = await ask(settings, login, debug);
    await proc.log.flush();
    if (answer.kind === "ok") {
      if (!isNative(proc)) return;
      return runAccepted(proc, acceptedVariables(login.name, answer.values));
    }
    if (isNative(proc)) return EXIT_DIALECTS.checkpassword.denied;
    return await passOn(proc, login);
  },
});

async function ask(settings: LdapSettings, login: Login, debug: (text: string) => void): Promise<LdapAnswer> {
  const refusal = !login.plain ? "a challenge and response" : isText(login) ? undefined : "bytes that are no UTF-8";
  if (refusal !== undefined) {
    debug(`refused: ${refusal}`);
    return { kind: "denied", reason: refusal };
  }
  const filter = fillFilter(settings.filter, login.name);
  debug(`${serverName(settings.server)}: base ${settings.base}, scope ${settings.scope}, filter ${filter}`);
  const { askDirectory } = await import("./ldap_directory.ts");
  const answer = await askDirectory(settings, login);
  debug(answer.kind === "ok" ? `accepted: ${answer.dn}` : `refused: ${answer.reason}`);
  return answer;
}

/** Names and passwords of LDAP are Unicode; other bytes stand as lone surrogates here. */
function isText({ name, password }: Login): boolean {
  return name.isWellFormed() && password.isWellFormed();
}

/** Goes to the home directory as well, if there is one. */
function acceptedVariables(name: string, values: ReadonlyMap<string, string>): Record<string, string> {
  const variables: Record<string, string> = { USER: name };
  for (const given of GIVEN) {
    const value = values.get(given);
    if (value !== undefined && !value.includes("\0")) variables[given] = value;
  }
  const home = variables["HOME"];
  if (home === undefined) return variables;
  try {
    Deno.chdir(home);
  } catch (error) {
    throw new Temporary(`cannot change to the home directory ${home}: ${errorText(error)}`);
  }
  return variables;
}
