/** The forms in which layers can be kept, each by the facts of a host that would choose it, as far as this host can do the same. */
import { probe } from "../../src/kernel/probe.ts";
import type { HostFacts } from "../../src/linux/host-facts.ts";

export type LayerFormName = "images" | "images by a loop device" | "attached images" | "directories";

export function layerForms(): [LayerFormName, HostFacts][] {
  const facts = probe();
  const having = (features: Partial<HostFacts["features"]>): HostFacts => ({
    ...facts,
    features: { ...facts.features, ...features },
  });
  const { erofs, erofsFromFiles, loopDevices } = facts.features;
  const forms: [LayerFormName, HostFacts, boolean][] = [
    ["images", facts, erofs && erofsFromFiles],
    ["images by a loop device", having({ erofsFromFiles: false }), erofs && loopDevices],
    ["attached images", having({ overlayDetachedLowers: false }), erofs],
    ["directories", having({ erofs: false }), true],
  ];
  return forms.flatMap(([name, of, possible]) => (possible ? [[name, of]] : []));
}
