/**
 * indimail doctor: what of the server's protection and set-up stands on this host. One line for each fence of each role,
 * then the installation; each says ok, missing, or wrong, and what to do.
 */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { hasLibcrypt } from "../../core/libc/crypt.ts";
import { accountByName } from "../../core/libc/account.ts";
import { landlockVersion } from "../../core/libc/landlock.ts";
import type { GetEnv, Paths } from "../../core/paths.ts";
import { tryReadProcessStatus } from "../../core/process_status.ts";
import { type RoleName, roleOf } from "../../core/role.ts";
import { MYSQL_ENV } from "../../storage/accounts/mysql_settings.ts";
import {
  check,
  controlFindings,
  databaseFinding,
  diskFinding,
  type Finding,
  hostNameFinding,
} from "./doctor_checks.ts";
import { pathsOf } from "./settings.ts";
import { type ServeState, tryReadState } from "./state_file.ts";

/** What the kernel offers for fences. */
export interface KernelFences {
  /** Version of Landlock; 0: none. */
  readonly landlock: number;
  readonly seccomp: boolean;
}

/** Landlock that limits TCP ports as well as paths (Linux 6.7). */
const LANDLOCK_WITH_PORTS = 4;
/** A certificate that ends sooner than this should be replaced. */
const CERTIFICATE_DAYS_LOW = 14;
const DAY_MS = 86_400_000;

/** Roles that run as daemons. */
const DAEMON_ROLES: readonly RoleName[] = ["network", "queue", "local", "remote", "lookup", "mailbox"];

/** The field of a role's own fence line (core/fence.ts). */
function reported(fence: string | undefined, name: string): string | undefined {
  return new RegExp(`\\b${name}=(\\S+)`).exec(fence ?? "")?.[1];
}

/** What stands around one role: as its process said when it runs, else what this kernel would give. */
export function roleFindings(name: RoleName, kernel: KernelFences, fence: string | undefined): Finding[] {
  const role = roleOf(name);
  const subject = (kind: string) => `${name} ${kind}`;
  const when = fence === undefined ? "not running; this kernel would give " : "";
  const account = reported(fence, "account");
  const landlock = Number(reported(fence, "landlock") ?? kernel.landlock) || 0;
  const seccomp = fence === undefined ? kernel.seccomp : reported(fence, "seccomp") === "noexec";
  const findings: Finding[] = [];
  if (account === undefined) {
    const known = role.account !== undefined && accountByName(role.account) !== undefined;
    findings.push({
      subject: subject("account"),
      verdict: "ok",
      text: `not running; ${role.account} ${known ? "exists" : "does not exist: used only by root"}`,
    });
  } else {
    const own = !account.startsWith("unchanged");
    const text = own ? `runs as ${account}` : "runs as the user who started the server";
    findings.push({ subject: subject("account"), verdict: own || Deno.uid() !== 0 ? "ok" : "missing", text });
  }
  findings.push({
    subject: subject("landlock"),
    verdict: landlock >= LANDLOCK_WITH_PORTS ? "ok" : "missing",
    text: landlock === 0
      ? `${when}none: Linux 6.7 with Landlock limits paths and ports`
      : `${when}version ${landlock}: paths${landlock >= LANDLOCK_WITH_PORTS ? " and TCP ports" : ", not TCP ports"}`,
  });
  findings.push(
    role.spawns ? { subject: subject("exec"), verdict: "ok", text: "allowed: it runs users' programs" } : {
      subject: subject("exec"),
      verdict: seccomp ? "ok" : "missing",
      text: `${when}${seccomp ? "refused by seccomp" : "not refused: the kernel has no seccomp"}`,
    },
  );
  const planned = role.worker === true || (landlock === 0 && !role.ffi);
  const worker = fence === undefined ? planned : reported(fence, "permissions") === "worker";
  findings.push({
    subject: subject("permissions"),
    verdict: "ok",
    text: worker ? "lists of paths and addresses, in a Worker" : "whole kinds revoked",
  });
  return findings;
}

/** The kernel of this host. */
export function kernelFences(): KernelFences {
  let actions = "";
  try {
    actions = Deno.readTextFileSync("/proc/sys/kernel/seccomp/actions_avail");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return { landlock: landlockVersion(), seccomp: actions.includes("errno") };
}

/** The first certificate of a PEM file that may begin with the key. */
function firstCertificate(pem: string): string {
  return /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(pem)?.[0] ?? pem;
}

async function certificateFinding(path: string, nowMs: number): Promise<Finding> {
  const subject = "certificate";
  try {
    const { X509Certificate } = await import("node:crypto");
    const ends = Date.parse(new X509Certificate(firstCertificate(Deno.readTextFileSync(path))).validTo);
    const days = Math.floor((ends - nowMs) / DAY_MS);
    const text = `${path} is valid for ${days} more days`;
    return { subject, verdict: days >= CERTIFICATE_DAYS_LOW ? "ok" : "wrong", text };
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      return { subject, verdict: "missing", text: `${path}: not for this user to read, so not checked` };
    }
    if (error instanceof Deno.errors.NotFound) {
      return { subject, verdict: "wrong", text: `there is no ${path}: TLS is not offered; indimail serve makes one` };
    }
    const text = `${path} is no certificate that can be read (${errorText(error)}): put the chain and the key there`;
    return { subject, verdict: "wrong", text };
  }
}

/** Whether a role said that it runs as an account of its own. */
function runsAsAccount(fence: string | undefined): boolean {
  const account = reported(fence, "account");
  return account !== undefined && !account.startsWith("unchanged");
}

/** Where an installation is, and what is known of it. */
export interface Installation {
  readonly paths: Paths;
  readonly env: GetEnv;
  /** Undefined where no server runs. */
  readonly state: ServeState | undefined;
}

/** What is wrong or right with the installation itself. */
export async function installationFindings({ paths, env, state }: Installation, nowMs: number): Promise<Finding[]> {
  return [
    check("server", () => {
      if (!state || !tryReadProcessStatus(state.pid)) {
        return { verdict: "missing", text: `nothing runs on ${paths.root}: indimail serve starts it` };
      }
      const down = state.services.filter(({ state }) => state !== "up" && state !== "idle").map(({ name }) => name);
      const text = down.length === 0
        ? `runs with pid ${state.pid}`
        : `not up: ${down.join(" ")}; see ${paths.log}/current`;
      return { verdict: down.length === 0 ? "ok" : "wrong", text };
    }),
    hostNameFinding(paths),
    ...controlFindings(paths, state?.services.some(({ fence }) => runsAsAccount(fence)) ?? false),
    await databaseFinding(paths, env),
    await certificateFinding(`${paths.certs}/servercert.pem`, nowMs),
    check("password hashes", () =>
      hasLibcrypt() ? { verdict: "ok", text: "by libcrypt" } : {
        verdict: "missing",
        text: "libcrypt.so.1 is not there: they are computed in JavaScript, twenty times slower",
      }),
    diskFinding(paths),
  ];
}

/** The environment of a process, an entry each; none where that is not for this user to read. */
function environmentOf(pid: number): readonly string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}

/** What the environment of the running server asks for, and its roles do not do [decision 0084]. */
export function environmentFindings(environment: readonly string[]): Finding[] {
  const program = environment.find((entry) => entry.startsWith("POSTAUTH="))?.slice("POSTAUTH=".length);
  if (!program) return [];
  const text =
    `${program} is not run after logins to this server: unset POSTAUTH, or have tcpserver start vchkpass or ` +
    "authindi in front, which run it (docs/decisions/0084-expiry-and-login-tasks.md)";
  return [{ subject: "POSTAUTH", verdict: "wrong", text }];
}

/** The report for people. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  return findings.map(({ subject, verdict, text }) => `${subject.padEnd(width)}  ${verdict.padEnd(7)}  ${text}\n`).join(
    "",
  );
}

export const applet = defineApplet({
  names: ["indimail-doctor", "doctor"],
  section: 8,
  summary: "check the fences around the roles, and the installation",
  role: "admin",
  dialect: "admin",
  options: {
    root: { long: "root", value: "folder", help: "the installation" },
    json: { long: "json", help: "as JSON: a list of subject, verdict, text" },
    probe: { long: "probe", help: "also try, from behind each role's fences, what they forbid" },
  },
  description:
    `Prints a line for each fence of each role: the account that it runs as, Landlock, exec refused by seccomp, the
runtime's permissions. For a running server it is what each process found when it put its fences up; otherwise what this
kernel would give. Then the installation: server, control/me and what is wrong with other control files, whether the database of the
accounts answers, certificate, free disk, and whether the server's environment asks for a program that its roles may not start (POSTAUTH).

missing means that the host does not have it, and that the server runs without; wrong means that something is to be done.`,
  env: { INDIMAIL_ROOT: "root of the installation; / for root, else below HOME", ...MYSQL_ENV },
  control: ["me", "host.mysql"],
  exits: { 0: "nothing is wrong", 1: "something is wrong" },
  seeAlso: ["indimail-serve(8)", "indimail-status(8)"],
  source: ["[man landlock.7]", "[man seccomp.2]", "[decision 0020]"],
  async run(proc) {
    const all = new Map(Object.entries(proc.env.all()));
    const env: GetEnv = (name) => all.get(name);
    const paths = pathsOf(proc.options.root, proc.paths, { directory: Deno.cwd(), env });
    const state = tryReadState(paths);
    const running = state && tryReadProcessStatus(state.pid) ? state : undefined;
    const kernel = kernelFences();
    const findings = [
      ...DAEMON_ROLES.flatMap((name) => {
        const service = running?.services.find((candidate) => candidate.name.replace(/\d+$/, "") === name);
        return roleFindings(name, kernel, service?.fence);
      }),
      ...await installationFindings({ paths, env, state: running }, proc.clock.nowMs()),
      ...(running ? environmentFindings(environmentOf(running.pid)) : []),
    ];
    if (proc.options.probe) {
      const { probeRole } = await import("./probe_run.ts");
      for (const name of DAEMON_ROLES) findings.push(await probeRole(proc, name));
    }
    await proc.stdout.write(utf8Bytes(proc.options.json ? `${JSON.stringify(findings)}\n` : formatFindings(findings)));
    const exits = EXIT_DIALECTS.admin;
    return findings.some(({ verdict }) => verdict === "wrong") ? exits.permanent : exits.ok;
  },
});
