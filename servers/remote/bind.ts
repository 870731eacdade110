/**
 * Binds remote delivery to a running program: control files, resolver, own addresses.
 */
import type { Proc } from "../../core/applet.ts";
import { systemResolver } from "../../core/dns/system.ts";
import { type SaslMechanism, tryParseMechanism } from "../../mail/sasl/mechanisms.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import type { RemoteContext } from "./deliver.ts";
import { Penalties } from "./penalties.ts";
import { SessionPool } from "./pool.ts";
import { SmtpRoutes } from "./routes.ts";

/** Environment variables that remote delivery reads, for the declarations of its programs. */
export const REMOTE_ENV = {
  SMTPROUTE: "a route host:relay:port that goes before control/smtproutes",
  AUTH_SMTP:
    "mechanism of logins, also one with -PLUS or a token as password; default the strongest that the server names",
  DNSCACHEIP: "addresses of resolvers, separated by blanks; /etc/resolv.conf unless set",
} as const;

/** Control files that remote delivery reads. */
export const REMOTE_CONTROL = [
  "me",
  "helohost",
  "smtproutes",
  "timeoutconnect",
  "timeoutremote",
  "notlshosts",
  "outgoingip",
  "moreipme",
  "notipme",
] as const;

/** The remote delivery context of this process. */
export function createRemoteContext(proc: Proc): RemoteContext {
  const control = new ControlFiles(proc.paths.control);
  let routes: SmtpRoutes | undefined;
  let routesText: string | undefined;
  return {
    control,
    resolver: systemResolver(proc.env.get("DNSCACHEIP")),
    routes() {
      const text = control.text("smtproutes") ?? "";
      if (!routes || text !== routesText) {
        const first = proc.env.get("SMTPROUTE");
        routes = new SmtpRoutes([...(first ? [first] : []), ...control.lines("smtproutes") ?? []]);
        routesText = text;
      }
      return routes;
    },
    penalties: new Penalties(() => proc.clock.nowMs()),
    pool: new SessionPool(),
    log: proc.log,
    certs: proc.paths.certs,
    isOwnAddress: ownAddressTest(control),
    loginMechanism: loginMechanism(proc),
    random: Math.random,
  };
}

/** AUTH_SMTP; another value than a mechanism's name, as the original's that only switches logins on, is none. */
function loginMechanism(proc: Proc): SaslMechanism | undefined {
  const name = proc.env.get("AUTH_SMTP");
  return name === undefined ? undefined : tryParseMechanism(name.trim().toUpperCase());
}

/** This host's own addresses: its interfaces', moreipme's, without notipme's [man qmail-control.9]. */
function ownAddressTest(control: ControlFiles): (address: string) => boolean {
  return (address) => {
    if (control.lines("notipme")?.includes(address)) return false;
    if (address.startsWith("127.") || address === "::1" || address === "0.0.0.0") return true;
    return control.lines("moreipme")?.includes(address) ??
      Deno.networkInterfaces().some((own) => own.address === address);
  };
}
