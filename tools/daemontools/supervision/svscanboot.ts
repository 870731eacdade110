/** svscanboot: starts svscan at boot, with an environment of its own and its output out of the way [man svscanboot.9]. */
import { defineApplet } from "../../../core/applet.ts";
import { errorText } from "../../../core/errors.ts";
import { closeFd, OPEN, openFd, openPipe } from "../../../core/libc/fd.ts";
import { placeFd } from "../../../core/libc/socket.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { sendLetters } from "./letters.ts";
import { stateFolderOf } from "./places.ts";
import { withEnvFolder } from "./service_plan.ts";

const SERVICE_FOLDER = "/service";
const PATH = "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin:/usr/local/sbin";
/** What the runtime of these programs needs stays in the environment. */
const KEPT = ["INDIMAIL_ROOT", "DENO_DIR", "DENO_TLS_CA_STORE", "XDG_CACHE_HOME", "HOME"] as const;
/** Length of the log in ps. */
const TITLE_DOTS = 400;
const UNSHARE = "/usr/bin/unshare";

/** The program. */
export const applet = defineApplet({
  names: ["svscanboot"],
  section: 8,
  summary: "start svscan at boot",
  role: "tool",
  dialect: "daemon",
  options: {},
  operands: [{
    name: "folder",
    help: "the folder of services; default: control/servicedir.conf, else /service",
    optional: true,
  }],
  description:
    `svscanboot tells supervisors that are left in the folder to end, and becomes svscan, with standard input from /dev/null and
nothing in its environment but PATH, what these programs themselves need (HOME, INDIMAIL_ROOT), and what the folder
.svscan/variables says, read as by envdir.

With SCANLOG there svscan logs to .svscan/log, and standard output and error are /dev/null; without it they go to
readproctitle, so that ps shows them. With UNSHARE svscan gets a mount namespace of its own.`,
  env: {
    PATH: "only when .svscan/variables sets none: where programs are found",
    HOME: "handed on",
    INDIMAIL_ROOT: "handed on: the folder of the installation",
  },
  control: ["servicedir.conf"],
  exits: { "111": "svscan cannot be run" },
  files: { ".svscan/variables": "environment of svscan and all services" },
  seeAlso: ["svscan(8)", "supervise(8)", "readproctitle(8)", "envdir(8)"],
  source: ["[man svscanboot.9]"],
  async run(proc) {
    const folder = proc.args[0] ?? configuredFolder(proc.paths.control);
    const variables = `${folder}/.svscan/variables`;
    let env: Record<string, string> = { PATH: proc.env.get("PATH") ?? PATH };
    const all = proc.env.all();
    for (const name of KEPT) if (all[name] !== undefined) env[name] = all[name];
    if (pathExists(variables)) {
      env = withEnvFolder(env, variables, (text) => proc.log.line(`svscanboot: warning: ${text}`));
    }
    endLeftovers(folder, (text) => proc.log.line(`svscanboot: warning: ${text}`));
    await proc.log.flush();
    let output = openFd("/dev/null", OPEN.readWrite | OPEN.closeOnExec);
    placeFd(output, 0);
    if (env.SCANLOG === undefined) {
      const pipe = openPipe();
      const args = ["service", "errors:", ".".repeat(TITLE_DOTS)];
      await proc.spawn({ program: "readproctitle", args, env, fds: { 0: pipe.reading, 1: output, 2: output } });
      closeFd(output);
      closeFd(pipe.reading);
      output = pipe.writing;
    }
    for (const target of [1, 2]) placeFd(output, target);
    if (env.UNSHARE && pathExists(UNSHARE)) proc.exec(UNSHARE, ["--mount", "svscan", folder], env);
    proc.exec("svscan", [folder], env);
  },
});

function configuredFolder(control: string): string {
  try {
    return Deno.readTextFileSync(`${control}/servicedir.conf`).split("\n", 1)[0]?.trim() || SERVICE_FOLDER;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return SERVICE_FOLDER;
    throw error;
  }
}

/** What supervise processes are left of another svscan end, and their services with them. */
function endLeftovers(folder: string, warn: (text: string) => void): void {
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      for (const service of [`${folder}/${name}`, `${folder}/${name}/log`]) {
        if (pathExists(service)) sendLetters(`${stateFolderOf(service)}/control`, "dx");
      }
    }
  } catch (error) {
    warn(errorText(error));
  }
}
