/**
 * What a result of PAM means for a checkpassword program. pam_exec turns every exit code of its program into "system
 * error" and tells the code in a message (unless `quiet`): there pam-multi's own result is found again [decision 0075].
 */
import { PAM, type PamResult } from "../../core/libc/pam.ts";

/** What becomes of a login. */
export type PamVerdict = "accepted" | "refused" | "temporary";

/** Results that say no for good. All others but success are trouble: a login is not refused for them. */
const REFUSALS: readonly number[] = [
  PAM.permissionDenied,
  PAM.authError,
  PAM.credInsufficient,
  PAM.userUnknown,
  PAM.maxTries,
  PAM.newAuthtokRequired,
  PAM.accountExpired,
  PAM.credExpired,
  PAM.authtokExpired,
];
/** A program that fails with 1, and knows nothing of PAM's results, says no. */
const PLAIN_FAILURE = 1;
const EXIT_MESSAGE = /failed: exit code (\d{1,3})$/;

/** The verdict. */
export function pamVerdict(result: Pick<PamResult, "code" | "messages">): PamVerdict {
  const { code, messages } = result;
  if (code === PAM.success) return "accepted";
  if (REFUSALS.includes(code)) return "refused";
  if (code !== PAM.systemError) return "temporary";
  const exits = messages.map((message) => EXIT_MESSAGE.exec(message)?.[1]).filter((exit) => exit !== undefined);
  const last = Number(exits.at(-1) ?? PAM.systemError);
  return last === PLAIN_FAILURE || REFUSALS.includes(last) ? "refused" : "temporary";
}
