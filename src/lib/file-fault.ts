/** What is wrong with a file or inside of it; who knows its name puts that before it. */
export class FileFault extends Error {}
