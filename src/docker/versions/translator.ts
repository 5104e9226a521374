/**
 * Older clients. Each file beside this one holds what changed in one version of the API, as pure functions that lift a
 * request of an older client and lower an answer for it. Handlers see only the newest shape.
 */
import type { RawQuery } from "../query.ts";
import type { RouteName } from "../routes.ts";

/**
 * A request as it was sent, not decoded and not checked yet; translators may change both parts. What has an unexpected type they
 * leave as it is, so that the decoder sees and refuses it.
 */
export interface TranslatedRequest {
  readonly query: RawQuery;
  /** Parsed JSON, or what a route without one has as its body. */
  readonly body: unknown;
}

export interface VersionTranslator {
  /** Applies to clients with a lower minor version. */
  readonly minor: number;
  readonly request: Partial<Record<RouteName, (request: TranslatedRequest) => TranslatedRequest>>;
  readonly response: Partial<Record<RouteName, (document: unknown) => unknown>>;
}

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a JSON object; none for anything else. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

export function withoutFields<T>(
  fields: Readonly<Record<string, T>>,
  ...names: readonly string[]
): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** Changes the fields of an object; absent and null count as an object without any, everything else stays as it is. */
export function mapFields(value: unknown, change: (fields: Fields) => Fields): unknown {
  const isOther =
    value !== undefined && value !== null && (typeof value !== "object" || Array.isArray(value));
  return isOther ? value : change(fieldsOf(value));
}

/** Changes the `HostConfig` of a create body. */
export function mapHostConfig(
  request: TranslatedRequest,
  change: (hostConfig: Fields) => Fields,
): TranslatedRequest {
  const body = mapFields(request.body, (fields) => ({
    ...fields,
    HostConfig: mapFields(fields["HostConfig"], change),
  }));
  return { ...request, body };
}

/** Changes each element of a list. */
export function mapElements(document: unknown, change: (element: Fields) => Fields): unknown {
  if (!Array.isArray(document)) return document;
  return document.map((element: unknown) => (element === null ? null : mapFields(element, change)));
}
