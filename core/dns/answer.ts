/**
 * What a DNS question can come to. A failure that may pass (SERVFAIL, REFUSED, timeout) is never mistaken for a name
 * that does not exist: mail bounces for the one and waits for the other.
 */

/** Types that are asked for. */
export type DnsType = "A" | "AAAA" | "MX" | "TXT" | "PTR" | "CNAME" | "TLSA" | "SRV" | "NS";

/** The value of a record, by type; names without the final dot, as they came. */
export interface DnsValues {
  A: string;
  AAAA: string;
  MX: { readonly preference: number; readonly exchange: string };
  /** The strings of one record in a row, latin1. */
  TXT: string;
  PTR: string;
  CNAME: string;
  TLSA: {
    readonly usage: number;
    readonly selector: number;
    readonly matchingType: number;
    readonly certificate: Uint8Array;
  };
  SRV: { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string };
  NS: string;
}

/** The answer to a question of one type. */
export type DnsAnswer<T extends DnsType> =
  | {
    readonly kind: "found";
    /** In the order of the server. */
    readonly values: readonly DnsValues[T][];
    /** The name at the end of the CNAME chain. */
    readonly name: string;
    /** The resolver says that it checked the signatures (AD bit); believe it only from a resolver you trust. */
    readonly authentic: boolean;
    readonly ttlSeconds: number;
  }
  /** No such name (NXDOMAIN), or no record of the type. */
  | { readonly kind: "none"; readonly nameExists: boolean; readonly authentic: boolean }
  /** Nothing is known now; try again later. */
  | { readonly kind: "failed"; readonly text: string };

/** Asks questions. Never rejects: a failure is an answer. */
export interface Resolver {
  resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>>;
}
