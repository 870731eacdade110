/**
 * Settings of the Sender Rewriting Scheme from control files and variables, and the sender of what is forwarded. A
 * variable holds the value, or names another control file [man indimail-srs.9].
 */
import type { Proc } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { controlLines } from "../../core/control_lines.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { SRS_DEFAULTS, type SrsSettings } from "../../mail/srs/settings.ts";
import { variable } from "./delivery.ts";

/** Variables, for the declarations of programs. */
export const SRS_ENV = {
  SRS_DOMAIN: "instead of control file srs_domain",
  SRS_SECRETS: "instead of control file srs_secrets",
  SRS_MAXAGE: "instead of control file srs_maxage",
  SRS_HASHLENGTH: "instead of control file srs_hashlength",
  SRS_HASHMIN: "instead of control file srs_hashmin",
  SRS_SEPARATOR: "instead of control file srs_separator",
  SRS_ALWAYSREWRITE: "instead of control file srs_alwaysrewrite",
} as const;

/** Control files, likewise. */
export const SRS_CONTROL = [
  "srs_domain",
  "srs_secrets",
  "srs_maxage",
  "srs_hashlength",
  "srs_hashmin",
  "srs_separator",
  "srs_alwaysrewrite",
] as const;

/** Control files that say which senders are rewritten. */
export const FORWARD_CONTROL = [...SRS_CONTROL, "rcpthosts", "morercpthosts.cdb"] as const;

type Surroundings = Pick<Proc, "env" | "paths">;

function settingLines(proc: Surroundings, name: (typeof SRS_CONTROL)[number]): readonly string[] {
  const folder = proc.paths.control;
  const set = variable(proc, name.toUpperCase());
  if (!set) return controlLines(folder, name) ?? [];
  const file = set.includes("/") ? undefined : controlLines(folder, set);
  return file ?? [set];
}

function settingNumber(proc: Surroundings, name: (typeof SRS_CONTROL)[number], fallback: number): number {
  const text = settingLines(proc, name)[0];
  if (text === undefined) return fallback;
  if (!/^\d{1,6}$/.test(text)) throw new Temporary(`${name}: ${text} is no number`);
  return Number(text) || fallback;
}

/** The settings; undefined where there is no domain or no secret. Throws Temporary. */
export function readSrsSettings(proc: Surroundings): SrsSettings | undefined {
  const domain = settingLines(proc, "srs_domain")[0];
  const secrets = domain === undefined ? [] : settingLines(proc, "srs_secrets");
  if (domain === undefined || secrets.length === 0) return undefined;
  const hashLength = settingNumber(proc, "srs_hashlength", SRS_DEFAULTS.hashLength);
  const mark = settingLines(proc, "srs_separator")[0];
  return {
    domain,
    secrets,
    separator: mark === "-" || mark === "+" ? mark : SRS_DEFAULTS.separator,
    hashLength,
    hashLengthMin: Math.min(settingNumber(proc, "srs_hashmin", SRS_DEFAULTS.hashLengthMin), hashLength),
    ageDaysMax: settingNumber(proc, "srs_maxage", SRS_DEFAULTS.ageDaysMax),
    always: settingNumber(proc, "srs_alwaysrewrite", 0) === 1,
  };
}

/** Whether control/rcpthosts names the domain: mail of it may leave from here under its own name. */
async function isOurs(control: string, domain: string): Promise<boolean> {
  const hosts = controlLines(control, "rcpthosts");
  if (hosts === undefined) return true;
  const { CdbFile } = await import("../../storage/cdb/reader.ts");
  const more = new CdbFile(`${control}/morercpthosts.cdb`).current();
  const known = new Set(hosts.map((host) => host.toLowerCase()));
  for (let name = domain.toLowerCase();;) {
    if (known.has(name) || more?.find(latin1Bytes(name))) return true;
    const dot = name.indexOf(".", 1);
    if (dot < 0) return false;
    name = name.slice(dot);
  }
}

/** The sender that a message is forwarded with. Throws Permanent or Temporary. */
export async function forwardingSender(proc: Surroundings & Pick<Proc, "clock">, sender: string): Promise<string> {
  const settings = readSrsSettings(proc);
  if (settings === undefined || sender === "") return sender;
  const at = sender.lastIndexOf("@");
  if (at < 0) throw new Permanent(`SRS: the sender ${sender} has no @`);
  if (!settings.always && await isOurs(proc.paths.control, sender.slice(at + 1))) return sender;
  const { rewriteSender } = await import("../../mail/srs/srs.ts"); // cryptography, which most forwards do without
  return rewriteSender(sender, settings, proc.clock.nowMs());
}
