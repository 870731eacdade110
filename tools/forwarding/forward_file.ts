/** What a ~/.forward file asks for, read as dot-forward(1) says. Latin1 text; lines that cannot be read are thrown. */
import { Temporary } from "../../core/errors.ts";
import { type AddressDefaults, completeAddress, parseRecipientList } from "../../mail/address/recipient_list.ts";

/** One instruction. */
export type ForwardInstruction =
  | { readonly kind: "forward"; readonly address: string }
  | { readonly kind: "program"; readonly command: string }
  /** Delivery to the user himself. */
  | { readonly kind: "direct" };

/** Who the file belongs to. */
export interface ForwardOwner {
  readonly user: string;
  readonly host: string;
}

/** The instructions in the order they are followed. Throws Temporary naming file and line. */
export function parseForwardFile(
  text: string,
  { path, owner, defaults }: {
    readonly path: string;
    readonly owner: ForwardOwner;
    readonly defaults: AddressDefaults;
  },
): ForwardInstruction[] {
  const instructions: ForwardInstruction[] = [];
  const user = owner.user.toLowerCase();
  for (const [at, line] of text.split("\n").entries()) {
    if (line.startsWith("#")) continue;
    const where = `${path} line ${at + 1}`;
    const entries = parseRecipientList(line, { includes: true });
    if (!entries) throw new Temporary(`${where}: cannot be read as addresses: ${line.trim()}`);
    for (const { kind, text: entry, hasAt } of entries) {
      const folded = entry.toLowerCase();
      if (kind === "include") throw new Temporary(`${where}: :include: is not supported: use a .qmail file`);
      if (entry === "") continue;
      if (user !== "" && folded === (hasAt ? `${user}@${owner.host.toLowerCase()}` : user)) {
        instructions.push({ kind: "direct" });
      } else if (!hasAt && entry.startsWith("/")) {
        throw new Temporary(`${where}: delivery to the file ${entry} is not supported: use a .qmail file`);
      } else if (!hasAt && entry.startsWith("|")) instructions.push({ kind: "program", command: entry.slice(1) });
      else instructions.push({ kind: "forward", address: completeAddress({ text: entry, hasAt }, defaults) });
    }
  }
  return instructions;
}
