/** The version of this executable; the changelog has an entry for each. */

/** Version as `indimail --version` and greetings of administrative protocols show it. */
export const VERSION = "0.1.0";
