/**
 * How long a test that could run for ever runs: bounded in the gate, long in `deno task fuzz`, `crash` and `faults`,
 * which set INDIMAIL_CAMPAIGN.
 */

/** True in the long run of a campaign. */
export const isLongCampaign: boolean = Deno.env.get("INDIMAIL_CAMPAIGN") === "long";

/** Rounds of a campaign: few in the gate, many in the long run. */
export function campaignRounds(rounds: { readonly gate: number; readonly long: number }): number {
  return isLongCampaign ? rounds.long : rounds.gate;
}
