/** minisvc: makes services, hides and shows them, edits their variables [man minisvc.9]. */
import { defineApplet, type OptionValues, type Proc } from "../../../core/applet.ts";
import { controlLine } from "../../../core/control_lines.ts";
import { Permanent, Usage } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { VERSION } from "../../../core/version.ts";
import { LOG_FOLDER, OPTIONS, SERVICE_FOLDER } from "./options.ts";
import { BootConfig } from "./boot_config.ts";
import { BootServices } from "./boot_services.ts";
import { CertificateFiles } from "./certificate_files.ts";
import { checkResolvConf, makeResolvConf, type ResolvConfDesign } from "./resolv_conf.ts";
import {
  dumpControlFiles,
  dumpServices,
  hideService,
  isKept,
  madeServices,
  makeService,
  makeSvscanFolder,
  setRefresh,
  showService,
  tryMadeService,
} from "./service_maker.ts";
import { formatVariables, parseVariables, SAVED, VariableFiles } from "./variable_files.ts";

/** The program. */
export const applet = defineApplet({
  names: ["minisvc"],
  section: 8,
  summary: "make and configure supervised services",
  role: "tool",
  dialect: "admin",
  options: OPTIONS,
  synopsis: "minisvc [options] [service...]",
  operands: [{ name: "service", help: "with --enable-service, --disable-service", optional: true, repeat: true }],
  description:
    `minisvc does one thing at a call. --create makes a service: run, log/run (a multilog line), variables. It appears in the
folder whole. How it was made is kept in variables/.options, so that --refreshsvc can make it anew; variables/.norefreshsvc
(--autorefresh) prevents that. Services are named by their whole path, several in one argument with blanks between.

Variables are files of the service's folder variables, see envdir(8). --save-variables keeps all in variables/.variables.

--config=cert makes servercert.pem, key and certificate in one file, readable for root and group qcerts, and the link
clientcert.pem. --check-certs says of each certificate whom it names and how long it holds; it changes nothing, and fails when
one has expired, is for another use or has a foreign key.

--enable-service and --disable-service are about services of the system: a unit of systemd, a job of upstart, a script in
/etc/init.d.`,
  exits: { "0": "done", "1": "wrong usage, or a step failed" },
  control: ["servicedir.conf"],
  files: { "variables/.options": "the options that made a service", "variables/.variables": "saved variables" },
  examples: [
    {
      command: "minisvc --create='tcpserver -HR 0 3002 svstatd' --service-name=svstatd.3002",
      help: "a service with a log",
    },
    { command: "minisvc --rmsvc=/service/svstatd.3002", help: "disable it" },
    { command: "minisvc --config=cert --common_name=mx.example.org --validity_days=90 --force", help: "a certificate" },
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
  readonly #control: string;
  readonly #folder: string;

  constructor(proc: Proc<typeof OPTIONS>) {
    this.#proc = proc;
    this.#options = proc.options;
    this.#control = proc.options.controlFolder ?? proc.paths.control;
    const folder = proc.options.folder ?? controlLine(this.#control, "servicedir.conf") ?? SERVICE_FOLDER;
    this.#folder = folder.replace(/\/+$/, "");
  }

  async run(): Promise<string> {
    const { remove, enable, dump, version } = this.#options;
    if (version) return versionLine();
    const system = await this.#system();
    if (system !== undefined) return system;
    if (remove !== undefined) return pathsIn(remove).map((path) => `Removed Service ${hideService(path)}\n`).join("");
    if (enable !== undefined) return pathsIn(enable).map((path) => `Enabled Service ${showService(path)}\n`).join("");
    if (dump) return `${dumpServices(this.#folder)}${dumpControlFiles(this.#control)}${versionLine()}`;
    return this.#make() ?? this.#refresh() ?? this.#editVariable() ?? this.#allVariables() ?? fail();
  }

  /** What is not about the folder of services: the system's start, accounts, certificates. */
  async #system(): Promise<string | undefined> {
    const { config, checkCerts, bootOn, bootOff, destination = "" } = this.#options;
    const { args } = this.#proc;
    if (bootOn || bootOff) return await new BootServices(this.#proc, destination).turn(args, bootOn ? "on" : "off");
    if (args.length > 0) throw new Usage(`unexpected argument ${args[0]}`);
    if (checkCerts !== undefined) return await new CertificateFiles(this.#proc, destination).check(checkCerts);
    if (config === "cert") return await this.#makeCertificate(destination);
    return config === undefined ? undefined : await new BootConfig(this.#proc, destination).run(config, this.#folder);
  }

  async #makeCertificate(destination: string): Promise<string> {
    const { commonName, postmaster, validityDays, authorityFolder, certFolder, updateCerts, force } = this.#options;
    return await new CertificateFiles(this.#proc, destination).make({
      commonName: commonName ?? controlLine(this.#control, "me"),
      postmaster,
      days: validityDays,
      authorityFolder,
      certFolder,
      services: updateCerts ? this.#folder : undefined,
      force,
    });
  }

  #make(): string | undefined {
    const { create, svscanLog, initCommand, scanSeconds, resolvConf, down, force } = this.#options;
    const unshare = this.#options.unshare || resolvConf;
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
      if (resolvConf) checkResolvConf(this.#folder);
      const path = makeSvscanFolder({ ...design, initCommand, scanSeconds: seconds, unshare });
      if (!resolvConf) return `Created ${path}\n`;
      return `Created ${path}\nCreated ${this.#makeResolvConf({ ...design, isDown: down })}\n`;
    }
    if (create === undefined) return undefined;
    return `Created ${makeService({ ...design, name: this.#name(), command: create, isDown: down, force })}\n`;
  }

  #makeResolvConf(design: Omit<ResolvConfDesign, "settings" | "hostName">): string {
    return makeResolvConf({ ...design, settings: this.#proc.paths.settings, hostName: Deno.hostname() });
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
    return this.#services(refresh).map((path) => {
      const service = tryMadeService(path);
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
    const [command, logDir, logAccount, initCommand, scanSeconds] = optionsOf(options, [
      "create",
      "logdir",
      "loguser",
      "initcmd",
      "scanint",
    ]);
    const made = parsedOptions(options);
    const files = new VariableFiles(`${path}/variables`);
    const before = files.all();
    const name = path.slice(path.lastIndexOf("/") + 1);
    const folder = path.slice(0, -name.length - 1);
    const design = { folder, logFolder: logDir ?? LOG_FOLDER, logAccount, made };
    if (made.includes("--svscanlog")) {
      const isPrivate = made.includes("--resolvconf");
      makeSvscanFolder({
        ...design,
        initCommand,
        scanSeconds: scanSeconds === undefined ? undefined : Number(scanSeconds),
        unshare: isPrivate || made.includes("--unshare"),
      });
      if (isPrivate) this.#makeResolvConf({ ...design, isDown: made.includes("--down") });
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

function versionLine(): string {
  return `IndiMail ${VERSION}\n`;
}

function pathsIn(text: string): string[] {
  return text.split(/\s+/).filter((path) => path !== "").map((path) => path.replace(/\/+$/, ""));
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
    "scanSeconds",
    "unshare",
    "resolvConf",
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
