/** 1.49: info loses the expected commits and the lists of registries for non-distributable layers. */
import { fieldsOf, type VersionTranslator } from "./translator.ts";

function withExpected(commit: unknown): unknown {
  const fields = fieldsOf(commit);
  return { ...fields, Expected: fields["ID"] };
}

export const v1_49: VersionTranslator = {
  minor: 49,
  request: {},
  response: {
    info: (document) => {
      const info = fieldsOf(document);
      return {
        ...info,
        ContainerdCommit: withExpected(info["ContainerdCommit"]),
        RuncCommit: withExpected(info["RuncCommit"]),
        InitCommit: withExpected(info["InitCommit"]),
        RegistryConfig: {
          AllowNondistributableArtifactsCIDRs: null,
          AllowNondistributableArtifactsHostnames: null,
          ...fieldsOf(info["RegistryConfig"]),
        },
      };
    },
  },
};
