/** The options of minisvc [man minisvc.9]. */
import type { OptionSpecs } from "../../../core/applet.ts";

/** The folder of services where nothing says another. */
export const SERVICE_FOLDER = "/service";
/** The folder of logs where nothing says another. */
export const LOG_FOLDER = "/var/log/svc";

/** All of them. */
export const OPTIONS = {
  create: { long: "create", value: "command", help: "make the service --service-name with this command as its run" },
  svscanLog: { long: "svscanlog", help: "make .svscan, the log and variables of svscan itself" },
  folder: {
    long: "servicedir",
    value: "folder",
    default: `control/servicedir.conf, else ${SERVICE_FOLDER}`,
    help: "the folder of services",
  },
  controlFolder: {
    long: "cntrldir",
    value: "folder",
    help: "the folder of control files; default: the installation's",
  },
  name: { long: "service-name", value: "name", help: "the service that a command is about" },
  logFolder: { long: "logdir", value: "folder", default: LOG_FOLDER, help: "where logs are kept" },
  logAccount: { long: "loguser", value: "account", help: "who writes logs; default: who runs svscan" },
  initCommand: { long: "initcmd", value: "command", help: "with --svscanlog: INITCMD" },
  scanSeconds: { long: "scanint", value: "seconds", default: "300", help: "with --svscanlog: SCANINTERVAL" },
  unshare: { long: "unshare", help: "with --svscanlog: svscan gets a mount namespace of its own" },
  resolvConf: {
    long: "resolvconf",
    help: "with --svscanlog: services ask the service dnscache, by a resolv.conf that only they see",
  },
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
  config: { long: "config", value: "what", help: "add-boot, rm-boot, inittab, users, rmusers, cert" },
  commonName: {
    long: "common_name",
    value: "host",
    help: "with --config=cert: the name that clients know this host by",
  },
  postmaster: { long: "postmaster", value: "user", help: "with --config=cert: an address to be named in it" },
  validityDays: { long: "validity_days", value: "days", default: "366", help: "with --config=cert: how long it holds" },
  authorityFolder: {
    long: "capath",
    value: "folder",
    help: "with --config=cert: cacert.pem and cakey.pem of the authority that signs it; default: signed by itself",
  },
  certFolder: {
    long: "certdir",
    value: "folder",
    help: "with --config=cert: where servercert.pem is made; default: the installation's certs",
  },
  updateCerts: {
    long: "update-certs",
    help: "with --config=cert: point CERTDIR, CERTFILE and TLS_CACHEFILE of services to it, and restart those",
  },
  checkCerts: {
    long: "check-certs",
    value: "file",
    bare: "",
    help: "tell whether a certificate is good; without file servercert.pem and clientcert.pem of the installation",
  },
  bootOn: { long: "enable-service", help: "have the system start the services named as operands" },
  bootOff: { long: "disable-service", help: "stop them, and have the system start them no more" },
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
  dump: { long: "dumpconfig", help: "print the scripts and variables of all services, the control files, the version" },
  version: { long: "version", help: "print the version" },
  silent: { long: "silent", help: "say nothing of what was done" },
} as const satisfies OptionSpecs;
