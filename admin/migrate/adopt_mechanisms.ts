/**
 * Users who come with a crypt(3) hash only cannot log in by SCRAM or CRAM, and clients that see such a name try no other:
 * so adopting takes those names out of control/authmechanisms [decision 0012].
 */
import { needsClearText, scramHashOf } from "../../mail/sasl/mechanisms.ts";
import type { Command } from "../../storage/accounts/command.ts";
import { listedMechanisms, MECHANISMS_FILE } from "../../storage/accounts/auth_mechanisms.ts";
import { writeLineFile } from "../../storage/accounts/line_file.ts";
import type { Step } from "./adopt_types.ts";

/** The step that is needed for users without a credential; none where all listed names work with any hash. */
export function mechanismSteps({ control, disk, paths }: Command, usersWithout: number): Step[] {
  const listed = listedMechanisms(control);
  const kept = listed.filter((name) => !needsClearText(name) && scramHashOf(name) === undefined);
  if (usersWithout === 0 || kept.length === listed.length) return [];
  const gone = listed.filter((name) => !kept.includes(name));
  return [{
    text: `offer no ${gone.join(", ")} (control/${MECHANISMS_FILE}): ${usersWithout} users have a hash that is for ` +
      `${kept.join(", ")} only`,
    async run() {
      await writeLineFile(disk, `${paths.control}/${MECHANISMS_FILE}`, kept);
      return `control/${MECHANISMS_FILE}: ${kept.join(" ")}`;
    },
  }];
}
