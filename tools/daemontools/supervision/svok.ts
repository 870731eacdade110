/** svok: tells by its exit code whether a service is supervised [man svok.8]. */
import { defineApplet } from "../../../core/applet.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { EXIT_DIALECTS } from "../../../core/exits.ts";
import { hasReader } from "./letters.ts";
import { stateFolderOf } from "./places.ts";

/** The program. */
export const applet = defineApplet({
  names: ["svok"],
  section: 8,
  summary: "check whether a service is supervised",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [{ name: "folder", help: "the service" }],
  description: "svok says nothing. Its exit code tells whether supervise or svscan looks after the service.",
  exits: { "0": "it is supervised", "100": "it is not", "111": "the folder cannot be looked at" },
  seeAlso: ["supervise(8)", "svc(8)", "svstat(8)"],
  source: ["[man svok.8]"],
  run(proc) {
    const service = proc.args[0] ?? "";
    const { ok, permanent } = EXIT_DIALECTS.chain;
    try {
      if (!Deno.statSync(service).isDirectory) throw new Temporary("not a folder");
      return Promise.resolve(hasReader(`${stateFolderOf(service)}/ok`) ? ok : permanent);
    } catch (error) {
      throw new Temporary(`unable to check ${service}: ${errorText(error)}`);
    }
  },
});
