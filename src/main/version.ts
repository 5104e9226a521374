/** The version that the build writes into the executable; running from sources says so. */
declare const TIFFIN_VERSION: string | undefined;

export const version: string = typeof TIFFIN_VERSION === "string" ? TIFFIN_VERSION : "0.0.0-source";
