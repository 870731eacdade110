/** All tables of the local database in one place: what the lookup daemon and the operator's commands work with. */
import { AtrnMap } from "./tables/atrn_map.ts";
import { Bulletins } from "./tables/bulkmail.ts";
import { type Database, type TableNames, USUAL_TABLES } from "./database.ts";
import { DirControls } from "./tables/dir_control.ts";
import { FileSystems } from "./tables/fstab.ts";
import { IpAliases } from "./tables/ip_alias_map.ts";
import { Lastauth } from "./tables/lastauth.ts";
import { type DatabaseChoice, openDatabase, tableNames } from "./open_database.ts";
import { RelayGrants } from "./tables/relay.ts";
import { UserQuotas } from "./tables/userquota.ts";
import { Users } from "./users.ts";
import { Aliases } from "./tables/valias.ts";
import { FilterRules } from "./tables/vfilter.ts";
import { DomainLimits } from "./tables/vlimits.ts";
import { LoginLog } from "./tables/vlog.ts";

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
