/** The newest version of the OCI runtime specification that is met: what state, features and new bundles say. */
export const specificationVersion = "1.3.0";
