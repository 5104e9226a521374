/** What the command line wants of the machine that it runs on; the program hands it in (src/observe), loaded when asked. */

/** A process, or one of a container by the number it has in there. */
export interface ObservedTarget {
  readonly pid: number;
  readonly inside?: number;
  readonly container?: string;
}

export interface Observed {
  readonly text: string;
  readonly json: unknown;
}

export interface Observer {
  view(name: string, target: ObservedTarget, range: string | undefined): Observed;
  raw(name: string, target: ObservedTarget, range: string | undefined): Uint8Array;
  tree(target: ObservedTarget | undefined, names: ReadonlyMap<string, string>): Promise<Observed>;
  modules(): Observed;
  namespaces(types: readonly string[], names: ReadonlyMap<string, string>): Promise<Observed>;
  groups(target: ObservedTarget): Observed;
  check(colours: boolean): Observed & { readonly exitCode: number };
}
