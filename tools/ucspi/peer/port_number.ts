/** Port numbers by number or by name in /etc/services. */
import { Temporary } from "../../../core/errors.ts";

const PORT_MAX = 65_535;
const SERVICES = "/etc/services";

/** The TCP port that the text names. Throws Temporary when there is no such service. */
export function portNumber(text: string): number {
  if (/^\d+$/.test(text)) {
    const port = Number(text);
    if (port <= PORT_MAX) return port;
  } else {
    const port = serviceNamed(text);
    if (port !== undefined) return port;
  }
  throw new Temporary(`unable to figure out port number for ${text}`);
}

function serviceNamed(name: string): number | undefined {
  for (const line of servicesText().split("\n")) {
    const [canonical, number = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const port = /^(\d+)\/tcp$/.exec(number)?.[1];
    if (port !== undefined && (canonical === name || aliases.includes(name))) return Number(port);
  }
  return undefined;
}

function servicesText(): string {
  try {
    return Deno.readTextFileSync(SERVICES);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
