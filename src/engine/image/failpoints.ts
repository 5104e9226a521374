/** Places at which a test can make work on images fail or die, as those of containers (`container/failpoints.ts`). */

export const imageFailpoints = [
  "layer.announced",
  "layer.removed",
  "load.layers",
  "load.image",
  "import.layer",
  "import.image",
  "pull.layer",
  "pull.image",
  "rmi.untagged",
  "rmi.row",
] as const;
export type ImageFailpoint = (typeof imageFailpoints)[number];

export type ImageFailpointHook = (name: ImageFailpoint) => void;
