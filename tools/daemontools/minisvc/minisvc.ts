/** minisvc: makes services, hides and shows them, edits their variables [man minisvc.9]. */
import { defineApplet, type OptionSpecs, type OptionValues, type Proc } from "../../../core/applet.ts";
import { Permanent, Usage } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { BootConfig } from "./boot_config.ts";
import {
  dumpServices,
  hideService,
  isKept,
  madeServices,
  makeService,
  makeSvscanFolder,
  setRefresh,
  showService,
} from "./service_maker.ts";
import { formatVariables, parseVariables, SAVED, VariableFiles } from "./variable_files.ts";

const SERVICE_FOLDER = "/service";
const LOG_FOLDER = "/var/log/svc";

const OPTIONS = {
  create: { long: "create", value: "command", help: "make the service --service-name with this command as its run" },
  svscanLog: { long: "svscanlog", help: "make .svscan, the log and variables of svscan itself" },
  folder: { long: "servicedir", value: "folder", default: SERVICE_FOLDER, help: "the folder of services" },
  name: { long: "service-name", value: "name", help: "the service that a command is about" },
  logFolder: { long: "logdir", value: "folder", default: LOG_FOLDER, help: "where logs are kept" },
  logAccount: { long: "loguser", value: "account", help: "who writes logs; default: who runs svscan" },
  initCommand: { long: "initcmd", value: "command", help: "with --svscanlog: INITCMD" },
  scanSeconds: { long: "scanint", value: "seconds", default: "300", help: "with --svscanlog: SCANINTERVAL" },
  unshare: { long: "unshare", help: "with --svscanlog: svscan gets a mount namespace of its own" },
  down: { long: "down", help: "make the service with a file down" },
  force: { long: "force", help: "make anew or overwrite what is there" },
  remove: { long: "rmsvc", value: "services", help: "disable services: a dot before the name, and stop them" },
  enable: { long: "ensvc", value: "services", help: "enable services again" },
  refresh: {
    long: "refreshsvc",
    value: "services",
    help: "make services anew by the options that made them; all for all",
  },
  runOnly: { long: "run-file-only", help: "with --refreshsvc: leave variables as they are" },
  noRefresh: { long: "norefreshsvc", value: "0|1 services", help: "the same as --autorefresh" },
  autoRefresh: { long: "autorefresh", value: "0|1 services", help: "whether --refreshsvc makes services anew" },
  config: { long: "config", value: "what", help: "add-boot, rm-boot, inittab, users, rmusers" },
  destination: { long: "destdir", value: "folder", help: "with --config: a tree to write to in place of /" },
  set: { long: "set-variable", value: "name", help: "set a new variable to --variable-value" },
  modify: { long: "modify-variable", value: "name", help: "change a variable to --variable-value" },
  value: { long: "variable-value", value: "value", help: "value of a variable" },
  unset: { long: "unset-variable", value: "name", help: "the service is to run without this variable" },
  drop: { long: "remove-variable", value: "name", help: "remove the setting of a variable" },
  importFile: { long: "import-variables", value: "file", help: "set the variables of a file, name=value" },
  exportFile: { long: "export-variables", value: "file", help: "write the variables to a file" },
  restore: { long: "restore-variables", help: "bring variables back to what was saved" },
  saveAll: { long: "save-variables", help: "save the variables of all services" },
  restoreAll: { long: "restore-all-variables", help: "bring all of them back to what was saved" },
  print: { long: "print-variables", help: "print the variables of a service, or of --envdir" },
  envFolder: { long: "envdir", value: "folder", help: "a folder of variables in place of a service's" },
  printAll: { long: "print-all-variables", help: "print the variables of all services" },
  dump: { long: "dumpconfig", help: "print the scripts and variables of all services" },
  silent: { long: "silent", help: "say nothing of what was done" },
} as const satisfies OptionSpecs;

/** The program. */
export const applet = defineApplet({
  names: ["minisvc"],
  section: 8,
  summary: "make and configure supervised services",
  role: "tool",
  dialect: "admin",
  options: OPTIONS,
  description:
    `minisvc does one thing at a call. --create makes a service: run, log/run (a multilog line), variables. It appears in the
folder whole. How it was made is kept in variables/.options, so that --refreshsvc can make it anew; variables/.norefreshsvc
(--autorefresh) prevents that. Services are named by their whole path, several in one argument with blanks between.

Variables are files of the service's folder variables, see envdir(8). --save-variables keeps all in variables/.variables.`,
  exits: { "0": "done", "1": "wrong usage, or a step failed" },
  files: { "variables/.options": "the options that made a service", "variables/.variables": "saved variables" },
  examples: [
    {
      command: "minisvc --create='tcpserver -HR 0 3002 svstatd' --service-name=svstatd.3002",
      help: "a service with a log",
    },
    { command: "minisvc --rmsvc=/service/svstatd.3002", help: "disable it" },
  ],
  seeAlso: ["svscan(8)", "supervise(8)", "svc(8)", "svps(1)", "envdir(8)", "multilog(8)"],
  source: ["[man minisvc.9]"],
  async run(proc) {
    const text = await new MiniSvc(proc).run();
    if (text !== "" && !proc.options.silent) await proc.stdout.write(new TextEncoder().encode(text));
  },
});

type Values = OptionValues<typeof OPTIONS>;

class MiniSvc {
  readonly #proc: Proc<typeof OPTIONS>;
  readonly #options: Values;
  readonly #folder: string;

  constructor(proc: Proc<typeof OPTIONS>) {
    this.#proc = proc;
    this.#options = proc.options;
    this.#folder = (proc.options.folder ?? SERVICE_FOLDER).replace(/\/+$/, "");
  }

  async run(): Promise<string> {
    const { remove, enable, config, dump } = this.#options;
    if (config !== undefined) {
      return await new BootConfig(this.#proc, this.#options.destination ?? "").run(config, this.#folder);
    }
    if (remove !== undefined) return pathsIn(remove).map((path) => `Removed Service ${hideService(path)}\n`).join("");
    if (enable !== undefined) return pathsIn(enable).map((path) => `Enabled Service ${showService(path)}\n`).join("");
    if (dump) return dumpServices(this.#folder);
    return this.#make() ?? this.#refresh() ?? this.#editVariable() ?? this.#allVariables() ?? fail();
  }

  #make(): string | undefined {
    const { create, svscanLog, initCommand, scanSeconds, unshare, down, force } = this.#options;
    const design = {
      folder: this.#folder,
      logFolder: this.#options.logFolder ?? LOG_FOLDER,
      logAccount: this.#options.logAccount,
      made: madeBy(this.#options),
    };
    if (svscanLog) {
      const seconds = scanSeconds === undefined ? undefined : Number(scanSeconds);
      if (seconds !== undefined && !(seconds > 0)) {
        throw new Usage(`--scanint=${scanSeconds} is not a number of seconds`);
      }
      return `Created ${makeSvscanFolder({ ...design, initCommand, scanSeconds: seconds, unshare })}\n`;
    }
    if (create === undefined) return undefined;
    return `Created ${makeService({ ...design, name: this.#name(), command: create, isDown: down, force })}\n`;
  }

  #name(): string {
    return this.#options.name ?? fail("--service-name is missing");
  }

  #refresh(): string | undefined {
    const { refresh, noRefresh, force } = this.#options;
    const autoRefresh = this.#options.autoRefresh ?? noRefresh;
    if (autoRefresh !== undefined) {
      const [how = "", ...services] = autoRefresh.trim().split(/\s+/);
      if (how !== "0" && how !== "1") throw new Usage("--autorefresh needs 0 or 1 and services");
      for (const path of this.#services(services.join(" "))) setRefresh(path, how === "1" ? "on" : "off");
      return "";
    }
    if (refresh === undefined) return undefined;
    const made = madeServices(this.#folder);
    return this.#services(refresh).map((path) => {
      const service = made.find((candidate) => candidate.path === path);
      if (!service) throw new Permanent(`${path} was not made by minisvc`);
      if (isKept(path) && !force) return `Skipped Service ${path}: auto refresh is off\n`;
      this.#makeAgain(path, service.options);
      return `Refreshed Service ${path}\n`;
    }).join("");
  }

  #services(text: string): string[] {
    return text.trim() === "all" ? madeServices(this.#folder).map(({ path }) => path) : pathsIn(text);
  }

  #makeAgain(path: string, options: string): void {
    const [command, logDir, logAccount, initCommand] = optionsOf(options, ["create", "logdir", "loguser", "initcmd"]);
    const made = parsedOptions(options);
    const files = new VariableFiles(`${path}/variables`);
    const before = files.all();
    const design = { folder: this.#folder, logFolder: logDir ?? LOG_FOLDER, logAccount, made };
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (made.includes("--svscanlog")) {
      makeSvscanFolder({ ...design, initCommand, scanSeconds: undefined, unshare: false });
    } else if (command === undefined) {
      throw new Permanent(`${path} cannot be made anew: it has no command in variables/.options`);
    } else makeService({ ...design, name, command, isDown: made.includes("--down"), force: true });
    if (this.#options.runOnly) files.restore(before);
  }

  /** The variables of the service or folder that is named. */
  #variables(): VariableFiles {
    return new VariableFiles(this.#options.envFolder ?? `${this.#folder}/${this.#name()}/variables`);
  }

  #editVariable(): string | undefined {
    const { set, modify, unset, drop, value, force, importFile, exportFile, restore, print } = this.#options;
    const name = set ?? modify;
    if (name !== undefined) {
      const files = this.#variables();
      if (value === undefined) throw new Usage("--variable-value is missing");
      if (files.has(name) !== (modify !== undefined) && !force) {
        throw new Permanent(`${name} is ${files.has(name) ? "set already" : "not set"}: --force`);
      }
      files.write([name, value]);
    } else if (unset !== undefined) this.#variables().write([unset, undefined]);
    else if (drop !== undefined) this.#variables().remove(drop);
    else if (importFile !== undefined) {
      const files = this.#variables();
      for (const variable of parseVariables(Deno.readTextFileSync(importFile))) {
        if (force || !files.has(variable[0])) files.write(variable);
      }
    } else if (exportFile !== undefined) {
      if (pathExists(exportFile) && !force) throw new Permanent(`${exportFile} is there already: --force`);
      Deno.writeTextFileSync(exportFile, formatVariables(this.#variables().all()));
    } else if (restore) restoreSaved(this.#variables());
    else if (print) return formatVariables(this.#variables().all());
    else return undefined;
    return "";
  }

  #allVariables(): string | undefined {
    const { saveAll, restoreAll, printAll } = this.#options;
    if (!saveAll && !restoreAll && !printAll) return undefined;
    const folders = [...Deno.readDirSync(this.#folder)].map(({ name }) => `${this.#folder}/${name}/variables`).sort();
    return folders.filter(pathExists).map((folder) => {
      const files = new VariableFiles(folder);
      if (printAll) return `${folder}:\n${formatVariables(files.all())}\n`;
      if (saveAll) Deno.writeTextFileSync(`${folder}/${SAVED}`, formatVariables(files.all()), { mode: 0o600 });
      else restoreSaved(files);
      return `${saveAll ? "Saved" : "Restored"} ${folder}\n`;
    }).join("");
  }
}

function restoreSaved(files: VariableFiles): void {
  const saved = `${files.folder}/${SAVED}`;
  if (!pathExists(saved)) throw new Permanent(`${saved}: nothing was saved`);
  files.restore(parseVariables(Deno.readTextFileSync(saved)));
}

function pathsIn(text: string): string[] {
  return text.split(/\s+/).filter((path) => path !== "");
}

function fail(what = "nothing to do: minisvc --help shows the options"): never {
  throw new Usage(what);
}

/** The options that made a service, without those that are of this call only. */
function madeBy(values: Values): string[] {
  const kept: readonly (keyof Values)[] = [
    "create",
    "svscanLog",
    "name",
    "logFolder",
    "logAccount",
    "down",
    "initCommand",
  ];
  return kept.flatMap((key) => {
    const value = values[key];
    const { long } = OPTIONS[key];
    if (typeof value === "string") return [`--${long}=${value}`];
    return value ? [`--${long}`] : [];
  });
}

/** The words of variables/.options, as `quoted` wrote them. */
export function parsedOptions(text: string): string[] {
  const words = text.match(/(?:'[^']*'|\\.|[^\s'\\])+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|\\(.)/g, (_, quotedPart, escaped) => quotedPart ?? escaped));
}

function optionsOf(text: string, names: readonly string[]): (string | undefined)[] {
  const words = parsedOptions(text);
  return names.map((name) => {
    const prefix = `--${name}=`;
    return words.find((word) => word.startsWith(prefix))?.slice(prefix.length);
  });
}
