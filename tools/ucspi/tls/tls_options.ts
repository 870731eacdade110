/** Options of TLS that tcpserver, tcpclient, dotls and sslerator share, for their declarations. */

/** What may be said to -M. */
export const TLS_METHODS = ["SSLv23", "SSLv3", "TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"] as const;

/** Texts of the options and variables, so that they are the same everywhere. */
export const TLS_HELP = {
  crl: "revoked certificates, PEM: a peer with one of them is refused",
  ciphers: "accepted for the original's sake: the runtime offers only what is strong today",
  method: `least version: ${TLS_METHODS.join(" ")}; below TLSv1_2 means TLSv1_2`,
  renegotiation: "accepted for the original's sake: the runtime never renegotiates",
  provider: "set TLS_PROVIDER to what was negotiated",
} as const;
