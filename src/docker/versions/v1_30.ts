/** 1.30: `wait` has a `condition`; before, it always waited for the container not to run. */
import { type VersionTranslator, withoutFields } from "./translator.ts";

export const v1_30: VersionTranslator = {
  minor: 30,
  request: {
    containerWait: (request) => ({ ...request, query: withoutFields(request.query, "condition") }),
  },
  response: {},
};
