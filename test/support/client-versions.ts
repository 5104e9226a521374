/** The clients that tests take from package registries, by their exact versions; those of Go are in test/compat/programs/go/go.mod. */

export const pythonDocker = "7.2.0";

/** What docker-py needs. */
const pythonHttp = [
  "requests==2.34.2",
  "urllib3==2.8.0",
  "idna==3.20",
  "certifi==2026.10.19.post1",
  "charset-normalizer==3.5.3",
];
export const pythonDockerPackages: readonly string[] = [`docker==${pythonDocker}`, ...pythonHttp];

export const pythonTestcontainersVersion = "4.15.0";
export const pythonTestcontainers: readonly string[] = [
  `testcontainers==${pythonTestcontainersVersion}`,
  ...pythonDockerPackages,
  "python-dotenv==1.2.4",
  "typing-extensions==4.16.0",
  "wrapt==2.5.2",
];

/** The newest that runs on Node 20. */
export const testcontainersNode = "11.14.0";
export const devcontainers = "0.89.0";

export const prometheusParser = "0.26.0";
