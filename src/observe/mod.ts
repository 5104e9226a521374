/** The door of observation: what processes, namespaces, control groups and the machine are; read, never changed. */
import { checkMachine } from "./check/mod.ts";
import { misuse } from "./errors.ts";
import { groupPathReport } from "./group-path.ts";
import { modulesReport } from "./modules.ts";
import { namespacesOfMachine } from "./namespaces.ts";
import { isViewName, viewOutlines } from "./outline.ts";
import { type ContainerNames, processTreeReport } from "./process-tree.ts";
import { type Json, type Report, reportJson, reportText } from "./report.ts";
import { openTarget, type Target } from "./target.ts";
import { rawView, views } from "./views/catalog.ts";

export interface Observed {
  readonly text: string;
  readonly json: Json;
}

function observed(report: Report): Observed {
  return { text: reportText(report), json: reportJson(report) };
}

function viewNamed(name: string) {
  if (isViewName(name)) return name;
  const names = [...viewOutlines.map((one) => one.name), "tree", "modules"];
  throw misuse(`there is no view ${JSON.stringify(name)}; there are ${names.join(", ")}`);
}

export const observer = {
  /** A process in one of the views of `viewOutlines`. `range` is for `mem` alone. */
  view(name: string, target: Target, range: string | undefined): Observed {
    const view = viewNamed(name);
    refuseRange(name, range);
    using process = openTarget(target);
    return observed(views[view].report(process, range));
  },
  /** The kernel's own bytes for it. */
  raw(name: string, target: Target, range: string | undefined): Uint8Array {
    const view = viewNamed(name);
    refuseRange(name, range);
    using process = openTarget(target);
    return rawView(view, process, range);
  },
  async tree(target: Target | undefined, names: ContainerNames): Promise<Observed> {
    return observed(await processTreeReport(target, names));
  },
  modules: (): Observed => observed(modulesReport()),
  async namespaces(types: readonly string[], names: ContainerNames): Promise<Observed> {
    return observed(await namespacesOfMachine(types, names));
  },
  groups: (target: Target): Observed => observed(groupPathReport(target)),
  check: checkMachine,
};

function refuseRange(name: string, range: string | undefined): void {
  if (name !== "mem" && range !== undefined) throw misuse(`--range is for mem, not for ${name}`);
}
