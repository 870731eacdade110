/** All tables of the local database in one place: what the lookup daemon and the operator's commands work with. */
import { AtrnMap } from "./atrn_map.ts";
import { Bulletins } from "./bulkmail.ts";
import { type Database, type TableNames, USUAL_TABLES } from "./database.ts";
import { DirControls } from "./dir_control.ts";
import { FileSystems } from "./fstab.ts";
import { IpAliases } from "./ip_alias_map.ts";
import { Lastauth } from "./lastauth.ts";
import { type DatabaseChoice, openDatabase, tableNames } from "./open_database.ts";
import { RelayGrants } from "./relay.ts";
import { UserQuotas } from "./userquota.ts";
import { Users } from "./users.ts";
import { Aliases } from "./valias.ts";
import { FilterRules } from "./vfilter.ts";
import { DomainLimits } from "./vlimits.ts";
import { LoginLog } from "./vlog.ts";

/** The repositories over one database. */
export class Accounts {
  readonly database: Database;
  /** Names of the tables that settings may change. */
  readonly tables: TableNames;
  readonly users: Users;
  readonly aliases: Aliases;
  readonly limits: DomainLimits;
  readonly quotas: UserQuotas;
  readonly relay: RelayGrants;
  readonly lastauth: Lastauth;
  readonly dirControls: DirControls;
  readonly fileSystems: FileSystems;
  readonly ipAliases: IpAliases;
  readonly filters: FilterRules;
  readonly loginLog: LoginLog;
  readonly bulletins: Bulletins;
  readonly atrn: AtrnMap;

  constructor(database: Database, tables: TableNames = USUAL_TABLES) {
    this.database = database;
    this.tables = tables;
    this.users = new Users(database, tables);
    this.aliases = new Aliases(database);
    this.limits = new DomainLimits(database);
    this.quotas = new UserQuotas(database);
    this.relay = new RelayGrants(database, tables);
    this.lastauth = new Lastauth(database);
    this.dirControls = new DirControls(database);
    this.fileSystems = new FileSystems(database);
    this.ipAliases = new IpAliases(database);
    this.filters = new FilterRules(database);
    this.loginLog = new LoginLog(database);
    this.bulletins = new Bulletins(database);
    this.atrn = new AtrnMap(database);
  }

  /** Closes the database. */
  close(): Promise<void> {
    return this.database.close();
  }
}

/** Opens the accounts of an installation. Throws Temporary. */
export async function openAccounts(choice: DatabaseChoice): Promise<Accounts> {
  return new Accounts(await openDatabase(choice), tableNames(choice.env));
}
