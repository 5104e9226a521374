/**
 * Older clients. Each file beside this one holds what changed in one version of the API, as pure functions that lift a
 * request of an older client and lower an answer for it. Handlers see only the newest shape.
 */
import type { RouteName } from "../routes.ts";

/** A request as decoded; translators may change both parts. */
export interface TranslatedRequest {
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export interface VersionTranslator {
  /** Applies to clients with a lower minor version. */
  readonly minor: number;
  readonly request: Partial<Record<RouteName, (request: TranslatedRequest) => TranslatedRequest>>;
  readonly response: Partial<Record<RouteName, (document: unknown) => unknown>>;
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a JSON object; none for anything else. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

export function withoutFields(fields: Fields, ...names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** Changes the `HostConfig` of a create body. */
export function mapHostConfig(
  request: TranslatedRequest,
  change: (hostConfig: Fields) => Fields,
): TranslatedRequest {
  const body = fieldsOf(request.body);
  return { ...request, body: { ...body, HostConfig: change(fieldsOf(body["HostConfig"])) } };
}

/** Changes each element of a list. */
export function mapElements(document: unknown, change: (element: Fields) => Fields): unknown {
  return Array.isArray(document) ? document.map((element: unknown) => change(fieldsOf(element))) : document;
}
