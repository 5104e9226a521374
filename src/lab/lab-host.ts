/** What the bench needs of the process that it runs in. */
export interface LabHost {
  /** Writes all of `text`. A reader that has gone away is no error. */
  print(fd: 1 | 2, text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the journal is unless a flag says something else. */
  readonly runDirectory: string;
  /** A place where a test can end the process. */
  step(name: Failpoint): void;
}

/** Every place between a change of the kernel and its note in the journal. */
export const failpoints = [
  "journal.written",
  "journal.confirmed",
  "directory.mounted",
  "netns.file",
  "change.made",
  "undo.change",
  "undo.noted",
] as const;
export type Failpoint = (typeof failpoints)[number];
