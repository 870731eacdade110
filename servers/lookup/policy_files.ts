/** The control files of the login policy, read at the start and again at HUP, and the daemon's parts that go by them. */
import { errorText } from "../../core/errors.ts";
import type { Clock } from "../../core/applet.ts";
import type { Logger } from "../../core/log.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import { PASSWORD_SCHEME_CONTROL, readWantedScheme } from "../../storage/accounts/logins/password_strength.ts";
import type { ControlFiles } from "../../storage/control/control.ts";
import { LoginGuard } from "./guard.ts";
import { GUARD_CONTROL, type GuardSettings, readGuardSettings, readTrustedNetworks } from "./guard_settings.ts";
import { accountName, type LoginNames } from "./login_name.ts";
import { PasswordRenewer } from "./renewals.ts";

/** Names of the files, for the applet's declaration. */
export const POLICY_CONTROL = [GUARD_CONTROL.settings, GUARD_CONTROL.trusted, PASSWORD_SCHEME_CONTROL] as const;

/** A delayed answer must still come before its client gives up: that leaves this much, milliseconds. */
const ANSWER_MS = 1000;

/** What the policy works with. */
export interface PolicySources {
  readonly accounts: Accounts;
  readonly control: ControlFiles;
  readonly names: LoginNames;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long clients wait for an answer. */
  readonly timeoutMs: number;
}

/** The parts that go by the files. */
export interface PolicyParts {
  readonly guard: LoginGuard;
  readonly renewer: PasswordRenewer;
  /** Reads the files again; what cannot be read leaves what held before, and a line in the log. */
  reread(): void;
}

/** Makes the parts. Throws Permanent naming a file that makes no sense. */
export function openPolicy({ accounts, control, names, clock, log, timeoutMs }: PolicySources): PolicyParts {
  const files = () => ({
    settings: withinTimeout(readGuardSettings(control), timeoutMs),
    trusted: readTrustedNetworks(control),
    wanted: readWantedScheme(control),
  });
  const first = files();
  const guard = new LoginGuard({
    ...first,
    nowMs: () => clock.nowMs(),
    sleep: (durationMs, signal) => clock.sleep(durationMs, signal),
    line: (text) => log.line(text),
    accountOf: (user) => accountName(user, names),
  });
  const renewer = new PasswordRenewer(accounts, log, first.wanted);
  return {
    guard,
    renewer,
    reread() {
      try {
        control.reread();
        const { settings, trusted, wanted } = files();
        guard.configure(settings, trusted);
        renewer.configure(wanted);
      } catch (error) {
        log.line(`inlookup: warning: login policy stays as it was: ${errorText(error)}`);
      }
    },
  };
}

function withinTimeout(settings: GuardSettings, timeoutMs: number): GuardSettings {
  return { ...settings, slowdelaymax: Math.min(settings.slowdelaymax, Math.max(0, timeoutMs - ANSWER_MS)) };
}
